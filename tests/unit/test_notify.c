/* Who is told what, in which order, and what is not told any more. Programs are played: each runs
 * until the test lets it end. */
#include "director/state.h"
#include "director/watch/run.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 8

static char eth0[] = "eth0", front[] = "front", back[] = "back", lb1[] = "lb1";
static char *active[] = {(char[]){"/a"}, NULL}, *backup[] = {(char[]){"/b"}, NULL};
static char *fault[] = {(char[]){"/f"}, NULL}, *stop[] = {(char[]){"/s"}, NULL};
static char *any[] = {(char[]){"/any"}, (char[]){"x"}, NULL};
static struct conf_node node = {.name = lb1};
static struct conf_router routers[2];
static struct conf conf;
static struct director d;

/* What was done. */
static char log_text[1024], environment[1024];
static struct {
	run_done done;
	void *userdata;
	bool used;
} runs[RUNS_MAX];
static int start_error, user_error;
static unsigned left;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	size_t len = strlen(log_text);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(log_text + len, sizeof(log_text) - len, format, ap);
	va_end(ap);
}

static const char *done(void)
{
	static char copy[sizeof(log_text)];

	memcpy(copy, log_text, sizeof(copy));
	log_text[0] = '\0';
	return copy;
}

int run_user_find(const char *name, struct run_user *ret)
{
	(void)name;
	*ret = (struct run_user){0};
	return user_error;
}

int run_start(sd_event *loop, const struct run_command *c, run_done on_done, void *userdata,
	struct run **ret, char ret_why[static RUN_WHY_MAX])
{
	size_t i = 0;

	(void)loop;
	if (start_error) {
		(void)snprintf(ret_why, RUN_WHY_MAX, "is not there");
		return start_error;
	}
	note("%s", c->argv[0]);
	for (char *const *arg = c->argv + 1; *arg; arg++)
		note(" %s", *arg);
	for (char *const *arg = c->more; arg && *arg; arg++)
		note(" %s", *arg);
	note("; ");
	environment[0] = '\0';
	for (char *const *v = c->env; *v; v++) {
		(void)strcat(environment, *v);
		(void)strcat(environment, " ");
	}
	while (runs[i].used)
		i++;
	runs[i].used = true;
	runs[i].done = on_done;
	runs[i].userdata = userdata;
	*ret = (struct run *)(void *)&runs[i];
	return 0;
}

void run_cancel(struct run *r)
{
	if (r)
		note("cancel; ");
}

const char *run_describe(const struct run_result *result, char *buf, size_t size)
{
	(void)snprintf(buf, size, "ended with %d", result->status);
	return buf;
}

void director_event(struct director *director, enum event event, const char *message, ...)
{
	(void)director;
	note("[%s: %s] ", event_name(event), message);
}

void roles_prepared(struct director *director, const char *name, json_int_t number)
{
	(void)director;
	note("prepared %s %d; ", name, (int)number);
}

void helpers_leave_if_alone(struct director *director)
{
	left += !notify_is_busy(director);
}

/* The program that was started first of those that run. */
static void end_with(int status)
{
	struct run_result result = {.end = RUN_EXITED, .status = status, .line = ""};
	size_t i = 0;

	while (!runs[i].used) {
		i++;
		ck_assert_uint_lt(i, RUNS_MAX);
	}
	runs[i].used = false;
	runs[i].done(&result, runs[i].userdata);
}

static void set_up(void)
{
	memset(runs, 0, sizeof(runs));
	log_text[0] = '\0';
	start_error = user_error = 0;
	left = 0;
	routers[0] = (struct conf_router){.name = front,
		.interface = eth0,
		.vrid = 51,
		.notify = {.active = active, .backup = backup, .fault = fault, .stop = stop}};
	routers[1] = (struct conf_router){.name = back, .interface = eth0, .vrid = 52};
	conf = (struct conf){.nodes = &node, .n_nodes = 1, .routers = routers, .n_routers = 2};
	d = (struct director){.conf = &conf};
	ck_assert_int_eq(notify_init(&d), 0);
	notify_configure(&d);
}

static void tear_down(void)
{
	notify_done(&d);
}

static void say(size_t router, const char *state, const char *reason)
{
	json_t *said = json_pack("{s:s, s:s, s:i, s:s}", "state", state, "reason", reason,
		"priority", 90, "peer", "192.0.2.3");

	notify_router(&d, router, said);
	json_decref(said);
}

START_TEST(each_state_has_its_program)
{
	say(0, "initialize", "none");
	ck_assert_str_eq(done(), "");
	say(0, "backup", "startup");
	end_with(0);
	say(0, "active", "active-down");
	end_with(0);
	say(0, "initialize", "link-down");
	end_with(0);
	say(0, "backup", "startup");
	end_with(0);
	say(0, "initialize", "shutdown");
	ck_assert_str_eq(done(), "/b; /a; /f; /b; /s; ");
}
END_TEST

START_TEST(a_state_that_is_said_again_is_no_news)
{
	say(0, "backup", "startup");
	say(0, "backup", "better-advert");
	end_with(0);
	say(0, "backup", "startup");
	ck_assert_str_eq(done(), "/b; ");
	say(0, "initialize", "link-down");
	end_with(0);
	say(0, "initialize", "fault");
	ck_assert_str_eq(done(), "/f; ");
}
END_TEST

START_TEST(any_comes_after_each_and_is_told_what_it_is_about)
{
	routers[0].notify.any = any;
	say(0, "backup", "startup");
	ck_assert_str_eq(done(), "/b; ");
	end_with(0);
	ck_assert_str_eq(done(), "/any x front backup 90; ");
	end_with(0);
	say(0, "active", "active-down");
	ck_assert_str_eq(done(), "/a; ");
	ck_assert_str_eq(environment,
		"TANDEM_NODE=lb1 TANDEM_INSTANCE=front TANDEM_STATE=active TANDEM_STATE_OLD=backup "
		"TANDEM_REASON=active-down TANDEM_PRIORITY=90 TANDEM_PEER=192.0.2.3 "
		"TANDEM_INTERFACE=eth0 TANDEM_VRID=51 ");
}
END_TEST

START_TEST(the_last_state_wins_and_what_was_skipped_is_counted)
{
	json_t *status;

	say(0, "backup", "startup");
	say(0, "active", "active-down");
	ck_assert_str_eq(done(), "/b; ");
	say(0, "backup", "better-advert");
	ck_assert_str_eq(
		done(), "[notify-skipped: front: \"active\" was over before it could be told] ");
	say(0, "active", "active-down");
	(void)done();
	end_with(0);
	ck_assert_str_eq(done(), "/a; ");
	ck_assert_ptr_nonnull(strstr(environment, "TANDEM_STATE_OLD=backup "));
	status = notify_to_json(&d, &routers[0]);
	ck_assert_int_eq(json_integer_value(json_object_get(status, "runs")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(status, "skipped")), 2);
	ck_assert(json_is_true(json_object_get(status, "running")));
	ck_assert(json_is_false(json_object_get(status, "waiting")));
	json_decref(status);
	end_with(0);
	ck_assert_str_eq(done(), "");
}
END_TEST

START_TEST(a_failure_is_told_and_holds_nothing_up)
{
	routers[0].notify.any = any;
	say(0, "backup", "startup");
	(void)done();
	end_with(3);
	ck_assert_str_eq(done(), "[notify-failed: front: the program for \"backup\" ended with 3] "
				 "/any x front backup 90; ");
	end_with(0);
	start_error = -ENOENT;
	say(0, "active", "active-down");
	ck_assert_str_eq(done(), "[notify-failed: front: the program for \"active\" is not there] "
				 "[notify-failed: front: the program for \"any\" is not there] ");
	start_error = 0;
	say(0, "backup", "startup");
	ck_assert_str_eq(done(), "/b; ");
}
END_TEST

START_TEST(without_a_user_nothing_is_run)
{
	user_error = -ENOENT;
	notify_configure(&d);
	ck_assert_str_eq(done(), "[notify-failed: front: cannot run programs as user tandem: No "
				 "such file or directory] ");
	say(0, "backup", "startup");
	ck_assert_str_eq(done(), "[notify-failed: front: the program for \"backup\" has no user to "
				 "run as: No such file or directory] ");
}
END_TEST

START_TEST(routers_do_not_wait_for_each_other)
{
	routers[1].notify.backup = backup;
	say(0, "backup", "startup");
	say(1, "backup", "startup");
	ck_assert_str_eq(done(), "/b; /b; ");
}
END_TEST

START_TEST(a_reload_goes_on_where_it_was)
{
	struct conf_router after = routers[0];
	struct conf other = {.nodes = &node, .n_nodes = 1, .routers = &after, .n_routers = 1};

	say(0, "backup", "startup");
	say(0, "active", "active-down");
	after.notify.active = any;
	d.conf = &other;
	notify_configure(&d);
	say(0, "active", "active-down");
	(void)done();
	end_with(0);
	ck_assert_str_eq(done(), "/any x; ");
	other.n_routers = 0;
	notify_configure(&d);
	ck_assert_str_eq(done(), "cancel; ");
}
END_TEST

START_TEST(who_leaves_waits_for_what_is_being_told)
{
	say(0, "active", "active-down");
	d.stopping = true;
	say(0, "initialize", "shutdown");
	ck_assert(notify_is_busy(&d));
	end_with(0);
	ck_assert_uint_eq(left, 0);
	ck_assert_str_eq(done(), "/a; /s; ");
	end_with(0);
	ck_assert_uint_eq(left, 1);
}
END_TEST

static char *before[] = {(char[]){"/before"}, NULL};

static void ask(int number)
{
	json_t *asked = json_pack("{s:s, s:s, s:i, s:s, s:i}", "state", "backup", "reason",
		"active-down", "priority", 90, "peer", "", "number", number);

	notify_prepare(&d, 0, asked);
	json_decref(asked);
}

/* How long it took is not always the same. */
static void expect_end(const char *before_time, const char *after_time)
{
	const char *text = done();

	ck_assert_ptr_nonnull(strstr(text, before_time));
	ck_assert_ptr_nonnull(strstr(text, after_time));
}

START_TEST(who_takes_over_is_answered_when_the_program_has_ended)
{
	json_t *status, *hook;

	routers[0].notify.before_active.command = before;
	say(0, "backup", "startup");
	(void)done();
	ask(7); /* and waits for no program of an earlier state */
	ck_assert_str_eq(done(), "/before; ");
	ck_assert_ptr_nonnull(strstr(environment,
		"TANDEM_STATE=active TANDEM_STATE_OLD=backup TANDEM_REASON=active-down "));
	end_with(0); /* /b */
	(void)done();
	end_with(0);
	expect_end("[before-active: front: the program for \"before_active\" ended with 0 after ",
		" ms] prepared front 7; ");
	ask(8);
	(void)done();
	end_with(3);
	expect_end("[notify-failed: front: the program for \"before_active\" ended with 3 after ",
		" ms] prepared front 8; ");
	status = notify_to_json(&d, &routers[0]);
	hook = json_object_get(status, "before_active");
	ck_assert_int_eq(json_integer_value(json_object_get(hook, "runs")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(hook, "failures")), 1);
	ck_assert_ptr_nonnull(
		strstr(json_string_value(json_object_get(hook, "last")), "ended with 3 after "));
	json_decref(status);
}
END_TEST

START_TEST(who_takes_over_is_answered_at_once_when_nothing_can_run)
{
	ask(1); /* there is no program any more */
	ck_assert_str_eq(done(), "prepared front 1; ");
	routers[0].notify.before_active.command = before;
	start_error = -ENOENT;
	ask(2);
	expect_end("\"before_active\" is not there after ", " ms] prepared front 2; ");
}
END_TEST

START_TEST(a_takeover_that_did_not_come_about_holds_up_no_other)
{
	routers[0].notify.before_active.command = before;
	ask(1);
	ck_assert_str_eq(done(), "/before; ");
	ask(2);
	ck_assert_str_eq(done(), "cancel; /before; ");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify");
	TCase *tc = tcase_create("notify");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, each_state_has_its_program);
	tcase_add_test(tc, a_state_that_is_said_again_is_no_news);
	tcase_add_test(tc, any_comes_after_each_and_is_told_what_it_is_about);
	tcase_add_test(tc, the_last_state_wins_and_what_was_skipped_is_counted);
	tcase_add_test(tc, a_failure_is_told_and_holds_nothing_up);
	tcase_add_test(tc, without_a_user_nothing_is_run);
	tcase_add_test(tc, routers_do_not_wait_for_each_other);
	tcase_add_test(tc, a_reload_goes_on_where_it_was);
	tcase_add_test(tc, who_leaves_waits_for_what_is_being_told);
	tcase_add_test(tc, who_takes_over_is_answered_when_the_program_has_ended);
	tcase_add_test(tc, who_takes_over_is_answered_at_once_when_nothing_can_run);
	tcase_add_test(tc, a_takeover_that_did_not_come_about_holds_up_no_other);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
