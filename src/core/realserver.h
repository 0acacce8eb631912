/* What a host must be set to so that it can be a real server: a rule for each forwarding method.
 * Wanted is what a configuration says of this host, had is what the kernel says of it; an item
 * is one thing that must be so, a step makes it so or takes it back. */
#pragma once

#include "base/addr.h"
#include "core/service_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REALSERVER_USES_MAX 4096
#define REALSERVER_LINK_MAX 16 /* an interface's name with its NUL (IFNAMSIZ) */
#define REALSERVER_SETTING_MAX 64
#define REALSERVER_VALUE_MAX 12
#define REALSERVER_TEXT_MAX 320

/* --- Wanted --- */

enum realserver_way {
	REALSERVER_NAT,
	REALSERVER_DIRECT,
	REALSERVER_TUNNEL,
	REALSERVER_FULLNAT,
};

/* One address on which a service reaches this host by one of the pools' servers. */
struct realserver_use {
	enum realserver_way way;
	struct addr address; /* the server's: where the outer packet goes */
	struct addr vip;     /* where the inner one goes; all zero: a mark that names no address */
	enum ipvs_tunnel tunnel;
	uint16_t port;  /* gue's */
	uint32_t flags; /* IPVS_TUNNEL_CHECKSUM or _REMOTE_CHECKSUM */
	/* For messages; borrowed. */
	const char *service, *pool, *server;
};

/* An address that moves between the directors. */
struct realserver_floating {
	const char *router;
	struct addr_prefix addr;
};

struct realserver_want {
	struct realserver_use *uses; /* sorted, see realserver_sort_uses() */
	size_t n_uses;
	const struct realserver_floating *floating;
	size_t n_floating;
	bool director; /* this host is one of the directors too, and may own virtual addresses */
};

/* Sorts; those that ask nothing new (another port of the same address) are dropped. Returns how
 * many remain. */
size_t realserver_sort_uses(struct realserver_use *uses, size_t n);

/* --- Had --- */

enum realserver_kind {
	REALSERVER_PLAIN, /* no tunnel, or none that could serve */
	REALSERVER_IPIP,
	REALSERVER_SIT,
	REALSERVER_IP6TNL,
	REALSERVER_GRE,
	REALSERVER_IP6GRE,
	REALSERVER_KIND_MAX_
};
const char *realserver_kind_name(enum realserver_kind kind); /* the kernel's: "ipip", "sit" ... */

/* net.ipv4.conf.NAME.*, net.ipv6.conf.NAME.disable_ipv6. -1: there is none. */
struct realserver_settings {
	int arp_ignore, arp_announce, rp_filter, disable_ipv6;
};

struct realserver_link {
	char name[REALSERVER_LINK_MAX];
	int ifindex;
	enum realserver_kind kind;
	bool up, loopback;
	bool arp; /* it resolves addresses by ARP or neighbour discovery */
	uint32_t mtu;
	/* Of a tunnel: */
	struct addr local; /* family 0: any */
	bool has_remote;   /* takes packets of one sender only */
	bool checksum;     /* gre: takes packets with a checksum, and no others */
	struct realserver_settings settings;
};

struct realserver_address {
	int ifindex;
	struct addr_prefix addr;
};

/* A UDP port behind which there is a tunnel. */
struct realserver_listener {
	uint16_t family, port;
	bool gue; /* else plain fou, which takes no gue */
};

struct realserver_route {
	struct addr gateway; /* family 0: none, the network itself */
	uint16_t family;
};

struct realserver_have {
	struct realserver_link *links;
	size_t n_links;
	struct realserver_address *addresses;
	size_t n_addresses;
	struct realserver_listener *listeners;
	size_t n_listeners;
	struct realserver_route *routes; /* default routes, the best one of a family first */
	size_t n_routes;
	struct realserver_settings all;
	struct realserver_settings defaults; /* what a new link gets */
};

/* NULL: there is none. */
const struct realserver_link *realserver_find_link(
	const struct realserver_have *have, const char *name);
/* The kernel takes the larger of the two. link NULL: of a link that is yet to come. */
int realserver_rp_filter(const struct realserver_have *have, const struct realserver_link *link);

/* --- Items --- */

enum realserver_what {
	REALSERVER_SETTING,
	REALSERVER_DEVICE,   /* a tunnel device exists */
	REALSERVER_LISTENER, /* and so does what takes the UDP header off */
	REALSERVER_UP,       /* a link is up */
	REALSERVER_ADDRESS,  /* a virtual address is on a link, as a host's */
	REALSERVER_WHAT_MAX_
};

enum realserver_setting {
	REALSERVER_ARP_IGNORE, /* all links together */
	REALSERVER_ARP_ANNOUNCE,
	REALSERVER_RP_FILTER, /* of `link` */
	REALSERVER_IPV6,      /* disable_ipv6 of `link` */
};

struct realserver_item {
	enum realserver_what what;
	char link[REALSERVER_LINK_MAX];
	/* REALSERVER_SETTING: its name below /proc/sys, what it becomes, and, in a record and in a
	 * step, what it was. */
	enum realserver_setting setting;
	char name[REALSERVER_SETTING_MAX];
	char value[REALSERVER_VALUE_MAX], old[REALSERVER_VALUE_MAX];
	/* REALSERVER_DEVICE */
	enum realserver_kind kind;
	struct addr local;
	bool checksum;
	/* REALSERVER_LISTENER */
	uint16_t family, port;
	/* REALSERVER_ADDRESS */
	struct addr_prefix addr;
	/* The use that asked first; not in a record. */
	const struct realserver_use *use;
};

/* What was done before, in its order: a step undone, or not wanted any more, goes from it. */
struct realserver_record {
	const struct realserver_item *items;
	size_t n;
};

/* Whether they are about the same thing. */
bool realserver_item_equal(const struct realserver_item *a, const struct realserver_item *b);
/* Whether it is so. */
bool realserver_is_so(const struct realserver_item *item, const struct realserver_have *have);

/* The most items that a want can have. */
size_t realserver_items_max(const struct realserver_want *want);
/* All that must be so, in the order in which to make it so: silence before there is an address to
 * be silent about, a device before its settings, the address at last. An address that somebody
 * else put where it serves as well stays there. Returns how many were written. */
size_t realserver_items(const struct realserver_want *want, const struct realserver_have *have,
	const struct realserver_record *record, struct realserver_item *ret);

/* --- Steps --- */

struct realserver_step {
	bool undo; /* take back what is recorded */
	struct realserver_item item;
};

/* What is recorded and not among the items any more is taken back, the latest first; what is not so
 * is made so. ret has room for the record and the items. Returns how many were written. */
size_t realserver_plan(const struct realserver_item *items, size_t n_items,
	const struct realserver_have *have, const struct realserver_record *record,
	struct realserver_step *ret);
/* All that is recorded, the latest first. ret has room for the record. */
size_t realserver_undo(const struct realserver_record *record, struct realserver_step *ret);

/* "add address 192.0.2.100/32 to lo". Returns buf. */
const char *realserver_step_format(
	const struct realserver_step *step, char buf[static REALSERVER_TEXT_MAX]);
/* "ipip", "gue on UDP port 6080 with checksum" ... Returns buf. */
const char *realserver_tunnel_format(
	const struct realserver_use *use, char buf[static REALSERVER_TEXT_MAX]);
