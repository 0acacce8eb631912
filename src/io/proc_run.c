/* /proc/PID/stat has the state, /proc/PID/schedstat the time that the process has run, in
 * nanoseconds (fs/proc/base.c, proc_pid_schedstat). */
#include "io/proc_run.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 512

static int read_text(pid_t pid, const char *name, char text[static TEXT_MAX])
{
	auto_close int fd = -1;
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, TEXT_MAX - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

int proc_run_look(pid_t pid, struct supervise_sight *ret)
{
	char text[TEXT_MAX], *end;
	unsigned long long ran_ns;
	int r = read_text(pid, "stat", text);

	if (r < 0)
		return r;
	end = strrchr(text, ')'); /* its name, before that, may have any character */
	if (!end || end[1] != ' ')
		return -EBADMSG;
	ret->is_runnable = end[2] == 'R';
	r = read_text(pid, "schedstat", text);
	if (r < 0)
		return r;
	ran_ns = strtoull(text, &end, 10);
	if (end == text)
		return -EBADMSG;
	ret->ran_us = ran_ns / 1000;
	return 0;
}
