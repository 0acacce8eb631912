/* What a receiver knows about the sequence numbers of one session's datagrams: which came, which
 * came again, and which are missing. Sequence numbers begin with 1 and never wrap. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYNC_SEQUENCE_MAX (UINT64_MAX / 2) /* nobody gets there */
#define SYNC_WINDOW_SPAN 4096u /* so far back a late datagram is told from a replayed one */
#define SYNC_WINDOW_GAPS 64u   /* ranges that may be missing at a time */

enum sync_arrival {
	SYNC_NEW,      /* the next, or beyond a gap */
	SYNC_LATE,     /* it was missing */
	SYNC_REPLAYED, /* it came before */
	SYNC_OLD,      /* further back than can be told, or no number at all: taken as replayed */
};

/* The first and the last are missing; of those in between, some may have come. */
struct sync_gap {
	uint64_t first, last;
	struct instant seen;  /* when it was noticed */
	struct instant asked; /* for its repair; {0}: not yet */
};

/* A zeroed one has received nothing. */
struct sync_window {
	uint64_t highest;                       /* that exists; 0: nothing came yet */
	uint64_t bits[SYNC_WINDOW_SPAN / 64];   /* of highest - SPAN + 1 .. highest, by modulus */
	struct sync_gap gaps[SYNC_WINDOW_GAPS]; /* ascending, apart; nothing else is missing */
	unsigned n_gaps;
	bool overflow; /* some are missing that nobody can bring any more: resync. The caller clears
			  it */
	uint64_t lost; /* datagrams that were given up */
	uint64_t late; /* that were missing, and came */
};

/* Whether a datagram of that number is welcome: asked before it is decrypted, changes nothing. */
enum sync_arrival sync_window_look(const struct sync_window *w, uint64_t sequence);
/* It was authentic: note it. As sync_window_look(), and gaps open, shrink or close. */
enum sync_arrival sync_window_take(struct sync_window *w, uint64_t sequence, struct instant now);
/* The sender says how far it has come: what is missing at the end is a gap as well. */
void sync_window_end(struct sync_window *w, uint64_t last_sent, struct instant now);

/* What reordering does not explain any more, to be asked for: ranges that are missing since
 * `seen_by` or longer and were not asked for after `asked_by`. They are marked as asked at `now`.
 * Returns how many ranges are in `ret`, ascending; the last one may contain some that came, when
 * `max` is too small to tell them apart. */
unsigned sync_window_ask(struct sync_window *w, struct instant now, struct instant seen_by,
	struct instant asked_by, struct sync_gap *ret, unsigned max);
/* The sender has these no more: they are lost, and should they come after all, replayed. */
void sync_window_give_up(struct sync_window *w, uint64_t first, uint64_t last);
