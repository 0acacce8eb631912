/* When a virtual router announces its addresses: a burst of rounds after it became Active, a second
 * burst for those who missed the first, then a round now and again. A round is one announcement of
 * each address; a long one goes in pieces, so that it does not flood the link. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

#define ANNOUNCE_PIECE 64                 /* addresses announced at once, at most */
#define ANNOUNCE_PIECE_US UINT64_C(1000) /* between two pieces, at least */

struct announce_config {
	unsigned repeat;      /* rounds in a burst */
	uint64_t interval_us; /* between them; 0: one after the other */
	uint64_t refresh_us;  /* from the end of a burst, and between single rounds; 0: off */
	uint64_t again_us;    /* from the first burst to the second; 0: there is none */
};

struct announce {
	struct announce_config config;
	struct instant deadline; /* of the next piece, INSTANT_NEVER when there is none */
	bool on;                 /* between start and stop */
	unsigned left;           /* rounds of the burst not yet sent */
	unsigned at;             /* addresses of the round under way that are announced */
	struct instant again;    /* when the second burst begins, INSTANT_NEVER: it has, or none */
};

void announce_init(struct announce *a, const struct announce_config *config);
/* Begin a burst, now. A burst under way starts afresh. */
void announce_start(struct announce *a, struct instant now);
void announce_stop(struct announce *a);
/* New settings in place: what is left of a burst goes on at the new pace. */
void announce_reconfigure(
	struct announce *a, const struct announce_config *config, struct instant now);
/* Of n addresses, those from *ret_first on are due: returns how many, at most `max`, which is not 0.
 * They count as announced. More may be due at once. */
unsigned announce_due(struct announce *a, unsigned n, unsigned max, struct instant now,
	unsigned *ret_first);
/* Enough for now: nothing is due before a pause is over. */
void announce_pause(struct announce *a, struct instant now);
