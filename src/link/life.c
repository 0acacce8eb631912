/* Silence has three limits. After 3.5 heartbeats the peer is not alive; after PATIENCE_US the
 * stream is given up; and for the elector, who may succeed it sooner, it is dead when it was found
 * silent in two beats of our own that were in time. */
#include "link/life.h"

#include "base/peer_page.h"
#include "io/clock.h"
#include "link/relay.h"
#include "link/states.h"
#include "link/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define BEFORE_OTHERS (SD_EVENT_PRIORITY_NORMAL - 20)
#define REASON_MAX 80

/* 3.5 heartbeats of silence are the peer's death. */
#define SILENCE_HALVES 7
#define SILENT_BEATS 2      /* of our own, in time, that found it silent: then it is dead */
#define PATIENCE_US 3000000 /* of silence, before the stream is given up */

struct life {
	const struct life_world *world;
	uint64_t process;
	uint64_t heartbeat_us;
	sd_event_source *beat, *silence;
	struct instant next_beat;
	struct instant heard; /* {0}: not in this session */
	struct instant stream_heard;
	unsigned silent_beats;
	bool alive;
	struct heartbeat last; /* that was heard */
	uint64_t rtt_us;       /* 0: not measured */
};

static uint64_t silence_us(const struct life *l)
{
	return l->heartbeat_us * SILENCE_HALVES / 2;
}

/* A host that was busy for a moment keeps its stream; after a real cut TCP would wait for seconds
 * although the way is there again, and a new connection is there at once. */
static uint64_t patience_us(const struct life *l)
{
	return silence_us(l) > PATIENCE_US ? silence_us(l) : PATIENCE_US;
}

void life_forget(struct life *l)
{
	l->alive = false;
	l->heard = (struct instant){0};
	l->last = (struct heartbeat){0};
	l->rtt_us = 0;
	timer_set(l->silence, INSTANT_NEVER);
	if (l->world->page)
		peer_page_forget(l->world->page);
	l->world->ended(NULL, l->world->userdata);
}

/* Hearing */

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct life *l = userdata;
	struct instant deadline;
	char reason[REASON_MAX];

	(void)source;
	(void)usec;
	l->world->listen(l->world->userdata); /* we may be the one who was late */
	deadline = instant_add(l->heard, silence_us(l));
	if (!instant_reached(deadline, clock_now())) {
		timer_set(l->silence, deadline);
		return 0;
	}
	(void)snprintf(reason, sizeof(reason), "no heartbeat for %llu ms",
		(unsigned long long)(l->alive ? silence_us(l) : patience_us(l)) / 1000);
	if (l->alive) {
		l->alive = false;
		l->world->ended(reason, l->world->userdata);
	}
	deadline = instant_add(l->heard, patience_us(l));
	if (!instant_reached(deadline, clock_now()))
		timer_set(l->silence, deadline);
	else
		l->world->give_up(reason, l->world->userdata);
	return 0;
}

void life_item(struct life *l, const struct link_item *item)
{
	struct instant now = clock_now();
	struct heartbeat h;

	if (!heartbeat_parse(item->body, item->len, &h)) {
		l->world->counts->n[COUNT_BAD_MESSAGE]++;
		return;
	}
	if (h.echo_us && now.us > h.echo_us + h.held_us)
		l->rtt_us = now.us - h.echo_us - h.held_us;
	l->last = h;
	l->heard = now;
	timer_set(l->silence, instant_add(now, silence_us(l)));
	if (l->world->page)
		peer_page_heard(l->world->page, now, states_is_current(l->world->states, h.state));
	if (!l->alive) {
		l->alive = true;
		l->world->began(l->world->userdata);
	}
}

void life_stream_heard(struct life *l)
{
	l->stream_heard = clock_now();
}

/* Neither by datagram on any interface nor over the stream. */
static bool is_silent(const struct life *l, struct instant now)
{
	return l->heard.us && instant_between_us(l->heard, now) >= silence_us(l) &&
	       instant_between_us(l->stream_heard, now) >= silence_us(l) &&
	       l->world->can_hear(l->world->userdata);
}

/* For those who succeed a dead peer sooner. A process that is late may have been deaf, not the peer
 * silent. */
static void look_for_death(struct life *l, struct instant now)
{
	bool in_time = instant_between_us(l->next_beat, now) < l->heartbeat_us;
	struct instant until = {0};

	if (!l->world->page)
		return;
	if (is_silent(l, now))
		l->world->listen(l->world->userdata);
	l->silent_beats = in_time && is_silent(l, now) ? l->silent_beats + 1 : 0;
	if (l->silent_beats >= SILENT_BEATS)
		until = instant_add(now, 2 * l->heartbeat_us);
	peer_page_dead(l->world->page, until);
}

/* Sending */

void life_send(struct life *l)
{
	struct instant now = clock_now();
	struct heartbeat h = {
		.process = l->process,
		.state = states_own_number(l->world->states),
		.sent_us = now.us,
		.echo_us = l->last.sent_us,
		.held_us = l->heard.us ? instant_between_us(l->heard, now) : 0,
	};
	uint8_t body[HEARTBEAT_LEN];

	heartbeat_build(&h, body);
	(void)relay_send_item(l->world->relay, LINK_ITEM_HEARTBEAT, body, sizeof(body));
}

static int on_beat(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct life *l = userdata;
	struct instant now = clock_now();

	(void)source;
	(void)usec;
	look_for_death(l, now);
	life_send(l);
	l->world->beat(l->world->userdata);
	l->next_beat = instant_add(l->next_beat, l->heartbeat_us);
	if (instant_reached(l->next_beat, now)) /* late: what passed is not made up for */
		l->next_beat = instant_add(now, l->heartbeat_us);
	timer_set(l->beat, l->next_beat);
	return 0;
}

void life_start(struct life *l, uint64_t heartbeat_us)
{
	l->heartbeat_us = heartbeat_us;
	l->next_beat = clock_now();
	timer_set(l->beat, l->next_beat);
}

void life_stop(struct life *l)
{
	timer_set(l->beat, INSTANT_NEVER);
}

/* What is known */

bool life_is_alive(const struct life *l)
{
	return l->alive;
}

struct instant life_heard(const struct life *l)
{
	return l->heard;
}

uint64_t life_rtt_us(const struct life *l)
{
	return l->rtt_us;
}

/* Start and end */

static int set_up(struct life *l)
{
	int r = timer_new(l->world->loop, on_beat, l, &l->beat);

	if (r >= 0)
		r = sd_event_source_set_priority(l->beat, BEFORE_OTHERS);
	if (r >= 0)
		r = timer_new(l->world->loop, on_silence, l, &l->silence);
	return r;
}

int life_new(const struct life_world *world, struct life **ret)
{
	struct life *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->world = world;
	(void)getrandom(&l->process, sizeof(l->process), GRND_NONBLOCK);
	r = set_up(l);
	if (r < 0) {
		life_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void life_free(struct life *l)
{
	if (!l)
		return;
	sd_event_source_disable_unref(l->beat);
	sd_event_source_disable_unref(l->silence);
	free(l);
}
