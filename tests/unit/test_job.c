/* The job over the whole table, against a kernel that is a table in memory. */
#include "director/table/job.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SERVICES 10000
#define SERVERS 4
#define STEP_MAX_US 20000

/* The kernel has services; their servers are counted only, so that it takes no time itself. */
static struct {
	struct ipvs_service *services;
	size_t n, n_dests_added;
	size_t n_ops;
	int refuse; /* the error for `refused` */
	struct ipvs_service_key refused;
	bool deleted_before_added;
	bool hidden; /* dumps show nothing */
	bool aged;   /* each service has a server that is not wanted any more */
	bool refuses_servers;
	size_t n_dests_deleted;
	size_t n_dumped; /* services whose servers were asked for */
} kernel;

static char dir[] = "/tmp/tandem-job-XXXXXX";
static struct conf conf;
static struct targets targets;
static struct pools pools;
static struct overrides overrides;
static struct balancer b;
static size_t *order, n_failed, failed_service, n_settled;
static struct job *job;
static char text[] = "x";

int ipvs_open(struct ipvs **ret)
{
	*ret = (struct ipvs *)&kernel;
	return 0;
}

void ipvs_close(struct ipvs *v)
{
	(void)v;
}

struct ipvs_dumping {
	char nothing;
};

int ipvs_dumping_new(struct ipvs *v, struct ipvs_dumping **ret)
{
	(void)v;
	*ret = calloc(1, sizeof(**ret));
	return 0;
}

int ipvs_dumping_step(struct ipvs_dumping *d, struct instant until)
{
	(void)d;
	(void)until;
	return 1;
}

static struct addr numbered(uint32_t net, size_t i)
{
	return addr_v4((struct in_addr){htonl(net + (uint32_t)i)});
}

/* A service has no servers, or one that is old. */
static void fill_in(struct ipvs_table *t, struct ipvs_service *s)
{
	kernel.n_dumped++;
	s->first_dest = (uint32_t)t->n_dests;
	s->n_dests = kernel.aged;
	if (kernel.aged)
		t->dests[t->n_dests++] =
			(struct ipvs_dest){.key = {numbered(0x0a200000, 0), 80}, .weight = 1};
}

struct ipvs_table ipvs_dumping_take(struct ipvs_dumping *d)
{
	struct ipvs_table t = {.services = calloc(kernel.n + 1, sizeof(*t.services)),
		.dests = calloc(SERVICES * SERVERS, sizeof(*t.dests)),
		.n_services = kernel.hidden ? 0 : kernel.n};

	(void)d;
	memcpy(t.services, kernel.services, kernel.n * sizeof(*t.services));
	t.n_services = ipvs_services_sort(t.services, t.n_services);
	for (size_t i = 0; i < t.n_services; i++)
		fill_in(&t, &t.services[i]);
	return t;
}

void ipvs_dumping_free(struct ipvs_dumping *d)
{
	free(d);
}

void ipvs_table_done(struct ipvs_table *t)
{
	free(t->services);
	free(t->dests);
	*t = (struct ipvs_table){0};
}

static int carry_out(const struct ipvs_op *op)
{
	size_t i = 0;

	kernel.n_ops++;
	if (kernel.refuse && ipvs_service_key_compare(&op->service->key, &kernel.refused) == 0)
		return kernel.refuse;
	if (kernel.refuses_servers && op->kind == IPVS_OP_ADD_DEST)
		return -ENOMEM;
	kernel.n_dests_deleted += op->kind == IPVS_OP_DEL_DEST;
	if (op->kind == IPVS_OP_ADD_SERVICE) {
		kernel.services[kernel.n] = *op->service;
		kernel.services[kernel.n++].n_dests = 0;
	}
	if (op->kind == IPVS_OP_ADD_DEST)
		kernel.n_dests_added++;
	if (op->kind == IPVS_OP_DEL_SERVICE) {
		while (i < kernel.n &&
			ipvs_service_key_compare(&kernel.services[i].key, &op->service->key) != 0)
			i++;
		if (i == kernel.n)
			return -ESRCH;
		kernel.services[i] = kernel.services[--kernel.n];
		kernel.deleted_before_added = kernel.n == 0;
	}
	return 0;
}

int ipvs_apply_some(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops,
	struct ipvs_failure *ret_failures, size_t max_failures, size_t *ret_n_failures,
	size_t *ret_n)
{
	(void)v;
	ck_assert_uint_le(n_ops, max_failures);
	*ret_n = n_ops;
	*ret_n_failures = 0;
	for (size_t i = 0; i < n_ops; i++) {
		int r = carry_out(&ops[i]);

		if (r < 0)
			ret_failures[(*ret_n_failures)++] =
				(struct ipvs_failure){.op = &ops[i], .error = r};
	}
	return 0;
}

/* What the balancer does beside jobs is test_balancer's. */
int ipvs_dump(struct ipvs *v, struct ipvs_table *ret)
{
	(void)v;
	(void)ret;
	return -EIO;
}

int ipvs_dump_some(
	struct ipvs *v, const struct ipvs_service_key *keys, size_t n_keys, struct ipvs_table *ret)
{
	struct ipvs_table t = {.services = calloc(n_keys + 1, sizeof(*t.services)),
		.dests = calloc(n_keys + 1, sizeof(*t.dests))};

	(void)v;
	for (size_t i = 0; i < n_keys; i++)
		for (size_t k = 0; k < kernel.n; k++)
			if (ipvs_service_key_compare(&kernel.services[k].key, &keys[i]) == 0) {
				t.services[t.n_services] = kernel.services[k];
				fill_in(&t, &t.services[t.n_services++]);
			}
	*ret = t;
	return 0;
}

int ipvs_apply(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops,
	struct ipvs_failure *ret_failures, size_t max_failures, size_t *ret_n_failures)
{
	(void)v;
	(void)ops;
	(void)n_ops;
	(void)ret_failures;
	(void)max_failures;
	(void)ret_n_failures;
	return -EIO;
}

const char *ipvs_failure_text(const struct ipvs_failure *failure, char *buf, size_t size)
{
	(void)snprintf(buf, size, "error %d", failure->error);
	return buf;
}

int ipvs_sync_dump(struct ipvs *v, struct ipvs_sync ret[static 2])
{
	(void)v;
	(void)ret;
	return 0;
}

int ipvs_sync_start(struct ipvs *v, const struct ipvs_sync *sync)
{
	(void)v;
	(void)sync;
	return 0;
}

int ipvs_sync_stop(struct ipvs *v, enum ipvs_sync_role role)
{
	(void)v;
	(void)role;
	return 0;
}

static void make_conf(void)
{
	conf = (struct conf){.pools = calloc(1, sizeof(*conf.pools)),
		.n_pools = 1,
		.services = calloc(SERVICES, sizeof(*conf.services)),
		.n_services = SERVICES};
	conf.pools[0] = (struct conf_pool){.name = text,
		.quorum = 1,
		.fallback = CONF_NONE,
		.max_ejected_percent = 100,
		.servers = calloc(SERVERS, sizeof(*conf.pools[0].servers)),
		.n_servers = SERVERS};
	for (size_t i = 0; i < SERVERS; i++)
		conf.pools[0].servers[i] = (struct conf_server){
			.name = text, .address = numbered(0x0a100000, i), .weight = 1};
	for (size_t i = 0; i < SERVICES; i++)
		conf.services[i] = (struct conf_service){.name = text,
			.key = {.addr = numbered(0x0a000000, i * 7919 % SERVICES),
				.port = 80,
				.protocol = IPPROTO_TCP},
			.scheduler = "wlc",
			.router = CONF_NONE};
}

static void ignore_news(enum pool_news news, size_t view, void *userdata)
{
	(void)news;
	(void)view;
	(void)userdata;
}

static void ignore_change(size_t view, void *userdata)
{
	(void)view;
	(void)userdata;
}

static void set_up(void)
{
	const struct pools_listener listener = {ignore_news, ignore_change, NULL};
	struct pools_input in = {.conf = &conf, .targets = &targets, .overrides = &overrides};

	memset(&kernel, 0, sizeof(kernel));
	n_failed = n_settled = 0;
	failed_service = CONF_NONE;
	kernel.services = calloc(SERVICES + 10, sizeof(*kernel.services));
	ck_assert_ptr_nonnull(kernel.services);
	make_conf();
	ck_assert_int_eq(targets_build(&conf, &targets), 0);
	ck_assert_int_eq(pools_build(&in, NULL, NULL, &pools), 0);
	pools_evaluate(&pools, &in, (struct instant){1}, &listener);
	order = desired_order(&conf);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(balancer_init(&b, dir), 0);
}

static void tear_down(void)
{
	char path[64];

	job_free(job);
	job = NULL;
	(void)snprintf(path, sizeof(path), "%s/ipvs.json", dir);
	balancer_done(&b);
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
	free(order);
	pools_done(&pools);
	targets_done(&targets);
	free(conf.pools[0].servers);
	free(conf.pools);
	free(conf.services);
	free(kernel.services);
}

static void on_failed(size_t service, const struct ipvs_failure *failure, void *userdata)
{
	(void)failure;
	(void)userdata;
	n_failed++;
	failed_service = service;
}

static void on_settled(size_t service, void *userdata)
{
	(void)service;
	(void)userdata;
	n_settled++;
}

static const struct known *known; /* NULL: nothing is */

static struct job_input input(bool look)
{
	return (struct job_input){.desired = {.conf = &conf, .targets = &targets, .pools = &pools},
		.order = order,
		.quiet = look,
		.known = known};
}

static void begin(bool look)
{
	static const struct job_handler handler = {NULL, on_failed, on_settled};
	struct job_input in = input(look);

	job_free(job);
	ck_assert_int_eq(job_new(&b, &in, &handler, NULL, &job), 0);
}

static uint64_t cpu_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Steps as the loop makes them, until one says `end`; returns the longest. */
static uint64_t go_until(int end)
{
	uint64_t longest_us = 0;
	int r;

	do {
		uint64_t begun_us = cpu_us();

		r = job_step(job, (struct instant){0}); /* as little at once as it can */
		ck_assert_int_ge(r, 0);
		if (cpu_us() - begun_us > longest_us)
			longest_us = cpu_us() - begun_us;
	} while (r != end);
	return longest_us;
}

static uint64_t run(bool look)
{
	struct job_input in = input(look);
	uint64_t counting_us, applying_us;

	begin(look);
	counting_us = go_until(JOB_COUNTED);
	job_go_on(job, &in);
	applying_us = go_until(JOB_DONE);
	return counting_us > applying_us ? counting_us : applying_us;
}

START_TEST(fifty_thousand_operations_hold_the_loop_up_for_no_20_ms)
{
	uint64_t longest_us = run(false);

	ck_assert_uint_eq(kernel.n_ops, SERVICES * (1 + SERVERS));
	ck_assert_uint_eq(job_operations(job), kernel.n_ops);
	ck_assert_uint_eq(kernel.n, SERVICES);
	ck_assert_uint_eq(n_settled, SERVICES);
	printf("longest step: %llu us\n", (unsigned long long)longest_us);
	ck_assert_uint_lt(longest_us, STEP_MAX_US);
}
END_TEST

START_TEST(nothing_goes_to_the_kernel_before_the_word_to_go_on)
{
	begin(false);
	(void)go_until(JOB_COUNTED);
	(void)go_until(JOB_COUNTED);
	ck_assert_uint_eq(kernel.n_ops, 0);
	ck_assert_uint_eq(job_counts(job)->add_services, SERVICES);
	ck_assert_uint_eq(job_counts(job)->add_servers, SERVICES * SERVERS);
	ck_assert_uint_eq(json_object_size(b.record.services), 0);
}
END_TEST

START_TEST(one_that_fails_is_told_once_and_the_rest_is_done)
{
	static const int errors[] = {-ENOENT, -ENOMEM};

	kernel.refuse = errors[_i];
	kernel.refused = conf.services[77].key;
	(void)run(false);
	ck_assert_uint_eq(n_failed, 1);
	ck_assert_uint_eq(failed_service, 77);
	ck_assert(!job_is_stale(job));
	ck_assert_uint_eq(job_failures(job), 1 + SERVERS);
	ck_assert_uint_eq(kernel.n, SERVICES - 1);
	ck_assert_uint_eq(n_settled, SERVICES - 1);
}
END_TEST

START_TEST(the_last_servers_of_a_service_stay_while_none_of_the_new_ones_is_there)
{
	(void)run(false);
	kernel.aged = true;
	kernel.refuses_servers = _i;
	(void)run(false);
	ck_assert_uint_eq(kernel.n_dests_deleted, _i ? 0 : SERVICES);
	ck_assert_uint_eq(n_failed, _i ? SERVICES : 0);
}
END_TEST

START_TEST(one_that_is_there_by_now_asks_for_another_round)
{
	kernel.refuse = -EEXIST;
	kernel.refused = conf.services[77].key;
	(void)run(false);
	ck_assert(job_is_stale(job));
}
END_TEST

START_TEST(what_is_to_be_left_alone_is)
{
	struct job_input in = input(false);

	begin(false);
	(void)go_until(JOB_COUNTED);
	job_leave_alone(job, 5);
	job_go_on(job, &in);
	(void)go_until(JOB_DONE);
	ck_assert_uint_eq(kernel.n, SERVICES - 1);
	ck_assert_uint_eq(kernel.n_ops, (SERVICES - 1) * (1 + SERVERS));
}
END_TEST

static size_t doubtful;

static bool is_doubtful(size_t service, void *userdata)
{
	(void)userdata;
	return service == doubtful;
}

/* What is in force is what is wanted. */
static struct known know_all(void)
{
	doubtful = CONF_NONE;
	return (struct known){
		.before = input(false).desired, .order = order, .is_doubtful = is_doubtful};
}

/* A job that knows what was brought to the kernel, and what it asked for and did there. */
static void run_knowing(const struct known *k)
{
	known = k;
	kernel.n_ops = kernel.n_dumped = 0;
	(void)run(true);
	known = NULL;
}

START_TEST(what_was_brought_there_need_not_be_asked_for)
{
	struct known k = know_all();

	(void)run(false);
	ck_assert(!job_is_known(job));
	run_knowing(&k);
	ck_assert(job_is_known(job));
	ck_assert_uint_eq(kernel.n_dumped, 0);
	ck_assert_uint_eq(kernel.n_ops, 0);

	doubtful = 77; /* and in truth it has no servers */
	run_knowing(&k);
	ck_assert(job_is_known(job));
	ck_assert_uint_eq(kernel.n_dumped, 1);
	ck_assert_uint_eq(kernel.n_ops, SERVERS);
}
END_TEST

START_TEST(what_went_behind_our_back_is_found_by_a_look)
{
	struct known k = know_all();

	(void)run(false);
	kernel.services[5] = kernel.services[--kernel.n];
	run_knowing(&k);
	ck_assert_uint_eq(kernel.n_ops, 0);
	ck_assert(job_is_known(job)); /* who asks that looks next */
	kernel.n_ops = 0;
	(void)run(true);
	ck_assert(!job_is_known(job));
	ck_assert_uint_eq(kernel.n, SERVICES);
}
END_TEST

START_TEST(what_a_new_configuration_changes_is_sent_at_once)
{
	const struct pools_listener listener = {ignore_news, ignore_change, NULL};
	struct pools_input in = {.conf = &conf, .targets = &targets, .overrides = &overrides};
	struct known k = know_all();
	struct pools before;

	(void)run(false);
	ck_assert_int_eq(pools_build(&in, NULL, NULL, &before), 0);
	pools_evaluate(&before, &in, (struct instant){1}, &listener);
	k.before.pools = &before;
	conf.pools[0].servers[0].weight = 9;
	pools_touch(&pools, 0);
	pools_evaluate(&pools, &in, (struct instant){1}, &listener);
	run_knowing(&k);
	ck_assert_uint_eq(kernel.n_dumped, 0);
	ck_assert_uint_eq(kernel.n_ops, SERVICES); /* one server of each */
	pools_done(&before);
}
END_TEST

/* A few are asked about by their names; for many the table is dumped. */
START_TEST(services_that_are_new_are_asked_for)
{
	static const size_t new[] = {3, 33};
	struct conf before = conf;
	struct known k = know_all();

	before.n_services = conf.n_services - new[_i];
	k.before.conf = &before;
	k.order = desired_order(&before);
	(void)run(false);
	run_knowing(&k);
	ck_assert(job_is_known(job) == (new[_i] == 3));
	ck_assert_uint_eq(kernel.n_dumped, new[_i] == 3 ? 3 : SERVICES);
	/* None of those that were asked for has servers here. */
	ck_assert_uint_eq(kernel.n_ops, SERVERS * kernel.n_dumped);
	free((void *)(uintptr_t)k.order);
}
END_TEST

START_TEST(a_name_is_recorded_even_when_nothing_else_is_to_be_done)
{
	struct known k = know_all();

	(void)run(false);
	record_remove(&b.record, &conf.services[3].key);
	run_knowing(&k);
	ck_assert_uint_eq(kernel.n_ops, 0);
	ck_assert(record_has(&b.record, &conf.services[3].key));
}
END_TEST

START_TEST(services_of_others_stay_unless_the_table_is_ours)
{
	(void)run(false);
	kernel.services[kernel.n++] = (struct ipvs_service){
		.key = {.addr = numbered(0x0a020000, 1), .port = 81, .protocol = IPPROTO_TCP}};
	conf.n_services = 0;
	(void)run(false);
	ck_assert_uint_eq(kernel.n, 1);
	ck_assert_uint_eq(json_object_size(b.record.services), 0);
	conf.ipvs.owned_table = true;
	(void)run(false);
	ck_assert_uint_eq(kernel.n, 0);
	conf.n_services = SERVICES;
}
END_TEST

START_TEST(what_somebody_else_deleted_is_forgotten)
{
	(void)run(false);
	kernel.n = 0;
	conf.n_services = 0;
	(void)run(false);
	ck_assert_uint_eq(json_object_size(b.record.services), 0);
	ck_assert_uint_eq(job_failures(job), 0);
	conf.n_services = SERVICES;
}
END_TEST

/* Somebody else tears the dump, so that ours are not in it. */
START_TEST(what_a_dump_misses_is_deleted_by_its_name_and_not_forgotten)
{
	conf.services[1].key = ipvs_service_key_of_mark(AF_INET6, 7);
	conf.n_services = 2;
	free(order);
	order = desired_order(&conf);
	(void)run(false);
	ck_assert_uint_eq(kernel.n, 2);
	kernel.hidden = true;
	conf.n_services = 0;
	(void)run(false);
	ck_assert_uint_eq(kernel.n, 0);
	ck_assert_uint_eq(json_object_size(b.record.services), 0);
	ck_assert_uint_eq(job_failures(job), 0);
	conf.n_services = SERVICES;
}
END_TEST

START_TEST(what_is_new_is_there_before_what_is_old_goes)
{
	conf.n_services = 1;
	free(order);
	order = desired_order(&conf);
	(void)run(false);
	conf.services[0].key.port = 81;
	(void)run(false);
	ck_assert_uint_eq(kernel.n, 1);
	ck_assert(!kernel.deleted_before_added);
	conf.n_services = SERVICES;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job");
	TCase *tc = tcase_create("job");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, fifty_thousand_operations_hold_the_loop_up_for_no_20_ms);
	tcase_add_test(tc, nothing_goes_to_the_kernel_before_the_word_to_go_on);
	tcase_add_loop_test(tc, one_that_fails_is_told_once_and_the_rest_is_done, 0, 2);
	tcase_add_loop_test(
		tc, the_last_servers_of_a_service_stay_while_none_of_the_new_ones_is_there, 0, 2);
	tcase_add_test(tc, one_that_is_there_by_now_asks_for_another_round);
	tcase_add_test(tc, what_is_to_be_left_alone_is);
	tcase_add_test(tc, what_was_brought_there_need_not_be_asked_for);
	tcase_add_test(tc, what_went_behind_our_back_is_found_by_a_look);
	tcase_add_test(tc, what_a_new_configuration_changes_is_sent_at_once);
	tcase_add_loop_test(tc, services_that_are_new_are_asked_for, 0, 2);
	tcase_add_test(tc, a_name_is_recorded_even_when_nothing_else_is_to_be_done);
	tcase_add_test(tc, services_of_others_stay_unless_the_table_is_ours);
	tcase_add_test(tc, what_somebody_else_deleted_is_forgotten);
	tcase_add_test(tc, what_a_dump_misses_is_deleted_by_its_name_and_not_forgotten);
	tcase_add_test(tc, what_is_new_is_there_before_what_is_old_goes);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
