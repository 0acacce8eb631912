/* Who connects, who listens, and which connection is the stream. What an unknown host can do here
 * is bounded: only the peer's address is let in, at most PENDING_MAX handshakes are under way, and
 * each has HANDSHAKE_US. */
#include "link/stream.h"

#include "base/cleanup.h"
#include "link/connection.h"
#include "link/tls_psk.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HANDSHAKE_US 3000000
#define PENDING_MAX 4
#define ACCEPTS_PER_TURN 8
#define ACCEPT_INTERVAL_US 100000 /* a flood of connections gets so many turns in this time */
#define ACCEPT_TURNS 10
#define BACKLOG 16
#define RETRY_FIRST_US 50000
#define RETRY_LAST_US 1000000
#define SETTLED_US 5000000 /* a stream that stood so long begins anew with RETRY_FIRST_US */
#define UNACKNOWLEDGED_MS 10000
#define KEEPALIVE_IDLE_S 5
#define KEEPALIVE_INTERVAL_S 2
#define KEEPALIVE_PROBES 3

struct stream {
	sd_event *loop;
	struct stream_settings settings;
	const struct stream_handler *handler;
	void *userdata;
	SSL_CTX *context;
	bool connects; /* it is us who connect */
	int listener;
	sd_event_source *arrivals;
	sd_event_source *retry;
	uint64_t retry_us;
	uint64_t opened_us;                      /* CLOCK_BOOTTIME */
	struct connection *current;              /* open, or NULL */
	struct connection *pending[PENDING_MAX]; /* from the oldest on */
	unsigned n_pending;
};

static void connect_later(struct stream *s, uint64_t delay_us);

static uint64_t now_us(const struct stream *s)
{
	uint64_t now = 0;

	(void)sd_event_now(s->loop, CLOCK_BOOTTIME, &now);
	return now;
}

/* Which connection */

static bool forget_pending(struct stream *s, const struct connection *c)
{
	for (unsigned i = 0; i < s->n_pending; i++) {
		if (s->pending[i] != c)
			continue;
		s->n_pending--;
		memmove(s->pending + i, s->pending + i + 1,
			(s->n_pending - i) * sizeof(s->pending[0]));
		return true;
	}
	return false;
}

static void close_current(struct stream *s, const char *reason)
{
	struct connection *c = s->current;

	if (!c)
		return;
	s->current = NULL;
	if (now_us(s) - s->opened_us >= SETTLED_US)
		s->retry_us = RETRY_FIRST_US;
	s->handler->closed(s, reason, s->userdata);
	connection_free(c);
}

static bool has_active_key(const struct stream *s, const struct connection *c)
{
	const struct pair_keys *keys = s->settings.keys;

	return keys->n > 0 && memcmp(connection_key_id(c), keys->items[0].id, PAIR_KEY_ID_LEN) == 0;
}

static bool has_known_key(const struct stream *s, const struct connection *c)
{
	const struct pair_keys *keys = s->settings.keys;

	for (unsigned i = 0; i < keys->n; i++)
		if (memcmp(connection_key_id(c), keys->items[i].id, PAIR_KEY_ID_LEN) == 0)
			return true;
	return false;
}

static void on_opened(struct connection *c, void *userdata)
{
	struct stream *s = userdata;

	(void)forget_pending(s, c);
	close_current(s, "replaced by another connection");
	s->current = c;
	s->opened_us = now_us(s);
	s->handler->opened(s, s->userdata);
}

static void on_message(struct connection *c, enum stream_type type, const uint8_t *data, size_t len,
	void *userdata)
{
	struct stream *s = userdata;

	if (c == s->current)
		s->handler->message(s, type, data, len, s->userdata);
}

static void on_drained(struct connection *c, void *userdata)
{
	struct stream *s = userdata;

	if (c == s->current)
		s->handler->drained(s, s->userdata);
}

static uint64_t with_jitter(uint64_t delay_us)
{
	uint32_t random = 0;

	(void)getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return delay_us - delay_us / 4 + random % (delay_us / 2);
}

static void retry(struct stream *s)
{
	connect_later(s, with_jitter(s->retry_us));
	s->retry_us = s->retry_us * 2 > RETRY_LAST_US ? RETRY_LAST_US : s->retry_us * 2;
}

static void on_closed(struct connection *c, const char *reason, void *userdata)
{
	struct stream *s = userdata;

	if (c == s->current) {
		close_current(s, reason);
	} else {
		(void)forget_pending(s, c);
		s->handler->failed(s, connection_failure(c), reason, s->userdata);
		connection_free(c);
	}
	if (s->connects && s->n_pending == 0)
		retry(s);
}

static const struct connection_handler connection_handler = {
	.opened = on_opened,
	.message = on_message,
	.drained = on_drained,
	.closed = on_closed,
};

/* Sockets */

static socklen_t to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (a->family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr = addr_to_v4(a);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->bytes, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

static struct addr from_sockaddr(const struct sockaddr_storage *from)
{
	struct addr a = {.family = from->ss_family};

	if (from->ss_family == AF_INET)
		return addr_v4(((const struct sockaddr_in *)from)->sin_addr);
	memcpy(a.bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, sizeof(a.bytes));
	return a;
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* A dead peer is found by its heartbeats; these are for what the heartbeats do not say, and for
 * whoever does not answer at all. */
static int tune(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		int r = set_int(fd, options[i].level, options[i].option, options[i].value);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A socket on our address, which need not be there yet, and on the interface. */
static int open_socket(const struct stream *s, uint16_t port)
{
	const struct stream_settings *set = &s->settings;
	struct sockaddr_storage own;
	socklen_t len = to_sockaddr(&set->own, port, &own);
	auto_close int fd =
		socket(set->own.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int r;

	if (fd < 0)
		return -errno;
	r = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r >= 0)
		r = set->own.family == AF_INET ? set_int(fd, IPPROTO_IP, IP_FREEBIND, 1)
					       : set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	if (r < 0)
		return r;
	if (*set->interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, set->interface,
				       (socklen_t)strlen(set->interface) + 1) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&own, len) < 0)
		return -errno;
	return take_fd(&fd);
}

static int add_connection(struct stream *s, int fd)
{
	int r = tune(fd);

	if (r < 0) {
		(void)close(fd);
		return r;
	}
	r = connection_new(s->loop, s->context, s->settings.keys, fd, !s->connects, HANDSHAKE_US,
		&connection_handler, s, &s->pending[s->n_pending]);
	if (r >= 0)
		s->n_pending++;
	return r;
}

/* Connecting */

static int start_connecting(struct stream *s)
{
	struct sockaddr_storage peer;
	socklen_t len = to_sockaddr(&s->settings.peer, s->settings.port, &peer);
	auto_close int fd = open_socket(s, 0);

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&peer, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return add_connection(s, take_fd(&fd));
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct stream *s = userdata;
	int r;

	(void)source;
	(void)usec;
	if (s->n_pending > 0 || (s->current && has_active_key(s, s->current)))
		return 0;
	r = start_connecting(s);
	if (r < 0) {
		s->handler->failed(s, STREAM_FAILED_OTHERWISE, strerror(-r), s->userdata);
		retry(s);
	}
	return 0;
}

static void connect_later(struct stream *s, uint64_t delay_us)
{
	(void)sd_event_source_set_time_relative(s->retry, delay_us);
	(void)sd_event_source_set_enabled(s->retry, SD_EVENT_ONESHOT);
}

void stream_hurry(struct stream *s)
{
	if (!s->connects || s->current)
		return;
	while (s->n_pending > 0) {
		struct connection *c = s->pending[0];

		(void)forget_pending(s, c);
		connection_free(c);
	}
	s->retry_us = RETRY_FIRST_US;
	connect_later(s, 0);
}

/* Listening */

/* Whoever is there longest without having proved anything makes room. */
static void make_room(struct stream *s)
{
	struct connection *oldest = s->pending[0];

	if (s->n_pending < PENDING_MAX)
		return;
	(void)forget_pending(s, oldest);
	connection_free(oldest);
	s->handler->failed(s, STREAM_SLOW, "handshake: too many at a time", s->userdata);
}

static void admit(struct stream *s, int fd, const struct sockaddr_storage *from)
{
	struct addr source = from_sockaddr(from);
	int r;

	if (!addr_equal(&source, &s->settings.peer)) {
		(void)close(fd);
		s->handler->failed(
			s, STREAM_STRANGER, "refused: not from the peer's address", s->userdata);
		return;
	}
	make_room(s);
	r = add_connection(s, fd);
	if (r < 0)
		s->handler->failed(s, STREAM_FAILED_OTHERWISE, strerror(-r), s->userdata);
}

static int on_arrivals(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct stream *s = userdata;

	(void)source;
	(void)revents;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof(from);
		int accepted =
			accept4(fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (accepted < 0)
			break; /* none, or one that is gone already; no descriptor: later */
		admit(s, accepted, &from);
	}
	return 0;
}

static int start_listening(struct stream *s)
{
	int r;

	s->listener = open_socket(s, s->settings.port);
	if (s->listener < 0)
		return s->listener;
	if (listen(s->listener, BACKLOG) < 0)
		return -errno;
	r = sd_event_add_io(s->loop, &s->arrivals, s->listener, EPOLLIN, on_arrivals, s);
	if (r >= 0)
		r = sd_event_source_set_ratelimit(s->arrivals, ACCEPT_INTERVAL_US, ACCEPT_TURNS);
	return r;
}

/* The whole */

static int start(struct stream *s)
{
	int r = tls_psk_context(&s->context);

	if (r >= 0)
		r = sd_event_add_time_relative(
			s->loop, &s->retry, CLOCK_BOOTTIME, 0, 1000, on_retry, s);
	if (r < 0)
		return r;
	if (s->connects)
		return 0;
	r = sd_event_source_set_enabled(s->retry, SD_EVENT_OFF);
	return r < 0 ? r : start_listening(s);
}

int stream_new(sd_event *loop, const struct stream_settings *settings,
	const struct stream_handler *handler, void *userdata, struct stream **ret)
{
	int order = addr_compare(&settings->own, &settings->peer);
	struct stream *s;
	int r;

	if (order == 0 || settings->own.family != settings->peer.family)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->loop = sd_event_ref(loop);
	s->settings = *settings;
	s->handler = handler;
	s->userdata = userdata;
	s->connects = order < 0;
	s->listener = -1;
	s->retry_us = RETRY_FIRST_US;
	r = start(s);
	if (r < 0) {
		stream_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	sd_event_source_disable_unref(s->arrivals);
	sd_event_source_disable_unref(s->retry);
	connection_free(s->current);
	for (unsigned i = 0; i < s->n_pending; i++)
		connection_free(s->pending[i]);
	if (s->listener >= 0)
		(void)close(s->listener);
	SSL_CTX_free(s->context);
	sd_event_unref(s->loop);
	free(s);
}

bool stream_send(struct stream *s, enum stream_type type, const void *data, size_t len)
{
	return s->current && connection_send(s->current, type, data, len);
}

bool stream_is_open(const struct stream *s)
{
	return s->current;
}

size_t stream_queued(const struct stream *s)
{
	return s->current ? connection_queued(s->current) : 0;
}

const uint8_t *stream_key_id(const struct stream *s)
{
	return connection_key_id(s->current);
}

void stream_close(struct stream *s, const char *reason)
{
	close_current(s, reason);
	if (s->connects && s->n_pending == 0)
		retry(s);
}

void stream_keys_changed(struct stream *s)
{
	if (s->current && !has_known_key(s, s->current))
		close_current(s, "its key is not accepted any more");
	/* Handshakes under way looked at the keys before. */
	while (s->n_pending > 0)
		connection_free(s->pending[--s->n_pending]);
	s->retry_us = RETRY_FIRST_US;
	if (s->connects)
		connect_later(s, with_jitter(RETRY_FIRST_US));
}
