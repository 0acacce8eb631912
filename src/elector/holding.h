/* What a router holds: the addresses at its places, and the record of them. The router decides
 * when; here is how. */
#pragma once

#include "elector/router.h"

/* Bring the record up to date. */
void holding_record(struct router *r);
/* Put all addresses on, or take all off. What cannot be added is told once. */
void holding_claim(struct router *r);
void holding_release(struct router *r);
/* Add what could not be added before. */
bool holding_misses_any(const struct router *r);
void holding_try_again(struct router *r, struct instant now);
/* Begin a burst of announcements; send those that are due. */
void holding_announce(struct router *r, struct instant now);
void holding_send_announcements(struct router *r, struct instant now);

/* Remove what a predecessor left, all of it or what is not ours, according to the record. */
void holding_remove_leftovers(struct router *r);
void holding_remove_unwanted(struct router *r);

/* The addresses of the adverts. */
struct state_slice holding_advertised(const struct router_config *config);
/* Whether the same addresses are at the same places. */
bool holding_same(const struct router_config *a, const struct router_config *b);
/* Whether the address is, or by the record was, one of the router's. */
bool holding_has(const struct router *r, const struct addr *addr);

/* Settings in place: every router drops what it must not have any more before router_reconfigure()
 * lets any add what it gets, since an address may move from one to the other. */
void holding_drop(struct router *r, const struct router_config *wanted);

/* An address was removed from the port. One of ours is put back by holding_restore(), with all the
 * others that are missing. */
void holding_address_gone(
	struct router *r, const struct port *port, const struct addr_prefix *addr);
/* The port came, came up, or is gone: if addresses of this router are away there, they may be
 * missing. (Of its home, the election is told.) */
void holding_port_changed(struct router *r, const struct port *port);
/* The port's interface is not to be ours any more: what is away there is removed. */
void holding_vacate(struct router *r, const struct port *port);
/* Nobody knows what was removed. */
void holding_suspect(struct router *r);
void holding_restore(struct router *r, struct instant now);
