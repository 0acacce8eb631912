/* io/json_words */
#include "io/json_words.h"

#include <check.h>
#include <stdlib.h>

static void check_words(const char *said, const char *expected)
{
	json_t *value = json_loads(said, JSON_DECODE_ANY, NULL);
	json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);

	ck_assert_ptr_nonnull(value);
	ck_assert_ptr_nonnull(wanted);
	json_words_clean(value);
	ck_assert(json_equal(value, wanted));
	json_decref(value);
	json_decref(wanted);
}

START_TEST(what_has_no_control_characters_stays)
{
	static const char text[] =
		"{\"a\": [1, 1.5, true, null, \"x \\\" \\\\ \u20ac \\u007f\"], \"\": {}}";

	check_words(text, text);
	json_words_clean(NULL);
}
END_TEST

START_TEST(control_characters_are_gone_at_any_depth)
{
	check_words("\"\\u001b[2J\\n\\u007f\\u009b\"", "\"?[2J???\"");
	check_words("{\"a\": [[{\"b\": \"x\\ny\", \"c\": \"z\"}]]}",
		"{\"a\": [[{\"b\": \"x?y\", \"c\": \"z\"}]]}");
	check_words("{\"a\\n\": 1, \"b\": \"\\t\", \"\\u0085\": {\"c\": 2}, \"d\": 3}",
		"{\"b\": \"?\", \"d\": 3}");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json_words");
	TCase *tc = tcase_create("json_words");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, what_has_no_control_characters_stays);
	tcase_add_test(tc, control_characters_are_gone_at_any_depth);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
