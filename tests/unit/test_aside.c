/* Work aside of the loop: when it ends, who is told, and what is left behind. */
#include "io/aside.h"

#include <check.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>

struct work {
	bool waits; /* until the loop has turned */
	sem_t may_go_on;
	unsigned worked;
};

static sd_event *loop;
static struct aside *aside;
static struct work work;
static unsigned told, turns;

static void do_work(void *data)
{
	struct work *w = data;

	if (w->waits)
		(void)sem_wait(&w->may_go_on);
	w->worked++;
}

static void on_done(void *data, void *userdata)
{
	ck_assert_ptr_eq(data, &work);
	ck_assert_ptr_eq(userdata, &told);
	ck_assert_uint_eq(work.worked, 1);
	told++;
	aside = NULL;
}

static void set_up(void)
{
	told = turns = 0;
	work = (struct work){0};
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_eq(sem_init(&work.may_go_on, 0, 0), 0);
}

static void tear_down(void)
{
	sd_event_unref(loop);
	(void)sem_destroy(&work.may_go_on);
}

static void begin(void)
{
	ck_assert_int_eq(aside_begin(loop, do_work, &work, on_done, &told, &aside), 0);
}

static int on_turn(sd_event_source *source, void *userdata)
{
	(void)userdata;
	ck_assert_uint_eq(told, 0);
	if (++turns == 100)
		(void)sem_post(&work.may_go_on);
	return turns == 100 ? 0 : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* The work ends only after the loop has turned a hundred times. */
START_TEST(the_loop_turns_while_work_is_done)
{
	work.waits = true;
	begin();
	ck_assert_int_ge(sd_event_add_defer(loop, NULL, on_turn, NULL), 0);
	while (told == 0)
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
	ck_assert_uint_eq(turns, 100);
	ck_assert_uint_eq(told, 1);
}
END_TEST

START_TEST(who_cancels_has_the_work_done_and_hears_nothing)
{
	begin();
	aside_cancel(aside);
	ck_assert_uint_eq(work.worked, 1);
	ck_assert_int_eq(sd_event_run(loop, 0), 0);
	ck_assert_uint_eq(told, 0);
	aside_cancel(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("aside");
	TCase *tc = tcase_create("aside");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_loop_turns_while_work_is_done);
	tcase_add_test(tc, who_cancels_has_the_work_done_and_hears_nothing);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
