/* Sockets of probes on the loop. */
#include "checker/socket_loop.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define EVENTS_PER_TURN 128

static int on_epoll(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct socket_loop *l = userdata;
	struct epoll_event events[EVENTS_PER_TURN];
	int n = epoll_wait(fd, events, EVENTS_PER_TURN, 0);

	(void)source;
	(void)revents;
	for (int i = 0; i < n; i++)
		l->ready(events[i].data.ptr);
	return 0;
}

int socket_loop_open(sd_event *loop, socket_ready ready, struct socket_loop *ret)
{
	int r;

	*ret = (struct socket_loop){.ready = ready};
	ret->epoll = epoll_create1(EPOLL_CLOEXEC);
	r = ret->epoll < 0 ? -errno : 0;
	if (r >= 0)
		r = sd_event_add_io(loop, &ret->source, ret->epoll, EPOLLIN, on_epoll, ret);
	if (r >= 0)
		r = sd_event_source_set_priority(ret->source, PROBE_IO_PRIORITY);
	if (r < 0)
		socket_loop_close(ret);
	return r < 0 ? r : 0;
}

void socket_loop_close(struct socket_loop *l)
{
	l->source = sd_event_source_disable_unref(l->source);
	cleanup_close(&l->epoll);
	l->epoll = -1;
}

static int set_options(int fd, int type, uint16_t family)
{
	static const struct linger reset_on_close = {.l_onoff = 1};
	static const int on = 1;
	int r;

	if (type == SOCK_STREAM)
		r = setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof(reset_on_close));
	else if (family == AF_INET)
		r = setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	else
		r = setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	return r < 0 ? -errno : 0;
}

int socket_loop_connect(struct socket_loop *l, const struct probe_endpoint *endpoint, int type,
	uint32_t events, struct probe *probe)
{
	struct epoll_event watch = {.events = events, .data.ptr = probe};
	union probe_address to;
	socklen_t to_len = probe_address_of(&endpoint->address, endpoint->port, &to);
	auto_close int fd = probe_socket_open(endpoint, type, 0);
	int r = fd < 0 ? fd : set_options(fd, type, endpoint->address.family);

	if (r == 0 && connect(fd, &to.any, to_len) < 0 && errno != EINPROGRESS)
		r = -errno;
	if (r == 0 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &watch) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(&fd);
}

int socket_loop_watch(struct socket_loop *l, int fd, uint32_t events, struct probe *probe)
{
	struct epoll_event watch = {.events = events, .data.ptr = probe};

	return epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &watch) < 0 ? -errno : 0;
}

int socket_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

enum probe_outcome socket_udp_failed(struct probe_result *ret, int error)
{
	if (error != ECONNREFUSED)
		return probe_failed(ret, "udp", error);
	ret->timed = true;
	return probe_result_set(ret, PROBE_FAILED, "udp: port unreachable");
}

int socket_prober_open(const struct probe_host *host, socket_ready ready, struct prober **ret)
{
	struct prober *prober = malloc(sizeof(*prober));
	int r = prober ? socket_loop_open(host->loop, ready, &prober->sockets) : -ENOMEM;

	if (r < 0) {
		free(prober);
		return r;
	}
	prober->loop = host->loop;
	prober->ended = host->ended;
	*ret = prober;
	return 0;
}

void socket_prober_close(struct prober *prober)
{
	if (!prober)
		return;
	socket_loop_close(&prober->sockets);
	free(prober);
}
