/* When the word of the peer over the link counts, and for how long. */
#include "core/second_opinion.h"

#include "core/vrrp.h"

#include <check.h>
#include <stdlib.h>

#define SECOND_US UINT64_C(1000000)
#define LASTS_US UINT64_C(300000)

static const struct instant now = {100 * SECOND_US};
static struct peer_news news;

static void set_up(void)
{
	news = (struct peer_news){.heard = {now.us - 50000},
		.told = {now.us - 60000},
		.known = true,
		.state = VRRP_ACTIVE};
}

static uint64_t until(void)
{
	return second_opinion_until(&news, LASTS_US, now).us;
}

START_TEST(heartbeats_come_in_time_for_each_interval)
{
	ck_assert_uint_eq(second_opinion_beat_us(100, 3), 100000);
	ck_assert_uint_eq(second_opinion_beat_us(4095, 3), 100000);
	ck_assert_uint_eq(second_opinion_beat_us(20, 3), 100000);
	ck_assert_uint_eq(second_opinion_beat_us(10, 3), 50000);
	ck_assert_uint_eq(second_opinion_beat_us(1, 3), 5000);
	ck_assert_uint_eq(second_opinion_beat_us(1, 2), 2500);
	ck_assert_uint_eq(second_opinion_beat_us(100, 1), 0);
}
END_TEST

/* Whatever the settings, the last heartbeat of a dead peer does not count any more at Active_Down,
 * were it sent just before the next advert would have been. */
START_TEST(a_dead_peer_is_never_waited_for)
{
	for (unsigned interval_cs = 1; interval_cs <= 4095; interval_cs += 1 + interval_cs / 8) {
		for (unsigned down = 1; down <= VRRP_DOWN_INTERVALS_MAX; down++) {
			uint64_t age_us = (down - 1) * interval_cs * UINT64_C(10000);
			uint64_t lasts_us =
				second_opinion_lasts_us((uint16_t)interval_cs, (uint8_t)down);
			ck_assert_uint_le(lasts_us, age_us);
		}
	}
}
END_TEST

START_TEST(a_peer_that_was_heard_and_is_active_counts_until_three_heartbeats_are_missing)
{
	ck_assert_uint_eq(until(), now.us - 50000 + LASTS_US);
	news.heard.us = now.us - LASTS_US + 1;
	ck_assert_uint_eq(until(), now.us + 1);
	news.heard.us = now.us - LASTS_US;
	ck_assert_uint_eq(until(), 0);
}
END_TEST

START_TEST(a_peer_that_is_not_active_or_has_no_such_router_does_not_count)
{
	news.state = VRRP_BACKUP;
	ck_assert_uint_eq(until(), 0);
	news.state = VRRP_INITIALIZE;
	ck_assert_uint_eq(until(), 0);
	news.state = VRRP_ACTIVE;
	news.known = false;
	ck_assert_uint_eq(until(), 0);
}
END_TEST

START_TEST(a_peer_that_is_cut_off_does_not_count)
{
	news.flags = PEER_ROUTER_CUT_OFF;
	ck_assert_uint_eq(until(), 0);
}
END_TEST

START_TEST(a_state_that_may_have_changed_counts_for_a_second)
{
	news.told.us = now.us - SECOND_US + 1;
	ck_assert_uint_eq(until(), now.us + 1);
	news.told.us = now.us - SECOND_US;
	ck_assert_uint_eq(until(), 0);
}
END_TEST

START_TEST(who_was_never_heard_does_not_count)
{
	news.heard.us = 0;
	ck_assert_uint_eq(until(), 0);
	set_up();
	news.told.us = 0;
	ck_assert_uint_eq(until(), 0);
}
END_TEST

START_TEST(a_heartbeat_may_have_come_after_the_clock_was_read_and_not_from_the_future)
{
	news.heard.us = news.told.us = now.us + 500;
	ck_assert_uint_eq(until(), now.us + LASTS_US);
	news.heard.us = news.told.us = now.us + LASTS_US + 1;
	ck_assert_uint_eq(until(), 0);
	news.heard.us = news.told.us = UINT64_MAX;
	ck_assert_uint_eq(until(), 0);
}
END_TEST

START_TEST(death_counts_while_it_is_told)
{
	ck_assert(!second_opinion_dead(&news, now));
	news.dead_until.us = now.us + 1;
	ck_assert(second_opinion_dead(&news, now));
	news.dead_until.us = now.us;
	ck_assert(!second_opinion_dead(&news, now));
	news.dead_until.us = now.us + 2 * SECOND_US + 1; /* a time that cannot be */
	ck_assert(!second_opinion_dead(&news, now));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("second_opinion");
	TCase *tc = tcase_create("second_opinion");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, heartbeats_come_in_time_for_each_interval);
	tcase_add_test(tc, a_dead_peer_is_never_waited_for);
	tcase_add_test(
		tc, a_peer_that_was_heard_and_is_active_counts_until_three_heartbeats_are_missing);
	tcase_add_test(tc, a_peer_that_is_not_active_or_has_no_such_router_does_not_count);
	tcase_add_test(tc, a_peer_that_is_cut_off_does_not_count);
	tcase_add_test(tc, a_state_that_may_have_changed_counts_for_a_second);
	tcase_add_test(tc, who_was_never_heard_does_not_count);
	tcase_add_test(
		tc, a_heartbeat_may_have_come_after_the_clock_was_read_and_not_from_the_future);
	tcase_add_test(tc, death_counts_while_it_is_told);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
