/* The codec of adverts. This module decides what is an advert and what is not; it does not know
 * which virtual routers exist, and never says anything about what it refused. */
#include "core/vrrp_packet.h"

#include "base/byteorder.h"

#include <assert.h>
#include <string.h>

#define TYPE_ADVERTISEMENT 1
#define SECOND_CS 100

/* Offsets in the packet (5.2; RFC 3768, 5.1). */
enum {
	AT_VERSION_TYPE = 0,
	AT_VRID = 1,
	AT_PRIORITY = 2,
	AT_COUNT = 3,
	AT_INTERVAL = 4, /* version 3: its upper four bits are reserved */
	AT_AUTH_TYPE = 4,
	AT_SECONDS = 5,
	AT_CHECKSUM = 6,
};

enum {
	AUTH_NONE = 0,
	AUTH_PASSWORD = 1, /* RFC 2338, 5.3.6.2 */
};

/* Offsets in the IPv4 header (RFC 791). */
enum {
	IP_AT_VERSION_IHL = 0,
	IP_AT_TOTAL_LENGTH = 2,
	IP_AT_FRAGMENT = 6,
	IP_AT_TTL = 8,
	IP_AT_PROTOCOL = 9,
	IP_AT_SOURCE = 12,
	IP_AT_DESTINATION = 16,
	IP_HEADER_MIN = 20,
};
#define IP_FRAGMENT_MASK 0x3fff /* more fragments, and the offset */

const char *vrrp_reject_name(enum vrrp_reject reject)
{
	static const char *const names[VRRP_REJECT_MAX_] = {
		[VRRP_OK] = "ok",
		[VRRP_REJECT_IP] = "ip",
		[VRRP_REJECT_SHORT] = "short",
		[VRRP_REJECT_VRID] = "vrid",
		[VRRP_REJECT_DESTINATION] = "destination",
		[VRRP_REJECT_PEER] = "peer",
		[VRRP_REJECT_TTL] = "ttl",
		[VRRP_REJECT_VERSION] = "version",
		[VRRP_REJECT_TYPE] = "type",
		[VRRP_REJECT_COUNT] = "count",
		[VRRP_REJECT_LENGTH] = "length",
		[VRRP_REJECT_INTERVAL] = "interval",
		[VRRP_REJECT_CHECKSUM_FORM] = "checksum-form",
		[VRRP_REJECT_CHECKSUM] = "checksum",
		[VRRP_REJECT_SIGNED] = "signed",
		[VRRP_REJECT_AUTH_TYPE] = "auth-type",
		[VRRP_REJECT_PASSWORD] = "password",
		[VRRP_REJECT_INTERVAL_MISMATCH] = "interval-mismatch",
		[VRRP_REJECT_UNSIGNED] = "unsigned",
		[VRRP_REJECT_TRAILER] = "trailer",
		[VRRP_REJECT_KEY] = "key",
		[VRRP_REJECT_STALE] = "stale",
		[VRRP_REJECT_HMAC] = "hmac",
		[VRRP_REJECT_REPLAY] = "replay",
	};

	assert(reject < VRRP_REJECT_MAX_);
	return names[reject];
}

const char *vrrp_reject_hint(enum vrrp_reject reject)
{
	static const char *const hints[VRRP_REJECT_MAX_] = {
		[VRRP_REJECT_DESTINATION] = "one end speaks unicast, the other multicast",
		[VRRP_REJECT_PEER] = "the sender is not in unicast",
		[VRRP_REJECT_TTL] = "it came through a router; see min_ttl",
		[VRRP_REJECT_VERSION] = "the ends differ in their version",
		[VRRP_REJECT_CHECKSUM_FORM] =
			"it is right in the other form; see checksum, which must be the same on "
			"both ends",
		[VRRP_REJECT_SIGNED] = "the sender signs its adverts, and here is no key; see auth",
		[VRRP_REJECT_AUTH_TYPE] = "one end has a password, the other none",
		[VRRP_REJECT_PASSWORD] = "the ends differ in their password",
		[VRRP_REJECT_INTERVAL_MISMATCH] =
			"version 2 needs the same advert_interval on both ends",
		[VRRP_REJECT_UNSIGNED] = "the sender does not sign its adverts",
		[VRRP_REJECT_KEY] = "the sender signs with a key_id that is not here",
		[VRRP_REJECT_STALE] = "the clocks of sender and receiver differ",
		[VRRP_REJECT_HMAC] = "the sender has another key by this key_id",
		[VRRP_REJECT_REPLAY] = "it was heard before, or is older than what was",
	};

	assert(reject < VRRP_REJECT_MAX_);
	return hints[reject] ? hints[reject] : "";
}

static struct addr read_addr(uint16_t family, const uint8_t *bytes)
{
	struct addr a = {.family = family};

	memcpy(a.bytes, bytes, addr_len(&a));
	return a;
}

static size_t addr_size(const struct vrrp_format *format)
{
	return format->family == AF_INET6 ? 16 : 4;
}

size_t vrrp_packet_len(const struct vrrp_format *format, uint8_t count)
{
	return VRRP_HEADER_LEN + addr_size(format) * count +
	       (format->version == 2 ? VRRP_PASSWORD_LEN : 0);
}

/* --- Whom adverts go to --- */

size_t vrrp_peers_destinations(const struct vrrp_peers *peers)
{
	return peers->n ? peers->n : 1;
}

struct addr vrrp_peers_destination(const struct vrrp_peers *peers, uint16_t family, size_t i)
{
	static const struct addr group = {AF_INET, {224, 0, 0, 18}};
	static const struct addr group6 = {AF_INET6, {0xff, 0x02, [15] = 0x12}};

	if (peers->n)
		return peers->list[i];
	return family == AF_INET6 ? group6 : group;
}

enum vrrp_reject vrrp_peers_check(const struct vrrp_peers *peers, const struct vrrp_datagram *in)
{
	if (addr_is_multicast(&in->destination) != (peers->n == 0))
		return VRRP_REJECT_DESTINATION;
	for (size_t i = 0; i < peers->n; i++)
		if (addr_equal(&peers->list[i], &in->source))
			return VRRP_OK;
	return peers->n ? VRRP_REJECT_PEER : VRRP_OK;
}

/* --- Checksum (5.2.8) --- */

/* One's complement sum of 16-bit words (RFC 1071). All lengths here are even. */
static uint32_t add_words(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += be16_get(bytes + i);
	return sum;
}

/* RFC 8200, 8.1; RFC 5798 used the like for IPv4. */
static uint32_t add_pseudo_header(
	uint32_t sum, const struct addr *source, const struct addr *destination, size_t len)
{
	sum = add_words(sum, source->bytes, sizeof(source->bytes));
	sum = add_words(sum, destination->bytes, sizeof(destination->bytes));
	return sum + (uint32_t)len + VRRP_PROTOCOL;
}

static bool has_pseudo_header(const struct vrrp_format *format)
{
	return format->family == AF_INET6 || (format->version == 3 && format->pseudo_header);
}

/* 0 over bytes that carry their right checksum. A trailer is summed on IPv6 alone, where the
 * kernel may be the one that does it. */
static uint16_t checksum(const struct vrrp_format *format, const struct addr *source,
	const struct addr *destination, const uint8_t *packet, size_t len)
{
	uint32_t sum = 0;

	if (format->family != AF_INET6)
		len = vrrp_packet_len(format, packet[AT_COUNT]);
	if (has_pseudo_header(format))
		sum = add_pseudo_header(sum, source, destination, len);
	sum = add_words(sum, packet, len);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static enum vrrp_reject check_sum(const struct vrrp_format *format, const struct vrrp_datagram *in)
{
	struct vrrp_format other = *format;

	if (checksum(format, &in->source, &in->destination, in->bytes, in->len) == 0)
		return VRRP_OK;
	if (format->family != AF_INET || format->version != 3)
		return VRRP_REJECT_CHECKSUM;
	other.pseudo_header = !format->pseudo_header;
	return checksum(&other, &in->source, &in->destination, in->bytes, in->len) == 0
		       ? VRRP_REJECT_CHECKSUM_FORM
		       : VRRP_REJECT_CHECKSUM;
}

/* --- Parse --- */

enum vrrp_reject vrrp_datagram_parse(const uint8_t *bytes, size_t len, struct vrrp_datagram *ret)
{
	size_t header_len, total_len;

	if (len < IP_HEADER_MIN || bytes[IP_AT_VERSION_IHL] >> 4 != 4)
		return VRRP_REJECT_IP;
	header_len = 4 * (size_t)(bytes[IP_AT_VERSION_IHL] & 0x0f);
	total_len = be16_get(bytes + IP_AT_TOTAL_LENGTH);
	if (header_len < IP_HEADER_MIN || total_len < header_len || total_len > len)
		return VRRP_REJECT_IP;
	if (be16_get(bytes + IP_AT_FRAGMENT) & IP_FRAGMENT_MASK ||
		bytes[IP_AT_PROTOCOL] != VRRP_PROTOCOL)
		return VRRP_REJECT_IP;
	*ret = (struct vrrp_datagram){
		.source = read_addr(AF_INET, bytes + IP_AT_SOURCE),
		.destination = read_addr(AF_INET, bytes + IP_AT_DESTINATION),
		.ttl = bytes[IP_AT_TTL],
		.bytes = bytes + header_len,
		.len = total_len - header_len,
	};
	return VRRP_OK;
}

enum vrrp_reject vrrp_packet_vrid(const struct vrrp_datagram *in, uint8_t *ret)
{
	if (in->len < VRRP_HEADER_LEN)
		return VRRP_REJECT_SHORT;
	*ret = in->bytes[AT_VRID];
	return VRRP_OK;
}

static uint16_t read_interval_cs(const struct vrrp_format *format, const uint8_t *packet)
{
	if (format->version == 2)
		return (uint16_t)(packet[AT_SECONDS] * SECOND_CS);
	return be16_get(packet + AT_INTERVAL) & VRRP_INTERVAL_MAX_CS;
}

static enum vrrp_reject check_length(
	const struct vrrp_format *format, const struct vrrp_datagram *in)
{
	size_t len = vrrp_packet_len(format, in->bytes[AT_COUNT]);

	return in->len == len || in->len == len + VRRP_TRAILER_LEN ? VRRP_OK : VRRP_REJECT_LENGTH;
}

/* How long it takes tells nothing about where they differ. */
static bool same_password(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t differ = 0;

	for (size_t i = 0; i < VRRP_PASSWORD_LEN; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static enum vrrp_reject check_version_2(
	const struct vrrp_format *format, const struct vrrp_datagram *in)
{
	uint8_t type = format->has_password ? AUTH_PASSWORD : AUTH_NONE;
	const uint8_t *password =
		in->bytes + vrrp_packet_len(format, in->bytes[AT_COUNT]) - VRRP_PASSWORD_LEN;

	if (in->bytes[AT_AUTH_TYPE] != type)
		return VRRP_REJECT_AUTH_TYPE;
	if (format->has_password && !same_password(password, format->password))
		return VRRP_REJECT_PASSWORD;
	if (read_interval_cs(format, in->bytes) != format->interval_cs)
		return VRRP_REJECT_INTERVAL_MISMATCH;
	return VRRP_OK;
}

static enum vrrp_reject check(const struct vrrp_format *format, const struct vrrp_datagram *in)
{
	enum vrrp_reject why;

	if (in->len < VRRP_HEADER_LEN)
		return VRRP_REJECT_SHORT;
	if (in->ttl < format->min_ttl)
		return VRRP_REJECT_TTL;
	if (in->bytes[AT_VERSION_TYPE] >> 4 != format->version)
		return VRRP_REJECT_VERSION;
	if ((in->bytes[AT_VERSION_TYPE] & 0x0f) != TYPE_ADVERTISEMENT)
		return VRRP_REJECT_TYPE;
	if (in->bytes[AT_COUNT] == 0)
		return VRRP_REJECT_COUNT;
	why = check_length(format, in);
	if (why != VRRP_OK)
		return why;
	if (read_interval_cs(format, in->bytes) == 0)
		return VRRP_REJECT_INTERVAL;
	why = check_sum(format, in);
	if (why != VRRP_OK)
		return why;
	if (in->len != vrrp_packet_len(format, in->bytes[AT_COUNT]) && !format->takes_trailer)
		return VRRP_REJECT_SIGNED;
	return format->version == 2 ? check_version_2(format, in) : VRRP_OK;
}

enum vrrp_reject vrrp_packet_parse(
	const struct vrrp_format *format, const struct vrrp_datagram *in, struct vrrp_advert *ret)
{
	enum vrrp_reject why = check(format, in);
	const uint8_t *bytes = in->bytes;

	if (why != VRRP_OK)
		return why;
	ret->source = in->source;
	ret->vrid = bytes[AT_VRID];
	ret->priority = bytes[AT_PRIORITY];
	ret->interval_cs = read_interval_cs(format, bytes);
	ret->n_addrs = bytes[AT_COUNT];
	ret->packet_len = (uint16_t)vrrp_packet_len(format, ret->n_addrs);
	for (size_t i = 0; i < ret->n_addrs; i++)
		ret->addrs[i] =
			read_addr(format->family, bytes + VRRP_HEADER_LEN + addr_size(format) * i);
	return VRRP_OK;
}

/* --- Build --- */

static void put_version_2(
	const struct vrrp_format *format, const struct vrrp_advert *advert, uint8_t *ret)
{
	uint8_t *password = ret + vrrp_packet_len(format, advert->n_addrs) - VRRP_PASSWORD_LEN;

	assert(advert->interval_cs % SECOND_CS == 0);
	assert(advert->interval_cs <= VRRP_INTERVAL_MAX_CS_V2);
	ret[AT_AUTH_TYPE] = format->has_password ? AUTH_PASSWORD : AUTH_NONE;
	ret[AT_SECONDS] = (uint8_t)(advert->interval_cs / SECOND_CS);
	memset(password, 0, VRRP_PASSWORD_LEN);
	if (format->has_password)
		memcpy(password, format->password, VRRP_PASSWORD_LEN);
}

size_t vrrp_packet_build(const struct vrrp_format *format, const struct vrrp_advert *advert,
	uint8_t ret[static VRRP_PACKET_MAX])
{
	assert(advert->n_addrs > 0);
	assert(advert->interval_cs > 0);
	ret[AT_VERSION_TYPE] = (uint8_t)(format->version << 4 | TYPE_ADVERTISEMENT);
	ret[AT_VRID] = advert->vrid;
	ret[AT_PRIORITY] = advert->priority;
	ret[AT_COUNT] = advert->n_addrs;
	be16_put(ret + AT_CHECKSUM, 0);
	for (size_t i = 0; i < advert->n_addrs; i++)
		memcpy(ret + VRRP_HEADER_LEN + addr_size(format) * i, advert->addrs[i].bytes,
			addr_size(format));
	if (format->version == 2) {
		put_version_2(format, advert, ret);
	} else {
		assert(advert->interval_cs <= VRRP_INTERVAL_MAX_CS);
		be16_put(ret + AT_INTERVAL, advert->interval_cs);
	}
	return vrrp_packet_len(format, advert->n_addrs);
}

void vrrp_packet_seal(const struct vrrp_format *format, const struct addr *source,
	const struct addr *destination, uint8_t *packet, size_t len)
{
	be16_put(packet + AT_CHECKSUM, 0);
	be16_put(packet + AT_CHECKSUM, checksum(format, source, destination, packet, len));
}
