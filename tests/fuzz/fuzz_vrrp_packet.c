/* Any bytes as an IPv4 datagram: the parser must not read beyond them, must leave its result alone
 * when it refuses, and what it accepts must be built back into the same packet. */
#include "core/vrrp_packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Reserved bits (5.2.6) are not kept, so they are cleared, and the checksum with them. */
static void rebuild(const struct vrrp_advert *advert)
{
	struct vrrp_advert again;
	uint8_t packet[VRRP_PACKET_MAX];
	size_t len = vrrp_packet_build(advert, packet);

	if (vrrp_packet_parse(&advert->source, VRRP_TTL, packet, len, &again) != VRRP_OK ||
		again.vrid != advert->vrid || again.priority != advert->priority ||
		again.interval_cs != advert->interval_cs || again.n_addrs != advert->n_addrs ||
		memcmp(again.addrs, advert->addrs, again.n_addrs * sizeof(again.addrs[0])) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct vrrp_advert advert, untouched;

	memset(&advert, 0xa5, sizeof(advert));
	memset(&untouched, 0xa5, sizeof(untouched));
	if (vrrp_datagram_parse(bytes, len, &advert) == VRRP_OK)
		rebuild(&advert);
	else if (memcmp(&advert, &untouched, sizeof(advert)) != 0)
		abort();
	return 0;
}
