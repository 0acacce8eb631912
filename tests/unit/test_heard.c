/* director/heard: what a helper may have logged, one that was taken over, too. */
#include "director/heard.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct heard_event heard;

static void tear_down(void)
{
	json_decref(heard.fields);
	heard.fields = NULL;
}

/* Takes parameters. */
static void read_event(enum helper_index from, json_t *parameters)
{
	json_decref(heard.fields);
	heard_event_read(from, parameters, &heard);
	json_decref(parameters);
	ck_assert_ptr_nonnull(heard.fields);
}

static json_t *said(const char *event)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s}}", "event", event,
		"message", "words", "fields", "TANDEM_INSTANCE", "front", "TANDEM_REASON", "why",
		"INTERFACE", "eth0", "MESSAGE_ID", "20e9ab8aa742f459496384062164d20d", "PRIORITY",
		"0", "_PID", "1", "TANDEM_EVENT", "started");
}

static const char *field(const char *name)
{
	const char *value = json_string_value(json_object_get(heard.fields, name));

	return value ? value : "";
}

START_TEST(each_tells_its_own)
{
	read_event(HELPER_ELECTOR, said("router-active"));
	ck_assert_int_eq(heard.event, EVENT_ROUTER_ACTIVE);
	ck_assert_str_eq(heard.message, "words");
	ck_assert_uint_eq(json_object_size(heard.fields), 3);
	ck_assert_str_eq(field("TANDEM_INSTANCE"), "front");
	ck_assert_str_eq(field("TANDEM_REASON"), "why");
	ck_assert_str_eq(field("INTERFACE"), "eth0");
	read_event(HELPER_LINK, said("table-read"));
	ck_assert_int_eq(heard.event, EVENT_TABLE_READ);
	read_event(HELPER_CHECKER, said("error"));
	ck_assert_int_eq(heard.event, EVENT_ERROR);
}
END_TEST

START_TEST(nobody_speaks_for_the_elector)
{
	for (enum event e = 0; e < EVENT_MAX_; e++) {
		bool link = e == EVENT_TABLE_READ || e == EVENT_TABLE_DIFFERS;

		read_event(HELPER_CHECKER, said(event_name(e)));
		ck_assert_int_eq(heard.event, EVENT_ERROR);
		ck_assert_str_eq(heard.message, "words");
		ck_assert_uint_eq(json_object_size(heard.fields), 1);
		ck_assert_str_eq(field("TANDEM_REASON"), "why");
		read_event(HELPER_LINK, said(event_name(e)));
		ck_assert_int_eq(heard.event, link ? e : EVENT_ERROR);
		ck_assert_uint_eq(json_object_size(heard.fields), 1);
		ck_assert_str_eq(field("INTERFACE"), "eth0");
	}
}
END_TEST

START_TEST(what_has_no_sense_is_an_error_without_words)
{
	static const char *const texts[] = {"null", "[]", "\"event\"", "{}", "{\"event\": 1}",
		"{\"event\": \"\", \"message\": {}, \"fields\": []}",
		"{\"event\": \"none\", \"fields\": {\"ERRNO\": 1, \"INTERFACE\": [\"x\"]}}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		read_event(HELPER_ELECTOR, json_loads(texts[i], JSON_DECODE_ANY, NULL));
		ck_assert_int_eq(heard.event, EVENT_ERROR);
		ck_assert_str_eq(heard.message, "");
		ck_assert_uint_eq(json_object_size(heard.fields), 0);
	}
	read_event(HELPER_ELECTOR, NULL);
	ck_assert_int_eq(heard.event, EVENT_ERROR);
}
END_TEST

START_TEST(its_words_are_one_line_of_bounded_length)
{
	char *text = malloc(100001);

	memset(text, 'x', 100000);
	text[100000] = '\0';
	read_event(HELPER_LINK, json_pack("{s:s, s:s, s:{s:s}}", "event", "error", "message", text,
					"fields", "INTERFACE", text));
	free(text);
	ck_assert_uint_eq(strlen(heard.message), HEARD_TEXT_MAX - 1);
	ck_assert_uint_eq(strlen(field("INTERFACE")), HEARD_TEXT_MAX - 1);
	read_event(HELPER_LINK, json_pack("{s:s, s:s, s:{s:s}}", "event", "error", "message",
					"a\n2026-01-01T00:00:00Z stopping \x1b[2J", "fields",
					"INTERFACE", "a\nPRIORITY=0"));
	ck_assert_str_eq(heard.message, "a?2026-01-01T00:00:00Z stopping ?[2J");
	ck_assert_str_eq(field("INTERFACE"), "a?PRIORITY=0");
}
END_TEST

/* Takes both. */
static void check_errors(json_t *said, json_t *expected)
{
	json_t *errors = json_pack("[s]", "before");

	heard_errors(errors, said);
	(void)json_array_insert_new(expected, 0, json_string("before"));
	ck_assert(json_equal(errors, expected));
	json_decref(errors);
	json_decref(said);
	json_decref(expected);
}

START_TEST(what_could_not_be_done_is_texts)
{
	check_errors(json_pack("[s, s]", "a", "b"), json_pack("[s, s]", "a", "b"));
	check_errors(json_pack("[i, s, n, [s], s]", 1, "a", "x", "b\nc"),
		json_pack("[s, s]", "a", "b?c"));
	check_errors(json_pack("{s:s}", "a", "b"), json_array());
	check_errors(json_string("a"), json_array());
	check_errors(NULL, json_array());
}
END_TEST

START_TEST(of_many_problems_the_number_is_told)
{
	for (unsigned n = HEARD_ERRORS_MAX - 1; n < HEARD_ERRORS_MAX + 3; n++) {
		json_t *said = json_array(), *expected = json_array();

		for (unsigned i = 0; i < n; i++) {
			(void)json_array_append_new(said, json_string("x"));
			if (i < HEARD_ERRORS_MAX - 1 || n == HEARD_ERRORS_MAX)
				(void)json_array_append_new(expected, json_string("x"));
		}
		if (n > HEARD_ERRORS_MAX)
			(void)json_array_append_new(expected,
				json_sprintf("and %u more problems", n - HEARD_ERRORS_MAX + 1));
		check_errors(said, expected);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("heard");
	TCase *tc = tcase_create("heard");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_add_test(tc, each_tells_its_own);
	tcase_add_test(tc, nobody_speaks_for_the_elector);
	tcase_add_test(tc, what_has_no_sense_is_an_error_without_words);
	tcase_add_test(tc, its_words_are_one_line_of_bounded_length);
	tcase_add_test(tc, what_could_not_be_done_is_texts);
	tcase_add_test(tc, of_many_problems_the_number_is_told);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
