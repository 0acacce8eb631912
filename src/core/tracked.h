/* An entry of connection tracking as it travels between the directors: what translates a connection
 * of fullnat or NAT, and what a standby needs to go on translating it alike. The layout is in
 * tandem-link(7). */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACKED_HEADER_LEN 24u
#define TRACKED_V4_LEN 36u
#define TRACKED_V6_LEN 84u
#define TRACKED_MAX 1024u      /* entries of one message */
#define TRACKED_TCP_STATES 10u /* enum tcp_conntrack, up to SYN_SENT2 */

/* The client speaks to service, which is server behind, who speaks to local: without source
 * translation that is the client. */
struct tracked {
	uint8_t protocol;  /* TCP, UDP or SCTP: those with ports */
	uint8_t tcp_state; /* as the kernel's tracking numbers it; 0 for others */
	bool assured;      /* both sides have spoken */
	bool gone;         /* it was deleted */
	uint32_t timeout_s;
	uint32_t mark;
	struct addr client, service, server, local; /* of one family */
	uint16_t client_port, service_port, server_port, local_port;
};

/* Whether a writer takes it, and a reader. */
bool tracked_is_entry(const struct tracked *entry);

enum tracked_kind {
	TRACKED_LIVE, /* as it happened */
	TRACKED_BULK, /* a piece of all that there was when it was read */
	TRACKED_ACK,  /* no entries: the kernel has these of the bulk */
};

/* What the entries of one message have in common. */
struct tracked_header {
	enum tracked_kind kind;
	uint64_t process; /* random, of the director whose entries they are: it counts the orders */
	/* The higher, the later. That of a bulk is the one of the last live message before it was
	 * read. */
	uint64_t order;
	uint32_t piece; /* of a bulk, from 1; in an ack: it and those before; live: 0 */
};

/* Writing, into a buffer of the caller. */
struct tracked_writer {
	uint8_t *buffer;
	size_t size, len;
	unsigned n;
};
/* `size` is at least TRACKED_HEADER_LEN. */
void tracked_writer_begin(struct tracked_writer *w, void *buffer, size_t size);
/* False when there is no room, or it is no entry that a reader would take. */
bool tracked_writer_add(struct tracked_writer *w, const struct tracked *entry);
/* The length of the message; 0 when it should have an entry and has none. */
size_t tracked_writer_end(struct tracked_writer *w, const struct tracked_header *header);

/* Reading. False: the message is not of this format, and none of it counts. */
struct tracked_reader {
	struct tracked_header header;
	const uint8_t *at;
	unsigned left;
};
bool tracked_reader_open(struct tracked_reader *r, const void *message, size_t len);
/* False when there is no more. */
bool tracked_reader_next(struct tracked_reader *r, struct tracked *ret);
