/* Programs that are run: what they get, how they end, and that nothing of them stays. */
#include "director/watch/run.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_US UINT64_C(30000000)

static sd_event *loop;
static struct run_user nobody_else; /* as we are */
static struct {
	bool over;
	enum run_end end;
	int status;
	char line[RUN_LINE_MAX], words[256];
} seen;

static void on_done(const struct run_result *result, void *userdata)
{
	ck_assert_ptr_eq(userdata, &seen);
	ck_assert(!seen.over);
	seen.over = true;
	seen.end = result->end;
	seen.status = result->status;
	(void)snprintf(seen.line, sizeof(seen.line), "%s", result->line);
	(void)run_describe(result, seen.words, sizeof(seen.words));
}

static void set_up(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ck_assert_int_ge(sd_event_new(&loop), 0);
	memset(&seen, 0, sizeof(seen));
}

static void tear_down(void)
{
	sd_event_unref(loop);
}

static void run_until_done(void)
{
	while (!seen.over)
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
}

static void run_command(const struct run_command *command)
{
	char why[RUN_WHY_MAX];
	struct run *r;

	ck_assert_int_eq(run_start(loop, command, on_done, &seen, &r, why), 0);
	run_until_done();
}

/* A command of the shell, to its end. */
static void run_text(const char *text, uint64_t timeout_us)
{
	char *const argv[] = {(char *)(uintptr_t)text, NULL};

	run_command(&(struct run_command){
		.argv = argv, .shell = true, .user = &nobody_else, .timeout_us = timeout_us});
}

static const struct {
	const char *text;
	enum run_end end;
	int status;
	const char *line, *words;
} endings[] = {
	{"exit 0", RUN_EXITED, 0, "", "exited with status 0"},
	{"echo a; echo no route >&2; exit 3", RUN_EXITED, 3, "no route",
		"exited with status 3: no route"},
	{"printf 'a\\nlast'", RUN_EXITED, 0, "last", "exited with status 0: last"},
	{"printf 'a\\n\\n\\n'", RUN_EXITED, 0, "a", "exited with status 0: a"},
	{"printf 'x\\033[2Jy\\n'", RUN_EXITED, 0, "x?[2Jy", "exited with status 0: x?[2Jy"},
	{"kill -TERM $$", RUN_KILLED, SIGTERM, "", "was killed by SIGTERM"},
};

START_TEST(an_end_is_told_with_the_last_line)
{
	run_text(endings[_i].text, LONG_US);
	ck_assert_int_eq(seen.end, endings[_i].end);
	ck_assert_int_eq(seen.status, endings[_i].status);
	ck_assert_str_eq(seen.line, endings[_i].line);
	ck_assert_str_eq(seen.words, endings[_i].words);
}
END_TEST

START_TEST(a_program_gets_its_arguments_and_no_shell)
{
	char *const argv[] = {(char[]){"/usr/bin/printf"}, (char[]){"%s|"}, (char[]){"a b"},
		(char[]){"$HOME;"}, NULL};
	char *const more[] = {(char[]){"front"}, NULL};

	run_command(&(struct run_command){
		.argv = argv, .more = more, .user = &nobody_else, .timeout_us = LONG_US});
	ck_assert_str_eq(seen.line, "a b|$HOME;|front|");
}
END_TEST

START_TEST(a_command_of_the_shell_gets_them_from_1_on)
{
	char *const argv[] = {(char[]){"echo \"$1,$2,$3\""}, (char[]){"a b"}, NULL};
	char *const more[] = {(char[]){"front"}, NULL};

	run_command(&(struct run_command){.argv = argv,
		.shell = true,
		.more = more,
		.user = &nobody_else,
		.timeout_us = LONG_US});
	ck_assert_str_eq(seen.line, "a b,front,");
}
END_TEST

START_TEST(the_environment_is_what_is_given_and_little_else)
{
	char *const argv[] = {(char[]){"env | grep -v -e '^PWD=' -e '^SHLVL=' -e '^_=' | sort | "
				       "tr '\\n' ' '"},
		NULL};
	char *const env[] = {(char[]){"TANDEM_STATE=active"}, NULL};

	ck_assert_int_eq(setenv("SECRET", "x", 1), 0);
	run_command(&(struct run_command){.argv = argv,
		.shell = true,
		.env = env,
		.user = &nobody_else,
		.timeout_us = LONG_US});
	ck_assert_str_eq(seen.line,
		"LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
		"TANDEM_STATE=active ");
}
END_TEST

START_TEST(no_descriptor_of_ours_is_there)
{
	int ours = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */

	ck_assert_int_ge(ours, 3);
	run_text("exec ls /proc/self/fd", LONG_US);
	ck_assert_str_eq(seen.line, "3"); /* the directory that it lists, after 0, 1 and 2 */
	ck_assert_int_eq(close(ours), 0);
}
END_TEST

START_TEST(no_signal_is_blocked_or_ignored)
{
	/* The two signals that belong to the C library are as make left them. */
	run_text("grep -E 'Sig(Blk|Ign)' /proc/$$/status | tr -d '\\n\\t' | sed "
		 "s/180000000/000000000/; pwd",
		LONG_US);
	ck_assert_str_eq(seen.line, "SigBlk:0000000000000000SigIgn:0000000000000000/");
}
END_TEST

/* A pipe whose other end a program and all its children have. */
static int open_witness(char name[static 64])
{
	(void)snprintf(name, 64, "/tmp/test_run.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(name));
	(void)snprintf(name + strlen(name), 64 - strlen(name), "/fifo");
	ck_assert_int_eq(mkfifo(name, 0666), 0);
	return open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static void close_witness(int fd, char *name)
{
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(name), 0);
	*strrchr(name, '/') = '\0';
	ck_assert_int_eq(rmdir(name), 0);
}

static void wait_for_end_of(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char bytes[64];

	do
		ck_assert_int_eq(poll(&p, 1, 20000), 1);
	while (!(p.revents & POLLHUP) && read(fd, bytes, sizeof(bytes)) > 0);
}

START_TEST(who_takes_too_long_is_killed_with_all_its_children)
{
	char name[64], text[200];
	int fd = open_witness(name);

	(void)snprintf(text, sizeof(text),
		"exec 9>%s; echo x >&9; sleep 1000 & sleep 1000 & echo begun; wait", name);
	run_text(text, 1000000);
	ck_assert_int_eq(seen.end, RUN_TIMED_OUT);
	ck_assert_str_eq(seen.words, "took too long and was killed: begun");
	wait_for_end_of(fd);
	close_witness(fd, name);
}
END_TEST

START_TEST(a_cancelled_run_is_killed_and_not_told)
{
	char name[64], text[200], why[RUN_WHY_MAX];
	char *const argv[] = {text, NULL};
	int fd = open_witness(name);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct run *r;

	(void)snprintf(text, sizeof(text), "exec 9>%s; echo x >&9; sleep 1000", name);
	ck_assert_int_eq(run_start(loop,
				 &(struct run_command){.argv = argv,
					 .shell = true,
					 .user = &nobody_else,
					 .timeout_us = LONG_US},
				 on_done, &seen, &r, why),
		0);
	ck_assert_int_eq(poll(&p, 1, 20000), 1); /* it runs */
	run_cancel(r);
	wait_for_end_of(fd);
	ck_assert_int_ge(sd_event_run(loop, 20000000), 0); /* reaped */
	ck_assert(!seen.over);
	close_witness(fd, name);
}
END_TEST

START_TEST(a_cancelled_run_goes_with_the_loop)
{
	char *const argv[] = {(char[]){"sleep 1000"}, NULL};
	char why[RUN_WHY_MAX];
	struct run *r;

	ck_assert_int_eq(run_start(loop,
				 &(struct run_command){.argv = argv,
					 .shell = true,
					 .user = &nobody_else,
					 .timeout_us = LONG_US},
				 on_done, &seen, &r, why),
		0);
	run_cancel(r); /* and the leak checker looks */
}
END_TEST

START_TEST(who_never_stops_talking_is_not_listened_to)
{
	run_text("exec yes", LONG_US);
	ck_assert_int_eq(seen.end, RUN_KILLED);
	ck_assert_int_eq(seen.status, SIGPIPE);
	ck_assert_str_eq(seen.line, "y");
}
END_TEST

START_TEST(children_left_behind_hold_nothing_up)
{
	run_text("sleep 1000 & echo done", LONG_US);
	ck_assert_int_eq(seen.end, RUN_EXITED);
	ck_assert_str_eq(seen.line, "done");
}
END_TEST

START_TEST(what_cannot_be_run_says_why)
{
	char *const argv[] = {(char[]){"/nonexistent/program"}, NULL};
	char why[RUN_WHY_MAX];
	struct run *r = NULL;

	ck_assert_int_eq(run_start(loop,
				 &(struct run_command){
					 .argv = argv, .user = &nobody_else, .timeout_us = LONG_US},
				 on_done, &seen, &r, why),
		-ENOENT);
	ck_assert_ptr_null(r);
	ck_assert_str_eq(why, "/nonexistent cannot be looked at: No such file or directory");
}
END_TEST

START_TEST(another_user_is_that_user_and_nothing_else)
{
	char *const argv[] = {(char[]){"id -u; id -G | tr '\\n' ' '; id -u"}, NULL};
	struct run_user user;

	ck_assert_int_eq(run_user_find("no-such-user", &user), -ENOENT);
	if (geteuid() != 0) {
		ck_assert_int_eq(run_user_find("root", &user), -EPERM);
		return;
	}
	ck_assert_int_eq(run_user_find("root", &user), 0);
	ck_assert(!user.change);
	ck_assert_int_eq(run_user_find("nobody", &user), 0);
	run_command(&(struct run_command){
		.argv = argv, .shell = true, .user = &user, .timeout_us = LONG_US});
	ck_assert_str_eq(seen.line, "65534 65534");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("run");
	TCase *tc = tcase_create("run");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(
		tc, an_end_is_told_with_the_last_line, 0, sizeof(endings) / sizeof(endings[0]));
	tcase_add_test(tc, a_program_gets_its_arguments_and_no_shell);
	tcase_add_test(tc, a_command_of_the_shell_gets_them_from_1_on);
	tcase_add_test(tc, the_environment_is_what_is_given_and_little_else);
	tcase_add_test(tc, no_descriptor_of_ours_is_there);
	tcase_add_test(tc, no_signal_is_blocked_or_ignored);
	tcase_add_test(tc, who_takes_too_long_is_killed_with_all_its_children);
	tcase_add_test(tc, a_cancelled_run_is_killed_and_not_told);
	tcase_add_test(tc, a_cancelled_run_goes_with_the_loop);
	tcase_add_test(tc, who_never_stops_talking_is_not_listened_to);
	tcase_add_test(tc, children_left_behind_hold_nothing_up);
	tcase_add_test(tc, what_cannot_be_run_says_why);
	tcase_add_test(tc, another_user_is_that_user_and_nothing_else);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
