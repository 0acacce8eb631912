/* One multi handle of libcurl, its sockets in one epoll instance that is a single source of the
 * loop. What ended is told when all that a turn brought has been handed to libcurl.
 *
 * What a server sends beside headers and body (extensions of chunks, frames of HTTP/2, records of
 * TLS) libcurl swallows without a word, so the kernel's count of bytes is looked at now and then. */
#include "checker/curl_loop.h"

#include "checker/probe.h"
#include "io/clock.h"

#include <errno.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_PER_TURN 64
#define READS_PER_LOOK 4
#define TIMER_ACCURACY_US 1000

struct curl_loop {
	CURLM *multi;
	int epoll;
	sd_event_source *io, *timer, *soon;
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

static bool received_too_much(struct curl_transfer *transfer)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return ++transfer->reads % READS_PER_LOOK == 0 &&
	       getsockopt(transfer->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_bytes_received > transfer->received_max;
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
	if (transfer->fd >= 0)
		(void)curl_multi_socket_action(loop->multi, transfer->fd, mask, &running);
}

static int on_epoll(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct curl_loop *loop = userdata;
	struct epoll_event events[EVENTS_PER_TURN];
	struct curl_transfer *too_much[EVENTS_PER_TURN];
	int n = epoll_wait(fd, events, EVENTS_PER_TURN, 0), n_too_much = 0;

	(void)source;
	(void)revents;
	for (int i = 0; i < n; i++) {
		struct curl_transfer *transfer = events[i].data.ptr;

		if (transfer->fd >= 0 && received_too_much(transfer))
			too_much[n_too_much++] = transfer;
		else
			handle(loop, &events[i]);
	}
	for (int i = 0; i < n_too_much; i++) {
		/* Not one that ended in this turn by a timer of libcurl's: that is told below. */
		if (too_much[i]->fd < 0)
			continue;
		curl_loop_remove(loop, too_much[i]);
		loop->ended(too_much[i], CURLE_FILESIZE_EXCEEDED);
	}
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
	struct epoll_event watch = {.events = events_of(what), .data.ptr = transfer};

	(void)of_socket;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
		if (transfer)
			transfer->fd = -1;
		return 0;
	}
	if (!transfer)
		return 0; /* a connection that libcurl closes at the end */
	transfer->fd = fd;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &watch) == 0)
		return 0;
	return errno == ENOENT && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &watch) == 0 ? 0 : -1;
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

static int add_sources(struct curl_loop *loop, sd_event *event)
{
	int r;

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	r = sd_event_add_io(event, &loop->io, loop->epoll, EPOLLIN, on_epoll, loop);
	if (r >= 0)
		r = sd_event_source_set_priority(loop->io, PROBE_IO_PRIORITY);
	if (r >= 0)
		r = sd_event_add_defer(event, &loop->soon, on_soon, loop);
	if (r >= 0)
		r = sd_event_source_set_enabled(loop->soon, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(loop->soon, PROBE_IO_PRIORITY);
	if (r >= 0)
		r = sd_event_add_time(event, &loop->timer, CLOCK_BOOTTIME, 0, TIMER_ACCURACY_US,
			on_timer, loop);
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
	loop->epoll = -1;
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
	sd_event_source_disable_unref(loop->io);
	sd_event_source_disable_unref(loop->timer);
	sd_event_source_disable_unref(loop->soon);
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
	free(loop);
}

int curl_loop_add(struct curl_loop *loop, struct curl_transfer *transfer)
{
	transfer->fd = -1;
	transfer->reads = 0;
	if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) != CURLE_OK ||
		curl_multi_add_handle(loop->multi, transfer->easy) != CURLM_OK)
		return -ENOMEM;
	return 0;
}

void curl_loop_remove(struct curl_loop *loop, struct curl_transfer *transfer)
{
	(void)curl_multi_remove_handle(loop->multi, transfer->easy);
}
