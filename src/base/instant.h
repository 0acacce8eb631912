/* A point in time as a value: microseconds of CLOCK_BOOTTIME, which counts while the machine
 * sleeps. Rules take it as an argument; only programs read the clock. A struct, so that it cannot
 * be mixed up with a duration (a plain uint64_t whose name ends in _us). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct instant {
	uint64_t us;
};

/* Later than every instant a clock can show: a deadline that is not armed. */
#define INSTANT_NEVER ((struct instant){UINT64_MAX})

static inline struct instant instant_add(struct instant t, uint64_t us)
{
	return (struct instant){us > UINT64_MAX - t.us ? UINT64_MAX : t.us + us};
}

/* How long from `from` to `to`, 0 when `to` is not later. */
static inline uint64_t instant_between_us(struct instant from, struct instant to)
{
	return to.us > from.us ? to.us - from.us : 0;
}

static inline bool instant_reached(struct instant deadline, struct instant now)
{
	return now.us >= deadline.us;
}

static inline bool instant_is_never(struct instant t)
{
	return t.us == UINT64_MAX;
}

static inline struct instant instant_min(struct instant a, struct instant b)
{
	return a.us < b.us ? a : b;
}

static inline struct instant instant_max(struct instant a, struct instant b)
{
	return a.us > b.us ? a : b;
}
