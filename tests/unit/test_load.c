/* Reading beside the loop: what is made of a configuration is played by the test. */
#include "director/config/load.h"

#include "director/state.h"

#include <check.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

static const char good_text[] = "{\"nodes\": {\"lb1\": {}}}";

static sd_event *loop;
static struct load *load;
static sem_t may_go_on;
static bool waits; /* the thread, until the loop has turned */
static unsigned prepared, freed, told, turns;
static struct candidate *heard;
static size_t n_errors;

struct candidate *candidate_prepare(struct conf *conf)
{
	struct candidate *c = calloc(1, sizeof(*c));

	if (waits)
		(void)sem_wait(&may_go_on);
	c->conf = conf;
	prepared++;
	return c;
}

void candidate_free(struct candidate *c)
{
	if (!c)
		return;
	freed++;
	conf_free(c->conf);
	free(c);
}

static void on_loaded(struct candidate *candidate, const struct conf_errors *errors, void *userdata)
{
	ck_assert_ptr_eq(userdata, &told);
	told++;
	heard = candidate;
	n_errors = errors->n;
	load = NULL;
}

static void set_up(void)
{
	prepared = freed = told = turns = 0;
	waits = false;
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_eq(sem_init(&may_go_on, 0, 0), 0);
}

static void tear_down(void)
{
	sd_event_unref(loop);
	(void)sem_destroy(&may_go_on);
}

static void begin(const char *text)
{
	const struct load_request request = {.path = "/dev/null",
		.text = text,
		.text_len = text ? strlen(text) : 0,
		.node = "lb1"};

	ck_assert_int_eq(load_begin(loop, &request, on_loaded, &told, &load), 0);
}

static void run_until_told(void)
{
	while (told == 0)
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
}

static int on_turn(sd_event_source *source, void *userdata)
{
	(void)source;
	(void)userdata;
	ck_assert_uint_eq(told, 0);
	if (++turns == 100)
		(void)sem_post(&may_go_on);
	return turns == 100 ? 0 : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* The thread ends only after the loop has turned a hundred times. */
START_TEST(the_loop_goes_on_while_a_file_is_read)
{
	waits = true;
	begin(good_text);
	ck_assert_int_ge(sd_event_add_defer(loop, NULL, on_turn, NULL), 0);
	run_until_told();
	ck_assert_uint_eq(turns, 100);
	ck_assert_uint_eq(told, 1);
	ck_assert_ptr_nonnull(heard);
	ck_assert_uint_eq(heard->conf->n_nodes, 1);
	candidate_free(heard);
}
END_TEST

START_TEST(what_is_wrong_is_told_and_nothing_made_of_it)
{
	begin("{\"nodes\": {\"lb1\": {}}, \"servces\": {}}");
	run_until_told();
	ck_assert_ptr_null(heard);
	ck_assert_uint_eq(n_errors, 1);
	ck_assert_uint_eq(prepared, 0);
}
END_TEST

START_TEST(a_file_that_is_none_is_an_error)
{
	begin(NULL);
	run_until_told();
	ck_assert_ptr_null(heard);
	ck_assert_uint_eq(n_errors, 1);
}
END_TEST

START_TEST(who_cancels_is_told_nothing_and_leaves_nothing_behind)
{
	begin(good_text);
	load_cancel(load);
	ck_assert_int_eq(sd_event_run(loop, 0), 0);
	ck_assert_uint_eq(told, 0);
	ck_assert_uint_eq(freed, 1);
	load_cancel(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("load");
	TCase *tc = tcase_create("load");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_loop_goes_on_while_a_file_is_read);
	tcase_add_test(tc, what_is_wrong_is_told_and_nothing_made_of_it);
	tcase_add_test(tc, a_file_that_is_none_is_an_error);
	tcase_add_test(tc, who_cancels_is_told_nothing_and_leaves_nothing_behind);
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
