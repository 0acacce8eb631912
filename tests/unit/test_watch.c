/* The list of watches over reloads, and what results do. Kinds are played. */
#include "director/watch/watch.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char eth0[] = "eth0", eth1[] = "eth1", path[] = "/run/x";
static char *argv[] = {(char[]){"/usr/bin/check"}, NULL};
static struct conf conf;
static struct watches all;
static unsigned started, stopped, changed, troubles, freed;
static int start_error;
static enum health_state pool_state;
static int64_t servers_down;

static int start(struct watch *w)
{
	(void)w;
	started++;
	return start_error;
}

static void stop(struct watch *w)
{
	(void)w;
	stopped++;
}

const struct watch_kind watch_interface = {start, stop}, watch_route = {start, stop},
			watch_script = {start, stop}, watch_file = {start, stop},
			watch_process = {start, stop}, watch_ping = {start, stop};

void net_watch_free(struct net_watch *n)
{
	(void)n;
	freed++;
}

static void on_changed(struct watch *w, void *userdata)
{
	(void)w;
	ck_assert_ptr_eq(userdata, &all);
	changed++;
}

static void on_trouble(struct watch *w, void *userdata)
{
	(void)w;
	(void)userdata;
	troubles++;
}

static enum health_state on_ask(const struct conf_track *t, int64_t *ret_number, void *userdata)
{
	(void)t;
	(void)userdata;
	*ret_number = servers_down;
	return pool_state;
}

static void set_up(void)
{
	static const struct watches_handler handler = {on_changed, on_trouble, on_ask};

	all = (struct watches){.handler = &handler, .userdata = &all};
	started = stopped = changed = troubles = freed = 0;
	start_error = 0;
}

static void tear_down(void)
{
	watches_done(&all);
	ck_assert_uint_eq(freed, 1);
	ck_assert_uint_eq(all.n, 0);
}

static struct conf_track interface(char *name)
{
	return (struct conf_track){.kind = CONF_TRACK_INTERFACE, .interface = name};
}

static struct conf_track script(void)
{
	return (struct conf_track){.kind = CONF_TRACK_SCRIPT,
		.command = {.argv = argv, .timeout_us = 1000},
		.interval_us = 1000,
		.rise = 2,
		.fall = 3};
}

static struct watch *want(const struct conf_track *t)
{
	return watches_want(&all, t, &conf);
}

START_TEST(the_same_is_watched_once_and_goes_on_over_a_reload)
{
	struct conf_track a = interface(eth0), b = interface(eth0), c = interface(eth1);
	struct watch *w;

	watches_begin(&all);
	w = want(&a);
	ck_assert_str_eq(w->text, "interface eth0");
	ck_assert_ptr_eq(want(&b), w);
	ck_assert_ptr_ne(want(&c), w);
	watches_end(&all);
	ck_assert_uint_eq(started, 2);
	watch_state(w, false, "is set down");
	watches_begin(&all);
	ck_assert_ptr_eq(want(&b), w);
	watches_end(&all);
	ck_assert_ptr_eq(w->conf, &b);
	ck_assert_int_eq(w->health.state, HEALTH_DOWN);
	ck_assert_uint_eq(started, 2);
	ck_assert_uint_eq(stopped, 1);
}
END_TEST

/* Each makes it another one. */
static void change(struct conf_track *t, int how)
{
	static char program[] = "/usr/bin/check", option[] = "-v", nobody[] = "nobody";
	static char *other[] = {program, option, NULL};

	switch (how) {
	case 0:
		t->command.argv = other;
		break;
	case 1:
		t->command.user = nobody;
		break;
	case 2:
		t->command.shell = true;
		break;
	case 3:
		t->command.timeout_us++;
		break;
	case 4:
		t->interval_us++;
		break;
	case 5:
		t->rise++;
		break;
	case 6:
		t->fall++;
		break;
	default:
		ck_abort();
	}
}

START_TEST(what_is_changed_is_watched_anew)
{
	struct conf_track a = script(), b = script();

	(void)want(&a);
	change(&b, _i);
	watches_begin(&all);
	(void)want(&b);
	watches_end(&all);
	ck_assert_uint_eq(started, 2);
	ck_assert_uint_eq(stopped, 1);
}
END_TEST

START_TEST(weight_and_inverse_are_of_who_watches)
{
	struct conf_track a = script(), b = script();

	b.weight = -10;
	b.inverse = true;
	ck_assert_ptr_eq(want(&a), want(&b));
}
END_TEST

START_TEST(results_count_by_rise_and_fall_after_the_first)
{
	struct conf_track t = script();
	struct watch *w = want(&t);

	watch_result(w, true, "exited with status 0");
	ck_assert_int_eq(w->health.state, HEALTH_UP);
	ck_assert_uint_eq(changed, 1);
	watch_result(w, false, "a");
	watch_result(w, false, "b");
	ck_assert_int_eq(w->health.state, HEALTH_UP);
	watch_result(w, false, "c");
	ck_assert_int_eq(w->health.state, HEALTH_DOWN);
	ck_assert_uint_eq(changed, 2);
	watch_result(w, true, "d");
	watch_result(w, false, "e");
	watch_result(w, true, "f");
	ck_assert_int_eq(w->health.state, HEALTH_DOWN);
	watch_result(w, true, "g");
	ck_assert_int_eq(w->health.state, HEALTH_UP);
	ck_assert_uint_eq(w->results, 8);
	ck_assert_uint_eq(w->failures, 4);
	ck_assert_str_eq(w->reason, "g");
}
END_TEST

START_TEST(trouble_is_told_when_it_is_news)
{
	struct conf_track t = {.kind = CONF_TRACK_FILE, .file = path};
	struct watch *w = want(&t);

	watch_trouble(w, "");
	ck_assert_uint_eq(troubles, 0);
	watch_trouble(w, "a");
	watch_trouble(w, "a");
	ck_assert_uint_eq(troubles, 1);
	watch_trouble(w, "b");
	ck_assert_uint_eq(troubles, 2);
	watch_trouble(w, "");
	watch_trouble(w, "b");
	ck_assert_uint_eq(troubles, 3);
}
END_TEST

START_TEST(what_cannot_be_watched_fails)
{
	struct conf_track t = interface(eth0);
	struct watch *w;

	start_error = -EMFILE;
	w = want(&t);
	ck_assert_int_eq(w->health.state, HEALTH_DOWN);
	ck_assert_uint_eq(troubles, 1);
	ck_assert_str_eq(w->reason, "cannot be watched: Too many open files");
}
END_TEST

START_TEST(a_pool_is_asked_for_and_fails_only_when_it_is_known_to)
{
	static char web[] = "web";
	struct conf_pool pool = {.name = web};
	struct conf_track t = {.kind = CONF_TRACK_POOL};
	struct watch *w;

	conf = (struct conf){.pools = &pool, .n_pools = 1};
	w = want(&t);
	ck_assert_str_eq(w->text, "pool web");
	pool_state = HEALTH_UNKNOWN;
	watches_ask(&all);
	ck_assert_int_eq(w->health.state, HEALTH_UNKNOWN);
	pool_state = HEALTH_DOWN;
	watches_ask(&all);
	watches_ask(&all);
	ck_assert_int_eq(w->health.state, HEALTH_DOWN);
	ck_assert_uint_eq(changed, 1);
	pool_state = HEALTH_UNKNOWN;
	watches_ask(&all);
	ck_assert_int_eq(w->health.state, HEALTH_DOWN);
	pool_state = HEALTH_UP;
	watches_ask(&all);
	ck_assert_int_eq(w->health.state, HEALTH_UP);
}
END_TEST

START_TEST(servers_down_here_only_are_news_with_each_other_number)
{
	static char web[] = "web";
	struct conf_pool pool = {.name = web};
	struct conf_track quorum = {.kind = CONF_TRACK_POOL};
	struct conf_track t = {.kind = CONF_TRACK_POOL, .down_here = true};
	struct watch *w;

	conf = (struct conf){.pools = &pool, .n_pools = 1};
	w = want(&t);
	ck_assert_str_eq(w->text, "pool web, down here");
	pool_state = HEALTH_UP;
	servers_down = 0;
	watches_ask(&all);
	ck_assert_int_eq(w->health.state, HEALTH_UP);
	changed = 0;
	pool_state = HEALTH_DOWN;
	servers_down = 1;
	watches_ask(&all);
	watches_ask(&all);
	ck_assert_int_eq(w->health.state, HEALTH_DOWN);
	ck_assert_uint_eq(changed, 1);
	servers_down = 2;
	watches_ask(&all);
	ck_assert_uint_eq(changed, 2);
	ck_assert_int_eq(w->number, 2);
	ck_assert_str_eq(w->reason, "2 of its servers down here only");
	ck_assert_ptr_ne(w, want(&quorum));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("watch");
	TCase *tc = tcase_create("watch");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_same_is_watched_once_and_goes_on_over_a_reload);
	tcase_add_loop_test(tc, what_is_changed_is_watched_anew, 0, 7);
	tcase_add_test(tc, weight_and_inverse_are_of_who_watches);
	tcase_add_test(tc, results_count_by_rise_and_fall_after_the_first);
	tcase_add_test(tc, trouble_is_told_when_it_is_news);
	tcase_add_test(tc, what_cannot_be_watched_fails);
	tcase_add_test(tc, a_pool_is_asked_for_and_fails_only_when_it_is_known_to);
	tcase_add_test(tc, servers_down_here_only_are_news_with_each_other_number);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
