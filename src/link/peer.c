/* Two things are known about the peer, and told apart: whether it lives (heartbeats, by datagram)
 * and whether the stream stands. Either may be there without the other for a while. */
#include "link/peer.h"

#include "base/byteorder.h"
#include "core/tracked.h"
#include "core/vrrp.h"
#include "io/clock.h"
#include "link/bulk.h"
#include "link/hello.h"
#include "link/hex.h"
#include "link/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define REASON_MAX 200
#define STATE_HEAD 4 /* its number */
#define REASON_INTERVAL_US 1000000
#define RANGES_MAX 64u /* in one question */
#define REPAIR_HEAD 8  /* its sequence number */
#define TIMER_ACCURACY_US 1000
#define BEFORE_OTHERS (SD_EVENT_PRIORITY_NORMAL - 20)

/* 3.5 heartbeats of silence are the peer's death. */
#define SILENCE_HALVES 7
#define SILENT_BEATS 2      /* of our own, in time, that found it silent: then it is dead */
#define PATIENCE_US 3000000 /* of silence, before the stream is given up */

struct peer {
	const struct peer_world *world;
	const struct settings *settings; /* NULL: off */
	struct stream *stream;
	struct bulk_world bulk_world;
	struct bulk *bulk;
	unsigned bulk_sync_id;
	bool had_bulk;
	bool greeted; /* the hello of the peer was taken, on the stream that is open */
	uint64_t process;

	sd_event_source *beat, *silence, *repair, *tell;
	struct instant next_beat;
	struct instant heard; /* {0}: not in this session */
	struct instant stream_heard;
	unsigned silent_beats;
	bool alive;
	struct heartbeat last; /* that was heard */
	uint64_t rtt_us;       /* 0: not measured */

	char *own_state; /* JSON; NULL: the director did not say it yet */
	uint32_t own_number;
	bool own_unsent;
	json_t *state; /* the peer's; NULL: not known */
	uint32_t number;

	char reason[REASON_MAX];       /* why it is not alive, or the stream not there */
	char last_failure[REASON_MAX]; /* of an attempt */
	struct {
		bool said, alive, stream;
		char reason[REASON_MAX];
		struct instant at;
	} told;
	bool state_untold;
};

static void set_timer(sd_event_source *timer, struct instant at)
{
	if (instant_is_never(at)) {
		(void)sd_event_source_set_enabled(timer, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(timer, at.us);
	(void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* What the director is told */

static void give_reason(struct peer *p, const char *reason)
{
	(void)snprintf(p->reason, sizeof(p->reason), "%s", reason);
}

/* Another reason alone may be some stranger's doing: not more than one a second. */
static bool is_news(const struct peer *p)
{
	if (!p->told.said || p->told.alive != p->alive || p->told.stream != p->greeted ||
		p->state_untold)
		return true;
	return strcmp(p->told.reason, p->reason) != 0 &&
	       instant_reached(instant_add(p->told.at, REASON_INTERVAL_US), clock_now());
}

static int on_tell(sd_event_source *source, void *userdata)
{
	struct peer *p = userdata;

	(void)source;
	if (!p->settings || !is_news(p))
		return 0;
	p->told.said = true;
	p->told.at = clock_now();
	memcpy(p->told.reason, p->reason, sizeof(p->told.reason));
	p->told.alive = p->alive;
	p->told.stream = p->greeted;
	p->state_untold = false;
	helper_send(p->world->helper, "Peer",
		json_pack("{s:b, s:b, s:O?, s:s}", "alive", p->alive, "stream", p->greeted, "state",
			p->state, "reason", p->alive && p->greeted ? "" : p->reason));
	return 0;
}

/* Once a turn, whatever happened in it. */
static void changed(struct peer *p)
{
	(void)sd_event_source_set_enabled(p->tell, SD_EVENT_ONESHOT);
}

/* The page that the elector reads */

static uint32_t state_by_name(const char *name)
{
	for (uint32_t i = VRRP_INITIALIZE; i <= VRRP_ACTIVE; i++)
		if (name && strcmp(vrrp_state_name((enum vrrp_state)i), name) == 0)
			return i;
	return VRRP_INITIALIZE;
}

static void write_page(struct peer *p)
{
	struct peer_router routers[PEER_PAGE_ROUTERS_MAX];
	json_t *all = json_object_get(p->state, "routers"), *router;
	const char *name;
	size_t n = 0;

	if (!p->world->page)
		return;
	json_object_foreach (all, name, router) {
		const char *state = json_string_value(json_object_get(router, "state"));

		if (n == PEER_PAGE_ROUTERS_MAX)
			break;
		routers[n++] = (struct peer_router){
			.name_hash = peer_page_hash(name),
			.state = state_by_name(state),
			.flags = json_is_true(json_object_get(router, "cut_off"))
					 ? PEER_ROUTER_CUT_OFF
					 : 0,
		};
	}
	peer_page_write(p->world->page, routers, n, clock_now());
}

/* Life */

static uint64_t silence_us(const struct peer *p)
{
	return p->settings->heartbeat_us * SILENCE_HALVES / 2;
}

/* A host that was busy for a moment keeps its stream; after a real cut TCP would wait for seconds
 * although the way is there again, and a new connection is there at once. */
static uint64_t patience_us(const struct peer *p)
{
	return silence_us(p) > PATIENCE_US ? silence_us(p) : PATIENCE_US;
}

static void forget_life(struct peer *p)
{
	p->alive = false;
	p->heard = (struct instant){0};
	p->last = (struct heartbeat){0};
	p->rtt_us = 0;
	set_timer(p->silence, INSTANT_NEVER);
	if (p->world->page)
		peer_page_forget(p->world->page);
	changed(p);
}

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct peer *p = userdata;
	struct instant deadline;
	char reason[REASON_MAX];

	(void)source;
	(void)usec;
	p->world->listen(p->world->userdata); /* we may be the one who was late */
	deadline = instant_add(p->heard, silence_us(p));
	if (!instant_reached(deadline, clock_now())) {
		set_timer(p->silence, deadline);
		return 0;
	}
	(void)snprintf(reason, sizeof(reason), "no heartbeat for %llu ms",
		(unsigned long long)(p->alive ? silence_us(p) : patience_us(p)) / 1000);
	if (p->alive) {
		p->alive = false;
		give_reason(p, reason);
		changed(p);
	}
	deadline = instant_add(p->heard, patience_us(p));
	if (!instant_reached(deadline, clock_now()))
		set_timer(p->silence, deadline);
	else if (p->stream)
		stream_close(p->stream, reason);
	return 0;
}

static void hear_heartbeat(struct peer *p, const struct link_item *item)
{
	struct instant now = clock_now();
	struct heartbeat h;

	if (!heartbeat_parse(item->body, item->len, &h)) {
		p->world->counts->n[COUNT_BAD_MESSAGE]++;
		return;
	}
	if (h.echo_us && now.us > h.echo_us + h.held_us)
		p->rtt_us = now.us - h.echo_us - h.held_us;
	p->last = h;
	p->heard = now;
	set_timer(p->silence, instant_add(now, silence_us(p)));
	if (p->world->page)
		peer_page_heard(p->world->page, now, p->state && h.state == p->number);
	if (!p->alive) {
		p->alive = true;
		if (p->stream)
			stream_hurry(p->stream);
		changed(p);
	}
}

static void send_heartbeat(struct peer *p)
{
	struct instant now = clock_now();
	struct heartbeat h = {
		.process = p->process,
		.state = p->own_number,
		.sent_us = now.us,
		.echo_us = p->last.sent_us,
		.held_us = p->heard.us ? instant_between_us(p->heard, now) : 0,
	};
	uint8_t body[HEARTBEAT_LEN];

	heartbeat_build(&h, body);
	(void)relay_send_item(p->world->relay, LINK_ITEM_HEARTBEAT, body, sizeof(body));
}

/* Neither by datagram on any interface nor over the stream. */
static bool is_silent(const struct peer *p, struct instant now)
{
	return p->heard.us && instant_between_us(p->heard, now) >= silence_us(p) &&
	       instant_between_us(p->stream_heard, now) >= silence_us(p) &&
	       p->world->can_hear(p->world->userdata);
}

/* For those who succeed a dead peer sooner. A process that is late may have been deaf, not the peer
 * silent. */
static void look_for_death(struct peer *p, struct instant now)
{
	bool in_time = instant_between_us(p->next_beat, now) < p->settings->heartbeat_us;
	struct instant until = {0};

	if (!p->world->page)
		return;
	if (is_silent(p, now))
		p->world->listen(p->world->userdata);
	p->silent_beats = in_time && is_silent(p, now) ? p->silent_beats + 1 : 0;
	if (p->silent_beats >= SILENT_BEATS)
		until = instant_add(now, 2 * p->settings->heartbeat_us);
	peer_page_dead(p->world->page, until);
}

static int on_beat(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct peer *p = userdata;
	struct instant now = clock_now();

	(void)source;
	(void)usec;
	look_for_death(p, now);
	send_heartbeat(p);
	if (p->greeted) /* no room: what is there says as much */
		(void)stream_send(p->stream, STREAM_BEAT, NULL, 0);
	p->next_beat = instant_add(p->next_beat, p->settings->heartbeat_us);
	if (instant_reached(p->next_beat, now)) /* late: what passed is not made up for */
		p->next_beat = instant_add(now, p->settings->heartbeat_us);
	set_timer(p->beat, p->next_beat);
	return 0;
}

/* Entries of connection tracking: the directors' business, as far as they are entries. */

static bool on_tracked(struct peer *p, const uint8_t *data, size_t len)
{
	struct tracked_reader reader;
	char *hex;

	if (!tracked_reader_open(&reader, data, len))
		return false;
	hex = malloc(2 * len + 1);
	if (!hex)
		return true;
	hex_write(data, len, hex);
	helper_send(p->world->helper, "Tracked", json_pack("{s:s}", "entries", hex));
	free(hex);
	return true;
}

/* By datagram while they fit one, which is repaired when it is lost. */
static bool pass_tracked(struct peer *p, const uint8_t *bytes, size_t len)
{
	if (len <= p->world->relay->message_max &&
		relay_send_item(p->world->relay, LINK_ITEM_TRACKED, bytes, len))
		return true;
	return p->greeted && stream_send(p->stream, STREAM_TRACKED, bytes, len);
}

/* Pieces of a bulk are sent again when they are not acknowledged; what is live is not. */
static void send_tracked(struct peer *p, const char *hex)
{
	size_t len = hex ? strlen(hex) / 2 : 0;
	uint8_t *bytes = len > 0 && len <= STREAM_MESSAGE_MAX ? malloc(len) : NULL;
	struct tracked_reader reader;

	if (bytes && hex_read(hex, bytes, len) && !pass_tracked(p, bytes, len) &&
		tracked_reader_open(&reader, bytes, len) && reader.header.kind == TRACKED_LIVE)
		helper_send(p->world->helper, "TrackedLost", json_object());
	free(bytes);
}

void peer_item(struct peer *p, const struct link_item *item)
{
	if (!p->settings)
		return;
	if (item->type == LINK_ITEM_HEARTBEAT)
		hear_heartbeat(p, item);
	else if (item->type == LINK_ITEM_TRACKED && !on_tracked(p, item->body, item->len))
		p->world->counts->n[COUNT_BAD_MESSAGE]++;
}

/* Repairs */

static void ask_for_repairs(struct peer *p)
{
	struct link_range ranges[RANGES_MAX];
	uint8_t bytes[RANGES_MAX * LINK_RANGE_LEN];
	unsigned n;

	if (session_has_lost(p->world->session))
		bulk_ask(p->bulk, false);
	n = p->greeted ? session_missing(p->world->session, clock_now(), ranges, RANGES_MAX) : 0;
	for (unsigned i = 0; i < n; i++)
		link_range_build(&ranges[i], bytes + i * LINK_RANGE_LEN);
	if (n > 0) /* no room: it is asked again in a while */
		(void)stream_send(p->stream, STREAM_REPAIR_ASK, bytes, n * LINK_RANGE_LEN);
	set_timer(p->repair, p->greeted ? session_missing_at(p->world->session) : INSTANT_NEVER);
}

static int on_repair(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	ask_for_repairs(userdata);
	return 0;
}

void peer_datagrams_read(struct peer *p)
{
	if (!p->settings)
		return;
	if (session_has_lost(p->world->session))
		bulk_ask(p->bulk, false);
	if (p->greeted)
		set_timer(p->repair, session_missing_at(p->world->session));
}

void peer_not_injected(struct peer *p)
{
	if (p->bulk)
		bulk_not_injected(p->bulk);
}

static bool send_gone(struct peer *p, uint64_t first, uint64_t last)
{
	uint8_t bytes[LINK_RANGE_LEN];

	link_range_build(&(struct link_range){first, last}, bytes);
	p->world->counts->n[COUNT_REPAIR_GONE] += last - first + 1;
	return stream_send(p->stream, STREAM_REPAIR_GONE, bytes, sizeof(bytes));
}

static bool send_repair(struct peer *p, uint64_t sequence, const uint8_t *text, size_t len)
{
	uint8_t bytes[REPAIR_HEAD + SESSION_TEXT_MAX];

	be64_put(bytes, sequence);
	memcpy(bytes + REPAIR_HEAD, text, len);
	if (!stream_send(p->stream, STREAM_REPAIR, bytes, REPAIR_HEAD + len))
		return false;
	p->world->counts->n[COUNT_REPAIR_GIVEN]++;
	return true;
}

/* What is not kept is named as one range; what the stream has no room for is asked for again. */
static bool give_range(struct peer *p, const struct link_range *range)
{
	uint64_t sent = session_sent(p->world->session);
	uint64_t kept = sent >= SESSION_RING ? sent - SESSION_RING + 1 : 1;
	uint64_t first = range->first, last = range->last < sent ? range->last : sent;

	if (first > last)
		return true; /* never sent */
	if (first < kept) {
		if (!send_gone(p, first, last < kept ? last : kept - 1))
			return false;
		first = kept;
	}
	for (uint64_t i = first; i <= last; i++) {
		size_t len;
		const uint8_t *text = session_sent_text(p->world->session, i, &len);
		if (text ? !send_repair(p, i, text, len) : !send_gone(p, i, i))
			return false;
	}
	return true;
}

static bool on_repair_ask(struct peer *p, const uint8_t *data, size_t len)
{
	struct link_range range;

	if (len == 0 || len % LINK_RANGE_LEN != 0 || len > RANGES_MAX * LINK_RANGE_LEN)
		return false;
	for (size_t at = 0; at < len; at += LINK_RANGE_LEN) {
		if (!link_range_parse(data + at, &range))
			return false;
		if (!give_range(p, &range))
			return true;
	}
	return true;
}

static bool on_repair_given(struct peer *p, const uint8_t *data, size_t len)
{
	struct instant seen;

	if (len <= REPAIR_HEAD || len > REPAIR_HEAD + SESSION_TEXT_MAX)
		return false;
	if (!session_repaired(p->world->session, be64_get(data), clock_now(), &seen))
		return true;
	relay_from_peer(p->world->relay, data + REPAIR_HEAD, len - REPAIR_HEAD, seen, true);
	relay_flush_in(p->world->relay);
	return true;
}

static bool on_repair_gone(struct peer *p, const uint8_t *data, size_t len)
{
	struct link_range range;

	if (len != LINK_RANGE_LEN || !link_range_parse(data, &range))
		return false;
	session_gone(p->world->session, &range);
	if (session_has_lost(p->world->session))
		bulk_ask(p->bulk, false);
	return true;
}

/* States */

static void send_state(struct peer *p)
{
	size_t len = p->own_state ? strlen(p->own_state) : 0;
	uint8_t *bytes;

	if (!p->greeted || !p->own_state || len > STREAM_MESSAGE_MAX - STATE_HEAD)
		return;
	p->own_unsent = true;
	bytes = malloc(STATE_HEAD + len);
	if (!bytes)
		return;
	be32_put(bytes, p->own_number);
	memcpy(bytes + STATE_HEAD, p->own_state, len);
	if (stream_send(p->stream, STREAM_STATE, bytes, STATE_HEAD + len))
		p->own_unsent = false; /* otherwise when there is room */
	free(bytes);
}

static void set_own_state(struct peer *p, const json_t *state)
{
	char *text = json_is_object(state) ? json_dumps(state, JSON_COMPACT) : NULL;

	if (!text)
		return;
	free(p->own_state);
	p->own_state = text;
	p->own_number++;
	send_state(p);
}

static bool on_state(struct peer *p, const uint8_t *data, size_t len)
{
	json_t *state;

	if (len < STATE_HEAD)
		return false;
	state = json_loadb(
		(const char *)data + STATE_HEAD, len - STATE_HEAD, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(state)) {
		json_decref(state);
		return false;
	}
	json_decref(p->state);
	p->state = state;
	p->number = be32_get(data);
	p->state_untold = true;
	write_page(p);
	changed(p);
	return true;
}

static void forget_state(struct peer *p)
{
	json_decref(p->state);
	p->state = NULL;
	p->number = 0;
	p->state_untold = true;
}

/* Hello */

static void say_hello(struct peer *p)
{
	struct hello h = {.cipher = seal_preferred(), .sync_id = p->settings->sync_id};
	char *text;

	(void)snprintf(h.node, sizeof(h.node), "%s", p->settings->node);
	memcpy(h.nonce, session_nonce(p->world->session), sizeof(h.nonce));
	text = hello_build(&h);
	if (text)
		(void)stream_send(p->stream, STREAM_HELLO, text, strlen(text));
	else
		stream_close(p->stream, strerror(ENOMEM));
	free(text);
}

static const char *judge_hello(const struct peer *p, const struct hello *h)
{
	if (strcmp(h->node, p->settings->peer) != 0)
		return "hello: it is not the node that it should be";
	if (h->sync_id != p->settings->sync_id)
		return "hello: another sync id";
	if (memcmp(h->nonce, session_nonce(p->world->session), sizeof(h->nonce)) == 0)
		return "hello: our own";
	return NULL;
}

static const char *agree(struct peer *p, const struct hello *h)
{
	struct session_terms terms = {
		.key = pair_keys_find(p->world->keys, stream_key_id(p->stream)),
		.own_name = p->settings->node,
		.peer_name = p->settings->peer,
		.peer_cipher = h->cipher,
	};
	int r;

	if (!terms.key)
		return "hello: its key is not accepted any more";
	memcpy(terms.peer_nonce, h->nonce, sizeof(terms.peer_nonce));
	r = session_agree(p->world->session, &terms);
	if (r < 0)
		return "hello: no keys could be made";
	if (r == SESSION_FRESH) {
		forget_life(p);
		forget_state(p);
	}
	return NULL;
}

/* Returns what is wrong. */
static const char *on_hello(struct peer *p, const uint8_t *data, size_t len)
{
	struct hello h;
	const char *wrong = p->greeted ? "said twice" : hello_parse(data, len, &h);
	static char text[80]; /* a clause of hello_parse() does not say what it is about */

	if (wrong) {
		(void)snprintf(text, sizeof(text), "hello: %s", wrong);
		return text;
	}
	wrong = judge_hello(p, &h);
	if (!wrong)
		wrong = agree(p, &h);
	if (wrong)
		return wrong;
	p->greeted = true;
	give_reason(p, p->alive ? "" : "no heartbeat yet");
	(void)stream_send(p->stream, STREAM_AGREED, NULL, 0);
	send_state(p);
	bulk_opened(p->bulk);
	ask_for_repairs(p);
	changed(p);
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
	set_timer(p->repair, INSTANT_NEVER);
	give_reason(p, reason);
	bulk_closed(p->bulk);
	changed(p);
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
	give_reason(p, reason);
	changed(p);
}

static void on_drained(struct stream *s, void *userdata)
{
	struct peer *p = userdata;

	(void)s;
	if (p->own_unsent)
		send_state(p);
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
		session_agreed(p->world->session);
		send_heartbeat(p);
		break;
	case STREAM_STATE:
		ok = on_state(p, data, len);
		break;
	case STREAM_REPAIR_ASK:
		ok = on_repair_ask(p, data, len);
		break;
	case STREAM_REPAIR:
		ok = on_repair_given(p, data, len);
		break;
	case STREAM_REPAIR_GONE:
		ok = on_repair_gone(p, data, len);
		break;
	case STREAM_RESYNC_ASK:
	case STREAM_RECORDS:
	case STREAM_RECORDS_ACK:
	case STREAM_RESYNC_DONE:
	case STREAM_DIGEST:
		ok = bulk_message(p->bulk, type, data, len);
		break;
	case STREAM_TRACKED:
		ok = on_tracked(p, data, len);
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

	p->stream_heard = clock_now();
	wrong = take_message(p, type, data, len);
	if (!wrong)
		return;
	p->world->counts->n[COUNT_BAD_MESSAGE]++;
	stream_close(s, wrong);
}

/* What bulk needs */

static bool bulk_send(enum stream_type type, const void *data, size_t len, void *userdata)
{
	struct peer *p = userdata;

	return p->greeted && stream_send(p->stream, type, data, len);
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

/* The director */

void peer_message(struct peer *p, const char *method, const json_t *parameters)
{
	if (strcmp(method, "State") == 0) {
		set_own_state(p, json_object_get(parameters, "state"));
	} else if (strcmp(method, "Resync") == 0 && p->bulk) {
		bulk_ask(p->bulk, true);
	} else if (strcmp(method, "Coverage") == 0 && p->bulk) {
		bulk_ask_coverage(p->bulk);
	} else if (strcmp(method, "Tracked") == 0 && p->settings) {
		send_tracked(p, json_string_value(json_object_get(parameters, "entries")));
	}
}

void peer_report(struct peer *p, json_t *report)
{
	char id[PAIR_KEY_TEXT_MAX];
	bool known = session_is_known(p->world->session);

	(void)json_object_set_new(report, "peer",
		json_pack("{s:b, s:b, s:s, s:s, s:I, s:I, s:s?, s:I}", "alive", p->alive, "stream",
			p->greeted, "reason", p->reason, "last_failure", p->last_failure,
			"heard_us", (json_int_t)p->heard.us, "rtt_us", (json_int_t)p->rtt_us, "key",
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
	stream_free(p->stream);
	p->stream = NULL;
	give_reason(p, reason);
	changed(p);
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
	p->next_beat = clock_now();
	set_timer(p->beat, p->next_beat);
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
	forget_life(p);
	forget_state(p);
	set_timer(p->beat, INSTANT_NEVER);
	p->settings = NULL;
	p->told.said = false;
}

static int add_timer(struct peer *p, sd_event_source **ret, sd_event_time_handler_t handler)
{
	int r = sd_event_add_time(helper_loop(p->world->helper), ret, CLOCK_BOOTTIME, 0,
		TIMER_ACCURACY_US, handler, p);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

static int set_up(struct peer *p)
{
	int r = add_timer(p, &p->beat, on_beat);

	if (r >= 0)
		r = sd_event_source_set_priority(p->beat, BEFORE_OTHERS);
	if (r >= 0)
		r = add_timer(p, &p->silence, on_silence);
	if (r >= 0)
		r = add_timer(p, &p->repair, on_repair);
	if (r >= 0)
		r = sd_event_add_defer(helper_loop(p->world->helper), &p->tell, on_tell, p);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->tell, SD_EVENT_OFF);
	return r;
}

int peer_new(const struct peer_world *world, struct peer **ret)
{
	struct peer *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->world = world;
	p->bulk_world = (struct bulk_world){.helper = world->helper,
		.shadow = world->shadow,
		.send = bulk_send,
		.queued = bulk_queued,
		.inject = bulk_inject,
		.kernel_queue = bulk_kernel_queue,
		.userdata = p};
	(void)getrandom(&p->process, sizeof(p->process), GRND_NONBLOCK);
	r = set_up(p);
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
	sd_event_source_disable_unref(p->beat);
	sd_event_source_disable_unref(p->silence);
	sd_event_source_disable_unref(p->repair);
	sd_event_source_disable_unref(p->tell);
	json_decref(p->state);
	free(p->own_state);
	free(p);
}
