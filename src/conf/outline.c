#include "conf/outline.h"

#include "base/cleanup.h"
#include "base/writer.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RARE_MAX 64          /* of a number or a word */
#define MEMBER_DIGEST_LEN 16 /* hex digits of a member's digest that are told */

json_t *outline_of(const struct sources *s)
{
	json_t *all = json_object();

	for (size_t i = 0; i < s->n; i++)
		if (s->items[i]->root)
			(void)json_object_update_recursive(all, s->items[i]->root);
	(void)json_object_del(all, "include"); /* what the files are called */
	return all;
}

/* --- Digests --- */

/* "$comment" and "$schema" */
static bool says_nothing(const char *key)
{
	return key[0] == '$';
}

struct member {
	const char *key;
	const json_t *value;
};

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* The members that say something, in the order of their keys; NULL when out of memory. */
static struct member *sort_members(const json_t *object, size_t *ret_n)
{
	struct member *members = calloc(json_object_size(object) + 1, sizeof(*members));
	bool sorted = true;
	const char *key;
	json_t *value;
	size_t n = 0;

	if (!members)
		return NULL;
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		if (says_nothing(key))
			continue;
		sorted = sorted && (n == 0 || strcmp(members[n - 1].key, key) < 0);
		members[n++] = (struct member){key, value};
	}
	if (!sorted)
		qsort(members, n, sizeof(*members), compare_members);
	*ret_n = n;
	return members;
}

static void write_value(struct writer *w, const json_t *value);

static void write_object(struct writer *w, const json_t *object)
{
	size_t n = 0;
	auto_free struct member *members = sort_members(object, &n);

	w->failed = w->failed || !members;
	writer_object(w, NULL);
	for (size_t i = 0; i < n; i++) {
		writer_text(w, NULL, members[i].key);
		write_value(w, members[i].value);
	}
	writer_end_object(w);
}

static void write_array(struct writer *w, const json_t *array)
{
	const json_t *item;
	size_t i;

	writer_array(w, NULL);
	json_array_foreach (array, i, item)
		write_value(w, item);
	writer_end_array(w);
}

static void write_rare(struct writer *w, const json_t *value)
{
	char text[RARE_MAX];
	size_t len = json_dumpb(value, text, sizeof(text) - 1, JSON_ENCODE_ANY);

	w->failed = w->failed || len == 0 || len >= sizeof(text);
	text[len < sizeof(text) ? len : 0] = '\0';
	writer_raw(w, NULL, text);
}

/* Equal texts for values that say the same. No JSON: nobody reads it. */
static void write_value(struct writer *w, const json_t *value)
{
	if (json_is_object(value))
		write_object(w, value);
	else if (json_is_array(value))
		write_array(w, value);
	else if (json_is_string(value))
		writer_text(w, NULL, json_string_value(value));
	else if (json_is_integer(value))
		writer_number(w, NULL, json_integer_value(value));
	else
		write_rare(w, value);
}

static void to_hex(const uint8_t *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

bool outline_digest(const json_t *value, char ret[static OUTLINE_DIGEST_LEN])
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

json_t *outline_read(const char *path)
{
	struct sources sources = {0};
	struct faults faults = {0};
	struct conf_errors errors = {0};
	json_t *outline = NULL;

	sources_read(&sources, path, &faults);
	faults_take(&faults, &errors);
	if (errors.n == 0)
		outline = outline_of(&sources);
	conf_errors_done(&errors);
	sources_done(&sources);
	return outline;
}

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

static json_t *member_of(json_t *value, const char *name)
{
	if (json_is_array(value))
		return json_array_get(value, strtoul(name, NULL, 10));
	return json_object_get(value, name);
}

json_t *outline_at(json_t *outline, const char *pointer)
{
	auto_free char *name = malloc(strlen(pointer) + 1);

	while (name && outline && *pointer == '/') {
		pointer = read_step(pointer + 1, name);
		outline = member_of(outline, name);
	}
	return name ? outline : NULL;
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

static bool add_member(json_t *members, const char *name, const json_t *value)
{
	char text[OUTLINE_DIGEST_LEN + 1];

	text[0] = json_is_object(value) ? 'o' : json_is_array(value) ? 'a' : 'v';
	if (!outline_digest(value, text + 1))
		return false;
	text[1 + MEMBER_DIGEST_LEN] = '\0';
	return json_object_set_new(members, name, json_string(text)) == 0;
}

json_t *outline_members(json_t *value)
{
	json_t *members = json_object(), *member;
	const char *key;
	char number[24];
	bool good = members != NULL;
	size_t i;

	json_array_foreach (value, i, member) {
		(void)snprintf(number, sizeof(number), "%zu", i);
		good = good && add_member(members, number, member);
	}
	json_object_foreach (value, key, member)
		good = good && (says_nothing(key) || add_member(members, key, member));
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
