/* libseccomp. A call that a later C library makes where an earlier one made another fails, and is
 * seen in what does not work; killing for it would end a program with each update. */
#include "io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>

static const char *const never[] = {"execve", "execveat", "ptrace", "process_vm_readv",
	"process_vm_writev", "fork", "vfork", "mount", "umount2", "pivot_root", "chroot", "setns",
	"unshare", "bpf", "init_module", "finit_module", "kexec_load", "keyctl", "perf_event_open"};

static int add(scmp_filter_ctx filter, uint32_t action, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, action, number, 0);
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

static int build(scmp_filter_ctx filter, const char *const *calls, size_t n)
{
	int r = add_opening(filter);

	if (r >= 0)
		r = add_memory(filter);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = add(filter, SCMP_ACT_ALLOW, calls[i]);
	for (size_t i = 0; r >= 0 && i < sizeof(never) / sizeof(never[0]); i++)
		r = add(filter, SCMP_ACT_KILL_PROCESS, never[i]);
	return r < 0 ? r : seccomp_load(filter);
}

int sandbox_enter(const char *const *calls, size_t n)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	r = build(filter, calls, n);
	seccomp_release(filter);
	return r;
}
