/* A filter of system calls for the rest of a process's life. */
#pragma once

#include <stddef.h>

/* Only these calls, by name; an unknown name is passed over (another architecture's). Others fail
 * with EPERM, and what only an intruder would do (exec, ptrace, mount ...) kills the process. Files
 * can be opened for reading alone, memory is never both written and run. 0 or -errno. */
int sandbox_enter(const char *const *calls, size_t n);
