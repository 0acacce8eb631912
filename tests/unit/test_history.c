/* The last results of targets, held against a list that keeps everything. */
#include "checker/history.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGETS 5
#define RESULTS 20000
#define MS UINT64_C(1000)

static const struct instant t0 = {UINT64_C(5000000000)};
static struct reasons *reasons;
static struct history histories[TARGETS];

static void set_up(void)
{
	reasons = reasons_new();
	ck_assert_ptr_nonnull(reasons);
	memset(histories, 0, sizeof(histories));
}

static void tear_down(void)
{
	for (size_t i = 0; i < TARGETS; i++)
		history_done(&histories[i], reasons);
	ck_assert_uint_eq(reasons_count(reasons), 0);
	reasons_free(reasons);
}

static uint64_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

START_TEST(the_last_results_are_as_they_were)
{
	static struct history_result all[TARGETS][RESULTS];
	static char texts[TARGETS][RESULTS][24];
	size_t n[TARGETS] = {0};
	struct instant now = t0;
	uint64_t state = 1;

	for (size_t i = 0; i < RESULTS; i++) {
		size_t target = draw(&state) % TARGETS, at = n[target]++;
		struct history_result *result = &all[target][at];

		now = instant_add(now, draw(&state) % 5000 * MS);
		(void)snprintf(texts[target][at], sizeof(texts[0][0]), "reason %u",
			(unsigned)(draw(&state) % 300));
		*result = (struct history_result){.at = now,
			.passed = draw(&state) % 2,
			.latency_us = draw(&state) % 1000000,
			.reason = texts[target][at]};
		history_add(&histories[target], reasons, result);
		for (unsigned ago = 0; ago < histories[target].n; ago++) {
			struct history_result got = history_get(&histories[target], reasons, ago);
			const struct history_result *want = &all[target][at - ago];

			if (got.at.us != want->at.us || got.passed != want->passed ||
				got.latency_us != want->latency_us ||
				strcmp(got.reason, want->reason) != 0)
				ck_abort_msg("result %u, %u ago", (unsigned)i, ago);
		}
	}
	for (size_t i = 0; i < TARGETS; i++)
		ck_assert_uint_eq(histories[i].n, HISTORY_LEN);
	ck_assert_uint_le(reasons_count(reasons), TARGETS * HISTORY_LEN);
}
END_TEST

START_TEST(more_reasons_than_are_kept_cost_their_text_alone)
{
	static struct history many[HISTORY_REASONS_MAX / HISTORY_LEN + 1];
	const size_t n = sizeof(many) / sizeof(many[0]);
	char text[24];

	for (size_t i = 0; i < n; i++)
		for (unsigned j = 0; j < HISTORY_LEN; j++) {
			(void)snprintf(text, sizeof(text), "%zu %u", i, j);
			history_add(&many[i], reasons,
				&(struct history_result){.at = t0, .reason = text});
		}
	ck_assert_uint_eq(reasons_count(reasons), HISTORY_REASONS_MAX);
	ck_assert_str_eq(history_get(&many[0], reasons, 0).reason, "0 31");
	ck_assert_ptr_nonnull(strstr(history_get(&many[n - 1], reasons, 0).reason, "not kept"));
	history_done(&many[0], reasons);
	history_add(&many[0], reasons, &(struct history_result){.at = t0, .reason = "new"});
	ck_assert_str_eq(history_get(&many[0], reasons, 0).reason, "new");
	for (size_t i = 0; i < n; i++)
		history_done(&many[i], reasons);
}
END_TEST

START_TEST(a_history_is_told_with_the_last_result_first)
{
	json_t *array, *first;

	for (unsigned i = 0; i < 3; i++)
		history_add(&histories[0], reasons,
			&(struct history_result){.at = instant_add(t0, i * MS),
				.passed = i == 2,
				.latency_us = i,
				.reason = i == 2 ? "connected" : "connect: refused"});
	array = history_to_json(&histories[0], reasons);
	ck_assert_uint_eq(json_array_size(array), 3);
	first = json_array_get(array, 0);
	ck_assert(json_is_true(json_object_get(first, "passed")));
	ck_assert_str_eq(json_string_value(json_object_get(first, "reason")), "connected");
	ck_assert_int_eq(
		json_integer_value(json_object_get(first, "at_us")), (json_int_t)(t0.us + 2 * MS));
	json_decref(array);
	ck_assert_uint_eq(sizeof(struct history_entry), 12);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("history");
	TCase *tc = tcase_create("history");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_last_results_are_as_they_were);
	tcase_add_test(tc, more_reasons_than_are_kept_cost_their_text_alone);
	tcase_add_test(tc, a_history_is_told_with_the_last_result_first);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
