/* JSON written as text, without a tree of values: for messages of many thousand objects. The caller
 * keeps the order: a value has a key inside an object, and NULL inside an array. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. Running out of memory is remembered, and seen at the end. */
struct writer {
	char *text;
	size_t len, size;
	bool failed;
	bool more; /* a value stands before: a comma is needed */
};

void writer_object(struct writer *w, const char *key);
void writer_end_object(struct writer *w);
void writer_array(struct writer *w, const char *key);
void writer_end_array(struct writer *w);

/* UTF-8; NULL is written as null. */
void writer_text(struct writer *w, const char *key, const char *text);
void writer_number(struct writer *w, const char *key, int64_t number);
void writer_bool(struct writer *w, const char *key, bool value);
void writer_null(struct writer *w, const char *key);
/* A value that is JSON already. */
void writer_raw(struct writer *w, const char *key, const char *json);

/* The text, to release with free(), and an empty writer; NULL when memory ran out. */
char *writer_take(struct writer *w);
void writer_done(struct writer *w);
