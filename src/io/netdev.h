/* This host's links, addresses and default routes over rtnetlink: all of them read, some of them
 * changed. For programs that come, act and leave: it waits and allocates (io/rtnl is for those that
 * may not). libnl's error codes never leave this module. */
#pragma once

#include "core/realserver.h"

struct netdev;

/* 0 or -errno. */
int netdev_open(struct netdev **ret);
void netdev_close(struct netdev *n); /* NULL is fine */

/* Fills links (without settings), addresses and routes; on failure, what was filled stays. Each
 * array is the caller's to free(). 0 or -errno. */
int netdev_read(struct netdev *n, struct realserver_have *have);

/* A tunnel device: one bound to `local` with the name; or, local family 0, the one that the
 * kernel's module brings along, whose module is loaded by asking for it. -EOPNOTSUPP: this kernel
 * has no such tunnel. -EEXIST: the name, or a device that takes the same packets, is there. 0 or
 * -errno. */
int netdev_add_tunnel(struct netdev *n, const char *name, enum realserver_kind kind,
	const struct addr *local, bool checksum);
/* -ENODEV: there is none. A module's own device stays, and that is no error. */
int netdev_remove(struct netdev *n, const char *name);
int netdev_set_up(struct netdev *n, const char *name, bool up);

/* -EEXIST: it has it. IPv6 addresses are usable at once, as nobody is asked whether they are free,
 * and deprecated: they are for answers only. */
int netdev_add_address(struct netdev *n, const char *name, const struct addr_prefix *addr);
/* -EADDRNOTAVAIL: it has it not. */
int netdev_remove_address(struct netdev *n, const char *name, const struct addr_prefix *addr);
