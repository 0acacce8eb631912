/* What the kernel lost without a word: its counts of connections are held against what is known of
 * them, and when they differ steadily something is done about it, the less often the less it helps.
 */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

#define TABLE_WATCH_SIGHTINGS 2u               /* in a row, before anything is done */
#define TABLE_WATCH_GAP_US UINT64_C(30000000)  /* between two attempts, at least ... */
#define TABLE_WATCH_WAIT_US UINT64_C(60000000) /* ... and after one that did not help, doubled */
#define TABLE_WATCH_WAIT_MAX_US UINT64_C(3600000000)
#define TABLE_WATCH_SHARE 20u /* times as long as an attempt took there is none */

/* Of one service. */
struct table_count {
	uint64_t kernel; /* connections that the kernel counts */
	uint64_t known;  /* of those that were told */
	uint64_t young;  /* of them: told since the kernel was asked */
};
/* Of all services; zero-initialise. */
struct table_sum {
	uint64_t kernel, known;
	uint64_t missing; /* the kernel has them, and they are not known */
	uint64_t surplus; /* they are known, and the kernel has not got them */
};
/* Where nothing is going on each single one counts; otherwise a twentieth may be on its way. */
void table_sum_add(struct table_sum *sum, const struct table_count *count);

struct table_side {
	unsigned sightings; /* since the last attempt, in a row */
	bool tried;
	uint64_t left; /* that the last attempt could not mend */
	uint64_t wait_us;
	struct instant soonest, again;
};
/* Zero-initialise. */
struct table_watch {
	bool dropped; /* the kernel counted a loss: one attempt, whatever is seen */
	struct table_side missing, surplus;
};
struct table_action {
	bool read; /* the kernel's table, for what is missing */
	bool feed; /* what is known, to the kernel */
};

/* What to do about it. `dropped`: the kernel counted losses of its own since the last time. */
struct table_action table_watch_step(
	struct table_watch *w, const struct table_sum *sum, bool dropped, struct instant now);
/* Reading is over, and took so long. */
void table_watch_read(struct table_watch *w, uint64_t took_us, struct instant now);
