/* Holds core/ipvs_plan and io/ipvs against the running kernel, in a network namespace of its own:
 * random tables are made so and dumped again, and the kernel's refusals come back as they should.
 * Exit status: 0 all held, 1 something did not, 77 no IPVS here. */
#include "base/cleanup.h"
#include "io/ipvs.h"
#include "ipvs_tables.h"
#include "own_netns.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPS_MAX (2 * TABLE_SERVICES_MAX * (1 + TABLE_DESTS_MAX))

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(                                                             \
				stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			return false;                                                              \
		}                                                                                  \
	} while (0)

static bool may_delete(const struct ipvs_service_key *key, void *userdata)
{
	(void)key;
	(void)userdata;
	return true;
}

static void print_failures(const struct ipvs_failure *failures, size_t n)
{
	char text[320];

	for (size_t i = 0; i < n; i++)
		(void)fprintf(stderr, "%s\n", ipvs_failure_text(&failures[i], text, sizeof(text)));
}

/* One round as the director has it. *ret_n_ops is the length of the plan. */
static bool make_it_so(struct ipvs *v, const struct ipvs_table *want, size_t *ret_n_ops)
{
	struct ipvs_failure failures[8];
	struct ipvs_op ops[OPS_MAX];
	struct ipvs_table have;
	size_t n_failures;
	int r;

	CHECK(ipvs_dump(v, &have) == 0);
	CHECK(ipvs_plan_max(want, &have) <= OPS_MAX);
	*ret_n_ops = ipvs_plan(want, &have, may_delete, NULL, ops);
	r = ipvs_apply(v, ops, *ret_n_ops, failures, 8, &n_failures);
	print_failures(failures, n_failures < 8 ? n_failures : 8);
	ipvs_table_done(&have);
	CHECK(r == 0 && n_failures == 0);
	return true;
}

static bool table_is(struct ipvs *v, const struct ipvs_table *want)
{
	struct ipvs_table have;
	bool equal;

	CHECK(ipvs_dump(v, &have) == 0);
	equal = tables_equal(want, &have);
	ipvs_table_done(&have);
	return equal;
}

static bool dump_some_is(struct ipvs *v, const struct ipvs_table *want)
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

static bool one_step(struct ipvs *v, const struct table_model *model)
{
	struct ipvs_table want;
	size_t n_ops;

	table_of_model(model, &want);
	CHECK(make_it_so(v, &want, &n_ops));
	CHECK(table_is(v, &want));
	CHECK(dump_some_is(v, &want));
	CHECK(make_it_so(v, &want, &n_ops) && n_ops == 0);
	table_free(&want);
	return true;
}

static bool random_tables_come_true(struct ipvs *v, uint64_t seed, unsigned long steps)
{
	struct rng rng = {seed};
	struct table_model now, next;

	table_model_random(&rng, &now);
	for (unsigned long i = 0; i < steps; i++) {
		if (!one_step(v, &now)) {
			(void)fprintf(stderr, "at step %lu\n", i);
			return false;
		}
		if (rng_percent(&rng, 20))
			table_model_random(&rng, &next);
		else
			table_model_vary(&rng, &now, &next);
		now = next;
	}
	return true;
}

/* Many times more additions than a send buffer holds, all refused: each must be told. */
static bool each_refusal_is_told(struct ipvs *v)
{
	enum { N = 4000 };
	struct ipvs_service s = {.key = {.port = 80, .protocol = IPPROTO_TCP},
		.scheduler = "rr",
		.netmask = UINT32_MAX};
	auto_free struct ipvs_failure *failures = calloc(N, sizeof(*failures));
	auto_free struct ipvs_op *ops = calloc(N, sizeof(*ops));
	size_t n;

	CHECK(addr_parse("203.0.113.1", &s.key.addr) && failures && ops);
	for (size_t i = 0; i < N; i++)
		ops[i] = (struct ipvs_op){IPVS_OP_ADD_SERVICE, &s, NULL};
	CHECK(ipvs_apply(v, ops, N, failures, N, &n) == 0);
	CHECK(n == N - 1);
	for (size_t i = 0; i < n; i++)
		CHECK(failures[i].op == &ops[i + 1] && failures[i].error == -EEXIST);
	ops[0].kind = IPVS_OP_DEL_SERVICE;
	CHECK(ipvs_apply(v, ops, 1, failures, N, &n) == 0 && n == 0);
	return true;
}

static int refusal_of(struct ipvs *v, enum ipvs_op_kind kind, const struct ipvs_service *s,
	const struct ipvs_dest *d)
{
	struct ipvs_op op = {kind, s, d};
	struct ipvs_failure failure = {.error = 0};
	size_t n;
	int r = ipvs_apply(v, &op, 1, &failure, 1, &n);

	return r < 0 ? r : failure.error;
}

static bool refusals_have_their_reason(struct ipvs *v)
{
	struct ipvs_service s = {.key = {.port = 80, .protocol = IPPROTO_TCP},
		.scheduler = "no-such-one",
		.netmask = UINT32_MAX};
	struct ipvs_dest d = {.key = {.port = 80}, .weight = 1};

	CHECK(addr_parse("203.0.113.1", &s.key.addr) && addr_parse("203.0.113.2", &d.key.addr));
	CHECK(refusal_of(v, IPVS_OP_ADD_SERVICE, &s, NULL) == -ENOENT);
	CHECK(refusal_of(v, IPVS_OP_DEL_SERVICE, &s, NULL) == -ESRCH);
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == -ESRCH);
	strcpy(s.scheduler, "rr");
	CHECK(refusal_of(v, IPVS_OP_ADD_SERVICE, &s, NULL) == 0);
	CHECK(refusal_of(v, IPVS_OP_SET_DEST, &s, &d) == -ENOENT);
	d.lower = 2, d.upper = 1;
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == -ERANGE);
	d.lower = 0;
	CHECK(addr_parse("2001:db8::1", &d.key.addr));
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == -EINVAL);
	CHECK(refusal_of(v, IPVS_OP_DEL_SERVICE, &s, NULL) == 0);
	return true;
}

static bool sync_daemons_start_and_stop(struct ipvs *v)
{
	struct ipvs_sync sync = {.role = IPVS_SYNC_MASTER,
				 .interface = "lo",
				 .sync_id = 51,
				 .maxlen = 44,
				 .port = 8849,
				 .ttl = 2},
			 running[2];

	CHECK(addr_parse("224.0.0.82", &sync.group));
	CHECK(ipvs_sync_dump(v, running) == 0);
	CHECK(ipvs_sync_start(v, &sync) == 0);
	CHECK(ipvs_sync_start(v, &sync) == -EEXIST);
	CHECK(ipvs_sync_dump(v, running) == 1);
	CHECK(running[0].role == IPVS_SYNC_MASTER && strcmp(running[0].interface, "lo") == 0);
	CHECK(running[0].sync_id == 51 && running[0].maxlen == 44 && running[0].ttl == 2);
	CHECK(running[0].port == 8849 && addr_equal(&running[0].group, &sync.group));
	sync.role = IPVS_SYNC_BACKUP;
	sync.maxlen = 0;
	CHECK(ipvs_sync_start(v, &sync) == 0);
	CHECK(ipvs_sync_dump(v, running) == 2);
	CHECK(ipvs_sync_stop(v, IPVS_SYNC_MASTER) == 0);
	CHECK(ipvs_sync_dump(v, running) == 1 && running[0].role == IPVS_SYNC_BACKUP);
	CHECK(ipvs_sync_stop(v, IPVS_SYNC_BACKUP) == 0);
	CHECK(ipvs_sync_stop(v, IPVS_SYNC_BACKUP) == 0);
	sync.sync_id = 256;
	CHECK(ipvs_sync_start(v, &sync) == -EINVAL);
	sync.sync_id = 1;
	sync.maxlen = 9189;
	CHECK(ipvs_sync_start(v, &sync) == -EINVAL);
	sync.maxlen = 0;
	strcpy(sync.interface, "no-such-if");
	CHECK(ipvs_sync_start(v, &sync) == -ENODEV);
	return true;
}

/* Stopped before its thread has run, a daemon goes without an acknowledgement. */
static bool a_stop_at_once_is_noticed(struct ipvs *v)
{
	struct ipvs_sync sync = {.role = IPVS_SYNC_BACKUP, .interface = "lo", .sync_id = 1};
	struct ipvs_sync running[2];

	for (int i = 0; i < 20; i++) {
		CHECK(ipvs_sync_start(v, &sync) == 0);
		CHECK(ipvs_sync_stop(v, IPVS_SYNC_BACKUP) == 0);
		CHECK(ipvs_sync_dump(v, running) == 0);
	}
	return true;
}

static bool check_all(struct ipvs *v, uint64_t seed, unsigned long steps)
{
	CHECK(sync_daemons_start_and_stop(v)); /* while there is no server of another family */
	CHECK(a_stop_at_once_is_noticed(v));
	CHECK(refusals_have_their_reason(v));
	CHECK(each_refusal_is_told(v));
	CHECK(random_tables_come_true(v, seed, steps));
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
		{"steps", required_argument, NULL, 'n'}, {0}};
	uint64_t seed = 1;
	unsigned long steps = 500;
	struct ipvs *v;
	bool good;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			steps = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (own_netns_enter() < 0)
		return EXIT_FAILURE;
	r = ipvs_open(&v);
	if (r < 0) {
		(void)fprintf(stderr, "ipvs_kernel_check: %s\n", strerror(-r));
		return r == -ENOENT ? 77 : EXIT_FAILURE;
	}
	good = check_all(v, seed, steps);
	ipvs_close(v);
	printf("%s: seed %llu, %lu steps\n", good ? "all held" : "FAILED", (unsigned long long)seed,
		steps);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
