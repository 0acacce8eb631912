/* A message of the kernel is read record by record, although it could go as it is: what would be
 * handed to the peer's kernel unread, any fault of ours would hand there as well, and records of
 * many small messages fit one datagram. */
#include "link/relay.h"

#include <string.h>

static void add(struct relay *r, enum count count, uint64_t n)
{
	r->counts->n[count] += n;
}

static void begin_out(struct relay *r)
{
	sync_writer_begin(&r->out, r->out_text + LINK_ITEM_HEAD, r->message_max, r->sync_id);
}

static void begin_in(struct relay *r)
{
	sync_writer_begin(&r->in, r->in_message, sizeof(r->in_message), r->sync_id);
}

void relay_init(struct relay *r, struct session *session, struct shadow *shadow,
	struct counts *counts, const struct relay_world *world)
{
	memset(r, 0, sizeof(*r));
	r->session = session;
	r->shadow = shadow;
	r->counts = counts;
	r->world = world;
	r->message_max = RELAY_MESSAGE_MAX;
	begin_out(r);
	begin_in(r);
}

void relay_set(struct relay *r, uint8_t sync_id, size_t room)
{
	size_t max = room - SEAL_OVERHEAD - LINK_ITEM_HEAD;

	relay_flush_out(r);
	relay_flush_in(r);
	r->sync_id = sync_id;
	r->message_max = max < RELAY_MESSAGE_MAX ? max : RELAY_MESSAGE_MAX;
	begin_out(r);
	begin_in(r);
}

/* Reading */

static bool open_message(struct relay *r, struct sync_reader *reader, const void *message,
	size_t len, enum count bad)
{
	if (sync_reader_open(reader, message, len) == SYNC_OK && reader->sync_id == r->sync_id)
		return true;
	add(r, bad, 1);
	return false;
}

/* The next record that is understood. False at the end, or where the rest cannot be read. */
static bool next_record(
	struct relay *r, struct sync_reader *reader, struct sync_record *ret, enum count bad)
{
	enum sync_fault fault;
	bool more = false;

	while ((fault = sync_reader_next(reader, ret, &more)) == SYNC_UNKNOWN_RECORD)
		add(r, bad, 1);
	if (fault != SYNC_OK)
		add(r, bad, 1);
	return fault == SYNC_OK && more;
}

/* Out */

static bool send_text(struct relay *r, const uint8_t *text, size_t len)
{
	uint8_t datagram[SESSION_TEXT_MAX + SEAL_OVERHEAD];
	size_t sealed = session_seal(r->session, text, len, datagram);

	if (sealed > 0)
		r->world->send(datagram, sealed, r->world->userdata);
	return sealed > 0;
}

void relay_flush_out(struct relay *r)
{
	size_t len = sync_writer_end(&r->out);

	if (len == 0)
		return;
	link_item_head(r->out_text, LINK_ITEM_SYNC, len);
	(void)send_text(r, r->out_text, LINK_ITEM_HEAD + len); /* nobody there: a resync follows */
	begin_out(r);
}

bool relay_send_item(struct relay *r, enum link_item_type type, const void *body, size_t len)
{
	uint8_t text[SESSION_TEXT_MAX];

	if (len > sizeof(text) - LINK_ITEM_HEAD)
		return false;
	link_item_head(text, type, len);
	memcpy(text + LINK_ITEM_HEAD, body, len);
	return send_text(r, text, LINK_ITEM_HEAD + len);
}

static void send_record(struct relay *r, const struct sync_record *record)
{
	if (sync_writer_add(&r->out, record))
		return;
	relay_flush_out(r);
	(void)sync_writer_add(&r->out, record); /* the kernel's own record: it fits an empty one */
}

void relay_from_kernel(struct relay *r, const void *message, size_t len, struct instant now)
{
	struct sync_reader reader;
	struct sync_record record;

	add(r, COUNT_KERNEL_MESSAGES, 1);
	if (!open_message(r, &reader, message, len, COUNT_KERNEL_BAD))
		return;
	while (next_record(r, &reader, &record, COUNT_KERNEL_BAD)) {
		add(r, COUNT_KERNEL_RECORDS, 1);
		(void)shadow_take(r->shadow, &record, SHADOW_OWN, now);
		send_record(r, &record);
	}
}

/* In */

void relay_flush_in(struct relay *r)
{
	unsigned n = r->in.n;
	size_t len = sync_writer_end(&r->in);

	if (len == 0)
		return;
	if (r->world->inject(r->in_message, len, r->world->userdata) < 0)
		add(r, COUNT_INJECT_FAILED, 1);
	else
		add(r, COUNT_INJECTED, n);
	begin_in(r);
}

static void take_record(struct relay *r, const struct sync_record *record, struct instant said)
{
	if (!shadow_take(r->shadow, record, SHADOW_PEER, said)) {
		add(r, COUNT_STALE, 1);
		return;
	}
	if (sync_writer_add(&r->in, record))
		return;
	relay_flush_in(r);
	(void)sync_writer_add(&r->in, record); /* it came in a message no longer than this */
}

static void take_message(struct relay *r, const struct link_item *item, struct instant said)
{
	struct sync_reader reader;
	struct sync_record record;

	if (!open_message(r, &reader, item->body, item->len, COUNT_BAD_MESSAGE))
		return;
	while (next_record(r, &reader, &record, COUNT_BAD_MESSAGE))
		take_record(r, &record, said);
}

void relay_from_peer(
	struct relay *r, const uint8_t *text, size_t len, struct instant said, bool is_repair)
{
	struct link_items items = {text, text + len};
	struct link_item item;
	bool whole;

	while (link_items_next(&items, &item, &whole)) {
		if (item.type == LINK_ITEM_SYNC)
			take_message(r, &item, said);
		else if (!is_repair || item.type != LINK_ITEM_HEARTBEAT)
			r->world->item(&item, r->world->userdata);
	}
	if (!whole)
		add(r, COUNT_BAD_MESSAGE, 1);
}
