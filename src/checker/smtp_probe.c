/* The check type "smtp": a server that greets, answers EHLO and says good-bye passes. The session
 * ends with QUIT, so that no server logs a lost connection, and then by a reset. */
#include "checker/socket_loop.h"
#include "checker/types.h"
#include "core/smtp_reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define NAME_MAX_LEN 255
#define COMMAND_MAX (NAME_MAX_LEN + 8)
#define CHUNK 1024

enum state { IDLE, CONNECTING, GREETING, HELLO, GOODBYE, STATES };

struct probe {
	struct prober *prober;
	struct probe_endpoint endpoint;
	void *target;
	char hello[COMMAND_MAX];
	int fd; /* -1: no attempt under way */
	enum state state;
	struct smtp_reply reply; /* under way */
	char greeting[SMTP_TEXT_MAX];
};

/* What is waited for, and the code that it must have. */
static const struct {
	const char *phase;
	uint16_t wanted;
} states[STATES] = {
	[IDLE] = {"connect", 0},
	[CONNECTING] = {"connect", 0},
	[GREETING] = {"SMTP greeting", 220},
	[HELLO] = {"SMTP EHLO", 250},
	[GOODBYE] = {"SMTP QUIT", 221},
};

static const char *smtp_abandon(struct probe *p)
{
	const char *phase = states[p->state].phase;

	if (p->fd >= 0)
		(void)close(p->fd); /* leaves the epoll instance by itself */
	p->fd = -1;
	p->state = IDLE;
	return phase;
}

static void end_attempt(struct probe *p, const struct probe_result *result)
{
	(void)smtp_abandon(p);
	p->prober->ended(p->target, result);
}

/* A command fits into the empty buffer of a socket, or something is wrong with it. */
static int send_command(struct probe *p, const char *command)
{
	size_t len = strlen(command);
	ssize_t n = send(p->fd, command, len, MSG_NOSIGNAL);

	if (n < 0)
		return errno;
	return (size_t)n == len ? 0 : ENOBUFS;
}

static int start_session(struct probe *p)
{
	int error = socket_error(p->fd);

	if (error == 0)
		error = -socket_loop_watch(&p->prober->sockets, p->fd, EPOLLIN, p);
	return error;
}

/* A reply is complete. PROBE_RUNNING to go on. */
static enum probe_outcome on_reply(struct probe *p, struct probe_result *ret)
{
	const char *phase = states[p->state].phase;
	int error;

	if (p->reply.code != states[p->state].wanted)
		return probe_result_set(
			ret, PROBE_FAILED, "%s: %u %s", phase, p->reply.code, p->reply.text);
	if (p->state == GOODBYE)
		return probe_result_set(ret, PROBE_PASSED, "SMTP 220 %s", p->greeting);
	if (p->state == GREETING)
		memcpy(p->greeting, p->reply.text, sizeof(p->greeting));
	error = send_command(p, p->state == GREETING ? p->hello : "QUIT\r\n");
	p->reply = (struct smtp_reply){0};
	p->state++;
	return error ? probe_failed(ret, states[p->state].phase, error) : PROBE_RUNNING;
}

static enum probe_outcome read_replies(
	struct probe *p, const uint8_t *bytes, size_t len, struct probe_result *ret)
{
	enum probe_outcome outcome = PROBE_RUNNING;

	while (len > 0 && outcome == PROBE_RUNNING) {
		size_t used;
		enum smtp_status status = smtp_reply_feed(&p->reply, bytes, len, &used);

		if (status == SMTP_COMPLETE)
			outcome = on_reply(p, ret);
		else if (status != SMTP_MORE)
			outcome = probe_result_set(ret, PROBE_FAILED, "%s: %s",
				states[p->state].phase, smtp_status_text(status));
		bytes += used;
		len -= used;
	}
	return outcome;
}

/* One chunk at a time: a server that never stops talking gets no more than its share. */
static enum probe_outcome on_readable(struct probe *p, struct probe_result *ret)
{
	uint8_t bytes[CHUNK];
	ssize_t n = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		return read_replies(p, bytes, (size_t)n, ret);
	if (n == 0)
		return probe_result_set(ret, PROBE_FAILED, "%s: the server closed the connection",
			states[p->state].phase);
	if (errno == EAGAIN || errno == EINTR)
		return PROBE_RUNNING;
	return probe_failed(ret, states[p->state].phase, errno);
}

static void on_ready(struct probe *p)
{
	enum probe_outcome outcome = PROBE_RUNNING;
	struct probe_result result;
	int error;

	probe_result_init(&result);
	if (p->state == CONNECTING) {
		error = start_session(p);
		p->state = GREETING;
		if (error)
			outcome = probe_failed(&result, "connect", error);
	} else {
		outcome = on_readable(p, &result);
	}
	if (outcome != PROBE_RUNNING)
		end_attempt(p, &result);
}

static enum probe_outcome smtp_start(struct probe *p, struct probe_result *ret)
{
	int fd = socket_loop_connect(&p->prober->sockets, &p->endpoint, SOCK_STREAM, EPOLLOUT, p);

	if (fd < 0)
		return probe_failed(ret, "connect", -fd);
	p->fd = fd;
	p->state = CONNECTING;
	p->reply = (struct smtp_reply){0};
	return PROBE_RUNNING;
}

static int smtp_open(const struct probe_host *host, struct prober **ret)
{
	return socket_prober_open(host, on_ready, ret);
}

/* The name goes into a line of the protocol: no spaces, no line's end. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return true;
}

static int smtp_new(struct prober *prober, const struct probe_endpoint *endpoint,
	const json_t *settings, void *target, struct probe **ret)
{
	const char *name = json_string_value(json_object_get(settings, "helo"));
	char self[256] = "";
	struct probe *p;

	if (!name && gethostname(self, sizeof(self) - 1) == 0)
		name = self;
	if (!name || !is_name(name))
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->prober = prober;
	p->endpoint = *endpoint;
	p->target = target;
	p->fd = -1;
	(void)snprintf(p->hello, sizeof(p->hello), "EHLO %.255s\r\n", name);
	*ret = p;
	return 0;
}

static void smtp_free(struct probe *p)
{
	if (!p)
		return;
	(void)smtp_abandon(p);
	free(p);
}

const struct probe_type smtp_probe_type = {
	.name = "smtp",
	.descriptors = 1,
	.open = smtp_open,
	.close = socket_prober_close,
	.new = smtp_new,
	.free = smtp_free,
	.start = smtp_start,
	.abandon = smtp_abandon,
};
