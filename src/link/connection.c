/* OpenSSL on a non-blocking socket. Output is gathered during a turn of the loop and written at its
 * end, so that many small messages are one record. Input has a budget per turn. */
#include "link/connection.h"

#include "base/byteorder.h"
#include "link/tls_psk.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_LEN 5 /* length of the contents, type */
#define QUEUE_MAX ((size_t)2 * (STREAM_MESSAGE_MAX + HEAD_LEN))
#define QUEUE_LOW 65536 /* at or below: whoever was refused may go on */
#define ROOM_MIN 16384  /* a TLS record */
#define READS_PER_TURN 32
#define RECORDS_PER_KEY (1u << 20) /* RFC 8446, 5.5 allows 2^24.5 */
#define CONNECT_US 1000000         /* on the same segment */
#define TIMER_ACCURACY_US 10000
#define REASON_MAX 160

enum phase {
	PHASE_CONNECTING,
	PHASE_HANDSHAKE,
	PHASE_OPEN,
	PHASE_CLOSED,
};

struct buffer {
	uint8_t *bytes;
	size_t size, start, end;
};

struct connection {
	int fd;
	SSL *ssl;
	struct tls_psk psk;
	enum phase phase;
	enum stream_failure failure;
	sd_event_source *io, *timeout, *defer;
	uint64_t timeout_us; /* of the handshake */
	const struct connection_handler *handler;
	void *userdata;
	struct buffer in, out;
	bool wants_write; /* the socket is full */
	bool crowded;     /* `drained` is owed */
	uint32_t records; /* written under the present traffic key */
	bool *freed;      /* set when freed inside a callback */
};

/* Buffers */

static size_t buffered(const struct buffer *b)
{
	return b->end - b->start;
}

/* Room for `len` bytes at the end. NULL: no memory. */
static uint8_t *buffer_room(struct buffer *b, size_t len)
{
	if (b->size - b->end >= len)
		return b->bytes + b->end;
	if (b->start > 0) {
		memmove(b->bytes, b->bytes + b->start, buffered(b));
		b->end = buffered(b);
		b->start = 0;
	}
	if (b->size - b->end < len) {
		size_t size = b->end + len > 2 * b->size ? b->end + len : 2 * b->size;
		uint8_t *bytes = realloc(b->bytes, size);
		if (!bytes)
			return NULL;
		b->bytes = bytes;
		b->size = size;
	}
	return b->bytes + b->end;
}

static void buffer_took(struct buffer *b, size_t len)
{
	b->start += len;
	if (b->start < b->end)
		return;
	b->start = b->end = 0;
	if (b->size > 4 * ROOM_MIN) { /* a bulk is over */
		free(b->bytes);
		*b = (struct buffer){0};
	}
}

/* The end */

static void closed(struct connection *c, const char *reason)
{
	c->phase = PHASE_CLOSED;
	(void)sd_event_source_set_enabled(c->io, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(c->timeout, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
	c->handler->closed(c, reason, c->userdata);
}

static void ssl_failed(struct connection *c, int ssl_error)
{
	int error = errno;
	unsigned long code = ERR_peek_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;
	char reason[REASON_MAX];

	if (ssl_error == SSL_ERROR_ZERO_RETURN)
		text = "closed by the peer";
	else if (ssl_error == SSL_ERROR_SYSCALL)
		text = error ? strerror(error) : "cut off";
	/* Who speaks TLS and was asked for a key has another one, or none that was found. */
	if (c->phase == PHASE_HANDSHAKE && ssl_error == SSL_ERROR_SSL)
		c->failure = c->psk.asked ? STREAM_WRONG_KEY : STREAM_JUNK;
	if (c->failure == STREAM_WRONG_KEY)
		text = "the two have no key in common";
	(void)snprintf(reason, sizeof(reason), "%s%s",
		c->phase == PHASE_HANDSHAKE ? "handshake: " : "", text ? text : "TLS error");
	ERR_clear_error();
	closed(c, reason);
}

static void watch(struct connection *c, bool write)
{
	if (c->wants_write == write)
		return;
	c->wants_write = write;
	(void)sd_event_source_set_io_events(c->io, write ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Out */

/* Returns false when the connection is gone or was closed. */
static bool flush(struct connection *c)
{
	bool freed = false;

	while (buffered(&c->out) > 0) {
		size_t written;
		int r;

		errno = 0;
		r = SSL_write_ex(c->ssl, c->out.bytes + c->out.start, buffered(&c->out), &written);
		if (r <= 0) {
			int error = SSL_get_error(c->ssl, r);
			watch(c, error == SSL_ERROR_WANT_WRITE);
			if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ)
				break;
			ssl_failed(c, error);
			return false;
		}
		buffer_took(&c->out, written);
		if (++c->records >= RECORDS_PER_KEY) {
			c->records = 0;
			(void)SSL_key_update(c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
		}
	}
	if (buffered(&c->out) == 0)
		watch(c, false);
	if (!c->crowded || buffered(&c->out) > QUEUE_LOW)
		return true;
	c->crowded = false;
	c->freed = &freed;
	c->handler->drained(c, c->userdata);
	if (freed)
		return false;
	c->freed = NULL;
	return true;
}

bool connection_send(struct connection *c, enum stream_type type, const void *data, size_t len)
{
	uint8_t *to;

	assert(len <= STREAM_MESSAGE_MAX);
	if (c->phase != PHASE_OPEN)
		return false;
	if (HEAD_LEN + len > QUEUE_MAX - buffered(&c->out) ||
		!(to = buffer_room(&c->out, HEAD_LEN + len))) {
		c->crowded = true;
		return false;
	}
	be32_put(to, (uint32_t)len);
	to[4] = (uint8_t)type;
	if (len > 0)
		memcpy(to + HEAD_LEN, data, len);
	c->out.end += HEAD_LEN + len;
	if (buffered(&c->out) > QUEUE_LOW)
		c->crowded = true;
	if (!c->wants_write)
		(void)sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
	return true;
}

enum stream_failure connection_failure(const struct connection *c)
{
	return c->failure;
}

size_t connection_queued(const struct connection *c)
{
	return buffered(&c->out);
}

/* In */

/* Hand out the whole messages received. Returns false when the connection is gone or closed. */
static bool deliver(struct connection *c)
{
	bool freed = false;

	while (buffered(&c->in) >= HEAD_LEN) {
		const uint8_t *head = c->in.bytes + c->in.start;
		size_t len = be32_get(head);
		unsigned type = head[4];

		if (len > STREAM_MESSAGE_MAX || type == 0 || type >= STREAM_TYPE_MAX_) {
			closed(c, "a message that cannot be");
			return false;
		}
		if (buffered(&c->in) < HEAD_LEN + len)
			return true;
		c->freed = &freed;
		c->handler->message(c, (enum stream_type)type, head + HEAD_LEN, len, c->userdata);
		if (freed)
			return false;
		c->freed = NULL;
		buffer_took(&c->in, HEAD_LEN + len);
	}
	return true;
}

static size_t room_wanted(const struct connection *c)
{
	size_t have = buffered(&c->in), whole;

	if (have < HEAD_LEN)
		return ROOM_MIN;
	whole = HEAD_LEN + be32_get(c->in.bytes + c->in.start); /* checked by deliver() */
	return whole - have > ROOM_MIN ? whole - have : ROOM_MIN;
}

static void receive(struct connection *c)
{
	for (unsigned i = 0; i < READS_PER_TURN; i++) {
		uint8_t *room = buffer_room(&c->in, room_wanted(c));
		size_t n;
		int r;

		if (!room) {
			closed(c, strerror(ENOMEM));
			return;
		}
		errno = 0;
		r = SSL_read_ex(c->ssl, room, c->in.size - c->in.end, &n);
		if (r <= 0) {
			int error = SSL_get_error(c->ssl, r);
			if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
				ssl_failed(c, error);
			return;
		}
		c->in.end += n;
		if (!deliver(c))
			return;
	}
	/* More may be in OpenSSL's own buffer, of which epoll knows nothing. */
	(void)sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
}

/* The beginning */

static void opened(struct connection *c)
{
	bool freed = false;

	if (!tls_psk_agreed(c->ssl)) {
		c->failure = STREAM_WRONG_KEY;
		closed(c, "handshake: not by the pair key");
		return;
	}
	c->phase = PHASE_OPEN;
	watch(c, false);
	(void)sd_event_source_set_enabled(c->timeout, SD_EVENT_OFF);
	c->freed = &freed;
	c->handler->opened(c, c->userdata);
	if (freed)
		return;
	c->freed = NULL;
	if (c->phase == PHASE_OPEN) /* what came with the end of the handshake */
		(void)sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
}

static void shake_hands(struct connection *c)
{
	int r, error;

	errno = 0;
	r = SSL_do_handshake(c->ssl);
	if (r == 1) {
		opened(c);
		return;
	}
	error = SSL_get_error(c->ssl, r);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		watch(c, error == SSL_ERROR_WANT_WRITE);
	else
		ssl_failed(c, error);
}

static void connected(struct connection *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		closed(c, strerror(error));
		return;
	}
	c->phase = PHASE_HANDSHAKE;
	(void)sd_event_source_set_time_relative(c->timeout, c->timeout_us);
	shake_hands(c);
}

static void step(struct connection *c)
{
	switch (c->phase) {
	case PHASE_CONNECTING:
		connected(c);
		break;
	case PHASE_HANDSHAKE:
		shake_hands(c);
		break;
	case PHASE_OPEN:
		if (flush(c))
			receive(c);
		break;
	case PHASE_CLOSED:
		break;
	}
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct connection *c = userdata;

	(void)source;
	(void)fd;
	if (c->phase == PHASE_CONNECTING && !(revents & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return 0;
	step(c);
	return 0;
}

static int on_defer(sd_event_source *source, void *userdata)
{
	(void)source;
	step(userdata);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct connection *c = userdata;

	(void)source;
	(void)usec;
	if (c->phase == PHASE_HANDSHAKE)
		c->failure = STREAM_SLOW;
	closed(c, c->phase == PHASE_CONNECTING ? "no answer" : "handshake: took too long");
	return 0;
}

static int set_up(
	struct connection *c, sd_event *loop, SSL_CTX *context, bool is_server, uint64_t timeout_us)
{
	int r;

	c->ssl = SSL_new(context);
	if (!c->ssl || !SSL_set_fd(c->ssl, c->fd) || !tls_psk_begin(c->ssl, &c->psk, is_server))
		return -ENOMEM;
	r = sd_event_add_io(
		loop, &c->io, c->fd, is_server ? EPOLLIN : EPOLLIN | EPOLLOUT, on_io, c);
	if (r >= 0)
		r = sd_event_add_defer(loop, &c->defer, on_defer, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &c->timeout, CLOCK_BOOTTIME,
			is_server ? timeout_us : CONNECT_US, TIMER_ACCURACY_US, on_timeout, c);
	return r;
}

int connection_new(sd_event *loop, SSL_CTX *context, const struct pair_keys *keys, int fd,
	bool is_server, uint64_t timeout_us, const struct connection_handler *handler,
	void *userdata, struct connection **ret)
{
	struct connection *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		(void)close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->psk.keys = keys;
	c->timeout_us = timeout_us;
	c->phase = is_server ? PHASE_HANDSHAKE : PHASE_CONNECTING;
	c->wants_write = !is_server;
	c->handler = handler;
	c->userdata = userdata;
	r = set_up(c, loop, context, is_server, timeout_us);
	if (r < 0) {
		connection_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void connection_free(struct connection *c)
{
	if (!c)
		return;
	if (c->freed)
		*c->freed = true;
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->defer);
	sd_event_source_disable_unref(c->timeout);
	SSL_free(c->ssl);
	ERR_clear_error();
	(void)close(c->fd);
	free(c->in.bytes);
	free(c->out.bytes);
	free(c);
}

bool connection_is_open(const struct connection *c)
{
	return c->phase == PHASE_OPEN;
}

const uint8_t *connection_key_id(const struct connection *c)
{
	return c->psk.key_id;
}
