/* What is wrong with a configuration, collected while it is read: reading never stops at the first
 * fault. At the end the faults become the caller's conf_errors, sorted by place. */
#pragma once

#include "conf/conf.h"
#include "conf/place.h"

struct source;

struct fault {
	const struct source *source;
	size_t offset; /* in its text; FAULT_WHOLE_FILE: nowhere in particular */
	char *pointer;
	char *text;
};

#define FAULT_WHOLE_FILE SIZE_MAX

struct faults {
	struct fault *items;
	size_t n, size;
};

enum fault_place {
	FAULT_AT_KEY,   /* the member is what is wrong */
	FAULT_AT_VALUE, /* its value is */
};

/* Adds a fault at the place to which the path leads. */
__attribute__((format(printf, 5, 6))) void fault_add(struct faults *f, const struct source *source,
	const struct path *path, enum fault_place place, const char *format, ...);
/* Takes pointer and text, which are released with the faults. */
void fault_add_at(
	struct faults *f, const struct source *source, size_t offset, char *pointer, char *text);

/* Moves all faults into *ret, sorted by file in the order of reading, then by place. */
void faults_take(struct faults *f, struct conf_errors *ret);

/* "file:line:column" of what a path leads to, to speak of it elsewhere. Release with free(). */
char *fault_where(const struct source *source, const struct path *path);

/* A text of the configuration in quotes, fit to be shown: control characters escaped, and not
 * longer than a line takes. Release with free(). */
char *fault_quote(const char *text);
/* `; did you mean "x"?`, or "" for NULL. Release with free(). */
char *fault_suggestion(const char *nearest);
