#include "core/virtual_mac.h"

#include <string.h>
#include <sys/socket.h>

void virtual_mac(uint16_t family, uint8_t vrid, uint8_t ret[static VIRTUAL_MAC_LEN])
{
	const uint8_t mac[VIRTUAL_MAC_LEN] = {
		0x00, 0x00, 0x5e, 0x00, family == AF_INET6 ? 0x02 : 0x01, vrid};

	memcpy(ret, mac, sizeof(mac));
}

bool virtual_mac_equal(
	const uint8_t a[static VIRTUAL_MAC_LEN], const uint8_t b[static VIRTUAL_MAC_LEN])
{
	return memcmp(a, b, VIRTUAL_MAC_LEN) == 0;
}
