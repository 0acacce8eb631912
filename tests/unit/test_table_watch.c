/* core/table_watch: when the kernel's table is read again, and when it is fed. */
#include "core/table_watch.h"

#include <check.h>
#include <stdlib.h>

#define EVERY_US UINT64_C(10000000)

static struct table_watch watch;
static struct instant now;

static void setup(void)
{
	watch = (struct table_watch){0};
	now = (struct instant){1000};
}

static struct table_sum sum_of(uint64_t kernel, uint64_t known, uint64_t young)
{
	struct table_sum sum = {0};

	table_sum_add(&sum, &(struct table_count){kernel, known, young});
	return sum;
}

static struct table_action look(uint64_t kernel, uint64_t known)
{
	struct table_sum sum = sum_of(kernel, known, 0);
	struct table_action a = table_watch_step(&watch, &sum, false, now);

	now = instant_add(now, EVERY_US);
	return a;
}

/* How many looks until the table is read. */
static unsigned looks_until_read(uint64_t kernel, uint64_t known)
{
	unsigned n = 1;

	while (!look(kernel, known).read && n < 100000)
		n++;
	return n;
}

START_TEST(each_one_counts_where_nothing_goes_on)
{
	ck_assert_uint_eq(sum_of(1000, 999, 0).missing, 1);
	ck_assert_uint_eq(sum_of(1000, 1001, 0).surplus, 1);
	ck_assert_uint_eq(sum_of(1000, 1000, 0).missing, 0);
}
END_TEST

START_TEST(some_may_be_on_their_way)
{
	ck_assert_uint_eq(sum_of(1000, 949, 1).missing, 0);
	ck_assert_uint_eq(sum_of(1000, 948, 1).missing, 52);
	ck_assert_uint_eq(sum_of(1000, 1500, 500).surplus, 0);
	ck_assert_uint_eq(sum_of(1000, 1501, 500).surplus, 501);
}
END_TEST

START_TEST(one_service_does_not_hide_another)
{
	struct table_sum sum = sum_of(10, 0, 0);

	table_sum_add(&sum, &(struct table_count){0, 10, 0});
	ck_assert_uint_eq(sum.missing, 10);
	ck_assert_uint_eq(sum.surplus, 10);
}
END_TEST

START_TEST(what_is_seen_once_is_not_believed)
{
	ck_assert(!look(10, 5).read);
	ck_assert(!look(10, 10).read);
	ck_assert(!look(10, 5).read);
	ck_assert(look(10, 5).read);
}
END_TEST

START_TEST(an_attempt_that_did_not_help_is_repeated_ever_more_seldom)
{
	unsigned last = looks_until_read(10, 5);

	ck_assert_uint_eq(last, 2);
	for (unsigned i = 0; i < 20; i++) {
		unsigned next = looks_until_read(10, 5);

		ck_assert_uint_ge(next, last);
		ck_assert_uint_le(next, TABLE_WATCH_WAIT_MAX_US / EVERY_US + 1);
		last = next;
	}
	ck_assert_uint_ge(last, TABLE_WATCH_WAIT_MAX_US / EVERY_US);
}
END_TEST

START_TEST(what_grows_is_not_what_was_left)
{
	(void)looks_until_read(10, 5);
	(void)look(10, 5);
	(void)look(10, 5);
	ck_assert_uint_le(looks_until_read(10, 4), 2);
}
END_TEST

START_TEST(what_was_mended_begins_anew)
{
	(void)looks_until_read(10, 5);
	(void)look(10, 10);
	for (unsigned i = 0; i < 3; i++)
		(void)look(10, 10);
	ck_assert_uint_eq(looks_until_read(10, 5), 2);
}
END_TEST

START_TEST(a_counted_loss_is_read_for_at_once_and_not_over_and_over)
{
	struct table_sum none = {0};
	unsigned reads = 0;

	ck_assert(table_watch_step(&watch, &none, true, now).read);
	table_watch_read(&watch, 3 * EVERY_US, now);
	for (unsigned i = 0; i < 60; i++) {
		now = instant_add(now, EVERY_US);
		reads += table_watch_step(&watch, &none, i == 0, now).read;
	}
	ck_assert_uint_eq(reads, 1); /* once, when twenty times three looks are over */
	ck_assert(!look(10, 10).read);
}
END_TEST

START_TEST(what_the_kernel_has_not_got_is_fed)
{
	ck_assert(!look(5, 10).feed);
	ck_assert(look(5, 10).feed);
	ck_assert(!look(5, 10).feed);
	ck_assert(!look(10, 10).feed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("table_watch");
	TCase *tc = tcase_create("table_watch");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, each_one_counts_where_nothing_goes_on);
	tcase_add_test(tc, some_may_be_on_their_way);
	tcase_add_test(tc, one_service_does_not_hide_another);
	tcase_add_test(tc, what_is_seen_once_is_not_believed);
	tcase_add_test(tc, an_attempt_that_did_not_help_is_repeated_ever_more_seldom);
	tcase_add_test(tc, what_grows_is_not_what_was_left);
	tcase_add_test(tc, what_was_mended_begins_anew);
	tcase_add_test(tc, a_counted_loss_is_read_for_at_once_and_not_over_and_over);
	tcase_add_test(tc, what_the_kernel_has_not_got_is_fed);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
