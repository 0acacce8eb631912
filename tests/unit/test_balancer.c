/* What the balancer remembers and tries again, against a kernel that is a few variables. */
#include "director/table/balancer.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KERNEL_SERVICES 8

static struct {
	struct ipvs_service services[KERNEL_SERVICES]; /* sorted by key */
	size_t n_services;
	struct ipvs_sync daemons[2];
	size_t n_daemons;
	int open_error, sync_stop_error;
	unsigned lose; /* so many times are answers lost, and nothing done */
	unsigned applied;
	bool refuse; /* the first operation; the others are not there */
	bool aged;   /* each service has a server that is not wanted any more */
	bool refuses_servers;
	unsigned n_dests_deleted;
} kernel;

static char dir[] = "/tmp/tandem-balancer-XXXXXX";
static char record[64], temporary[80];
static struct balancer b;
static struct balance result;

int ipvs_open(struct ipvs **ret)
{
	if (kernel.open_error == 0)
		*ret = (struct ipvs *)&kernel;
	return kernel.open_error;
}

void ipvs_close(struct ipvs *v)
{
	(void)v;
}

static struct ipvs_dest old = {.key.port = 80, .weight = 1};

int ipvs_dump(struct ipvs *v, struct ipvs_table *ret)
{
	(void)v;
	*ret = (struct ipvs_table){
		.services = calloc(KERNEL_SERVICES, sizeof(*ret->services)),
		.n_services = kernel.n_services,
	};
	ck_assert_ptr_nonnull(ret->services);
	memcpy(ret->services, kernel.services, sizeof(kernel.services));
	for (size_t i = 0; i < kernel.n_services; i++)
		ret->services[i].n_dests = kernel.aged;
	ret->dests = &old;
	ret->n_dests = kernel.aged;
	return 0;
}

int ipvs_dump_some(
	struct ipvs *v, const struct ipvs_service_key *keys, size_t n_keys, struct ipvs_table *ret)
{
	(void)keys;
	(void)n_keys;
	return ipvs_dump(v, ret);
}

void ipvs_table_done(struct ipvs_table *t)
{
	free(t->services);
	*t = (struct ipvs_table){0};
}

static void carry_out(const struct ipvs_op *op)
{
	size_t i = 0;

	kernel.n_dests_deleted += op->kind == IPVS_OP_DEL_DEST;
	if (op->kind == IPVS_OP_ADD_SERVICE) {
		ck_assert_uint_lt(kernel.n_services, KERNEL_SERVICES);
		kernel.services[kernel.n_services++] = *op->service;
	} else if (op->kind == IPVS_OP_DEL_SERVICE) {
		while (ipvs_service_key_compare(&kernel.services[i].key, &op->service->key) != 0)
			i++;
		kernel.services[i] = kernel.services[--kernel.n_services];
	}
	kernel.n_services = ipvs_services_sort(kernel.services, kernel.n_services);
}

int ipvs_apply(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops,
	struct ipvs_failure *ret_failures, size_t max_failures, size_t *ret_n_failures)
{
	(void)v;
	(void)max_failures;
	*ret_n_failures = 0;
	kernel.applied++;
	if (kernel.lose > 0) {
		kernel.lose--;
		return -ENOBUFS;
	}
	if (kernel.refuse) {
		ret_failures[(*ret_n_failures)++] =
			(struct ipvs_failure){.op = &ops[0], .error = -EBUSY};
		return 0;
	}
	for (size_t i = 0; i < n_ops; i++)
		if (kernel.refuses_servers && ops[i].kind == IPVS_OP_ADD_DEST)
			ret_failures[(*ret_n_failures)++] =
				(struct ipvs_failure){.op = &ops[i], .error = -ENOMEM};
		else
			carry_out(&ops[i]);
	return 0;
}

const char *ipvs_failure_text(const struct ipvs_failure *failure, char *buf, size_t size)
{
	(void)snprintf(buf, size, "error %d", failure->error);
	return buf;
}

int ipvs_sync_dump(struct ipvs *v, struct ipvs_sync ret[static 2])
{
	(void)v;
	memcpy(ret, kernel.daemons, sizeof(kernel.daemons));
	return (int)kernel.n_daemons;
}

int ipvs_sync_start(struct ipvs *v, const struct ipvs_sync *sync)
{
	(void)v;
	kernel.daemons[kernel.n_daemons++] = *sync;
	return 0;
}

int ipvs_sync_stop(struct ipvs *v, enum ipvs_sync_role role)
{
	(void)v;
	(void)role;
	if (kernel.sync_stop_error == 0)
		kernel.n_daemons--;
	return kernel.sync_stop_error;
}

static void open_balancer(void)
{
	ck_assert_int_eq(balancer_init(&b, dir), 0);
}

static void reopen(void)
{
	balancer_done(&b);
	open_balancer();
}

static void set_up(void)
{
	memset(&kernel, 0, sizeof(kernel));
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(record, sizeof(record), "%s/ipvs.json", dir);
	(void)snprintf(temporary, sizeof(temporary), "%s.new", record);
	open_balancer();
}

static void tear_down(void)
{
	balancer_done(&b);
	(void)unlink(record);
	(void)rmdir(temporary);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* The first n of 192.0.2.1:80, 192.0.2.2:80 ...; 0: nothing any more. */
static int apply(size_t n)
{
	struct ipvs_service services[KERNEL_SERVICES] = {0};
	struct ipvs_table want = {.services = services, .n_services = n};
	struct ipvs_service_key keys[KERNEL_SERVICES];

	for (size_t i = 0; i < n; i++) {
		services[i] = (struct ipvs_service){
			.key = {.port = 80, .protocol = IPPROTO_TCP}, .scheduler = "wlc"};
		ck_assert(addr_parse("192.0.2.0", &services[i].key.addr));
		services[i].key.addr.bytes[3] = (uint8_t)(i + 1);
		keys[i] = services[i].key;
	}
	return n > 0 ? balancer_apply(&b, &want, keys, n, &result)
		     : balancer_remove_all(&b, &result);
}

/* The first one's only server is another one now. */
static int renew_server(void)
{
	struct ipvs_dest new = {.key.port = 81, .weight = 1};
	struct ipvs_service service = kernel.services[0];
	struct ipvs_table want = {
		.services = &service, .n_services = 1, .dests = &new, .n_dests = 1};

	service.n_dests = 1;
	return balancer_apply(&b, &want, &service.key, 1, &result);
}

static int sync_on(unsigned ifindex)
{
	static const struct ipvs_sync want = {.role = IPVS_SYNC_BACKUP, .interface = "eth1"};

	return balancer_sync(&b, &want, ifindex ? 1 : 0, ifindex, &result);
}

START_TEST(a_successor_deletes_what_is_recorded_and_nothing_else)
{
	ck_assert_int_eq(apply(2), 0);
	kernel.services[2] = kernel.services[1]; /* somebody else's */
	kernel.services[2].key.port = 81;
	kernel.n_services = 3;
	reopen();
	ck_assert_int_eq(apply(0), 0);
	ck_assert_uint_eq(kernel.n_services, 1);
	ck_assert_uint_eq(kernel.services[0].key.port, 81);
}
END_TEST

START_TEST(the_last_server_stays_while_the_new_one_is_not_there)
{
	ck_assert_int_eq(apply(1), 0);
	kernel.aged = true;
	kernel.refuses_servers = true;
	ck_assert_int_eq(renew_server(), -EAGAIN);
	ck_assert_uint_eq(kernel.n_dests_deleted, 0);
	ck_assert_uint_eq(result.failures, 1);
	kernel.refuses_servers = false;
	ck_assert_int_eq(renew_server(), 0);
	ck_assert_uint_eq(kernel.n_dests_deleted, 1);
}
END_TEST

START_TEST(a_service_that_could_not_be_deleted_is_still_ours)
{
	ck_assert_int_eq(apply(1), 0);
	kernel.refuse = true;
	ck_assert_int_lt(apply(0), 0);
	kernel.refuse = false;
	reopen();
	ck_assert_int_eq(apply(0), 0);
	ck_assert_uint_eq(kernel.n_services, 0);
}
END_TEST

START_TEST(a_service_that_went_away_is_not_ours_when_it_is_made_again)
{
	struct ipvs_service gone;

	ck_assert_int_eq(apply(1), 0);
	gone = kernel.services[0];
	kernel.n_services = 0; /* somebody flushed the table */
	ck_assert_int_eq(apply(0), 0);
	kernel.services[kernel.n_services++] = gone;
	reopen();
	ck_assert_int_eq(apply(0), 0);
	ck_assert_uint_eq(kernel.n_services, 1);
}
END_TEST

START_TEST(recorded_names_read_back_as_the_keys_they_are_of)
{
	static const char *const names[] = {"mark 4294967295 ipv4", "mark 7 ipv6",
		"tcp 192.0.2.100:80", "udp [2001:db8::1]:53", "sctp 192.0.2.100:0",
		"protocol-50 [::]:65535"};
	static const char *const garbage[] = {"", "mark", "mark 0 ipv4", "mark 7", "mark 7 ipv4 ",
		"tcp", "tcp 192.0.2.100", "tcp 192.0.2.100:", "tcp 192.0.2.100:65536", "tcp []:80",
		"tcp [:80", "tcp :80", "tcp 2001:db8::1:80", "tcp 192.0.2.100:080",
		"icmp 192.0.2.100:80", ":", " :", " "};
	struct ipvs_service_key *keys;
	json_t *except = json_object();
	char text[IPVS_KEY_TEXT_MAX];
	size_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_set_new(b.record.services, names[i], json_true());
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
		json_object_set_new(b.record.services, garbage[i], json_true());
	ck_assert_int_eq(record_keys(&b.record, NULL, &keys, &n), 0);
	ck_assert_uint_eq(n, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < n; i++)
		ck_assert_str_eq(ipvs_service_key_format(&keys[i], text), names[i]);
	free(keys);
	json_object_set_new(except, names[0], json_true());
	ck_assert_int_eq(record_keys(&b.record, except, &keys, &n), 0);
	ck_assert_uint_eq(n, sizeof(names) / sizeof(names[0]) - 1);
	free(keys);
	json_decref(except);
}
END_TEST

START_TEST(a_record_that_is_garbage_is_started_anew)
{
	FILE *f = fopen(record, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs("{\"services\": [1, ", f), 0);
	ck_assert_int_eq(fclose(f), 0);
	reopen();
	ck_assert_int_eq(apply(1), 0);
	reopen();
	ck_assert_int_eq(apply(0), 0);
	ck_assert_uint_eq(kernel.n_services, 0);
}
END_TEST

START_TEST(lost_answers_are_tried_again)
{
	kernel.lose = 2;
	ck_assert_int_eq(apply(1), 0);
	ck_assert_uint_eq(kernel.applied, 3);
	ck_assert_uint_eq(kernel.n_services, 1);
}
END_TEST

START_TEST(answers_lost_each_time_are_a_failure)
{
	kernel.lose = 100;
	ck_assert_int_eq(apply(1), -ENOBUFS);
	ck_assert_uint_eq(result.n_errors, 1);
	ck_assert_uint_eq(kernel.applied, 3);
}
END_TEST

START_TEST(nothing_is_added_while_it_cannot_be_recorded)
{
	ck_assert_int_eq(apply(1), 0);
	ck_assert_int_eq(mkdir(temporary, 0700), 0); /* in the way of the file */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_lt(apply(2), 0);
		ck_assert_uint_eq(kernel.n_services, 1);
		ck_assert_ptr_nonnull(strstr(result.errors[0], record));
		ck_assert_int_eq(apply(1), 0); /* what is recorded can change */
	}
	ck_assert_int_eq(rmdir(temporary), 0);
	ck_assert_int_eq(apply(2), 0);
	ck_assert_uint_eq(kernel.n_services, 2);
}
END_TEST

START_TEST(sync_daemons_alone_are_something_of_ours)
{
	ck_assert(!balancer_has_own(&b));
	ck_assert_int_eq(sync_on(3), 0);
	reopen();
	ck_assert(balancer_has_own(&b));
	ck_assert_int_eq(sync_on(0), 0);
	ck_assert_uint_eq(kernel.n_daemons, 0);
	ck_assert(!balancer_has_own(&b));
}
END_TEST

START_TEST(daemons_of_an_interface_made_anew_are_started_again)
{
	ck_assert_int_eq(sync_on(3), 0);
	ck_assert_uint_eq(result.operations, 1);
	ck_assert_int_eq(sync_on(3), 0);
	ck_assert_uint_eq(result.operations, 0);
	ck_assert_int_eq(sync_on(7), 0);
	ck_assert_uint_eq(result.operations, 2);
}
END_TEST

START_TEST(a_daemon_that_does_not_stop_is_told_when_all_is_removed)
{
	ck_assert_int_eq(sync_on(3), 0);
	kernel.sync_stop_error = -EPERM;
	ck_assert_int_eq(balancer_remove_all(&b, &result), -EPERM);
	ck_assert_uint_eq(result.n_errors, 1);
	ck_assert(balancer_has_own(&b));
}
END_TEST

START_TEST(a_kernel_without_ipvs_is_named)
{
	kernel.open_error = -ENOENT;
	ck_assert_int_eq(apply(1), -ENOENT);
	ck_assert_ptr_nonnull(strstr(result.errors[0], "ip_vs"));
	ck_assert(!balancer_has_own(&b));
	ck_assert_int_eq(balancer_remove_all(&b, &result), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("balancer");
	TCase *tc = tcase_create("balancer");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_successor_deletes_what_is_recorded_and_nothing_else);
	tcase_add_test(tc, the_last_server_stays_while_the_new_one_is_not_there);
	tcase_add_test(tc, a_service_that_could_not_be_deleted_is_still_ours);
	tcase_add_test(tc, a_service_that_went_away_is_not_ours_when_it_is_made_again);
	tcase_add_test(tc, recorded_names_read_back_as_the_keys_they_are_of);
	tcase_add_test(tc, a_record_that_is_garbage_is_started_anew);
	tcase_add_test(tc, lost_answers_are_tried_again);
	tcase_add_test(tc, answers_lost_each_time_are_a_failure);
	tcase_add_test(tc, nothing_is_added_while_it_cannot_be_recorded);
	tcase_add_test(tc, sync_daemons_alone_are_something_of_ours);
	tcase_add_test(tc, daemons_of_an_interface_made_anew_are_started_again);
	tcase_add_test(tc, a_daemon_that_does_not_stop_is_told_when_all_is_removed);
	tcase_add_test(tc, a_kernel_without_ipvs_is_named);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
