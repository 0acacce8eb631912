/* The schedule of announcements. */
#include "core/announce.h"

#include <check.h>
#include <stdlib.h>

static const struct instant t0 = {1000000};

static struct announce started(unsigned repeat, uint64_t interval_us, uint64_t refresh_us)
{
	struct announce_config config = {repeat, interval_us, refresh_us, 0};
	struct announce a;

	announce_init(&a, &config);
	ck_assert(instant_is_never(a.deadline));
	announce_start(&a, t0);
	return a;
}

/* How many rounds of a single address are due. */
static unsigned rounds_due(struct announce *a, struct instant now)
{
	unsigned first, rounds = 0;

	while (announce_due(a, 1, ANNOUNCE_PIECE, now, &first) > 0) {
		ck_assert_uint_eq(first, 0);
		rounds++;
	}
	return rounds;
}

static struct instant just_before(struct instant t)
{
	return (struct instant){t.us - 1};
}

START_TEST(without_an_interval_a_burst_leaves_at_once)
{
	struct announce a = started(5, 0, 60000000);

	ck_assert_uint_eq(rounds_due(&a, t0), 5);
	ck_assert_uint_eq(rounds_due(&a, t0), 0);
	ck_assert_uint_eq(a.deadline.us, t0.us + 60000000);
}
END_TEST

START_TEST(with_an_interval_rounds_are_apart)
{
	struct announce a = started(3, 1000, 0);
	struct instant second = instant_add(t0, 1000);

	ck_assert_uint_eq(rounds_due(&a, t0), 1);
	ck_assert_uint_eq(rounds_due(&a, just_before(second)), 0);
	ck_assert_uint_eq(rounds_due(&a, second), 1);
	ck_assert_uint_eq(rounds_due(&a, instant_add(second, 1000)), 1);
	ck_assert(instant_is_never(a.deadline));
}
END_TEST

START_TEST(a_refresh_is_one_round_again_and_again)
{
	struct announce a = started(1, 0, 500);

	ck_assert_uint_eq(rounds_due(&a, t0), 1);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(rounds_due(&a, just_before(a.deadline)), 0);
		ck_assert_uint_eq(rounds_due(&a, a.deadline), 1);
	}
	ck_assert_uint_eq(a.deadline.us, t0.us + 4 * 500);
}
END_TEST

START_TEST(a_late_wake_up_does_not_catch_up)
{
	struct announce a = started(5, 1000, 0);
	struct instant late = instant_add(t0, 1000000);

	ck_assert_uint_eq(rounds_due(&a, late), 1);
	ck_assert_uint_eq(rounds_due(&a, late), 0);
	ck_assert_uint_eq(a.deadline.us, late.us + 1000);
}
END_TEST

START_TEST(stopped_means_silent)
{
	struct announce a = started(5, 1000, 1000);

	announce_stop(&a);
	ck_assert_uint_eq(rounds_due(&a, instant_add(t0, 1000000)), 0);
	ck_assert(instant_is_never(a.deadline));
}
END_TEST

START_TEST(nothing_to_repeat_still_refreshes)
{
	struct announce a = started(0, 0, 700);

	ck_assert_uint_eq(rounds_due(&a, t0), 0);
	ck_assert_uint_eq(rounds_due(&a, instant_add(t0, 700)), 1);
}
END_TEST

START_TEST(new_settings_move_the_next_round)
{
	struct announce a = started(1, 0, 0);
	struct announce_config faster = {1, 0, 200, 0};

	ck_assert_uint_eq(rounds_due(&a, t0), 1);
	announce_reconfigure(&a, &faster, t0);
	ck_assert_uint_eq(a.deadline.us, t0.us + 200);
	announce_stop(&a);
	announce_reconfigure(&a, &faster, t0);
	ck_assert(instant_is_never(a.deadline));
}
END_TEST

START_TEST(a_long_round_goes_in_pieces_with_pauses)
{
	struct announce a = started(2, 0, 0);
	struct instant now = t0;
	unsigned first;

	for (unsigned round = 0; round < 2; round++)
		for (unsigned at = 0; at < 200; at += 64) {
			ck_assert_uint_eq(
				announce_due(&a, 200, 64, now, &first), at + 64 < 200 ? 64 : 200 - at);
			ck_assert_uint_eq(first, at);
			announce_pause(&a, now);
			ck_assert_uint_eq(announce_due(&a, 200, 64, now, &first), 0);
			now = instant_add(now, ANNOUNCE_PIECE_US);
		}
	ck_assert(instant_is_never(a.deadline));
	ck_assert_uint_eq(announce_due(&a, 200, 64, now, &first), 0);
}
END_TEST

START_TEST(a_second_burst_follows_once)
{
	struct announce_config config = {3, 0, 60000000, 5000000};
	struct announce a;

	announce_init(&a, &config);
	announce_start(&a, t0);
	ck_assert_uint_eq(rounds_due(&a, t0), 3);
	ck_assert_uint_eq(a.deadline.us, t0.us + 5000000);
	ck_assert_uint_eq(rounds_due(&a, just_before(a.deadline)), 0);
	ck_assert_uint_eq(rounds_due(&a, a.deadline), 3);
	ck_assert_uint_eq(a.deadline.us, t0.us + 65000000);
	ck_assert_uint_eq(rounds_due(&a, a.deadline), 1);
}
END_TEST

START_TEST(a_list_that_became_shorter_is_announced_from_its_beginning)
{
	struct announce a = started(1, 0, 0);
	unsigned first;

	ck_assert_uint_eq(announce_due(&a, 100, 64, t0, &first), 64);
	ck_assert_uint_eq(announce_due(&a, 10, 64, t0, &first), 10);
	ck_assert_uint_eq(first, 0);
}
END_TEST

START_TEST(without_a_second_burst_by_new_settings_there_is_none)
{
	struct announce_config config = {1, 0, 0, 5000000}, none = {1, 0, 0, 0};
	struct announce a;

	announce_init(&a, &config);
	announce_start(&a, t0);
	ck_assert_uint_eq(rounds_due(&a, t0), 1);
	announce_reconfigure(&a, &none, t0);
	ck_assert(instant_is_never(a.deadline));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("announce");
	TCase *tc = tcase_create("announce");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, without_an_interval_a_burst_leaves_at_once);
	tcase_add_test(tc, with_an_interval_rounds_are_apart);
	tcase_add_test(tc, a_refresh_is_one_round_again_and_again);
	tcase_add_test(tc, a_late_wake_up_does_not_catch_up);
	tcase_add_test(tc, stopped_means_silent);
	tcase_add_test(tc, nothing_to_repeat_still_refreshes);
	tcase_add_test(tc, new_settings_move_the_next_round);
	tcase_add_test(tc, a_long_round_goes_in_pieces_with_pauses);
	tcase_add_test(tc, a_second_burst_follows_once);
	tcase_add_test(tc, a_list_that_became_shorter_is_announced_from_its_beginning);
	tcase_add_test(tc, without_a_second_burst_by_new_settings_there_is_none);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
