/* The rule by which results of health checks become a verdict, and when the next check is due. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_FIRST_WINDOW_US                                                                     \
	2000000 /* first checks are spread over this, or over the interval                         \
		 */
#define HEALTH_JITTER_MAX_PERCENT 50u

enum health_state {
	HEALTH_UNKNOWN, /* nobody has said anything yet */
	HEALTH_UP,
	HEALTH_DOWN,
};
const char *health_state_name(enum health_state state); /* "unknown", "up", "down" */
/* False when no state has that name. *ret is written only on success. */
bool health_state_by_name(const char *name, enum health_state *ret);

struct health_rule {
	uint64_t interval_us; /* from start to start; not 0 */
	/* The same, 0: as interval_us ... */
	uint64_t fail_interval_us;    /* while results contradict the state */
	uint64_t down_interval_us;    /* while it is down, and they do not */
	uint64_t standby_interval_us; /* at least so long where the verdict is not needed now, and
					 they do not */
	uint64_t timeout_us;          /* for a whole attempt, whatever its phases */
	unsigned rise, fall; /* results in a row that bring a server back, or take it out; 0 is 1 */
	unsigned jitter_percent; /* of the interval; more than HEALTH_JITTER_MAX_PERCENT is that */
};

/* Initialise with the state believed so far and the time of that belief. */
struct health {
	enum health_state state;
	unsigned against; /* results in a row that contradict the state */
	struct instant since;
};

/* Take one result in. Returns whether the state changed. HEALTH_UNKNOWN ends with the first result,
 * whatever rise and fall are. Pure. */
bool health_step(struct health *h, const struct health_rule *rule, bool passed, struct instant now);

/* The interval to the next check. Pure. */
uint64_t health_interval_us(const struct health *h, const struct health_rule *rule, bool standby);

/* When a target is checked. Each target has a grid of its own, one interval wide, whose phase is
 * drawn from the seed; a check starts at its place on the grid plus the jitter of that turn. Thus
 * the rate is exactly one per interval, targets do not move in step, and a run can be repeated. */
struct health_schedule {
	uint64_t seed;
	uint64_t turn;        /* how many places were given out */
	struct instant place; /* on the grid */
	struct instant due;   /* when to start */
};

/* A seed for a target: the same for the same id, different for ids that differ in one letter. */
uint64_t health_seed(const char *id);

/* The first check: due within HEALTH_FIRST_WINDOW_US, and within the interval. */
void health_schedule_start(struct health_schedule *s, const struct health_rule *rule, uint64_t seed,
	struct instant now);
/* The check after the one that started at `started`; `now` is when its result came, or when the
 * rule changed. Places that passed meanwhile are left out: two starts are never closer than a
 * quarter of the interval, however late the caller is. */
void health_schedule_next(struct health_schedule *s, const struct health_rule *rule,
	struct instant started, struct instant now);
