/* What the shadow table and a bulk resync cost: of 1,000,000 connections, or of as many as the
 * argument says. Prints figures. */
#include "core/bulk_message.h"
#include "core/sync_digest.h"
#include "io/clock.h"
#include "link/shadow.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static struct sync_record record(unsigned n)
{
	struct sync_record r = {.protocol = IPPROTO_TCP,
		.state = 1,
		.flags = 0x83,
		.timeout_s = 900,
		.client = addr_v4((struct in_addr){htonl(0x0a000000 + n / 16)}),
		.service = addr_v4((struct in_addr){htonl(0xc0000264)}),
		.server = addr_v4((struct in_addr){htonl(0xac100000 + n % 100)}),
		.client_port = (uint16_t)(1024 + n % 60000),
		.service_port = 443,
		.server_port = 443};
	return r;
}

static void tell(const char *what, unsigned n, struct instant began)
{
	double s = (double)instant_between_us(began, clock_now()) / 1e6;

	printf("%-28s %8.3f s, %6.0f ns each\n", what, s, s * 1e9 / n);
}

static void take_all(struct shadow *s, unsigned n, const char *what, struct instant said)
{
	struct instant began = clock_now();
	uint64_t longest_us = 0;

	for (unsigned i = 0; i < n;) {
		struct instant batch = clock_now();

		for (unsigned k = 0; k < 1000 && i < n; k++, i++) {
			struct sync_record r = record(i);

			if (!shadow_take(s, &r, SHADOW_OWN, said))
				abort();
		}
		if (instant_between_us(batch, clock_now()) > longest_us)
			longest_us = instant_between_us(batch, clock_now());
	}
	tell(what, n, began);
	printf("%-28s %8llu us\n", "  longest 1,000 of them", (unsigned long long)longest_us);
}

static void give_all(const struct shadow *s, unsigned n)
{
	static struct bulk_writer w;
	struct bulk_header header = {.id = 1};
	struct instant began = clock_now(), said;
	struct shadow_walk walk = {0};
	enum shadow_origin origin;
	struct sync_record r;
	size_t bytes = 0, messages = 0;

	bulk_writer_begin(&w);
	while (shadow_next(s, &walk, &r, &origin, &said)) {
		if (bulk_writer_add(&w, &r, 0))
			continue;
		bytes += bulk_writer_end(&w, &header);
		messages++;
		bulk_writer_begin(&w);
		if (!bulk_writer_add(&w, &r, 0))
			abort();
	}
	bytes += bulk_writer_end(&w, &header);
	tell("walked and encoded", n, began);
	printf("%-28s %8zu, %.1f MB\n", "  messages", messages + 1, (double)bytes / 1e6);
}

static void compare(const struct shadow *s, unsigned n)
{
	static struct sync_differences differences;
	static struct sync_digest own, peer;
	struct instant began = clock_now();

	own = peer = *shadow_digest(s);
	for (unsigned i = 0; i < 1000 && i < n; i++) {
		struct sync_record r = record(i);

		sync_digest_remove(&peer, sync_digest_element(&r));
	}
	sync_digest_compare(&own, &peer, &differences);
	if (!differences.exact)
		abort();
	printf("%-28s %8llu us\n", "1,000 missing ones named",
		(unsigned long long)instant_between_us(began, clock_now()));
}

static void expire_all(struct shadow *s, unsigned n)
{
	struct instant began = clock_now(), now = instant_add(began, UINT64_C(901000000));
	uint64_t longest_us = 0;

	while (shadow_count(s) > 0) {
		struct instant step = clock_now();

		(void)shadow_expire(s, now);
		if (instant_between_us(step, clock_now()) > longest_us)
			longest_us = instant_between_us(step, clock_now());
	}
	tell("expired", n, began);
	printf("%-28s %8llu us\n", "  longest step", (unsigned long long)longest_us);
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
	struct shadow *s;

	if (n == 0 || shadow_new(n, &s) < 0)
		return EXIT_FAILURE;
	take_all(s, n, "new", clock_now());
	printf("%-28s %8.1f bytes each, %.1f MB\n", "memory", (double)shadow_bytes(s) / n,
		(double)shadow_bytes(s) / 1e6);
	take_all(s, n, "refreshed", clock_now());
	give_all(s, n);
	compare(s, n);
	expire_all(s, n);
	shadow_free(s);
	return EXIT_SUCCESS;
}
