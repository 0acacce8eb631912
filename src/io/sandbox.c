/* libseccomp. A call that a later C library makes where an earlier one made another fails, and is
 * seen in what does not work; killing for it would end a program with each update. */
#include "io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

static const char *const never[] = {"execve", "execveat", "ptrace", "process_vm_readv",
	"process_vm_writev", "fork", "vfork", "mount", "umount2", "pivot_root", "chroot", "setns",
	"unshare", "bpf", "init_module", "finit_module", "kexec_load", "keyctl", "perf_event_open"};

/* The loop, sockets, and the C library. */
static const char *const common[] = {"bind", "brk", "clock_gettime", "clock_nanosleep", "close",
	"connect", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"exit", "exit_group", "fcntl", "fstat", "futex", "getpeername", "getpid", "getrandom",
	"getsockname", "getsockopt", "gettid", "gettimeofday", "ioctl", "lseek", "madvise",
	"mremap", "munmap", "newfstatat", "poll", "ppoll", "pread64", "read", "readv", "recvfrom",
	"recvmmsg", "recvmsg", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
	"sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "signalfd4", "sigaltstack",
	"sysinfo", "timerfd_create", "timerfd_gettime", "timerfd_settime", "tgkill", "write",
	"writev"};

#define N_ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static int add(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t n)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number != __NR_SCMP_ERROR)
			r = seccomp_rule_add(filter, action, number, 0);
	}
	return r;
}

static int add_opening(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp read_only =
		SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, read_only);
}

static int add_memory(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp not_run = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_run);

	return r < 0 ? r : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_run);
}

/* The families that nobody here speaks are where the holes of kernels were. */
static int add_sockets(scmp_filter_ctx filter, const struct sandbox *wanted)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < wanted->n_families; i++) {
		const struct scmp_arg_cmp family =
			SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)wanted->families[i], 0);

		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, family);
	}
	return r;
}

static int build(scmp_filter_ctx filter, const struct sandbox *wanted)
{
	int r = add_opening(filter);

	if (r >= 0)
		r = add_memory(filter);
	if (r >= 0)
		r = add_sockets(filter, wanted);
	if (r >= 0)
		r = add(filter, SCMP_ACT_ALLOW, common, N_ITEMS(common));
	if (r >= 0)
		r = add(filter, SCMP_ACT_ALLOW, wanted->calls, wanted->n_calls);
	if (r >= 0)
		r = add(filter, SCMP_ACT_KILL_PROCESS, never, N_ITEMS(never));
	return r < 0 ? r : seccomp_load(filter);
}

int sandbox_enter(const struct sandbox *wanted)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	r = build(filter, wanted);
	seccomp_release(filter);
	return r;
}
