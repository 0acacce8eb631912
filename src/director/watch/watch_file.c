/* A file with a number. Its directory is watched, so that a file that is replaced, removed or made
 * anew is seen, too; where that cannot be, the file is looked at each second. */
#include "base/cleanup.h"
#include "director/watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#define POLL_US UINT64_C(1000000)
#define NUMBER_LEN_MAX 24
#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF |   \
		IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR)

struct file {
	int fd; /* inotify */
	sd_event_source *source, *timer;
	bool known; /* it was read once */
};

/* False: it is no number. No file, and nothing in it, is 0. */
static bool read_number(const char *path, int64_t *ret)
{
	char text[NUMBER_LEN_MAX + 1], *end;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, NUMBER_LEN_MAX);
	long long number;

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return false;
	if (n < 0)
		return false;
	text[n] = '\0';
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end[strspn(end, " \t\r\n")] != '\0')
		return false;
	*ret = number;
	return true;
}

/* A number that changed without the state counts, too: the weight is multiplied by it. */
static void look(struct watch *w)
{
	struct file *f = w->own;
	char reason[32];
	int64_t number;

	if (!read_number(w->conf->file, &number)) {
		watch_trouble(w, "has no number in it");
		return;
	}
	watch_trouble(w, "");
	if (f->known && number == w->number)
		return;
	f->known = true;
	w->number = number;
	(void)snprintf(reason, sizeof(reason), "is %lld", (long long)number);
	if ((number == 0) == (w->health.state == HEALTH_UP) && w->health.state != HEALTH_UNKNOWN) {
		watch_state(w, number == 0, reason);
		w->all->handler->changed(w, w->all->userdata);
	} else {
		watch_state(w, number == 0, reason);
	}
}

static void plan_look(struct file *f)
{
	(void)sd_event_source_set_time_relative(f->timer, POLL_US);
	(void)sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

static bool watch_directory(struct watch *w)
{
	const struct file *f = w->own;
	const char *slash = strrchr(w->conf->file, '/');
	auto_free char *dir = strndup(w->conf->file, (size_t)(slash - w->conf->file) + 1);

	return dir && inotify_add_watch(f->fd, dir, EVENTS) >= 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch *w = userdata;

	(void)source;
	(void)usec;
	if (!watch_directory(w))
		plan_look(w->own);
	look(w);
	return 0;
}

/* Which file of the directory it was about does not matter: reading ours says it all. */
static int on_change(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch *w = userdata;
	_Alignas(struct inotify_event) char buf[4096];
	bool lost = false;
	ssize_t n;

	(void)source;
	(void)revents;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (char *at = buf; at < buf + n;) {
			const struct inotify_event *e = (const struct inotify_event *)(void *)at;
			lost = lost || (e->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF));
			at += sizeof(*e) + e->len;
		}
	}
	if (lost && !watch_directory(w))
		plan_look(w->own);
	look(w);
	return 0;
}

static int start(struct watch *w)
{
	struct file *f = w->own = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->fd < 0)
		return -errno;
	r = sd_event_add_io(w->all->loop, &f->source, f->fd, EPOLLIN, on_change, w);
	if (r >= 0)
		r = sd_event_add_time(
			w->all->loop, &f->timer, CLOCK_BOOTTIME, 0, 1000, on_timer, w);
	return r < 0 ? r : 0;
}

static void stop(struct watch *w)
{
	struct file *f = w->own;

	if (!f)
		return;
	sd_event_source_disable_unref(f->source);
	sd_event_source_disable_unref(f->timer);
	cleanup_close(&f->fd);
	free(f);
}

const struct watch_kind watch_file = {start, stop};
