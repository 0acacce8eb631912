/* Processes of a name. While there are too few, /proc is read at each interval; as many as are
 * needed are held by pidfds, so that the end of one is seen at once and nothing is read meanwhile.
 * No privilege is needed for that, and it works in every namespace. */
#include "base/cleanup.h"
#include "director/watch/watch.h"
#include "io/proc_pid.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define COMM_LEN 15

struct held {
	int fd;
	sd_event_source *source;
};

struct process_watch {
	sd_event_source *timer;
	struct held *held; /* room for conf->count */
	uint32_t n;
};

/* A zombie does not run. */
static bool has_name(const char *pid, const char *name)
{
	char text[256];
	struct proc_pid_stat stat;
	size_t len = strlen(name);

	if (proc_pid_read(pid, "stat", text, sizeof(text)) < 0 ||
		!proc_pid_parse_stat(text, &stat) || strchr("ZX", stat.state))
		return false;
	if (len > COMM_LEN)
		len = COMM_LEN;
	return stat.name_len == len && strncmp(stat.name, name, len) == 0;
}

static bool has_command(const char *pid, const char *path)
{
	char command[4096];

	return proc_pid_read(pid, "cmdline", command, sizeof(command)) == 0 &&
	       strcmp(command, path) == 0;
}

static bool matches(const char *pid, const char *wanted)
{
	return strchr(wanted, '/') ? has_command(pid, wanted) : has_name(pid, wanted);
}

static void release(struct process_watch *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		sd_event_source_disable_unref(p->held[i].source);
		cleanup_close(&p->held[i].fd);
	}
	p->n = 0;
}

static int on_end(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* It is looked at again when it is held: its id may have been another process's meanwhile. */
static void hold(struct watch *w, const char *pid)
{
	struct process_watch *p = w->own;
	struct held *h = &p->held[p->n];
	auto_close int fd = pidfd_open((pid_t)strtol(pid, NULL, 10), 0);

	if (fd < 0 || !matches(pid, w->conf->process))
		return;
	if (sd_event_add_io(w->all->loop, &h->source, fd, EPOLLIN, on_end, w) < 0)
		return;
	h->fd = take_fd(&fd);
	p->n++;
}

static int find_all(struct watch *w)
{
	const struct process_watch *p = w->own;
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while (p->n < w->conf->count && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
			matches(entry->d_name, w->conf->process))
			hold(w, entry->d_name);
	(void)closedir(dir);
	return 0;
}

/* Whether processes of others are hidden from us, as hidepid= does from all but root's group. */
static bool is_blind(void)
{
	return access("/proc/1/stat", F_OK) < 0;
}

static void look_again_later(const struct watch *w)
{
	const struct process_watch *p = w->own;

	(void)sd_event_source_set_time_relative(p->timer, w->conf->interval_us);
	(void)sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

/* What cannot be seen is not missing. */
static void look(struct watch *w)
{
	struct process_watch *p = w->own;
	char reason[64];
	int r;

	release(p);
	r = find_all(w);
	if (p->n < w->conf->count)
		look_again_later(w);
	if (r < 0 || (p->n < w->conf->count && is_blind())) {
		watch_trouble(w, r < 0 ? strerror(-r) : "processes are hidden from us");
		return;
	}
	watch_trouble(w, "");
	(void)snprintf(reason, sizeof(reason), "%u of %u run", p->n, w->conf->count);
	if (p->n < w->conf->count || w->health.state != HEALTH_UP)
		watch_state(w, p->n >= w->conf->count, reason);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	look(userdata);
	return 0;
}

/* Another one may be there to take its place. Not here: our own source would go. */
static int on_end(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	const struct watch *w = userdata;
	const struct process_watch *p = w->own;

	(void)fd;
	(void)revents;
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	(void)sd_event_source_set_time(p->timer, 0);
	(void)sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
	return 0;
}

static int start(struct watch *w)
{
	struct process_watch *p = w->own = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->held = calloc(w->conf->count, sizeof(*p->held));
	if (!p->held)
		return -ENOMEM;
	r = sd_event_add_time(w->all->loop, &p->timer, CLOCK_BOOTTIME, 0, 1000, on_timer, w);
	return r < 0 ? r : 0;
}

static void stop(struct watch *w)
{
	struct process_watch *p = w->own;

	if (!p)
		return;
	release(p);
	sd_event_source_disable_unref(p->timer);
	free(p->held);
	free(p);
}

const struct watch_kind watch_process = {start, stop};
