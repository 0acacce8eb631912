/* /proc/PID/schedstat has the time that the process has run, in nanoseconds (fs/proc/base.c,
 * proc_pid_schedstat). */
#include "io/proc_pid.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 512

int proc_pid_read(const char *pid, const char *name, char *buf, size_t size)
{
	auto_close int fd = -1;
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

bool proc_pid_parse_stat(const char *stat, struct proc_pid_stat *ret)
{
	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');

	if (!open || !close || close < open || close[1] != ' ')
		return false;
	*ret = (struct proc_pid_stat){open + 1, (size_t)(close - open - 1), close[2]};
	return true;
}

int proc_pid_look(pid_t pid, struct supervise_sight *ret)
{
	char id[16], text[TEXT_MAX], *end;
	struct proc_pid_stat stat;
	unsigned long long ran_ns;
	int r;

	(void)snprintf(id, sizeof(id), "%d", (int)pid);
	r = proc_pid_read(id, "stat", text, sizeof(text));
	if (r < 0)
		return r;
	if (!proc_pid_parse_stat(text, &stat))
		return -EBADMSG;
	ret->is_runnable = stat.state == 'R';
	r = proc_pid_read(id, "schedstat", text, sizeof(text));
	if (r < 0)
		return r;
	ran_ns = strtoull(text, &end, 10);
	if (end == text)
		return -EBADMSG;
	ret->ran_us = ran_ns / 1000;
	return 0;
}
