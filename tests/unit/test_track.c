/* What failures make of a priority. */
#include "core/track.h"

#include <check.h>
#include <string.h>

static struct track_cause weight(int by, const char *text)
{
	struct track_cause cause = {.weight = by};

	track_cause_name(&cause, text);
	return cause;
}

static struct track_cause fault(const char *text)
{
	struct track_cause cause = {.fault = true};

	track_cause_name(&cause, text);
	return cause;
}

static const struct {
	struct track_score score;
	uint8_t base;
	const char *text;
	struct {
		int weight; /* 0: fault */
		const char *text;
	} causes[3];
} scores[] = {
	{{false, 150}, 150, "base 150", {{0}}},
	{{false, 90}, 150, "base 150, -60 ping 192.0.2.1 = 90", {{-60, "ping 192.0.2.1"}}},
	{{false, 100}, 150, "base 150, -60 a, +10 b = 100", {{-60, "a"}, {10, "b"}}},
	{{false, 1}, 50, "base 50, -50 a = 0, taken as 1", {{-50, "a"}}},
	{{false, 1}, 50, "base 50, -49 a = 1", {{-49, "a"}}},
	{{false, 1}, 50, "base 50, -254 a, -254 b = -458, taken as 1", {{-254, "a"}, {-254, "b"}}},
	{{false, 254}, 250, "base 250, +4 a = 254", {{4, "a"}}},
	{{false, 254}, 250, "base 250, +5 a = 255, taken as 254", {{5, "a"}}},
	{{true, 150}, 150, "base 150, fault: interface eth2", {{0, "interface eth2"}}},
	{{true, 140}, 150, "base 150, -10 c = 140, fault: a, b", {{0, "a"}, {-10, "c"}, {0, "b"}}},
	{{false, 255}, 255, "base 255, -60 a, which do not count for an owner", {{-60, "a"}}},
	{{true, 255}, 255, "base 255, fault: a", {{0, "a"}}},
};

START_TEST(the_priority_is_the_sum_that_is_shown)
{
	struct track_cause causes[3];
	char text[TRACK_SCORE_TEXT_MAX];
	struct track_score got;
	size_t n = 0;

	while (n < 3 && scores[_i].causes[n].text) {
		causes[n] = scores[_i].causes[n].weight
				    ? weight(scores[_i].causes[n].weight, scores[_i].causes[n].text)
				    : fault(scores[_i].causes[n].text);
		n++;
	}
	got = track_score(scores[_i].base, causes, n);
	ck_assert_uint_eq(got.priority, scores[_i].score.priority);
	ck_assert_int_eq(got.fault, scores[_i].score.fault);
	ck_assert_str_eq(track_score_text(scores[_i].base, causes, n, text), scores[_i].text);
}
END_TEST

START_TEST(the_longest_sum_has_room)
{
	struct track_cause causes[TRACK_CAUSES_MAX];
	char text[TRACK_SCORE_TEXT_MAX], name[2 * TRACK_TEXT_MAX];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < TRACK_CAUSES_MAX; i++)
		causes[i] = weight(-254, name);
	ck_assert_uint_eq(strlen(causes[0].text), TRACK_TEXT_MAX - 1);
	ck_assert_str_eq(causes[0].text + TRACK_TEXT_MAX - 4, "...");
	(void)track_score_text(100, causes, TRACK_CAUSES_MAX, text);
	ck_assert_ptr_nonnull(strstr(text, " = -3964, taken as 1"));
}
END_TEST

START_TEST(a_name_is_cut_between_characters)
{
	struct track_cause cause;
	char name[100] = "";

	while (strlen(name) < sizeof(name) - 3)
		(void)strcat(name, "\xc3\xa9");
	cause = fault(name);
	ck_assert_uint_eq(strlen(cause.text), TRACK_TEXT_MAX - 1);
	ck_assert_str_eq(cause.text + strlen(cause.text) - 5, "\xc3\xa9...");
	memmove(name + 1, name, strlen(name));
	name[0] = 'x';
	cause = fault(name);
	ck_assert_str_eq(cause.text + strlen(cause.text) - 5, "\xc3\xa9...");
}
END_TEST

START_TEST(a_name_that_fits_is_not_cut)
{
	struct track_cause cause;
	char name[TRACK_TEXT_MAX];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cause = fault(name);
	ck_assert_str_eq(cause.text, name);
}
END_TEST

#define UP HEALTH_UP
#define DOWN HEALTH_DOWN
#define UNKNOWN HEALTH_UNKNOWN

static const struct {
	enum health_state members[3], all, any;
} groups[] = {
	{{UP, UP, UP}, UP, UP},
	{{UP, DOWN, UP}, DOWN, UP},
	{{DOWN, DOWN, DOWN}, DOWN, DOWN},
	{{UP, UNKNOWN, UP}, UNKNOWN, UP},
	{{DOWN, UNKNOWN, DOWN}, DOWN, UNKNOWN},
	{{UP, UNKNOWN, DOWN}, DOWN, UP},
	{{UNKNOWN, UNKNOWN, UNKNOWN}, UNKNOWN, UNKNOWN},
};

START_TEST(a_group_is_known_as_soon_as_its_unchecked_members_change_nothing)
{
	ck_assert_int_eq(track_all(groups[_i].members, 3), groups[_i].all);
	ck_assert_int_eq(track_any(groups[_i].members, 3), groups[_i].any);
}
END_TEST

START_TEST(an_inverse_knows_no_more_than_what_it_inverts)
{
	ck_assert_int_eq(track_inverse(UP), DOWN);
	ck_assert_int_eq(track_inverse(DOWN), UP);
	ck_assert_int_eq(track_inverse(UNKNOWN), UNKNOWN);
}
END_TEST

START_TEST(a_number_times_a_weight_stays_within_what_a_priority_can_be_moved_by)
{
	ck_assert_int_eq(track_weight(-2, 10), -20);
	ck_assert_int_eq(track_weight(-2, 0), 0);
	ck_assert_int_eq(track_weight(-254, INT64_MAX), -254);
	ck_assert_int_eq(track_weight(254, INT64_MIN), -254);
	ck_assert_int_eq(track_weight(1, -3), -3);
	ck_assert_int_eq(track_weight(127, 2), 254);
	ck_assert_int_eq(track_weight(128, 2), 254);
}
END_TEST

START_TEST(causes_are_equal_when_they_say_the_same)
{
	struct track_cause a[] = {weight(-1, "a"), fault("b")};
	struct track_cause b[] = {weight(-1, "a"), fault("b")};

	ck_assert(track_causes_equal(a, 2, b, 2));
	ck_assert(!track_causes_equal(a, 2, b, 1));
	b[1].weight = 7; /* of a fault: says nothing */
	ck_assert(track_causes_equal(a, 2, b, 2));
	b[0].weight = -2;
	ck_assert(!track_causes_equal(a, 2, b, 2));
	b[0] = weight(-1, "c");
	ck_assert(!track_causes_equal(a, 2, b, 2));
	b[0] = fault("a");
	ck_assert(!track_causes_equal(a, 2, b, 2));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("track");
	TCase *c = tcase_create("core");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_loop_test(
		c, the_priority_is_the_sum_that_is_shown, 0, sizeof(scores) / sizeof(scores[0]));
	tcase_add_test(c, the_longest_sum_has_room);
	tcase_add_test(c, a_name_is_cut_between_characters);
	tcase_add_test(c, a_name_that_fits_is_not_cut);
	tcase_add_loop_test(c, a_group_is_known_as_soon_as_its_unchecked_members_change_nothing, 0,
		sizeof(groups) / sizeof(groups[0]));
	tcase_add_test(c, an_inverse_knows_no_more_than_what_it_inverts);
	tcase_add_test(c, a_number_times_a_weight_stays_within_what_a_priority_can_be_moved_by);
	tcase_add_test(c, causes_are_equal_when_they_say_the_same);
	suite_add_tcase(s, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
