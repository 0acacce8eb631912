/* The elector's logic: which virtual routers there are, on which interfaces, and who of them is
 * told what. The program feeds it what happens in the world; it acts through elector_ops. */
#pragma once

#include "elector/group.h"
#include "elector/router.h"

struct elector {
	const struct elector_ops *ops;
	void *io;
	struct state_file *state;
	struct router *routers[STATE_ROUTERS_MAX];
	size_t n_routers;
	struct deadline_heap heap; /* of all routers */
	struct deadline *slots[STATE_ROUTERS_MAX];
	struct group *groups; /* room for one of each grouped router */
	size_t n_groups;
	void *lists; /* what the routers' settings point to; they come and go as a whole */
	size_t lists_size;
	struct port **ports;
	size_t n_ports;
	struct pace pace;
	bool configured; /* at least once: before, the state file is a predecessor's */
	bool stale;      /* what is known of the ports may be wrong: dump */
	bool blind;      /* the last dump failed; the next is at look_again */
	struct instant look_again;
	/* Until then nobody is preempted, unless the director says that it is ready; INSTANT_NEVER:
	 * it has said so, or does not any more need to. */
	struct instant hold;
	bool left;
	enum maintenance maintenance;
};

/* Everything is borrowed. */
void elector_init(
	struct elector *e, const struct elector_ops *ops, void *io, struct state_file *state);
/* Frees memory and closes ports; leaves no election. */
void elector_done(struct elector *e);

/* Make the wanted routers so: those that stay go on undisturbed. The first time, tidy up after a
 * predecessor what is not wanted any more. 0, or -ENOMEM or -ENOSPC (the state file cannot
 * grow) with nothing changed. At most STATE_ROUTERS_MAX routers. */
int elector_configure(
	struct elector *e, const struct router_config *wanted, size_t n, struct instant now);
/* What is wrong with this host, for the router of that name. 0, or -ENOMEM with nothing changed. */
int elector_causes(
	struct elector *e, const char *name, const struct causes *causes, struct instant now);
/* Before the first elector_configure(): for how long nobody is to be preempted while the director
 * does not say that it is ready. */
void elector_hold(struct elector *e, uint64_t ready_timeout_us, struct instant now);
/* The director is ready: preempting is allowed where it is configured. */
void elector_ready(struct elector *e, struct instant now);
/* What the router of that name asked for before a takeover, by that number, has ended. */
void elector_prepared(struct elector *e, const char *name, uint32_t number, struct instant now);
/* Every router leaves in order: release, then resign. Nothing begins again after this. One that was
 * never configured leaves for its predecessor. */
void elector_leave(struct elector *e, struct instant now);

/* A successor of this process takes over from here: addresses stay, and the peers are asked for
 * patience. Nothing begins again after this. */
void elector_pause(struct elector *e, struct instant now);

/* What an operator asks for: a peer in our place, for the router of that name or, NULL, for all;
 * and maintenance of the host. */
void elector_switchover(struct elector *e, const char *name, bool insist, struct instant now);
void elector_maintain(struct elector *e, enum maintenance maintenance, struct instant now);

/* What the kernel tells about interfaces and addresses; after a series of these, elector_settle()
 * makes the routers follow. */
void elector_link(struct elector *e, int ifindex, const char *name, bool up,
	const uint8_t mac[static PORT_MAC_LEN]);
/* ... in bytes; 0: it is not known. */
void elector_link_mtu(struct elector *e, int ifindex, uint32_t mtu);
void elector_link_gone(struct elector *e, int ifindex);
/* A route or a rule was removed. */
void elector_route_gone(struct elector *e, const struct moved *what);
void elector_addr(struct elector *e, int ifindex, const struct addr_prefix *addr, bool present);
void elector_settle(struct elector *e, struct instant now);
/* The kernel told more than could be read: learn everything anew, addresses included. */
void elector_news_lost(struct elector *e, struct instant now);

/* Somebody on that interface claims an address. */
void elector_claimed(struct elector *e, int ifindex, const struct claim *claim, struct instant now);
/* Datagrams arrived on the port, in this order: apart from their IP headers, or of IPv4 with it and
 * no source. */
void elector_hear(struct elector *e, struct port *port, const struct vrrp_datagram *datagrams,
	size_t n, struct instant now);
/* The time armed last has come (or another: it does not matter). */
void elector_timer(struct elector *e, struct instant now);
