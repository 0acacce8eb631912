/* The check type "tcp": a connection that is established passes. Nothing is sent on it, and it is
 * closed by a reset, which leaves no TIME_WAIT behind on either side. */
#include "checker/socket_loop.h"
#include "checker/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

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
	int error = socket_error(p->fd);

	return !error && met_itself(p) ? ECONNREFUSED : error;
}

static void on_ready(struct probe *p)
{
	struct probe_result result;

	probe_result_init(&result);
	(void)result_of(attempt_error(p), &result);
	end_attempt(p);
	p->prober->ended(p->target, &result);
}

static int tcp_open(const struct probe_host *host, struct prober **ret)
{
	return socket_prober_open(host, on_ready, ret);
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

static enum probe_outcome tcp_start(struct probe *p, struct probe_result *ret)
{
	int fd = socket_loop_connect(&p->prober->sockets, &p->endpoint, SOCK_STREAM, EPOLLOUT, p);

	if (fd < 0)
		return result_of(-fd, ret);
	p->fd = fd;
	return PROBE_RUNNING;
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
	.close = socket_prober_close,
	.new = tcp_new,
	.free = tcp_free,
	.start = tcp_start,
	.abandon = tcp_abandon,
};
