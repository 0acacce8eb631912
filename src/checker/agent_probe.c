/* The check type "agent": an agent on the server is connected to, told `send` if there is such a
 * text, and answers with a line that core/agent_text understands. It may say that the server is
 * down, and what weight it wants; an agent that does not answer, or talks nonsense, is a failure.
 * No more is read than a line may have, and the connection ends by a reset: an agent need not close
 * it, and none is left in TIME_WAIT. */
#include "checker/socket_loop.h"
#include "checker/types.h"

#include "checker/agent_result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SEND_MAX 256

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
	int error = socket_error(p->fd);

	if (error)
		return probe_failed(ret, "connect", error);
	/* So little always fits into a new connection. */
	if (p->send_len && send(p->fd, p->send, p->send_len, MSG_NOSIGNAL) < 0)
		return probe_failed(ret, "send", errno);
	error = -socket_loop_watch(&p->prober->sockets, p->fd, EPOLLIN, p);
	if (error)
		return probe_failed(ret, "reply", error);
	p->phase = PHASE_REPLY;
	return PROBE_RUNNING;
}

static void on_ready(struct probe *p)
{
	struct probe_result result;
	enum probe_outcome outcome;

	probe_result_init(&result);
	outcome = p->phase == PHASE_CONNECT ? connected(p, &result) : receive(p, &result);
	if (outcome == PROBE_RUNNING)
		return;
	end_attempt(p);
	p->prober->ended(p->target, &result);
}

static int agent_open(const struct probe_host *host, struct prober **ret)
{
	return socket_prober_open(host, on_ready, ret);
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
	int fd = socket_loop_connect(&p->prober->sockets, &p->endpoint, SOCK_STREAM, EPOLLOUT, p);

	if (fd < 0)
		return probe_failed(ret, "connect", -fd);
	p->fd = fd;
	p->len = 0;
	p->phase = PHASE_CONNECT;
	return PROBE_RUNNING;
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
	.close = socket_prober_close,
	.new = agent_new,
	.free = agent_free,
	.start = agent_start,
	.abandon = agent_abandon,
};
