/* A regular expression (PCRE2) over bytes that somebody else chose: what one match may cost is
 * bounded, whatever the expression and the bytes are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_LEN_MAX 512
#define PATTERN_ERROR_MAX 128

enum pattern_result {
	PATTERN_FOUND,
	PATTERN_ABSENT,
	PATTERN_GAVE_UP, /* it takes more steps (in all), nesting or memory than is allowed */
};

struct pattern;

/* Of at most PATTERN_LEN_MAX characters. Bytes are bytes, whatever they encode. Returns 0, -EINVAL
 * with what is wrong and where in `error`, or -ENOMEM. */
int pattern_new(const char *text, char error[static PATTERN_ERROR_MAX], struct pattern **ret);
void pattern_free(struct pattern *p); /* NULL is fine */

/* Whether it matches somewhere in the `len` bytes. */
enum pattern_result pattern_search(const struct pattern *p, const void *bytes, size_t len);
