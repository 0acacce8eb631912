/* A filter of system calls for the rest of a process's life. */
#pragma once

#include <stddef.h>

/* What a program asks of the system beyond what the event loop, a channel on a socket and the C
 * library need. A name that this architecture lacks is passed over. */
struct sandbox {
	const char *const *calls; /* by name */
	size_t n_calls;
	const int *families; /* of the sockets that it makes, AF_* */
	size_t n_families;
};

/* Only these calls. Others fail with EPERM, and what only an intruder would do (exec, ptrace, mount
 * ...) kills the process, which whoever supervises it sees. Files can be opened for reading alone,
 * memory is never made to be run. Sets no_new_privs. 0 or -errno.
 *
 * In a build with sanitizers, which need more than any list would allow, nothing is filtered. */
int sandbox_enter(const struct sandbox *wanted);
