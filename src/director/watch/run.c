/* One run: a child that leads a session of its own, so that its process group is all that it
 * started and did not detach; a pipe for what it says; a timer. The child source of sd-event is a
 * pidfd, and reaps the child after on_child(): until then its group's id is nobody else's. */
#include "director/watch/run.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_USER "tandem"
#define NOBODY "nobody" /* where that one was not made */
#define STUCK_US UINT64_C(1000000) /* a killed process ends within that, or is in the kernel */
#define PRIORITY_CHILD 5           /* after what it said */
#define ARGS_MAX 80

struct run {
	run_done done;
	void *userdata;
	pid_t pid;
	int out_fd;
	sd_event_source *out, *child, *timer;
	bool timed_out, abandoned;
	size_t received;
	char line[RUN_LINE_MAX]; /* under construction */
	size_t line_len;
	char last[RUN_LINE_MAX]; /* the last one that was not empty */
};

/* Of whom nothing is said: never root. */
static const struct passwd *default_user(void)
{
	const struct passwd *user = getpwnam(DEFAULT_USER);

	return user ? user : getpwnam(NOBODY);
}

int run_user_find(const char *name, struct run_user *ret)
{
	const struct passwd *user = name ? getpwnam(name) : default_user();

	if (!user)
		return -ENOENT;
	if (user->pw_uid == geteuid()) {
		*ret = (struct run_user){0};
		return 0;
	}
	if (geteuid() != 0) {
		if (name)
			return -EPERM;
		*ret = (struct run_user){0};
		return 0;
	}
	*ret = (struct run_user){.change = true, .uid = user->pw_uid, .gid = user->pw_gid};
	return 0;
}

const char *run_describe(const struct run_result *result, char *buf, size_t size)
{
	int n = 0;

	switch (result->end) {
	case RUN_EXITED:
		n = snprintf(buf, size, "exited with status %d", result->status);
		break;
	case RUN_KILLED:
		n = snprintf(buf, size, "was killed by SIG%s", sigabbrev_np(result->status));
		break;
	case RUN_TIMED_OUT:
		n = snprintf(buf, size, "took too long and was killed");
		break;
	case RUN_STUCK:
		n = snprintf(buf, size, "took too long and cannot be killed");
		break;
	}
	if (*result->line && n > 0 && (size_t)n < size)
		(void)snprintf(buf + n, size - (size_t)n, ": %s", result->line);
	return buf;
}

/* What it says */

static void end_line(struct run *r)
{
	if (r->line_len > 0) {
		memcpy(r->last, r->line, r->line_len);
		r->last[r->line_len] = '\0';
	}
	r->line_len = 0;
}

/* Only what can be shown is kept: it goes to a log and to terminals. */
static void take_output(struct run *r, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			end_line(r);
		else if (r->line_len + 1 < sizeof(r->line))
			r->line[r->line_len++] =
				bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '?';
	}
}

static void stop_listening(struct run *r)
{
	r->out = sd_event_source_disable_unref(r->out);
	cleanup_close(&r->out_fd);
	r->out_fd = -1;
}

static void listen_once(struct run *r)
{
	char bytes[4096];
	ssize_t n = r->out_fd < 0 ? 0 : read(r->out_fd, bytes, sizeof(bytes));

	if (n > 0) {
		take_output(r, bytes, (size_t)n);
		r->received += (size_t)n;
	}
	if (r->received >= RUN_OUTPUT_MAX || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		stop_listening(r);
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	listen_once(userdata);
	return 0;
}

/* Its end */

/* The run goes with its child source. */
static void release(struct run *r)
{
	stop_listening(r);
	r->timer = sd_event_source_disable_unref(r->timer);
	if (r->abandoned)
		(void)sd_event_source_set_floating(r->child, false);
	else
		(void)sd_event_source_disable_unref(r->child);
}

static void tell(struct run *r, enum run_end end, int status)
{
	run_done done = r->done;
	struct run_result result = {end, status, r->last};

	r->done = NULL;
	end_line(r);
	if (done)
		done(&result, r->userdata);
}

static void kill_group(const struct run *r)
{
	(void)kill(-r->pid, SIGKILL);
	(void)kill(r->pid, SIGKILL); /* before it has a group of its own */
}

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata)
{
	struct run *r = userdata;
	bool exited = si->si_code == CLD_EXITED;

	(void)source;
	for (size_t i = 0; i < RUN_OUTPUT_MAX / 4096 && r->out_fd >= 0; i++) {
		size_t before = r->received;
		listen_once(r);
		if (r->received == before)
			break;
	}
	if (r->timed_out)
		kill_group(r); /* who has joined since */
	tell(r, r->timed_out ? RUN_TIMED_OUT : exited ? RUN_EXITED : RUN_KILLED, si->si_status);
	release(r);
	return 0;
}

/* Nobody waits for it any more; it is reaped when it ends, or when the loop does. */
static void abandon(struct run *r)
{
	r->done = NULL;
	r->abandoned = true;
	kill_group(r);
	stop_listening(r);
	r->timer = sd_event_source_disable_unref(r->timer);
	(void)sd_event_source_set_floating(r->child, true);
	(void)sd_event_source_unref(r->child);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct run *r = userdata;

	(void)usec;
	if (r->timed_out) {
		tell(r, RUN_STUCK, 0);
		abandon(r);
		return 0;
	}
	r->timed_out = true;
	kill_group(r);
	(void)sd_event_source_set_time_relative(source, STUCK_US);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

void run_cancel(struct run *r)
{
	if (r)
		abandon(r);
}

/* Its beginning */

/* Everything that the child needs, made before it is there. */
struct image {
	const char *path;
	const char *argv[ARGS_MAX + 5];
	const char *env[ARGS_MAX + 3];
	const struct run_user *user;
	int out_fd;
};

static int add_all(const char **list, size_t *n, char *const *more)
{
	for (; more && *more; more++) {
		if (*n == ARGS_MAX)
			return -E2BIG;
		list[(*n)++] = *more;
	}
	return 0;
}

static int make_image(const struct run_command *c, struct image *ret)
{
	size_t n = 0, n_env = 0;
	int r;

	ret->user = c->user;
	ret->path = c->shell ? "/bin/sh" : c->argv[0];
	if (c->shell) {
		ret->argv[n++] = "sh";
		ret->argv[n++] = "-c";
		ret->argv[n++] = c->argv[0];
	}
	ret->argv[n++] = c->shell ? "sh" : c->argv[0];
	r = add_all(ret->argv, &n, c->argv + 1);
	if (r == 0)
		r = add_all(ret->argv, &n, c->more);
	ret->env[n_env++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	ret->env[n_env++] = "LANG=C.UTF-8";
	if (r == 0)
		r = add_all(ret->env, &n_env, c->env);
	return r;
}

static _Noreturn void give_up(const char *what)
{
	(void)dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
	_exit(127);
}

/* The director is the last that the kernel shall kill when memory is short; this is not. */
static void be_ordinary(void)
{
	auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) < 0)
		return; /* it is more protected than it should be, no more */
}

static _Noreturn void run_child(const struct image *image)
{
	const struct run_user *user = image->user;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	(void)setsid();
	(void)sigemptyset(&none);
	if (dup2(image->out_fd, STDOUT_FILENO) < 0 || dup2(image->out_fd, STDERR_FILENO) < 0)
		_exit(126);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || chdir("/") < 0)
		give_up("/dev/null and /");
	be_ordinary();
	for (int number = 1; number < SIGRTMAX; number++)
		(void)signal(number, SIG_DFL); /* some cannot be changed */
	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		give_up("cannot prepare");
	if (user->change &&
		(setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
			setresuid(user->uid, user->uid, user->uid) < 0))
		give_up("cannot change users");
	/* execve() takes them without const, and changes nothing. */
	(void)execve(image->path, (char *const *)(uintptr_t)image->argv,
		(char *const *)(uintptr_t)image->env);
	give_up(image->path);
}

static void free_run(void *userdata)
{
	free(userdata);
}

static int watch_child(struct run *r, sd_event *loop, uint64_t timeout_us)
{
	int e = sd_event_add_child(loop, &r->child, r->pid, WEXITED, on_child, r);

	if (e >= 0)
		e = sd_event_source_set_priority(r->child, PRIORITY_CHILD);
	if (e >= 0)
		e = sd_event_add_io(loop, &r->out, r->out_fd, EPOLLIN, on_output, r);
	if (e >= 0)
		e = sd_event_add_time_relative(
			loop, &r->timer, CLOCK_BOOTTIME, timeout_us, 1000, on_timer, r);
	return e < 0 ? e : 0;
}

static int spawn(struct run *r, sd_event *loop, const struct image *image, uint64_t timeout_us)
{
	int e;

	r->pid = fork();
	if (r->pid < 0)
		return -errno;
	if (r->pid == 0)
		run_child(image);
	e = watch_child(r, loop, timeout_us);
	if (e == 0)
		return sd_event_source_set_destroy_callback(r->child, free_run);
	kill_group(r);
	r->timer = sd_event_source_disable_unref(r->timer);
	r->child = sd_event_source_disable_unref(r->child);
	(void)waitpid(r->pid, NULL, 0);
	return e;
}

static int start(sd_event *loop, const struct run_command *c, struct run *r)
{
	struct image image = {0};
	auto_close int theirs = -1;
	int fds[2], e = make_image(c, &image);

	if (e < 0)
		return e;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r->out_fd = fds[0];
	theirs = image.out_fd = fds[1];
	if (fcntl(r->out_fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return spawn(r, loop, &image, c->timeout_us);
}

int run_start(sd_event *loop, const struct run_command *command, run_done done, void *userdata,
	struct run **ret, char ret_why[static RUN_WHY_MAX])
{
	struct run *r;
	int e = command->shell ? 0 : trusted_path_check("", command->argv[0], ret_why);

	if (e < 0)
		return e;
	r = calloc(1, sizeof(*r));
	e = -ENOMEM;
	if (r) {
		*r = (struct run){.done = done, .userdata = userdata, .out_fd = -1};
		e = start(loop, command, r);
	}
	if (e < 0) {
		(void)snprintf(ret_why, RUN_WHY_MAX, "cannot be started: %s", strerror(-e));
		if (r)
			stop_listening(r);
		free(r);
		return e;
	}
	*ret = r;
	return 0;
}
