/* The MAC address of a virtual router (RFC 9568, 7.3), which goes with it from host to host. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VIRTUAL_MAC_LEN 6

/* 00-00-5E-00-01-VRID for AF_INET, 00-00-5E-00-02-VRID for AF_INET6. */
void virtual_mac(uint16_t family, uint8_t vrid, uint8_t ret[static VIRTUAL_MAC_LEN]);
bool virtual_mac_equal(
	const uint8_t a[static VIRTUAL_MAC_LEN], const uint8_t b[static VIRTUAL_MAC_LEN]);
