/* Any bytes as a message of the kernel's connection sync: reading must not go beyond them, must
 * end, and what it takes must be written again to the same meaning. */
#include "core/sync_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool is_same(const struct sync_record *a, const struct sync_record *b)
{
	return a->protocol == b->protocol && a->state == b->state && a->flags == b->flags &&
	       a->mark == b->mark && a->timeout_s == b->timeout_s &&
	       addr_equal(&a->client, &b->client) && addr_equal(&a->service, &b->service) &&
	       addr_equal(&a->server, &b->server) && a->client_port == b->client_port &&
	       a->service_port == b->service_port && a->server_port == b->server_port &&
	       a->options_len == b->options_len &&
	       (a->options_len == 0 || memcmp(a->options, b->options, a->options_len) == 0);
}

/* The record alone in a message, and back. */
static void write_again(const struct sync_record *record)
{
	uint8_t message[8 + SYNC_RECORD_MAX];
	struct sync_record again;
	struct sync_writer w;
	struct sync_reader r;
	bool more = false;

	sync_writer_begin(&w, message, sizeof(message), 1);
	if (!sync_writer_add(&w, record) ||
		sync_writer_end(&w) >
			sizeof(message) - SYNC_RECORD_MAX + sync_record_size(record) ||
		sync_reader_open(&r, message, w.len) != SYNC_OK ||
		sync_reader_next(&r, &again, &more) != SYNC_OK || !more ||
		!is_same(record, &again) || sync_reader_next(&r, &again, &more) != SYNC_OK || more)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct sync_record record;
	struct sync_reader r;
	enum sync_fault fault;
	unsigned n = 0;
	bool more = true;

	if (sync_reader_open(&r, bytes, len) != SYNC_OK)
		return 0;
	for (;;) {
		fault = sync_reader_next(&r, &record, &more);
		if (fault != SYNC_OK && fault != SYNC_UNKNOWN_RECORD)
			return 0;
		if (fault == SYNC_OK && !more)
			return 0;
		if (++n > SYNC_RECORDS_MAX)
			abort();
		if (fault == SYNC_OK)
			write_again(&record);
	}
}
