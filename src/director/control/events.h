/* The last events, for an operator who asks why an address moved. The journal has them all, if it
 * is kept; here are the latest since this process began. What concerns the election has a place of
 * its own, where a hundred servers that come and go cannot push it out. */
#pragma once

#include "base/event.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define EVENTS_KEPT 256 /* of either kind */

struct events_ring {
	json_t *items[EVENTS_KEPT];
	unsigned next, n;
};

/* Zero-initialise. */
struct events {
	struct events_ring election, others;
	uint64_t n_all; /* since the start: the number of the last one */
};

/* Whether it can have a part in why a virtual router is where it is. */
bool events_is_election(enum event event);

/* Keep one that happened at `unix_us`; `fields` (borrowed; NULL: none) name the router, if it is of
 * one, as TANDEM_INSTANCE. Without memory it is not kept. */
void events_keep(struct events *e, uint64_t unix_us, enum event event, const char *message,
	const json_t *fields);

/* An array of {number, unix_us, event, message, router}, the oldest first; router is null for what
 * is of none. For `router` (NULL: all): what is of that one, and what is of none and of the
 * election. */
json_t *events_to_json(const struct events *e, const char *router);
void events_done(struct events *e);
