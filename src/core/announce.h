/* When a virtual router announces its addresses: a burst of rounds after it became Active, then a
 * round now and again. A round is one gratuitous ARP for each address. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

struct announce_config {
	unsigned repeat;      /* rounds in a burst */
	uint64_t interval_us; /* between them; 0: all at once */
	uint64_t refresh_us;  /* from the end of a burst, and between single rounds; 0: off */
};

struct announce {
	struct announce_config config;
	struct instant deadline; /* of the next round, INSTANT_NEVER when there is none */
	bool on;                 /* between start and stop */
	unsigned left;           /* rounds of the burst not yet sent */
};

void announce_init(struct announce *a, const struct announce_config *config);
/* Begin a burst, now. A burst under way starts afresh. */
void announce_start(struct announce *a, struct instant now);
void announce_stop(struct announce *a);
/* New settings in place: what is left of a burst goes on at the new pace. */
void announce_reconfigure(
	struct announce *a, const struct announce_config *config, struct instant now);
/* How many rounds are due. They count as sent. */
unsigned announce_due(struct announce *a, struct instant now);
