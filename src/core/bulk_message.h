/* What the two directors say to each other about connections in bulk: the contents of
 * STREAM_RESYNC_ASK, STREAM_RECORDS, STREAM_RECORDS_ACK and STREAM_RESYNC_DONE. The layout is in
 * tandem-link(7). Nothing is allocated; what was parsed borrows the message. */
#pragma once

#include "core/sync_message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BULK_ASK_LEN 32u
#define BULK_RECORDS_HEADER_LEN 40u
#define BULK_ACK_LEN 20u
#define BULK_DONE_LEN 16u
#define BULK_RECORDS_MAX (BULK_RECORDS_HEADER_LEN + SYNC_MESSAGE_MAX + 4u * SYNC_RECORDS_MAX)

/* Clocks are the sender's own CLOCK_BOOTTIME: they order what it says, nothing else. */
struct bulk_ask {
	uint32_t id;       /* not 0; the answer carries it */
	uint64_t clock_us; /* of who asks, now */
	bool resume;       /* go on at `cursor`, which `process` said; otherwise both are 0 */
	uint64_t process, cursor;
};
void bulk_ask_build(const struct bulk_ask *ask, uint8_t ret[static BULK_ASK_LEN]);
bool bulk_ask_parse(const void *message, size_t len, struct bulk_ask *ret);

/* What the records of one message have in common. */
struct bulk_header {
	uint32_t id;       /* of the question; 0: found missing, and sent unasked */
	uint64_t clock_us; /* of the sender, from which ages count */
	uint64_t echo_us;  /* the receiver's clock, as the sender heard it last; 0: never */
	uint64_t process;  /* of the sender: by which a cursor means something */
	uint64_t cursor;   /* to go on behind these records */
};

struct bulk_reader {
	struct bulk_header header;
	struct sync_reader records;
	const uint8_t *ages;
};
/* SYNC_OK, or what is wrong. */
enum sync_fault bulk_reader_open(struct bulk_reader *r, const void *message, size_t len);
/* As sync_reader_next(). The age is that of what the record says, in milliseconds. */
enum sync_fault bulk_reader_next(
	struct bulk_reader *r, struct sync_record *ret, uint32_t *ret_age_ms, bool *ret_more);

struct bulk_writer {
	uint8_t bytes[BULK_RECORDS_MAX];
	struct sync_writer records;
	uint32_t ages_ms[SYNC_RECORDS_MAX];
};
void bulk_writer_begin(struct bulk_writer *w);
/* As sync_writer_add(). */
bool bulk_writer_add(struct bulk_writer *w, const struct sync_record *record, uint32_t age_ms);
unsigned bulk_writer_count(const struct bulk_writer *w);
/* The length of the message in w->bytes; 0 when it has no record. */
size_t bulk_writer_end(struct bulk_writer *w, const struct bulk_header *header);

struct bulk_ack {
	uint64_t clock_us;
	uint32_t messages; /* with records, since the stream opened: of these the kernel has all */
	uint32_t drops;    /* datagrams that its kernel had to be given again, in all */
};
void bulk_ack_build(const struct bulk_ack *ack, uint8_t ret[static BULK_ACK_LEN]);
bool bulk_ack_parse(const void *message, size_t len, struct bulk_ack *ret);

struct bulk_done {
	uint32_t id;
	bool incomplete; /* the sender does not know all of its kernel's table */
	uint64_t records;
};
void bulk_done_build(const struct bulk_done *done, uint8_t ret[static BULK_DONE_LEN]);
bool bulk_done_parse(const void *message, size_t len, struct bulk_done *ret);
