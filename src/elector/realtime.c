/* Scheduling, memory and capabilities of this process. */
#include "elector/realtime.h"

#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Before everything ordinary, after the kernel's own threads and whoever knows better. */
#define FIFO_PRIORITY 10

/* The program itself, by what the linker calls its ends. */
extern const char __executable_start[], end[];

/* More than any path here needs. */
#define STACK_LEN ((size_t)256 * 1024)
#define PAGE_LEN 4096

/* A locked stack that reaches the limit cannot grow any more, which is a SIGSEGV: it is as large as
 * it gets before it is locked, and no page of it is waited for later. */
__attribute__((noinline)) static void grow_stack(void)
{
	volatile char stack[STACK_LEN];

	for (size_t i = STACK_LEN; i >= PAGE_LEN; i -= PAGE_LEN)
		stack[i - 1] = 0;
	(void)stack[PAGE_LEN - 1];
}

/* Once CAP_IPC_LOCK is dropped the limit counts: with one in force, locking future memory would
 * make allocations fail. Libraries are locked as they are used: most of what the elector's bring
 * along (compression, cryptography) it never runs. */
static int lock_memory(void)
{
	static const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	int future = setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0 ? 0 : MCL_FUTURE;

	grow_stack();
	if (mlockall(MCL_CURRENT | future | MCL_ONFAULT) < 0)
		return -errno;
	return mlock(__executable_start, (size_t)(end - __executable_start)) < 0 ? -errno : 0;
}

int realtime_enter(void)
{
	static const struct sched_param param = {.sched_priority = FIFO_PRIORITY};
	int r = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0 ? -errno : 0;
	int locked = lock_memory();

	return r < 0 ? r : locked;
}

int realtime_drop_privileges(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, CAP_NET_RAW,
		    -1) < 0)
		return -EINVAL;
	if (capng_apply(CAPNG_SELECT_BOTH) < 0)
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
