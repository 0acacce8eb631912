/* The fork, and what is done between it and the exec. */
#include "director/spawn.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_FD 3
#define CHILD_FDS (1 + PROCESS_GIVEN_MAX)

/* Each descriptor in its place. They get out of the way first: where one is to go another may be.
 * What is not given is closed there, with all that follows. */
static bool place_descriptors(const struct process *p, int channel)
{
	int from[CHILD_FDS] = {channel};

	for (int i = 0; i < PROCESS_GIVEN_MAX; i++)
		from[1 + i] = p->given[i];
	for (int i = 0; i < CHILD_FDS; i++)
		if (from[i] >= 0 &&
			(from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, CHILD_FD + CHILD_FDS)) < 0)
			return false;
	if (close_range(CHILD_FD, CHILD_FD + CHILD_FDS - 1, 0) < 0)
		return false;
	for (int i = 0; i < CHILD_FDS; i++)
		if (from[i] >= 0 && dup2(from[i], CHILD_FD + i) < 0)
			return false;
	return close_range(CHILD_FD + CHILD_FDS, ~0U, 0) >= 0;
}

/* What remains over a change of user and an exec is what is inheritable and ambient. */
static int take_capabilities(uint64_t capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (unsigned i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(capabilities >> 32 * i);

		data[i] = (struct __user_cap_data_struct){word, word, word};
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return -1;
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if ((capabilities & UINT64_C(1) << cap) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return -1;
	return 0;
}

/* In the child, between fork and exec: only what is safe there. */
static _Noreturn void run_child(const struct process *p, const char *path, int fd)
{
	char *argv[4], name[PATH_MAX], option[] = "--runtime-dir", dir[PATH_MAX];
	sigset_t none;

	(void)snprintf(name, sizeof(name), "%s", path);
	(void)snprintf(dir, sizeof(dir), "%s", p->runtime_dir);
	argv[0] = name;
	argv[1] = option;
	argv[2] = dir;
	argv[3] = NULL;
	(void)sigemptyset(&none);
	if (!place_descriptors(p, fd) || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		_exit(126);
	if (p->kind->nice)
		(void)setpriority(PRIO_PROCESS, 0, p->kind->nice);
	if (p->capabilities && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		_exit(126);
	if (p->drops_user && (setgroups(0, NULL) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
				     setresuid(p->uid, p->uid, p->uid) < 0))
		_exit(126);
	/* Without them the process finds out itself what it cannot do. */
	if (p->capabilities)
		(void)take_capabilities(p->capabilities);
	(void)execv(path, argv);
	_exit(127);
}

int spawn(struct process *p, const char *path, sd_event_child_handler_t ended, int *ret_fd)
{
	auto_close int ours = -1, theirs = -1;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ours = fds[0];
	theirs = fds[1];
	p->pid = fork();
	if (p->pid < 0) {
		p->pid = 0;
		return -errno;
	}
	if (p->pid == 0)
		run_child(p, path, theirs);
	r = sd_event_add_child(p->loop, &p->child, p->pid, WEXITED, ended, p);
	if (r >= 0)
		r = sd_event_source_set_priority(p->child, SPAWN_PRIORITY);
	if (r < 0)
		return r;
	*ret_fd = take_fd(&ours);
	return 0;
}
