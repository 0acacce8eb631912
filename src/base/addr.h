/* An IPv4 or IPv6 address as a value, with its text form. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT_MAX INET6_ADDRSTRLEN /* text of an address, with its NUL */
#define ADDR_PREFIX_TEXT_MAX (ADDR_TEXT_MAX + 4)

/* Network order. Bytes beyond the family's length are zero, so that two equal addresses are equal
 * byte by byte. family 0: no address. */
struct addr {
	uint16_t family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];
};

struct addr_prefix {
	struct addr addr;
	uint8_t prefix_len; /* 0..32 or 0..128 */
};

struct addr addr_v4(struct in_addr in);
struct in_addr addr_to_v4(const struct addr *a);
size_t addr_len(const struct addr *a); /* 4, 16 or 0 */

/* "192.0.2.1" or "2001:db8::1". *ret is written only on success. */
bool addr_parse(const char *text, struct addr *ret);
/* "192.0.2.1/24"; without "/len" the prefix is the whole address. */
bool addr_prefix_parse(const char *text, struct addr_prefix *ret);

/* Writes into buf (ADDR_TEXT_MAX bytes) and returns it; "none" for family 0. */
const char *addr_format(const struct addr *a, char buf[static ADDR_TEXT_MAX]);
const char *addr_prefix_format(const struct addr_prefix *p, char buf[static ADDR_PREFIX_TEXT_MAX]);

/* A total order: by family, then numerically. */
int addr_compare(const struct addr *a, const struct addr *b);
static inline bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}
bool addr_is_multicast(const struct addr *a);
bool addr_is_link_local(const struct addr *a); /* IPv6 */
bool addr_is_zero(const struct addr *a);
