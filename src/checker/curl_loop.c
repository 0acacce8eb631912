/* One multi handle of libcurl, its sockets in two epoll instances that are a source of the loop
 * each. What ended is told when all that a turn brought has been handed to libcurl.
 *
 * A server that sends and sends is always ready to be read from. Whoever has brought a lot is
 * served last, when nothing is due and nobody else has anything: else it would hold up the others'
 * starts and deadlines, and its own. */
#include "checker/curl_loop.h"

#include "checker/probe.h"
#include "io/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_TURN 64
#define GREEDY_PER_TURN 4
#define GREEDY_READS 48 /* 64 KiB in the packets of an Ethernet */
#define GREEDY_PRIORITY (PROBE_TIMER_PRIORITY + 1)
#define TIMER_ACCURACY_US 1000

struct sockets {
	int epoll;
	sd_event_source *source;
};

struct curl_loop {
	CURLM *multi;
	struct sockets modest, greedy;
	sd_event_source *timer, *soon;
	curl_loop_ended ended;
};

static struct curl_transfer *transfer_of(CURL *easy)
{
	struct curl_transfer *transfer = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	return transfer;
}

static void tell_ended(struct curl_loop *loop)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left))) {
		struct curl_transfer *transfer = transfer_of(message->easy_handle);
		CURLcode code = message->data.result;

		(void)curl_multi_remove_handle(loop->multi, transfer->easy);
		loop->ended(transfer, code);
	}
}

static const struct sockets *sockets_of(
	const struct curl_loop *loop, const struct curl_transfer *transfer)
{
	return transfer->greedy ? &loop->greedy : &loop->modest;
}

static int watch(const struct curl_loop *loop, struct curl_transfer *transfer)
{
	struct epoll_event event = {.events = transfer->events, .data.ptr = transfer};
	int epoll = sockets_of(loop, transfer)->epoll;

	if (epoll_ctl(epoll, EPOLL_CTL_MOD, transfer->fd, &event) == 0)
		return 0;
	return errno == ENOENT && epoll_ctl(epoll, EPOLL_CTL_ADD, transfer->fd, &event) == 0 ? 0
											     : -1;
}

static void unwatch(const struct curl_loop *loop, const struct curl_transfer *transfer, int fd)
{
	(void)epoll_ctl(sockets_of(loop, transfer)->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void move_if_greedy(const struct curl_loop *loop, struct curl_transfer *transfer)
{
	if (transfer->greedy || transfer->fd < 0 || transfer->reads < GREEDY_READS)
		return;
	unwatch(loop, transfer, transfer->fd);
	transfer->greedy = true;
	(void)watch(loop, transfer); /* if that fails, it times out */
}

/* Whoever is in `events` stays there until the last was handled: ended transfers are told of only
 * then. A transfer that ended meanwhile has closed its socket, which libcurl knows. */
static void handle(struct curl_loop *loop, const struct epoll_event *event)
{
	struct curl_transfer *transfer = event->data.ptr;
	int mask = 0, running;

	if (event->events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (event->events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (event->events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	transfer->reads++;
	if (transfer->fd >= 0)
		(void)curl_multi_socket_action(loop->multi, transfer->fd, mask, &running);
	move_if_greedy(loop, transfer);
}

static int on_epoll(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct curl_loop *loop = userdata;
	struct epoll_event events[EVENTS_PER_TURN];
	int max = fd == loop->greedy.epoll ? GREEDY_PER_TURN : EVENTS_PER_TURN;
	int n = epoll_wait(fd, events, max, 0);

	(void)source;
	(void)revents;
	for (int i = 0; i < n; i++)
		handle(loop, &events[i]);
	tell_ended(loop);
	return 0;
}

static void act_on_time(struct curl_loop *loop)
{
	int running;

	(void)curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	tell_ended(loop);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	act_on_time(userdata);
	return 0;
}

static int on_soon(sd_event_source *source, void *userdata)
{
	(void)source;
	act_on_time(userdata);
	return 0;
}

/* libcurl wants to be called after `ms`; -1: no more. */
static int set_timer(CURLM *multi, long ms, void *userdata)
{
	struct curl_loop *loop = userdata;
	uint64_t at_us = ms > 0 ? clock_now().us + (uint64_t)ms * 1000 : 0;

	(void)multi;
	(void)sd_event_source_set_enabled(loop->soon, ms == 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (ms > 0)
		(void)sd_event_source_set_time(loop->timer, at_us);
	(void)sd_event_source_set_enabled(loop->timer, ms > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	return 0;
}

static uint32_t events_of(int what)
{
	switch (what) {
	case CURL_POLL_IN:
		return EPOLLIN;
	case CURL_POLL_OUT:
		return EPOLLOUT;
	default:
		return EPOLLIN | EPOLLOUT;
	}
}

/* An address is all that a transfer connects to, so it has one socket at a time. */
static int set_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *of_socket)
{
	struct curl_loop *loop = userdata;
	struct curl_transfer *transfer = transfer_of(easy);

	(void)of_socket;
	if (!transfer)
		return 0; /* a connection that libcurl closes at the end */
	if (what == CURL_POLL_REMOVE) {
		unwatch(loop, transfer, fd);
		transfer->fd = -1;
		return 0;
	}
	transfer->fd = fd;
	transfer->events = events_of(what);
	return watch(loop, transfer);
}

static int set_up_multi(struct curl_loop *loop)
{
	loop->multi = curl_multi_init();
	if (!loop->multi ||
		curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, set_socket) != CURLM_OK ||
		curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop) != CURLM_OK ||
		curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
		curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop) != CURLM_OK ||
		curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) !=
			CURLM_OK)
		return -ENOMEM;
	return 0;
}

static int add_sockets(
	struct curl_loop *loop, sd_event *event, struct sockets *sockets, int64_t priority)
{
	int r;

	sockets->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sockets->epoll < 0)
		return -errno;
	r = sd_event_add_io(event, &sockets->source, sockets->epoll, EPOLLIN, on_epoll, loop);
	return r >= 0 ? sd_event_source_set_priority(sockets->source, priority) : r;
}

static void drop_sockets(struct sockets *sockets)
{
	sd_event_source_disable_unref(sockets->source);
	if (sockets->epoll >= 0)
		(void)close(sockets->epoll);
}

static int add_sources(struct curl_loop *loop, sd_event *event)
{
	int r;

	r = add_sockets(loop, event, &loop->modest, PROBE_IO_PRIORITY);
	if (r >= 0)
		r = add_sockets(loop, event, &loop->greedy, GREEDY_PRIORITY);
	if (r >= 0)
		r = sd_event_add_defer(event, &loop->soon, on_soon, loop);
	if (r >= 0)
		r = sd_event_source_set_enabled(loop->soon, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(loop->soon, PROBE_IO_PRIORITY);
	if (r >= 0)
		r = sd_event_add_time(
			event, &loop->timer, CLOCK_BOOTTIME, 0, TIMER_ACCURACY_US, on_timer, loop);
	if (r >= 0)
		r = sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
	return r >= 0 ? sd_event_source_set_priority(loop->timer, PROBE_IO_PRIORITY) : r;
}

int curl_loop_new(sd_event *event, curl_loop_ended ended, struct curl_loop **ret)
{
	struct curl_loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	loop->modest.epoll = loop->greedy.epoll = -1;
	loop->ended = ended;
	r = add_sources(loop, event);
	if (r >= 0)
		r = set_up_multi(loop);
	if (r < 0) {
		curl_loop_free(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

void curl_loop_free(struct curl_loop *loop)
{
	if (!loop)
		return;
	(void)curl_multi_cleanup(loop->multi); /* NULL is refused, and fine */
	sd_event_source_disable_unref(loop->timer);
	sd_event_source_disable_unref(loop->soon);
	drop_sockets(&loop->modest);
	drop_sockets(&loop->greedy);
	free(loop);
}

int curl_loop_add(struct curl_loop *loop, struct curl_transfer *transfer)
{
	transfer->fd = -1;
	transfer->reads = 0;
	transfer->greedy = false;
	if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) != CURLE_OK ||
		curl_multi_add_handle(loop->multi, transfer->easy) != CURLM_OK)
		return -ENOMEM;
	return 0;
}

void curl_loop_remove(struct curl_loop *loop, struct curl_transfer *transfer)
{
	(void)curl_multi_remove_handle(loop->multi, transfer->easy);
}
