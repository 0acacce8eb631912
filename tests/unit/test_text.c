/* base/text: what is shown of the words of others. */
#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char buf[64];

static const char *line(const char *text)
{
	return text_line(buf, sizeof(buf), text);
}

START_TEST(words_are_as_they_were)
{
	ck_assert_str_eq(line("a=\"b\" \\ c"), "a=\"b\" \\ c");
	ck_assert_str_eq(line("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
		"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
	ck_assert_str_eq(line("\xc2\xa0"), "\xc2\xa0");
	ck_assert_str_eq(line(""), "");
	ck_assert_str_eq(line(NULL), "");
}
END_TEST

START_TEST(it_is_one_line_that_no_terminal_obeys)
{
	ck_assert_str_eq(line("a\nb\r\tc"), "a?b??c");
	ck_assert_str_eq(line("\x1b[2J\x7f"), "?[2J?");
	ck_assert_str_eq(line("\xc2\x9b"
			      "2J"),
		"?2J");
}
END_TEST

START_TEST(what_is_no_utf_8_is_seen_as_such)
{
	static const char *const wrong[] = {
		"\x80",             /* no first byte */
		"\xc0\xaf",         /* overlong */
		"\xe0\x9f\xbf",     /* the same */
		"\xed\xa0\x80",     /* a surrogate */
		"\xf4\x90\x80\x80", /* beyond the last */
		"\xff", "\xe2\x82", /* cut */
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *shown = line(wrong[i]);

		ck_assert_uint_eq(strlen(shown), strlen(wrong[i]));
		ck_assert_uint_eq(strspn(shown, "?"), strlen(shown));
	}
	ck_assert_str_eq(line("\xe2\x82x"), "??x");
}
END_TEST

START_TEST(what_does_not_fit_is_cut_between_characters)
{
	char small[5];

	ck_assert_str_eq(text_line(small, sizeof(small), "abcdef"), "abcd");
	ck_assert_str_eq(text_line(small, sizeof(small), "ab\xe2\x82\xac"), "ab");
	ck_assert_str_eq(text_line(small, sizeof(small), "a\xe2\x82\xac"), "a\xe2\x82\xac");
	ck_assert_str_eq(text_line(small, 1, "abc"), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *tc = tcase_create("text");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, words_are_as_they_were);
	tcase_add_test(tc, it_is_one_line_that_no_terminal_obeys);
	tcase_add_test(tc, what_is_no_utf_8_is_seen_as_such);
	tcase_add_test(tc, what_does_not_fit_is_cut_between_characters);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
