/* What is kept of events, and for whom. */
#include "director/control/events.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct events events;
static json_t *shown;

static void tear_down(void)
{
	json_decref(shown);
	shown = NULL;
	events_done(&events);
	events.n_all = 0;
}

static void keep(enum event event, const char *message, const char *router)
{
	json_t *fields = router ? json_pack("{s:s}", "TANDEM_INSTANCE", router) : NULL;

	events_keep(&events, 1000 + events.n_all, event, message, fields);
	json_decref(fields);
}

/* The messages that are shown for a router, with a slash between. */
static const char *shown_for(const char *router)
{
	static char text[400];
	json_t *item;
	size_t i;

	json_decref(shown);
	shown = events_to_json(&events, router);
	text[0] = '\0';
	json_array_foreach (shown, i, item) {
		size_t len = strlen(text);
		(void)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? "/" : "",
			json_string_value(json_object_get(item, "message")));
	}
	return text;
}

START_TEST(they_are_told_in_the_order_in_which_they_happened)
{
	const json_t *first;

	keep(EVENT_SERVER_DOWN, "a", NULL);
	keep(EVENT_ROUTER_ACTIVE, "b", "front");
	keep(EVENT_SERVER_UP, "c", NULL);
	keep(EVENT_PEER_LOST, "d", NULL);
	ck_assert_str_eq(shown_for(NULL), "a/b/c/d");
	first = json_array_get(shown, 1);
	ck_assert_int_eq(json_integer_value(json_object_get(first, "number")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(first, "unix_us")), 1001);
	ck_assert_str_eq(json_string_value(json_object_get(first, "event")), "router-active");
	ck_assert_str_eq(json_string_value(json_object_get(first, "router")), "front");
	ck_assert(json_is_null(json_object_get(json_array_get(shown, 0), "router")));
}
END_TEST

START_TEST(a_router_is_told_what_is_its_own_and_what_can_move_any)
{
	keep(EVENT_ROUTER_ACTIVE, "front", "front");
	keep(EVENT_ROUTER_ACTIVE, "back", "back");
	keep(EVENT_SERVER_DOWN, "server", NULL);
	keep(EVENT_HELPER_DIED, "elector", NULL);
	keep(EVENT_ADDRESS_RESTORED, "address", "front");
	ck_assert_str_eq(shown_for("front"), "front/elector/address");
	ck_assert_str_eq(shown_for("back"), "back/elector");
	ck_assert_str_eq(shown_for("none"), "elector");
}
END_TEST

START_TEST(servers_that_flap_do_not_push_out_why_an_address_moved)
{
	keep(EVENT_ROUTER_BACKUP, "moved", "front");
	for (unsigned i = 0; i < 5 * EVENTS_KEPT; i++)
		keep(i % 2 ? EVENT_SERVER_UP : EVENT_SERVER_DOWN, "flap", NULL);
	ck_assert_str_eq(shown_for("front"), "moved");
	(void)shown_for(NULL);
	ck_assert_uint_eq(json_array_size(shown), EVENTS_KEPT + 1);
}
END_TEST

START_TEST(the_latest_are_kept)
{
	char text[16];

	for (unsigned i = 0; i < 3 * EVENTS_KEPT + 7; i++) {
		(void)snprintf(text, sizeof(text), "%u", i);
		keep(EVENT_PRIORITY, text, "front");
	}
	(void)shown_for("front");
	ck_assert_uint_eq(json_array_size(shown), EVENTS_KEPT);
	for (unsigned i = 0; i < EVENTS_KEPT; i++) {
		const json_t *item = json_array_get(shown, i);
		ck_assert_int_eq(atoi(json_string_value(json_object_get(item, "message"))),
			2 * EVENTS_KEPT + 7 + (int)i);
	}
}
END_TEST

START_TEST(a_message_that_is_no_utf8_is_not_kept)
{
	keep(EVENT_ERROR, "\xff", NULL);
	keep(EVENT_ERROR, "after", NULL);
	ck_assert_str_eq(shown_for(NULL), "after");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("events");
	TCase *tc = tcase_create("events");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_add_test(tc, they_are_told_in_the_order_in_which_they_happened);
	tcase_add_test(tc, a_router_is_told_what_is_its_own_and_what_can_move_any);
	tcase_add_test(tc, servers_that_flap_do_not_push_out_why_an_address_moved);
	tcase_add_test(tc, the_latest_are_kept);
	tcase_add_test(tc, a_message_that_is_no_utf8_is_not_kept);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
