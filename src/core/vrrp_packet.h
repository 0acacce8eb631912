/* The VRRP advert on the wire: version 3 (RFC 9568, section 5) for IPv4 and IPv6, version 2 (RFC
 * 3768) for IPv4. Bytes in, a value or a reason out. Section numbers are RFC 9568's unless they say
 * otherwise. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VRRP_ADDRS_MAX 255
#define VRRP_HEADER_LEN 8
#define VRRP_PASSWORD_LEN 8 /* the authentication data of version 2 */
#define VRRP_TRAILER_LEN 28 /* what signs an advert: core/vrrp_auth */
#define VRRP_PACKET_MAX (VRRP_HEADER_LEN + 16 * VRRP_ADDRS_MAX + VRRP_TRAILER_LEN)
#define VRRP_DATAGRAM_MAX (60 + VRRP_PACKET_MAX) /* with the longest IPv4 header */
#define VRRP_PROTOCOL 112
#define VRRP_TTL 255
#define VRRP_INTERVAL_MAX_CS 4095
#define VRRP_INTERVAL_MAX_CS_V2 25500
#define VRRP_PEERS_MAX 16

#define VRRP_PRIORITY_RESIGN 0 /* "I am leaving" (5.2.4) */
#define VRRP_PRIORITY_OWNER 255

/* Why a datagram is not an advert for us, in the order of the checks. Each value has one counter,
 * one log token and one test. */
enum vrrp_reject {
	VRRP_OK,
	VRRP_REJECT_IP,            /* not a whole, unfragmented datagram of protocol 112 */
	VRRP_REJECT_SHORT,         /* 7.1: the fixed header is not all there */
	VRRP_REJECT_VRID,          /* 7.1: no virtual router of ours */
	VRRP_REJECT_DESTINATION,   /* to the group, and we speak unicast; or the other way round */
	VRRP_REJECT_PEER,          /* unicast from somebody who is no peer */
	VRRP_REJECT_TTL,           /* 5.1.1.3, 5.1.2.3: it came from too far away */
	VRRP_REJECT_VERSION,       /* 7.1: not the router's */
	VRRP_REJECT_TYPE,          /* 7.1: not ADVERTISEMENT */
	VRRP_REJECT_COUNT,         /* 5.2.5: no address */
	VRRP_REJECT_LENGTH,        /* 7.1: the address list does not fill the datagram exactly */
	VRRP_REJECT_INTERVAL,      /* 5.2.7: zero */
	VRRP_REJECT_CHECKSUM_FORM, /* 5.2.8: right, if there were (or were not) a pseudo-header */
	VRRP_REJECT_CHECKSUM,      /* 5.2.8 */
	VRRP_REJECT_SIGNED,        /* it is signed, and we have no key */
	VRRP_REJECT_AUTH_TYPE,     /* RFC 3768, 7.1: a password, and we have none; or without */
	VRRP_REJECT_PASSWORD,      /* RFC 2338, 7.1: another one than ours */
	VRRP_REJECT_INTERVAL_MISMATCH, /* RFC 3768, 7.1: not ours */
	VRRP_REJECT_UNSIGNED,          /* the rest is core/vrrp_auth's */
	VRRP_REJECT_TRAILER,
	VRRP_REJECT_STALE,
	VRRP_REJECT_KEY,
	VRRP_REJECT_HMAC,
	VRRP_REJECT_REPLAY,
	VRRP_REJECT_MAX_
};
const char *vrrp_reject_name(enum vrrp_reject reject); /* "checksum" */
/* What the operator may look for; "" for what is junk. */
const char *vrrp_reject_hint(enum vrrp_reject reject);

/* A datagram of protocol 112, apart from its IP header. `bytes` are borrowed. */
struct vrrp_datagram {
	struct addr source, destination;
	uint8_t ttl; /* or hop limit */
	const uint8_t *bytes;
	size_t len;
};

/* What both ends of one virtual router must agree on. */
struct vrrp_format {
	uint16_t family;
	uint8_t version;    /* 2 (IPv4 only) or 3 */
	bool pseudo_header; /* version 3 on IPv4: sum it as RFC 5798 did */
	uint8_t min_ttl;    /* of what we take: 255, unless routers are in between */
	bool has_password;  /* version 2 */
	uint8_t password[VRRP_PASSWORD_LEN];
	bool takes_trailer;   /* a signature may follow; it is not looked at here */
	uint16_t interval_cs; /* version 2: of all adverts; a whole number of seconds */
};

struct vrrp_advert {
	struct addr source;
	uint8_t vrid;
	uint8_t priority;
	uint16_t interval_cs; /* 1..4095, or in version 2 100..25500 */
	uint8_t n_addrs;      /* at least 1 */
	uint16_t packet_len;  /* without a trailer; set by the parser */
	struct addr addrs[VRRP_ADDRS_MAX];
};

/* Whom adverts go to. None: the group (5.1.1.2, 5.1.2.2). */
struct vrrp_peers {
	uint8_t n;
	struct addr list[VRRP_PEERS_MAX];
};
size_t vrrp_peers_destinations(const struct vrrp_peers *peers);
struct addr vrrp_peers_destination(const struct vrrp_peers *peers, uint16_t family, size_t i);
/* Whether a datagram may be for us: VRRP_OK, VRRP_REJECT_DESTINATION or VRRP_REJECT_PEER. */
enum vrrp_reject vrrp_peers_check(const struct vrrp_peers *peers, const struct vrrp_datagram *in);

/* Take a whole IPv4 datagram, as a raw socket delivers it, apart. Bytes after its total length
 * (padding of short Ethernet frames) are left out. VRRP_OK, or VRRP_REJECT_IP with *ret untouched.
 */
enum vrrp_reject vrrp_datagram_parse(const uint8_t *bytes, size_t len, struct vrrp_datagram *ret);

/* Which virtual router of the sender's family it is for. VRRP_REJECT_SHORT when it does not say. */
enum vrrp_reject vrrp_packet_vrid(const struct vrrp_datagram *in, uint8_t *ret);

/* Decode an advert. Pure. *ret is written only on VRRP_OK and owns its bytes. VRID, peer and
 * destination are the caller's questions. */
enum vrrp_reject vrrp_packet_parse(
	const struct vrrp_format *format, const struct vrrp_datagram *in, struct vrrp_advert *ret);

/* How long the VRRP packet of an advert of so many addresses is; what signs it may follow. */
size_t vrrp_packet_len(const struct vrrp_format *format, uint8_t n_addrs);

/* Encode an advert's VRRP packet, with no checksum yet; `source` is not part of it. 1..255
 * addresses, all of the format's family. Returns its length. */
size_t vrrp_packet_build(const struct vrrp_format *format, const struct vrrp_advert *advert,
	uint8_t ret[static VRRP_PACKET_MAX]);
/* Put the checksum in, for one destination. `len` with the trailer, if there is one. */
void vrrp_packet_seal(const struct vrrp_format *format, const struct addr *source,
	const struct addr *destination, uint8_t *packet, size_t len);
