/* Which of its addresses this host uses for what, as far as sockets say it. */
#pragma once

#include "base/addr.h"

#include <net/if.h>

/* The address that a packet to `to` would come from. 0 or -errno: -ENETUNREACH without a route. */
int way_source(const struct addr *to, struct addr *ret);
/* The first address of a family that the interface has for itself: in IPv6 a global one that is not
 * deprecated. 0 or -errno: -EADDRNOTAVAIL without one. */
int way_of_interface(const char *interface, uint16_t family, struct addr *ret);
/* The interface that has the IPv4 address. 0 or -errno: -EADDRNOTAVAIL. */
int way_interface(const struct addr *address, char ret[static IF_NAMESIZE]);
