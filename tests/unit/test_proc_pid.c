/* What /proc says of real processes. */
#include "io/proc_pid.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t spent_us(void)
{
	struct timespec ts;

	ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

START_TEST(a_name_may_have_any_character)
{
	struct proc_pid_stat stat;

	ck_assert(proc_pid_parse_stat("12 (a) S (b)) Z 1", &stat));
	ck_assert_uint_eq(stat.name_len, strlen("a) S (b)"));
	ck_assert_int_eq(strncmp(stat.name, "a) S (b)", stat.name_len), 0);
	ck_assert_int_eq(stat.state, 'Z');
	ck_assert(!proc_pid_parse_stat("12 a S", &stat));
	ck_assert(!proc_pid_parse_stat("12 )(", &stat));
	ck_assert(!proc_pid_parse_stat("12 (a)", &stat));
	ck_assert(!proc_pid_parse_stat("", &stat));
}
END_TEST

START_TEST(one_that_runs_is_runnable_and_its_time_goes_on)
{
	struct supervise_sight before, after;
	uint64_t begun_us = spent_us();

	ck_assert_int_eq(proc_pid_look(getpid(), &before), 0);
	ck_assert(before.is_runnable);
	while (spent_us() < begun_us + 50000)
		;
	ck_assert_int_eq(proc_pid_look(getpid(), &after), 0);
	ck_assert_uint_ge(after.ran_us, before.ran_us + 20000);
}
END_TEST

START_TEST(one_that_was_stopped_is_not_runnable)
{
	struct supervise_sight sight;
	siginfo_t info;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		for (;;)
			(void)pause();
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
	ck_assert_int_eq(proc_pid_look(pid, &sight), 0);
	ck_assert(!sight.is_runnable);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
	ck_assert_int_eq(proc_pid_look(pid, &sight), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proc_pid");
	TCase *tc = tcase_create("proc_pid");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_name_may_have_any_character);
	tcase_add_test(tc, one_that_runs_is_runnable_and_its_time_goes_on);
	tcase_add_test(tc, one_that_was_stopped_is_not_runnable);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
