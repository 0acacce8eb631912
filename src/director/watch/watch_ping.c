/* A host that must answer. One request at a time: a reply that is late is a failure. */
#include "director/watch/watch.h"
#include "io/clock.h"
#include "io/echo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct ping {
	struct echo echo;
	sd_event_source *source, *timer;
	uint16_t seq;
	bool waiting;
	struct instant sent;
};

static void arm(struct ping *p, struct instant at)
{
	(void)sd_event_source_set_time(p->timer, at.us);
	(void)sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

static void close_socket(struct ping *p)
{
	p->source = sd_event_source_disable_unref(p->source);
	echo_close(&p->echo);
}

static void conclude(struct watch *w, bool passed, const char *reason)
{
	struct ping *p = w->own;

	p->waiting = false;
	arm(p, instant_add(p->sent, w->conf->interval_us));
	watch_result(w, passed, reason);
}

static int on_reply(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch *w = userdata;
	struct ping *p = w->own;
	char reason[64];
	int r = echo_receive(&p->echo, p->seq);

	(void)source;
	(void)fd;
	(void)revents;
	if (!p->waiting || r == 0)
		return 0;
	if (r < 0)
		(void)snprintf(reason, sizeof(reason), "%s", strerror(-r));
	else
		(void)snprintf(reason, sizeof(reason), "answered after %" PRIu64 " us",
			instant_between_us(p->sent, clock_now()));
	conclude(w, r > 0, reason);
	return 0;
}

static int open_socket(struct watch *w)
{
	struct ping *p = w->own;
	int r = echo_open(&w->conf->ping, w->conf->interface, &p->echo);

	if (r < 0)
		return r;
	r = sd_event_add_io(w->all->loop, &p->source, p->echo.fd, EPOLLIN, on_reply, w);
	if (r < 0)
		close_socket(p);
	return r < 0 ? r : 0;
}

/* A socket belongs to the route and the interface of its time: the one that failed is not used
 * again. */
static void ask(struct watch *w)
{
	struct ping *p = w->own;
	int r = p->source ? 0 : open_socket(w);
	bool forbidden = r == -EPERM || r == -EACCES; /* by our privileges, not by a route */
	char why[WATCH_REASON_MAX];

	p->sent = clock_now();
	if (r == 0)
		r = echo_send(&p->echo, ++p->seq);
	if (r == 0) {
		p->waiting = true;
		arm(p, instant_add(p->sent, w->conf->command.timeout_us));
		return;
	}
	if (p->source)
		close_socket(p);
	(void)snprintf(why, sizeof(why), "cannot be asked: %s", strerror(-r));
	watch_trouble(w, forbidden ? why : "");
	conclude(w, false, why);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch *w = userdata;
	struct ping *p = w->own;

	(void)source;
	(void)usec;
	if (!p->waiting) {
		ask(w);
		return 0;
	}
	close_socket(p);
	conclude(w, false, "did not answer");
	return 0;
}

static int start(struct watch *w)
{
	struct ping *p = w->own = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->echo.fd = -1;
	r = sd_event_add_time(w->all->loop, &p->timer, CLOCK_BOOTTIME, 0, 1000, on_timer, w);
	return r < 0 ? r : 0;
}

static void stop(struct watch *w)
{
	struct ping *p = w->own;

	if (!p)
		return;
	close_socket(p);
	sd_event_source_disable_unref(p->timer);
	free(p);
}

const struct watch_kind watch_ping = {start, stop};
