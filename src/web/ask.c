/* A Varlink call without waiting for it. Each has a connection of its own: the director gives those
 * that ask nothing away. */
#include "web/ask.h"

#include "ctl/caller.h"
#include "io/channel.h"
#include "io/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CALL_MAX 4096
#define ANSWER_MAX ((size_t)32 << 20) /* the director's own bound */
#define REASON_MAX 200

struct ask {
	sd_event *loop;
	const char *runtime_dir;
	ask_handler handler;
	void *userdata;
	struct channel *channel; /* NULL: nothing is asked */
	/* The end of the wait for an answer; or, when there was none to wait for, of saying so. */
	sd_event_source *timer;
	bool is_asking;
	char failed[REASON_MAX]; /* what went wrong before anything could be asked */
	struct instant answered; /* 0: never */
};

static void end(struct ask *a)
{
	channel_free(a->channel);
	a->channel = NULL;
	a->is_asking = false;
	a->failed[0] = '\0';
	(void)sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
	a->answered = clock_now();
}

static void fail(struct ask *a, const char *reason)
{
	char text[REASON_MAX];

	(void)snprintf(text, sizeof(text), "%s", reason);
	end(a);
	a->handler(NULL, text, a->userdata);
}

static void on_message(struct channel *c, json_t *message, void *userdata)
{
	struct ask *a = userdata;
	const char *error = json_string_value(json_object_get(message, "error"));
	json_t *status = json_object_get(message, "parameters");
	char text[REASON_MAX];

	(void)c;
	if (error || !json_is_object(status)) {
		(void)snprintf(text, sizeof(text), "the director answers %.120s",
			error ? error : "something else");
		fail(a, text);
		return;
	}
	(void)json_incref(status);
	end(a);
	a->handler(status, NULL, a->userdata);
	json_decref(status);
}

static void on_closed(struct channel *c, int reason, void *userdata)
{
	char text[REASON_MAX];

	(void)c;
	(void)snprintf(text, sizeof(text), "the director did not answer: %s",
		reason < 0 ? strerror(-reason) : "it hung up");
	fail(userdata, text);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct ask *a = userdata;

	(void)source;
	(void)usec;
	fail(a, *a->failed ? a->failed : "the director did not answer in time");
	return 0;
}

static int call(struct ask *a)
{
	static const struct channel_handler handler = {.message = on_message, .closed = on_closed};
	int fd = -1;
	int r = caller_connect(a->runtime_dir, SOCK_NONBLOCK, &fd);

	if (r >= 0)
		r = channel_new(a->loop, fd, &handler, a, &a->channel);
	if (r < 0)
		return r;
	channel_limit(a->channel, ANSWER_MAX, CALL_MAX);
	channel_call(a->channel, "io.tandem.Director.Status", NULL);
	return 0;
}

bool ask_now(struct ask *a)
{
	uint64_t wait_us = ASK_TIMEOUT_US;
	int r;

	if (a->is_asking)
		return false;
	if (a->answered.us && !instant_reached(instant_add(a->answered, ASK_FRESH_US), clock_now()))
		return true;
	a->is_asking = true;
	r = call(a);
	if (r < 0) {
		(void)snprintf(a->failed, sizeof(a->failed),
			"no director answers at %.120s/tandem.sock: %s", a->runtime_dir,
			strerror(-r));
		wait_us = 0;
	}
	(void)sd_event_source_set_time(a->timer, instant_add(clock_now(), wait_us).us);
	(void)sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
	return false;
}

int ask_new(sd_event *loop, const char *runtime_dir, ask_handler handler, void *userdata,
	struct ask **ret)
{
	struct ask *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	*a = (struct ask){
		.loop = loop, .runtime_dir = runtime_dir, .handler = handler, .userdata = userdata};
	r = sd_event_add_time(loop, &a->timer, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_timer, a);
	if (r >= 0)
		r = sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
	if (r < 0) {
		ask_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void ask_free(struct ask *a)
{
	if (!a)
		return;
	channel_free(a->channel);
	sd_event_source_disable_unref(a->timer);
	free(a);
}
