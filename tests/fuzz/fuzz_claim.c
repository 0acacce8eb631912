/* Any bytes as an ARP packet, and as an ICMPv6 message: what claims something can be told. */
#include "core/claim.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void take(const struct claim *c)
{
	char text[CLAIM_TEXT_MAX];

	if (!strstr(claim_text(c, text), " is at "))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct claim c;

	if (claim_parse_arp(bytes, len, &c)) {
		if (c.addr.family != AF_INET || addr_is_zero(&c.addr))
			abort();
		take(&c);
	}
	if (claim_parse_na(bytes, len, &c)) {
		if (c.addr.family != AF_INET6)
			abort();
		take(&c);
	}
	return 0;
}
