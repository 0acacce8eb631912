/* The rule for a helper's life, on a virtual clock. */
#include "core/supervise.h"

#include <check.h>
#include <stdlib.h>

static const struct instant t0 = {1000000000};
static struct supervise s;

static struct instant after(struct instant t, uint64_t us)
{
	return instant_add(t, us);
}

/* What has to be remembered for a look is not told here. */
static unsigned at(struct instant t, enum supervise_event event)
{
	return supervise_step(&s, event, t) & ~(unsigned)SUPERVISE_DO_REMEMBER;
}

static void set_up(void)
{
	s = (struct supervise){.settings = {.beat_us = 100, .silence_us = 300, .back_us = 1000}};
	ck_assert_uint_eq(
		at(t0, SUPERVISE_EV_WANTED), (unsigned)SUPERVISE_DO_START | SUPERVISE_DO_BEAT);
	ck_assert_uint_eq(at(t0, SUPERVISE_EV_ANSWER), 0);
	ck_assert_int_eq(s.state, SUPERVISE_UP);
}

START_TEST(a_helper_that_answers_is_asked_again_after_each_interval)
{
	struct instant t = t0;

	for (int i = 0; i < 10; i++) {
		t = after(t, 100);
		ck_assert_uint_eq(s.deadline.us, t.us);
		ck_assert_uint_eq(at(t, SUPERVISE_EV_TIMER), SUPERVISE_DO_BEAT);
		ck_assert_uint_eq(at(after(t, 5), SUPERVISE_EV_ANSWER), 0);
	}
}
END_TEST

START_TEST(silence_kills_at_its_limit_and_not_before)
{
	at(after(t0, 100), SUPERVISE_EV_TIMER);
	at(after(t0, 200), SUPERVISE_EV_TIMER);
	at(after(t0, 300), SUPERVISE_EV_TIMER);
	ck_assert_uint_eq(at(after(t0, 399), SUPERVISE_EV_TIMER), 0);
	ck_assert_uint_eq(at(after(t0, 400), SUPERVISE_EV_TIMER), SUPERVISE_DO_LOOK);
	ck_assert_uint_eq(at(after(t0, 400), SUPERVISE_EV_SILENT), SUPERVISE_DO_KILL);
	ck_assert(s.hung);
	ck_assert_int_eq(s.state, SUPERVISE_DYING);
	ck_assert(instant_is_never(s.deadline));
}
END_TEST

START_TEST(one_that_gets_no_processor_has_as_long_again_and_no_more)
{
	for (uint64_t us = 100; us < 400; us += 100)
		at(after(t0, us), SUPERVISE_EV_TIMER);
	ck_assert_uint_eq(at(after(t0, 400), SUPERVISE_EV_TIMER), SUPERVISE_DO_LOOK);
	ck_assert_uint_eq(
		supervise_step(&s, SUPERVISE_EV_STARVED, after(t0, 400)), SUPERVISE_DO_REMEMBER);
	ck_assert_int_eq(s.state, SUPERVISE_UP);
	for (uint64_t us = 400; us < 700; us += 100)
		ck_assert_uint_eq(at(after(t0, us), SUPERVISE_EV_TIMER), SUPERVISE_DO_BEAT);
	ck_assert_uint_eq(at(after(t0, 700), SUPERVISE_EV_TIMER), SUPERVISE_DO_LOOK);
	ck_assert_uint_eq(at(after(t0, 700), SUPERVISE_EV_STARVED), SUPERVISE_DO_KILL);
	ck_assert(s.hung);
}
END_TEST

START_TEST(one_that_answered_after_all_is_given_the_time_again)
{
	for (int i = 0; i < 3; i++) {
		struct instant silent = after(s.beat_at, 300);

		while (s.deadline.us < silent.us)
			at(s.deadline, SUPERVISE_EV_TIMER);
		ck_assert_uint_eq(at(silent, SUPERVISE_EV_TIMER), SUPERVISE_DO_LOOK);
		ck_assert_uint_eq(at(silent, SUPERVISE_EV_STARVED), 0);
		at(after(silent, 50), SUPERVISE_EV_ANSWER);
	}
	ck_assert_int_eq(s.state, SUPERVISE_UP);
}
END_TEST

/* An answer that came before anybody looked counts. */
START_TEST(nobody_is_killed_for_a_look_that_is_out_of_date)
{
	ck_assert_uint_eq(at(after(t0, 50), SUPERVISE_EV_SILENT), 0);
	ck_assert_uint_eq(at(after(t0, 50), SUPERVISE_EV_STARVED), 0);
	ck_assert_int_eq(s.state, SUPERVISE_UP);
	ck_assert(!s.starved);
}
END_TEST

START_TEST(who_is_runnable_and_did_not_run_is_starved)
{
	const struct supervise_sight before = {false, 5000};

	ck_assert(supervise_is_starved(&before, &(struct supervise_sight){true, 5000}, 100000));
	ck_assert(supervise_is_starved(&before, &(struct supervise_sight){true, 29999}, 100000));
	ck_assert(!supervise_is_starved(&before, &(struct supervise_sight){true, 30000}, 100000));
	ck_assert(!supervise_is_starved(&before, &(struct supervise_sight){false, 5000}, 100000));
	/* Another process by now. */
	ck_assert(!supervise_is_starved(&before, &(struct supervise_sight){true, 10}, 100000));
}
END_TEST

START_TEST(a_late_loop_does_not_judge_the_helper)
{
	at(after(t0, 100), SUPERVISE_EV_TIMER);
	ck_assert_uint_eq(at(after(t0, 5000), SUPERVISE_EV_TIMER), SUPERVISE_DO_BEAT);
	ck_assert_int_eq(s.state, SUPERVISE_UP);
	ck_assert_uint_eq(at(after(t0, 5100), SUPERVISE_EV_TIMER), SUPERVISE_DO_BEAT);
	ck_assert_uint_eq(at(after(t0, 5200), SUPERVISE_EV_TIMER), SUPERVISE_DO_BEAT);
	ck_assert_uint_eq(at(after(t0, 5300), SUPERVISE_EV_TIMER), SUPERVISE_DO_LOOK);
}
END_TEST

START_TEST(a_dead_helper_is_started_again_at_once)
{
	struct instant t = after(t0, SUPERVISE_STABLE_US);

	ck_assert_uint_eq(
		at(t, SUPERVISE_EV_EXITED), (unsigned)SUPERVISE_DO_START | SUPERVISE_DO_BEAT);
	ck_assert_uint_eq(s.restarts, 1);
}
END_TEST

START_TEST(one_that_keeps_dying_is_started_after_growing_pauses)
{
	static const uint64_t pauses[] = {
		0, 100000, 200000, 400000, 800000, 1600000, 3200000, 5000000, 5000000};
	struct instant t = t0;

	s.settings.back_us = 0;
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		unsigned effects = at(t, SUPERVISE_EV_EXITED);

		if (pauses[i] > 0) {
			ck_assert_uint_eq(effects, 0);
			ck_assert_uint_eq(s.deadline.us, t.us + pauses[i]);
			t = s.deadline;
			effects = at(t, SUPERVISE_EV_TIMER);
		}
		ck_assert(effects & SUPERVISE_DO_START);
	}
}
END_TEST

START_TEST(a_helper_not_back_in_time_is_acted_for_once)
{
	struct instant t = t0, acted;

	at(t, SUPERVISE_EV_EXITED);
	at(after(t, 10), SUPERVISE_EV_EXITED); /* cannot be executed: dies again at once */
	ck_assert_int_eq(s.state, SUPERVISE_WAITING);
	acted = after(t, 1000);
	ck_assert_uint_eq(s.deadline.us, acted.us);
	ck_assert_uint_eq(at(acted, SUPERVISE_EV_TIMER), SUPERVISE_DO_ABANDON);
	ck_assert_uint_gt(s.deadline.us, acted.us);
	ck_assert_uint_eq(at(s.deadline, SUPERVISE_EV_TIMER),
		(unsigned)SUPERVISE_DO_START | SUPERVISE_DO_BEAT);
}
END_TEST

START_TEST(one_that_starts_too_slowly_is_killed_before_anybody_acts_for_it)
{
	s.settings.silence_us = 5000;
	at(t0, SUPERVISE_EV_EXITED);
	for (uint64_t us = 100; us < 1000; us += 100)
		at(after(t0, us), SUPERVISE_EV_TIMER);
	ck_assert_uint_eq(at(after(t0, 1000), SUPERVISE_EV_TIMER), SUPERVISE_DO_KILL);
	ck_assert_uint_eq(at(after(t0, 1001), SUPERVISE_EV_EXITED), 0);
	ck_assert_uint_eq(at(s.deadline, SUPERVISE_EV_TIMER), SUPERVISE_DO_ABANDON);
}
END_TEST

START_TEST(one_that_starts_has_two_seconds_whatever_the_interval_is)
{
	struct instant late = after(t0, 500000);

	s = (struct supervise){
		.settings = {.beat_us = 2500, .silence_us = 10000, .back_us = 10000}};
	at(t0, SUPERVISE_EV_WANTED);
	at(late, SUPERVISE_EV_TIMER); /* the director was busy, and asks again */
	while (s.deadline.us < after(late, 2000000).us)
		ck_assert_uint_eq(at(s.deadline, SUPERVISE_EV_TIMER), SUPERVISE_DO_BEAT);
	ck_assert_uint_eq(s.deadline.us, after(late, 2000000).us);
	ck_assert_uint_eq(at(s.deadline, SUPERVISE_EV_TIMER), SUPERVISE_DO_LOOK);
	ck_assert_uint_eq(at(s.deadline, SUPERVISE_EV_SILENT), SUPERVISE_DO_KILL);
	ck_assert(s.hung);
}
END_TEST

START_TEST(one_that_is_back_in_time_is_not_acted_for)
{
	at(t0, SUPERVISE_EV_EXITED);
	at(after(t0, 999), SUPERVISE_EV_ANSWER);
	for (int i = 0; i < 20; i++) {
		ck_assert_uint_eq(at(s.deadline, SUPERVISE_EV_TIMER), SUPERVISE_DO_BEAT);
		at(s.beat_at, SUPERVISE_EV_ANSWER);
	}
}
END_TEST

START_TEST(the_exit_of_a_helper_that_was_asked_to_leave_is_no_death)
{
	at(t0, SUPERVISE_EV_UNWANTED);
	ck_assert(instant_is_never(s.deadline));
	ck_assert_uint_eq(at(after(t0, 5), SUPERVISE_EV_EXITED), 0);
	ck_assert_uint_eq(s.restarts, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("supervise");
	TCase *tc = tcase_create("supervise");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, a_helper_that_answers_is_asked_again_after_each_interval);
	tcase_add_test(tc, silence_kills_at_its_limit_and_not_before);
	tcase_add_test(tc, one_that_gets_no_processor_has_as_long_again_and_no_more);
	tcase_add_test(tc, one_that_answered_after_all_is_given_the_time_again);
	tcase_add_test(tc, nobody_is_killed_for_a_look_that_is_out_of_date);
	tcase_add_test(tc, who_is_runnable_and_did_not_run_is_starved);
	tcase_add_test(tc, a_late_loop_does_not_judge_the_helper);
	tcase_add_test(tc, a_dead_helper_is_started_again_at_once);
	tcase_add_test(tc, one_that_keeps_dying_is_started_after_growing_pauses);
	tcase_add_test(tc, a_helper_not_back_in_time_is_acted_for_once);
	tcase_add_test(tc, one_that_starts_too_slowly_is_killed_before_anybody_acts_for_it);
	tcase_add_test(tc, one_that_starts_has_two_seconds_whatever_the_interval_is);
	tcase_add_test(tc, one_that_is_back_in_time_is_not_acted_for);
	tcase_add_test(tc, the_exit_of_a_helper_that_was_asked_to_leave_is_no_death);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
