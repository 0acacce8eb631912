/* io/conntrack's making, dumping and following of entries, against the running kernel, in whatever
 * network namespace it is started: what was made must come back as it was told. Prints figures. */
#include "io/conntrack.h"

#include "io/clock.h"
#include "io/conntrack_batch.h"
#include "kernel_check.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000u
#define MANY 50000u

static struct addr address(const char *text)
{
	struct addr a = {0};

	if (!addr_parse(text, &a))
		abort();
	return a;
}

static struct tracked entry(unsigned n, bool v6)
{
	struct tracked e = {
		.protocol = n % 3 ? IPPROTO_TCP : IPPROTO_UDP,
		.tcp_state = n % 3 ? 3 : 0,
		.assured = true,
		.timeout_s = 1000,
		.mark = n % 7,
		.client = address(v6 ? "2001:db8:7::1" : "198.51.0.0"),
		.service = address(v6 ? "2001:db8::100" : "192.0.2.100"),
		.server = address(v6 ? "2001:db8:9::11" : "10.9.0.11"),
		.local = address(v6 ? "2001:db8:9::200" : "10.9.0.200"),
		.client_port = (uint16_t)(1024 + n % 60000),
		.service_port = 80,
		.server_port = 8080,
		.local_port = (uint16_t)(5000 + n % 60000),
	};

	e.client.bytes[v6 ? 14 : 2] = (uint8_t)(n / 60000);
	return e;
}

struct found {
	struct tracked *items;
	size_t n, max;
};

static void on_found(const struct tracked *e, void *userdata)
{
	struct found *found = userdata;

	if (found->n < found->max)
		found->items[found->n] = *e;
	found->n++;
}

/* All but the time that is left. */
static bool is_same(const struct tracked *a, const struct tracked *b)
{
	return a->protocol == b->protocol && a->tcp_state == b->tcp_state && a->mark == b->mark &&
	       a->assured == b->assured && a->client_port == b->client_port &&
	       a->service_port == b->service_port && a->server_port == b->server_port &&
	       a->local_port == b->local_port && addr_equal(&a->client, &b->client) &&
	       addr_equal(&a->service, &b->service) && addr_equal(&a->server, &b->server) &&
	       addr_equal(&a->local, &b->local);
}

static bool has(const struct found *found, const struct tracked *e)
{
	for (size_t i = 0; i < found->n; i++)
		if (is_same(&found->items[i], e))
			return true;
	return false;
}

static bool hear(struct conntrack_events *events, struct found *heard, size_t n)
{
	for (unsigned i = 0; i < 1000 && heard->n < n; i++)
		CHECK(conntrack_events_read(events, on_found, heard) == 0);
	CHECK(heard->n >= n);
	return true;
}

static int count_translated(struct nl_msg *message, void *userdata)
{
	struct nlattr *status =
		nlmsg_find_attr(nlmsg_hdr(message), sizeof(struct nfgenmsg), CTA_STATUS);

	*(size_t *)userdata += status && (nla_get_u32(status) & htonl(IPS_SRC_NAT)) != 0;
	return NL_OK;
}

static bool made_is_found(bool v6)
{
	static struct tracked made[600], room[600];
	struct found found = {room, 0, 600}, heard = {calloc(4000, sizeof(*room)), 0, 4000};
	struct addr service = entry(0, v6).service,
		    other = address(v6 ? "2001:db8::7" : "192.0.2.7");
	struct conntrack_events *events;
	struct conntrack_created created;
	size_t translated = 0;

	for (unsigned i = 0; i < 600; i++)
		made[i] = entry(i, v6);
	CHECK(conntrack_events_open(&events) == 0);
	CHECK(conntrack_create(made, 600, 10 * SECOND, &created) == 0);
	CHECK(created.created == 600 && created.renewed == 0 && created.refused == 0);
	CHECK(conntrack_dump(&service, 1, on_found, &found) == 0);
	CHECK(found.n == 600);
	for (size_t i = 0; i < 600; i++)
		CHECK(has(&found, &made[i]) && found.items[i].timeout_s > 900);
	found.n = 0;
	CHECK(conntrack_dump(&other, 1, on_found, &found) == 0);
	CHECK(found.n == 0);
	CHECK(hear(events, &heard, 600));
	for (size_t i = 0; i < 600; i++)
		CHECK(has(&heard, &made[i]));
	/* The kernel's word that they translate: an entry that does not may look the same. */
	CHECK(conntrack_dump_messages(service.family, NULL, count_translated, &translated) == 0);
	CHECK(translated == 600);
	conntrack_events_close(events);
	free(heard.items);
	return true;
}

/* One that is known gets the time and the state; what cannot be is refused; gone ones are left. */
static bool known_ones_are_renewed(void)
{
	struct tracked e[3] = {entry(1, false), entry(2, false), entry(10000, false)};
	struct addr service = e[0].service;
	struct tracked room[700];
	struct found found = {room, 0, 700};
	struct conntrack_created created;

	e[0].timeout_s = 7000;
	e[0].tcp_state = 4;
	e[1].client.family = AF_INET6; /* the rest is not */
	e[2].gone = true;
	CHECK(conntrack_create(e, 3, 10 * SECOND, &created) == 0);
	CHECK(created.created == 0 && created.renewed == 1 && created.refused == 1);
	CHECK(created.error < 0);
	CHECK(conntrack_dump(&service, 1, on_found, &found) == 0);
	CHECK(found.n == 600 && has(&found, &e[0]));
	for (size_t i = 0; i < found.n; i++)
		CHECK(!is_same(&found.items[i], &e[0]) || found.items[i].timeout_s > 6000);
	return true;
}

/* Another client has the port by now that a connection which ended had: the old entry gives way. */
static bool a_new_one_replaces_what_has_its_way_back(void)
{
	struct tracked e = entry(3, false), before = e;
	struct addr service = e.service;
	struct tracked room[700];
	struct found found = {room, 0, 700};
	struct conntrack_events *events;
	struct conntrack_created created;

	/* Of entries that are made while nobody listens the kernel tells nothing, ever. */
	CHECK(conntrack_events_open(&events) == 0);
	e.client_port = (uint16_t)(e.client_port + 20000);
	CHECK(conntrack_create(&e, 1, 10 * SECOND, &created) == 0);
	CHECK(created.created == 1 && created.renewed == 0 && created.refused == 0);
	CHECK(conntrack_dump(&service, 1, on_found, &found) == 0);
	CHECK(found.n == 600 && has(&found, &e) && !has(&found, &before));
	conntrack_events_close(events);
	return true;
}

static size_t translated_entries(uint16_t family)
{
	size_t n = 0;

	return conntrack_dump_messages(family, NULL, count_translated, &n) == 0 ? n : 0;
}

/* The client has used its port again, and the other host has given the new connection another
 * server or port; and at once what another entry had. */
static bool a_new_translation_replaces_the_old_one(void)
{
	struct tracked e[2] = {entry(4, false), entry(5, false)}, before[2] = {e[0], e[1]};
	struct tracked beside = entry(7, false), room[700];
	struct found found = {room, 0, 700};
	struct conntrack_events *events;
	struct conntrack_created created;

	CHECK(conntrack_events_open(&events) == 0);
	e[0].server.bytes[3]++;
	e[0].local_port = (uint16_t)(e[0].local_port + 30000);
	e[1].local_port = beside.local_port; /* whose way back it takes, too */
	CHECK(conntrack_create(e, 2, 10 * SECOND, &created) == 0);
	CHECK(created.created == 2 && created.renewed == 0 && created.refused == 0);
	CHECK(conntrack_dump(&e[0].service, 1, on_found, &found) == 0);
	CHECK(found.n == 599 && has(&found, &e[0]) && has(&found, &e[1]));
	CHECK(!has(&found, &before[0]) && !has(&found, &before[1]) && !has(&found, &beside));
	CHECK(translated_entries(AF_INET) == 599);
	CHECK(conntrack_create(e, 2, 10 * SECOND, &created) == 0);
	CHECK(created.created == 0 && created.renewed == 2);
	beside.local_port = (uint16_t)(beside.local_port + 40000);
	CHECK(conntrack_create(&beside, 1, 10 * SECOND, &created) == 0); /* 600 again */
	conntrack_events_close(events);
	return true;
}

/* The destroyed are told as gone. */
static bool deleted_ones_are_gone(void)
{
	struct addr services[2] = {entry(0, false).service, entry(0, true).service};
	struct found heard = {calloc(4000, sizeof(*heard.items)), 0, 4000};
	struct conntrack_events *events;
	size_t deleted;

	CHECK(conntrack_events_open(&events) == 0);
	CHECK(conntrack_delete_to(services, 2, 10 * SECOND, &deleted) == 0);
	CHECK(deleted == 1200);
	CHECK(hear(events, &heard, 1200));
	for (size_t i = 0; i < heard.n; i++)
		CHECK(heard.items[i].gone);
	conntrack_events_close(events);
	free(heard.items);
	return true;
}

static bool many_are_fast(void)
{
	struct tracked *made = calloc(MANY, sizeof(*made));
	struct found found = {NULL, 0, 0};
	struct addr service = entry(0, false).service;
	struct conntrack_created created;
	struct instant began = clock_now();
	uint64_t create_us, renew_us;
	size_t deleted;

	CHECK(made);
	for (unsigned i = 0; i < MANY; i++)
		made[i] = entry(i, false);
	CHECK(conntrack_create(made, MANY, 60 * SECOND, &created) == 0);
	create_us = instant_between_us(began, clock_now());
	CHECK(created.created == MANY);
	began = clock_now();
	CHECK(conntrack_create(made, MANY, 60 * SECOND, &created) == 0);
	renew_us = instant_between_us(began, clock_now());
	CHECK(created.renewed == MANY && created.created == 0);
	began = clock_now();
	CHECK(conntrack_dump(&service, 1, on_found, &found) == 0);
	CHECK(found.n == MANY);
	printf("conntrack: %u entries made in %.2f s, renewed in %.2f s, dumped in %.2f s\n", MANY,
		(double)create_us / 1e6, (double)renew_us / 1e6,
		(double)instant_between_us(began, clock_now()) / 1e6);
	CHECK(conntrack_delete_to(&service, 1, 60 * SECOND, &deleted) == 0 && deleted == MANY);
	free(made);
	return true;
}

int main(void)
{
	return made_is_found(false) && made_is_found(true) && known_ones_are_renewed() &&
			       a_new_one_replaces_what_has_its_way_back() &&
			       a_new_translation_replaces_the_old_one() &&
			       deleted_ones_are_gone() && many_are_fast()
		       ? EXIT_SUCCESS
		       : EXIT_FAILURE;
}
