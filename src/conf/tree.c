/* A parser by recursive descent. It knows structure, short numbers, words and strings of printable
 * ASCII; a token that is anything else is handed to jansson, so that there is one opinion on
 * escapes, UTF-8 and numbers. */
#include "conf/tree.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_MAX 18 /* fit into a json_int_t, whatever they are */

struct tree {
	const char *at, *end;
	unsigned depth;
};

static json_t *parse_value(struct tree *t);

static void skip_space(struct tree *t)
{
	while (t->at < t->end &&
		(*t->at == ' ' || *t->at == '\n' || *t->at == '\t' || *t->at == '\r'))
		t->at++;
}

/* Whether the next token is `c`, which is consumed then. */
static bool take(struct tree *t, char c)
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
static const char *string_end(const struct tree *t)
{
	for (const char *c = t->at + 1; c < t->end; c++) {
		if (*c == '"')
			return c + 1;
		if (*c == '\\')
			c++;
	}
	return NULL;
}

static json_t *parse_by_jansson(struct tree *t, const char *end)
{
	json_t *value =
		end ? json_loadb(t->at, (size_t)(end - t->at), JSON_DECODE_ANY, NULL) : NULL;

	if (value)
		t->at = end;
	return value;
}

/* What is between the quotes of a plain string. False, and nothing consumed, when it is not one. */
static bool take_plain(struct tree *t, const char **ret_text, size_t *ret_len)
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

static json_t *parse_string(struct tree *t)
{
	const char *text;
	size_t len;

	if (take_plain(t, &text, &len))
		return json_stringn_nocheck(text, len);
	return parse_by_jansson(t, string_end(t));
}

static json_t *parse_number(struct tree *t)
{
	const char *c = t->at;
	json_int_t number = 0;

	while (c < t->end && *c >= '0' && *c <= '9' && c - t->at < DIGITS_MAX)
		number = 10 * number + (*c++ - '0');
	if (c > t->at && (*t->at != '0' || c - t->at == 1) &&
		(c == t->end || !strchr("0123456789.eE+-", *c))) {
		t->at = c;
		return json_integer(number);
	}
	while (c < t->end && *c && strchr("0123456789.eE+-", *c))
		c++;
	return parse_by_jansson(t, c);
}

static json_t *parse_word(struct tree *t, const char *word, json_t *value)
{
	size_t len = strlen(word);

	if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len) != 0)
		return NULL;
	t->at += len;
	return value; /* words are singletons, which are not counted */
}

static bool parse_items(struct tree *t, json_t *array)
{
	if (take(t, ']'))
		return true;
	do
		if (json_array_append_new(array, parse_value(t)) < 0)
			return false;
	while (take(t, ','));
	return take(t, ']');
}

static bool parse_member(struct tree *t, json_t *object)
{
	json_auto_t *unusual = NULL;
	const char *name = NULL;
	size_t len = 0;
	json_t *value;

	skip_space(t);
	if (t->at == t->end || *t->at != '"')
		return false;
	if (!take_plain(t, &name, &len)) {
		unusual = parse_by_jansson(t, string_end(t));
		name = json_string_value(unusual);
		len = json_string_length(unusual);
	}
	value = name && take(t, ':') ? parse_value(t) : NULL;
	return value && json_object_setn_new_nocheck(object, name, len, value) == 0;
}

static bool parse_members(struct tree *t, json_t *object)
{
	size_t n = 0;

	if (take(t, '}'))
		return true;
	do {
		if (!parse_member(t, object))
			return false;
		n++;
	} while (take(t, ','));
	return take(t, '}') && json_object_size(object) == n; /* less: a key came twice */
}

static json_t *parse_container(struct tree *t)
{
	bool object = *t->at++ == '{';
	json_t *value = object ? json_object() : json_array();
	bool good = value && ++t->depth <= TREE_DEPTH_MAX;

	good = good && (object ? parse_members(t, value) : parse_items(t, value));
	t->depth--;
	if (good)
		return value;
	json_decref(value);
	return NULL;
}

static json_t *parse_value(struct tree *t)
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
		return parse_word(t, "true", json_true());
	case 'f':
		return parse_word(t, "false", json_false());
	case 'n':
		return parse_word(t, "null", json_null());
	default:
		return parse_number(t);
	}
}

json_t *tree_parse(const char *text, size_t len)
{
	struct tree t = {.at = text, .end = text + len};
	json_t *value = parse_value(&t);

	skip_space(&t);
	if (value && t.at == t.end)
		return value;
	json_decref(value);
	return NULL;
}
