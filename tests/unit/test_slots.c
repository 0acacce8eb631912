/* Who may begin and who waits, and the delays that come of it. */
#include "checker/slots.h"
#include "core/delays.h"

#include <check.h>
#include <stdlib.h>

#define N 500

static struct slots slots;
static struct slot_wait waits[N];

static void set_up(void)
{
	ck_assert_int_eq(slots_init(&slots, 2, 10), 0);
	slots.types[0].descriptors = 1;
	slots.types[1].descriptors = 3;
	slots.types[1].running_max = 2;
	for (size_t i = 0; i < N; i++)
		waits[i] = (struct slot_wait){0};
}

static void tear_down(void)
{
	slots_done(&slots);
}

START_TEST(there_is_room_for_as_many_as_there_are_descriptors)
{
	for (size_t i = 0; i < 10; i++)
		ck_assert(slots_take(&slots, 0));
	ck_assert(!slots_take(&slots, 0));
	ck_assert(!slots_take(&slots, 1));
	slots_give(&slots, 0);
	ck_assert(slots_take(&slots, 0));
	ck_assert_ptr_null(slots_next(&slots));
}
END_TEST

START_TEST(a_type_at_its_bound_holds_up_no_other)
{
	ck_assert(slots_take(&slots, 1));
	ck_assert(slots_take(&slots, 1));
	ck_assert(!slots_take(&slots, 1));
	slots_wait(&slots, &waits[0], 1, (struct instant){1});
	ck_assert_ptr_null(slots_next(&slots));
	ck_assert(slots_take(&slots, 0));
	slots_give(&slots, 1);
	ck_assert_ptr_eq(slots_next(&slots), &waits[0]);
	ck_assert_uint_eq(slots.n_waiting, 0);
}
END_TEST

START_TEST(who_waits_has_his_turn_before_who_comes_later)
{
	for (size_t i = 0; i < 10; i++)
		ck_assert(slots_take(&slots, 0));
	slots_wait(&slots, &waits[0], 0, (struct instant){2});
	slots_wait(&slots, &waits[1], 1, (struct instant){1});
	slots_wait(&slots, &waits[2], 0, (struct instant){3});
	slots_give(&slots, 0);
	ck_assert(!slots_take(&slots, 0)); /* there is one place, and it is spoken for */
	ck_assert_ptr_eq(slots_next(&slots), &waits[0]);
	for (size_t i = 0; i < 3; i++)
		slots_give(&slots, 0);
	ck_assert_ptr_eq(slots_next(&slots), &waits[1]);
	slots_leave(&slots, &waits[2]);
	slots_leave(&slots, &waits[2]);
	ck_assert_uint_eq(slots.n_waiting, 0);
}
END_TEST

static uint64_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* One comes or ends at each tick: nobody of a type overtakes another, and all get their turn. */
START_TEST(turns_are_taken_in_order_whatever_happens)
{
	uint64_t state = 3, last[2] = {0};
	unsigned running[2] = {0};
	size_t came = 0, begun = 0;

	for (uint64_t tick = 1; begun < N; tick++) {
		unsigned type = (unsigned)(draw(&state) % 2);
		struct slot_wait *w;

		if (came < N && draw(&state) % 2) {
			if (slots_take(&slots, type)) {
				running[type]++;
				begun++;
				last[type] = tick;
			} else {
				slots_wait(&slots, &waits[came], type, (struct instant){tick});
			}
			came++;
		} else if (running[type] > 0) {
			running[type]--;
			slots_give(&slots, type);
		}
		while ((w = slots_next(&slots))) {
			ck_assert_uint_gt(w->since.us, last[w->type]);
			last[w->type] = w->since.us;
			running[w->type]++;
			begun++;
		}
		ck_assert_uint_eq(slots.descriptors, running[0] + 3 * running[1]);
		ck_assert_uint_le(slots.descriptors, 10);
		ck_assert_uint_le(running[1], 2);
		ck_assert_uint_lt(tick, 100 * N);
	}
}
END_TEST

START_TEST(percentiles_are_an_eighth_too_large_at_most)
{
	static struct delays d;

	ck_assert_uint_eq(delays_permille(&d, 500), 0);
	for (uint64_t us = 1; us <= 100000; us++)
		delays_add(&d, us);
	for (unsigned permille = 1; permille < 1000; permille++) {
		uint64_t exact = permille * 100, got = delays_permille(&d, permille);

		ck_assert_uint_ge(got, exact);
		ck_assert_uint_le(got, exact + exact / 8 + 1);
	}
	ck_assert_uint_eq(delays_permille(&d, 1000), 100000);
	delays_add(&d, UINT64_MAX);
	ck_assert_uint_eq(d.max_us, UINT64_MAX);
	ck_assert_uint_le(delays_permille(&d, 999), 110000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slots");
	TCase *tc = tcase_create("slots");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, there_is_room_for_as_many_as_there_are_descriptors);
	tcase_add_test(tc, a_type_at_its_bound_holds_up_no_other);
	tcase_add_test(tc, who_waits_has_his_turn_before_who_comes_later);
	tcase_add_test(tc, turns_are_taken_in_order_whatever_happens);
	tcase_add_test(tc, percentiles_are_an_eighth_too_large_at_most);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
