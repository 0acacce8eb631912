/* Every message begins with a version; what is reserved is zero, and is not taken otherwise. */
#include "core/bulk_message.h"

#include "base/byteorder.h"

#include <string.h>

#define VERSION 1
#define ASK_RESUME 1u
#define DONE_INCOMPLETE 1u
#define AGE_LEN 4u

/* Version, flags, and two bytes of nothing. */
static bool begins_well(const uint8_t *in, size_t len, size_t wanted, uint8_t flags)
{
	return len == wanted && in[0] == VERSION && (in[1] & ~flags) == 0 && in[2] == 0 &&
	       in[3] == 0;
}

static void begin(uint8_t *out, uint8_t flags)
{
	out[0] = VERSION;
	out[1] = flags;
	out[2] = out[3] = 0;
}

void bulk_ask_build(const struct bulk_ask *ask, uint8_t ret[static BULK_ASK_LEN])
{
	begin(ret, ask->resume ? ASK_RESUME : 0);
	be32_put(ret + 4, ask->id);
	be64_put(ret + 8, ask->clock_us);
	be64_put(ret + 16, ask->process);
	be64_put(ret + 24, ask->cursor);
}

bool bulk_ask_parse(const void *message, size_t len, struct bulk_ask *ret)
{
	const uint8_t *in = message;

	if (!begins_well(in, len, BULK_ASK_LEN, ASK_RESUME) || be32_get(in + 4) == 0)
		return false;
	*ret = (struct bulk_ask){.id = be32_get(in + 4),
		.clock_us = be64_get(in + 8),
		.resume = (in[1] & ASK_RESUME) != 0,
		.process = be64_get(in + 16),
		.cursor = be64_get(in + 24)};
	return true;
}

/* The message of the kernel's format says how long it is; the ages are what follows. */
enum sync_fault bulk_reader_open(struct bulk_reader *r, const void *message, size_t len)
{
	const uint8_t *in = message;
	struct sync_reader records;
	enum sync_fault fault;
	size_t inner, ages;

	if (len < BULK_RECORDS_HEADER_LEN + 4)
		return SYNC_TRUNCATED;
	if (in[0] != VERSION || in[1] != 0)
		return SYNC_NOT_VERSION_1;
	inner = be16_get(in + BULK_RECORDS_HEADER_LEN + 2);
	ages = (size_t)be16_get(in + 2) * AGE_LEN;
	if (len < BULK_RECORDS_HEADER_LEN + inner + ages)
		return SYNC_TRUNCATED;
	if (len > BULK_RECORDS_HEADER_LEN + inner + ages)
		return SYNC_TRAILING;
	fault = sync_reader_open(&records, in + BULK_RECORDS_HEADER_LEN, inner);
	if (fault != SYNC_OK)
		return fault;
	if (records.left == 0 || records.left * AGE_LEN != ages)
		return SYNC_BAD_RECORD;
	*r = (struct bulk_reader){
		.header = {.id = be32_get(in + 4),
			.clock_us = be64_get(in + 8),
			.echo_us = be64_get(in + 16),
			.process = be64_get(in + 24),
			.cursor = be64_get(in + 32)},
		.records = records,
		.ages = in + BULK_RECORDS_HEADER_LEN + inner,
	};
	return SYNC_OK;
}

enum sync_fault bulk_reader_next(
	struct bulk_reader *r, struct sync_record *ret, uint32_t *ret_age_ms, bool *ret_more)
{
	unsigned left = r->records.left;
	enum sync_fault fault = sync_reader_next(&r->records, ret, ret_more);

	if (r->records.left == left)
		return fault; /* there was none left, or the message ends here */
	if (fault == SYNC_OK)
		*ret_age_ms = be32_get(r->ages);
	r->ages += AGE_LEN;
	return fault;
}

void bulk_writer_begin(struct bulk_writer *w)
{
	sync_writer_begin(&w->records, w->bytes + BULK_RECORDS_HEADER_LEN, SYNC_MESSAGE_MAX, 0);
}

bool bulk_writer_add(struct bulk_writer *w, const struct sync_record *record, uint32_t age_ms)
{
	if (!sync_writer_add(&w->records, record))
		return false;
	w->ages_ms[w->records.n - 1] = age_ms;
	return true;
}

unsigned bulk_writer_count(const struct bulk_writer *w)
{
	return w->records.n;
}

size_t bulk_writer_end(struct bulk_writer *w, const struct bulk_header *header)
{
	size_t inner = sync_writer_end(&w->records);
	uint8_t *ages = w->bytes + BULK_RECORDS_HEADER_LEN + inner;

	if (inner == 0)
		return 0;
	begin(w->bytes, 0);
	be16_put(w->bytes + 2, (uint16_t)w->records.n);
	be32_put(w->bytes + 4, header->id);
	be64_put(w->bytes + 8, header->clock_us);
	be64_put(w->bytes + 16, header->echo_us);
	be64_put(w->bytes + 24, header->process);
	be64_put(w->bytes + 32, header->cursor);
	for (unsigned i = 0; i < w->records.n; i++, ages += AGE_LEN)
		be32_put(ages, w->ages_ms[i]);
	return BULK_RECORDS_HEADER_LEN + inner + w->records.n * AGE_LEN;
}

void bulk_ack_build(const struct bulk_ack *ack, uint8_t ret[static BULK_ACK_LEN])
{
	begin(ret, 0);
	be64_put(ret + 4, ack->clock_us);
	be32_put(ret + 12, ack->messages);
	be32_put(ret + 16, ack->drops);
}

bool bulk_ack_parse(const void *message, size_t len, struct bulk_ack *ret)
{
	const uint8_t *in = message;

	if (!begins_well(in, len, BULK_ACK_LEN, 0))
		return false;
	*ret = (struct bulk_ack){.clock_us = be64_get(in + 4),
		.messages = be32_get(in + 12),
		.drops = be32_get(in + 16)};
	return true;
}

void bulk_done_build(const struct bulk_done *done, uint8_t ret[static BULK_DONE_LEN])
{
	begin(ret, done->incomplete ? DONE_INCOMPLETE : 0);
	be32_put(ret + 4, done->id);
	be64_put(ret + 8, done->records);
}

bool bulk_done_parse(const void *message, size_t len, struct bulk_done *ret)
{
	const uint8_t *in = message;

	if (!begins_well(in, len, BULK_DONE_LEN, DONE_INCOMPLETE))
		return false;
	*ret = (struct bulk_done){.id = be32_get(in + 4),
		.incomplete = (in[1] & DONE_INCOMPLETE) != 0,
		.records = be64_get(in + 8)};
	return true;
}
