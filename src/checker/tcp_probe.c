/* The check type "tcp": a connection that is established passes. Nothing is sent on it, and it is
 * closed by a reset, which leaves no TIME_WAIT behind on either side.
 *
 * All attempts hang in one epoll instance that is a single source of the loop: an attempt then
 * costs no allocation, and a burst of answers one turn of the loop. */
#include "checker/types.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define EVENTS_PER_TURN 128

struct prober {
	int epoll;
	sd_event_source *source;
	probe_ended ended;
};

struct probe {
	struct prober *prober;
	struct probe_endpoint endpoint;
	void *target;
	int fd; /* -1: no attempt under way */
};

static enum probe_outcome result_of(int error, struct probe_result *ret)
{
	if (error)
		return probe_failed(ret, "connect", error);
	return probe_result_set(ret, PROBE_PASSED, "connected");
}

/* With nobody listening on a local address, a connection may find its own source port and meet
 * itself (simultaneous open). That is no service. */
static bool met_itself(const struct probe *p)
{
	union probe_address self, peer;
	socklen_t self_len = sizeof(self);
	socklen_t peer_len = probe_address_of(&p->endpoint.address, p->endpoint.port, &peer);

	memset(&self, 0, sizeof(self));
	return getsockname(p->fd, &self.any, &self_len) == 0 && self_len == peer_len &&
	       memcmp(&self, &peer, peer_len) == 0;
}

static void end_attempt(struct probe *p)
{
	(void)close(p->fd); /* leaves the epoll instance by itself */
	p->fd = -1;
}

static int attempt_error(const struct probe *p)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return !error && met_itself(p) ? ECONNREFUSED : error;
}

static int on_epoll(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct prober *prober = userdata;
	struct epoll_event events[EVENTS_PER_TURN];
	int n = epoll_wait(fd, events, EVENTS_PER_TURN, 0);

	(void)source;
	(void)revents;
	for (int i = 0; i < n; i++) {
		struct probe *p = events[i].data.ptr;
		struct probe_result result;

		probe_result_init(&result);
		(void)result_of(attempt_error(p), &result);
		end_attempt(p);
		prober->ended(p->target, &result);
	}
	return 0;
}

static void tcp_close(struct prober *prober)
{
	if (!prober)
		return;
	sd_event_source_disable_unref(prober->source);
	if (prober->epoll >= 0)
		(void)close(prober->epoll);
	free(prober);
}

static int tcp_open(const struct probe_host *host, struct prober **ret)
{
	struct prober *prober = calloc(1, sizeof(*prober));
	int r;

	if (!prober)
		return -ENOMEM;
	prober->ended = host->ended;
	prober->epoll = epoll_create1(EPOLL_CLOEXEC);
	r = prober->epoll < 0 ? -errno : 0;
	if (r >= 0)
		r = sd_event_add_io(
			host->loop, &prober->source, prober->epoll, EPOLLIN, on_epoll, prober);
	if (r >= 0)
		r = sd_event_source_set_priority(prober->source, PROBE_IO_PRIORITY);
	if (r < 0) {
		tcp_close(prober);
		return r;
	}
	*ret = prober;
	return 0;
}

static int tcp_new(struct prober *prober, const struct probe_endpoint *endpoint,
	const json_t *settings, void *target, struct probe **ret)
{
	struct probe *p = malloc(sizeof(*p));

	(void)settings;
	if (!p)
		return -ENOMEM;
	*p = (struct probe){.prober = prober, .endpoint = *endpoint, .target = target, .fd = -1};
	*ret = p;
	return 0;
}

/* Returns 0 when the connection stands, EINPROGRESS, or another errno. */
static int begin_attempt(struct probe *p)
{
	static const struct linger reset_on_close = {.l_onoff = 1};
	struct epoll_event watch = {.events = EPOLLOUT, .data.ptr = p};
	union probe_address to;
	socklen_t to_len = probe_address_of(&p->endpoint.address, p->endpoint.port, &to);

	if (setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof(reset_on_close)) < 0)
		return errno;
	if (connect(p->fd, &to.any, to_len) == 0)
		return met_itself(p) ? ECONNREFUSED : 0;
	if (errno == EINPROGRESS && epoll_ctl(p->prober->epoll, EPOLL_CTL_ADD, p->fd, &watch) == 0)
		return EINPROGRESS;
	return errno;
}

static enum probe_outcome tcp_start(struct probe *p, struct probe_result *ret)
{
	int error;

	p->fd = probe_socket_open(&p->endpoint, SOCK_STREAM, IPPROTO_TCP);
	if (p->fd < 0) {
		error = -p->fd;
		p->fd = -1;
		return result_of(error, ret);
	}
	error = begin_attempt(p);
	if (error == EINPROGRESS)
		return PROBE_RUNNING;
	end_attempt(p);
	return result_of(error, ret);
}

static const char *tcp_abandon(struct probe *p)
{
	if (p->fd >= 0)
		end_attempt(p);
	return "connect";
}

static void tcp_free(struct probe *p)
{
	if (!p)
		return;
	(void)tcp_abandon(p);
	free(p);
}

const struct probe_type tcp_probe_type = {
	.name = "tcp",
	.descriptors = 1,
	.open = tcp_open,
	.close = tcp_close,
	.new = tcp_new,
	.free = tcp_free,
	.start = tcp_start,
	.abandon = tcp_abandon,
};
