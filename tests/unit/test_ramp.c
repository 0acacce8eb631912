/* Slow start: how much of its weight a server has, and when that changes. */
#include "core/ramp.h"

#include <check.h>
#include <stdlib.h>

#define LENGTH_US UINT64_C(90000000) /* nine steps of 10 s */

static const struct instant t0 = {1000000};

static struct instant after(uint64_t us)
{
	return instant_add(t0, us);
}

START_TEST(nine_steps_of_a_tenth_from_a_tenth_to_all)
{
	struct ramp r = {t0, LENGTH_US};

	for (unsigned step = 0; step <= 9; step++) {
		uint64_t us = UINT64_C(10000000) * step;

		ck_assert_uint_eq(ramp_percent(&r, after(us)), 10 * (step + 1));
		if (step > 0)
			ck_assert_uint_eq(ramp_percent(&r, after(us - 1)), 10 * step);
	}
	ck_assert_uint_eq(ramp_percent(&r, after(LENGTH_US * 1000)), 100);
}
END_TEST

START_TEST(the_next_change_is_where_the_percentage_changes_and_not_a_microsecond_sooner)
{
	static const uint64_t lengths[] = {1, 8, 9, 10, 1000, 999999, LENGTH_US, LENGTH_US + 1};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ramp r = {t0, lengths[i]};
		struct instant now = t0, next;
		unsigned changes = 0;

		while (!instant_is_never(next = ramp_next(&r, now))) {
			struct instant before = {next.us - 1};

			ck_assert_uint_gt(next.us, now.us);
			ck_assert_uint_eq(ramp_percent(&r, before), ramp_percent(&r, now));
			ck_assert_uint_gt(ramp_percent(&r, next), ramp_percent(&r, now));
			now = next;
			changes++;
		}
		ck_assert_uint_le(changes, 9);
		ck_assert_uint_eq(now.us, after(lengths[i]).us);
		ck_assert_uint_eq(ramp_percent(&r, now), 100);
	}
}
END_TEST

START_TEST(what_is_not_news_does_not_ramp)
{
	struct ramp not_news = {{0}, LENGTH_US}, none = {t0, 0};

	ck_assert_uint_eq(ramp_percent(&not_news, after(1)), 100);
	ck_assert(instant_is_never(ramp_next(&not_news, after(1))));
	ck_assert_uint_eq(ramp_percent(&none, t0), 100);
	ck_assert(instant_is_never(ramp_next(&none, t0)));
}
END_TEST

START_TEST(a_clock_that_jumps_back_begins_anew_at_most)
{
	struct ramp r = {after(5), LENGTH_US};

	ck_assert_uint_eq(ramp_percent(&r, t0), 10);
	ck_assert_uint_gt(ramp_next(&r, t0).us, after(5).us);
}
END_TEST

START_TEST(a_thousand_days_do_not_overflow)
{
	struct ramp r = {t0, UINT64_C(86400000000) * 1000};

	ck_assert_uint_eq(ramp_percent(&r, after(UINT64_C(86400000000) * 999)), 90);
	ck_assert_uint_eq(ramp_percent(&r, (struct instant){UINT64_MAX - 1}), 100);
}
END_TEST

START_TEST(a_part_of_a_weight_is_rounded_up)
{
	ck_assert_uint_eq(ramp_weight(10, 10), 1);
	ck_assert_uint_eq(ramp_weight(1, 10), 1);
	ck_assert_uint_eq(ramp_weight(15, 10), 2);
	ck_assert_uint_eq(ramp_weight(0, 50), 0);
	ck_assert_uint_eq(ramp_weight(655350, 100), 655350);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ramp");
	TCase *tc = tcase_create("ramp");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, nine_steps_of_a_tenth_from_a_tenth_to_all);
	tcase_add_test(
		tc, the_next_change_is_where_the_percentage_changes_and_not_a_microsecond_sooner);
	tcase_add_test(tc, what_is_not_news_does_not_ramp);
	tcase_add_test(tc, a_clock_that_jumps_back_begins_anew_at_most);
	tcase_add_test(tc, a_thousand_days_do_not_overflow);
	tcase_add_test(tc, a_part_of_a_weight_is_rounded_up);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
