/* The steps of a slow start. Which servers ramp, and from when, pool.c's callers say. */
#include "core/ramp.h"

#include <stdbool.h>

#define STEPS 9 /* from 10 to 100 percent */

static bool is_over(const struct ramp *r, struct instant now)
{
	return r->length_us == 0 || r->since.us == 0 ||
	       instant_between_us(r->since, now) >= r->length_us;
}

/* How many steps were taken. Durations are below 1000 days: nothing overflows. */
static uint64_t steps(const struct ramp *r, struct instant now)
{
	return instant_between_us(r->since, now) * STEPS / r->length_us;
}

unsigned ramp_percent(const struct ramp *r, struct instant now)
{
	return is_over(r, now) ? 100 : 10 * (1 + (unsigned)steps(r, now));
}

struct instant ramp_next(const struct ramp *r, struct instant now)
{
	uint64_t next;

	if (is_over(r, now))
		return INSTANT_NEVER;
	next = (steps(r, now) + 1) * r->length_us;
	return instant_add(r->since, (next + STEPS - 1) / STEPS);
}

uint32_t ramp_weight(uint32_t weight, unsigned percent)
{
	return (uint32_t)(((uint64_t)weight * percent + 99) / 100);
}
