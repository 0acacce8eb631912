#include "conf/outline.h"

#include "base/cleanup.h"
#include "base/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBER_DIGEST_LEN 16 /* hex digits of a member's digest that are told */

/* "$comment", "$schema", and what the files are called. */
static bool says_nothing(const char *key, bool top)
{
	return key[0] == '$' || (top && strcmp(key, "include") == 0);
}

static void strip(json_t *value, bool top)
{
	const char *key;
	json_t *member;
	void *next;
	size_t i;

	json_array_foreach (value, i, member)
		strip(member, false);
	if (!json_is_object(value))
		return;
	json_object_foreach_safe (value, next, key, member) {
		if (says_nothing(key, top))
			(void)json_object_del(value, key);
		else
			strip(member, false);
	}
}

json_t *outline_of(const struct sources *s)
{
	json_t *all = json_object();

	for (size_t i = 0; i < s->n; i++) {
		json_t *root = s->items[i]->root;

		if (!root)
			continue;
		strip(root, true);
		(void)json_object_update_recursive(all, root);
	}
	return all;
}

static void to_hex(const uint8_t *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

bool outline_digest(const json_t *value, char ret[static OUTLINE_DIGEST_LEN])
{
	auto_free char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	struct sha256 hash;
	uint8_t digest[SHA256_LEN];

	if (!text)
		return false;
	sha256_init(&hash);
	sha256_add(&hash, text, strlen(text));
	sha256_end(&hash, digest);
	to_hex(digest, sizeof(digest), ret);
	return true;
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
		good = good && add_member(members, key, member);
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
