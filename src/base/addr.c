/* Addresses as values. Parsing is inet_pton's: strict, no host names, no short forms. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct addr addr_v4(struct in_addr in)
{
	struct addr a = {.family = AF_INET};
	memcpy(a.bytes, &in, sizeof(in));
	return a;
}

struct in_addr addr_to_v4(const struct addr *a)
{
	struct in_addr in;
	memcpy(&in, a->bytes, sizeof(in));
	return in;
}

size_t addr_len(const struct addr *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

bool addr_parse(const char *text, struct addr *ret)
{
	struct addr a = {0};

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = AF_INET6;
	else
		return false;
	*ret = a;
	return true;
}

bool addr_prefix_parse(const char *text, struct addr_prefix *ret)
{
	char host[ADDR_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t host_len = slash ? (size_t)(slash - text) : strlen(text);
	struct addr_prefix p = {0};
	unsigned long len;
	char *end;

	if (host_len >= sizeof(host))
		return false;
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	if (!addr_parse(host, &p.addr))
		return false;
	p.prefix_len = (uint8_t)(8 * addr_len(&p.addr));
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return false;
		len = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || len > p.prefix_len)
			return false;
		p.prefix_len = (uint8_t)len;
	}
	*ret = p;
	return true;
}

static char *put_byte(char *to, unsigned byte)
{
	if (byte >= 100)
		*to++ = (char)('0' + byte / 100);
	if (byte >= 10)
		*to++ = (char)('0' + byte / 10 % 10);
	*to++ = (char)('0' + byte % 10);
	return to;
}

/* Tables of many thousand servers are written with it: inet_ntop() takes ten times as long. */
static const char *format_v4(const struct addr *a, char buf[static ADDR_TEXT_MAX])
{
	char *to = put_byte(buf, a->bytes[0]);

	for (size_t i = 1; i < 4; i++) {
		*to++ = '.';
		to = put_byte(to, a->bytes[i]);
	}
	*to = '\0';
	return buf;
}

const char *addr_format(const struct addr *a, char buf[static ADDR_TEXT_MAX])
{
	if (a->family == AF_INET)
		return format_v4(a, buf);
	if (!addr_len(a) || !inet_ntop(a->family, a->bytes, buf, ADDR_TEXT_MAX))
		(void)snprintf(buf, ADDR_TEXT_MAX, "none");
	return buf;
}

const char *addr_prefix_format(const struct addr_prefix *p, char buf[static ADDR_PREFIX_TEXT_MAX])
{
	char text[ADDR_TEXT_MAX];

	(void)snprintf(
		buf, ADDR_PREFIX_TEXT_MAX, "%s/%u", addr_format(&p->addr, text), p->prefix_len);
	return buf;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool addr_is_multicast(const struct addr *a)
{
	return a->family == AF_INET ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}

bool addr_is_link_local(const struct addr *a)
{
	return a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool addr_is_zero(const struct addr *a)
{
	static const uint8_t zero[16];
	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}
