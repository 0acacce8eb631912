/* The checker's list of system calls, in force in processes of their own. */
#include "checker/confine.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUSED 0
#define ALLOWED 100

/* How a confined process ends that does this: its exit status, or minus the signal. */
static int confined(int (*deed)(void))
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (checker_confine() < 0)
			_exit(99);
		_exit(deed() >= 0 ? ALLOWED : errno == EPERM ? REFUSED : errno);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int open_to_read(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int open_to_write(void)
{
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static int create_file(void)
{
	return open("/tmp", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int make_tcp_socket(void)
{
	return socket(AF_INET6, SOCK_STREAM, 0);
}

static int make_netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int make_crypto_socket(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static int listen_for_others(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd : listen(fd, 1);
}

static int map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static int signal_another(void)
{
	return kill(getppid(), 0);
}

static int remove_file(void)
{
	return unlink("/tmp/nothing-of-that-name");
}

static int become_somebody(void)
{
	return setuid(0);
}

static int use_a_ring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int run_a_program(void)
{
	char *const arguments[] = {(char[]){"true"}, NULL};

	return execv("/bin/true", arguments);
}

static int trace_another(void)
{
	return (int)syscall(SYS_ptrace, 16L, (long)getppid(), 0L, 0L);
}

static int leave_the_namespace(void)
{
	return (int)syscall(SYS_unshare, 0L);
}

static int make_a_process(void)
{
	return (int)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
}

static const struct {
	int (*deed)(void);
	int end;
} cases[] = {
	{open_to_read, ALLOWED},
	{make_tcp_socket, ALLOWED},
	{open_to_write, REFUSED},
	{create_file, REFUSED},
	{make_netlink_socket, REFUSED},
	{make_crypto_socket, REFUSED},
	{listen_for_others, REFUSED},
	{map_code, REFUSED},
	{signal_another, REFUSED},
	{remove_file, REFUSED},
	{become_somebody, REFUSED},
	{use_a_ring, REFUSED},
	{make_a_process, REFUSED},
	{run_a_program, -SIGSYS},
	{trace_another, -SIGSYS},
	{leave_the_namespace, -SIGSYS},
};

START_TEST(what_no_check_needs_is_refused_and_what_intruders_do_kills)
{
	ck_assert_int_eq(confined(cases[_i].deed), cases[_i].end);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("confine");
	TCase *tc = tcase_create("confine");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, what_no_check_needs_is_refused_and_what_intruders_do_kills, 0,
		sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
