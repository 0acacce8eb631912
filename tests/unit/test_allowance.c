/* core/allowance */
#include "core/allowance.h"

#include <check.h>
#include <stdlib.h>

static const struct allowance_settings settings = {.n = 3, .us = 1000};
static const struct instant start = {5000000};
static struct allowance a;

static void set_up(void)
{
	a = (struct allowance){0};
}

static struct instant at(uint64_t us)
{
	return instant_add(start, us);
}

static unsigned take(unsigned times, struct instant now)
{
	unsigned heard = 0;

	for (unsigned i = 0; i < times; i++)
		heard += allowance_take(&a, &settings, now);
	return heard;
}

START_TEST(so_many_are_heard_in_a_while)
{
	ck_assert_uint_eq(take(2, at(0)), 2);
	ck_assert_uint_eq(take(5, at(999)), 1);
	ck_assert_uint_eq(take(5, at(1000)), 3);
	ck_assert_uint_eq(take(1, at(1999)), 0);
	ck_assert_uint_eq(take(5, at(1000000)), 3);
}
END_TEST

START_TEST(a_while_begins_with_the_first_of_it)
{
	ck_assert_uint_eq(take(1, at(700)), 1);
	ck_assert_uint_eq(take(5, at(1699)), 2);
	ck_assert_uint_eq(take(5, at(1700)), 3);
}
END_TEST

START_TEST(those_refused_are_told_once_when_the_while_is_over)
{
	ck_assert_uint_eq(allowance_refused(&a, &settings, at(0)), 0);
	(void)take(10, at(0));
	ck_assert_uint_eq(allowance_refused(&a, &settings, at(999)), 0);
	ck_assert_uint_eq(allowance_refused(&a, &settings, at(1000)), 7);
	ck_assert_uint_eq(allowance_refused(&a, &settings, at(1000)), 0);
	ck_assert_uint_eq(take(5, at(1000)), 3);
	ck_assert_uint_eq(allowance_refused(&a, &settings, at(2000)), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("allowance");
	TCase *tc = tcase_create("allowance");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, so_many_are_heard_in_a_while);
	tcase_add_test(tc, a_while_begins_with_the_first_of_it);
	tcase_add_test(tc, those_refused_are_told_once_when_the_while_is_over);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
