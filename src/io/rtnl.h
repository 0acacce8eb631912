/* rtnetlink: addresses, routes and rules set and removed many at a time; links, addresses, and what
 * others remove of these, watched. Never blocks:
 * the kernel answers requests while they are sent. libnl's error codes never leave this module. */
#pragma once

#include "base/addr.h"
#include "core/moved.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTNL_MAC_LEN 6
#define RTNL_BATCH_MAX 255
#define RTNL_PROTOCOL 116 /* whose routes and rules are ours: "t" */

struct rtnl;

struct rtnl_link {
	int ifindex;
	const char *name;
	bool up;      /* administratively up, with carrier */
	uint32_t mtu; /* 0: it was not told */
	uint8_t mac[RTNL_MAC_LEN];
};

/* Called from rtnl_read() and rtnl_dump(). Handlers may change addresses, but must not dump. */
/* NULL: of no interest. */
struct rtnl_handler {
	void (*link)(const struct rtnl_link *link, void *userdata);
	void (*link_gone)(int ifindex, void *userdata);
	void (*addr)(int ifindex, const struct addr_prefix *addr, bool present, void *userdata);
	/* A route or rule of RTNL_PROTOCOL was removed. Of a route the
	 * destination and the table are told, of a rule its family and priority. */
	void (*route_gone)(const struct moved *what, void *userdata);
};

/* `handler` is borrowed. Needs no privilege; changing addresses needs CAP_NET_ADMIN. 0 or -errno.
 */
int rtnl_open(const struct rtnl_handler *handler, void *userdata, struct rtnl **ret);
void rtnl_close(struct rtnl *r); /* NULL is fine */

/* Readable when something changed: then call rtnl_read(). */
int rtnl_fd(const struct rtnl *r);
/* Tell the handler all that changed. -ENOBUFS: changes were lost, so dump. 0 or -errno. */
int rtnl_read(struct rtnl *r);
/* Tell the handler about each link and each IPv4 address there is: an interface's own, from which
 * adverts may come, are of that family. 0 or -errno. */
int rtnl_dump(struct rtnl *r);

enum rtnl_change {
	RTNL_ADD,
	RTNL_REMOVE,
};

/* Add or remove up to RTNL_BATCH_MAX things of one kind, of both families, in one message to the
 * kernel. ifindex 0: a route without an interface, or a rule. What is there already, or already
 * gone, is fine. *ret_changed: how many were not. IPv6 addresses are added without duplicate
 * address detection, and deprecated: usable, never this host's choice for a source. Routes and
 * rules are of RTNL_PROTOCOL: others like them are not removed. All are tried; returns 0 or the
 * first -errno
 * (-EACCES: IPv6 is disabled on the interface). */
int rtnl_change(struct rtnl *r, enum rtnl_change change, int ifindex, const struct moved *items,
	size_t n, size_t *ret_changed);

/* A macvlan in private mode on the interface `parent`, with that MAC address. It is down, makes no
 * addresses of its own, answers ARP for what it has and nothing else, and filters by that value of
 * rp_filter. -EEXIST: the name is taken. -EOPNOTSUPP: this kernel has no such device. 0 or -errno.
 * Loading the kernel's module is waited for. */
int rtnl_add_macvlan(struct rtnl *r, const char *name, int parent,
	const uint8_t mac[static RTNL_MAC_LEN], uint32_t rp_filter);
/* -ENODEV: there is no such interface. 0 or -errno. */
int rtnl_set_up(struct rtnl *r, int ifindex, bool up);
/* Waits for all who still use it: milliseconds, seldom more. */
int rtnl_remove_link(struct rtnl *r, int ifindex);
