/* What operators decided about one server, and the job that a drain is. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

enum decision_kind {
	DECISION_NONE,  /* what configuration and checks say counts */
	DECISION_DRAIN, /* nothing new goes there; out of the table when the last connection is gone
			 */
	DECISION_FAIL,  /* taken as down, whatever the check says */
	DECISION_MAX_
};
const char *decision_kind_name(enum decision_kind kind); /* "none", "drain", "fail" */

enum drain_state {
	DRAIN_DRAINING, /* weight 0: connections go on, and end by themselves */
	DRAIN_DRAINED,  /* they have: the server is out of the table */
	DRAIN_FORCED,   /* they had not when the deadline came: out of the table all the same */
	DRAIN_MAX_
};
const char *drain_state_name(enum drain_state state); /* "draining", "drained", "forced" */

struct drain {
	enum drain_state state;
	struct instant requested_at;
	struct instant deadline; /* INSTANT_NEVER: wait as long as it takes */
};

struct decision {
	enum decision_kind kind;
	bool has_weight; /* instead of the configured one */
	uint32_t weight;
	struct drain drain; /* with DECISION_DRAIN */
};

/* Connections of a server, as the kernel counts them. Persistence templates are in neither number:
 * a drain does not wait for them, expire_quiescent_template makes them void. */
struct drain_count {
	bool known; /* false: the kernel could not be asked */
	uint64_t active, inactive;
};

/* Of a pair: what is synced is on both, and so counted once. What one does not know counts for
 * nothing there; what `here` does not know is not known. */
struct drain_count drain_count_pair(
	const struct drain_count *here, const struct drain_count *there);

/* Takes in how many connections there are at `now`. Returns whether the state changed, which it
 * does once. Connections that end exactly at the deadline have ended in order. */
bool drain_step(struct drain *d, const struct drain_count *count, struct instant now);
/* When it has to be looked at even if nothing is heard: INSTANT_NEVER when it is over. */
struct instant drain_next(const struct drain *d);
/* Whether the server is out of the table. */
bool drain_is_over(const struct drain *d);
