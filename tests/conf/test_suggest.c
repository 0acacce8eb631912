/* Which slips are near enough to suggest something. */
#include "conf/suggest.h"

#include <check.h>
#include <string.h>

/* NULL when nothing is suggested. */
static const char *nearest(const char *word, const char *first, const char *second)
{
	struct suggest s = suggest_begin(word);

	suggest_offer(&s, first);
	suggest_offer(&s, second);
	return suggest_result(&s);
}

START_TEST(one_letter_more_less_or_other_is_near)
{
	ck_assert_str_eq(nearest("prioritty", "interface", "priority"), "priority");
	ck_assert_str_eq(nearest("priorty", "interface", "priority"), "priority");
	ck_assert_str_eq(nearest("pryority", "interface", "priority"), "priority");
	ck_assert_str_eq(nearest("vrdi", "vrid", "priority"), "vrid");
}
END_TEST

START_TEST(two_swapped_neighbours_are_one_slip)
{
	ck_assert_str_eq(nearest("tpc", "udp", "tcp"), "tcp");
}
END_TEST

START_TEST(the_nearer_one_wins_whatever_the_order)
{
	ck_assert_str_eq(nearest("addres", "addresses", "address"), "address");
	ck_assert_str_eq(nearest("addres", "address", "addresses"), "address");
}
END_TEST

START_TEST(a_slip_in_each_four_letters_and_one_more_is_near)
{
	ck_assert_str_eq(nearest("inteXXce", "interface", "pool"), "interface");
	ck_assert_ptr_null(nearest("inXXXXce", "interface", "pool"));
	ck_assert_ptr_null(nearest("database", "web", "mail"));
}
END_TEST

START_TEST(what_shares_no_letter_is_not_near)
{
	ck_assert_ptr_null(nearest("x", "y", "z"));
	ck_assert_ptr_null(nearest("", "a", "b"));
}
END_TEST

START_TEST(a_word_longer_than_any_name_has_no_near_one)
{
	char word[101];

	memset(word, 'a', sizeof(word) - 1);
	word[100] = '\0';
	ck_assert_ptr_null(nearest(word, word, "pool"));
	word[64] = '\0';
	ck_assert_str_eq(nearest(word, "pool", word), word);
}
END_TEST

START_TEST(upper_and_lower_case_are_the_same)
{
	ck_assert_str_eq(nearest("TCP", "udp", "tcp"), "tcp");
	ck_assert_str_eq(nearest("HTTPS", "http", "https"), "https");
	ck_assert_str_eq(nearest("Web-One", "web-two", "web-one"), "web-one");
}
END_TEST

START_TEST(without_candidates_there_is_nothing_to_suggest)
{
	struct suggest s = suggest_begin("pool");

	ck_assert_ptr_null(suggest_result(&s));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("suggest");
	TCase *tcase = tcase_create("suggest");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, one_letter_more_less_or_other_is_near);
	tcase_add_test(tcase, two_swapped_neighbours_are_one_slip);
	tcase_add_test(tcase, the_nearer_one_wins_whatever_the_order);
	tcase_add_test(tcase, a_slip_in_each_four_letters_and_one_more_is_near);
	tcase_add_test(tcase, what_shares_no_letter_is_not_near);
	tcase_add_test(tcase, a_word_longer_than_any_name_has_no_near_one);
	tcase_add_test(tcase, upper_and_lower_case_are_the_same);
	tcase_add_test(tcase, without_candidates_there_is_nothing_to_suggest);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
