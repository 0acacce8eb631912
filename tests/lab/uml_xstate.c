/* Loaded into linux.uml before its own libraries: User-Mode Linux on processors whose extended
 * state is larger than it knows.
 *
 * It gets and sets its processes' vector registers with PTRACE_GETREGSET and PTRACE_SETREGSET of
 * NT_X86_XSTATE, in a buffer as long as AVX-512 and protection keys need. A longer state (AMX) is
 * cut on the way out, and refused on the way in with EFAULT, because there it has to be whole
 * (xstateregs_set() in arch/x86/kernel/fpu/regset.c). So the rest is added here in its initial
 * state, which is what it is in for processes that do not ask for it. */
#include <cpuid.h>
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define STATE_MAX 65536
#define XSTATE_BV_OFFSET 512 /* which components are not in their initial state, a bit each */
#define COMPONENTS 63
#define CPUID_XSTATE 13

typedef long (*ptrace_function)(enum __ptrace_request request, ...);

/* The components of the state that end within its first `len` bytes. */
static uint64_t components_within(size_t len)
{
	uint64_t within = 3; /* x87 and SSE have fixed places at the beginning */

	for (unsigned i = 2; i < COMPONENTS; i++) {
		unsigned size, offset, flags, unused;

		if (__get_cpuid_count(CPUID_XSTATE, i, &size, &offset, &flags, &unused) && size &&
			(size_t)offset + size <= len)
			within |= UINT64_C(1) << i;
	}
	return within;
}

/* Its length in bytes as this kernel gives and takes it; 0 when it cannot be told. */
static size_t state_len(ptrace_function ptrace_of_libc, pid_t pid, void *kind, uint8_t *buf)
{
	struct iovec whole = {buf, STATE_MAX};

	return ptrace_of_libc(PTRACE_GETREGSET, pid, kind, &whole) < 0 ? 0 : whole.iov_len;
}

static long set_state(ptrace_function ptrace_of_libc, pid_t pid, void *kind, struct iovec *given)
{
	/* At each switch to a process: what it takes to find out is done once. */
	static uint8_t state[STATE_MAX];
	static uint64_t within;
	static size_t len;
	uint64_t in_use;

	if (!len) {
		len = state_len(ptrace_of_libc, pid, kind, state);
		within = components_within(given->iov_len);
		memset(state, 0, sizeof(state));
	}
	if (len <= given->iov_len || given->iov_len < XSTATE_BV_OFFSET + sizeof(in_use))
		return ptrace_of_libc(PTRACE_SETREGSET, pid, kind, given);
	memcpy(state, given->iov_base, given->iov_len);
	memcpy(&in_use, state + XSTATE_BV_OFFSET, sizeof(in_use));
	in_use &= within;
	memcpy(state + XSTATE_BV_OFFSET, &in_use, sizeof(in_use));
	return ptrace_of_libc(PTRACE_SETREGSET, pid, kind, &(struct iovec){state, len});
}

__attribute__((visibility("default"))) long ptrace(enum __ptrace_request request, ...)
{
	static ptrace_function ptrace_of_libc;
	va_list arguments;
	pid_t pid;
	void *address, *data;

	if (!ptrace_of_libc)
		*(void **)&ptrace_of_libc = dlsym(RTLD_NEXT, "ptrace");
	va_start(arguments, request);
	pid = va_arg(arguments, pid_t);
	address = va_arg(arguments, void *);
	data = va_arg(arguments, void *);
	va_end(arguments);
	if (request == PTRACE_SETREGSET && (uintptr_t)address == NT_X86_XSTATE)
		return set_state(ptrace_of_libc, pid, address, data);
	return ptrace_of_libc(request, pid, address, data);
}
