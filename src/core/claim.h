/* Another host says that a virtual address is at its own MAC: what ARP (RFC 826) and Neighbour
 * Advertisements (RFC 4861, 4.4) claim, and when it is worth telling of. Nobody configures a
 * virtual address by hand and means well; the neighbours believe whoever spoke last. */
#pragma once

#include "base/addr.h"
#include "base/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLAIM_MAC_LEN 6
#define CLAIM_TEXT_MAX (ADDR_TEXT_MAX + 24)
#define CLAIM_FRESH_US UINT64_C(300000000) /* the last one is a problem for so long */
#define CLAIM_TELL_US UINT64_C(60000000)   /* it is told again after that */

struct claim {
	struct addr addr;
	uint8_t mac[CLAIM_MAC_LEN];
};

/* An ARP packet without its Ethernet header. False: it claims nothing, such as a probe (RFC 5227),
 * or is none for Ethernet and IPv4. *ret is written only on success. */
bool claim_parse_arp(const uint8_t *packet, size_t len, struct claim *ret);
/* An ICMPv6 message. False: it is no Neighbour Advertisement, or none with a MAC. */
bool claim_parse_na(const uint8_t *message, size_t len, struct claim *ret);

/* "192.0.2.100 is at 52:54:00:12:34:56". Returns buf. */
const char *claim_text(const struct claim *claim, char buf[static CLAIM_TEXT_MAX]);

/* What was heard of a virtual router's addresses. Zero-initialise. */
struct claim_watch {
	uint64_t heard;
	struct claim last;
	struct instant at, told;
};

/* While we have the address. Returns whether to tell of it: nothing was told in the last minute. */
bool claim_heard(struct claim_watch *w, const struct claim *claim, struct instant now);
/* Whether one was heard lately. */
bool claim_is_fresh(const struct claim_watch *w, struct instant now);
