/* The rules of a drain. Who counts connections, and how often, is the director's business. */
#include "core/drain.h"

#include <assert.h>

static const char *const kind_names[DECISION_MAX_] = {
	[DECISION_NONE] = "none",
	[DECISION_DRAIN] = "drain",
	[DECISION_FAIL] = "fail",
};

static const char *const state_names[DRAIN_MAX_] = {
	[DRAIN_DRAINING] = "draining",
	[DRAIN_DRAINED] = "drained",
	[DRAIN_FORCED] = "forced",
};

const char *decision_kind_name(enum decision_kind kind)
{
	assert(kind < DECISION_MAX_);
	return kind_names[kind];
}

const char *drain_state_name(enum drain_state state)
{
	assert(state < DRAIN_MAX_);
	return state_names[state];
}

bool drain_is_over(const struct drain *d)
{
	return d->state != DRAIN_DRAINING;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct drain_count drain_count_pair(const struct drain_count *here, const struct drain_count *there)
{
	struct drain_count both = *here;

	if (!here->known || !there->known)
		return both;
	both.active = larger(here->active, there->active);
	both.inactive = larger(here->inactive, there->inactive);
	return both;
}

bool drain_step(struct drain *d, const struct drain_count *count, struct instant now)
{
	if (drain_is_over(d))
		return false;
	if (count->known && count->active == 0 && count->inactive == 0)
		d->state = DRAIN_DRAINED;
	else if (instant_reached(d->deadline, now))
		d->state = DRAIN_FORCED;
	return drain_is_over(d);
}

struct instant drain_next(const struct drain *d)
{
	return drain_is_over(d) ? INSTANT_NEVER : d->deadline;
}
