/* Layout, freshness and replay of signed adverts. The order of the checks is the draft's: what is
 * cheap comes first, and nothing is remembered of a sender that has not proved its key. */
#include "core/vrrp_auth.h"

#include "base/byteorder.h"

#include <assert.h>
#include <string.h>

#define TYPE_HMAC_SHA256_128 1
#define HMAC_LEN 16
#define US_PER_S UINT64_C(1000000)

/* Offsets in the trailer. */
enum {
	AT_TYPE = 0,
	AT_KEY_ID = 1,
	AT_RESERVED = 2,
	AT_SECONDS = 4,
	AT_FRACTION = 8,
	AT_COUNTER = 10,
	AT_HMAC = 12,
};

/* Offsets in the packet, and in what is signed before it. */
enum {
	PACKET_AT_VERSION = 0,
	PACKET_AT_VRID = 1,
	PACKET_AT_CHECKSUM = 6,
	PACKET_AFTER_CHECKSUM = 8,
	PSEUDO_AT_FAMILY = 0,
	PSEUDO_AT_VERSION = 1,
	PSEUDO_AT_VRID = 2,
	PSEUDO_AT_SOURCE = 4,
	PSEUDO_LEN = 20,
};

vrrp_stamp_t vrrp_stamp(uint64_t unix_us)
{
	uint64_t fraction = (unix_us % US_PER_S) * 65536 / US_PER_S;

	return (vrrp_stamp_t){unix_us / US_PER_S << 32 | fraction << 16};
}

static uint32_t seconds(vrrp_stamp_t t)
{
	return (uint32_t)(t.value >> 32);
}

/* RFC 1982: the clock may wrap. */
static bool is_later(vrrp_stamp_t a, vrrp_stamp_t b)
{
	return a.value != b.value && a.value - b.value < UINT64_C(1) << 63;
}

static bool is_within(vrrp_stamp_t t, vrrp_stamp_t now, uint16_t window_s)
{
	uint32_t ahead_s = seconds(t) - seconds(now), behind_s = seconds(now) - seconds(t);

	return ahead_s <= window_s || behind_s <= window_s;
}

/* The destination is left out, so that one signature serves all peers. */
static void compute(const struct vrrp_auth_key *key, const struct addr *source,
	const uint8_t *packet, size_t len, const uint8_t *trailer, uint8_t ret[static SHA256_LEN])
{
	static const uint8_t zero[HMAC_LEN];
	uint8_t pseudo[PSEUDO_LEN] = {0};
	struct hmac_sha256 h = key->hmac;

	pseudo[PSEUDO_AT_FAMILY] = source->family == AF_INET6 ? 6 : 4;
	pseudo[PSEUDO_AT_VERSION] = packet[PACKET_AT_VERSION] >> 4;
	pseudo[PSEUDO_AT_VRID] = packet[PACKET_AT_VRID];
	memcpy(pseudo + PSEUDO_AT_SOURCE, source->bytes, sizeof(source->bytes));
	hmac_sha256_add(&h, pseudo, sizeof(pseudo));
	hmac_sha256_add(&h, packet, PACKET_AT_CHECKSUM);
	hmac_sha256_add(&h, zero, 2);
	hmac_sha256_add(&h, packet + PACKET_AFTER_CHECKSUM, len - PACKET_AFTER_CHECKSUM);
	hmac_sha256_add(&h, trailer, AT_HMAC);
	hmac_sha256_add(&h, zero, sizeof(zero));
	hmac_sha256_end(&h, ret);
}

/* --- Sending --- */

/* Strictly later than the last one, and not before the clock. A clock that was set back by more
 * than the window would leave us ahead of everybody's window: begin again with it. */
static vrrp_stamp_t next_stamp(struct vrrp_auth *a, uint16_t window_s, vrrp_stamp_t now)
{
	vrrp_stamp_t next = {a->sent.value + 1};

	if (is_later(now, a->sent) || !is_within(a->sent, now, window_s))
		next = now;
	a->sent = next;
	return next;
}

void vrrp_auth_sign(struct vrrp_auth *a, const struct vrrp_auth_config *config,
	const struct addr *source, uint8_t *packet, size_t len, vrrp_stamp_t now)
{
	const struct vrrp_auth_key *key = &config->keys[config->active];
	vrrp_stamp_t stamp = next_stamp(a, config->window_s, now);
	uint8_t *trailer = packet + len, hmac[SHA256_LEN];

	assert(config->active < config->n_keys);
	memset(trailer, 0, VRRP_TRAILER_LEN);
	trailer[AT_TYPE] = TYPE_HMAC_SHA256_128;
	trailer[AT_KEY_ID] = key->id;
	be32_put(trailer + AT_SECONDS, seconds(stamp));
	be16_put(trailer + AT_FRACTION, (uint16_t)(stamp.value >> 16));
	be16_put(trailer + AT_COUNTER, (uint16_t)stamp.value);
	compute(key, source, packet, len, trailer, hmac);
	memcpy(trailer + AT_HMAC, hmac, HMAC_LEN);
}

/* --- Hearing --- */

static vrrp_stamp_t read_stamp(const uint8_t *trailer)
{
	return (vrrp_stamp_t){(uint64_t)be32_get(trailer + AT_SECONDS) << 32 |
			      (uint64_t)be16_get(trailer + AT_FRACTION) << 16 |
			      be16_get(trailer + AT_COUNTER)};
}

/* How long it takes tells nothing about where they differ. */
static bool same_hmac(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t differ = 0;

	for (size_t i = 0; i < HMAC_LEN; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

/* VRRP_OK: one of the keys of that id made the signature. */
static enum vrrp_reject check_hmac(const struct vrrp_auth_config *config,
	const struct vrrp_datagram *in, size_t packet_len, const uint8_t *trailer)
{
	enum vrrp_reject why = VRRP_REJECT_KEY;
	uint8_t hmac[SHA256_LEN];

	for (size_t i = 0; i < config->n_keys; i++) {
		if (config->keys[i].id != trailer[AT_KEY_ID])
			continue;
		compute(&config->keys[i], &in->source, in->bytes, packet_len, trailer, hmac);
		if (same_hmac(hmac, trailer + AT_HMAC))
			return VRRP_OK;
		why = VRRP_REJECT_HMAC;
	}
	return why;
}

uint8_t vrrp_auth_marks(const struct vrrp_peers *peers)
{
	return peers->n ? VRRP_PEERS_MAX : VRRP_AUTH_SOURCES;
}

static struct vrrp_auth_mark *find_mark(struct vrrp_auth *a, const struct addr *source)
{
	for (size_t i = 0; i < a->n_marks; i++)
		if (addr_equal(&a->marks[i].source, source))
			return &a->marks[i];
	return NULL;
}

/* The one that was used longest ago. In a group only a few are kept, as anybody with the key may
 * speak there; each peer of unicast has its own. */
static struct vrrp_auth_mark *take_mark(struct vrrp_auth *a, const struct vrrp_peers *peers)
{
	size_t n = vrrp_auth_marks(peers);
	struct vrrp_auth_mark *oldest = &a->marks[0];

	assert(n <= a->n_marks);
	for (size_t i = 1; i < n; i++)
		if (a->marks[i].used < oldest->used)
			oldest = &a->marks[i];
	return oldest;
}

/* A mark outside the window is of before somebody's clock was set, or of no use any more: what is
 * older than it is stale too. */
static bool is_new(const struct vrrp_auth_mark *mark, const struct vrrp_auth_config *config,
	vrrp_stamp_t stamp, vrrp_stamp_t now)
{
	return !mark || !is_within(mark->last, now, config->window_s) ||
	       is_later(stamp, mark->last);
}

enum vrrp_reject vrrp_auth_check(struct vrrp_auth *a, const struct vrrp_auth_config *config,
	const struct vrrp_peers *peers, const struct vrrp_datagram *in, size_t packet_len,
	vrrp_stamp_t now)
{
	const uint8_t *trailer = in->bytes + packet_len;
	struct vrrp_auth_mark *mark;
	enum vrrp_reject why;
	vrrp_stamp_t stamp;

	if (in->len == packet_len)
		return config->mode == VRRP_AUTH_ENFORCE ? VRRP_REJECT_UNSIGNED : VRRP_OK;
	if (in->len != packet_len + VRRP_TRAILER_LEN || trailer[AT_TYPE] != TYPE_HMAC_SHA256_128 ||
		be16_get(trailer + AT_RESERVED) != 0)
		return VRRP_REJECT_TRAILER;
	stamp = read_stamp(trailer);
	if (!is_within(stamp, now, config->window_s))
		return VRRP_REJECT_STALE;
	why = check_hmac(config, in, packet_len, trailer);
	if (why != VRRP_OK)
		return why;
	mark = find_mark(a, &in->source);
	if (!is_new(mark, config, stamp, now))
		return VRRP_REJECT_REPLAY;
	if (!mark)
		mark = take_mark(a, peers);
	*mark = (struct vrrp_auth_mark){in->source, stamp, ++a->uses};
	return VRRP_OK;
}
