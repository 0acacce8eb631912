/* What a helper that was taken over can have a director do, by saying it often: all of a director,
 * on a host of nothing. */
#include "played_director.h"

#include "no_host.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct director *d;

static void set_up(void)
{
	d = played_begin('1');
}

static void tear_down(void)
{
	played_end();
}

/* The peer is heard, and its state has this more. */
static void say_state(const char *more)
{
	char frame[1000];

	(void)snprintf(frame, sizeof(frame),
		"{\"method\":\"Peer\",\"parameters\":{\"alive\":true,\"stream\":true,"
		"\"state\":{%s}}}",
		more);
	played_say(HELPER_LINK, frame);
}

static void say_meaning(unsigned n)
{
	char more[200];

	(void)snprintf(more, sizeof(more), "\"config\":{\"digest\":\"%u\"}", n);
	say_state(more);
}

START_TEST(tracked_connections_are_not_read_as_often_as_somebody_asks)
{
	char more[80];

	played_say(HELPER_ELECTOR,
		"{\"method\":\"Router\",\"parameters\":{\"name\":\"front\",\"state\":\"active\"}}");
	for (unsigned i = 1; i <= 50; i++) {
		(void)snprintf(more, sizeof(more), "\"tracked_ask\":%u", i);
		say_state(more);
		ck_assert_uint_ge(no_host_seen.tracked_dumps, 1);
	}
	ck_assert_uint_lt(no_host_seen.tracked_dumps, 25); /* one a second */
}
END_TEST

/* So many states in one turn of the loop. */
static void say_states(unsigned n)
{
	char *frames = calloc(n, 300), *at = frames;

	for (unsigned i = 0; i < n; i++)
		at += sprintf(at,
			      "{\"method\":\"Peer\",\"parameters\":{\"alive\":true,\"stream\":true,"
			      "\"state\":{\"decisions\":[{\"pool\":\"web\",\"server\":\"rs1\","
			      "\"decision\":\"fail\",\"by\":\"lb2\",\"at_us\":%u}]}}}",
			      i + 1) +
		      1;
	played_say_all(HELPER_LINK, frames, (size_t)(at - frames));
	free(frames);
}

START_TEST(of_many_states_the_last_one_counts)
{
	unsigned before = no_host_seen.files;

	say_states(200);
	ck_assert_uint_eq(d->overrides.n, 1);
	ck_assert_uint_eq(d->overrides.items[0].stamp.at_unix_us, 200);
	ck_assert_uint_lt(no_host_seen.files - before, 10);
}
END_TEST

START_TEST(our_own_configuration_is_read_once_to_find_the_difference)
{
	char more[200];

	say_meaning(1);
	ck_assert(d->peer.differs);
	ck_assert_ptr_nonnull(d->compare.outline);
	ck_assert_int_eq(unlink(d->options->config), 0);
	say_meaning(2);
	ck_assert_ptr_nonnull(d->compare.outline);
	(void)snprintf(more, sizeof(more), "\"config\":{\"digest\":\"%s\"}", d->conf->meaning);
	say_state(more);
	ck_assert(!d->peer.differs);
	say_state("");
	say_meaning(3);
	ck_assert(d->peer.differs);
	ck_assert_ptr_nonnull(d->compare.outline);
}
END_TEST

START_TEST(a_peer_that_comes_and_goes_does_not_push_out_why_an_address_moved)
{
	const char *first;

	played_say(HELPER_ELECTOR,
		"{\"method\":\"Event\",\"parameters\":{\"event\":\"router-active\",\"message\":"
		"\"moved\",\"fields\":{\"TANDEM_INSTANCE\":\"front\"}}}");
	for (unsigned i = 0; i < 5000; i++)
		played_say(HELPER_LINK, i % 2 ? "{\"method\":\"Peer\",\"parameters\":{}}"
					      : "{\"method\":\"Peer\",\"parameters\":"
						"{\"alive\":true}}");
	ck_assert_uint_gt(json_array_size(d->why.happened), 1000);
	ck_assert_uint_lt(json_array_size(d->why.happened), 1100);
	first = json_string_value(json_object_get(json_array_get(d->why.happened, 0), "message"));
	ck_assert_str_eq(first, "moved");
}
END_TEST

START_TEST(a_status_tells_of_no_more_checks_than_there_are)
{
	char *report = malloc(200000), *at = report;

	played_call('s');
	at += sprintf(at, "{\"method\":\"Report\",\"parameters\":{\"seq\":1,\"more\":true,"
			  "\"targets\":[{\"id\":\"");
	memset(at, 'x', 100000);
	at += 100000;
	(void)sprintf(at, "\"},1,{\"id\":\"a\"},{},{},{}]}}");
	for (unsigned i = 0; i < 20; i++)
		played_say(HELPER_CHECKER, report);
	free(report);
	played_say(HELPER_CHECKER, "{\"method\":\"Report\",\"parameters\":{\"seq\":1}}");
	played_say(HELPER_ELECTOR, "{\"method\":\"Report\",\"parameters\":{\"seq\":1}}");
	played_say(HELPER_LINK, "{\"method\":\"Report\",\"parameters\":{\"seq\":1}}");
	ck_assert_uint_gt(no_host_seen.status_len, 0);
	ck_assert_uint_lt(no_host_seen.status_len, 20000);
}
END_TEST

START_TEST(programs_of_checks_are_not_begun_as_often_as_somebody_asks)
{
	char frame[200];

	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(frame, sizeof(frame),
			"{\"method\":\"Run\",\"parameters\":{\"id\":\"%s\",\"run\":%u}}",
			d->targets.items[d->targets.n - 1].id, i);
		played_say(HELPER_CHECKER, frame);
	}
	ck_assert_uint_ge(no_host_seen.programs, 32);
	ck_assert_uint_lt(no_host_seen.programs, 500); /* 34 in a second */
}
END_TEST

START_TEST(no_more_is_logged_than_some_thousand_events)
{
	unsigned before = no_host_seen.events;

	for (unsigned i = 0; i < 20000; i++)
		played_say(HELPER_CHECKER, "{\"method\":\"Event\",\"parameters\":{}}");
	ck_assert_uint_ge(no_host_seen.events - before, 8192);
	ck_assert_uint_le(no_host_seen.events - before, 2 * 8193);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hostile_helper");
	TCase *tc = tcase_create("hostile_helper");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, tracked_connections_are_not_read_as_often_as_somebody_asks);
	tcase_add_test(tc, of_many_states_the_last_one_counts);
	tcase_add_test(tc, our_own_configuration_is_read_once_to_find_the_difference);
	tcase_add_test(tc, a_peer_that_comes_and_goes_does_not_push_out_why_an_address_moved);
	tcase_add_test(tc, a_status_tells_of_no_more_checks_than_there_are);
	tcase_add_test(tc, programs_of_checks_are_not_begun_as_often_as_somebody_asks);
	tcase_add_test(tc, no_more_is_logged_than_some_thousand_events);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
