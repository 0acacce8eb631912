/* How long the kernel's IPVS takes for what tandem asks of it: a table of N services with M servers
 * from nothing, the same again, one weight, and nothing again. `--load` stops after the first, in
 * the caller's network namespace, for a caller that compares (ipvs_bench.py); `--bare` does only
 * that, and in the barest way (ipvs_bare.h). */
#include "base/cleanup.h"
#include "core/ipvs_plan.h"
#include "io/clock.h"
#include "io/ipvs.h"
#include "ipvs_bare.h"
#include "own_netns.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
	struct ipvs *ipvs;
	uint32_t n_services, n_servers;
	struct ipvs_table want;
};

/* 10.0.0.0 and up for services, 10.16.0.0, 10.17.0.0 ... and up for their servers. */
static struct addr numbered_addr(uint32_t second_byte, uint32_t i)
{
	return addr_v4((struct in_addr){
		htonl(10u << 24 | second_byte << 16 | ((i >> 8) & 0xff) << 8 | (i & 0xff))});
}

static int make_table(struct bench *b)
{
	struct ipvs_table *t = &b->want;

	t->services = calloc(b->n_services, sizeof(*t->services));
	t->dests = calloc((size_t)b->n_services * b->n_servers, sizeof(*t->dests));
	if (!t->services || !t->dests)
		return -1;
	for (uint32_t i = 0; i < b->n_services; i++) {
		t->services[t->n_services++] =
			(struct ipvs_service){.key = {numbered_addr(0, i), 80, IPPROTO_TCP, 0},
				.scheduler = "wlc",
				.netmask = UINT32_MAX,
				.first_dest = (uint32_t)t->n_dests,
				.n_dests = b->n_servers};
		for (uint32_t j = 0; j < b->n_servers; j++)
			t->dests[t->n_dests++] = (struct ipvs_dest){
				.key = {numbered_addr(16 + j, i), 80}, .weight = 1};
	}
	ipvs_table_sort(t);
	return 0;
}

static bool may_delete(const struct ipvs_service_key *key, void *userdata)
{
	(void)key;
	(void)userdata;
	return true;
}

static double seconds_since(struct instant start)
{
	return (double)instant_between_us(start, clock_now()) / 1e6;
}

/* Dump, plan, apply, as the director does it. Prints one line; returns the number of operations, or
 * -1 when something failed. */
static long make_it_so(struct bench *b, const char *what, const struct ipvs_table *want)
{
	struct instant start = clock_now();
	struct ipvs_counters before = ipvs_counters(b->ipvs), after;
	struct ipvs_table have;
	auto_free struct ipvs_op *ops = NULL;
	double dumped, planned;
	size_t n = 0, n_failures = 0;
	int r = ipvs_dump(b->ipvs, &have);

	if (r < 0)
		goto out;
	dumped = seconds_since(start);
	ops = calloc(ipvs_plan_max(want, &have) + 1, sizeof(*ops));
	n = ops ? ipvs_plan(want, &have, may_delete, NULL, ops) : 0;
	planned = seconds_since(start);
	r = ipvs_apply(b->ipvs, ops, n, NULL, 0, &n_failures);
	after = ipvs_counters(b->ipvs);
	printf("%-18s %8.3f s  (dump %.3f, plan %.3f, apply %.3f)  %zu operations in %llu sends\n",
		what, seconds_since(start), dumped, planned - dumped,
		seconds_since(start) - planned, n,
		(unsigned long long)(after.sends - before.sends));
	ipvs_table_done(&have);
out:
	if (r < 0 || n_failures > 0)
		(void)fprintf(stderr, "%s: %s, %zu failed\n", what, strerror(-r), n_failures);
	return r < 0 || n_failures > 0 ? -1 : (long)n;
}

static bool run(struct bench *b, bool load_only)
{
	const struct ipvs_table nothing = {0};
	long all = (long)b->n_services * (1 + (long)b->n_servers);

	if (make_it_so(b, "from nothing", &b->want) != all)
		return false;
	if (load_only)
		return true;
	if (make_it_so(b, "the same again", &b->want) != 0)
		return false;
	b->want.dests[b->want.n_dests / 2].weight = 2;
	return make_it_so(b, "one weight", &b->want) == 1 &&
	       make_it_so(b, "nothing again", &nothing) == (long)b->n_services;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"services", required_argument, NULL, 'n'},
		{"servers", required_argument, NULL, 'm'}, {"load", no_argument, NULL, 'l'},
		{"bare", no_argument, NULL, 'b'}, {0}};
	struct bench b = {.n_services = 5000, .n_servers = 4};
	bool load_only = false, bare = false, good;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			b.n_services = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'm')
			b.n_servers = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'l')
			load_only = true;
		else if (c == 'b')
			bare = true;
		else
			return 2;
	}
	if (b.n_services > 65536 || b.n_servers > 200 || make_table(&b) < 0)
		return 2;
	if (bare)
		return ipvs_bare_write(&b.want) ? EXIT_SUCCESS : EXIT_FAILURE;
	if (!load_only && own_netns_enter() < 0)
		return EXIT_FAILURE;
	r = ipvs_open(&b.ipvs);
	if (r < 0) {
		(void)fprintf(stderr, "ipvs_bench: %s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	good = run(&b, load_only);
	ipvs_close(b.ipvs);
	ipvs_table_done(&b.want);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
