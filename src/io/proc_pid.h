/* What /proc says of a process (proc(5)). */
#pragma once

#include "core/supervise.h"

#include <stddef.h>
#include <sys/types.h>

/* The first `size - 1` bytes of /proc/PID/NAME, with a NUL behind them. 0, or -errno: it is gone,
 * or not ours to see. */
int proc_pid_read(const char *pid, const char *name, char *buf, size_t size);

/* What is in /proc/PID/stat of it: "1234 (name) S ...". */
struct proc_pid_stat {
	const char *name; /* in that text; it may have parentheses and blanks itself */
	size_t name_len;
	char state;
};
/* False when the text is not of that kind. */
bool proc_pid_parse_stat(const char *stat, struct proc_pid_stat *ret);

/* How it stands with the scheduler. 0; -EBADMSG: the kernel says it otherwise than Linux 6 does; or
 * what proc_pid_read() says. */
int proc_pid_look(pid_t pid, struct supervise_sight *ret);
