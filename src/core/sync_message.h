/* The messages of the kernel's connection sync, version 1 (net/netfilter/ipvs/ip_vs_sync.c): read
 * without trust, written as the kernel's backup daemon takes them. Nothing is allocated. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYNC_MESSAGE_MAX 9188 /* bytes; a longer one can hold more records than its counter */
#define SYNC_RECORD_MAX 640   /* bytes of one record with its options and padding, rounded up */
#define SYNC_RECORDS_MAX 255  /* in one message */

/* Flags that a record carries; the low three bits are the forwarding method of enum ipvs_forward.
 */
#define SYNC_FLAG_METHOD 0x7u
#define SYNC_FLAG_NO_OUTPUT 0x80u
#define SYNC_FLAG_INACTIVE 0x100u
#define SYNC_FLAG_NO_CLIENT_PORT 0x800u
#define SYNC_FLAG_TEMPLATE 0x1000u

/* One connection, or template of persistence. */
struct sync_record {
	uint8_t protocol; /* IPPROTO_TCP ...; 0 in the template of a firewall mark */
	uint16_t state;   /* of the protocol, as the kernel numbers it */
	uint32_t flags;
	uint32_t mark;                       /* of the packets, 0: none */
	uint32_t timeout_s;                  /* the whole of its state's; 0: the receiver's own */
	struct addr client, service, server; /* of one family */
	uint16_t client_port, service_port, server_port;
	const uint8_t *options; /* sequence deltas, persistence engine: as on the wire; borrowed */
	size_t options_len;
};

enum sync_fault {
	SYNC_OK,
	SYNC_TRUNCATED,      /* shorter than it says, or than anything can be */
	SYNC_TRAILING,       /* longer than it says, or than SYNC_MESSAGE_MAX */
	SYNC_NOT_VERSION_1,  /* the kernel would read it as version 0 */
	SYNC_BAD_RECORD,     /* a record's version, length or type, or the length of an option */
	SYNC_UNKNOWN_RECORD, /* its protocol, state or a mandatory option: the kernel skips it */
	SYNC_FAULT_MAX_
};
const char *sync_fault_name(enum sync_fault fault); /* "truncated", "trailing" ... */

/* Reading: open, then next until it returns SYNC_OK with *ret_more false: there was no record left,
 * and *ret is untouched. */
struct sync_reader {
	const uint8_t *at, *end;
	unsigned left; /* records not read yet */
	uint8_t sync_id;
};
enum sync_fault sync_reader_open(struct sync_reader *r, const void *message, size_t len);
/* The next record, valid as long as the message. A fault ends the message, as it does for the
 * kernel: where the next record would begin is not known. SYNC_UNKNOWN_RECORD alone does not: the
 * next call reads the record behind it. What can be read can be written. */
enum sync_fault sync_reader_next(struct sync_reader *r, struct sync_record *ret, bool *ret_more);

/* The most bytes that a record takes in a message: with the padding behind it, which the last one
 * has not. */
size_t sync_record_size(const struct sync_record *record);

/* Writing, into the caller's buffer of `size` <= SYNC_MESSAGE_MAX bytes. */
struct sync_writer {
	uint8_t *buffer;
	size_t size, len;
	unsigned n; /* records */
};
void sync_writer_begin(struct sync_writer *w, void *buffer, size_t size, uint8_t sync_id);
/* False, and the message is as it was, when the record does not fit any more, or is nothing that a
 * reader would take. */
bool sync_writer_add(struct sync_writer *w, const struct sync_record *record);
/* The length of the message; 0 when it has no record. */
size_t sync_writer_end(struct sync_writer *w);
