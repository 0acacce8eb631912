/* Any bytes as what one director sends the other in bulk: the first says which kind of message the
 * rest is. Reading must not go beyond them, must end, and what it takes must be written again to
 * the same bytes. */
#include "core/bulk_message.h"
#include "core/sync_digest.h"
#include "core/tracked.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static void ask(const uint8_t *in, size_t len)
{
	uint8_t again[BULK_ASK_LEN];
	struct bulk_ask a;

	if (!bulk_ask_parse(in, len, &a))
		return;
	bulk_ask_build(&a, again);
	expect(memcmp(in, again, len) == 0);
}

static void ack(const uint8_t *in, size_t len)
{
	uint8_t again[BULK_ACK_LEN];
	struct bulk_ack a;

	if (!bulk_ack_parse(in, len, &a))
		return;
	bulk_ack_build(&a, again);
	expect(memcmp(in, again, len) == 0);
}

static void done(const uint8_t *in, size_t len)
{
	uint8_t again[BULK_DONE_LEN];
	struct bulk_done d;

	if (!bulk_done_parse(in, len, &d))
		return;
	bulk_done_build(&d, again);
	expect(memcmp(in, again, len) == 0);
}

/* Padding and what is skipped need not come again. */
static void records(const uint8_t *in, size_t len)
{
	static struct bulk_writer w;
	struct sync_record record;
	struct bulk_reader r;
	enum sync_fault fault;
	uint32_t age_ms = 0;
	unsigned n = 0;
	bool more = true;

	if (bulk_reader_open(&r, in, len) != SYNC_OK)
		return;
	bulk_writer_begin(&w);
	while ((fault = bulk_reader_next(&r, &record, &age_ms, &more)) == SYNC_UNKNOWN_RECORD ||
		(fault == SYNC_OK && more)) {
		expect(++n <= SYNC_RECORDS_MAX);
		expect(fault != SYNC_OK || bulk_writer_add(&w, &record, age_ms));
	}
	expect(fault != SYNC_OK || n > 0);
	expect(bulk_writer_end(&w, &r.header) <= sizeof(w.bytes));
}

static void digest(const uint8_t *in, size_t len)
{
	static uint8_t again[SYNC_DIGEST_MESSAGE_LEN];
	static struct sync_differences differences;
	static struct sync_digest peer, own;
	struct sync_digest_header header;

	if (!sync_digest_parse(in, len, &header, &peer))
		return;
	sync_digest_build(&peer, &header, again);
	expect(memcmp(in, again, len) == 0);
	own = (struct sync_digest){0};
	sync_digest_compare(&own, &peer, &differences);
	expect(differences.n_own <= SYNC_DIGEST_DIFFER_MAX &&
		differences.n_peer <= SYNC_DIGEST_DIFFER_MAX);
}

static void tracked(const uint8_t *in, size_t len)
{
	static uint8_t again[TRACKED_HEADER_LEN + TRACKED_MAX * TRACKED_V6_LEN];
	struct tracked_reader r;
	struct tracked_writer w;
	struct tracked entry;

	if (!tracked_reader_open(&r, in, len))
		return;
	tracked_writer_begin(&w, again, sizeof(again));
	while (tracked_reader_next(&r, &entry))
		expect(tracked_writer_add(&w, &entry));
	expect(tracked_writer_end(&w, &r.header) == len && memcmp(in, again, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const kinds[])(const uint8_t *, size_t) = {
		ask, ack, done, records, digest, tracked};

	if (len > 0)
		kinds[bytes[0] % (sizeof(kinds) / sizeof(kinds[0]))](bytes + 1, len - 1);
	return 0;
}
