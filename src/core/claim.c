#include "core/claim.h"

#include "base/byteorder.h"

#include <stdio.h>
#include <string.h>

/* Offsets in an ARP packet for Ethernet and IPv4. */
enum {
	ARP_HARDWARE = 0,
	ARP_PROTOCOL = 2,
	ARP_HARDWARE_LEN = 4,
	ARP_PROTOCOL_LEN = 5,
	ARP_OPERATION = 6,
	ARP_SENDER_MAC = 8,
	ARP_SENDER_IP = 14,
	ARP_LEN = 28,
};

enum {
	HARDWARE_ETHERNET = 1,
	PROTOCOL_IPV4 = 0x0800,
	OPERATION_REQUEST = 1,
	OPERATION_REPLY = 2,
};

/* Offsets in a Neighbour Advertisement, whose options begin behind the target. */
enum {
	NA_TYPE = 0,
	NA_CODE = 1,
	NA_TARGET = 8,
	NA_OPTIONS = 24,
};

enum {
	TYPE_NEIGHBOR_ADVERT = 136,
	OPTION_TARGET_MAC = 2,
	OPTION_UNIT = 8,
};

/* Who asks says where he is, as much as who answers. */
bool claim_parse_arp(const uint8_t *packet, size_t len, struct claim *ret)
{
	struct claim c = {.addr = {.family = AF_INET}};
	uint16_t operation;

	if (len < ARP_LEN || be16_get(packet + ARP_HARDWARE) != HARDWARE_ETHERNET ||
		be16_get(packet + ARP_PROTOCOL) != PROTOCOL_IPV4 ||
		packet[ARP_HARDWARE_LEN] != CLAIM_MAC_LEN || packet[ARP_PROTOCOL_LEN] != 4)
		return false;
	operation = be16_get(packet + ARP_OPERATION);
	if (operation != OPERATION_REQUEST && operation != OPERATION_REPLY)
		return false;
	memcpy(c.addr.bytes, packet + ARP_SENDER_IP, 4);
	memcpy(c.mac, packet + ARP_SENDER_MAC, CLAIM_MAC_LEN);
	if (addr_is_zero(&c.addr))
		return false;
	*ret = c;
	return true;
}

bool claim_parse_na(const uint8_t *message, size_t len, struct claim *ret)
{
	struct claim c = {.addr = {.family = AF_INET6}};

	if (len < NA_OPTIONS || message[NA_TYPE] != TYPE_NEIGHBOR_ADVERT || message[NA_CODE] != 0)
		return false;
	memcpy(c.addr.bytes, message + NA_TARGET, 16);
	for (size_t at = NA_OPTIONS; at + OPTION_UNIT <= len;) {
		size_t option_len = (size_t)message[at + 1] * OPTION_UNIT;

		if (option_len == 0)
			return false;
		if (message[at] == OPTION_TARGET_MAC && option_len == OPTION_UNIT) {
			memcpy(c.mac, message + at + 2, CLAIM_MAC_LEN);
			*ret = c;
			return true;
		}
		at += option_len;
	}
	return false;
}

const char *claim_text(const struct claim *claim, char buf[static CLAIM_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];
	const uint8_t *m = claim->mac;

	(void)snprintf(buf, CLAIM_TEXT_MAX, "%s is at %02x:%02x:%02x:%02x:%02x:%02x",
		addr_format(&claim->addr, addr), m[0], m[1], m[2], m[3], m[4], m[5]);
	return buf;
}

bool claim_heard(struct claim_watch *w, const struct claim *claim, struct instant now)
{
	bool tell = w->heard == 0 || instant_between_us(w->told, now) >= CLAIM_TELL_US;

	w->heard++;
	w->last = *claim;
	w->at = now;
	if (tell)
		w->told = now;
	return tell;
}

bool claim_is_fresh(const struct claim_watch *w, struct instant now)
{
	return w->heard > 0 && instant_between_us(w->at, now) < CLAIM_FRESH_US;
}
