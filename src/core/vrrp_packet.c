/* The VRRPv3 codec for IPv4. This module decides what is an advert and what is not; it does not
 * know which virtual routers exist, and never says anything about what it refused. */
#include "core/vrrp_packet.h"

#include "base/byteorder.h"

#include <assert.h>
#include <string.h>

#define VERSION 3
#define TYPE_ADVERTISEMENT 1

/* Offsets in the packet (5.2). */
enum {
	AT_VERSION_TYPE = 0,
	AT_VRID = 1,
	AT_PRIORITY = 2,
	AT_COUNT = 3,
	AT_INTERVAL = 4, /* its upper four bits are reserved */
	AT_CHECKSUM = 6,
};

/* Offsets in the IPv4 header (RFC 791). */
enum {
	IP_AT_VERSION_IHL = 0,
	IP_AT_TOTAL_LENGTH = 2,
	IP_AT_FRAGMENT = 6,
	IP_AT_TTL = 8,
	IP_AT_PROTOCOL = 9,
	IP_AT_SOURCE = 12,
	IP_HEADER_MIN = 20,
};
#define IP_FRAGMENT_MASK 0x3fff /* more fragments, and the offset */

const char *vrrp_reject_name(enum vrrp_reject reject)
{
	static const char *const names[VRRP_REJECT_MAX_] = {
		[VRRP_OK] = "ok",
		[VRRP_REJECT_IP] = "ip",
		[VRRP_REJECT_TTL] = "ttl",
		[VRRP_REJECT_SHORT] = "short",
		[VRRP_REJECT_VERSION] = "version",
		[VRRP_REJECT_TYPE] = "type",
		[VRRP_REJECT_COUNT] = "count",
		[VRRP_REJECT_LENGTH] = "length",
		[VRRP_REJECT_INTERVAL] = "interval",
		[VRRP_REJECT_CHECKSUM] = "checksum",
	};

	assert(reject < VRRP_REJECT_MAX_);
	return names[reject];
}

/* One's complement sum of 16-bit words (RFC 1071); 0 for bytes that carry their right checksum.
 * RFC 9568 sums an IPv4 packet without a pseudo-header (5.2.8). An advert's length is even. */
static uint16_t checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += be16_get(bytes + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static struct addr read_addr(const uint8_t *bytes)
{
	struct addr a = {.family = AF_INET};

	memcpy(a.bytes, bytes, 4);
	return a;
}

static uint16_t read_interval_cs(const uint8_t *packet)
{
	return be16_get(packet + AT_INTERVAL) & VRRP_INTERVAL_MAX_CS;
}

enum vrrp_reject vrrp_packet_parse(const struct addr *source, uint8_t ttl, const uint8_t *bytes,
	size_t len, struct vrrp_advert *ret)
{
	if (ttl != VRRP_TTL)
		return VRRP_REJECT_TTL;
	if (len < VRRP_HEADER_LEN)
		return VRRP_REJECT_SHORT;
	if (bytes[AT_VERSION_TYPE] >> 4 != VERSION)
		return VRRP_REJECT_VERSION;
	if ((bytes[AT_VERSION_TYPE] & 0x0f) != TYPE_ADVERTISEMENT)
		return VRRP_REJECT_TYPE;
	if (bytes[AT_COUNT] == 0)
		return VRRP_REJECT_COUNT;
	if (len != VRRP_HEADER_LEN + 4 * (size_t)bytes[AT_COUNT])
		return VRRP_REJECT_LENGTH;
	if (read_interval_cs(bytes) == 0)
		return VRRP_REJECT_INTERVAL;
	if (checksum(bytes, len) != 0)
		return VRRP_REJECT_CHECKSUM;

	ret->source = *source;
	ret->vrid = bytes[AT_VRID];
	ret->priority = bytes[AT_PRIORITY];
	ret->interval_cs = read_interval_cs(bytes);
	ret->n_addrs = bytes[AT_COUNT];
	for (size_t i = 0; i < ret->n_addrs; i++)
		ret->addrs[i] = read_addr(bytes + VRRP_HEADER_LEN + 4 * i);
	return VRRP_OK;
}

enum vrrp_reject vrrp_datagram_parse(const uint8_t *bytes, size_t len, struct vrrp_advert *ret)
{
	size_t header_len, total_len;
	struct addr source;

	if (len < IP_HEADER_MIN || bytes[IP_AT_VERSION_IHL] >> 4 != 4)
		return VRRP_REJECT_IP;
	header_len = 4 * (size_t)(bytes[IP_AT_VERSION_IHL] & 0x0f);
	total_len = be16_get(bytes + IP_AT_TOTAL_LENGTH);
	if (header_len < IP_HEADER_MIN || total_len < header_len || total_len > len)
		return VRRP_REJECT_IP;
	if (be16_get(bytes + IP_AT_FRAGMENT) & IP_FRAGMENT_MASK ||
		bytes[IP_AT_PROTOCOL] != VRRP_PROTOCOL)
		return VRRP_REJECT_IP;
	source = read_addr(bytes + IP_AT_SOURCE);
	return vrrp_packet_parse(
		&source, bytes[IP_AT_TTL], bytes + header_len, total_len - header_len, ret);
}

size_t vrrp_packet_build(const struct vrrp_advert *advert, uint8_t ret[static VRRP_PACKET_MAX])
{
	size_t len = VRRP_HEADER_LEN + 4 * (size_t)advert->n_addrs;

	assert(advert->n_addrs > 0);
	assert(advert->interval_cs > 0 && advert->interval_cs <= VRRP_INTERVAL_MAX_CS);
	ret[AT_VERSION_TYPE] = VERSION << 4 | TYPE_ADVERTISEMENT;
	ret[AT_VRID] = advert->vrid;
	ret[AT_PRIORITY] = advert->priority;
	ret[AT_COUNT] = advert->n_addrs;
	be16_put(ret + AT_INTERVAL, advert->interval_cs);
	be16_put(ret + AT_CHECKSUM, 0);
	for (size_t i = 0; i < advert->n_addrs; i++)
		memcpy(ret + VRRP_HEADER_LEN + 4 * i, advert->addrs[i].bytes, 4);
	be16_put(ret + AT_CHECKSUM, checksum(ret, len));
	return len;
}
