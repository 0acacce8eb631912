/* core/sync_window: what came, what came again, what is missing; by hand, and against a model that
 * remembers everything. */
#include "core/sync_window.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPAN ((uint64_t)SYNC_WINDOW_SPAN)

static const struct instant t1 = {1000}, t2 = {2000}, t3 = {3000};

static void take_range(struct sync_window *w, uint64_t first, uint64_t last)
{
	for (uint64_t s = first; s <= last; s++)
		(void)sync_window_take(w, s, t1);
}

START_TEST(in_order_nothing_is_missing)
{
	struct sync_window w = {0};

	for (uint64_t s = 1; s <= 3 * SPAN; s++) {
		ck_assert_int_eq(sync_window_look(&w, s), SYNC_NEW);
		ck_assert_int_eq(sync_window_take(&w, s, t1), SYNC_NEW);
		ck_assert_int_eq(sync_window_look(&w, s), SYNC_REPLAYED);
	}
	ck_assert_uint_eq(w.n_gaps, 0);
	ck_assert_uint_eq(w.lost + w.late, 0);
	ck_assert(!w.overflow);
}
END_TEST

START_TEST(looking_changes_nothing)
{
	struct sync_window w = {0}, before;

	take_range(&w, 5, 9);
	before = w;
	for (uint64_t s = 0; s < 20; s++)
		(void)sync_window_look(&w, s);
	ck_assert_mem_eq(&w, &before, sizeof(w));
}
END_TEST

START_TEST(a_session_that_was_joined_late_misses_its_beginning)
{
	struct sync_window w = {0};

	ck_assert_int_eq(sync_window_take(&w, 5, t1), SYNC_NEW);
	ck_assert_uint_eq(w.n_gaps, 1);
	ck_assert_uint_eq(w.gaps[0].first, 1);
	ck_assert_uint_eq(w.gaps[0].last, 4);
	ck_assert_uint_eq(w.gaps[0].seen.us, t1.us);
	ck_assert_int_eq(sync_window_take(&w, 1, t2), SYNC_LATE);
	ck_assert_uint_eq(w.gaps[0].first, 2);
}
END_TEST

START_TEST(a_gap_shrinks_and_closes)
{
	struct sync_window w = {0};

	take_range(&w, 1, 10);
	take_range(&w, 15, 15);
	ck_assert_int_eq(sync_window_take(&w, 12, t2), SYNC_LATE);
	ck_assert_uint_eq(w.gaps[0].first, 11);
	ck_assert_uint_eq(w.gaps[0].last, 14);
	ck_assert_int_eq(sync_window_take(&w, 14, t2), SYNC_LATE);
	ck_assert_uint_eq(w.gaps[0].last, 13);
	ck_assert_int_eq(sync_window_take(&w, 11, t2), SYNC_LATE);
	ck_assert_uint_eq(w.gaps[0].first, 13); /* 12 came before */
	ck_assert_int_eq(sync_window_take(&w, 12, t2), SYNC_REPLAYED);
	ck_assert_int_eq(sync_window_take(&w, 13, t2), SYNC_LATE);
	ck_assert_uint_eq(w.n_gaps, 0);
	ck_assert_uint_eq(w.late, 4);
	ck_assert_uint_eq(w.lost, 0);
}
END_TEST

START_TEST(the_window_is_4096_wide)
{
	struct sync_window w = {0};

	(void)sync_window_take(&w, SPAN + 100, t1);
	ck_assert_int_eq(sync_window_look(&w, 0), SYNC_OLD);
	ck_assert_int_eq(sync_window_look(&w, 100), SYNC_OLD);
	ck_assert_int_eq(sync_window_look(&w, 101), SYNC_LATE);
	ck_assert_int_eq(sync_window_take(&w, 100, t1), SYNC_OLD);
	ck_assert_int_eq(sync_window_take(&w, 101, t1), SYNC_LATE);
	ck_assert(w.overflow);
	ck_assert_uint_eq(w.lost, 100);
}
END_TEST

START_TEST(what_leaves_the_window_is_lost)
{
	struct sync_window w = {0};

	take_range(&w, 1, 10);
	take_range(&w, 13, 10 + SPAN);
	ck_assert(!w.overflow);
	ck_assert_uint_eq(w.n_gaps, 1);
	take_range(&w, 11 + SPAN, 11 + SPAN);
	ck_assert(w.overflow);
	ck_assert_uint_eq(w.lost, 1);
	ck_assert_uint_eq(w.gaps[0].first, 12);
	take_range(&w, 12 + SPAN, 12 + SPAN);
	ck_assert_uint_eq(w.lost, 2);
	ck_assert_uint_eq(w.n_gaps, 0);
}
END_TEST

START_TEST(a_leap_loses_what_it_jumps_over)
{
	struct sync_window w = {0};

	take_range(&w, 1, 10);
	take_range(&w, 13, 20); /* two are missing */
	(void)sync_window_take(&w, 20 + 5 * SPAN, t2);
	ck_assert_uint_eq(w.lost, 2 + 4 * SPAN);
	ck_assert_uint_eq(w.n_gaps, 1);
	ck_assert_uint_eq(w.gaps[0].first, 20 + 4 * SPAN + 1);
	ck_assert_uint_eq(w.gaps[0].last, 20 + 5 * SPAN - 1);
	ck_assert_int_eq(sync_window_look(&w, 20 + 4 * SPAN), SYNC_OLD);
}
END_TEST

START_TEST(numbers_that_nobody_reaches_are_refused)
{
	struct sync_window w = {0}, before;

	take_range(&w, 1, 10);
	before = w;
	ck_assert_int_eq(sync_window_take(&w, UINT64_MAX, t1), SYNC_OLD);
	ck_assert_int_eq(sync_window_take(&w, SYNC_SEQUENCE_MAX + 1, t1), SYNC_OLD);
	sync_window_end(&w, UINT64_MAX, t1);
	sync_window_give_up(&w, UINT64_MAX - 1, UINT64_MAX);
	ck_assert_mem_eq(&w, &before, sizeof(w));
	ck_assert_int_eq(sync_window_take(&w, SYNC_SEQUENCE_MAX, t1), SYNC_NEW);
	sync_window_give_up(&w, 0, UINT64_MAX);
	ck_assert_uint_eq(w.n_gaps, 0);
}
END_TEST

START_TEST(the_sender_may_say_that_the_end_is_missing)
{
	struct sync_window w = {0};

	take_range(&w, 1, 10);
	sync_window_end(&w, 10, t2);
	ck_assert_uint_eq(w.n_gaps, 0);
	sync_window_end(&w, 12, t2);
	ck_assert_uint_eq(w.gaps[0].first, 11);
	ck_assert_uint_eq(w.gaps[0].last, 12);
	ck_assert_int_eq(sync_window_take(&w, 12, t2), SYNC_LATE);
	ck_assert_int_eq(sync_window_take(&w, 13, t2), SYNC_NEW);
	ck_assert_uint_eq(w.n_gaps, 1);
	sync_window_end(&w, 5, t2); /* an old saying */
	ck_assert_uint_eq(w.highest, 13);
}
END_TEST

START_TEST(a_gap_is_asked_for_when_reordering_does_not_explain_it_and_not_too_often)
{
	struct sync_window w = {0};
	struct sync_gap asked[8];

	take_range(&w, 1, 1);
	take_range(&w, 4, 4); /* at t1 */
	(void)sync_window_take(&w, 6, t2);
	ck_assert_uint_eq(sync_window_ask(&w, t2, (struct instant){999}, t1, asked, 8), 0);
	ck_assert_uint_eq(sync_window_ask(&w, t2, t1, t1, asked, 8), 1);
	ck_assert_uint_eq(asked[0].first, 2);
	ck_assert_uint_eq(asked[0].last, 3);
	ck_assert_uint_eq(w.gaps[0].asked.us, t2.us);
	ck_assert_uint_eq(sync_window_ask(&w, t3, t1, t1, asked, 8), 0); /* at t2 already */
	ck_assert_uint_eq(sync_window_ask(&w, t3, t3, t2, asked, 8), 2);
	ck_assert_uint_eq(asked[1].first, 5);
	ck_assert_uint_eq(asked[1].last, 5);
	ck_assert_uint_eq(sync_window_ask(&w, t3, t3, t3, asked, 0), 0);
}
END_TEST

START_TEST(only_what_is_missing_is_asked_for)
{
	struct sync_window w = {0};
	struct sync_gap asked[4];

	take_range(&w, 10, 10);
	take_range(&w, 3, 3);
	take_range(&w, 6, 7);
	ck_assert_uint_eq(sync_window_ask(&w, t2, t1, t1, asked, 4), 3);
	ck_assert_uint_eq(asked[0].last, 2);
	ck_assert_uint_eq(asked[1].first, 4);
	ck_assert_uint_eq(asked[1].last, 5);
	ck_assert_uint_eq(asked[2].first, 8);
	ck_assert_uint_eq(asked[2].last, 9);
	ck_assert_uint_eq(sync_window_ask(&w, t3, t1, t2, asked, 2), 2);
	ck_assert_uint_eq(asked[1].first, 4);
	ck_assert_uint_eq(asked[1].last, 9); /* no room to leave out 6 and 7 */
}
END_TEST

START_TEST(a_thousand_gaps_are_remembered_in_64)
{
	struct sync_window w = {0};
	struct sync_gap asked[1000];
	unsigned n;

	for (uint64_t s = 2; s <= 2000; s += 2)
		(void)sync_window_take(&w, s, t1);
	ck_assert_uint_eq(w.n_gaps, SYNC_WINDOW_GAPS);
	ck_assert(!w.overflow);
	n = sync_window_ask(&w, t2, t1, t1, asked, 1000);
	ck_assert_uint_eq(n, 1000);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_eq(asked[i].first, 2 * i + 1);
		ck_assert_uint_eq(asked[i].last, 2 * i + 1);
		ck_assert_int_eq(sync_window_take(&w, asked[i].first, t2), SYNC_LATE);
	}
	ck_assert_uint_eq(w.n_gaps, 0);
}
END_TEST

START_TEST(what_is_given_up_is_lost_once)
{
	struct sync_window w = {0};

	take_range(&w, 1, 1);
	take_range(&w, 10, 10);
	sync_window_give_up(&w, 0, 4);
	ck_assert_uint_eq(w.lost, 3);
	ck_assert_uint_eq(w.gaps[0].first, 5);
	sync_window_give_up(&w, 1, UINT64_MAX);
	ck_assert_uint_eq(w.lost, 8);
	ck_assert_uint_eq(w.n_gaps, 0);
	ck_assert_int_eq(sync_window_take(&w, 3, t2), SYNC_REPLAYED);
	take_range(&w, 11, 2 * SPAN);
	ck_assert_uint_eq(w.lost, 8);
	ck_assert(!w.overflow);
}
END_TEST

/* The model: everything that exists, one by one. */
#define MODEL_MAX 60000u
struct model {
	uint8_t came[MODEL_MAX + 1]; /* 1: came; 2: given up */
	uint64_t highest, late, given_up;
};

static uint64_t model_lowest(const struct model *m)
{
	return m->highest < SPAN ? 1 : m->highest - SPAN + 1;
}

static enum sync_arrival model_take(struct model *m, uint64_t s)
{
	if (s > m->highest) {
		m->highest = s;
		m->came[s] = 1;
		return SYNC_NEW;
	}
	if (s < model_lowest(m))
		return SYNC_OLD;
	if (m->came[s])
		return SYNC_REPLAYED;
	m->came[s] = 1;
	m->late++;
	return SYNC_LATE;
}

static void model_give_up(struct model *m, uint64_t first, uint64_t last)
{
	for (uint64_t s = first; s <= last && s <= m->highest; s++) {
		if (s < model_lowest(m) || m->came[s])
			continue;
		m->came[s] = 2;
		m->given_up++;
	}
}

static uint64_t model_lost(const struct model *m)
{
	uint64_t n = m->given_up;

	for (uint64_t s = 1; s < model_lowest(m); s++)
		n += !m->came[s];
	return n;
}

/* The gaps are ascending and apart, within the window, and name what is missing and all of it. */
static void gaps_are_right(const struct sync_window *w, const struct model *m)
{
	uint64_t s = model_lowest(m);

	for (unsigned i = 0; i < w->n_gaps; i++) {
		const struct sync_gap *gap = &w->gaps[i];
		ck_assert_uint_ge(gap->first, s);
		ck_assert_uint_le(gap->first, gap->last);
		ck_assert_uint_eq(m->came[gap->first], 0);
		ck_assert_uint_eq(m->came[gap->last], 0);
		for (; s < gap->first; s++)
			ck_assert_uint_ne(m->came[s], 0);
		s = gap->last + 1;
	}
	for (; s <= m->highest; s++)
		ck_assert_uint_ne(m->came[s], 0);
}

static void asks_are_right(struct sync_window *w, const struct model *m)
{
	static struct sync_gap asked[SYNC_WINDOW_SPAN];
	unsigned n = sync_window_ask(w, t3, INSTANT_NEVER, INSTANT_NEVER, asked, SYNC_WINDOW_SPAN);
	uint64_t s = model_lowest(m);

	for (unsigned i = 0; i < n; i++) {
		for (; s < asked[i].first; s++)
			ck_assert_uint_ne(m->came[s], 0);
		for (; s <= asked[i].last; s++)
			ck_assert_uint_eq(m->came[s], 0);
	}
	for (; s <= m->highest; s++)
		ck_assert_uint_ne(m->came[s], 0);
}

static uint32_t random_state;
static uint32_t chance(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

struct weather {
	uint32_t loss_percent, late_percent, twice_percent, leap_permille;
};

static uint64_t next_number(const struct weather *weather, uint64_t *sent)
{
	if (chance(1000) < weather->leap_permille)
		*sent += chance(2 * SYNC_WINDOW_SPAN);
	if (chance(100) < weather->late_percent && *sent > 0)
		return *sent - chance(*sent < 6000 ? (uint32_t)*sent : 6000);
	return ++*sent;
}

START_TEST(any_weather_agrees_with_the_model)
{
	static const struct weather kinds[] = {
		{0, 0, 0, 0}, {5, 10, 2, 0}, {40, 30, 5, 0}, {5, 60, 10, 1}, {1, 1, 1, 20}};
	const struct weather *weather = &kinds[(unsigned)_i % (sizeof(kinds) / sizeof(kinds[0]))];
	static struct model m;
	struct sync_window w = {0};
	uint64_t sent = 0;

	random_state = 0x9e3779b9u * (uint32_t)(_i + 1);
	memset(&m, 0, sizeof(m));
	for (unsigned step = 0; step < 12000 && sent + 2 * SPAN < MODEL_MAX; step++) {
		uint64_t s = next_number(weather, &sent);
		if (chance(100) < weather->loss_percent)
			continue;
		for (unsigned n = chance(100) < weather->twice_percent ? 2 : 1; n > 0; n--) {
			enum sync_arrival looked = sync_window_look(&w, s);
			ck_assert_int_eq(sync_window_take(&w, s, t1), looked);
			ck_assert_int_eq((int)looked, (int)model_take(&m, s));
		}
		if (chance(400) == 0) {
			uint64_t first = 1 + chance((uint32_t)sent), last = first + chance(300);
			sync_window_give_up(&w, first, last);
			model_give_up(&m, first, last);
		}
		if (step % 101 == 0)
			gaps_are_right(&w, &m);
		if (step % 501 == 0)
			asks_are_right(&w, &m);
	}
	gaps_are_right(&w, &m);
	ck_assert_uint_eq(w.highest, m.highest);
	ck_assert_uint_eq(w.late, m.late);
	ck_assert_uint_eq(w.lost, model_lost(&m));
	ck_assert_int_eq(w.overflow, model_lost(&m) > m.given_up);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync_window");
	TCase *tc = tcase_create("sync_window");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, in_order_nothing_is_missing);
	tcase_add_test(tc, looking_changes_nothing);
	tcase_add_test(tc, a_session_that_was_joined_late_misses_its_beginning);
	tcase_add_test(tc, a_gap_shrinks_and_closes);
	tcase_add_test(tc, the_window_is_4096_wide);
	tcase_add_test(tc, what_leaves_the_window_is_lost);
	tcase_add_test(tc, a_leap_loses_what_it_jumps_over);
	tcase_add_test(tc, numbers_that_nobody_reaches_are_refused);
	tcase_add_test(tc, the_sender_may_say_that_the_end_is_missing);
	tcase_add_test(
		tc, a_gap_is_asked_for_when_reordering_does_not_explain_it_and_not_too_often);
	tcase_add_test(tc, only_what_is_missing_is_asked_for);
	tcase_add_test(tc, a_thousand_gaps_are_remembered_in_64);
	tcase_add_test(tc, what_is_given_up_is_lost_once);
	tcase_add_loop_test(tc, any_weather_agrees_with_the_model, 0, 40);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
