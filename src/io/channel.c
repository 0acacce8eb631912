/* Frames over a stream socket. Output goes out at once while the socket takes it; what it does not
 * take waits in one buffer, up to QUEUE_MAX. A peer that reads slower than that is treated as dead:
 * the alternative would be to wait for it, or to grow without end. */
#include "io/channel.h"

#include "base/cleanup.h"
#include "base/frame.h"
#include "io/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define QUEUE_MAX ((size_t)64 << 20)
#define QUEUE_KEPT 65536 /* a longer buffer goes when it is empty */
/* A reader as quick as we are must not keep us writing: the rest is for the loop's next turns. */
#define SEND_AT_ONCE ((size_t)1 << 20)
/* So much is read, and what is in it heard, in one turn: most messages are small. */
#define RECEIVE_AT_ONCE ((size_t)64 << 10)
/* More than a socket holds. Who goes on speaking after that must not keep us listening. */
#define LAST_WORDS_MAX ((size_t)1 << 20)

struct channel {
	int fd;
	sd_event_source *io;
	sd_event_source *defer; /* carries a failure met while sending to the loop */
	const struct channel_handler *handler;
	void *userdata;
	struct frame_reader in;
	char *out;
	size_t out_size, out_start, out_end;
	size_t out_max;
	int failure; /* met while sending, not yet told */
	bool *freed; /* set when channel_free() is called from inside a callback */
};

static void closed(struct channel *c, int reason)
{
	(void)sd_event_source_set_enabled(c->io, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
	c->handler->closed(c, reason, c->userdata);
}

/* Texts that are not JSON may be judged either way. */
static bool is_too_deep(const char *json)
{
	unsigned depth = 0;
	bool in_text = false;

	for (; *json; json++) {
		if (*json == '"')
			in_text = !in_text;
		else if (in_text)
			json += *json == '\\' && json[1];
		else if (*json == '[' || *json == '{')
			depth++;
		else if (*json == ']' || *json == '}')
			depth -= depth > 0;
		if (depth > CHANNEL_DEPTH_MAX)
			return true;
	}
	return false;
}

/* Hand out the frames received. Returns false when the channel is gone or was closed. */
static bool deliver(struct channel *c)
{
	bool freed = false;
	char *frame;

	c->freed = &freed;
	while ((frame = frame_next(&c->in))) {
		json_t *message =
			is_too_deep(frame) ? NULL : json_loads(frame, JSON_REJECT_DUPLICATES, NULL);

		if (!json_is_object(message)) {
			json_decref(message);
			c->freed = NULL;
			closed(c, -EBADMSG);
			return false;
		}
		c->handler->message(c, message, c->userdata);
		json_decref(message);
		if (freed)
			return false;
	}
	c->freed = NULL;
	return true;
}

/* `max` bytes, or little more. Returns false when the channel is gone or was closed. */
static bool receive(struct channel *c, size_t max)
{
	for (size_t got = 0; got < max;) {
		size_t room_len;
		char *room = frame_room(&c->in, &room_len);
		ssize_t n;

		if (!room) {
			closed(c, -EMSGSIZE);
			return false;
		}
		n = recv(c->fd, room, room_len, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			closed(c, n < 0 ? -errno : 0);
			return false;
		}
		frame_received(&c->in, (size_t)n);
		if (!deliver(c))
			return false;
		if ((size_t)n < room_len)
			return true; /* most likely all there is; the loop calls again if not */
		got += (size_t)n;
	}
	return true;
}

/* SEND_AT_ONCE at most. Returns 0, -EAGAIN when the socket is full, or another -errno. */
static int send_some(struct channel *c, const char *data, size_t len, size_t *ret_sent)
{
	size_t sent = 0;

	if (len > SEND_AT_ONCE)
		len = SEND_AT_ONCE;
	while (sent < len) {
		ssize_t n = send(c->fd, data + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*ret_sent = sent;
			return -errno;
		}
		sent += (size_t)n;
	}
	*ret_sent = sent;
	return 0;
}

static void watch_output(struct channel *c, bool on)
{
	(void)sd_event_source_set_io_events(c->io, on ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void fail_later(struct channel *c, int error)
{
	if (c->failure)
		return;
	c->failure = error;
	(void)sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
}

/* There may be keys in what was sent. */
static void release_queue(struct channel *c)
{
	if (c->out)
		explicit_bzero(c->out, c->out_size);
	free(c->out);
	c->out = NULL;
	c->out_size = 0;
}

static void send_queued(struct channel *c)
{
	size_t sent;
	int r = send_some(c, c->out + c->out_start, c->out_end - c->out_start, &sent);

	explicit_bzero(c->out + c->out_start, sent);
	c->out_start += sent;
	if (c->out_start == c->out_end)
		c->out_start = c->out_end = 0;
	if (c->out_end == 0 && c->out_size > QUEUE_KEPT) {
		release_queue(c);
	}
	if (r < 0 && r != -EAGAIN)
		fail_later(c, r);
	watch_output(c, c->out_end > 0 && !c->failure);
}

static int queue(struct channel *c, const char *data, size_t len)
{
	if (c->out_start > 0) {
		size_t left = c->out_end - c->out_start;

		memmove(c->out, c->out + c->out_start, left);
		explicit_bzero(c->out + left, c->out_end - left);
		c->out_end = left;
		c->out_start = 0;
	}
	if (len > c->out_max - c->out_end)
		return -ENOBUFS;
	if (c->out_end + len > c->out_size) {
		size_t size = 2 * (c->out_end + len);
		size_t used = c->out_end;
		char *out = malloc(size);
		if (!out)
			return -ENOMEM;
		if (used > 0)
			memcpy(out, c->out, used);
		release_queue(c);
		c->out = out;
		c->out_size = size;
	}
	memcpy(c->out + c->out_end, data, len);
	c->out_end += len;
	return 0;
}

void channel_send_text(struct channel *c, const char *json)
{
	size_t len = strlen(json) + 1, sent = 0;
	int r = 0;

	if (c->failure)
		return;
	if (c->out_end == 0)
		r = send_some(c, json, len, &sent);
	if (r < 0 && r != -EAGAIN) {
		fail_later(c, r);
		return;
	}
	if (sent == len)
		return;
	r = queue(c, json + sent, len - sent);
	if (r < 0)
		fail_later(c, r);
	else
		watch_output(c, true);
}

void channel_send(struct channel *c, const json_t *message)
{
	auto_free char *text = json_dumps(message, JSON_COMPACT);

	if (text) {
		channel_send_text(c, text);
		explicit_bzero(text, strlen(text));
	} else {
		fail_later(c, -ENOMEM);
	}
}

void channel_call(struct channel *c, const char *method, json_t *parameters)
{
	json_t *message = json_pack("{s:s, s:o}", "method", method, "parameters",
		parameters ? parameters : json_object());

	if (message)
		channel_send(c, message);
	else
		fail_later(c, -ENOMEM);
	json_decref(message);
}

void channel_flush(struct channel *c, uint64_t timeout_us)
{
	struct instant end = instant_add(clock_now(), timeout_us);

	while (c->out_end > 0 && !c->failure) {
		struct pollfd p = {.fd = c->fd, .events = POLLOUT};
		uint64_t left_us = instant_between_us(clock_now(), end);

		if (left_us == 0 || poll(&p, 1, (int)(left_us / 1000) + 1) < 0)
			return;
		send_queued(c);
	}
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct channel *c = userdata;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT)
		send_queued(c);
	if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
		(void)receive(c, RECEIVE_AT_ONCE); /* whoever had to be told was */
	return 0;
}

static int on_defer(sd_event_source *source, void *userdata)
{
	struct channel *c = userdata;

	(void)source;
	/* Who does not listen any more may have spoken before. */
	if (receive(c, LAST_WORDS_MAX))
		closed(c, c->failure);
	return 0;
}

int channel_new(sd_event *loop, int fd, const struct channel_handler *handler, void *userdata,
	struct channel **ret)
{
	struct channel *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		(void)close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->out_max = QUEUE_MAX;
	c->handler = handler;
	c->userdata = userdata;
	r = sd_event_add_io(loop, &c->io, fd, EPOLLIN, on_io, c);
	if (r >= 0)
		r = sd_event_add_defer(loop, &c->defer, on_defer, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
	if (r < 0) {
		channel_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	if (c->freed)
		*c->freed = true;
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->defer);
	(void)close(c->fd);
	frame_done(&c->in);
	release_queue(c);
	free(c);
}

size_t channel_queued(const struct channel *c)
{
	return c->out_end - c->out_start;
}

void channel_limit(struct channel *c, size_t max_in, size_t max_out)
{
	c->in.max = max_in;
	c->out_max = max_out;
}
