/* What a router holds: addresses, routes and rules at its places, and the record of them. The
 * router decides when; here is how. */
#pragma once

#include "elector/router.h"

/* Beside the effects of vrrp_do: put back what is missing. */
#define HOLDING_REPAIR (1U << 8)

/* Bring the record up to date. */
void holding_record(struct router *r);

/* A pass over all that is to be put on, taken off, or put back: begun, then gone on with until it
 * says that it is done, as far as the pace lets it each time. What cannot be added is told once. */
void holding_begin_claim(struct router *r);
void holding_begin_release(struct router *r);
void holding_begin_repair(struct router *r);
bool holding_claim(struct router *r);
bool holding_release(struct router *r);
bool holding_repair(struct router *r, struct instant now);

/* What could not be added before is to be repaired. */
void holding_try_again(struct router *r);
/* Whether there is something to repair. */
bool holding_is_robbed(const struct router *r);

/* Begin a burst of announcements; send those that are due. */
void holding_announce(struct router *r, struct instant now);
void holding_send_announcements(struct router *r, struct instant now);

/* Remove what a predecessor left, all of it or what is not ours, according to the record. */
void holding_remove_leftovers(struct router *r);
void holding_remove_unwanted(struct router *r);

/* Whether the same things are at the same places. */
bool holding_same(const struct router_config *a, const struct router_config *b);
/* Whether the address is, or by the record was, one of the router's. */
bool holding_has(const struct router *r, const struct addr *addr);

/* Settings in place: every router drops what it must not have any more before router_reconfigure()
 * lets any add what it gets, since an address may move from one to the other. */
void holding_drop(struct router *r, const struct router_config *wanted);

/* Something was removed from the port (NULL: from nowhere in particular). What is ours is put back
 * by router_restore(), with all else that is missing there. */
void holding_gone(struct router *r, const struct port *port, const struct moved *what);
/* The port came, came up, or is gone: what this router has there may be missing, and if it is up,
 * the neighbours are to hear of it. (Of its home, the election is told.) */
void holding_port_changed(struct router *r, const struct port *port, bool up);
/* The port's interface is not to be ours any more: what is there is removed. */
void holding_vacate(struct router *r, const struct port *port);
/* Nobody knows what was removed; or nothing of it matters. */
void holding_suspect(struct router *r);
void holding_forget(struct router *r);
