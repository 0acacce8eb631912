/* Slow start: a server that came up gets a tenth of its weight, and a tenth more at each of nine
 * equal steps, so that it has all of it when the time is over. */
#pragma once

#include "base/instant.h"

#include <stdint.h>

/* The kernel's weights are integers: a server of weight 1 has nothing between none and all. The
 * weights of all servers of a pool with slow start are multiplied by this, always, so that only the
 * servers that ramp are touched while they do. Ratios are what schedulers look at. */
#define RAMP_SCALE 10u

struct ramp {
	struct instant since; /* when the server came up; {0}: it is not news */
	uint64_t length_us;   /* 0: no slow start */
};

/* 10, 20 ... 100 percent of the weight. A clock before `since` counts as `since`. */
unsigned ramp_percent(const struct ramp *r, struct instant now);
/* When the percentage changes next: INSTANT_NEVER at 100. */
struct instant ramp_next(const struct ramp *r, struct instant now);
/* The part of a weight, rounded up: never 0 unless `weight` is. */
uint32_t ramp_weight(uint32_t weight, unsigned percent);
