/* How often somebody who is not trusted may be heard: so many times in a while, and what is more
 * is counted. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>

struct allowance_settings {
	unsigned n;  /* times ... */
	uint64_t us; /* ... in so long */
};

/* Zero-initialise. */
struct allowance {
	struct instant begun; /* the while under way */
	unsigned taken;
	uint64_t refused; /* since allowance_refused() */
};

/* Whether it may be heard once more. */
bool allowance_take(
	struct allowance *a, const struct allowance_settings *settings, struct instant now);
/* How often it was not heard in a while that is over; 0: never, or that while is not over. */
uint64_t allowance_refused(
	struct allowance *a, const struct allowance_settings *settings, struct instant now);
