/* What belongs to a transition of a virtual router, and what does not. */
#include "core/explain.h"

#include <check.h>
#include <stdlib.h>

#define S UINT64_C(1000000)

static struct explain_event happened(enum event event, uint64_t at_s, const char *router)
{
	return (struct explain_event){
		.event = event, .at_unix_us = at_s * S, .router = router, .group = ""};
}

START_TEST(what_concerns_the_router_or_the_host_belongs)
{
	const struct explain_event events[] = {
		happened(EVENT_ROUTER_BACKUP, 100, "front"),
		happened(EVENT_PEER_LOST, 101, ""),
		happened(EVENT_PRIORITY, 102, "back"),
		happened(EVENT_PRIORITY, 102, "front"),
		happened(EVENT_SERVER_DOWN, 103, ""),
		happened(EVENT_ROUTER_ACTIVE, 103, "back"),
		happened(EVENT_ROUTER_ACTIVE, 104, "front"),
		happened(EVENT_PEER_HEARD, 105, ""),
	};
	size_t found[EXPLAIN_MAX];

	ck_assert_uint_eq(explain_transition(events, 6, found), 2);
	ck_assert_uint_eq(found[0], 1);
	ck_assert_uint_eq(found[1], 3);
	ck_assert_uint_eq(explain_transition(events, 5, found), 2);
	ck_assert_uint_eq(found[0], 1);
	ck_assert_uint_eq(found[1], 2);
	ck_assert_uint_eq(explain_transition(events, 0, found), 0);
}
END_TEST

START_TEST(what_came_before_the_last_transition_does_not)
{
	const struct explain_event events[] = {
		happened(EVENT_TRACK_FAILED, 100, ""),
		happened(EVENT_ROUTER_BACKUP, 101, "front"),
		happened(EVENT_ROUTER_ACTIVE, 102, "front"),
	};
	size_t found[EXPLAIN_MAX];

	ck_assert_uint_eq(explain_transition(events, 2, found), 0);
	ck_assert_uint_eq(explain_transition(events, 1, found), 1);
}
END_TEST

START_TEST(members_of_a_group_explain_each_other)
{
	struct explain_event events[] = {
		happened(EVENT_ROUTER_INITIALIZE, 100, "inside"),
		happened(EVENT_ROUTER_INITIALIZE, 100, "elsewhere"),
		happened(EVENT_ROUTER_INITIALIZE, 100, "outside"),
	};
	size_t found[EXPLAIN_MAX];

	events[0].group = events[2].group = "both";
	ck_assert_uint_eq(explain_transition(events, 2, found), 1);
	ck_assert_uint_eq(found[0], 0);
	ck_assert_uint_eq(explain_transition(events, 1, found), 0);
}
END_TEST

START_TEST(old_events_do_not_count_unless_the_clock_was_set_back)
{
	const struct explain_event old[] = {
		happened(EVENT_HELPER_DIED, 100, ""),
		happened(EVENT_PEER_LOST, 101, ""),
		happened(EVENT_ROUTER_ACTIVE, 100 + EXPLAIN_WINDOW_US / S + 1, "front"),
	};
	const struct explain_event later[] = {
		happened(EVENT_PEER_LOST, 5000, ""),
		happened(EVENT_ROUTER_ACTIVE, 100, "front"),
	};
	size_t found[EXPLAIN_MAX];

	ck_assert_uint_eq(explain_transition(old, 2, found), 1);
	ck_assert_uint_eq(found[0], 1);
	ck_assert_uint_eq(explain_transition(later, 1, found), 1);
}
END_TEST

START_TEST(the_last_ones_count_when_there_are_many)
{
	struct explain_event events[EXPLAIN_MAX + 4];
	size_t n = sizeof(events) / sizeof(events[0]), found[EXPLAIN_MAX];

	for (size_t i = 0; i < n - 1; i++)
		events[i] = happened(EVENT_TRACK_FAILED, 100 + i, "");
	events[n - 1] = happened(EVENT_ROUTER_BACKUP, 120, "front");
	ck_assert_uint_eq(explain_transition(events, n - 1, found), EXPLAIN_MAX);
	for (size_t i = 0; i < EXPLAIN_MAX; i++)
		ck_assert_uint_eq(found[i], n - 1 - EXPLAIN_MAX + i);
}
END_TEST

START_TEST(each_event_is_one_thing)
{
	size_t n = 0;

	for (enum event e = 0; e <= EVENT_MAX_; e++) {
		ck_assert(!explain_is_transition(e) || !explain_may_lead(e));
		n += explain_is_transition(e);
	}
	ck_assert_uint_eq(n, 5);
	ck_assert(!explain_may_lead(EVENT_MAX_));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("explain");
	TCase *tcase = tcase_create("explain");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, what_concerns_the_router_or_the_host_belongs);
	tcase_add_test(tcase, what_came_before_the_last_transition_does_not);
	tcase_add_test(tcase, members_of_a_group_explain_each_other);
	tcase_add_test(tcase, old_events_do_not_count_unless_the_clock_was_set_back);
	tcase_add_test(tcase, the_last_ones_count_when_there_are_many);
	tcase_add_test(tcase, each_event_is_one_thing);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
