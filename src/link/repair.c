/* What is missing is asked for when reordering does not explain it any more; what the peer asks for
 * is given while it is kept, and otherwise said to be gone. */
#include "link/repair.h"

#include "base/byteorder.h"
#include "core/link_item.h"
#include "io/clock.h"
#include "link/relay.h"
#include "link/session.h"
#include "link/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RANGES_MAX 64u /* in one question */
#define REPAIR_HEAD 8  /* its sequence number */

struct repair {
	const struct repair_world *world;
	sd_event_source *timer;
	bool open;
};

static void tell_lost(struct repair *r)
{
	if (session_has_lost(r->world->session))
		r->world->lost(r->world->userdata);
}

/* Asking */

static void ask(struct repair *r)
{
	struct link_range ranges[RANGES_MAX];
	uint8_t bytes[RANGES_MAX * LINK_RANGE_LEN];
	unsigned n;

	tell_lost(r);
	n = r->open ? session_missing(r->world->session, clock_now(), ranges, RANGES_MAX) : 0;
	for (unsigned i = 0; i < n; i++)
		link_range_build(&ranges[i], bytes + i * LINK_RANGE_LEN);
	if (n > 0) /* no room: it is asked again in a while */
		(void)r->world->send(
			STREAM_REPAIR_ASK, bytes, n * LINK_RANGE_LEN, r->world->userdata);
	timer_set(r->timer, r->open ? session_missing_at(r->world->session) : INSTANT_NEVER);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	ask(userdata);
	return 0;
}

void repair_look(struct repair *r)
{
	tell_lost(r);
	if (r->open)
		timer_set(r->timer, session_missing_at(r->world->session));
}

void repair_opened(struct repair *r)
{
	r->open = true;
	ask(r);
}

void repair_closed(struct repair *r)
{
	r->open = false;
	timer_set(r->timer, INSTANT_NEVER);
}

/* Answers */

static bool send_gone(struct repair *r, uint64_t first, uint64_t last)
{
	uint8_t bytes[LINK_RANGE_LEN];

	link_range_build(&(struct link_range){first, last}, bytes);
	r->world->counts->n[COUNT_REPAIR_GONE] += last - first + 1;
	return r->world->send(STREAM_REPAIR_GONE, bytes, sizeof(bytes), r->world->userdata);
}

static bool send_repair(struct repair *r, uint64_t sequence, const uint8_t *text, size_t len)
{
	uint8_t bytes[REPAIR_HEAD + SESSION_TEXT_MAX];

	be64_put(bytes, sequence);
	memcpy(bytes + REPAIR_HEAD, text, len);
	if (!r->world->send(STREAM_REPAIR, bytes, REPAIR_HEAD + len, r->world->userdata))
		return false;
	r->world->counts->n[COUNT_REPAIR_GIVEN]++;
	return true;
}

/* What is not kept is named as one range; what the stream has no room for is asked for again. */
static bool give_range(struct repair *r, const struct link_range *range)
{
	uint64_t sent = session_sent(r->world->session);
	uint64_t kept = sent >= SESSION_RING ? sent - SESSION_RING + 1 : 1;
	uint64_t first = range->first, last = range->last < sent ? range->last : sent;

	if (first > last)
		return true; /* never sent */
	if (first < kept) {
		if (!send_gone(r, first, last < kept ? last : kept - 1))
			return false;
		first = kept;
	}
	for (uint64_t i = first; i <= last; i++) {
		size_t len;
		const uint8_t *text = session_sent_text(r->world->session, i, &len);
		if (text ? !send_repair(r, i, text, len) : !send_gone(r, i, i))
			return false;
	}
	return true;
}

static bool on_ask(struct repair *r, const uint8_t *data, size_t len)
{
	struct link_range range;

	if (len == 0 || len % LINK_RANGE_LEN != 0 || len > RANGES_MAX * LINK_RANGE_LEN)
		return false;
	for (size_t at = 0; at < len; at += LINK_RANGE_LEN) {
		if (!link_range_parse(data + at, &range))
			return false;
		if (!give_range(r, &range))
			return true;
	}
	return true;
}

static bool on_given(struct repair *r, const uint8_t *data, size_t len)
{
	struct instant seen;

	if (len <= REPAIR_HEAD || len > REPAIR_HEAD + SESSION_TEXT_MAX)
		return false;
	if (!session_repaired(r->world->session, be64_get(data), clock_now(), &seen))
		return true;
	relay_from_peer(r->world->relay, data + REPAIR_HEAD, len - REPAIR_HEAD, seen, true);
	relay_flush_in(r->world->relay);
	return true;
}

static bool on_gone(struct repair *r, const uint8_t *data, size_t len)
{
	struct link_range range;

	if (len != LINK_RANGE_LEN || !link_range_parse(data, &range))
		return false;
	session_gone(r->world->session, &range);
	tell_lost(r);
	return true;
}

bool repair_message(struct repair *r, enum stream_type type, const uint8_t *data, size_t len)
{
	if (type == STREAM_REPAIR_ASK)
		return on_ask(r, data, len);
	return type == STREAM_REPAIR ? on_given(r, data, len) : on_gone(r, data, len);
}

int repair_new(const struct repair_world *world, struct repair **ret)
{
	struct repair *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->world = world;
	error = timer_new(world->loop, on_timer, r, &r->timer);
	if (error < 0) {
		repair_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

void repair_free(struct repair *r)
{
	if (!r)
		return;
	sd_event_source_disable_unref(r->timer);
	free(r);
}
