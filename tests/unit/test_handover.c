/* A place is offered, given, kept, and taken back. */
#include "core/handover.h"

#include <check.h>
#include <stdlib.h>

#define PATIENCE_US UINT64_C(4000000)

static const struct instant t0 = {5000000};
static struct handover h;

static void set_up(void)
{
	handover_init(&h);
}

static struct instant later(uint64_t us)
{
	return instant_add(t0, us);
}

START_TEST(without_a_word_of_an_operator_the_priority_is_the_configured_one)
{
	ck_assert_uint_eq(handover_priority(&h, 150), 150);
	ck_assert_uint_eq(handover_priority(&h, 255), 255);
	ck_assert_int_eq(handover_timer(&h, later(1)), HANDOVER_GOES_ON);
	ck_assert(instant_is_never(h.deadline));
}
END_TEST

START_TEST(an_offer_that_is_taken_keeps_the_giver_humble)
{
	handover_offer(&h, false, PATIENCE_US, t0);
	ck_assert_uint_eq(handover_priority(&h, 150), HANDOVER_PRIORITY);
	handover_became(&h, false);
	ck_assert_int_eq(h.state, HANDOVER_GIVEN);
	ck_assert_uint_eq(handover_priority(&h, 150), HANDOVER_PRIORITY);
	ck_assert_int_eq(handover_timer(&h, later(10 * PATIENCE_US)), HANDOVER_GOES_ON);
}
END_TEST

START_TEST(an_offer_that_nobody_takes_ends_as_it_began)
{
	handover_offer(&h, false, PATIENCE_US, t0);
	ck_assert_int_eq(handover_timer(&h, later(PATIENCE_US - 1)), HANDOVER_GOES_ON);
	ck_assert_int_eq(handover_timer(&h, later(PATIENCE_US)), HANDOVER_REFUSED);
	ck_assert_int_eq(h.state, HANDOVER_NONE);
	ck_assert_uint_eq(handover_priority(&h, 150), 150);
	ck_assert(instant_is_never(h.deadline));
}
END_TEST

START_TEST(who_insists_gives_the_place_up)
{
	handover_offer(&h, true, PATIENCE_US, t0);
	ck_assert_int_eq(handover_timer(&h, later(PATIENCE_US)), HANDOVER_FORCED);
	ck_assert_int_eq(h.state, HANDOVER_GIVEN);
}
END_TEST

START_TEST(a_second_offer_is_the_first_one_and_takes_no_insisting_back)
{
	handover_offer(&h, true, PATIENCE_US, t0);
	handover_offer(&h, false, PATIENCE_US, later(PATIENCE_US - 1));
	ck_assert_int_eq(handover_timer(&h, later(PATIENCE_US - 1)), HANDOVER_GOES_ON);
	ck_assert_int_eq(handover_timer(&h, later(PATIENCE_US)), HANDOVER_FORCED);
	handover_init(&h);
	handover_offer(&h, false, PATIENCE_US, t0);
	handover_offer(&h, true, PATIENCE_US, later(1));
	ck_assert_int_eq(handover_timer(&h, later(PATIENCE_US)), HANDOVER_FORCED);
}
END_TEST

START_TEST(who_becomes_active_again_is_humble_no_more)
{
	handover_give(&h);
	handover_became(&h, true);
	ck_assert_int_eq(h.state, HANDOVER_NONE);
}
END_TEST

START_TEST(a_peer_that_is_humble_itself_gives_the_place_back)
{
	handover_give(&h);
	ck_assert(!handover_heard(&h, 100));
	ck_assert_int_eq(h.state, HANDOVER_GIVEN);
	ck_assert(handover_heard(&h, HANDOVER_PRIORITY));
	ck_assert_int_eq(h.state, HANDOVER_NONE);
	ck_assert(!handover_heard(&h, HANDOVER_PRIORITY));
	handover_give(&h);
	ck_assert(handover_heard(&h, 0));
}
END_TEST

START_TEST(maintenance_is_humble_whatever_else_happens)
{
	handover_maintain(&h, MAINTENANCE_STANDBY);
	ck_assert_uint_eq(handover_priority(&h, 150), HANDOVER_PRIORITY);
	handover_became(&h, true);
	ck_assert_uint_eq(handover_priority(&h, 150), HANDOVER_PRIORITY);
	h.maintenance = MAINTENANCE_OFF;
	ck_assert_uint_eq(handover_priority(&h, 150), 150);
}
END_TEST

START_TEST(the_end_of_maintenance_takes_an_offer_back)
{
	handover_maintain(&h, MAINTENANCE_ON);
	handover_offer(&h, true, PATIENCE_US, t0);
	handover_maintain(&h, MAINTENANCE_OFF);
	ck_assert_uint_eq(handover_priority(&h, 150), 150);
	ck_assert_int_eq(handover_timer(&h, later(PATIENCE_US)), HANDOVER_GOES_ON);
}
END_TEST

START_TEST(standby_does_not_insist_any_more)
{
	handover_maintain(&h, MAINTENANCE_ON);
	handover_offer(&h, true, PATIENCE_US, t0);
	handover_maintain(&h, MAINTENANCE_STANDBY);
	ck_assert_int_eq(handover_timer(&h, later(PATIENCE_US)), HANDOVER_REFUSED);
}
END_TEST

START_TEST(the_end_of_maintenance_does_not_take_back_what_was_given)
{
	handover_maintain(&h, MAINTENANCE_ON);
	handover_give(&h);
	handover_maintain(&h, MAINTENANCE_OFF);
	ck_assert_int_eq(h.state, HANDOVER_GIVEN);
}
END_TEST

START_TEST(every_mode_has_its_name)
{
	for (enum maintenance m = MAINTENANCE_OFF; m < MAINTENANCE_MAX_; m++)
		ck_assert_int_eq(maintenance_by_name(maintenance_name(m)), m);
	ck_assert_int_eq(maintenance_by_name("perhaps"), MAINTENANCE_MAX_);
	ck_assert_str_eq(handover_state_name(HANDOVER_GIVEN), "given");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handover");
	TCase *tc = tcase_create("rules");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, without_a_word_of_an_operator_the_priority_is_the_configured_one);
	tcase_add_test(tc, an_offer_that_is_taken_keeps_the_giver_humble);
	tcase_add_test(tc, an_offer_that_nobody_takes_ends_as_it_began);
	tcase_add_test(tc, who_insists_gives_the_place_up);
	tcase_add_test(tc, a_second_offer_is_the_first_one_and_takes_no_insisting_back);
	tcase_add_test(tc, who_becomes_active_again_is_humble_no_more);
	tcase_add_test(tc, a_peer_that_is_humble_itself_gives_the_place_back);
	tcase_add_test(tc, maintenance_is_humble_whatever_else_happens);
	tcase_add_test(tc, the_end_of_maintenance_takes_an_offer_back);
	tcase_add_test(tc, standby_does_not_insist_any_more);
	tcase_add_test(tc, the_end_of_maintenance_does_not_take_back_what_was_given);
	tcase_add_test(tc, every_mode_has_its_name);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
