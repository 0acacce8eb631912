/* "did you mean": the nearest of some candidates, when it is near enough to be a slip. */
#pragma once

#include <stddef.h>

struct suggest {
	const char *word; /* what was written */
	const char *best; /* borrowed from suggest_offer() */
	size_t distance;  /* of best */
};

struct suggest suggest_begin(const char *word);
void suggest_offer(struct suggest *s, const char *candidate);
/* What a keyword of keepalived.conf(5) is called here, where one key takes its place; NULL: no such
 * keyword. tandem-keepalived(7) has all of them. */
const char *suggest_for_keepalived(const char *word);
/* NULL when no candidate is near. */
const char *suggest_result(const struct suggest *s);
