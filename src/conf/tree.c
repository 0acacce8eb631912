/* A parser by recursive descent. It knows structure, short numbers, words and strings of printable
 * ASCII; a token that is anything else is handed to jansson. */
#include "conf/tree.h"
#include "base/index.h"
#include "conf/alloc.h"

#include <sys/mman.h>

#define DIGITS_MAX 18  /* fit into an int64_t, whatever they are */
#define FEW_MEMBERS 16 /* are compared each with each */
#define CHUNK_MIN ((size_t)64 << 10)
#define CHUNK_MAX ((size_t)4 << 20)

/* --- Memory --- */

/* Mapped, so that it goes back to the kernel as a whole. */
struct tree_chunk {
	struct tree_chunk *next;
	size_t size;
	/* Values are taken from its beginning, this header included, and texts from its end. */
	size_t values_end, texts_begin;
};

static struct tree_chunk *add_chunk(struct tree *t, size_t at_least)
{
	size_t size = t->next_size ? t->next_size : CHUNK_MIN;
	struct tree_chunk *c;

	while (size < at_least + sizeof(*c))
		size *= 2;
	c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		abort();
	*c = (struct tree_chunk){t->chunks, size, sizeof(*c), size};
	t->chunks = c;
	t->next_size = size < CHUNK_MAX ? 2 * size : CHUNK_MAX;
	return c;
}

static struct tree_chunk *chunk_for(struct tree *t, size_t size)
{
	struct tree_chunk *c = t->chunks;

	return c && c->texts_begin - c->values_end >= size ? c : add_chunk(t, size);
}

static struct value *new_value(struct tree *t, struct value content)
{
	struct tree_chunk *c = chunk_for(t, sizeof(content));
	struct value *v = (void *)((char *)c + c->values_end);

	c->values_end += sizeof(*v);
	*v = content;
	return v;
}

static const char *new_text(struct tree *t, const char *text, size_t len)
{
	struct tree_chunk *c = chunk_for(t, len + 1);
	char *copy;

	c->texts_begin -= len + 1;
	copy = (char *)c + c->texts_begin;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

/* A member's name, which many others have, too. */
static const char *new_key(struct tree *t, const char *text, size_t len)
{
	size_t hash =
		len ? len + (unsigned char)text[0] * 7u + (unsigned char)text[len - 1] * 31u : 0;
	const char **known = &t->known[hash % TREE_KNOWN_KEYS];

	if (!*known || strncmp(*known, text, len) != 0 || (*known)[len] != '\0')
		*known = new_text(t, text, len);
	return *known;
}

void tree_done(struct tree *t)
{
	while (t->chunks) {
		struct tree_chunk *c = t->chunks;

		t->chunks = c->next;
		(void)munmap(c, c->size);
	}
	*t = (struct tree){0};
}

/* --- Building --- */

/* An object or an array that grows at its end. */
struct row {
	struct value *value;
	struct value **end;
};

static struct row begin_row(struct tree *t, enum value_type type)
{
	struct value *v = new_value(t, (struct value){.type = type});

	return (struct row){v, &v->first};
}

static void append(struct row *row, const char *key, struct value *v)
{
	v->key = key;
	*row->end = v;
	row->end = &v->next;
	row->value->n++;
}

struct value *tree_of_json(struct tree *t, const json_t *json)
{
	struct row row;
	const char *key;
	json_t *item;
	size_t i;

	switch (json_typeof(json)) {
	case JSON_OBJECT:
		row = begin_row(t, VALUE_OBJECT);
		json_object_foreach ((json_t *)(uintptr_t)json, key, item)
			append(&row, new_key(t, key, strlen(key)), tree_of_json(t, item));
		return row.value;
	case JSON_ARRAY:
		row = begin_row(t, VALUE_ARRAY);
		json_array_foreach (json, i, item)
			append(&row, NULL, tree_of_json(t, item));
		return row.value;
	case JSON_STRING:
		return new_value(t, (struct value){.type = VALUE_TEXT,
					    .text = new_text(t, json_string_value(json),
						    json_string_length(json))});
	case JSON_INTEGER:
		return new_value(t,
			(struct value){.type = VALUE_INTEGER, .integer = json_integer_value(json)});
	case JSON_REAL:
		return new_value(
			t, (struct value){.type = VALUE_REAL, .real = json_real_value(json)});
	case JSON_TRUE:
	case JSON_FALSE:
		return new_value(
			t, (struct value){.type = VALUE_BOOLEAN, .truth = json_is_true(json)});
	case JSON_NULL:
		break;
	}
	return new_value(t, (struct value){.type = VALUE_NULL});
}

struct value *tree_share(struct tree *t, const struct value *value)
{
	struct value copy = *value;

	copy.next = NULL;
	return new_value(t, copy);
}

struct value *tree_copy(struct tree *t, const struct value *value)
{
	struct value *copy = tree_share(t, value), **end = &copy->first;

	if (value_count(value) == 0)
		return copy;
	for (const struct value *v = value->first; v; v = v->next) {
		*end = tree_copy(t, v);
		end = &(*end)->next;
	}
	return copy;
}

void tree_set(struct tree *t, struct value *object, const char *key, const struct value *value)
{
	struct value **at = &object->first, content = *value;

	while (*at && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	if (!*at) {
		*at = new_value(t, (struct value){.key = key});
		object->n++;
	}
	content.key = (*at)->key;
	content.next = (*at)->next;
	**at = content;
}

/* --- Parsing --- */

struct text {
	struct tree *tree;
	const char *at, *end;
	unsigned depth;
};

static struct value *parse_value(struct text *t);

static void skip_space(struct text *t)
{
	while (t->at < t->end &&
		(*t->at == ' ' || *t->at == '\n' || *t->at == '\t' || *t->at == '\r'))
		t->at++;
}

/* Whether the next token is `c`, which is consumed then. */
static bool take(struct text *t, char c)
{
	skip_space(t);
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* The string at t->at, its quotes included; NULL when it has no end. */
static const char *string_end(const struct text *t)
{
	for (const char *c = t->at + 1; c < t->end; c++) {
		if (*c == '"')
			return c + 1;
		if (*c == '\\')
			c++;
	}
	return NULL;
}

static struct value *parse_by_jansson(struct text *t, const char *end)
{
	json_auto_t *json =
		end ? json_loadb(t->at, (size_t)(end - t->at), JSON_DECODE_ANY, NULL) : NULL;

	if (!json)
		return NULL;
	t->at = end;
	return tree_of_json(t->tree, json);
}

/* What is between the quotes of a plain string. False, and nothing consumed, when it is not one. */
static bool take_plain(struct text *t, const char **ret_text, size_t *ret_len)
{
	const char *c = t->at + 1;

	while (c < t->end && is_plain(*c))
		c++;
	if (c == t->end || *c != '"')
		return false;
	*ret_text = t->at + 1;
	*ret_len = (size_t)(c - *ret_text);
	t->at = c + 1;
	return true;
}

static struct value *parse_string(struct text *t)
{
	const char *text;
	size_t len;

	if (!take_plain(t, &text, &len))
		return parse_by_jansson(t, string_end(t));
	return new_value(
		t->tree, (struct value){.type = VALUE_TEXT, .text = new_text(t->tree, text, len)});
}

static struct value *parse_number(struct text *t)
{
	const char *c = t->at;
	int64_t number = 0;

	while (c < t->end && *c >= '0' && *c <= '9' && c - t->at < DIGITS_MAX)
		number = 10 * number + (*c++ - '0');
	if (c > t->at && (*t->at != '0' || c - t->at == 1) &&
		(c == t->end || !strchr("0123456789.eE+-", *c))) {
		t->at = c;
		return new_value(t->tree, (struct value){.type = VALUE_INTEGER, .integer = number});
	}
	while (c < t->end && *c && strchr("0123456789.eE+-", *c))
		c++;
	return parse_by_jansson(t, c);
}

static struct value *parse_word(struct text *t, const char *word, struct value value)
{
	size_t len = strlen(word);

	if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len) != 0)
		return NULL;
	t->at += len;
	return new_value(t->tree, value);
}

static struct value *parse_array(struct text *t)
{
	struct row row = begin_row(t->tree, VALUE_ARRAY);

	if (take(t, ']'))
		return row.value;
	do {
		struct value *v = parse_value(t);

		if (!v)
			return NULL;
		append(&row, NULL, v);
	} while (take(t, ','));
	return take(t, ']') ? row.value : NULL;
}

/* The key and the colon after it; NULL when there is no such thing. */
static const char *take_key(struct text *t)
{
	const struct value *unusual;
	const char *text, *key = NULL;
	size_t len;

	skip_space(t);
	if (t->at == t->end || *t->at != '"')
		return NULL;
	if (take_plain(t, &text, &len)) {
		key = new_key(t->tree, text, len);
	} else {
		unusual = parse_by_jansson(t, string_end(t));
		key = value_text(unusual);
	}
	return key && take(t, ':') ? key : NULL;
}

static bool has_before(const struct value *first, const struct value *member)
{
	while (first != member &&
		(first->key[0] != member->key[0] || strcmp(first->key, member->key) != 0))
		first = first->next;
	return first != member;
}

static bool few_are_different(const struct value *object)
{
	for (const struct value *m = object->first; m; m = m->next)
		if (has_before(object->first, m))
			return false;
	return true;
}

static bool many_are_different(const struct value *object)
{
	const struct value **members = conf_alloc(object->n, sizeof(*members));
	struct index names;
	bool different = true;
	size_t n = 0, i;

	if (index_init(&names, object->n) < 0)
		abort();
	for (const struct value *m = object->first; m && different; m = m->next) {
		uint64_t hash = index_hash(INDEX_HASH, m->key, strlen(m->key)), at = hash;

		while ((i = index_next(&names, &at)) != INDEX_NONE)
			different = different && strcmp(members[i]->key, m->key) != 0;
		members[n] = m;
		index_add(&names, hash, n++);
	}
	index_done(&names);
	free(members);
	return different;
}

static bool keys_are_different(const struct value *object)
{
	return object->n <= FEW_MEMBERS ? few_are_different(object) : many_are_different(object);
}

static struct value *parse_object(struct text *t)
{
	struct row row = begin_row(t->tree, VALUE_OBJECT);

	if (take(t, '}'))
		return row.value;
	do {
		const char *key = take_key(t);
		struct value *v = key ? parse_value(t) : NULL;

		if (!v)
			return NULL;
		append(&row, key, v);
	} while (take(t, ','));
	return take(t, '}') && keys_are_different(row.value) ? row.value : NULL;
}

static struct value *parse_container(struct text *t)
{
	bool object = *t->at++ == '{';
	struct value *v;

	if (t->depth == TREE_DEPTH_MAX)
		return NULL;
	t->depth++;
	v = object ? parse_object(t) : parse_array(t);
	t->depth--;
	return v;
}

static struct value *parse_value(struct text *t)
{
	skip_space(t);
	if (t->at == t->end)
		return NULL;
	switch (*t->at) {
	case '{':
	case '[':
		return parse_container(t);
	case '"':
		return parse_string(t);
	case 't':
		return parse_word(t, "true", (struct value){.type = VALUE_BOOLEAN, .truth = true});
	case 'f':
		return parse_word(t, "false", (struct value){.type = VALUE_BOOLEAN});
	case 'n':
		return parse_word(t, "null", (struct value){.type = VALUE_NULL});
	default:
		return parse_number(t);
	}
}

struct value *tree_parse(struct tree *tree, const char *text, size_t len)
{
	struct text t = {.tree = tree, .at = text, .end = text + len};
	struct value *v = parse_value(&t);

	skip_space(&t);
	return t.at == t.end ? v : NULL;
}
