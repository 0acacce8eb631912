/* The schema. Each kind of object becomes a definition; each type of key one function, as in the
 * parser. */
#include "conf/schema.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "conf/alloc.h"
#include "conf/keys.h"

#include <inttypes.h>
#include <stdbool.h>

#define NAME_PATTERN "^[" CONF_NAME_CHARS "]{1,63}$"
#define DURATION_PATTERN "^([0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d)|0+)$"
#define OCTET "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define UNICAST_OCTET "(22[0-3]|2[01][0-9]|1[0-9][0-9]|[1-9][0-9]?)"
#define UNICAST UNICAST_OCTET "(\\." OCTET "){3}"
#define GROUP "(22[4-9]|23[0-9])(\\." OCTET "){3}"
#define PREFIX4 UNICAST "(/0*(3[0-2]|[12][0-9]|[1-9]))?"
/* Which IPv6 texts are addresses, a pattern does not say in one line; the parser does. */
#define ADDRESS6 "[0-9a-fA-F:]*:[0-9a-fA-F:.]*"
#define PREFIX6 ADDRESS6 "(/0*(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?"
#define ADDRESS "(" UNICAST "|" ADDRESS6 ")"
#define PORT                                                                                       \
	"0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

static json_t *object_schema(const struct keys *keys, json_t *definitions);

static json_t *pattern(const char *regex)
{
	return json_pack("{ss ss}", "type", "string", "pattern", regex);
}

static json_t *reference(const char *name)
{
	auto_free char *to = conf_printf("#/$defs/%s", name);

	return json_pack("{ss}", "$ref", to);
}

static json_t *integer_schema(const struct key *key)
{
	return json_pack("{ss sI sI}", "type", "integer", "minimum", (json_int_t)key->min,
		"maximum", (json_int_t)key->max);
}

static json_t *signed_schema(const struct key *key)
{
	return json_pack("{ss sI sI}", "type", "integer", "minimum", -(json_int_t)key->max,
		"maximum", (json_int_t)key->max);
}

static json_t *token_schema(const struct key *key)
{
	json_t *names = json_array();

	for (const struct key_token *t = key->tokens; t->name; t++)
		json_array_append_new(names, json_string(t->name));
	return json_pack("{so}", "enum", names);
}

/* Characters as they stand within the brackets of a regular expression. */
static char *bracketed(const char *chars)
{
	char *text = conf_alloc(2 * strlen(chars) + 1, 1), *p = text;

	for (; *chars; chars++) {
		if (strchr("[]\\", *chars))
			*p++ = '\\';
		*p++ = *chars;
	}
	return text;
}

static json_t *text_schema(const struct key *key)
{
	auto_free char *chars = bracketed(key->chars);
	auto_free char *regex =
		conf_printf("^[%s]{%" PRIu64 ",%" PRIu64 "}$", chars, key->min, key->max);

	return pattern(regex);
}

static json_t *prefix_schema(void)
{
	return pattern("^(" PREFIX4 "|" PREFIX6 ")$");
}

static json_t *prefixes_schema(const struct key *key)
{
	return json_pack("{ss so sI sI}", "type", "array", "items", prefix_schema(), "minItems",
		(json_int_t)key->min, "maxItems", (json_int_t)key->max);
}

static json_t *objects_schema(const struct key *key, json_t *definitions);

/* As a list of objects, any of which may be a text. */
static json_t *addresses_schema(const struct key *key, json_t *definitions)
{
	json_t *schema = objects_schema(key, definitions);
	json_t *item = json_incref(json_object_get(schema, "items"));

	json_object_set_new(schema, "items", json_pack("{s[oo]}", "oneOf", prefix_schema(), item));
	return schema;
}

static json_t *argv_schema(const struct key *key)
{
	return json_pack("{s[{ss}{ss s{ss} si sI}]}", "oneOf", "type", "string", "type", "array",
		"items", "type", "string", "minItems", 1, "maxItems", (json_int_t)key->max);
}

/* One, or several in an array. */
static json_t *list_schema(const struct key *key, json_t *item)
{
	json_t *array = json_pack("{ss sO sI sI}", "type", "array", "items", item, "minItems",
		(json_int_t)key->min, "maxItems", (json_int_t)key->max);

	return json_pack("{s[oo]}", "oneOf", item, array);
}

static json_t *port_schema(void)
{
	return json_pack("{s[{ss si si}o]}", "oneOf", "type", "integer", "minimum", 0, "maximum",
		UINT16_MAX, pattern("^" PORT "-" PORT "$"));
}

static json_t *status_schema(void)
{
	return json_pack("{s[{ss si si}o]}", "oneOf", "type", "integer", "minimum", 100, "maximum",
		599, pattern("^[1-5][0-9][0-9]-[1-5][0-9][0-9]$"));
}

static json_t *headers_schema(const struct key *key)
{
	return json_pack("{ss s{ss} sI sI}", "type", "object", "additionalProperties", "type",
		"string", "minProperties", (json_int_t)key->min, "maxProperties",
		(json_int_t)key->max);
}

static json_t *mark_schema(void)
{
	return json_pack("{s[{ss si sI}{ss}]}", "oneOf", "type", "integer", "minimum", 1, "maximum",
		(json_int_t)UINT32_MAX, "const", "auto");
}

/* An object whose members have names of the operator's choice. */
static json_t *named_schema(json_t *member)
{
	return json_pack("{ss s{so} s{so} sb}", "type", "object", "properties", KEY_COMMENT,
		reference("comment"), "patternProperties", NAME_PATTERN, member,
		"additionalProperties", false);
}

static json_t *count_schema(uint64_t min, uint64_t max)
{
	return json_pack(
		"{sI sI}", "minProperties", (json_int_t)min, "maxProperties", (json_int_t)max);
}

static json_t *priority_schema(const struct key *key)
{
	return json_pack(
		"{s[oo]}", "oneOf", integer_schema(key), named_schema(integer_schema(key)));
}

static void define(json_t *definitions, const struct keys *keys)
{
	json_object_set_new(definitions, keys->name, object_schema(keys, definitions));
}

/* An array of objects, which may have arrays of their own kind in them. */
static json_t *objects_schema(const struct key *key, json_t *definitions)
{
	if (!json_object_get(definitions, key->object->name)) {
		json_object_set_new(definitions, key->object->name, json_null());
		define(definitions, key->object);
	}
	return json_pack("{ss so sI sI}", "type", "array", "items", reference(key->object->name),
		"minItems", (json_int_t)key->min, "maxItems", (json_int_t)key->max);
}

/* An object of a kind that may be elsewhere, too. */
static json_t *own_schema(const struct key *key, json_t *definitions)
{
	if (!json_object_get(definitions, key->object->name))
		define(definitions, key->object);
	return reference(key->object->name);
}

static json_t *map_schema(const struct key *key, json_t *definitions)
{
	json_t *schema = named_schema(reference(key->object->name));

	define(definitions, key->object);
	/* A comment is one property more. */
	json_object_set_new(schema, "if", json_pack("{s[s]}", "required", KEY_COMMENT));
	json_object_set_new(schema, "then", count_schema(key->min + 1, key->max + 1));
	json_object_set_new(schema, "else", count_schema(key->min, key->max));
	return schema;
}

static json_t *type_schema(const struct key *key, json_t *definitions)
{
	switch (key->type) {
	case KEY_BOOLEAN:
		return json_pack("{ss}", "type", "boolean");
	case KEY_INTEGER:
		return integer_schema(key);
	case KEY_SIGNED:
		return signed_schema(key);
	case KEY_DURATION:
		return pattern(DURATION_PATTERN);
	case KEY_TOKEN:
		return token_schema(key);
	case KEY_TEXT:
	case KEY_WORD:
		return text_schema(key);
	case KEY_ARGV:
		return argv_schema(key);
	case KEY_NAME:
		return pattern(NAME_PATTERN);
	case KEY_UNICAST:
		return pattern("^" ADDRESS "$");
	case KEY_GROUP:
		return pattern("^(" GROUP "|[fF][fF]" ADDRESS6 ")$");
	case KEY_PREFIXES:
		return prefixes_schema(key);
	case KEY_PREFIX:
		return prefix_schema();
	case KEY_ADDRESSES:
		return addresses_schema(key, definitions);
	case KEY_NETWORK:
		return pattern("^[0-9a-fA-F.:]+/[0-9]+$");
	case KEY_SPEAKERS:
		return named_schema(pattern("^" ADDRESS "$"));
	case KEY_RANGES:
		return list_schema(key, pattern("^" ADDRESS "(-" ADDRESS ")?$"));
	case KEY_PORTS:
		return list_schema(key, port_schema());
	case KEY_FLAGS:
		return json_pack("{ss so}", "type", "array", "items", token_schema(key));
	case KEY_STATUSES:
		return list_schema(key, status_schema());
	case KEY_HEADERS:
		return headers_schema(key);
	case KEY_MARK:
		return mark_schema();
	case KEY_PRIORITY:
		return priority_schema(key);
	case KEY_PATTERNS:
		return reference("texts");
	case KEY_OBJECT:
		define(definitions, key->object);
		return reference(key->object->name);
	case KEY_OWN:
		return own_schema(key, definitions);
	case KEY_LIST:
		return objects_schema(key, definitions);
	case KEY_MAP:
		return map_schema(key, definitions);
	}
	return NULL;
}

/* What the key means; for a duration also its range, which no other word of the schema can say. */
static char *describe(const struct key *key)
{
	char min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX], unit[DURATION_TEXT_MAX];

	if (key->type != KEY_DURATION)
		return conf_dup(key->meaning);
	if (key->unit_us == 1)
		return conf_printf("%s (%s..%s)", key->meaning, duration_format(key->min, min),
			duration_format(key->max, max));
	return conf_printf("%s (%s..%s, a multiple of %s)", key->meaning,
		duration_format(key->min, min), duration_format(key->max, max),
		duration_format(key->unit_us, unit));
}

static json_t *fallback_schema(const struct key *key)
{
	struct value fallback = key_fallback(key);

	if (fallback.type == VALUE_BOOLEAN)
		return json_boolean(fallback.truth);
	if (fallback.type == VALUE_INTEGER)
		return json_integer(fallback.integer);
	return json_string(fallback.text);
}

static json_t *key_schema(const struct key *key, json_t *definitions)
{
	auto_free char *description = describe(key);
	json_t *schema = json_pack("{ss}", "description", description);
	json_t *type = type_schema(key, definitions);

	json_object_update(schema, type);
	json_decref(type);
	if (key->fallback)
		json_object_set_new(schema, "default", fallback_schema(key));
	return schema;
}

static json_t *object_schema(const struct keys *keys, json_t *definitions)
{
	json_t *required = json_array();
	json_t *properties = json_pack("{so}", KEY_COMMENT, reference("comment"));
	json_t *schema = json_pack("{ss so}", "type", "object", "properties", properties);

	if (keys == &root_keys)
		json_object_set_new(properties, KEY_SCHEMA, json_pack("{ss}", "type", "string"));
	for (size_t i = 0; i < keys->n; i++) {
		const struct key *key = &keys->items[i];
		json_object_set_new(properties, key->name, key_schema(key, definitions));
		if (key->required)
			json_array_append_new(required, json_string(key->name));
	}
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(required);
	json_object_set_new(schema, "additionalProperties", json_false());
	return schema;
}

static json_t *texts_schema(const char *description)
{
	return json_pack("{ss s[ss] s{ss}}", "description", description, "type", "string", "array",
		"items", "type", "string");
}

json_t *conf_schema(void)
{
	json_t *definitions = json_pack("{so so}", "comment",
		texts_schema("Passed over: a text, or lines of text"), "texts",
		texts_schema("A text, or several"));
	json_t *root = object_schema(&root_keys, definitions);
	json_t *schema = json_pack("{ss ss ss}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "title", "tandem.json",
		"description", "The configuration of tandemd, or a part of it; see tandem.json(5)");

	json_object_update(schema, root);
	json_object_set_new(schema, "$defs", definitions);
	json_decref(root);
	return schema;
}
