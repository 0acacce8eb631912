/* The check type "udp": a datagram is sent, and the reply must be as expected. Where no particular
 * reply is expected, any passes, and so does silence, if no router or host says for a while that
 * nobody listens there. */
#include "checker/socket_loop.h"
#include "checker/types.h"

#include "base/cleanup.h"
#include "base/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PAYLOAD_MAX 1400
#define SAID_MAX 24 /* of what came, in a reason */

#define WAIT_US 500000
#define WAIT_ACCURACY_US 1000

struct bytes {
	uint8_t *data; /* NULL: none */
	size_t len;
};

struct probe {
	struct prober *prober;
	struct probe_endpoint endpoint;
	void *target;
	struct bytes payload;
	/* what is expected */
	struct bytes contains, equals;
	struct pattern *pattern;
	uint64_t wait_us; /* for an error, where nothing is expected */
	/* the attempt under way */
	int fd; /* -1: none */
	sd_event_source *timer;
};

static const char *udp_abandon(struct probe *p)
{
	if (p->fd >= 0)
		(void)close(p->fd); /* leaves the epoll instance by itself */
	p->fd = -1;
	if (p->timer)
		(void)sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
	return "udp reply";
}

static void end_attempt(struct probe *p, const struct probe_result *result)
{
	(void)udp_abandon(p);
	p->prober->ended(p->target, result);
}

static bool expects(const struct probe *p)
{
	return p->contains.data || p->equals.data || p->pattern;
}

/* --- The reply --- */

static enum probe_outcome judge_pattern(struct probe *p, size_t len, struct probe_result *ret)
{
	enum pattern_result found = pattern_search(p->pattern, p->prober->datagram, len);

	if (found == PATTERN_FOUND)
		return probe_result_set(ret, PROBE_PASSED, "udp: the reply matches");
	return probe_result_set(ret, PROBE_FAILED,
		found == PATTERN_ABSENT ? "udp: the reply does not match: \"%.*s\""
					: "udp: matching the reply costs too much: \"%.*s\"",
		(int)(len < SAID_MAX ? len : SAID_MAX), (const char *)p->prober->datagram);
}

static enum probe_outcome judge(struct probe *p, size_t len, struct probe_result *ret)
{
	const uint8_t *reply = p->prober->datagram;
	bool good = true;

	ret->timed = true;
	if (p->pattern)
		return judge_pattern(p, len, ret);
	if (p->equals.data)
		good = len == p->equals.len && memcmp(reply, p->equals.data, len) == 0;
	else if (p->contains.data)
		good = memmem(reply, len, p->contains.data, p->contains.len) != NULL;
	if (good)
		return probe_result_set(ret, PROBE_PASSED, "udp: answered");
	return probe_result_set(ret, PROBE_FAILED, "udp: another reply than wanted: \"%.*s\"",
		(int)(len < SAID_MAX ? len : SAID_MAX), (const char *)reply);
}

static void on_ready(struct probe *p)
{
	struct prober *prober = p->prober;
	ssize_t n = recv(p->fd, prober->datagram, sizeof(prober->datagram), MSG_DONTWAIT);
	struct probe_result result;

	probe_result_init(&result);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		(void)socket_udp_failed(&result, errno);
	else
		(void)judge(p, (size_t)n, &result);
	end_attempt(p, &result);
}

/* Nobody has said anything, which is all that was hoped for. */
static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct probe *p = userdata;
	struct probe_result result;

	(void)source;
	(void)usec;
	if (p->fd < 0)
		return 0;
	probe_result_init(&result);
	(void)probe_result_set(&result, PROBE_PASSED, "udp: not refused");
	end_attempt(p, &result);
	return 0;
}

/* --- An attempt --- */

static int arm(struct probe *p)
{
	int r = 0;

	if (expects(p))
		return 0;
	if (!p->timer) {
		r = sd_event_add_time(p->prober->loop, &p->timer, CLOCK_BOOTTIME, 0,
			WAIT_ACCURACY_US, on_silence, p);
		if (r >= 0)
			r = sd_event_source_set_priority(p->timer, PROBE_TIMER_PRIORITY);
	}
	if (r >= 0)
		r = sd_event_source_set_time_relative(p->timer, p->wait_us);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
	return r;
}

static enum probe_outcome udp_start(struct probe *p, struct probe_result *ret)
{
	int error = 0;
	int fd = socket_loop_connect(&p->prober->sockets, &p->endpoint, SOCK_DGRAM, EPOLLIN, p);

	if (fd < 0)
		return socket_udp_failed(ret, -fd);
	p->fd = fd;
	if (send(fd, p->payload.data, p->payload.len, MSG_NOSIGNAL) < 0)
		error = errno;
	else if (arm(p) < 0)
		error = ENOMEM;
	if (error == 0)
		return PROBE_RUNNING;
	(void)udp_abandon(p);
	return socket_udp_failed(ret, error);
}

/* --- The type --- */

static int udp_open(const struct probe_host *host, struct prober **ret)
{
	return socket_prober_open(host, on_ready, ret);
}

/* From hexadecimal, as the director writes bytes of any kind. */
static int read_bytes(const json_t *settings, const char *key, struct bytes *ret)
{
	const char *hex = json_string_value(json_object_get(settings, key));
	size_t len = hex ? strlen(hex) / 2 : 0;
	unsigned byte;

	if (!hex)
		return 0;
	if (strlen(hex) % 2 || len > PAYLOAD_MAX)
		return -EINVAL;
	ret->data = malloc(len + 1);
	if (!ret->data)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		ret->data[i] = (uint8_t)byte;
	}
	ret->len = len;
	return 0;
}

static int read_pattern(const json_t *settings, struct probe *p)
{
	const char *text = json_string_value(json_object_get(settings, "reply_matches"));
	char error[PATTERN_ERROR_MAX];

	return text ? pattern_new(text, error, &p->pattern) : 0;
}

static int read_settings(const json_t *settings, struct probe *p)
{
	json_int_t wait_us = json_integer_value(json_object_get(settings, "wait_us"));
	int r = read_bytes(settings, "send", &p->payload);

	p->wait_us = wait_us > 0 ? (uint64_t)wait_us : WAIT_US;
	if (r == 0)
		r = read_bytes(settings, "reply_contains", &p->contains);
	if (r == 0)
		r = read_bytes(settings, "reply_is", &p->equals);
	return r == 0 ? read_pattern(settings, p) : r;
}

static void udp_free(struct probe *p)
{
	if (!p)
		return;
	(void)udp_abandon(p);
	sd_event_source_disable_unref(p->timer);
	pattern_free(p->pattern);
	free(p->payload.data);
	free(p->contains.data);
	free(p->equals.data);
	free(p);
}

static int udp_new(struct prober *prober, const struct probe_endpoint *endpoint,
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
	r = read_settings(settings, p);
	if (r < 0) {
		udp_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

const struct probe_type udp_probe_type = {
	.name = "udp",
	.descriptors = 1,
	.open = udp_open,
	.close = socket_prober_close,
	.new = udp_new,
	.free = udp_free,
	.start = udp_start,
	.abandon = udp_abandon,
};
