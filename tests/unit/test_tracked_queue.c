/* Entries of connection tracking that wait. */
#include "director/tracked_queue.h"

#include <check.h>
#include <stdlib.h>

static struct tracked_queue q;

static struct tracked entry(uint32_t number)
{
	return (struct tracked){.mark = number};
}

static void add(uint32_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tracked e = entry(first + (uint32_t)i);

		ck_assert(tracked_queue_add(&q, &e));
	}
}

static uint32_t first_mark(void)
{
	const struct tracked *items;

	ck_assert_uint_gt(tracked_queue_look(&q, &items), 0);
	return items->mark;
}

START_TEST(they_come_in_their_order_a_step_at_a_time)
{
	const struct tracked *items;
	size_t n;

	tracked_queue_init(&q, 10000);
	ck_assert_uint_eq(tracked_queue_look(&q, &items), 0);
	add(0, 3000);
	for (uint32_t at = 0; at < 3000; at += (uint32_t)n) {
		n = tracked_queue_look(&q, &items);
		ck_assert_uint_eq(n, at < 2048 ? 1024 : 952);
		for (uint32_t i = 0; i < n; i++)
			ck_assert_uint_eq(items[i].mark, at + i);
		tracked_queue_tried(&q, n, true);
	}
	ck_assert_uint_eq(tracked_queue_waiting(&q), 0);
	tracked_queue_forget(&q);
}
END_TEST

START_TEST(one_that_never_runs_empty_does_not_grow)
{
	tracked_queue_init(&q, 1000);
	add(0, 200);
	for (uint32_t i = 0; i < 100000; i++) {
		ck_assert_uint_eq(first_mark(), i);
		tracked_queue_took(&q, 1);
		add(200 + i, 1);
	}
	ck_assert_uint_eq(tracked_queue_waiting(&q), 200);
	ck_assert_uint_le(q.size, 512);
	tracked_queue_forget(&q);
}
END_TEST

START_TEST(no_more_than_the_most_wait)
{
	struct tracked e = entry(9);

	tracked_queue_init(&q, 300);
	add(0, 300);
	ck_assert(!tracked_queue_add(&q, &e));
	tracked_queue_took(&q, 1);
	ck_assert(tracked_queue_add(&q, &e));
	tracked_queue_forget(&q);
	ck_assert_uint_eq(tracked_queue_waiting(&q), 0);
	ck_assert(tracked_queue_add(&q, &e));
	tracked_queue_forget(&q);
}
END_TEST

/* A kernel that does `pace` of them in the time for one step gets all of them, in a bounded number
 * of turns. */
static unsigned turns_at_pace(size_t pace, size_t n_entries)
{
	unsigned turns = 0;

	tracked_queue_init(&q, 100000);
	add(0, n_entries);
	while (tracked_queue_waiting(&q) > 0) {
		const struct tracked *items;
		size_t n = tracked_queue_look(&q, &items);

		tracked_queue_tried(&q, n, n <= pace);
		ck_assert_uint_lt(++turns, 10000);
	}
	tracked_queue_forget(&q);
	return turns;
}

START_TEST(a_slow_kernel_gets_all_of_them_by_shorter_steps)
{
	ck_assert_uint_eq(turns_at_pace(1024, 10240), 10);
	ck_assert_uint_le(turns_at_pace(500, 10240), 2 * 10240 / 256);
	ck_assert_uint_le(turns_at_pace(64, 10240), 2 * 10240 / 64 + 4);
	ck_assert_uint_le(turns_at_pace(1, 10240), 10240 / 64 + 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tracked_queue");
	TCase *t = tcase_create("queue");
	SRunner *runner;
	int failed;

	tcase_add_test(t, they_come_in_their_order_a_step_at_a_time);
	tcase_add_test(t, one_that_never_runs_empty_does_not_grow);
	tcase_add_test(t, no_more_than_the_most_wait);
	tcase_add_test(t, a_slow_kernel_gets_all_of_them_by_shorter_steps);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
