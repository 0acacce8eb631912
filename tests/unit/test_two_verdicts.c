/* What holds of a server that two directors check. */
#include "core/two_verdicts.h"

#include <check.h>
#include <stdlib.h>

#define FRESH_US 1000

static const struct instant now = {5000};

static const struct {
	enum health_state own, theirs;
	enum two_verdicts merged;
} cases[] = {
	{HEALTH_UP, HEALTH_UP, TWO_VERDICTS_UP},
	{HEALTH_UP, HEALTH_UNKNOWN, TWO_VERDICTS_UP},
	{HEALTH_UP, HEALTH_DOWN, TWO_VERDICTS_DOWN_AT_PEER},
	{HEALTH_UNKNOWN, HEALTH_UP, TWO_VERDICTS_UP},
	{HEALTH_UNKNOWN, HEALTH_UNKNOWN, TWO_VERDICTS_UP},
	{HEALTH_UNKNOWN, HEALTH_DOWN, TWO_VERDICTS_DOWN_AT_PEER},
	{HEALTH_DOWN, HEALTH_UP, TWO_VERDICTS_DOWN_HERE},
	{HEALTH_DOWN, HEALTH_UNKNOWN, TWO_VERDICTS_DOWN},
	{HEALTH_DOWN, HEALTH_DOWN, TWO_VERDICTS_DOWN},
};

START_TEST(two_verdicts_become_one)
{
	const struct peer_verdict peer = {cases[_i].theirs, instant_add(now, FRESH_US)};

	ck_assert_int_eq(two_verdicts_merge(cases[_i].own, &peer, now), cases[_i].merged);
}
END_TEST

START_TEST(an_old_word_of_the_peer_counts_for_nothing)
{
	const struct peer_verdict peer = {HEALTH_UP, instant_add(now, FRESH_US)};
	const struct peer_verdict silent = {HEALTH_UP, {0}};

	ck_assert_int_eq(two_verdicts_merge(HEALTH_DOWN, &peer, instant_add(now, FRESH_US - 1)),
		TWO_VERDICTS_DOWN_HERE);
	ck_assert_int_eq(two_verdicts_merge(HEALTH_DOWN, &peer, instant_add(now, FRESH_US)),
		TWO_VERDICTS_DOWN);
	ck_assert_int_eq(two_verdicts_merge(HEALTH_DOWN, &silent, now), TWO_VERDICTS_DOWN);
}
END_TEST

START_TEST(the_peer_keeps_a_server_in_and_puts_none_out)
{
	for (int both_needed = 0; both_needed <= 1; both_needed++) {
		ck_assert(!two_verdicts_eject(TWO_VERDICTS_UP, both_needed));
		ck_assert(!two_verdicts_eject(TWO_VERDICTS_DOWN_AT_PEER, both_needed));
		ck_assert(two_verdicts_eject(TWO_VERDICTS_DOWN, both_needed));
	}
	ck_assert(two_verdicts_eject(TWO_VERDICTS_DOWN_HERE, false));
	ck_assert(!two_verdicts_eject(TWO_VERDICTS_DOWN_HERE, true));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("two_verdicts");
	TCase *tc = tcase_create("two_verdicts");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, two_verdicts_become_one, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, an_old_word_of_the_peer_counts_for_nothing);
	tcase_add_test(tc, the_peer_keeps_a_server_in_and_puts_none_out);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
