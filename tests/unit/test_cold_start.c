/* link/cold_start: a list of connections, as /proc has it, goes into the shadow table. */
#include "link/cold_start.h"

#include "io/clock.h"
#include "link/shadow.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS 1000u

static struct shadow *shadow;
static struct cold_start_report report;
static unsigned ended;
static char path[] = "/tmp/test_cold_start.XXXXXX";
static char services[] = "/tmp/test_cold_start_services.XXXXXX";

static void on_ended(const struct cold_start_report *r, void *userdata)
{
	(void)userdata;
	report = *r;
	ended++;
}

static const struct cold_start_handler handler = {on_ended, NULL};

static void write_services(void)
{
	int fd = mkstemp(services);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	ck_assert_ptr_nonnull(f);
	(void)fputs("FWM  00000007 rr  \n"
		    "  -> C000020B:0000      Route   1      4          0\n",
		f);
	ck_assert_int_eq(fclose(f), 0);
}

static void setup(void)
{
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	ck_assert_ptr_nonnull(f);
	(void)fprintf(f, "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires\n");
	for (unsigned i = 0; i < CONNECTIONS; i++)
		(void)fprintf(f, "TCP C6336407 %04X C0000264 01BB C000020B 01BB ESTABLISHED %u\n",
			1024 + i, i % 900);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(shadow_new(5000, &shadow), 0);
	ended = 0;
	write_services();
}

static void teardown(void)
{
	(void)unlink(path);
	(void)unlink(services);
	shadow_free(shadow);
}

static unsigned run(struct cold_start *c)
{
	struct instant next = clock_now();
	unsigned steps = 0;

	for (; !instant_is_never(next); steps++)
		next = cold_start_step(c, next);
	return steps;
}

START_TEST(a_list_goes_into_the_table_in_steps)
{
	struct shadow_walk walk = {0};
	struct instant began = clock_now(), said;
	enum shadow_origin origin;
	struct sync_record r;
	struct cold_start *c;
	unsigned seen = 0;

	ck_assert_int_eq(cold_start_new(shadow, path, services, &handler, began, &c), 0);
	ck_assert_uint_gt(run(c), 5);
	ck_assert_uint_eq(ended, 1);
	ck_assert(report.complete);
	ck_assert_uint_eq(report.read, CONNECTIONS);
	ck_assert_uint_eq(report.strange, 0);
	/* The time that is left is that of the list; nothing is newer than the beginning. */
	for (; shadow_next(shadow, &walk, &r, &origin, &said); seen++) {
		uint64_t age_us = began.us - said.us,
			 left_us = (r.client_port - 1024u) % 900 * 1000000u;

		ck_assert_uint_eq(r.mark, 7);
		ck_assert_int_eq(origin, SHADOW_OWN);
		ck_assert_uint_eq(age_us, UINT64_C(900000000) - left_us + 1);
	}
	ck_assert_uint_eq(seen, CONNECTIONS);
	cold_start_free(c);
}
END_TEST

START_TEST(what_was_heard_meanwhile_stays)
{
	struct sync_record live = {.protocol = 6,
		.state = 4,
		.flags = 0x100,
		.timeout_s = 120,
		.client_port = 1024,
		.service_port = 443,
		.server_port = 443};
	struct instant began = clock_now(), said;
	struct cold_start *c;

	ck_assert(addr_parse("198.51.100.7", &live.client));
	ck_assert(addr_parse("192.0.2.100", &live.service));
	ck_assert(addr_parse("192.0.2.11", &live.server));
	ck_assert_int_eq(cold_start_new(shadow, path, services, &handler, began, &c), 0);
	ck_assert(shadow_take(shadow, &live, SHADOW_PEER, began));
	(void)run(c);
	ck_assert(shadow_says(shadow, &live, &said));
	ck_assert_uint_eq(said.us, began.us);
	cold_start_free(c);
}
END_TEST

START_TEST(without_ipvs_there_is_nothing_to_read)
{
	struct cold_start *c;

	ck_assert_int_eq(
		cold_start_new(shadow, "/nonexistent", "/nonexistent", &handler, clock_now(), &c),
		0);
	(void)run(c);
	ck_assert_uint_eq(ended, 1);
	ck_assert(report.complete);
	ck_assert_int_eq(report.error, -ENOENT);
	cold_start_free(c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cold_start");
	TCase *tc = tcase_create("cold_start");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_list_goes_into_the_table_in_steps);
	tcase_add_test(tc, what_was_heard_meanwhile_stays);
	tcase_add_test(tc, without_ipvs_there_is_nothing_to_read);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
