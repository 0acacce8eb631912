/* Three machines that share a stream. Giving: a walk over our table for whoever asked. Pushing: a
 * few connections that a comparison of digests found the peer to lack. Taking: what came is held
 * against our table by its age, and what is news goes to the kernel by the feeder. All messages
 * with records are counted in one window, and acknowledged when the kernel has what they brought.
 */
#include "link/resync.h"

#include "core/bulk_message.h"
#include "link/feeder.h"
#include "link/shadow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 16u                     /* messages on their way or in the peer's queue */
#define GIVE_STEP 4u                   /* messages per step */
#define QUEUE_MAX ((size_t)256 * 1024) /* of the stream: more than that waits here */
#define FULL_US 50000u                 /* until the stream is tried again */
#define STALLED_US 120000000u          /* the peer may be reading its table from /proc */
#define MISSING_MAX_US 10000000u       /* the kernel's daemon */
#define RETRY_US 5000000u
#define REFRESH_US 1000000 /* the same, said so much later, is news: it goes on living */
#define DRIFT 5000u        /* two clocks differ by less than one in so many */

struct giving {
	uint32_t id; /* 0: nobody asked */
	bool waits;  /* until our table is ready */
	struct shadow_walk walk;
	uint64_t records;
};

struct pushing {
	size_t n, at;
	uint64_t places[RESYNC_PUSH_MAX];
};

/* A message of records is acknowledged when the feeder has got there. */
struct mark {
	uint64_t fed;
};

struct taking {
	enum resync_state state;
	uint32_t id;
	bool force, told_done;
	struct instant asked, heard, retry;
	uint64_t ended_us;        /* how long it took */
	uint64_t process, cursor; /* where the peer is */
	uint64_t records, news, drops_before, injected_before;
	bool incomplete;
	const char *reason;
};

struct resync {
	struct shadow *shadow;
	struct resync_settings settings;
	struct resync_world world;
	bool open;
	bool table_ready, table_complete;
	uint32_t last_id;

	struct giving giving;
	struct pushing pushing;
	uint32_t sent, acked; /* messages since the stream opened */
	uint64_t sent_records;
	uint64_t peer_clock_us; /* as heard last; 0: not yet */

	struct taking taking;
	struct feeder feeder;
	struct mark marks[WINDOW];
	uint32_t came, done,
		told; /* messages since the stream opened: taken; with the kernel; told */
	bool has_offset;
	uint64_t offset_us; /* from the peer's clock to ours, at the least; it may wrap */
	struct instant offset_at;

	struct bulk_writer writer;
};

const char *resync_state_name(enum resync_state state)
{
	static const char *const names[] = {
		[RESYNC_IDLE] = "idle",
		[RESYNC_RUNNING] = "running",
		[RESYNC_DONE] = "done",
		[RESYNC_FAILED] = "failed",
	};
	return names[state];
}

int resync_new(struct shadow *shadow, const struct resync_settings *settings,
	const struct resync_world *world, struct resync **ret)
{
	struct resync *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	assert(settings->message_max <= SYNC_MESSAGE_MAX);
	r->shadow = shadow;
	r->settings = *settings;
	r->world = *world;
	r->table_ready = r->table_complete = true;
	feeder_init(&r->feeder, shadow, &r->settings, &r->world);
	*ret = r;
	return 0;
}

void resync_free(struct resync *r)
{
	free(r);
}

void resync_table_ready(struct resync *r, bool ready, bool complete)
{
	r->table_ready = ready;
	r->table_complete = complete;
	if (ready && r->giving.waits) {
		r->giving.waits = false;
		shadow_walk_bound(r->shadow, &r->giving.walk);
	}
}

bool resync_is_giving(const struct resync *r)
{
	return r->giving.id != 0;
}

void resync_report(const struct resync *r, struct instant now, struct resync_report *ret)
{
	const struct taking *t = &r->taking;

	*ret = (struct resync_report){
		.state = t->state,
		.records = t->records,
		.news = t->news,
		.injected = r->feeder.records - t->injected_before,
		.drops = r->feeder.drops - t->drops_before,
		.took_us = t->state == RESYNC_RUNNING ? instant_between_us(t->asked, now)
						      : t->ended_us,
		.incomplete = t->incomplete,
		.reason = t->reason,
	};
}

uint64_t resync_sent(const struct resync *r)
{
	return r->sent_records;
}

static void enter(struct resync *r, enum resync_state state, const char *reason, struct instant now)
{
	struct resync_report report;

	r->taking.ended_us = instant_between_us(r->taking.asked, now);
	r->taking.state = state;
	r->taking.reason = reason;
	resync_report(r, now, &report);
	r->world.changed(&report, r->world.userdata);
}

/* What was taken stays; what the kernel did not get is asked for again, by force. */
static void fail(struct resync *r, const char *reason, struct instant now)
{
	feeder_clear(&r->feeder);
	r->taking.retry = instant_add(now, RETRY_US);
	r->taking.force = true;
	enter(r, RESYNC_FAILED, reason, now);
}

/* Taking */

static bool ask(struct resync *r, bool resume, struct instant now)
{
	uint8_t message[BULK_ASK_LEN];
	struct taking *t = &r->taking;
	struct bulk_ask a = {.id = ++r->last_id ? r->last_id : ++r->last_id,
		.clock_us = now.us,
		.resume = resume,
		.process = resume ? t->process : 0,
		.cursor = resume ? t->cursor : 0};

	bulk_ask_build(&a, message);
	if (!r->open ||
		!r->world.send(STREAM_RESYNC_ASK, message, sizeof(message), r->world.userdata))
		return false;
	*t = (struct taking){.state = t->state,
		.id = a.id,
		.force = t->force,
		.asked = resume ? t->asked : now,
		.heard = now,
		.process = a.process,
		.cursor = a.cursor,
		.records = resume ? t->records : 0,
		.news = resume ? t->news : 0,
		.drops_before = resume ? t->drops_before : r->feeder.drops,
		.injected_before = resume ? t->injected_before : r->feeder.records};
	r->has_offset = false;
	enter(r, RESYNC_RUNNING, NULL, now);
	return true;
}

bool resync_ask(struct resync *r, bool force, struct instant now)
{
	bool was = r->taking.force;

	r->taking.force = force || (was && r->taking.state != RESYNC_DONE);
	if (ask(r, false, now))
		return true;
	r->taking.force = was;
	return false;
}

void resync_opened(struct resync *r, struct instant now)
{
	/* In the middle of one: what came before is in our table, and in the feeder. */
	bool resume = r->taking.state == RESYNC_FAILED && r->taking.process != 0 &&
		      instant_is_never(r->taking.retry);

	if (feeder_free_places(&r->feeder) < FEEDER_MAX / 2) {
		feeder_clear(&r->feeder); /* still from before: there must be room for a window */
		r->taking.force = true;
		resume = false;
	}
	r->open = true;
	r->sent = r->acked = 0;
	r->came = r->done = r->told = 0;
	r->peer_clock_us = 0;
	if (!resume && r->taking.state == RESYNC_DONE)
		r->taking.force = false;
	if (!ask(r, resume, now))
		fail(r, "the stream has no room", now);
}

void resync_closed(struct resync *r, struct instant now)
{
	r->open = false;
	r->giving = (struct giving){0};
	r->pushing.n = r->pushing.at = 0;
	if (r->taking.state != RESYNC_RUNNING)
		return;
	r->taking.retry = INSTANT_NEVER; /* when it opens again */
	enter(r, RESYNC_FAILED, "the stream to the peer broke", now);
}

/* An instant of the peer's clock cannot be earlier here than what we had said before it: the
 * latest such bound is kept, so that what comes in bulk never looks newer than it is, however long
 * it queued. */
static struct instant our_time(struct resync *r, const struct bulk_header *h, struct instant now)
{
	uint64_t bound = h->echo_us - h->clock_us;

	if (h->echo_us == 0 || h->echo_us > now.us)
		bound = now.us - 1000000 - h->clock_us;
	r->offset_us -= instant_between_us(r->offset_at, now) / DRIFT;
	if (!r->has_offset || (int64_t)(bound - r->offset_us) > 0)
		r->offset_us = bound;
	r->has_offset = true;
	r->offset_at = now;
	return (struct instant){h->clock_us + r->offset_us};
}

static void take_record(struct resync *r, const struct sync_record *record, uint32_t age_ms,
	struct instant sent, bool force)
{
	struct instant said = {sent.us - (uint64_t)age_ms * 1000}, before;
	bool same = shadow_says(r->shadow, record, &before) &&
		    (int64_t)(said.us - before.us) < REFRESH_US;
	bool news = shadow_take(r->shadow, record, SHADOW_PEER, said) && !same;
	uint64_t place = news || force ? shadow_find(r->shadow, record) : SHADOW_NONE;

	r->taking.records++;
	r->taking.news += news;
	if (place != SHADOW_NONE)
		(void)feeder_add(&r->feeder, place);
}

static bool take_records(struct resync *r, struct bulk_reader *in, struct instant now)
{
	struct instant sent = our_time(r, &in->header, now);
	bool is_answer = in->header.id == r->taking.id && r->taking.state == RESYNC_RUNNING;
	bool force = in->header.id == 0 || (is_answer && r->taking.force);
	struct sync_record record;
	enum sync_fault fault;
	uint32_t age_ms = 0;
	bool more = true;

	while ((fault = bulk_reader_next(in, &record, &age_ms, &more)) == SYNC_UNKNOWN_RECORD ||
		(fault == SYNC_OK && more))
		if (fault == SYNC_OK && (is_answer || in->header.id == 0))
			take_record(r, &record, age_ms, sent, force);
	if (is_answer) {
		r->taking.heard = now;
		r->taking.process = in->header.process;
		r->taking.cursor = in->header.cursor;
	}
	return fault == SYNC_OK;
}

/* More than the window, or more than there can be places for: the peer does not keep to the rules.
 */
static bool records_came(struct resync *r, const uint8_t *data, size_t len, struct instant now)
{
	struct bulk_reader in;

	if (bulk_reader_open(&in, data, len) != SYNC_OK || r->came - r->told >= WINDOW ||
		feeder_free_places(&r->feeder) < in.records.left)
		return false;
	r->peer_clock_us = in.header.clock_us;
	if (!take_records(r, &in, now))
		return false;
	r->marks[r->came % WINDOW].fed = r->feeder.queued;
	r->came++;
	return true;
}

static bool done_came(struct resync *r, const uint8_t *data, size_t len, struct instant now)
{
	struct bulk_done done;

	if (!bulk_done_parse(data, len, &done))
		return false;
	if (done.id != r->taking.id || r->taking.state != RESYNC_RUNNING)
		return true; /* of a question that was asked again meanwhile */
	r->taking.told_done = true;
	r->taking.incomplete = done.incomplete;
	r->taking.heard = now;
	return true;
}

static void acknowledge(struct resync *r, struct instant now)
{
	uint8_t message[BULK_ACK_LEN];
	struct bulk_ack ack;

	while (r->done != r->came && r->marks[r->done % WINDOW].fed <= r->feeder.read)
		r->done++;
	if (!r->open || r->done == r->told)
		return;
	ack = (struct bulk_ack){now.us, r->done, (uint32_t)r->feeder.drops};
	bulk_ack_build(&ack, message);
	if (r->world.send(STREAM_RECORDS_ACK, message, sizeof(message), r->world.userdata))
		r->told = r->done;
}

static struct instant judge_taking(struct resync *r, struct instant now)
{
	struct taking *t = &r->taking;

	if (t->state == RESYNC_FAILED && r->open && instant_reached(t->retry, now) &&
		!ask(r, false, now))
		t->retry = instant_add(now, RETRY_US);
	if (t->state == RESYNC_FAILED)
		return r->open ? t->retry : INSTANT_NEVER;
	if (t->state != RESYNC_RUNNING)
		return INSTANT_NEVER;
	if (t->told_done && r->feeder.read == r->feeder.queued) {
		t->force = false;
		enter(r, RESYNC_DONE, NULL, now);
		return INSTANT_NEVER;
	}
	if (feeder_missing_us(&r->feeder, now) >= MISSING_MAX_US)
		fail(r, "the kernel's sync daemon does not listen", now);
	else if (!t->told_done && instant_between_us(t->heard, now) >= STALLED_US)
		fail(r, "the peer does not go on", now);
	else
		return instant_add(t->heard, STALLED_US);
	return t->retry;
}

/* Giving */

static bool ask_came(struct resync *r, const uint8_t *data, size_t len)
{
	struct bulk_ask a;

	if (!bulk_ask_parse(data, len, &a))
		return false;
	r->peer_clock_us = a.clock_us;
	r->giving = (struct giving){.id = a.id, .waits = !r->table_ready};
	/* Not what it tells us itself meanwhile. */
	shadow_walk_bound(r->shadow, &r->giving.walk);
	if (a.resume && a.process == r->settings.process)
		r->giving.walk.at = a.cursor;
	return true;
}

static bool ack_came(struct resync *r, const uint8_t *data, size_t len)
{
	struct bulk_ack ack;

	if (!bulk_ack_parse(data, len, &ack) || ack.messages - r->acked > r->sent - r->acked)
		return false;
	r->acked = ack.messages;
	r->peer_clock_us = ack.clock_us;
	return true;
}

static uint32_t age_ms(struct instant said, struct instant now)
{
	int64_t age_us = (int64_t)(now.us - said.us);

	return age_us < 0 ? 0 : age_us / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(age_us / 1000);
}

/* The next connection to be told of, from the pushed ones or from the walk. */
static bool next_pushed(struct resync *r, struct sync_record *ret, struct instant *ret_said)
{
	enum shadow_origin origin;

	while (r->pushing.at < r->pushing.n)
		if (shadow_get(
			    r->shadow, r->pushing.places[r->pushing.at++], ret, &origin, ret_said))
			return true;
	return false;
}

static bool next_walked(struct resync *r, struct sync_record *ret, struct instant *ret_said)
{
	enum shadow_origin origin;

	return shadow_next(r->shadow, &r->giving.walk, ret, &origin, ret_said);
}

/* Where it was before the record that did not fit any more, or that was not sent. */
struct spot {
	struct shadow_walk walk;
	size_t pushed;
};

static struct spot spot(const struct resync *r)
{
	return (struct spot){r->giving.walk, r->pushing.at};
}

static void go_back(struct resync *r, struct spot to)
{
	r->giving.walk = to.walk;
	r->pushing.at = to.pushed;
}

/* Fills the writer. What no kernel could take is left out. */
static void fill(struct resync *r, bool push, struct instant now)
{
	struct sync_record record;
	struct instant said;

	bulk_writer_begin(&r->writer);
	for (struct spot before = spot(r);; before = spot(r)) {
		if (!(push ? next_pushed : next_walked)(r, &record, &said))
			return;
		if (!bulk_writer_add(&r->writer, &record, age_ms(said, now)) &&
			bulk_writer_count(&r->writer) > 0) {
			go_back(r, before);
			return;
		}
	}
}

enum given { GAVE, GAVE_NOTHING, GAVE_LATER };

static enum given give_message(struct resync *r, bool push, struct instant now)
{
	struct spot before = spot(r);
	struct bulk_header header;
	size_t len;

	fill(r, push, now);
	header = (struct bulk_header){.id = push ? 0 : r->giving.id,
		.clock_us = now.us,
		.echo_us = r->peer_clock_us,
		.process = r->settings.process,
		.cursor = r->giving.walk.at};
	len = bulk_writer_end(&r->writer, &header);
	if (len == 0)
		return GAVE_NOTHING;
	if (!r->world.send(STREAM_RECORDS, r->writer.bytes, len, r->world.userdata)) {
		go_back(r, before);
		return GAVE_LATER;
	}
	r->sent++;
	r->sent_records += bulk_writer_count(&r->writer);
	r->giving.records += push ? 0 : bulk_writer_count(&r->writer);
	return GAVE;
}

static enum given give_end(struct resync *r)
{
	uint8_t message[BULK_DONE_LEN];
	struct bulk_done done = {
		.id = r->giving.id, .incomplete = !r->table_complete, .records = r->giving.records};

	bulk_done_build(&done, message);
	if (!r->world.send(STREAM_RESYNC_DONE, message, sizeof(message), r->world.userdata))
		return GAVE_LATER;
	r->giving = (struct giving){0};
	return GAVE;
}

static enum given give_next(struct resync *r, struct instant now)
{
	enum given given = GAVE_NOTHING;

	if (r->pushing.at < r->pushing.n)
		given = give_message(r, true, now);
	if (given != GAVE_NOTHING || r->giving.id == 0 || r->giving.waits)
		return given;
	given = give_message(r, false, now);
	return given == GAVE_NOTHING ? give_end(r) : given;
}

static struct instant step_giving(struct resync *r, struct instant now)
{
	for (unsigned i = 0; i < GIVE_STEP; i++) {
		if (!r->open || r->sent - r->acked >= WINDOW)
			return INSTANT_NEVER; /* until it opens, or is acknowledged */
		if (r->world.queued(r->world.userdata) >= QUEUE_MAX)
			return instant_add(now, FULL_US);
		switch (give_next(r, now)) {
		case GAVE:
			break;
		case GAVE_NOTHING:
			return INSTANT_NEVER;
		case GAVE_LATER:
			return instant_add(now, FULL_US);
		}
	}
	return now;
}

size_t resync_push(struct resync *r, const uint64_t *places, size_t n)
{
	struct pushing *p = &r->pushing;

	if (p->at == p->n)
		p->at = p->n = 0;
	if (n > RESYNC_PUSH_MAX - p->n)
		n = RESYNC_PUSH_MAX - p->n;
	memcpy(p->places + p->n, places, n * sizeof(places[0]));
	p->n += n;
	return n;
}

void resync_peer_clock(struct resync *r, uint64_t peer_us)
{
	r->peer_clock_us = peer_us;
}

void resync_not_injected(struct resync *r, struct instant now)
{
	feeder_not_injected(&r->feeder, now);
}

void resync_feed(struct resync *r)
{
	feeder_all(&r->feeder);
}

bool resync_message(struct resync *r, enum stream_type type, const uint8_t *data, size_t len,
	struct instant now)
{
	if (type == STREAM_RESYNC_ASK)
		return ask_came(r, data, len);
	if (type == STREAM_RECORDS)
		return records_came(r, data, len, now);
	if (type == STREAM_RECORDS_ACK)
		return ack_came(r, data, len);
	return type == STREAM_RESYNC_DONE && done_came(r, data, len, now);
}

struct instant resync_step(struct resync *r, struct instant now)
{
	struct instant next = feeder_step(&r->feeder, now);

	acknowledge(r, now);
	next = instant_min(next, judge_taking(r, now));
	return instant_min(next, step_giving(r, now));
}
