/* The VRRPv3 advert on the wire (RFC 9568, section 5), for IPv4. Bytes in, a value or a reason out.
 * Section numbers are RFC 9568's. */
#pragma once

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>

#define VRRP_ADDRS_MAX 255
#define VRRP_HEADER_LEN 8
#define VRRP_PACKET_MAX (VRRP_HEADER_LEN + 4 * VRRP_ADDRS_MAX)
#define VRRP_DATAGRAM_MAX (60 + VRRP_PACKET_MAX) /* with the longest IPv4 header */
#define VRRP_PROTOCOL 112
#define VRRP_TTL 255
#define VRRP_INTERVAL_MAX_CS 4095

#define VRRP_PRIORITY_RESIGN 0 /* "I am leaving" (5.2.4) */
#define VRRP_PRIORITY_OWNER 255

/* Why a datagram is not an advert, in the order of the checks. Each value has one counter, one log
 * token and one test. */
enum vrrp_reject {
	VRRP_OK,
	VRRP_REJECT_IP,       /* not a whole, unfragmented IPv4 datagram of protocol 112 */
	VRRP_REJECT_TTL,      /* 5.1.1.3: TTL is not 255 */
	VRRP_REJECT_SHORT,    /* 7.1: the fixed header is not all there */
	VRRP_REJECT_VERSION,  /* 7.1: not 3 */
	VRRP_REJECT_TYPE,     /* 7.1: not ADVERTISEMENT */
	VRRP_REJECT_COUNT,    /* 5.2.5: no address */
	VRRP_REJECT_LENGTH,   /* 7.1: the address list does not fill the datagram exactly */
	VRRP_REJECT_INTERVAL, /* 5.2.7: zero */
	VRRP_REJECT_CHECKSUM, /* 5.2.8 */
	VRRP_REJECT_MAX_
};
const char *vrrp_reject_name(enum vrrp_reject reject); /* "checksum" */

struct vrrp_advert {
	struct addr source;
	uint8_t vrid;
	uint8_t priority;
	uint16_t interval_cs; /* 1..4095 */
	uint8_t n_addrs;      /* at least 1 */
	struct addr addrs[VRRP_ADDRS_MAX];
};

/* Decode a whole IPv4 datagram as a raw socket delivers it. Bytes after its total length (padding
 * of short Ethernet frames) are ignored. Pure. *ret is written only on VRRP_OK and owns its bytes.
 * Whether the VRID is ours is the caller's question. */
enum vrrp_reject vrrp_datagram_parse(const uint8_t *bytes, size_t len, struct vrrp_advert *ret);

/* Decode the VRRP packet alone, whose IP header said TTL and source. */
enum vrrp_reject vrrp_packet_parse(const struct addr *source, uint8_t ttl, const uint8_t *bytes,
	size_t len, struct vrrp_advert *ret);

/* Encode an advert's VRRP packet; `source` is not part of it. 1..255 addresses, all IPv4.
 * Returns its length. */
size_t vrrp_packet_build(const struct vrrp_advert *advert, uint8_t ret[static VRRP_PACKET_MAX]);
