/* One virtual router of the elector: the state machine with what its effects do, through one struct
 * of operations. Tests pass a recorder for them. */
#pragma once

#include "base/event.h"
#include "base/peer_page.h"
#include "core/announce.h"
#include "core/claim.h"
#include "core/deadline_heap.h"
#include "core/handover.h"
#include "core/virtual_mac.h"
#include "core/vrrp.h"
#include "core/vrrp_auth.h"
#include "core/vrrp_packet.h"
#include "elector/causes.h"
#include "elector/state_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORT_MAC_LEN VIRTUAL_MAC_LEN

/* How adverts of one family leave a port and are heard there. */
struct voice {
	struct addr primary; /* the port's own address of it, link-local for IPv6; family 0: none */
	struct addr known_primary; /* ... before the dump under way */
	bool ready;                /* home of a router, up, with an address, and its socket open */
	bool failed;               /* its socket could not be opened the last time */
	int fd;                    /* the operations' business */
	uint16_t hearers[UINT8_MAX + 1]; /* by VRID: the elector's router, from 1; 0: nobody */
};
enum { VOICE_IPV4, VOICE_IPV6, VOICES };

/* An interface that virtual routers, or addresses of theirs, are on. */
struct port {
	char interface[STATE_INTERFACE_MAX];
	int ifindex; /* 0: there is no such interface */
	bool up;
	bool known;   /* a dump has told whether it exists */
	bool seen;    /* in the dump under way */
	bool broken;  /* the interface that the socket is bound to is gone */
	bool renamed; /* the interface has another name now: what is ours there is to go */
	bool made;    /* it is a virtual router's device, with its MAC, made and removed by us */
	bool refused; /* ... and cannot be that, which the operator knows */
	uint8_t mac[PORT_MAC_LEN];
	uint32_t mtu; /* 0: not known */
	struct voice voices[VOICES];
	uint64_t rejected[VRRP_REJECT_MAX_]; /* what is for no router in particular */
	struct instant next_complaint;       /* when a rejected datagram is worth an event again */
};

static inline struct voice *port_voice(struct port *p, uint16_t family)
{
	return &p->voices[family == AF_INET6 ? VOICE_IPV6 : VOICE_IPV4];
}

/* What it points to is of whoever made it. */
struct router_config {
	char name[STATE_NAME_MAX];
	char interface[STATE_INTERFACE_MAX];
	char group[STATE_NAME_MAX]; /* the sync group that it is in; empty: none */
	uint8_t vrid;
	uint8_t priority; /* before the causes */
	struct causes causes;
	uint16_t interval_cs;
	uint8_t down_intervals;
	bool preempt;
	uint64_t preempt_delay_us;
	uint64_t settle_us;
	bool fast_failover;
	uint64_t prepare_us; /* for the director's program before a takeover; 0: there is none */
	struct vrrp_format format; /* with the family of the router */
	struct addr source;        /* of unicast adverts; family 0: the port's primary address */
	struct vrrp_peers peers;   /* none: multicast */
	struct vrrp_auth_config auth;
	struct announce_config announce;
	unsigned arp_forms; /* of gratuitous ARP, enum arp_form */
	/* It has a MAC of its own, which is that of a device that we make: MOVED_HOME's place. */
	bool virtual_mac;
	/* Where things go: by place, the first is MOVED_HOME. Empty: nothing goes there. */
	char places[MOVED_PLACES_MAX][STATE_INTERFACE_MAX];
	struct moved *moved; /* in the order of addition */
	size_t n_moved;
	size_t n_advertised;
};

/* Bytes that its lists take, without the causes. */
size_t router_config_size(const struct router_config *c);
/* A copy with its lists at *at, which moves behind them; with the keys of the copy made before
 * (NULL: none) if they are the same. Causes are its own. 0 or -ENOMEM. */
int router_config_place(const struct router_config *from, const struct router_config *before,
	void **at, struct router_config *ret);
/* Of one whose lists are each allocated. */
void router_config_free_lists(struct router_config *c);

struct router_counters {
	uint64_t adverts_sent;
	uint64_t adverts_received;
	uint64_t send_errors;
	uint64_t transitions;
	uint64_t transitions_for[VRRP_REASON_MAX_]; /* of them */
	uint64_t addresses_restored;
	uint64_t routes_restored;    /* and rules */
	uint64_t address_mismatches; /* adverts whose address list is not ours */
	uint64_t rivals;             /* adverts of another Active router, heard while Active */
	uint64_t late;
	uint64_t switchovers; /* asked for */
	uint64_t withheld;    /* takeovers, because the peer said over the link that it is Active */
	uint64_t split; /* seconds that it was Active and the peer said so over the link, too */
};

struct router;

/* What the elector does to the world. None of these blocks. `io` is the first argument given. */
struct elector_ops {
	/* Open and close the socket of a port for one family. 0 or -errno. */
	int (*open_port)(void *io, struct port *port, uint16_t family);
	void (*close_port)(void *io, struct port *port, uint16_t family);
	/* Send one VRRP packet. 0 or -errno. */
	int (*send)(void *io, const struct port *port, const struct addr *source,
		const struct addr *destination, const uint8_t *packet, size_t len);
	/* Add or remove what is of one kind and goes to one place, in one batch. ifindex 0:
	 * anywhere. *ret_changed: how many were not so already. */
	int (*add)(void *io, int ifindex, const struct moved *items, size_t n, size_t *ret_changed);
	int (*remove)(
		void *io, int ifindex, const struct moved *items, size_t n, size_t *ret_changed);
	/* A gratuitous ARP, in each of these forms, or an unsolicited Neighbour Advertisement for
	 * each address. */
	void (*announce)(void *io, const struct port *port, unsigned arp_forms,
		const struct moved *items, size_t n);
	/* Tidy up after a predecessor: leftovers_tidy(). */
	int (*tidy)(void *io, struct state_router *record, size_t *ret_removed);
	/* ... and remove the device with its virtual MAC: leftovers_remove_device(). */
	int (*tidy_device)(void *io, struct state_router *record);
	/* A device with a virtual MAC, made on an interface, down; brought up, or down soon, by
	 * another process; removed, which takes some 20 ms. 0 or -errno. */
	int (*make_device)(void *io, const struct port *port, int parent,
		const uint8_t mac[static PORT_MAC_LEN]);
	int (*set_up)(void *io, const struct port *port, bool up);
	int (*remove_device)(void *io, int ifindex);
	/* ... by another process, soon: nobody here waits for it, or hears how it went. */
	void (*give_up_device)(void *io, const struct port *port);
	/* Tell elector_link() and elector_addr() about all there is. 0, or -errno after a part. */
	int (*dump)(void *io);
	/* What the peer says over the link about its virtual router of that name. False: nothing,
	 * or nobody is to be asked. */
	bool (*ask_peer)(void *io, const char *name, struct peer_news *ret);
	/* Microseconds since 1970. */
	uint64_t (*wall_us)(void *io);
	/* Call elector_timer() at that time. */
	void (*arm)(void *io, struct instant deadline);
	/* For the operator: a transition, or something else that happened (router may be NULL). */
	void (*transition)(void *io, const struct router *router, enum vrrp_state old_state);
	/* Ask for what must be done before a takeover: elector_prepared() when it has ended. */
	void (*prepare)(void *io, const struct router *router);
	/* Something else about it that the director keeps: the priority, a handover. */
	void (*changed)(void *io, const struct router *router);
	void (*event)(void *io, enum event event, const struct router *router, const char *message);
};

/* A place that things of a router go to. */
struct site {
	struct port *port; /* NULL: nothing goes there, or it is MOVED_ANYWHERE */
	bool robbed;       /* something may be missing: looked after in router_restore() */
	bool returned;     /* ... and its link was gone: the neighbours must hear of it again */
	bool failed;       /* something is missing: tried again with each advert */
	bool told;         /* ... which the operator knows */
	bool due, missed;  /* in the pass under way: is part of it, had failed before it */
	unsigned restored; /* ... addresses put back that somebody had removed */
};

/* Somebody removes again and again what is put back: told in full at first, then in sums. */
struct contest {
	struct instant since; /* of the minute that is counted */
	unsigned times;
	uint64_t things;
};

/* How many things may be added or removed before others get their turn, shared by all routers of an
 * elector. */
struct pace {
	size_t left;
};

/* What the elector gives to each of its routers. */
struct router_world {
	const struct elector_ops *ops;
	void *io;
	struct state_file *state;
	struct pace *pace;
};

struct group;

struct router {
	struct router_config config;
	struct vrrp vrrp;
	enum vrrp_state old_state; /* before the last transition */
	struct deadline due;       /* in the elector's heap: when it is to be called again */
	struct group *group;       /* NULL: it is in none */
	size_t place;              /* among the group's members */
	bool held;                 /* the director is not ready: it preempts nobody */
	bool moved, weighed; /* new settings that are not in effect yet have others of these */
	uint32_t prepares;   /* asked for so far: the number of the last one */
	struct handover handover;
	struct announce announce;
	struct router_counters counters;
	struct port *home; /* the election is held on */
	struct site sites[MOVED_ANYWHERE + 1];
	unsigned todo;       /* effects under way or waiting, of vrrp_do and HOLDING_REPAIR */
	size_t progress;     /* of the pass under way: things done */
	bool added;          /* ... something was missing */
	unsigned n_rerouted; /* ... routes and rules that were */
	struct contest contest;
	struct claim_watch claims; /* of its addresses by other hosts, while it is Active */
	struct state_router *record;
	size_t first; /* where in the state file the list of `config` goes */
	struct router_world world;
	uint8_t inherited;      /* an adopter's priority until causes are known; 0: its own */
	bool send_failed;       /* the last advert did not leave */
	bool raised;            /* the device with the virtual MAC is up */
	struct vrrp_auth *auth; /* NULL: nothing was ever to be signed */
	uint32_t needs_mtu;     /* that its adverts need and the port has not; 0: they fit */
	unsigned stale;         /* signed adverts in a row that our clock calls stale */
	uint64_t rejected[VRRP_REJECT_MAX_];
	struct instant next_complaint[VRRP_REJECT_MAX_];
	struct instant next_rival_event;
	struct instant next_opinion_event;
	bool opinion_told;        /* an event says that a takeover is withheld */
	struct instant next_look; /* Active: for a peer that says it is, too */
};

/* The interface that the election is held on. */
static inline struct port *router_home(const struct router *r)
{
	return r->home;
}

static inline struct voice *router_voice(const struct router *r)
{
	return port_voice(router_home(r), r->config.format.family);
}

/* The port that has its virtual MAC; NULL: it has none. */
static inline struct port *router_mac_port(const struct router *r)
{
	return r->config.virtual_mac ? r->sites[MOVED_HOME].port : NULL;
}

/* The interfaces of a router. */
struct router_ports {
	struct port *home;
	struct port *places[MOVED_PLACES_MAX];
};

/* A router in Initialize. It takes config->causes, to free with router_done(), and borrows the
 * lists. `record` may
 * hold what a predecessor wrote; the list of things goes to `first` when it is recorded. */
void router_init(struct router *r, const struct router_config *config,
	const struct router_ports *ports, struct state_router *record, size_t first,
	const struct router_world *world, struct instant now);
void router_done(struct router *r);
/* The port is ready: adopt what a predecessor left a moment ago, or remove it and join. */
void router_begin(struct router *r, struct instant now);
/* The two halves of it: whether all is as if the predecessor had gone on; and what has to be so
 * before it joins, with its predecessor's addresses or without. */
bool router_can_adopt(const struct router *r, struct instant now);
void router_prepare(struct router *r, bool adopt, struct instant now);
/* Whether the director's not being ready keeps it from preempting. */
void router_hold(struct router *r, bool held, struct instant now);
/* It stands alone from now on; router_go_on() is due. */
void router_ungroup(struct router *r);
/* The port is not ready any more: its link is down, or it has no address of its own left. */
void router_link_down(struct router *r, struct instant now);
void router_no_address(struct router *r, struct instant now);
/* ... and was not since we started: what a predecessor left there must not stay. */
void router_disown(struct router *r);
/* The port's primary address changed. */
void router_readdress(struct router *r, struct instant now);
/* The priority without regard to what operators decided. */
uint8_t router_score(const struct router *r);
/* New causes, which it takes: its priority follows. A fault is left to router_fault(). */
void router_weigh(struct router *r, const struct causes *causes, struct instant now);
/* Whether it has to stay out of the election, and to get out of it then. */
bool router_has_fault(const struct router *r);
void router_fault(struct router *r, struct instant now);
/* It is not Active any more, while its group stays: priority 0 would invite a peer to take what all
 * members have. */
void router_part(struct router *r, struct instant now);
/* Leave the election in order. */
void router_leave(struct router *r, struct instant now);

/* An operator wants a peer to be Active in our place. With `insist` the place is given up even if
 * no peer takes it. Nothing to do unless Active. */
void router_switchover(struct router *r, bool insist, struct instant now);
/* An operator works on this host, or has done so. */
void router_maintain(struct router *r, enum maintenance maintenance, struct instant now);
/* Whether the device with its virtual MAC is there, if it is to have one. */
bool router_has_device(const struct router *r);
/* The device speaks for it; and is silent, once nothing is left to say. */
void router_raise(struct router *r);
/* Whether it may join the election: the port is ready, and operators have nothing against it. */
bool router_is_ready(const struct router *r);
/* A successor of this process goes on: say so to the peers, and keep everything. */
void router_pause(struct router *r, struct instant now);

/* Settings in place, after holding_drop() for every router. Takes and borrows as router_init().
 * They take effect, on all but the group's others, with router_go_on(): when groups are what they
 * are to be. */
void router_reconfigure(struct router *r, const struct router_config *wanted,
	const struct router_ports *ports, size_t first, struct instant now);
void router_go_on(struct router *r, struct instant now);

/* Go on with what is under way, as far as the pace lets it; to its end, whatever the pace. */
void router_work(struct router *r, struct instant now);
/* Put back what may have been removed. */
void router_restore(struct router *r, struct instant now);
void router_finish(struct router *r, struct instant now);

/* The addresses of its adverts, after those that are in *advert. */
void router_put_addresses(const struct router_config *c, struct vrrp_advert *advert);
void router_hear(struct router *r, const struct vrrp_advert *advert, struct instant now);
/* Another host claims one of its addresses, where that is. */
void router_claimed(struct router *r, const struct claim *claim, struct instant now);
/* What was asked for by that number has come to its end. */
void router_prepared(struct router *r, uint32_t number, struct instant now);
void router_timer(struct router *r, struct instant now);
struct instant router_deadline(const struct router *r);

/* For the operator. */
void router_say(const struct router *r, enum event event, const char *message);
void router_say_failure(const struct router *r, const char *what, int error);

/* For elector/group.c: the parts of a step. */
uint8_t router_own_priority(const struct router *r); /* before its group's others are asked */
/* Long enough for a Backup that preempts to find that nobody better is Active any more, and to
 * prepare. */
uint64_t router_patience_us(const struct router *r);
void router_carry_out(struct router *r, unsigned effects, struct instant now);
/* The priority follows what it depends on. Returns effects. */
unsigned router_follow(struct router *r, struct instant now);
/* After a step: a handover may be at its end. Returns effects. */
unsigned router_became(struct router *r, const struct vrrp *before, struct instant now);
/* Tells the operator of a transition, if there was one; returns whether. */
bool router_tell(struct router *r, const struct vrrp *before, struct instant now);
void router_leave_for_maintenance(struct router *r, struct instant now);
