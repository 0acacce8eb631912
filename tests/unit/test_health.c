/* The health rule on a virtual clock: verdicts against a model that looks at the whole history, and
 * the schedule against its promises. */
#include "core/deadline_heap.h"
#include "core/health.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define S UINT64_C(1000000)

static const struct instant t0 = {1000 * S};
static const struct health_rule rule = {
	.interval_us = 2 * S, .timeout_us = 1 * S, .rise = 2, .fall = 3, .jitter_percent = 10};

/* A small generator with a seed that a failure prints. */
static uint64_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

START_TEST(first_result_decides_when_nothing_is_known)
{
	struct health up = {0}, down = {0};

	ck_assert(health_step(&up, &rule, true, t0));
	ck_assert_int_eq(up.state, HEALTH_UP);
	ck_assert(health_step(&down, &rule, false, t0));
	ck_assert_int_eq(down.state, HEALTH_DOWN);
	ck_assert_uint_eq(down.since.us, t0.us);
}
END_TEST

START_TEST(state_given_stays_until_rise_results_contradict_it)
{
	struct health h = {.state = HEALTH_DOWN};

	ck_assert(!health_step(&h, &rule, true, t0));
	ck_assert_int_eq(h.state, HEALTH_DOWN);
	ck_assert(health_step(&h, &rule, true, instant_add(t0, 2 * S)));
	ck_assert_int_eq(h.state, HEALTH_UP);
	ck_assert_uint_eq(h.since.us, t0.us + 2 * S);
}
END_TEST

START_TEST(a_single_success_forgives_the_failures_before_it)
{
	struct health h = {.state = HEALTH_UP};

	ck_assert(!health_step(&h, &rule, false, t0));
	ck_assert(!health_step(&h, &rule, false, t0));
	ck_assert(!health_step(&h, &rule, true, t0));
	ck_assert(!health_step(&h, &rule, false, t0));
	ck_assert(!health_step(&h, &rule, false, t0));
	ck_assert(health_step(&h, &rule, false, t0));
	ck_assert_int_eq(h.state, HEALTH_DOWN);
}
END_TEST

START_TEST(rise_and_fall_of_zero_mean_one)
{
	const struct health_rule eager = {.interval_us = S};
	struct health h = {.state = HEALTH_UP};

	ck_assert(health_step(&h, &eager, false, t0));
	ck_assert(health_step(&h, &eager, true, t0));
}
END_TEST

START_TEST(state_names_are_read_back)
{
	enum health_state state = HEALTH_DOWN;

	ck_assert(health_state_by_name("unknown", &state));
	ck_assert_int_eq(state, HEALTH_UNKNOWN);
	ck_assert(!health_state_by_name("sideways", &state));
	ck_assert_int_eq(state, HEALTH_UNKNOWN);
	ck_assert_str_eq(health_state_name(HEALTH_UP), "up");
}
END_TEST

/* The model: the last `rise` results all passed -> up; the last `fall` all failed -> down; else as
 * before. Only the first result of an unknown target decides alone. */
static enum health_state model(
	enum health_state before, const bool *history, size_t n, const struct health_rule *r)
{
	size_t passed = 0, failed = 0;

	if (before == HEALTH_UNKNOWN)
		return history[n - 1] ? HEALTH_UP : HEALTH_DOWN;
	while (passed < n && passed < r->rise && history[n - 1 - passed])
		passed++;
	while (failed < n && failed < r->fall && !history[n - 1 - failed])
		failed++;
	if (passed >= r->rise)
		return HEALTH_UP;
	return failed >= r->fall ? HEALTH_DOWN : before;
}

/* The interval after a result, from the whole history: contested when the last result is not what
 * the state says. */
static uint64_t model_interval_us(
	enum health_state state, bool last_passed, const struct health_rule *r, bool standby)
{
	bool contested = last_passed != (state == HEALTH_UP);
	uint64_t us = r->interval_us;

	if (contested)
		return r->fail_interval_us ? r->fail_interval_us : us;
	if (state == HEALTH_DOWN && r->down_interval_us)
		us = r->down_interval_us;
	return standby && r->standby_interval_us > us ? r->standby_interval_us : us;
}

static uint64_t draw_interval_us(uint64_t *state)
{
	return draw(state) % 3 ? S / 2 * (1 + draw(state) % 20) : 0;
}

/* A day with all intervals, and roles that change: each start is where the interval that the model
 * says for it would have it. */
static void run_a_paced_day(unsigned seed)
{
	static bool history[24 * 3600 * 2 + 1];
	struct health_rule r = rule;
	struct health_schedule s;
	struct health h = {0};
	enum health_state expected = HEALTH_UNKNOWN;
	struct instant now = t0, end = instant_add(t0, 24 * 3600 * S);
	uint64_t state = seed, failing = 0;
	bool standby = false;
	size_t n = 0;

	r.timeout_us = S / 2;
	r.jitter_percent = 0;
	r.rise = (unsigned)(1 + draw(&state) % 4);
	r.fall = (unsigned)(1 + draw(&state) % 4);
	r.fail_interval_us = draw_interval_us(&state);
	r.down_interval_us = draw_interval_us(&state);
	r.standby_interval_us = draw_interval_us(&state);
	health_schedule_start(&s, &r, health_seed("192.0.2.11:80"), now);
	while (now.us < end.us) {
		struct instant started = now = s.due;
		struct health_rule pace = r;
		uint64_t expected_us;

		if (draw(&state) % 200 == 0)
			standby = !standby;
		if (draw(&state) % 100 == 0)
			failing = draw(&state) % 10;
		history[n++] = draw(&state) % 10 >= failing;
		now = instant_add(now, draw(&state) % (r.timeout_us + 1));
		expected = model(expected, history, n, &r);
		(void)health_step(&h, &r, history[n - 1], now);
		expected_us = model_interval_us(expected, history[n - 1], &r, standby);
		pace.interval_us = health_interval_us(&h, &r, standby);
		if (h.state != expected || pace.interval_us != expected_us)
			ck_abort_msg("seed %u: wrong after result %u", seed, (unsigned)n);
		health_schedule_next(&s, &pace, started, now);
		/* A longer interval may begin with a part of itself, and never with more. */
		if (s.due.us - started.us < expected_us / 4 ||
			s.due.us - started.us > expected_us + expected_us / 4)
			ck_abort_msg("seed %u: wrong time after result %u", seed, (unsigned)n);
	}
}

START_TEST(a_day_of_changing_intervals_agrees_with_the_model)
{
	for (unsigned seed = 1; seed <= 50; seed++)
		run_a_paced_day(seed);
}
END_TEST

/* One target for a day: attempts of random length, a server that fails in phases, a loop that
 * stalls now and then for up to a minute. */
static void run_a_day(unsigned seed)
{
	static bool history[24 * 3600];
	struct health_rule r = rule;
	struct health_schedule s;
	struct health h = {0};
	enum health_state expected = HEALTH_UNKNOWN;
	struct instant now = t0, end = instant_add(t0, 24 * 3600 * S), last = {0};
	uint64_t state = seed, stalled_us = 0, failing = 0;
	size_t n = 0;

	r.rise = (unsigned)(1 + draw(&state) % 4);
	r.fall = (unsigned)(1 + draw(&state) % 4);
	r.jitter_percent = (unsigned)(draw(&state) % 60);
	health_schedule_start(&s, &r, health_seed("192.0.2.11:80"), now);
	while (now.us < end.us) {
		struct instant started;

		if (s.due.us > now.us)
			now = s.due;
		if (draw(&state) % 500 == 0) {
			uint64_t stall_us = draw(&state) % (60 * S);
			now = instant_add(now, stall_us);
			stalled_us += stall_us;
		}
		started = now;
		if (n > 0 && started.us - last.us < r.interval_us / 4)
			ck_abort_msg("seed %u: starts %u and %u are too close", seed,
				(unsigned)n - 1, (unsigned)n);
		last = started;
		if (draw(&state) % 100 == 0)
			failing = draw(&state) % 10;
		history[n++] = draw(&state) % 10 >= failing;
		now = instant_add(now, draw(&state) % (r.timeout_us + 1));
		expected = model(expected, history, n, &r);
		(void)health_step(&h, &r, history[n - 1], now);
		if (h.state != expected)
			ck_abort_msg("seed %u: wrong after result %u", seed, (unsigned)n);
		health_schedule_next(&s, &r, started, now);
	}
	/* Each stall may cost its own length and one place more; nothing else costs any. */
	ck_assert_uint_le(n, 24 * 3600 / 2 + 1);
	ck_assert_uint_ge(n + (stalled_us + 400 * r.interval_us) / r.interval_us, 24 * 3600 / 2);
}

START_TEST(a_day_of_random_results_agrees_with_the_model)
{
	for (unsigned seed = 1; seed <= 20; seed++)
		run_a_day(seed);
}
END_TEST

START_TEST(first_checks_are_spread_over_two_seconds_or_the_interval)
{
	struct health_rule slow = {.interval_us = 60 * S}, fast = {.interval_us = S / 2};
	unsigned tenths[10] = {0};
	char id[32];

	for (unsigned i = 0; i < 10000; i++) {
		struct health_schedule s;

		(void)snprintf(id, sizeof(id), "10.0.%u.%u:80", i / 250, i % 250);
		health_schedule_start(&s, &fast, health_seed(id), t0);
		ck_assert_uint_lt(s.due.us - t0.us, S / 2);
		health_schedule_start(&s, &slow, health_seed(id), t0);
		ck_assert_uint_lt(s.due.us - t0.us, 2 * S);
		tenths[(s.due.us - t0.us) / (S / 5)]++;
	}
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_uint_gt(tenths[i], 800);
		ck_assert_uint_lt(tenths[i], 1200);
	}
}
END_TEST

START_TEST(second_check_follows_the_hurried_first_one_within_the_promised_bounds)
{
	struct health_rule slow = {.interval_us = 60 * S, .jitter_percent = 10};
	char id[32];

	for (unsigned i = 0; i < 1000; i++) {
		struct health_schedule s;
		struct instant first;

		(void)snprintf(id, sizeof(id), "server %u", i);
		health_schedule_start(&s, &slow, health_seed(id), t0);
		first = s.due;
		health_schedule_next(&s, &slow, first, first);
		ck_assert_uint_ge(s.due.us - first.us, 15 * S);
		ck_assert_uint_le(s.due.us - first.us, 81 * S);
	}
}
END_TEST

START_TEST(without_jitter_starts_are_exactly_one_interval_apart)
{
	struct health_rule r = rule;
	struct health_schedule s;

	r.jitter_percent = 0;
	health_schedule_start(&s, &r, health_seed("a"), t0);
	for (unsigned i = 0; i < 100; i++) {
		struct instant started = s.due;
		/* A result that takes up to the whole interval costs no place. */
		health_schedule_next(&s, &r, started, instant_add(started, i * S / 50));
		ck_assert_uint_eq(s.due.us - started.us, r.interval_us);
	}
}
END_TEST

START_TEST(jitter_is_repeatable_bounded_and_does_not_change_the_rate)
{
	struct health_schedule s, again;
	uint64_t least = UINT64_MAX, most = 0;

	health_schedule_start(&s, &rule, health_seed("a"), t0);
	health_schedule_start(&again, &rule, health_seed("a"), t0);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t jitter;

		health_schedule_next(&s, &rule, s.due, s.due);
		health_schedule_next(&again, &rule, again.due, again.due);
		ck_assert_uint_eq(s.due.us, again.due.us);
		jitter = s.due.us - s.place.us;
		least = jitter < least ? jitter : least;
		most = jitter > most ? jitter : most;
	}
	ck_assert_uint_lt(least, 10000);
	ck_assert_uint_gt(most, 190000);
	ck_assert_uint_le(most, 200000);
	ck_assert_uint_eq(s.place.us - t0.us, health_seed("a") % rule.interval_us + 1000 * 2 * S);
}
END_TEST

START_TEST(a_late_loop_checks_once_and_returns_to_its_grid)
{
	struct health_rule r = rule;
	struct health_schedule s;
	struct instant woken, first;

	r.jitter_percent = 0;
	health_schedule_start(&s, &r, health_seed("a"), t0);
	first = s.due;
	woken = instant_add(first, 3600 * S + S / 2);
	health_schedule_next(&s, &r, woken, woken);
	ck_assert_uint_ge(s.due.us - woken.us, r.interval_us / 4);
	ck_assert_uint_le(s.due.us - woken.us, r.interval_us + r.interval_us / 4);
	ck_assert_uint_eq((s.due.us - first.us) % r.interval_us, 0);
}
END_TEST

START_TEST(a_shorter_interval_takes_effect_at_once)
{
	struct health_rule slow = {.interval_us = 3600 * S}, fast = {.interval_us = S};
	struct health_schedule s;
	struct instant started, now;

	health_schedule_start(&s, &slow, health_seed("a"), t0);
	started = s.due;
	health_schedule_next(&s, &slow, started, started);
	now = instant_add(started, 100 * S);
	health_schedule_next(&s, &fast, started, now);
	ck_assert_uint_ge(s.due.us, now.us);
	ck_assert_uint_le(s.due.us - now.us, S);
}
END_TEST

#define N_DEADLINES 200

START_TEST(the_heap_yields_the_earliest_of_all_after_any_changes)
{
	struct deadline d[N_DEADLINES] = {0}, *items[N_DEADLINES];
	struct deadline_heap heap = {.items = items};
	uint64_t state = 7;

	for (unsigned turn = 0; turn < 20000; turn++) {
		struct deadline *one = &d[draw(&state) % N_DEADLINES], *earliest = NULL;
		size_t n = 0;

		if (draw(&state) % 3 == 0)
			deadline_clear(&heap, one);
		else
			deadline_set(&heap, one, (struct instant){draw(&state) % 1000});
		for (size_t i = 0; i < N_DEADLINES; i++) {
			if (!d[i].slot)
				continue;
			n++;
			if (items[d[i].slot - 1] != &d[i])
				ck_abort_msg("turn %u: %u is not in its slot", turn, (unsigned)i);
			if (!earliest || d[i].at.us < earliest->at.us)
				earliest = &d[i];
		}
		ck_assert_uint_eq(heap.n, n);
		if (earliest)
			ck_assert_uint_eq(deadline_first(&heap)->at.us, earliest->at.us);
		else
			ck_assert_ptr_null(deadline_first(&heap));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *verdict = tcase_create("verdict");
	TCase *schedule = tcase_create("schedule");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(verdict, first_result_decides_when_nothing_is_known);
	tcase_add_test(verdict, state_given_stays_until_rise_results_contradict_it);
	tcase_add_test(verdict, a_single_success_forgives_the_failures_before_it);
	tcase_add_test(verdict, rise_and_fall_of_zero_mean_one);
	tcase_add_test(verdict, state_names_are_read_back);
	tcase_add_test(verdict, a_day_of_random_results_agrees_with_the_model);
	tcase_add_test(verdict, a_day_of_changing_intervals_agrees_with_the_model);
	tcase_add_test(schedule, first_checks_are_spread_over_two_seconds_or_the_interval);
	tcase_add_test(
		schedule, second_check_follows_the_hurried_first_one_within_the_promised_bounds);
	tcase_add_test(schedule, without_jitter_starts_are_exactly_one_interval_apart);
	tcase_add_test(schedule, jitter_is_repeatable_bounded_and_does_not_change_the_rate);
	tcase_add_test(schedule, a_late_loop_checks_once_and_returns_to_its_grid);
	tcase_add_test(schedule, a_shorter_interval_takes_effect_at_once);
	tcase_add_test(schedule, the_heap_yields_the_earliest_of_all_after_any_changes);
	suite_add_tcase(suite, verdict);
	suite_add_tcase(suite, schedule);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
