/* Keys. What is asked of a table row, and the release of what was stored by it. */
#include "conf/key.h"

#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

bool key_chars_have(const char *chars, char c)
{
	for (const char *p = chars; *p; p++) {
		bool range = p[1] == '-' && p[2] != '\0';
		if (c >= p[0] && c <= (range ? p[2] : p[0]))
			return true;
		if (range)
			p += 2;
	}
	return false;
}

size_t key_text_len(const struct key *key, const char *text)
{
	size_t len = 0;

	while (text[len])
		if (!key_chars_have(key->chars, text[len++]))
			return SIZE_MAX;
	return len;
}

const struct key_token *key_token_find(const struct key *key, const char *name)
{
	for (const struct key_token *t = key->tokens; t->name; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

struct value key_fallback(const struct key *key)
{
	switch (key->type) {
	case KEY_BOOLEAN:
		return (struct value){
			.type = VALUE_BOOLEAN, .truth = strcmp(key->fallback, "true") == 0};
	case KEY_INTEGER:
	case KEY_SIGNED:
	case KEY_PRIORITY:
		return (struct value){
			.type = VALUE_INTEGER, .integer = strtoll(key->fallback, NULL, 10)};
	case KEY_DURATION:
	case KEY_TOKEN:
	case KEY_TEXT:
	case KEY_WORD:
	case KEY_NAME:
	case KEY_UNICAST:
	case KEY_GROUP:
		return (struct value){.type = VALUE_TEXT, .text = key->fallback};
	case KEY_ARGV:
	case KEY_PREFIXES:
	case KEY_PREFIX:
	case KEY_ADDRESSES:
	case KEY_NETWORK:
	case KEY_SPEAKERS:
	case KEY_RANGES:
	case KEY_PORTS:
	case KEY_STATUSES:
	case KEY_HEADERS:
	case KEY_FLAGS:
	case KEY_MARK:
	case KEY_PATTERNS:
	case KEY_OBJECT:
	case KEY_OWN:
	case KEY_LIST:
	case KEY_MAP:
		break;
	}
	return (struct value){.type = VALUE_NULL};
}

static void free_argv(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		free(argv[i]);
	free(argv);
}

static void free_list(const struct key *key, void *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		keys_free(key->object, (char *)items + i * key->object->size);
	free(items);
}

static void free_own(const struct key *key, void *object)
{
	if (object)
		keys_free(key->object, object);
	free(object);
}

static void free_headers(struct conf_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(headers[i].name);
		free(headers[i].value);
	}
	free(headers);
}

static void free_speakers(struct conf_speaker *speakers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(speakers[i].name);
	free(speakers);
}

static void free_map(const struct key *key, void *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *item = (char *)items + i * key->object->size;
		free(*(char **)item);
		keys_free(key->object, item);
	}
	free(items);
}

void keys_free(const struct keys *keys, void *object)
{
	for (const struct key *key = keys->items; key < keys->items + keys->n; key++) {
		void *field = key_field(object, key->field);
		const void *also = key_field(object, key->also);

		if (key->type == KEY_TEXT || key->type == KEY_PREFIXES || key->type == KEY_RANGES ||
			key->type == KEY_PORTS || key->type == KEY_STATUSES ||
			key->type == KEY_ADDRESSES)
			free(*(void **)field);
		else if (key->type == KEY_ARGV)
			free_argv(*(char ***)field);
		else if (key->type == KEY_LIST)
			free_list(key, *(void **)field, *(const size_t *)also);
		else if (key->type == KEY_SPEAKERS)
			free_speakers(*(struct conf_speaker **)field, *(const size_t *)also);
		else if (key->type == KEY_OBJECT)
			keys_free(key->object, field);
		else if (key->type == KEY_HEADERS)
			free_headers(*(struct conf_header **)field, *(const size_t *)also);
		else if (key->type == KEY_OWN)
			free_own(key, *(void **)field);
		else if (key->type == KEY_MAP)
			free_map(key, *(void **)field, *(const size_t *)also);
	}
}
