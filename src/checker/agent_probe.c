/* The check type "agent": an agent on the server is connected to, told `send` if there is such a
 * text, and answers with a line that core/agent_text understands. It may say that the server is
 * down, and what weight it wants; an agent that does not answer, or talks nonsense, is a failure.
 * No more is read than a line may have. */
#include "checker/types.h"

#include "checker/agent_result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_TURN 128
#define SEND_MAX 256

struct prober {
	int epoll;
	sd_event_source *source;
	probe_ended ended;
};

enum phase {
	PHASE_IDLE,
	PHASE_CONNECT,
	PHASE_REPLY,
};

struct probe {
	struct prober *prober;
	struct probe_endpoint endpoint;
	void *target;
	char *send;
	size_t send_len;
	int fd; /* -1 while idle */
	enum phase phase;
	bool down; /* as the agent said last */
	size_t len;
	char reply[AGENT_TEXT_MAX];
};

static void end_attempt(struct probe *p)
{
	if (p->fd >= 0)
		(void)close(p->fd); /* leaves the epoll instance by itself */
	p->fd = -1;
	p->phase = PHASE_IDLE;
}

static enum probe_outcome judge(struct probe *p, struct probe_result *ret)
{
	struct agent_reply reply;
	enum agent_reject reject = agent_text_parse(p->reply, p->len, false, &reply);

	if (reject != AGENT_OK)
		return probe_result_set(ret, PROBE_FAILED, "agent: %s", agent_reject_text(reject));
	return agent_outcome(&reply, &p->down, ret);
}

static enum probe_outcome receive(struct probe *p, struct probe_result *ret)
{
	ssize_t n = recv(p->fd, p->reply + p->len, sizeof(p->reply) - p->len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return PROBE_RUNNING;
	if (n < 0)
		return probe_failed(ret, "reply", errno);
	p->len += (size_t)n;
	if (n > 0 && !agent_text_is_complete(p->reply, p->len))
		return PROBE_RUNNING;
	return judge(p, ret);
}

static enum probe_outcome connected(struct probe *p, struct probe_result *ret)
{
	struct epoll_event watch = {.events = EPOLLIN, .data.ptr = p};
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error)
		return probe_failed(ret, "connect", error);
	/* So little always fits into a new connection. */
	if (p->send_len && send(p->fd, p->send, p->send_len, MSG_NOSIGNAL) < 0)
		return probe_failed(ret, "send", errno);
	if (epoll_ctl(p->prober->epoll, EPOLL_CTL_MOD, p->fd, &watch) < 0)
		return probe_failed(ret, "reply", errno);
	p->phase = PHASE_REPLY;
	return PROBE_RUNNING;
}

static void on_ready(struct prober *prober, struct probe *p)
{
	struct probe_result result;
	enum probe_outcome outcome;

	probe_result_init(&result);
	outcome = p->phase == PHASE_CONNECT ? connected(p, &result) : receive(p, &result);
	if (outcome == PROBE_RUNNING)
		return;
	end_attempt(p);
	prober->ended(p->target, &result);
}

static int on_epoll(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct prober *prober = userdata;
	struct epoll_event events[EVENTS_PER_TURN];
	int n = epoll_wait(fd, events, EVENTS_PER_TURN, 0);

	(void)source;
	(void)revents;
	for (int i = 0; i < n; i++)
		on_ready(prober, events[i].data.ptr);
	return 0;
}

static void agent_close(struct prober *prober)
{
	if (!prober)
		return;
	sd_event_source_disable_unref(prober->source);
	if (prober->epoll >= 0)
		(void)close(prober->epoll);
	free(prober);
}

static int agent_open(const struct probe_host *host, struct prober **ret)
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
		agent_close(prober);
		return r;
	}
	*ret = prober;
	return 0;
}

static int agent_new(struct prober *prober, const struct probe_endpoint *endpoint,
	const json_t *settings, void *target, struct probe **ret)
{
	const char *text = json_string_value(json_object_get(settings, "send"));
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct probe){.prober = prober, .endpoint = *endpoint, .target = target, .fd = -1};
	p->send_len = text ? strlen(text) : 0;
	p->send = text ? strdup(text) : NULL;
	if ((text && !p->send) || p->send_len > SEND_MAX) {
		int r = p->send ? -EINVAL : -ENOMEM;

		free(p->send);
		free(p);
		return r;
	}
	*ret = p;
	return 0;
}

static enum probe_outcome agent_start(struct probe *p, struct probe_result *ret)
{
	struct epoll_event watch = {.events = EPOLLOUT, .data.ptr = p};
	union probe_address to;
	socklen_t to_len = probe_address_of(&p->endpoint.address, p->endpoint.port, &to);
	int error = 0;

	p->len = 0;
	p->fd = probe_socket_open(&p->endpoint, SOCK_STREAM, IPPROTO_TCP);
	if (p->fd < 0)
		error = -p->fd;
	else if (connect(p->fd, &to.any, to_len) < 0 && errno != EINPROGRESS)
		error = errno;
	else if (epoll_ctl(p->prober->epoll, EPOLL_CTL_ADD, p->fd, &watch) < 0)
		error = errno;
	p->phase = PHASE_CONNECT;
	if (!error)
		return PROBE_RUNNING;
	end_attempt(p);
	return probe_failed(ret, "connect", error);
}

static const char *agent_abandon(struct probe *p)
{
	const char *phase = p->phase == PHASE_REPLY ? "reply" : "connect";

	end_attempt(p);
	return phase;
}

static void agent_free(struct probe *p)
{
	if (!p)
		return;
	end_attempt(p);
	free(p->send);
	free(p);
}

const struct probe_type agent_probe_type = {
	.name = "agent",
	.descriptors = 1,
	.open = agent_open,
	.close = agent_close,
	.new = agent_new,
	.free = agent_free,
	.start = agent_start,
	.abandon = agent_abandon,
};
