/* link/kernel_count: what the kernel counts is held against the shadow table, service by service.
 */
#include "link/kernel_count.h"

#include "link/shadow.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct shadow *shadow;
static struct table_sum sum;
static unsigned counted;
static char path[32];

static void on_counted(const struct table_sum *s, struct instant now, void *userdata)
{
	(void)now;
	(void)userdata;
	sum = *s;
	counted++;
}

static const struct kernel_count_handler handler = {on_counted, NULL};

static void setup(void)
{
	(void)snprintf(path, sizeof(path), "/tmp/test_kernel_count.XXXXXX");
	ck_assert_int_eq(close(mkstemp(path)), 0);
	ck_assert_int_eq(shadow_new(5000, &shadow), 0);
	counted = 0;
}

static void teardown(void)
{
	(void)unlink(path);
	shadow_free(shadow);
}

static void kernel_says(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	(void)fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void know(uint8_t protocol, uint16_t port, uint32_t mark, uint32_t flags, unsigned n)
{
	static uint16_t client_port = 1024;
	struct sync_record r = {.protocol = protocol,
		.service_port = port,
		.server_port = port,
		.mark = mark,
		.flags = flags,
		.state = protocol == IPPROTO_TCP};

	ck_assert(addr_parse("198.51.100.7", &r.client) && addr_parse("192.0.2.100", &r.service) &&
		  addr_parse("192.0.2.11", &r.server));
	for (unsigned i = 0; i < n; i++) {
		r.client_port = client_port++;
		ck_assert(shadow_take(shadow, &r, SHADOW_OWN, (struct instant){1}));
	}
}

static void compare(void)
{
	struct instant now = {1000};
	struct kernel_count *k;

	ck_assert_int_eq(kernel_count_new(shadow, path, &handler, now, &k), 0);
	for (unsigned i = 0; i < 1000 && counted == 0; i++)
		now = kernel_count_step(k, now);
	kernel_count_free(k);
	ck_assert_uint_eq(counted, 1);
}

START_TEST(established_connections_count_and_all_of_udp)
{
	kernel_says("TCP  C0000264:0050 rr  \n"
		    "  -> C000020B:0050      Route   1      3          9\n"
		    "UDP  C0000264:0035 rr  \n"
		    "  -> C000020B:0035      Route   1      0          4\n"
		    "  -> C000020C:0035      Route   1      0          5\n");
	know(IPPROTO_TCP, 80, 0, 0, 3);
	know(IPPROTO_TCP, 80, 0, SYNC_FLAG_INACTIVE, 5);
	know(IPPROTO_UDP, 53, 0, SYNC_FLAG_INACTIVE, 7);
	compare();
	ck_assert_uint_eq(sum.kernel, 12);
	ck_assert_uint_eq(sum.known, 10);
	ck_assert_uint_eq(sum.missing, 2);
	ck_assert_uint_eq(sum.surplus, 0);
}
END_TEST

START_TEST(a_mark_comes_first_and_any_port_last)
{
	kernel_says("TCP  C0000264:0000 rr persistent 300\n"
		    "  -> C000020B:0000      Route   1      2          0\n"
		    "FWM  00000007 rr  \n"
		    "  -> C000020B:0000      Route   1      4          0\n");
	know(IPPROTO_TCP, 8080, 0, 0, 1);
	know(IPPROTO_TCP, 8081, 9, 0, 1); /* no service has this mark */
	know(IPPROTO_TCP, 80, 7, 0, 5);
	compare();
	ck_assert_uint_eq(sum.missing, 0);
	ck_assert_uint_eq(sum.surplus, 1);
}
END_TEST

START_TEST(connections_of_a_server_that_was_removed_count_nowhere)
{
	kernel_says("TCP  C0000264:0050 rr  \n"
		    "  -> C000020C:0050      Route   1      3          9\n"
		    "TCP  C0000264:0051 rr  \n"
		    "  -> C000020B:0051      Route   1      2          0\n"
		    "TCP  C0000264:0052 rr  \n");
	know(IPPROTO_TCP, 80, 0, 0, 7);
	know(IPPROTO_TCP, 81, 0, 0, 2);
	know(IPPROTO_TCP, 82, 0, 0, 5);
	compare();
	ck_assert_uint_eq(sum.kernel, 5);
	ck_assert_uint_eq(sum.known, 2);
	ck_assert_uint_eq(sum.missing, 3);
	ck_assert_uint_eq(sum.surplus, 0);
}
END_TEST

START_TEST(without_ipvs_nothing_is_compared)
{
	struct instant now = {1000};
	struct kernel_count *k;

	(void)unlink(path);
	ck_assert_int_eq(kernel_count_new(shadow, path, &handler, now, &k), 0);
	for (unsigned i = 0; i < 10; i++) {
		struct instant next = kernel_count_step(k, now);

		ck_assert_uint_gt(next.us, now.us);
		now = next;
	}
	kernel_count_free(k);
	ck_assert_uint_eq(counted, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel_count");
	TCase *tc = tcase_create("kernel_count");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, established_connections_count_and_all_of_udp);
	tcase_add_test(tc, a_mark_comes_first_and_any_port_last);
	tcase_add_test(tc, connections_of_a_server_that_was_removed_count_nowhere);
	tcase_add_test(tc, without_ipvs_nothing_is_compared);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
