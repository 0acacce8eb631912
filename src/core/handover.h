/* A planned switchover of one virtual router, and maintenance: how humble it is to be. An Active
 * router offers its place by advertising the lowest priority: a peer that is there and preempts
 * takes over while the addresses are still served, so that nobody is without them, and nothing was
 * given up if no peer is there. Who gave the place away stays humble, or it would take it back at
 * once. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

/* What a humble router advertises, and waits with. */
#define HANDOVER_PRIORITY 1

enum handover_state {
	HANDOVER_NONE,
	HANDOVER_OFFERED, /* Active, until a peer takes over or the deadline passes */
	HANDOVER_GIVEN,   /* a peer was to have it: humble until it is wanted again */
	HANDOVER_STATE_MAX_
};
const char *handover_state_name(enum handover_state state); /* "offered" */

enum maintenance {
	MAINTENANCE_OFF,
	MAINTENANCE_STANDBY, /* Active only while nobody else is */
	MAINTENANCE_ON,      /* never Active */
	MAINTENANCE_MAX_
};
const char *maintenance_name(enum maintenance maintenance); /* "standby" */
/* MAINTENANCE_MAX_: there is none of that name. */
enum maintenance maintenance_by_name(const char *name);

struct handover {
	enum handover_state state;
	enum maintenance maintenance;
	bool insist;             /* after the deadline the place is given up all the same */
	struct instant deadline; /* of an offer, else INSTANT_NEVER */
};

void handover_init(struct handover *h);
/* An Active router is to be succeeded; `patience_us`: how long a peer may take to claim the place.
 * An offer that is under way goes on until its deadline, and is insisted on if this one is. */
void handover_offer(struct handover *h, bool insist, uint64_t patience_us, struct instant now);
/* The place is given up without an offer. */
void handover_give(struct handover *h);
/* An operator begins or ends maintenance. Of an offer under way: on insists, standby does not, and
 * off takes it back. */
void handover_maintain(struct handover *h, enum maintenance maintenance);
/* The router is Active now, or is not any more. Who is Active although it gave the place away is
 * wanted again. */
void handover_became(struct handover *h, bool active);
/* An advert of the Active router, by its priority: one that is humble itself, or leaves, gives the
 * place back. Returns whether anything changed. */
bool handover_heard(struct handover *h, uint8_t priority);

enum handover_end {
	HANDOVER_GOES_ON,
	HANDOVER_REFUSED, /* nobody took over: as before */
	HANDOVER_FORCED,  /* nobody took over: to be given up */
};
/* Whether the offer has come to its end. */
enum handover_end handover_timer(struct handover *h, struct instant now);

/* The priority to take part with, of the one that would be it otherwise. */
uint8_t handover_priority(const struct handover *h, uint8_t priority);
