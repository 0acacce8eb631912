/* Signed adverts: the HMAC trailer of keepalived 2.4.2 and later (draft-cassen-vrrp-auth-hmac),
 * which follows the packet. It proves that who sent an advert has the key, and that the advert is
 * new. Time is the wall clock's, as a value. */
#pragma once

#include "base/addr.h"
#include "base/sha256.h"
#include "core/vrrp_packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VRRP_AUTH_KEYS_MAX 8
#define VRRP_AUTH_KEY_MIN 32
#define VRRP_AUTH_KEY_MAX 64
#define VRRP_AUTH_SOURCES 4 /* who may speak in a multicast group and be told apart */
#define VRRP_AUTH_WINDOW_MAX_S 300

/* An instant of the wall clock, and the number of an advert: seconds since 1970 in the upper 32
 * bits, 1/65536 of a second in 16, a counter in the lowest 16. */
typedef struct {
	uint64_t value;
} vrrp_stamp_t;
vrrp_stamp_t vrrp_stamp(uint64_t unix_us);

enum vrrp_auth_mode {
	VRRP_AUTH_OFF,
	VRRP_AUTH_ENFORCE,      /* sign; hear what is signed */
	VRRP_AUTH_PERMISSIVE,   /* sign; hear what is not signed too */
	VRRP_AUTH_RECEIVE_ONLY, /* do not sign; hear what is not signed too */
};

struct vrrp_auth_key {
	uint8_t id; /* 1..255; several may have the same, and are tried in turn */
	struct hmac_sha256 hmac;
};

struct vrrp_auth_config {
	enum vrrp_auth_mode mode;
	uint16_t window_s; /* how far a sender's clock may be from ours */
	uint8_t active;    /* index of the key that signs */
	uint8_t n_keys;    /* at most VRRP_AUTH_KEYS_MAX */
	struct vrrp_auth_key *keys;
};

/* What was heard last from one source. */
struct vrrp_auth_mark {
	struct addr source; /* family 0: unused */
	vrrp_stamp_t last;
	uint64_t used; /* the larger, the later */
};

/* Of one virtual router. One that is zeroed, but for its marks' being there, has heard and sent
 * nothing; to send alone, it needs none. */
struct vrrp_auth {
	vrrp_stamp_t sent;
	uint64_t uses;
	struct vrrp_auth_mark *marks; /* zeroed at first */
	uint8_t n_marks;
};
/* How many marks it takes to hear these. */
uint8_t vrrp_auth_marks(const struct vrrp_peers *peers);

/* Write the trailer behind a packet of `len` bytes, whose checksum may be anything. */
void vrrp_auth_sign(struct vrrp_auth *a, const struct vrrp_auth_config *config,
	const struct addr *source, uint8_t *packet, size_t len, vrrp_stamp_t now);

/* Whether an advert that vrrp_packet_parse() has accepted is to be believed: VRRP_OK, or a reason
 * from VRRP_REJECT_UNSIGNED on. `packet_len` is without the trailer. `peers`: who may speak; none:
 * a group. */
enum vrrp_reject vrrp_auth_check(struct vrrp_auth *a, const struct vrrp_auth_config *config,
	const struct vrrp_peers *peers, const struct vrrp_datagram *in, size_t packet_len,
	vrrp_stamp_t now);
