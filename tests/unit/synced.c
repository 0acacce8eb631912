#include "synced.h"

#include <netinet/in.h>
#include <string.h>

/* PE data "call", PE name "sip". */
static const uint8_t call_options[] = {2, 4, 'c', 'a', 'l', 'l', 3, 3, 's', 'i', 'p'};

/* Of a network, with n in the last three bytes. */
static struct addr address(const char *network, unsigned n)
{
	struct addr a = {0};
	size_t end;

	(void)addr_parse(network, &a);
	end = addr_len(&a);
	a.bytes[end - 3] = (uint8_t)(n >> 16);
	a.bytes[end - 2] = (uint8_t)(n >> 8);
	a.bytes[end - 1] = (uint8_t)n;
	return a;
}

struct sync_record synced_record(unsigned n)
{
	bool v6 = n % 8 == 7, template = n % 16 == 3;
	struct sync_record r = {
		.protocol = template ? IPPROTO_UDP : IPPROTO_TCP,
		.state = template ? 0 : 1,
		.flags = template ? 0x1183 : 0x83,
		.timeout_s = template ? 300 : 900,
		.client = address(v6 ? "2001:db8:7::" : "10.0.0.0", n),
		.service = address(v6 ? "2001:db8::" : "192.0.0.0", n % 4),
		.server = address(v6 ? "2001:db8:1::" : "172.0.0.0", n % 7),
		.client_port = template ? 0 : (uint16_t)(1024 + n % 50000),
		.service_port = 443,
		.server_port = 443,
		.options = template ? call_options : NULL,
		.options_len = template ? sizeof(call_options) : 0,
	};

	return r;
}

bool synced_equal(const struct sync_record *a, const struct sync_record *b)
{
	uint8_t one[SYNC_RECORD_MAX + 8], other[SYNC_RECORD_MAX + 8];
	struct sync_writer w;
	size_t len;

	sync_writer_begin(&w, one, sizeof(one), 0);
	if (!sync_writer_add(&w, a))
		return false;
	len = sync_writer_end(&w);
	sync_writer_begin(&w, other, sizeof(other), 0);
	return sync_writer_add(&w, b) && sync_writer_end(&w) == len && memcmp(one, other, len) == 0;
}

uint32_t synced_random(struct synced_random *r, uint32_t below)
{
	r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(r->state >> 33) % below;
}
