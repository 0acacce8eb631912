/* Where the values of a JSON text are: jansson parses, this scanner remembers places.
 * It also sees what a parsed object no longer shows: keys that were given twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The way from the root to a value, as a chain of steps on the caller's stack. */
struct path {
	const struct path *up; /* NULL: this is the root, without a step of its own */
	const char *key;       /* NULL: element `index` of an array */
	size_t index;
};

/* The path as a JSON pointer (RFC 6901), "" for the root; control characters are escaped, so that
 * it stays on one line. Release with free(). */
char *path_pointer(const struct path *path);

struct place {
	const char *name; /* the member's key, decoded; NULL for the root and array elements */
	size_t key;       /* byte offset where the member, or the element, starts */
	size_t value;     /* byte offset of its value */
	uint32_t parent;  /* index in places.items */
	uint32_t end;     /* one past the last place inside this value */
};

/* A key that an object has already had before. */
struct place_duplicate {
	uint32_t first, again; /* indexes in places.items */
};

struct places {
	const char *text; /* borrowed */
	size_t len;
	char *names;         /* what place.name points into */
	struct place *items; /* in the text's order; a value is followed by what is in it */
	size_t n, size;
	struct place_duplicate *duplicates;
	size_t n_duplicates, duplicates_size;
	size_t *lines; /* byte offset at which each line starts; NULL: nobody has asked */
	size_t n_lines, lines_size;
	bool is_json; /* places_scan() may be called, when somebody asks */
};

/* A text, which may be anything, so that its lines can be asked for. */
void places_init(struct places *p, const char *text, size_t len);
/* All of it. The text must be JSON that a parser has accepted. */
void places_scan(struct places *p);
void places_done(struct places *p);

/* The place that a path leads to, of a key given twice the last; the nearest enclosing one when
 * the text has no such value. NULL before places_scan() if that may not be called. */
const struct place *places_find(struct places *p, const struct path *path);
/* The place as a JSON pointer, like path_pointer(). */
char *place_pointer(const struct places *p, uint32_t index);

/* 1-based; a column is a character, not a byte. */
void places_line_column(struct places *p, size_t offset, unsigned *ret_line, unsigned *ret_column);

/* Where the last token starts that begins before `offset`, in a text that may be broken. */
size_t place_token_before(const char *text, size_t len, size_t offset);
