/* When a helper process is started, asked for a sign of life, killed, started again, and given up
 * for the moment. One machine per helper; the director carries its effects out. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

/* A process that lived this long is started again at once when it dies. */
#define SUPERVISE_STABLE_US (UINT64_C(10) * 1000000)

struct supervise_settings {
	uint64_t beat_us;    /* between two heartbeats */
	uint64_t silence_us; /* a heartbeat unanswered for this long: the process hangs */
	/* How long the process may be missing before somebody has to act in its place; 0: for ever.
	 */
	uint64_t back_us;
};

enum supervise_state {
	SUPERVISE_STOPPED,  /* not wanted */
	SUPERVISE_WAITING,  /* dead, to be started at the deadline */
	SUPERVISE_STARTING, /* started, has not answered yet */
	SUPERVISE_UP,
	SUPERVISE_DYING, /* killed, not yet gone */
	SUPERVISE_STATE_MAX_
};
const char *supervise_state_name(enum supervise_state state);

enum supervise_event {
	SUPERVISE_EV_WANTED,   /* run it */
	SUPERVISE_EV_UNWANTED, /* it is leaving on request: its exit is no death */
	SUPERVISE_EV_ANSWER,   /* it answered: a heartbeat or its first message */
	SUPERVISE_EV_EXITED,   /* the process is gone, or could not be started */
	SUPERVISE_EV_TIMER,    /* the deadline was reached */
	/* The answer to SUPERVISE_DO_LOOK, at once: it would run if there were a processor for it;
	 * or anything else. */
	SUPERVISE_EV_STARVED,
	SUPERVISE_EV_SILENT,
};

/* Effects, to be carried out lowest bit first. */
enum supervise_do {
	SUPERVISE_DO_KILL = 1 << 0,
	SUPERVISE_DO_ABANDON = 1 << 1, /* it is not back in time: act in its place */
	SUPERVISE_DO_START = 1 << 2,
	SUPERVISE_DO_BEAT = 1 << 3,
	SUPERVISE_DO_REMEMBER = 1 << 4, /* how long it has run so far */
	SUPERVISE_DO_LOOK = 1 << 5,     /* whether it has run since, and would like to */
};

/* What is seen of a process. */
struct supervise_sight {
	bool is_runnable; /* it runs, or waits for a processor */
	uint64_t ran_us;  /* since it was started */
};
/* Whether it was silent for want of a processor: it is runnable, and in `silence_us` it has hardly
 * run. One that turns in circles has run, one that sleeps or was stopped is not runnable. */
bool supervise_is_starved(const struct supervise_sight *before, const struct supervise_sight *now,
	uint64_t silence_us);

/* Zero-initialise, then set `settings`; they may change at any time. */
struct supervise {
	struct supervise_settings settings;
	enum supervise_state state;
	struct instant
		deadline;  /* when to call with SUPERVISE_EV_TIMER; INSTANT_NEVER: not at all */
	unsigned restarts; /* since the helper was first wanted */
	bool hung;         /* the last death was a kill for silence */
	bool starved;      /* it got no processor in time, and has not answered since */

	unsigned failures; /* deaths in a row of processes that did not last */
	bool missing;      /* it died and has not answered since, and nobody acted yet */
	struct instant started_at, missing_since, start_at, beat_at, silent_at;
};

/* Returns the effects, a set of SUPERVISE_DO_*. Call again whenever `deadline` is reached. */
unsigned supervise_step(struct supervise *s, enum supervise_event event, struct instant now);
