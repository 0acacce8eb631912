/* A drain ends in order, or at its deadline, once. */
#include "core/drain.h"

#include <check.h>
#include <stdlib.h>

static const struct instant t0 = {5000000};
static struct drain drain;

static void set_up(void)
{
	drain = (struct drain){.state = DRAIN_DRAINING,
		.requested_at = t0,
		.deadline = instant_add(t0, 600000000)};
}

static bool step(uint64_t active, uint64_t inactive, struct instant now)
{
	return drain_step(&drain, &(struct drain_count){true, active, inactive}, now);
}

START_TEST(it_goes_on_while_there_is_a_connection)
{
	ck_assert(!step(1, 0, t0));
	ck_assert(!step(0, 1, t0));
	ck_assert_int_eq(drain.state, DRAIN_DRAINING);
	ck_assert(!drain_is_over(&drain));
}
END_TEST

START_TEST(it_is_over_with_the_last_connection_and_says_so_once)
{
	ck_assert(step(0, 0, t0));
	ck_assert_int_eq(drain.state, DRAIN_DRAINED);
	ck_assert(!step(0, 0, t0));
	ck_assert(!step(7, 0, instant_add(t0, 600000000)));
	ck_assert_int_eq(drain.state, DRAIN_DRAINED);
}
END_TEST

START_TEST(the_deadline_forces_it_and_not_a_microsecond_sooner)
{
	ck_assert(!step(3, 4, (struct instant){drain.deadline.us - 1}));
	ck_assert(step(3, 4, drain.deadline));
	ck_assert_int_eq(drain.state, DRAIN_FORCED);
	ck_assert(!step(0, 0, instant_add(drain.deadline, 1)));
	ck_assert_int_eq(drain.state, DRAIN_FORCED);
}
END_TEST

START_TEST(connections_that_end_at_the_deadline_ended_in_order)
{
	ck_assert(step(0, 0, drain.deadline));
	ck_assert_int_eq(drain.state, DRAIN_DRAINED);
}
END_TEST

START_TEST(a_kernel_that_cannot_be_asked_is_not_taken_as_idle)
{
	struct drain_count unknown = {.known = false};

	ck_assert(!drain_step(&drain, &unknown, t0));
	ck_assert(drain_step(&drain, &unknown, instant_add(drain.deadline, 3600000000)));
	ck_assert_int_eq(drain.state, DRAIN_FORCED);
}
END_TEST

START_TEST(without_a_deadline_it_takes_as_long_as_it_takes)
{
	drain.deadline = INSTANT_NEVER;
	ck_assert(!step(1, 0, instant_add(t0, UINT64_C(86400000000) * 365)));
	ck_assert(instant_is_never(drain_next(&drain)));
}
END_TEST

START_TEST(only_a_drain_under_way_has_a_deadline_to_come)
{
	ck_assert_uint_eq(drain_next(&drain).us, drain.deadline.us);
	ck_assert(step(0, 0, t0));
	ck_assert(instant_is_never(drain_next(&drain)));
}
END_TEST

START_TEST(what_is_on_both_is_counted_once)
{
	static const struct drain_count here = {true, 5, 1}, there = {true, 3, 4},
					unknown = {false, 9, 9};
	struct drain_count both = drain_count_pair(&here, &there);

	ck_assert(both.known);
	ck_assert_uint_eq(both.active, 5);
	ck_assert_uint_eq(both.inactive, 4);
	both = drain_count_pair(&here, &unknown);
	ck_assert(both.known);
	ck_assert_uint_eq(both.active, 5);
	ck_assert_uint_eq(both.inactive, 1);
	ck_assert(!drain_count_pair(&unknown, &there).known);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("drain");
	TCase *tc = tcase_create("drain");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, it_goes_on_while_there_is_a_connection);
	tcase_add_test(tc, it_is_over_with_the_last_connection_and_says_so_once);
	tcase_add_test(tc, the_deadline_forces_it_and_not_a_microsecond_sooner);
	tcase_add_test(tc, connections_that_end_at_the_deadline_ended_in_order);
	tcase_add_test(tc, a_kernel_that_cannot_be_asked_is_not_taken_as_idle);
	tcase_add_test(tc, without_a_deadline_it_takes_as_long_as_it_takes);
	tcase_add_test(tc, what_is_on_both_is_counted_once);
	tcase_add_test(tc, only_a_drain_under_way_has_a_deadline_to_come);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
