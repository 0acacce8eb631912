/* Regular expressions that others chose: what they match, and that they end. */
#include "base/pattern.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char error[PATTERN_ERROR_MAX];

static enum pattern_result search(const char *text, const void *bytes, size_t len)
{
	struct pattern *p;
	enum pattern_result result;

	ck_assert_msg(pattern_new(text, error, &p) == 0, "%s", error);
	result = pattern_search(p, bytes, len);
	pattern_free(p);
	return result;
}

START_TEST(it_is_found_anywhere)
{
	ck_assert_int_eq(search("sta.us: ok", "a status: ok b", 14), PATTERN_FOUND);
	ck_assert_int_eq(search("^status", "a status", 8), PATTERN_ABSENT);
	ck_assert_int_eq(search("(?i)STATUS", "a status", 8), PATTERN_FOUND);
	ck_assert_int_eq(search("(a)(b)(c)", "abc", 3), PATTERN_FOUND);
}
END_TEST

START_TEST(nothing_can_be_searched)
{
	ck_assert_int_eq(search("x", NULL, 0), PATTERN_ABSENT);
	ck_assert_int_eq(search("^$", NULL, 0), PATTERN_FOUND);
}
END_TEST

START_TEST(bytes_are_bytes)
{
	ck_assert_int_eq(search("b\\x00\xff", "ab\0\xff", 4), PATTERN_FOUND);
	ck_assert_int_eq(search("^.$", "\xc3", 1), PATTERN_FOUND);
}
END_TEST

START_TEST(what_backtracks_for_ever_gives_up)
{
	char bytes[65536];

	memset(bytes, 'a', sizeof(bytes));
	ck_assert_int_eq(search("(a+)+[bc]", bytes, sizeof(bytes)), PATTERN_GAVE_UP);
	ck_assert_int_eq(search("(a|aa)+[bc]", bytes, sizeof(bytes)), PATTERN_GAVE_UP);
	ck_assert_int_eq(search("^(?:a?){200}(?R)?[xz]", bytes, sizeof(bytes)), PATTERN_GAVE_UP);
}
END_TEST

/* Which is no fault of the expression: the text is made for it. */
START_TEST(what_begins_again_at_each_place_gives_up)
{
	static char bytes[1 << 20];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = "healthyn"[i % 8];
	ck_assert_int_eq(search("(?i)healthy.*green", bytes, sizeof(bytes)), PATTERN_GAVE_UP);
	ck_assert_int_eq(search("(?i)healthy.*green", bytes, 65536), PATTERN_GAVE_UP);
}
END_TEST

START_TEST(a_long_text_is_searched_to_its_end)
{
	static char bytes[1 << 20];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = "lorem ipsum\n"[i % 12];
	ck_assert_int_eq(search("[a-z]+ ok", bytes, sizeof(bytes)), PATTERN_ABSENT);
	memcpy(bytes + sizeof(bytes) - 3, " ok", 3);
	ck_assert_int_eq(search("[a-z]+ ok", bytes, sizeof(bytes)), PATTERN_FOUND);
	ck_assert_int_eq(search("(?s)lorem.*ok$", bytes, sizeof(bytes)), PATTERN_FOUND);
}
END_TEST

START_TEST(a_faulty_one_is_refused_with_the_place)
{
	struct pattern *p = (void *)error;

	ck_assert_int_eq(pattern_new("ab(c", error, &p), -EINVAL);
	ck_assert_str_eq(error, "at character 5: missing closing parenthesis");
	ck_assert_ptr_eq(p, (void *)error);
	ck_assert_int_eq(pattern_new("(*UTF)a", error, &p), -EINVAL);
}
END_TEST

START_TEST(a_long_one_is_refused)
{
	char text[PATTERN_LEN_MAX + 2];
	struct pattern *p;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(pattern_new(text, error, &p), -EINVAL);
	ck_assert_str_eq(error, "longer than 512 characters");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pattern");
	TCase *tc = tcase_create("pattern");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, it_is_found_anywhere);
	tcase_add_test(tc, nothing_can_be_searched);
	tcase_add_test(tc, bytes_are_bytes);
	tcase_add_test(tc, what_backtracks_for_ever_gives_up);
	tcase_add_test(tc, what_begins_again_at_each_place_gives_up);
	tcase_add_test(tc, a_long_text_is_searched_to_its_end);
	tcase_add_test(tc, a_faulty_one_is_refused_with_the_place);
	tcase_add_test(tc, a_long_one_is_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
