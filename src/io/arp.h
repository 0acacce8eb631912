/* Gratuitous ARP: telling the neighbours and switches of a link where addresses are now. */
#pragma once

#include "base/addr.h"
#include "core/moved.h"

#include <stddef.h>
#include <stdint.h>

#define ARP_MAC_LEN 6

/* A packet socket that sends ARP and receives nothing. Needs CAP_NET_RAW. Non-blocking descriptor
 * or -errno. */
int arp_open(void);

/* As what an address is announced: hosts update what they have by either, some only by a reply. */
enum arp_form {
	ARP_REQUEST = 1 << 0, /* RFC 5227's announcement: asks for itself */
	ARP_REPLY = 1 << 1,   /* answers what nobody asked */
};

/* One broadcast ARP packet of each of these forms for each IPv4 address: hosts update what they
 * have, and switches learn the port. Never blocks: 0, or the -errno of the first that could not be
 * sent; those after it are not sent either. */
int arp_announce(int fd, int ifindex, const uint8_t mac[static ARP_MAC_LEN], unsigned forms,
	const struct moved *items, size_t n);
