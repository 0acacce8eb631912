/* Two things are known about the peer, and told apart: whether it lives (life.c: heartbeats, by
 * datagram) and whether the stream stands. Either may be there without the other for a while. Here
 * is the stream: what becomes of it, and who gets its messages. */
#include "link/peer.h"

#include "base/byteorder.h"
#include "link/bulk.h"
#include "link/greeting.h"
#include "link/life.h"
#include "link/news.h"
#include "link/repair.h"
#include "link/states.h"
#include "link/stream.h"
#include "link/tracking.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGREED_LEN 8 /* the name of a session */
#define NO_COMMON_KEY "agreed: no common key, one was dropped meanwhile"

struct peer {
	const struct peer_world *world;
	const struct settings *settings; /* NULL: off */
	struct stream *stream;
	bool greeted; /* the hello of the peer was taken, on the stream that is open */
	char last_failure[NEWS_REASON_MAX]; /* of an attempt */

	struct news_world news_world;
	struct news *news;
	struct states_world states_world;
	struct states *states;
	struct life_world life_world;
	struct life *life;
	struct repair_world repair_world;
	struct repair *repair;
	struct tracking tracking;
	struct bulk_world bulk_world;
	struct bulk *bulk; /* NULL: there was no configuration yet */
	unsigned bulk_sync_id;
	bool had_bulk;
};

/* What the parts need */

/* A message to the peer: false, before it has said hello. */
static bool say(enum stream_type type, const void *data, size_t len, void *userdata)
{
	struct peer *p = userdata;

	return p->greeted && stream_send(p->stream, type, data, len);
}

static void look(struct news_facts *ret, void *userdata)
{
	const struct peer *p = userdata;

	*ret = (struct news_facts){.wanted = p->settings,
		.alive = life_is_alive(p->life),
		.stream = p->greeted,
		.state = states_of_peer(p->states)};
}

static void on_state_changed(void *userdata)
{
	struct peer *p = userdata;

	news_state_changed(p->news);
}

static void listen_now(void *userdata)
{
	struct peer *p = userdata;

	p->world->listen(p->world->userdata);
}

static bool can_hear(void *userdata)
{
	struct peer *p = userdata;

	return p->world->can_hear(p->world->userdata);
}

static void on_life(void *userdata)
{
	struct peer *p = userdata;

	if (p->stream)
		stream_hurry(p->stream);
	news_changed(p->news);
}

static void on_death(const char *reason, void *userdata)
{
	struct peer *p = userdata;

	if (reason)
		news_reason(p->news, reason);
	news_changed(p->news);
}

static void on_patience_gone(const char *reason, void *userdata)
{
	struct peer *p = userdata;

	if (p->stream)
		stream_close(p->stream, reason);
}

static void on_beat(void *userdata)
{
	(void)say(STREAM_BEAT, NULL, 0, userdata); /* no room: what is there says as much */
}

static void on_lost(void *userdata)
{
	struct peer *p = userdata;

	bulk_ask(p->bulk, false);
}

static size_t bulk_queued(void *userdata)
{
	struct peer *p = userdata;

	return p->stream ? stream_queued(p->stream) : 0;
}

static int bulk_inject(const void *message, size_t len, void *userdata)
{
	struct peer *p = userdata;

	return p->world->inject(message, len, p->world->userdata);
}

static int bulk_kernel_queue(struct udp_queue *ret, void *userdata)
{
	struct peer *p = userdata;

	return p->world->kernel_queue(ret, p->world->userdata);
}

/* What came by datagram */

void peer_item(struct peer *p, const struct link_item *item)
{
	if (!p->settings)
		return;
	if (item->type == LINK_ITEM_HEARTBEAT)
		life_item(p->life, item);
	else if (item->type == LINK_ITEM_TRACKED &&
		 !tracking_from_peer(&p->tracking, item->body, item->len))
		p->world->counts->n[COUNT_BAD_MESSAGE]++;
}

void peer_datagrams_read(struct peer *p)
{
	if (p->settings)
		repair_look(p->repair);
}

void peer_not_injected(struct peer *p)
{
	if (p->bulk)
		bulk_not_injected(p->bulk);
}

/* Hello */

static void say_hello(struct peer *p)
{
	char *text = greeting_build(p->settings, p->world->session);

	if (text)
		(void)stream_send(p->stream, STREAM_HELLO, text, strlen(text));
	else
		stream_close(p->stream, strerror(ENOMEM));
	free(text);
}

static void say_agreed(struct peer *p)
{
	uint8_t bytes[AGREED_LEN];

	be64_put(bytes, session_agreement(p->world->session));
	(void)stream_send(p->stream, STREAM_AGREED, bytes, sizeof(bytes));
}

static bool on_agreed(struct peer *p, const uint8_t *data, size_t len)
{
	if (len != AGREED_LEN)
		return false;
	if (session_agreed(p->world->session, be64_get(data))) {
		life_send(p->life);
		return true;
	}
	p->world->counts->n[COUNT_NO_COMMON_KEY]++;
	(void)snprintf(p->last_failure, sizeof(p->last_failure), "%s", NO_COMMON_KEY);
	stream_close(p->stream, NO_COMMON_KEY);
	return true;
}

/* Returns what is wrong. */
static const char *on_hello(struct peer *p, const uint8_t *data, size_t len)
{
	enum session_news news;
	const char *wrong = p->greeted
				    ? "hello: said twice"
				    : greeting_take(p->settings, p->world->session, p->world->keys,
					      stream_key_id(p->stream), data, len, &news);

	if (wrong)
		return wrong;
	if (news == SESSION_FRESH) {
		life_forget(p->life);
		states_forget(p->states);
	}
	p->greeted = true;
	news_reason(p->news, life_is_alive(p->life) ? "" : "no heartbeat yet");
	say_agreed(p);
	states_opened(p->states);
	bulk_opened(p->bulk);
	repair_opened(p->repair);
	news_changed(p->news);
	return NULL;
}

/* The stream */

static void on_opened(struct stream *s, void *userdata)
{
	struct peer *p = userdata;

	(void)s;
	p->world->counts->n[COUNT_STREAM_OPENED]++;
	say_hello(p);
}

static void on_closed(struct stream *s, const char *reason, void *userdata)
{
	struct peer *p = userdata;

	(void)s;
	p->greeted = false;
	repair_closed(p->repair);
	news_reason(p->news, reason);
	bulk_closed(p->bulk);
	news_changed(p->news);
}

static void count_failure(struct counts *counts, enum stream_failure failure)
{
	counts->n[COUNT_STREAM_FAILED]++;
	switch (failure) {
	case STREAM_FAILED_OTHERWISE:
		break;
	case STREAM_WRONG_KEY:
		counts->n[COUNT_STREAM_WRONG_KEY]++;
		break;
	case STREAM_JUNK:
		counts->n[COUNT_STREAM_JUNK]++;
		break;
	case STREAM_SLOW:
		counts->n[COUNT_STREAM_SLOW]++;
		break;
	case STREAM_STRANGER:
		counts->n[COUNT_STREAM_STRANGER]++;
		break;
	}
}

static void on_failed(
	struct stream *s, enum stream_failure failure, const char *reason, void *userdata)
{
	struct peer *p = userdata;

	(void)s;
	count_failure(p->world->counts, failure);
	(void)snprintf(p->last_failure, sizeof(p->last_failure), "%s", reason);
	if (p->greeted)
		return;
	news_reason(p->news, reason);
	news_changed(p->news);
}

static void on_drained(struct stream *s, void *userdata)
{
	struct peer *p = userdata;

	(void)s;
	states_drained(p->states);
	bulk_drained(p->bulk);
}

/* Returns what is wrong. */
static const char *take_message(
	struct peer *p, enum stream_type type, const uint8_t *data, size_t len)
{
	bool ok = true;

	if (type == STREAM_HELLO)
		return on_hello(p, data, len);
	if (!p->greeted)
		return "no hello first";
	switch (type) {
	case STREAM_AGREED:
		ok = on_agreed(p, data, len);
		break;
	case STREAM_STATE:
		ok = states_message(p->states, data, len);
		break;
	case STREAM_REPAIR_ASK:
	case STREAM_REPAIR:
	case STREAM_REPAIR_GONE:
		ok = repair_message(p->repair, type, data, len);
		break;
	case STREAM_RESYNC_ASK:
	case STREAM_RECORDS:
	case STREAM_RECORDS_ACK:
	case STREAM_RESYNC_DONE:
	case STREAM_DIGEST:
		ok = bulk_message(p->bulk, type, data, len);
		break;
	case STREAM_TRACKED:
		ok = tracking_from_peer(&p->tracking, data, len);
		break;
	case STREAM_BEAT:
		break;
	case STREAM_HELLO:
	case STREAM_TYPE_MAX_:
		break;
	}
	return ok ? NULL : "a message that is not understood";
}

static void on_message(
	struct stream *s, enum stream_type type, const uint8_t *data, size_t len, void *userdata)
{
	struct peer *p = userdata;
	const char *wrong;

	life_stream_heard(p->life);
	wrong = take_message(p, type, data, len);
	if (!wrong)
		return;
	p->world->counts->n[COUNT_BAD_MESSAGE]++;
	stream_close(s, wrong);
}

/* The director */

void peer_message(struct peer *p, const char *method, const json_t *parameters)
{
	if (strcmp(method, "State") == 0) {
		states_set_own(p->states, json_object_get(parameters, "state"));
	} else if (strcmp(method, "Resync") == 0 && p->bulk) {
		bulk_ask(p->bulk, true);
	} else if (strcmp(method, "Coverage") == 0 && p->bulk) {
		bulk_ask_coverage(p->bulk);
	} else if (strcmp(method, "Tracked") == 0 && p->settings) {
		tracking_from_director(
			&p->tracking, json_string_value(json_object_get(parameters, "entries")));
	}
}

void peer_report(struct peer *p, json_t *report)
{
	char id[PAIR_KEY_TEXT_MAX];
	bool known = session_is_known(p->world->session);

	(void)json_object_set_new(report, "peer",
		json_pack("{s:b, s:b, s:s, s:s, s:I, s:I, s:s?, s:I}", "alive",
			life_is_alive(p->life), "stream", p->greeted, "reason",
			news_last_reason(p->news), "last_failure", p->last_failure, "heard_us",
			(json_int_t)life_heard(p->life).us, "rtt_us",
			(json_int_t)life_rtt_us(p->life), "key",
			known ? pair_key_format_id(session_key_id(p->world->session), id) : NULL,
			"queued", (json_int_t)(p->stream ? stream_queued(p->stream) : 0)));
	if (p->bulk)
		bulk_report(p->bulk, report);
}

/* Start, change, end */

static void stop_stream(struct peer *p, const char *reason)
{
	if (p->bulk)
		bulk_closed(p->bulk);
	p->greeted = false;
	repair_closed(p->repair);
	stream_free(p->stream);
	p->stream = NULL;
	news_reason(p->news, reason);
	news_changed(p->news);
}

static int start_stream(struct peer *p)
{
	static const struct stream_handler handler = {
		.opened = on_opened,
		.message = on_message,
		.drained = on_drained,
		.closed = on_closed,
		.failed = on_failed,
	};
	const struct settings *s = p->settings;
	struct stream_settings settings = {.own = s->own_address,
		.peer = s->peer_address,
		.port = s->port,
		.keys = p->world->keys};

	/* With one interface the stream may use no other; with several the routes decide. */
	if (s->n_interfaces == 1)
		(void)snprintf(
			settings.interface, sizeof(settings.interface), "%s", s->interfaces[0]);
	return stream_new(helper_loop(p->world->helper), &settings, &handler, p, &p->stream);
}

/* A resync's messages carry the sync id: another one, another resync. */
static int renew_bulk(struct peer *p)
{
	bool is_first;

	if (p->bulk && p->bulk_sync_id == p->settings->sync_id)
		return 0;
	bulk_free(p->bulk);
	p->bulk = NULL;
	p->bulk_sync_id = p->settings->sync_id;
	is_first = !p->had_bulk;
	p->had_bulk = true;
	return bulk_new(&p->bulk_world, (uint8_t)p->settings->sync_id, is_first, &p->bulk);
}

int peer_configure(struct peer *p, const struct settings *settings, bool new_stream)
{
	int r;

	p->settings = settings;
	if (p->stream && new_stream)
		stop_stream(p, "another configuration");
	r = renew_bulk(p);
	if (r < 0)
		return r;
	life_start(p->life, settings->heartbeat_us);
	return p->stream ? 0 : start_stream(p);
}

void peer_keys_changed(struct peer *p)
{
	if (!pair_keys_find(p->world->keys, session_key_id(p->world->session)))
		session_end(p->world->session);
	if (p->stream)
		stream_keys_changed(p->stream);
}

void peer_off(struct peer *p)
{
	if (!p->settings)
		return;
	stop_stream(p, "off");
	session_end(p->world->session);
	life_forget(p->life);
	states_forget(p->states);
	life_stop(p->life);
	p->settings = NULL;
	news_forget(p->news);
}

static void connect_parts(struct peer *p)
{
	const struct peer_world *w = p->world;
	sd_event *loop = helper_loop(w->helper);

	p->news_world = (struct news_world){.helper = w->helper, .look = look, .userdata = p};
	p->states_world = (struct states_world){
		.page = w->page, .send = say, .changed = on_state_changed, .userdata = p};
	p->life_world = (struct life_world){.loop = loop,
		.counts = w->counts,
		.relay = w->relay,
		.page = w->page,
		.listen = listen_now,
		.can_hear = can_hear,
		.began = on_life,
		.ended = on_death,
		.give_up = on_patience_gone,
		.beat = on_beat,
		.userdata = p};
	p->repair_world = (struct repair_world){.loop = loop,
		.counts = w->counts,
		.session = w->session,
		.relay = w->relay,
		.send = say,
		.lost = on_lost,
		.userdata = p};
	p->tracking = (struct tracking){
		.helper = w->helper, .relay = w->relay, .send = say, .userdata = p};
	p->bulk_world = (struct bulk_world){.helper = w->helper,
		.shadow = w->shadow,
		.send = say,
		.queued = bulk_queued,
		.inject = bulk_inject,
		.kernel_queue = bulk_kernel_queue,
		.userdata = p};
}

static int make_parts(struct peer *p)
{
	int r = news_new(&p->news_world, &p->news);

	if (r >= 0)
		r = states_new(&p->states_world, &p->states);
	p->life_world.states = p->states;
	if (r >= 0)
		r = life_new(&p->life_world, &p->life);
	if (r >= 0)
		r = repair_new(&p->repair_world, &p->repair);
	return r;
}

int peer_new(const struct peer_world *world, struct peer **ret)
{
	struct peer *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->world = world;
	connect_parts(p);
	r = make_parts(p);
	if (r < 0) {
		peer_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	stream_free(p->stream);
	bulk_free(p->bulk);
	repair_free(p->repair);
	life_free(p->life);
	states_free(p->states);
	news_free(p->news);
	free(p);
}
