/* PCRE2 without its compiler to machine code, which a process that may not make memory executable
 * cannot use. The limits are what a sane expression never reaches. PCRE2's own hold for one place
 * where a match may begin, and count no bytes: what "a.*b" reads again and again, from each "a" on
 * to the end, would be without a bound. So each item of an expression that is tried, and each byte
 * that is passed in between, is counted over the whole search. */
#include "base/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8

#include <errno.h>
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 100000
#define DEPTH_MAX 1000
#define HEAP_MAX_KIB 1024
#define EFFORT_MIN 1000000 /* items and bytes, in the shortest text */
#define EFFORT_PER_BYTE 32

struct pattern {
	pcre2_code *code;
	pcre2_match_context *limits;
};

static int compile(const char *text, char *error, pcre2_code **ret)
{
	int code;
	size_t at, len = strlen(text);

	if (len > PATTERN_LEN_MAX) {
		(void)snprintf(
			error, PATTERN_ERROR_MAX, "longer than %d characters", PATTERN_LEN_MAX);
		return -EINVAL;
	}
	*ret = pcre2_compile(
		(PCRE2_SPTR)text, len, PCRE2_NEVER_UTF | PCRE2_AUTO_CALLOUT, &code, &at, NULL);
	if (*ret)
		return 0;
	if (code == PCRE2_ERROR_NOMEMORY)
		return -ENOMEM;
	(void)snprintf(error, PATTERN_ERROR_MAX, "at character %zu: ", at + 1);
	(void)pcre2_get_error_message(
		code, (PCRE2_UCHAR *)error + strlen(error), PATTERN_ERROR_MAX - strlen(error));
	return -EINVAL;
}

int pattern_new(const char *text, char error[static PATTERN_ERROR_MAX], struct pattern **ret)
{
	struct pattern *p = calloc(1, sizeof(*p));
	int r = -ENOMEM;

	error[0] = '\0';
	if (!p)
		return r;
	r = compile(text, error, &p->code);
	if (r == 0)
		p->limits = pcre2_match_context_create(NULL);
	if (r == 0 && !p->limits)
		r = -ENOMEM;
	if (r < 0) {
		pattern_free(p);
		return r;
	}
	(void)pcre2_set_match_limit(p->limits, STEPS_MAX);
	(void)pcre2_set_depth_limit(p->limits, DEPTH_MAX);
	(void)pcre2_set_heap_limit(p->limits, HEAP_MAX_KIB);
	*ret = p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_match_context_free(p->limits);
	pcre2_code_free(p->code);
	free(p);
}

struct effort {
	size_t at, left;
};

/* Called before each item. */
static int count(pcre2_callout_block *block, void *userdata)
{
	struct effort *e = userdata;
	size_t at = block->current_position, spent = 1 + (at > e->at ? at - e->at : e->at - at);

	e->at = at;
	if (spent > e->left)
		return PCRE2_ERROR_MATCHLIMIT;
	e->left -= spent;
	return 0;
}

enum pattern_result pattern_search(const struct pattern *p, const void *bytes, size_t len)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	struct effort effort = {.left = EFFORT_MIN + EFFORT_PER_BYTE * len};
	int r = PCRE2_ERROR_NOMEMORY;

	(void)pcre2_set_callout(p->limits, count, &effort);
	if (data)
		r = pcre2_match(
			p->code, len ? bytes : (const void *)"", len, 0, 0, data, p->limits);
	pcre2_match_data_free(data);
	if (r == PCRE2_ERROR_NOMATCH)
		return PATTERN_ABSENT;
	return r >= 0 ? PATTERN_FOUND : PATTERN_GAVE_UP; /* 0: more groups than were asked for */
}
