#include "conf/outline.h"

#include "base/cleanup.h"
#include "base/writer.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAL_MAX 64
#define MEMBER_DIGEST_LEN 16 /* hex digits of a member's digest that are told */

/* --- Merging --- */

/* Members are the values of the sources, copied without what is in them. */
static void add_members(struct tree *t, struct value *object, const struct value *from)
{
	struct value **end = &object->first;

	while (*end)
		end = &(*end)->next;
	for (const struct value *v = value_members(from); v; v = v->next) {
		*end = tree_share(t, v);
		end = &(*end)->next;
		object->n++;
	}
}

/* Named objects are added to those of other files; anything else is in one file only. */
static void merge_member(struct tree *t, struct value *root, const struct value *member)
{
	static const struct value empty = {.type = VALUE_OBJECT};

	if (!value_is(member, VALUE_OBJECT)) {
		tree_set(t, root, member->key, member);
		return;
	}
	if (!value_is(value_get(root, member->key), VALUE_OBJECT))
		tree_set(t, root, member->key, &empty);
	add_members(t, value_get(root, member->key), member);
}

struct value *outline_of(const struct sources *s, struct tree *t)
{
	static const struct value empty = {.type = VALUE_OBJECT};
	struct value *root = tree_share(t, &empty);

	for (size_t i = 0; i < s->n; i++)
		for (const struct value *v = value_members(s->items[i]->root); v; v = v->next)
			if (strcmp(v->key, "include") != 0) /* what the files are called */
				merge_member(t, root, v);
	return root;
}

/* --- Digests --- */

/* "$comment" and "$schema" */
static bool says_nothing(const char *key)
{
	return key[0] == '$';
}

static int compare_members(const void *a, const void *b)
{
	const struct value *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

/* The members that say something, in the order of their keys; NULL when out of memory. */
static const struct value **sort_members(const struct value *object, size_t *ret_n)
{
	const struct value **members = calloc(value_count(object) + 1, sizeof(*members));
	bool sorted = true;
	size_t n = 0;

	if (!members)
		return NULL;
	for (const struct value *v = value_members(object); v; v = v->next) {
		if (says_nothing(v->key))
			continue;
		sorted = sorted && (n == 0 || strcmp(members[n - 1]->key, v->key) < 0);
		members[n++] = v;
	}
	if (!sorted)
		qsort(members, n, sizeof(*members), compare_members);
	*ret_n = n;
	return members;
}

static void write_value(struct writer *w, const struct value *value);

static void write_object(struct writer *w, const struct value *object)
{
	size_t n = 0;
	auto_free const struct value **members = sort_members(object, &n);

	w->failed = w->failed || !members;
	writer_object(w, NULL);
	for (size_t i = 0; i < n; i++) {
		writer_text(w, NULL, members[i]->key);
		write_value(w, members[i]);
	}
	writer_end_object(w);
}

static void write_array(struct writer *w, const struct value *array)
{
	writer_array(w, NULL);
	for (const struct value *v = value_elements(array); v; v = v->next)
		write_value(w, v);
	writer_end_array(w);
}

static void write_real(struct writer *w, double real)
{
	char text[REAL_MAX];

	(void)snprintf(text, sizeof(text), "%.17g", real);
	writer_raw(w, NULL, text);
}

/* Equal texts for values that say the same. No JSON: nobody reads it. */
static void write_value(struct writer *w, const struct value *value)
{
	switch (value->type) {
	case VALUE_OBJECT:
		write_object(w, value);
		break;
	case VALUE_ARRAY:
		write_array(w, value);
		break;
	case VALUE_TEXT:
		writer_text(w, NULL, value->text);
		break;
	case VALUE_INTEGER:
		writer_number(w, NULL, value->integer);
		break;
	case VALUE_REAL:
		write_real(w, value->real);
		break;
	case VALUE_BOOLEAN:
		writer_raw(w, NULL, value->truth ? "true" : "false");
		break;
	case VALUE_NULL:
		writer_raw(w, NULL, "null");
		break;
	}
}

static void to_hex(const uint8_t *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

bool outline_digest(const struct value *value, char ret[static OUTLINE_DIGEST_LEN])
{
	struct writer w = {0};
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool good;

	write_value(&w, value);
	good = !w.failed && EVP_Digest(w.text, w.len, hash, &len, EVP_sha256(), NULL) == 1;
	writer_done(&w);
	to_hex(hash, len, ret);
	return good;
}

struct outline *outline_read(const char *path)
{
	struct outline *o = calloc(1, sizeof(*o));
	struct faults faults = {0};
	struct conf_errors errors = {0};

	if (!o)
		return NULL;
	sources_read(&o->sources, path, &faults);
	faults_take(&faults, &errors);
	if (errors.n == 0)
		o->root = outline_of(&o->sources, &o->tree);
	conf_errors_done(&errors);
	if (o->root)
		return o;
	outline_free(o);
	return NULL;
}

void outline_free(struct outline *o)
{
	if (!o)
		return;
	tree_done(&o->tree);
	sources_done(&o->sources);
	free(o);
}

/* --- Places --- */

/* One step of a JSON pointer (RFC 6901): from after its slash on; the name goes to `name`. */
static const char *read_step(const char *at, char *name)
{
	for (; *at && *at != '/'; at++) {
		if (*at == '~' && (at[1] == '0' || at[1] == '1'))
			*name++ = *++at == '0' ? '~' : '/';
		else
			*name++ = *at;
	}
	*name = '\0';
	return at;
}

static const struct value *member_of(const struct value *value, const char *name)
{
	const struct value *element = value_elements(value);
	unsigned long i = element ? strtoul(name, NULL, 10) : 0;

	while (element && i-- > 0)
		element = element->next;
	return element ? element : value_get(value, name);
}

const struct value *outline_at(const struct value *value, const char *pointer)
{
	auto_free char *name = malloc(strlen(pointer) + 1);

	while (name && value && *pointer == '/') {
		pointer = read_step(pointer + 1, name);
		value = member_of(value, name);
	}
	return name ? value : NULL;
}

char *outline_member(const char *pointer, const char *name)
{
	char *text = malloc(strlen(pointer) + 2 * strlen(name) + 2), *at;

	if (!text)
		return NULL;
	at = stpcpy(text, pointer);
	*at++ = '/';
	for (; *name; name++) {
		if (*name == '~' || *name == '/') {
			*at++ = '~';
			*at++ = *name == '~' ? '0' : '1';
		} else {
			*at++ = *name;
		}
	}
	*at = '\0';
	return text;
}

static char kind_of(const struct value *value)
{
	return value_is(value, VALUE_OBJECT) ? 'o' : value_is(value, VALUE_ARRAY) ? 'a' : 'v';
}

static bool add_member(json_t *members, const char *name, const struct value *value)
{
	char text[OUTLINE_DIGEST_LEN + 1];

	text[0] = kind_of(value);
	if (!outline_digest(value, text + 1))
		return false;
	text[1 + MEMBER_DIGEST_LEN] = '\0';
	return json_object_set_new(members, name, json_string(text)) == 0;
}

json_t *outline_members(const struct value *value)
{
	json_t *members = json_object();
	bool good = members != NULL;
	char number[24];
	size_t i = 0;

	for (const struct value *v = value_elements(value); v && good; v = v->next) {
		(void)snprintf(number, sizeof(number), "%zu", i++);
		good = add_member(members, number, v);
	}
	for (const struct value *v = value_members(value); v && good; v = v->next)
		good = says_nothing(v->key) || add_member(members, v->key, v);
	if (good)
		return members;
	json_decref(members);
	return NULL;
}

const char *outline_difference(const json_t *ours, const json_t *theirs, bool *ret_deeper)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)ours, key, value) {
		const char *a = json_string_value(value);
		const char *b = json_string_value(json_object_get(theirs, key));

		if (a && b && strcmp(a, b) == 0)
			continue;
		*ret_deeper = a && b && a[0] == b[0] && a[0] != 'v';
		return key;
	}
	json_object_foreach ((json_t *)(uintptr_t)theirs, key, value)
		if (!json_object_get(ours, key)) {
			*ret_deeper = false;
			return key;
		}
	return NULL;
}
