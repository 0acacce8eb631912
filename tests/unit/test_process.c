/* A helper process as the director sees it, played by a shell script. */
#include "director/process.h"

#include <check.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPERS 3

static const struct supervise_settings settings = {.beat_us = 1000000, .silence_us = 5000000};
static const struct process_kind kind = {.name = "played", .program = "played"};
static char dir[] = "/tmp/tandem-process-XXXXXX";
static char program[64];
static sd_event *loop;
static struct process helpers[HELPERS];
static char said[HELPERS][160]; /* what was heard of each, in order */
static int ends;
static bool has_died[HELPERS];

static void note(const struct process *p, const char *what)
{
	char *text = said[p - helpers];

	(void)snprintf(text + strlen(text), sizeof(said[0]) - strlen(text), "%s; ", what);
}

static void on_started(struct process *p, void *userdata)
{
	(void)userdata;
	note(p, "started");
}

static void on_message(
	struct process *p, const char *method, const json_t *parameters, void *userdata)
{
	(void)parameters;
	(void)userdata;
	note(p, method);
}

static void end(struct process *p, const char *how)
{
	note(p, how);
	if (++ends == HELPERS)
		ck_assert_int_ge(sd_event_exit(loop, 0), 0);
}

static void on_died(struct process *p, const char *how, bool hung, void *userdata)
{
	(void)hung;
	(void)userdata;
	if (has_died[p - helpers]) /* one that was started again */
		return;
	has_died[p - helpers] = true;
	end(p, how);
}

static void on_left(struct process *p, void *userdata)
{
	(void)userdata;
	end(p, "left");
}

static void on_abandoned(struct process *p, void *userdata)
{
	(void)userdata;
	note(p, "abandoned");
}

static void write_program(const char *text)
{
	FILE *f = fopen(program, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fprintf(f, "#!/bin/sh\n%s\n", text), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(program, 0755), 0);
}

static void set_up(void)
{
	static const struct process_handler handler = {.started = on_started,
		.message = on_message,
		.died = on_died,
		.left = on_left,
		.abandoned = on_abandoned};
	sigset_t set;

	ck_assert_int_eq(sigemptyset(&set), 0);
	ck_assert_int_eq(sigaddset(&set, SIGCHLD), 0);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(program, sizeof(program), "%s/%s", dir, kind.program);
	ck_assert_int_ge(sd_event_new(&loop), 0);
	for (size_t i = 0; i < HELPERS; i++)
		ck_assert_int_eq(
			process_init(&helpers[i], loop, &kind, &handler, NULL, dir, dir), 0);
}

static void tear_down(void)
{
	for (size_t i = 0; i < HELPERS; i++)
		process_done(&helpers[i]);
	sd_event_unref(loop);
	ck_assert_int_eq(unlink(program), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void start_all(void)
{
	for (size_t i = 0; i < HELPERS; i++)
		process_start(&helpers[i], &settings);
}

static void wait_until_all_are_dead(void)
{
	for (size_t i = 0; i < HELPERS; i++) {
		siginfo_t info;
		ck_assert_int_eq(waitid(P_PID, (id_t)helpers[i].pid, &info, WEXITED | WNOWAIT), 0);
	}
}

START_TEST(last_words_are_heard_before_the_end)
{
	write_program("printf '{\"method\":\"Last\",\"parameters\":{}}\\0' >&3; exit 3");
	start_all();
	wait_until_all_are_dead();
	ck_assert_int_ge(sd_event_loop(loop), 0);
	for (size_t i = 0; i < HELPERS; i++)
		ck_assert_msg(!strncmp(said[i], "started; Last; exited with status 3; ", 37),
			"helper %zu: %s", i, said[i]);
}
END_TEST

static void check_killed(const char *for_what)
{
	char expected[120];

	(void)snprintf(expected, sizeof(expected), "started; said %s, and was killed by SIGKILL; ",
		for_what);
	start_all();
	ck_assert_int_ge(sd_event_loop(loop), 0);
	for (size_t i = 0; i < HELPERS; i++)
		ck_assert_msg(!strncmp(said[i], expected, strlen(expected)), "helper %zu: %s", i,
			said[i]);
}

START_TEST(who_speaks_without_an_end_is_killed)
{
	write_program("head -c 9000000 /dev/zero | tr '\\0' x >&3; exec sleep 60");
	check_killed("more than is listened to");
}
END_TEST

START_TEST(who_cannot_be_understood_is_killed)
{
	write_program("printf 'Hello\\0' >&3; exec sleep 60");
	check_killed("what cannot be read");
}
END_TEST

START_TEST(words_of_parting_are_heard_before_who_was_asked_to_leave_is_gone)
{
	write_program("printf '{\"method\":\"Last\",\"parameters\":{}}\\0' >&3");
	start_all();
	for (size_t i = 0; i < HELPERS; i++)
		process_leave(&helpers[i], false);
	wait_until_all_are_dead();
	ck_assert_int_ge(sd_event_loop(loop), 0);
	for (size_t i = 0; i < HELPERS; i++)
		ck_assert_str_eq(said[i], "started; Last; left; ");
}
END_TEST

START_TEST(who_closes_its_channel_may_end_in_its_own_way)
{
	char fifo[80];
	int fd;

	(void)snprintf(fifo, sizeof(fifo), "%s.fifo", program);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	write_program("exec 3>&-; read word <$0.fifo; exit 4");
	process_start(&helpers[0], &settings);
	while (helpers[0].channel)
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	while (ends == 0)
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
	ck_assert_msg(!strncmp(said[0], "started; exited with status 4; ", 31), "%s", said[0]);
	ck_assert_int_eq(unlink(fifo), 0);
}
END_TEST

/* A descriptor from which this word can be read; not below `lowest`. */
static int readable(const char *word, int lowest)
{
	int fds[2], fd;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(write(fds[1], word, strlen(word)), (ssize_t)strlen(word));
	ck_assert_int_eq(close(fds[1]), 0);
	fd = fcntl(fds[0], F_DUPFD_CLOEXEC, lowest);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fds[0]), 0);
	return fd;
}

static void run_until(size_t helper, const char *wanted)
{
	while (!strstr(said[helper], wanted))
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
}

START_TEST(what_is_given_is_in_its_place_and_nothing_else_is)
{
	int first = readable("one\n", 5), second = readable("two\n", 3);

	write_program("read x <&4; read y <&5; set -- /proc/self/fd/*\n"
		      "printf '{\"method\":\"%s-%s-%s\",\"parameters\":{}}\\0' $x $y $# >&3");
	(void)process_give(&helpers[0], 0, first);
	(void)process_give(&helpers[0], 1, second);
	process_start(&helpers[0], &settings);
	/* 0, 1, 2, 3, 4, 5, the script, and the directory */
	run_until(0, "one-two-8; ");
	ck_assert_int_eq(close(first), 0);
	ck_assert_int_eq(close(second), 0);
}
END_TEST

START_TEST(who_is_given_something_else_is_another_one_which_is_no_death)
{
	int fd;

	write_program("if read x <&4; then m=$x; else m=nothing; fi\n"
		      "printf '{\"method\":\"%s\",\"parameters\":{}}\\0' $m >&3\n"
		      "exec grep -qz Shutdown <&3");
	process_start(&helpers[0], &settings);
	run_until(0, "nothing; ");
	fd = readable("something\n", 3);
	ck_assert(!process_give(&helpers[0], 0, -1));
	ck_assert(process_give(&helpers[0], 0, fd));
	run_until(0, "something; ");
	ck_assert_str_eq(said[0], "started; nothing; started; something; ");
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(who_is_to_be_replaced_and_is_asked_to_leave_leaves)
{
	write_program("printf '{\"method\":\"Here\",\"parameters\":{}}\\0' >&3\n"
		      "exec grep -qz Shutdown <&3");
	process_start(&helpers[0], &settings);
	run_until(0, "Here; ");
	ck_assert(process_give(&helpers[0], 0, 2));
	process_leave(&helpers[0], false);
	run_until(0, "left; ");
	ck_assert_str_eq(said[0], "started; Here; left; ");
}
END_TEST

START_TEST(with_other_capabilities_it_is_another_one_which_is_no_death)
{
	write_program("exec grep -qz Shutdown <&3");
	process_start(&helpers[0], &settings);
	ck_assert(!process_set_capabilities(&helpers[0], 0));
	ck_assert(process_set_capabilities(&helpers[0], UINT64_C(1) << CAP_NET_RAW));
	while (strcmp(said[0], "started; started; ") != 0) {
		ck_assert_msg(strlen(said[0]) < 18, "%s", said[0]);
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
	}
}
END_TEST

START_TEST(it_has_the_capabilities_that_it_was_given_and_no_others)
{
	if (geteuid() != 0)
		return; /* nobody can give what he has not */
	write_program("grep -q '^CapAmb:.*0002000$' /proc/$$/status && exit 5; exit 6");
	helpers[0].drops_user = true;
	helpers[0].uid = helpers[0].gid = 65534;
	ck_assert_int_eq(chmod(dir, 0755), 0);
	(void)process_set_capabilities(&helpers[0], UINT64_C(1) << CAP_NET_RAW);
	process_start(&helpers[0], &settings);
	while (ends == 0)
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
	ck_assert_msg(!strncmp(said[0], "started; exited with status 5; ", 31), "%s", said[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process");
	TCase *tc = tcase_create("process");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, last_words_are_heard_before_the_end);
	tcase_add_test(tc, who_cannot_be_understood_is_killed);
	tcase_add_test(tc, who_speaks_without_an_end_is_killed);
	tcase_add_test(tc, words_of_parting_are_heard_before_who_was_asked_to_leave_is_gone);
	tcase_add_test(tc, who_closes_its_channel_may_end_in_its_own_way);
	tcase_add_test(tc, what_is_given_is_in_its_place_and_nothing_else_is);
	tcase_add_test(tc, who_is_given_something_else_is_another_one_which_is_no_death);
	tcase_add_test(tc, who_is_to_be_replaced_and_is_asked_to_leave_leaves);
	tcase_add_test(tc, with_other_capabilities_it_is_another_one_which_is_no_death);
	tcase_add_test(tc, it_has_the_capabilities_that_it_was_given_and_no_others);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
