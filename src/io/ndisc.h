/* Unsolicited Neighbour Advertisements (RFC 4861, 7.2.6): what gratuitous ARP is to IPv4. */
#pragma once

#include "base/addr.h"
#include "core/moved.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NDISC_MAC_LEN 6
#define NDISC_PACKET_LEN 72 /* from the IPv6 header on */

/* A packet socket that sends and receives nothing. Needs CAP_NET_RAW. Non-blocking descriptor or
 * -errno. */
int ndisc_open(void);

/* Whether the host forwards what arrives on the interface, which advertisements tell. False when it
 * cannot be known. */
bool ndisc_is_router(const char *interface);

/* The packet for one IPv6 address. Pure. */
void ndisc_build(uint8_t ret[static NDISC_PACKET_LEN], const uint8_t mac[static NDISC_MAC_LEN],
	bool router, const struct addr *addr);

/* One advertisement for each IPv6 address to all nodes of the link, overriding what they have.
 * Never blocks: 0, or the -errno of the first that could not be sent. */
int ndisc_announce(int fd, int ifindex, const uint8_t mac[static NDISC_MAC_LEN], bool router,
	const struct moved *items, size_t n);
