/* Random steps against the running kernel, in a network namespace of its own. In each, somebody
 * else changes services of his own and some of ours, clients send datagrams, and then another table
 * is wanted of ours: core/ipvs_plan and io/ipvs must bring exactly that about and touch nothing
 * else. The tables are those of the property test of core/ipvs_plan. Exit status: 0 all held, 1
 * something did not, 77 no IPVS here. */
#include "base/cleanup.h"
#include "io/clock.h"
#include "io/ipvs.h"
#include "ipvs_tables.h"
#include "kernel_check.h"
#include "own_netns.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OPS_MAX (4 * TABLE_SERVICES_MAX * (1 + TABLE_DESTS_MAX))
#define DATAGRAMS 8 /* in a step */
/* No connection ends during a run: a counter that changes was changed by us. */
#define CONNECTION_S 3600

/* What is not ours has other ports and marks. */
#define FOREIGN_PORT 1000
#define FOREIGN_MARK 1000

struct walk {
	struct ipvs *ours, *theirs; /* two programs */
	struct rng rng;
	struct table_model want, foreign;
	size_t operations;
	size_t untouched, busy; /* servers that a step left alone; those of them with connections */
};

static bool is_ours(const struct ipvs_service_key *key, void *userdata)
{
	(void)userdata;
	return key->fwmark < FOREIGN_MARK && key->port < FOREIGN_PORT;
}

static bool anything(const struct ipvs_service_key *key, void *userdata)
{
	(void)key;
	(void)userdata;
	return true;
}

static bool apply(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops)
{
	struct ipvs_failure failures[8];
	size_t n_failures = 0;
	char text[320];
	int r = ipvs_apply(v, ops, n_ops, failures, 8, &n_failures);

	for (size_t i = 0; i < n_failures && i < 8; i++)
		(void)fprintf(stderr, "%s\n", ipvs_failure_text(&failures[i], text, sizeof(text)));
	CHECK(r == 0 && n_failures == 0);
	return true;
}

/* Somebody else */

static void to_foreign(struct table_model *m)
{
	for (size_t i = 0; i < m->n_services; i++) {
		struct ipvs_service_key *key = &m->services[i].service.key;

		if (key->fwmark)
			key->fwmark += FOREIGN_MARK;
		else
			key->port = (uint16_t)(key->port + FOREIGN_PORT);
	}
}

static void next_model(struct rng *rng, struct table_model *m)
{
	struct table_model next;

	if (rng_percent(rng, 20))
		table_model_random(rng, &next);
	else
		table_model_vary(rng, m, &next);
	*m = next;
}

/* Of ours he changes something in one step of two. */
static bool somebody_else_writes(struct walk *w)
{
	struct table_model disturbed = w->want, foreign;
	struct ipvs_table target, have;
	struct ipvs_op ops[OPS_MAX];
	size_t n;
	bool good;

	next_model(&w->rng, &w->foreign);
	foreign = w->foreign;
	to_foreign(&foreign);
	if (rng_percent(&w->rng, 50))
		next_model(&w->rng, &disturbed);
	table_of_model(&disturbed, &target);
	table_add_model(&target, &foreign);
	CHECK(ipvs_dump(w->theirs, &have) == 0);
	CHECK(ipvs_plan_max(&target, &have) <= OPS_MAX);
	n = ipvs_plan(&target, &have, anything, NULL, ops);
	good = apply(w->theirs, ops, n);
	ipvs_table_done(&have);
	table_free(&target);
	return good;
}

/* Clients. What becomes of a datagram is not asked: without a server it is refused. */

static void send_to(int fd, const struct addr *to, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memcpy(&v4.sin_addr, to->bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, to->bytes, sizeof(v6.sin6_addr));
	if (to->family == AF_INET)
		(void)sendto(fd, "x", 1, 0, (const struct sockaddr *)&v4, sizeof(v4));
	else
		(void)sendto(fd, "x", 1, 0, (const struct sockaddr *)&v6, sizeof(v6));
}

static void send_datagram(const struct ipvs_service_key *key)
{
	auto_close int fd = socket(key->addr.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct addr to = key->addr;

	if (key->fwmark) {
		(void)addr_parse(to.family == AF_INET ? "198.51.100.1" : "2001:db8:f::1", &to);
		(void)setsockopt(fd, SOL_SOCKET, SO_MARK, &key->fwmark, sizeof(key->fwmark));
	}
	send_to(fd, &to, key->fwmark ? 9 : key->port);
}

static void clients_send(struct walk *w, const struct ipvs_table *t)
{
	for (int i = 0; t->n_services > 0 && i < DATAGRAMS; i++) {
		const struct ipvs_service_key *key =
			&t->services[rng_below(&w->rng, (uint32_t)t->n_services)].key;

		if (key->fwmark || key->protocol == IPPROTO_UDP)
			send_datagram(key);
	}
}

/* We */

static const struct ipvs_dest *find_dest(const struct ipvs_table *t,
	const struct ipvs_service_key *service, const struct ipvs_dest_key *dest)
{
	const struct ipvs_service *s = ipvs_table_find(t, service);

	return s ? ipvs_table_find_dest(t, s, dest) : NULL;
}

/* Each operation changes something, and something of ours. */
static bool operation_is_needed(const struct ipvs_op *op, const struct ipvs_table *before)
{
	const struct ipvs_service *s = ipvs_table_find(before, &op->service->key);
	const struct ipvs_dest *d =
		op->dest ? find_dest(before, &op->service->key, &op->dest->key) : NULL;

	CHECK(is_ours(&op->service->key, NULL));
	switch (op->kind) {
	case IPVS_OP_ADD_SERVICE:
		CHECK(!s);
		break;
	case IPVS_OP_SET_SERVICE:
		CHECK(s && !services_equal(s, op->service));
		break;
	case IPVS_OP_DEL_SERVICE:
		CHECK(s);
		break;
	case IPVS_OP_ADD_DEST:
		CHECK(!d);
		break;
	case IPVS_OP_SET_DEST:
		CHECK(d && !dests_equal(d, op->dest));
		break;
	case IPVS_OP_DEL_DEST:
		CHECK(d);
		break;
	case IPVS_OP_MAX_:
		CHECK(false);
	}
	return true;
}

static bool is_touched(const struct ipvs_op *ops, size_t n_ops, const struct ipvs_service *s,
	const struct ipvs_dest *d)
{
	for (size_t i = 0; i < n_ops; i++)
		if (ipvs_service_key_compare(&ops[i].service->key, &s->key) == 0 &&
			(ops[i].kind == IPVS_OP_DEL_SERVICE ||
				(ops[i].dest &&
					ipvs_dest_key_compare(&ops[i].dest->key, &d->key) == 0)))
			return true;
	return false;
}

/* With its connections: as it was. */
static bool the_rest_is_as_it_was(struct walk *w, const struct ipvs_op *ops, size_t n_ops,
	const struct ipvs_table *before, const struct ipvs_table *after)
{
	for (size_t i = 0; i < before->n_services; i++) {
		const struct ipvs_service *s = &before->services[i];

		for (uint32_t j = 0; j < s->n_dests; j++) {
			const struct ipvs_dest *old = &before->dests[s->first_dest + j], *d;

			if (is_touched(ops, n_ops, s, old))
				continue;
			d = find_dest(after, &s->key, &old->key);
			CHECK(d && dests_equal(d, old));
			CHECK(d->active == old->active && d->inactive == old->inactive);
			w->untouched++;
			w->busy += d->inactive > 0;
		}
	}
	return true;
}

static bool named_services_are(struct ipvs *v, const struct ipvs_table *want)
{
	struct ipvs_service_key keys[TABLE_SERVICES_MAX + 1] = {
		{.addr = {.family = AF_INET, .bytes = {203, 0, 113, 1}}, .port = 1, .protocol = 6}};
	struct ipvs_table have;
	bool equal;

	for (size_t i = 0; i < want->n_services; i++)
		keys[1 + i] = want->services[want->n_services - 1 - i].key;
	CHECK(ipvs_dump_some(v, keys, 1 + want->n_services, &have) == 0);
	equal = tables_equal(want, &have);
	ipvs_table_done(&have);
	return equal;
}

/* Of both tables: what is wanted of ours, and what is theirs. */
static bool is_as_it_should_be(struct walk *w, const struct ipvs_table *want,
	const struct ipvs_op *ops, size_t n_ops, const struct ipvs_table *before)
{
	struct table_model foreign = w->foreign;
	struct ipvs_op none[OPS_MAX];
	struct ipvs_table all, after;

	to_foreign(&foreign);
	table_of_model(&w->want, &all);
	table_add_model(&all, &foreign);
	CHECK(ipvs_dump(w->ours, &after) == 0);
	CHECK(tables_equal(&all, &after));
	CHECK(the_rest_is_as_it_was(w, ops, n_ops, before, &after));
	CHECK(ipvs_plan(want, &after, is_ours, NULL, none) == 0);
	CHECK(named_services_are(w->ours, want));
	ipvs_table_done(&after);
	table_free(&all);
	return true;
}

static bool one_step(struct walk *w)
{
	struct ipvs_table want, before;
	struct ipvs_op ops[OPS_MAX];
	size_t n;

	CHECK(somebody_else_writes(w));
	next_model(&w->rng, &w->want);
	table_of_model(&w->want, &want);
	CHECK(ipvs_dump(w->ours, &before) == 0);
	clients_send(w, &before);
	ipvs_table_done(&before);
	CHECK(ipvs_dump(w->ours, &before) == 0);
	CHECK(ipvs_plan_max(&want, &before) <= OPS_MAX);
	n = ipvs_plan(&want, &before, is_ours, NULL, ops);
	for (size_t i = 0; i < n; i++)
		CHECK(operation_is_needed(&ops[i], &before));
	CHECK(apply(w->ours, ops, n));
	CHECK(is_as_it_should_be(w, &want, ops, n, &before));
	w->operations += n;
	ipvs_table_done(&before);
	table_free(&want);
	return true;
}

static bool walk_on(struct walk *w, unsigned long steps)
{
	const struct ipvs_timeouts timeouts = {
		.tcp_s = CONNECTION_S, .tcp_fin_s = CONNECTION_S, .udp_s = CONNECTION_S};

	CHECK(ipvs_timeouts_set(w->ours, &timeouts) == 0);
	for (unsigned long i = 0; i < steps; i++)
		if (!one_step(w)) {
			(void)fprintf(stderr, "at step %lu\n", i);
			return false;
		}
	CHECK(w->busy > 0);
	return true;
}

/* The virtual addresses are here, the servers behind a device that swallows what it is given. */
static bool make_network(void)
{
	static const char batch[] = "ip -batch - <<'END'\n"
				    "link add sink type dummy\n"
				    "link set sink up\n"
				    "address add 192.0.2.1/32 dev lo\n"
				    "address add 192.0.2.2/32 dev lo\n"
				    "address add 2001:db8::1/128 dev lo nodad\n"
				    "address add 2001:db8::2/128 dev lo nodad\n"
				    "route add default dev sink src 192.0.2.1\n"
				    "route add ::/0 dev sink\n"
				    "END\n";

	CHECK(system(batch) == 0);
	return true;
}

static int run(uint64_t seed, unsigned long steps)
{
	struct walk w = {.rng = {seed}};
	bool good = false;
	int r = ipvs_open(&w.ours);

	if (r == 0)
		r = ipvs_open(&w.theirs);
	if (r == 0)
		good = walk_on(&w, steps);
	else
		(void)fprintf(stderr, "no IPVS: %s\n", strerror(-r));
	ipvs_close(w.ours);
	ipvs_close(w.theirs);
	printf("%s: seed %" PRIu64 ", %lu steps, %zu operations; servers left alone: %zu, with "
	       "connections: %zu\n",
		good ? "all held" : "FAILED", seed, steps, w.operations, w.untouched, w.busy);
	return good ? EXIT_SUCCESS : r == -ENOENT ? 77 : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
		{"steps", required_argument, NULL, 'n'}, {0}};
	uint64_t seed = clock_now().us;
	unsigned long steps = 500;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			steps = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (own_netns_enter() < 0 || !make_network())
		return EXIT_FAILURE;
	return run(seed, steps);
}
