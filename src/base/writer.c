/* Writing JSON. Keys are ours and need no escapes. */
#include "base/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 4096

static char *room(struct writer *w, size_t len)
{
	size_t size = w->size ? w->size : SIZE_FIRST;
	char *text;

	if (w->failed)
		return NULL;
	while (size - w->len < len)
		size *= 2;
	if (size > w->size) {
		text = realloc(w->text, size);
		if (!text) {
			w->failed = true;
			return NULL;
		}
		w->text = text;
		w->size = size;
	}
	return w->text + w->len;
}

static void put(struct writer *w, const char *text, size_t len)
{
	char *to = room(w, len);

	if (!to)
		return;
	memcpy(to, text, len);
	w->len += len;
}

static void put_char(struct writer *w, char c)
{
	put(w, &c, 1);
}

/* What stands before a value. */
static void begin(struct writer *w, const char *key)
{
	size_t len = key ? strlen(key) : 0;
	char *to = room(w, len + 4);
	size_t n = 0;

	if (!to)
		return;
	if (w->more)
		to[n++] = ',';
	w->more = true;
	if (key) {
		to[n++] = '"';
		memcpy(to + n, key, len);
		n += len;
		to[n++] = '"';
		to[n++] = ':';
	}
	w->len += n;
}

static void open_value(struct writer *w, const char *key, char bracket)
{
	begin(w, key);
	put_char(w, bracket);
	w->more = false;
}

static void close_value(struct writer *w, char bracket)
{
	put_char(w, bracket);
	w->more = true;
}

void writer_object(struct writer *w, const char *key)
{
	open_value(w, key, '{');
}

void writer_end_object(struct writer *w)
{
	close_value(w, '}');
}

void writer_array(struct writer *w, const char *key)
{
	open_value(w, key, '[');
}

void writer_end_array(struct writer *w)
{
	close_value(w, ']');
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

void writer_text(struct writer *w, const char *key, const char *text)
{
	char escape[8];

	if (!text) {
		writer_null(w, key);
		return;
	}
	begin(w, key);
	put_char(w, '"');
	while (*text) {
		size_t n = 0;

		while (text[n] && is_plain(text[n]))
			n++;
		put(w, text, n);
		text += n;
		if (!*text)
			break;
		(void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)(unsigned char)*text++);
		put(w, escape, 6);
	}
	put_char(w, '"');
}

void writer_number(struct writer *w, const char *key, int64_t number)
{
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char digits[24];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + left % 10);
	while (left /= 10);
	if (number < 0)
		digits[--at] = '-';
	begin(w, key);
	put(w, digits + at, sizeof(digits) - at);
}

void writer_bool(struct writer *w, const char *key, bool value)
{
	writer_raw(w, key, value ? "true" : "false");
}

void writer_null(struct writer *w, const char *key)
{
	writer_raw(w, key, "null");
}

void writer_raw(struct writer *w, const char *key, const char *json)
{
	begin(w, key);
	put(w, json, strlen(json));
}

char *writer_take(struct writer *w)
{
	char *text;

	put(w, "", 1);
	text = w->failed ? NULL : w->text;
	if (w->failed)
		free(w->text);
	*w = (struct writer){0};
	return text;
}

void writer_done(struct writer *w)
{
	free(w->text);
	*w = (struct writer){0};
}
