/* Gratuitous ARP: telling the neighbours and switches of a link where addresses are now. */
#pragma once

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>

#define ARP_MAC_LEN 6

/* A packet socket that sends ARP and receives nothing. Needs CAP_NET_RAW. Non-blocking descriptor
 * or -errno. */
int arp_open(void);

/* One broadcast ARP request for each IPv4 address, by whom it asks for: hosts update what they
 * have, and switches learn the port. Never blocks: 0, or the -errno of the first that could not be
 * sent; those after it are not sent either. */
int arp_announce(int fd, int ifindex, const uint8_t mac[static ARP_MAC_LEN],
	const struct addr_prefix *addrs, size_t n);
