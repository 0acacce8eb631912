/* The check type "dns": a question that is answered as expected passes. Each attempt has an id of
 * its own and a fresh source port, so that nobody can answer who has not seen the question; a
 * datagram that does not answer it is passed over. What does not fit into a datagram is asked for
 * again over TCP, within the same attempt. */
#include "checker/socket_loop.h"
#include "checker/types.h"
#include "core/dns_message.h"

#include "base/byteorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#define LENGTH_LEN 2 /* before a message over TCP (RFC 1035, 4.2.2) */
#define SAID_MAX 48  /* of an answer, in a reason */

enum state {
	IDLE,
	ASKED,      /* by a datagram */
	CONNECTING, /* the rest is about TCP */
	ASKED_TCP,
};

struct probe {
	struct prober *prober;
	struct probe_endpoint endpoint;
	void *target;
	/* what to ask, and what to hear */
	struct dns_question question;
	char *expected; /* NULL: any record */
	uint8_t rcode;
	bool only_tcp;
	/* the attempt under way */
	int fd; /* -1: none */
	enum state state;
	uint16_t id;
	const char *waiting; /* for what */
	uint8_t *stream;     /* what came over TCP, with its length before it */
	size_t stream_len;
};

static const char *dns_abandon(struct probe *p)
{
	const char *waiting = p->waiting;

	if (p->fd >= 0)
		(void)close(p->fd); /* leaves the epoll instance by itself */
	free(p->stream);
	p->stream = NULL;
	p->stream_len = 0;
	p->fd = -1;
	p->state = IDLE;
	return waiting;
}

static void end_attempt(struct probe *p, const struct probe_result *result)
{
	(void)dns_abandon(p);
	p->prober->ended(p->target, result);
}

/* --- What an answer is worth --- */

static enum probe_outcome judge_records(
	const struct probe *p, const struct dns_reply *reply, struct probe_result *ret)
{
	struct dns_cursor cursor = {0};
	struct dns_record record, first;
	char type[16];
	size_t n = 0;

	while (dns_reply_next(reply, &cursor, &record)) {
		if (n++ == 0)
			first = record;
		if (!p->expected || dns_record_is(&record, p->expected))
			return probe_result_set(
				ret, PROBE_PASSED, "DNS: %.*s", SAID_MAX, record.text);
	}
	if (n == 0)
		return probe_result_set(ret, PROBE_FAILED, "DNS: no record of type %s",
			dns_type_name(p->question.type, type));
	return probe_result_set(ret, PROBE_FAILED,
		n == 1 ? "DNS: wanted %.*s, got %.*s" : "DNS: wanted %.*s, got %.*s and others",
		SAID_MAX / 2, p->expected, SAID_MAX / 2, first.text);
}

static enum probe_outcome judge(
	const struct probe *p, const struct dns_reply *reply, struct probe_result *ret)
{
	char wanted[16], got[16];

	if (reply->rcode != p->rcode && p->rcode == DNS_RCODE_NOERROR)
		return probe_result_set(
			ret, PROBE_FAILED, "DNS: %s", dns_rcode_name(reply->rcode, got));
	if (reply->rcode != p->rcode)
		return probe_result_set(ret, PROBE_FAILED, "DNS: wanted %s, got %s",
			dns_rcode_name(p->rcode, wanted), dns_rcode_name(reply->rcode, got));
	if (p->rcode != DNS_RCODE_NOERROR)
		return probe_result_set(
			ret, PROBE_PASSED, "DNS: %s", dns_rcode_name(reply->rcode, got));
	return judge_records(p, reply, ret);
}

/* --- TCP --- */

static int connect_stream(struct probe *p)
{
	int fd = socket_loop_connect(&p->prober->sockets, &p->endpoint, SOCK_STREAM, EPOLLOUT, p);

	if (fd < 0)
		return fd;
	p->fd = fd;
	p->state = CONNECTING;
	p->waiting = "DNS over TCP: connect";
	return 0;
}

static enum probe_outcome begin_stream(struct probe *p, struct probe_result *ret)
{
	int r = connect_stream(p);

	return r < 0 ? probe_failed(ret, "DNS over TCP: connect", -r) : PROBE_RUNNING;
}

/* A question fits into the empty buffer of a socket, or something is wrong with it. */
static int send_over_stream(struct probe *p)
{
	uint8_t bytes[LENGTH_LEN + DNS_QUERY_MAX];
	size_t len = dns_query_build(&p->question, p->id, bytes + LENGTH_LEN);
	ssize_t n;

	be16_put(bytes, (uint16_t)len);
	n = send(p->fd, bytes, LENGTH_LEN + len, MSG_NOSIGNAL);
	if (n < 0)
		return errno;
	return (size_t)n == LENGTH_LEN + len ? 0 : ENOBUFS;
}

static enum probe_outcome on_connected(struct probe *p, struct probe_result *ret)
{
	int error = socket_error(p->fd);

	if (error)
		return probe_failed(ret, p->waiting, error);
	p->state = ASKED_TCP;
	p->waiting = "DNS over TCP: answer";
	p->stream = malloc(LENGTH_LEN + UINT16_MAX);
	error = p->stream ? send_over_stream(p) : ENOMEM;
	if (error == 0)
		error = -socket_loop_watch(&p->prober->sockets, p->fd, EPOLLIN, p);
	return error ? probe_failed(ret, p->waiting, error) : PROBE_RUNNING;
}

/* How long the stream must be for the next step to be known. */
static size_t stream_wanted(const struct probe *p)
{
	return p->stream_len < LENGTH_LEN ? LENGTH_LEN : (size_t)LENGTH_LEN + be16_get(p->stream);
}

static enum probe_outcome on_stream_answer(struct probe *p, struct probe_result *ret)
{
	struct dns_reply reply;
	enum dns_reject why = dns_reply_parse(
		&p->question, p->id, p->stream + LENGTH_LEN, p->stream_len - LENGTH_LEN, &reply);

	if (why == DNS_OK && !reply.truncated)
		return judge(p, &reply, ret);
	return probe_result_set(ret, PROBE_FAILED, "DNS over TCP: %s",
		why == DNS_OK ? "a truncated answer" : dns_reject_text(why));
}

static enum probe_outcome on_stream(struct probe *p, struct probe_result *ret)
{
	ssize_t n = recv(
		p->fd, p->stream + p->stream_len, stream_wanted(p) - p->stream_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return PROBE_RUNNING;
	if (n < 0)
		return probe_failed(ret, p->waiting, errno);
	if (n == 0)
		return probe_result_set(
			ret, PROBE_FAILED, "DNS over TCP: the server closed the connection");
	p->stream_len += (size_t)n;
	return p->stream_len > LENGTH_LEN && p->stream_len == stream_wanted(p)
		       ? on_stream_answer(p, ret)
		       : PROBE_RUNNING;
}

/* --- UDP --- */

static enum probe_outcome begin_datagram(struct probe *p, struct probe_result *ret)
{
	uint8_t query[DNS_QUERY_MAX];
	size_t len = dns_query_build(&p->question, p->id, query);
	int fd = socket_loop_connect(&p->prober->sockets, &p->endpoint, SOCK_DGRAM, EPOLLIN, p);

	if (fd < 0)
		return socket_udp_failed(ret, -fd);
	p->fd = fd;
	p->state = ASKED;
	p->waiting = "DNS answer";
	if (send(fd, query, len, MSG_NOSIGNAL) == (ssize_t)len)
		return PROBE_RUNNING;
	(void)socket_udp_failed(ret, errno);
	(void)dns_abandon(p);
	return ret->outcome;
}

static enum probe_outcome on_datagram(struct probe *p, struct probe_result *ret)
{
	uint8_t *bytes = p->prober->datagram;
	ssize_t n = recv(p->fd, bytes, sizeof(p->prober->datagram), MSG_DONTWAIT);
	struct dns_reply reply;
	enum dns_reject why;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return PROBE_RUNNING;
	if (n < 0)
		return socket_udp_failed(ret, errno);
	why = dns_reply_parse(&p->question, p->id, bytes, (size_t)n, &reply);
	if (why != DNS_OK) {
		p->waiting = dns_reject_text(why); /* for the case that nothing better comes */
		return PROBE_RUNNING;
	}
	if (!reply.truncated)
		return judge(p, &reply, ret);
	(void)dns_abandon(p);
	return begin_stream(p, ret);
}

/* --- The type --- */

static void on_ready(struct probe *p)
{
	enum probe_outcome outcome = PROBE_RUNNING;
	struct probe_result result;

	probe_result_init(&result);
	switch (p->state) {
	case IDLE:
		break;
	case ASKED:
		outcome = on_datagram(p, &result);
		break;
	case CONNECTING:
		outcome = on_connected(p, &result);
		break;
	case ASKED_TCP:
		outcome = on_stream(p, &result);
		break;
	}
	if (outcome != PROBE_RUNNING)
		end_attempt(p, &result);
}

static enum probe_outcome dns_start(struct probe *p, struct probe_result *ret)
{
	if (getrandom(&p->id, sizeof(p->id), GRND_NONBLOCK) != sizeof(p->id))
		return probe_result_set(ret, PROBE_POSTPONED, "DNS: no random numbers yet");
	return p->only_tcp ? begin_stream(p, ret) : begin_datagram(p, ret);
}

static int dns_open(const struct probe_host *host, struct prober **ret)
{
	return socket_prober_open(host, on_ready, ret);
}

static const char *text_of(const json_t *settings, const char *key, const char *fallback)
{
	const char *text = json_string_value(json_object_get(settings, key));

	return text ? text : fallback;
}

static int read_settings(const json_t *settings, struct probe *p)
{
	const char *expected = text_of(settings, "answer", NULL);
	uint16_t type;

	if (!dns_type_by_name(text_of(settings, "record", "A"), &type) ||
		!dns_question_parse(text_of(settings, "name", ""), type, &p->question) ||
		!dns_rcode_by_name(text_of(settings, "rcode", "NOERROR"), &p->rcode) ||
		(expected && !dns_expected_is_possible(type, expected)))
		return -EINVAL;
	p->only_tcp = strcmp(text_of(settings, "transport", "udp"), "tcp") == 0;
	p->expected = expected ? strdup(expected) : NULL;
	return expected && !p->expected ? -ENOMEM : 0;
}

static void dns_free(struct probe *p)
{
	if (!p)
		return;
	(void)dns_abandon(p);
	free(p->expected);
	free(p);
}

static int dns_new(struct prober *prober, const struct probe_endpoint *endpoint,
	const json_t *settings, void *target, struct probe **ret)
{
	struct probe *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->prober = prober;
	p->endpoint = *endpoint;
	p->target = target;
	p->fd = -1;
	p->waiting = "DNS";
	r = read_settings(settings, p);
	if (r < 0) {
		dns_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

const struct probe_type dns_probe_type = {
	.name = "dns",
	.descriptors = 1,
	.open = dns_open,
	.close = socket_prober_close,
	.new = dns_new,
	.free = dns_free,
	.start = dns_start,
	.abandon = dns_abandon,
};
