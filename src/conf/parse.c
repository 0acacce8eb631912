/* The table walker: one function for each type of key. */
#include "conf/parse.h"
#include "conf/parse_http.h"
#include "conf/parse_net.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "conf/alloc.h"
#include "conf/suggest.h"
#include "conf/tree.h"

#include <assert.h>
#include <inttypes.h>

/* What takes the place of a value of which nothing is known. */
static const struct value nothing = {.type = VALUE_NULL};

bool parse_fault(const struct parse *p, const struct path *path, char *text)
{
	fault_add(p->faults, p->source, path, FAULT_AT_VALUE, "%s", text);
	free(text);
	return false;
}

/* --- JSON types --- */

static const char *type_name(const struct value *value)
{
	switch (value->type) {
	case VALUE_OBJECT:
		return "an object";
	case VALUE_ARRAY:
		return "an array";
	case VALUE_TEXT:
		return "a text";
	case VALUE_INTEGER:
		return "a number";
	case VALUE_REAL:
		return "a number with a fraction";
	case VALUE_BOOLEAN:
		return "true or false";
	case VALUE_NULL:
		return "null";
	}
	return "nothing";
}

bool parse_expect(const struct parse *p, bool good, const char *wanted, const struct value *value,
	const struct path *path)
{
	return good ||
	       parse_fault(p, path, conf_printf("must be %s, not %s", wanted, type_name(value)));
}

bool parse_expect_object(const struct parse *p, const struct value *value, const struct path *path)
{
	return parse_expect(p, value_is(value, VALUE_OBJECT), "an object", value, path);
}

struct path parse_item_path(const struct value *value, const struct path *path, size_t i)
{
	return value_is(value, VALUE_ARRAY) ? (struct path){path, NULL, i} : *path;
}

/* --- Numbers --- */

/* Fields are unsigned integers, bools and enums; a key without a field has size 0. */
static void store(void *object, struct key_field field, uint64_t value)
{
	void *to = key_field(object, field);

	switch (field.size) {
	case 1:
		*(uint8_t *)to = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)to = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)to = (uint32_t)value;
		break;
	case 8:
		*(uint64_t *)to = value;
		break;
	default:
		assert(field.size == 0);
	}
}

static void store_given(const struct key *key, void *object, uint64_t value)
{
	store(object, key->field, value);
	if (key->also.size)
		*(bool *)key_field(object, key->also) = true;
}

bool parse_integer(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, uint64_t *ret)
{
	int64_t n = value_integer(value);

	if (!parse_expect(p, value_is(value, VALUE_INTEGER), "a whole number", value, path))
		return false;
	if (n < 0 || (uint64_t)n < key->min || (uint64_t)n > key->max)
		return parse_fault(p, path,
			conf_printf("must be %" PRIu64 "..%" PRIu64 ", not %" PRId64, key->min,
				key->max, n));
	*ret = (uint64_t)n;
	return true;
}

static bool parse_signed(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, int16_t *ret)
{
	int64_t n = value_integer(value), max = (int64_t)key->max;

	if (!parse_expect(p, value_is(value, VALUE_INTEGER), "a whole number", value, path))
		return false;
	if (n < -max || n > max)
		return parse_fault(p, path,
			conf_printf("must be -%" PRIu64 "..%" PRIu64 ", not %" PRId64, key->max,
				key->max, n));
	*ret = (int16_t)n;
	return true;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789.")] == '\0';
}

/* What is wrong with a duration of that text. */
static char *describe_duration(const struct key *key, const char *text, bool parsed, uint64_t us)
{
	char min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX];
	auto_free char *quoted = fault_quote(text);

	if (!parsed)
		return is_number(text)
			       ? conf_printf("%s needs a unit: us, ms, s, m, h or d", quoted)
			       : conf_printf("%s is not a duration such as \"1.5s\"", quoted);
	if (us < key->min || us > key->max)
		return conf_printf("must be %s..%s, not %s", duration_format(key->min, min),
			duration_format(key->max, max), quoted);
	return conf_printf(
		"must be a multiple of %s, not %s", duration_format(key->unit_us, min), quoted);
}

static bool parse_duration(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, uint64_t *ret)
{
	const char *text = value_text(value);
	uint64_t us = 0;
	bool parsed;

	if (!parse_expect(p, value_is(value, VALUE_TEXT), "a duration such as \"5s\"", value, path))
		return false;
	parsed = duration_parse(text, &us);
	if (!parsed || us < key->min || us > key->max || us % key->unit_us != 0)
		return parse_fault(p, path, describe_duration(key, text, parsed, us));
	*ret = us / key->unit_us;
	return true;
}

/* --- Texts --- */

/* `"tcp" or "udp"` */
static char *list_tokens(const struct key_token *tokens)
{
	char *list = conf_printf("\"%s\"", tokens->name);

	for (tokens++; tokens->name; tokens++) {
		char *longer = conf_printf(
			"%s%s\"%s\"", list, tokens[1].name ? ", " : " or ", tokens->name);
		free(list);
		list = longer;
	}
	return list;
}

static bool report_token(
	const struct parse *p, const struct key *key, const char *text, const struct path *path)
{
	struct suggest s = suggest_begin(text);
	auto_free char *list = list_tokens(key->tokens);
	auto_free char *quoted = fault_quote(text);
	auto_free char *suggestion = NULL;

	for (const struct key_token *t = key->tokens; t->name; t++)
		suggest_offer(&s, t->name);
	suggestion = fault_suggestion(suggest_result(&s));
	return parse_fault(p, path, conf_printf("must be %s, not %s%s", list, quoted, suggestion));
}

static bool parse_token(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, uint64_t *ret)
{
	const struct key_token *token;

	if (!parse_expect(p, value_is(value, VALUE_TEXT), "a text", value, path))
		return false;
	token = key_token_find(key, value_text(value));
	if (!token)
		return report_token(p, key, value_text(value), path);
	*ret = (uint64_t)token->value;
	return true;
}

/* Several tokens in an array, each of them a bit. */
static bool parse_flags(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, uint64_t *ret)
{
	uint64_t flags = 0, flag;
	bool good = true;
	size_t i = 0;

	if (!parse_expect(p, value_is(value, VALUE_ARRAY), "an array of texts", value, path))
		return false;
	for (const struct value *item = value_elements(value); item; item = item->next) {
		struct path at = {path, NULL, i++};
		if (parse_token(p, key, item, &at, &flag))
			flags |= flag;
		else
			good = false;
	}
	*ret = flags;
	return good;
}

static bool is_text(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path)
{
	auto_free char *quoted = NULL;
	size_t len;

	if (!parse_expect(p, value_is(value, VALUE_TEXT), "a text", value, path))
		return false;
	len = key_text_len(key, value_text(value));
	if (len >= key->min && len <= key->max)
		return true;
	quoted = fault_quote(value_text(value));
	return parse_fault(p, path, conf_printf("%s is not %s", quoted, key->noun));
}

static bool parse_text(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, char **ret)
{
	if (!is_text(p, key, value, path))
		return false;
	*ret = conf_dup(value_text(value));
	return true;
}

/* Into the object itself. */
static bool parse_word(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object)
{
	if (!is_text(p, key, value, path))
		return false;
	(void)snprintf(key_field(object, key->field), key->field.size, "%s", value_text(value));
	return true;
}

/* A program and its arguments; one without arguments may be written without the array. */
static bool parse_argv(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, char ***ret)
{
	size_t n;
	const struct value *item = value_list(value, &n);
	char **argv;
	bool good = true;

	if (!parse_expect(p, value_is(value, VALUE_TEXT) || value_is(value, VALUE_ARRAY),
		    "a text, or an array of texts", value, path))
		return false;
	if (n < 1 || n > key->max)
		return parse_fault(p, path,
			conf_printf("must have 1..%" PRIu64 " texts, not %zu", key->max, n));
	*ret = argv = conf_alloc(n + 1, sizeof(*argv));
	for (size_t i = 0; i < n; i++, item = item->next) {
		struct path at = parse_item_path(value, path, i);
		bool text = parse_expect(p, value_is(item, VALUE_TEXT), "a text", item, &at);

		argv[i] = conf_dup(text ? value_text(item) : "");
		good = good && text;
	}
	return good;
}

/* --- Compound values --- */

static bool parse_priority(
	const struct parse *p, const struct key *key, struct value *value, const struct path *path)
{
	uint64_t ignored;

	if (!value_is(value, VALUE_OBJECT))
		return parse_expect(p, value_is(value, VALUE_INTEGER),
			       "a whole number, or an object of them", value, path) &&
		       parse_integer(p, key, value, path, &ignored);
	for (struct value *member = value_members(value); member; member = member->next) {
		struct path at = {path, member->key, 0};
		/* Null: the relations know that this node was mentioned. */
		if (strcmp(member->key, KEY_COMMENT) != 0 &&
			!parse_integer(p, key, member, &at, &ignored))
			tree_set(p->source->tree, value, member->key, &nothing);
	}
	return true;
}

/* A text, or several in an array: file patterns, comments. */
static bool parse_texts(const struct parse *p, const struct value *value, const struct path *path)
{
	bool good = true;
	size_t i = 0;

	if (!parse_expect(p, value_is(value, VALUE_TEXT) || value_is(value, VALUE_ARRAY),
		    "a text, or an array of texts", value, path))
		return false;
	for (const struct value *item = value_elements(value); item; item = item->next) {
		struct path at = {path, NULL, i++};
		if (!parse_expect(p, value_is(item, VALUE_TEXT), "a text", item, &at))
			good = false;
	}
	return good;
}

void parse_map_size(const struct parse *p, const struct key *key, size_t n, const struct path *path)
{
	if (n < key->min || n > key->max)
		fault_add(p->faults, p->source, path, FAULT_AT_VALUE,
			"must have %" PRIu64 "..%" PRIu64 " members, not %zu", key->min, key->max,
			n);
}

static bool is_name(const char *name)
{
	size_t len = 0;

	while (name[len])
		if (!key_chars_have(CONF_NAME_CHARS, name[len++]))
			return false;
	return len >= 1 && len <= CONF_NAME_LEN_MAX;
}

void parse_named(const struct parse *p, const struct keys *keys, struct value *member,
	const struct path *path, void *ret)
{
	*(char **)ret = conf_dup(member->key);
	if (!is_name(member->key)) {
		auto_free char *quoted = fault_quote(member->key);
		fault_add(p->faults, p->source, path, FAULT_AT_KEY,
			"%s is not a name: 1..%d of A-Z, a-z, 0-9, dot, dash and underscore",
			quoted, CONF_NAME_LEN_MAX);
	}
	if (parse_expect_object(p, member, path))
		parse_object(p, keys, member, path, ret);
}

static bool parse_map(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, void *object)
{
	char *items;
	size_t n = 0;

	if (!parse_expect_object(p, value, path))
		return false;
	items = conf_alloc(value_count(value), key->object->size);
	*(void **)key_field(object, key->field) = items;
	for (struct value *member = value_members(value); member; member = member->next) {
		struct path at = {path, member->key, 0};
		if (strcmp(member->key, KEY_COMMENT) == 0)
			(void)parse_texts(p, member, &at);
		else
			parse_named(p, key->object, member, &at, items + n++ * key->object->size);
	}
	*(size_t *)key_field(object, key->also) = n;
	parse_map_size(p, key, n, path);
	return true;
}

static bool parse_list(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object)
{
	size_t n = value_count(value), i = 0;
	char *items;

	if (!parse_expect(p, value_is(value, VALUE_ARRAY), "an array of objects", value, path))
		return false;
	items = conf_alloc(n, key->object->size);
	*(void **)key_field(object, key->field) = items;
	*(size_t *)key_field(object, key->also) = n;
	for (struct value *item = value_elements(value); item; item = item->next) {
		struct path at = {path, NULL, i};
		if (parse_expect_object(p, item, &at))
			parse_object(p, key->object, item, &at, items + i * key->object->size);
		i++;
	}
	if (n >= key->min && n <= key->max)
		return true;
	return parse_fault(p, path,
		conf_printf("must have %" PRIu64 "..%" PRIu64 " items, not %zu", key->min, key->max,
			n));
}

static bool parse_member_object(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, void *object)
{
	if (!parse_expect_object(p, value, path))
		return false;
	if (key->also.size)
		*(bool *)key_field(object, key->also) = true;
	parse_object(p, key->object, value, path, key_field(object, key->field));
	return true;
}

static bool parse_own(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, void *object)
{
	void *own;

	if (!parse_expect_object(p, value, path))
		return false;
	*(void **)key_field(object, key->field) = own = conf_alloc(1, key->object->size);
	parse_object(p, key->object, value, path, own);
	return true;
}

/* --- The table --- */

bool parse_value(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, void *object)
{
	uint64_t n = 0;
	bool good = false;

	switch (key->type) {
	case KEY_BOOLEAN:
		good = parse_expect(
			p, value_is(value, VALUE_BOOLEAN), "true or false", value, path);
		n = good && value->truth;
		break;
	case KEY_INTEGER:
		good = parse_integer(p, key, value, path, &n);
		break;
	case KEY_SIGNED:
		return parse_signed(p, key, value, path, key_field(object, key->field));
	case KEY_DURATION:
		good = parse_duration(p, key, value, path, &n);
		break;
	case KEY_TOKEN:
		good = parse_token(p, key, value, path, &n);
		break;
	case KEY_TEXT:
		return parse_text(p, key, value, path, key_field(object, key->field));
	case KEY_WORD:
		return parse_word(p, key, value, path, object);
	case KEY_ARGV:
		return parse_argv(p, key, value, path, key_field(object, key->field));
	case KEY_NAME:
		return parse_expect(p, value_is(value, VALUE_TEXT), "a name", value, path);
	case KEY_FLAGS:
		good = parse_flags(p, key, value, path, &n);
		break;
	case KEY_UNICAST:
	case KEY_GROUP:
		return parse_address(p, key, value, path, key_field(object, key->field));
	case KEY_PREFIXES:
		return parse_prefixes(p, key, value, path, object);
	case KEY_PREFIX:
		return parse_prefix(p, value, path, key_field(object, key->field));
	case KEY_ADDRESSES:
		return parse_virtual_addresses(p, key, value, path, object);
	case KEY_NETWORK:
		return parse_network(p, value, path, key_field(object, key->field));
	case KEY_SPEAKERS:
		return parse_speakers(p, key, value, path, object);
	case KEY_RANGES:
		return parse_addresses(p, key, value, path, object);
	case KEY_PORTS:
		return parse_ports(p, key, value, path, object);
	case KEY_STATUSES:
		return parse_statuses(p, key, value, path, object);
	case KEY_HEADERS:
		return parse_headers(p, key, value, path, object);
	case KEY_MARK:
		return parse_mark(p, key, value, path, object);
	case KEY_PRIORITY:
		return parse_priority(p, key, value, path);
	case KEY_PATTERNS:
		return parse_texts(p, value, path);
	case KEY_OBJECT:
		return parse_member_object(p, key, value, path, object);
	case KEY_OWN:
		return parse_own(p, key, value, path, object);
	case KEY_LIST:
		return parse_list(p, key, value, path, object);
	case KEY_MAP:
		return parse_map(p, key, value, path, object);
	}
	if (good)
		store_given(key, object, n);
	return good;
}

static uint64_t number_of(const char *digits)
{
	uint64_t n = 0;

	while (*digits)
		n = 10 * n + (uint64_t)(*digits++ - '0');
	return n;
}

void parse_default(const struct key *key, void *object)
{
	static const struct parse silent; /* a default is never faulty */
	struct value value;
	uint64_t us;

	if (key->type == KEY_OBJECT && !key->also.size)
		for (size_t i = 0; i < key->object->n; i++)
			parse_default(&key->object->items[i], key_field(object, key->field));
	if (!key->fallback)
		return;
	/* What large files leave out thousands of times does not take the way over its text. */
	if (key->type == KEY_INTEGER) {
		store(object, key->field, number_of(key->fallback));
	} else if (key->type == KEY_DURATION && duration_parse(key->fallback, &us)) {
		store(object, key->field, us / key->unit_us);
	} else if (key->type == KEY_TOKEN) {
		store(object, key->field, (uint64_t)key_token_find(key, key->fallback)->value);
	} else {
		value = key_fallback(key);
		(void)parse_value(&silent, key, &value, &(struct path){0}, object);
	}
}

/* Index of the key of that name; keys->n when there is none. */
static size_t find_key(const struct keys *keys, const char *name)
{
	size_t i = 0;

	while (i < keys->n &&
		(keys->items[i].name[0] != name[0] || strcmp(keys->items[i].name, name) != 0))
		i++;
	return i;
}

static void report_unknown(
	const struct parse *p, const struct keys *keys, const char *name, const struct path *path)
{
	struct suggest s = suggest_begin(name);
	const char *other = suggest_for_keepalived(name);
	auto_free char *quoted = fault_quote(name);
	auto_free char *suggestion = NULL;

	for (size_t i = 0; i < keys->n; i++)
		suggest_offer(&s, keys->items[i].name);
	suggest_offer(&s, KEY_COMMENT);
	if (!other || find_key(keys, other) == keys->n)
		other = suggest_result(&s);
	suggestion = fault_suggestion(other);
	fault_add(p->faults, p->source, path, FAULT_AT_KEY, "unknown key %s%s", quoted, suggestion);
}

/* An object's values by key of the table, to be looked up once; what is no key is reported. `ret`
 * may be NULL. */
static void sort_members(const struct parse *p, const struct keys *keys, struct value *object,
	const struct path *path, struct value **ret)
{
	for (struct value *member = value_members(object); member; member = member->next) {
		struct path at = {path, member->key, 0};
		size_t i = find_key(keys, member->key);

		if (i < keys->n && ret)
			ret[i] = member;
		else if (i < keys->n)
			continue;
		else if (strcmp(member->key, KEY_COMMENT) == 0)
			(void)parse_texts(p, member, &at);
		else if (keys == &root_keys && strcmp(member->key, KEY_SCHEMA) == 0)
			(void)parse_expect(p, value_is(member, VALUE_TEXT), "a text", member, &at);
		else
			report_unknown(p, keys, member->key, &at);
	}
}

void parse_unknown(const struct parse *p, const struct keys *keys, struct value *object,
	const struct path *path)
{
	sort_members(p, keys, object, path, NULL);
}

static void parse_member(const struct parse *p, const struct key *key, struct value *object,
	struct value *value, const struct path *path, void *ret)
{
	struct path at = {path, key->name, 0};

	if (!value || key->type == KEY_OBJECT)
		parse_default(key, ret);
	if (!value && !key->required)
		return;
	if (!value) {
		fault_add(p->faults, p->source, path, FAULT_AT_VALUE, "missing key \"%s\"",
			key->name);
	} else {
		if (parse_value(p, key, value, &at, ret))
			return;
		parse_default(key, ret);
	}
	tree_set(p->source->tree, object, key->name, &nothing);
}

static bool matters_unless_given(const struct key *key)
{
	return key->fallback || key->required || key->type == KEY_OBJECT;
}

void parse_object(const struct parse *p, const struct keys *keys, struct value *object,
	const struct path *path, void *ret)
{
	struct value *values[KEYS_MAX];

	assert(keys->n <= KEYS_MAX);
	/* Most objects have few keys: the rest need not be cleared for each of them. */
	memset(values, 0, keys->n * sizeof(*values));
	sort_members(p, keys, object, path, values);
	for (size_t i = 0; i < keys->n; i++)
		if (values[i] || matters_unless_given(&keys->items[i]))
			parse_member(p, &keys->items[i], object, values[i], path, ret);
}
