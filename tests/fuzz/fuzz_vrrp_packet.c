/* Any bytes as an advert: the parser must not read beyond them, must leave its result alone when it
 * refuses, and what it accepts must be built back into the same packet. Whole IPv4 datagrams are
 * read by the three formats of IPv4; the same bytes, without a header, by that of IPv6. */
#include "core/vrrp_packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct vrrp_format formats[] = {
	{AF_INET, .version = 3, .min_ttl = 255, .takes_trailer = true},
	{AF_INET, .version = 3, .min_ttl = 255, .pseudo_header = true},
	{AF_INET, .version = 2, .min_ttl = 255, .interval_cs = 100},
	{AF_INET, .version = 2, .min_ttl = 255, .interval_cs = 100, .has_password = true,
		.password = "secret"},
	{AF_INET6, .version = 3, .min_ttl = 255, .takes_trailer = true},
};

/* Reserved bits (5.2.6) are not kept, so they are cleared, and the checksum with them. */
static void rebuild(const struct vrrp_format *format, const struct vrrp_datagram *datagram,
	const struct vrrp_advert *advert)
{
	struct vrrp_advert again;
	struct vrrp_datagram built = *datagram;
	uint8_t packet[VRRP_PACKET_MAX];

	built.bytes = packet;
	built.len = vrrp_packet_build(format, advert, packet);
	vrrp_packet_seal(format, &built.source, &built.destination, packet, built.len);
	if (built.len != advert->packet_len ||
		vrrp_packet_parse(format, &built, &again) != VRRP_OK ||
		again.vrid != advert->vrid || again.priority != advert->priority ||
		again.interval_cs != advert->interval_cs || again.n_addrs != advert->n_addrs ||
		memcmp(again.addrs, advert->addrs, again.n_addrs * sizeof(again.addrs[0])) != 0)
		abort();
}

static void read_as(const struct vrrp_format *format, const struct vrrp_datagram *datagram)
{
	struct vrrp_advert advert, untouched;

	memset(&advert, 0xa5, sizeof(advert));
	memset(&untouched, 0xa5, sizeof(untouched));
	if (vrrp_packet_parse(format, datagram, &advert) == VRRP_OK)
		rebuild(format, datagram, &advert);
	else if (memcmp(&advert, &untouched, sizeof(advert)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct addr source = {AF_INET6, {0xfe, 0x80, [15] = 1}};
	static const struct addr destination = {AF_INET6, {0xff, 0x02, [15] = 0x12}};
	struct vrrp_datagram ipv4, ipv6 = {source, destination, VRRP_TTL, bytes, len};
	uint8_t vrid;

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i].family == AF_INET6)
			read_as(&formats[i], &ipv6);
		else if (vrrp_datagram_parse(bytes, len, &ipv4) == VRRP_OK)
			read_as(&formats[i], &ipv4);
	}
	(void)vrrp_packet_vrid(&ipv6, &vrid);
	return 0;
}
