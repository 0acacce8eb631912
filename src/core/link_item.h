/* What two directors say in the datagrams and the stream of their link, as bytes: items of a
 * datagram, heartbeats, and ranges of sequence numbers. tandem-link(7) has the formats. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Items: what a datagram is made of. Types that are not known are passed over. */
#define LINK_ITEM_HEAD 3 /* type, length */

enum link_item_type {
	LINK_ITEM_SYNC = 1,  /* a message of the kernel's connection sync */
	LINK_ITEM_HEARTBEAT, /* struct heartbeat */
	LINK_ITEM_TRACKED,   /* an entry of connection tracking */
};

struct link_item {
	unsigned type; /* any, see above */
	const uint8_t *body;
	size_t len;
};

struct link_items {
	const uint8_t *at, *end;
};

/* The next item. False at the end; *ret_whole says whether the end is where an item ended. */
bool link_items_next(struct link_items *items, struct link_item *ret, bool *ret_whole);
/* Writes the head of an item whose body of `len` bytes follows. */
void link_item_head(uint8_t ret[static LINK_ITEM_HEAD], enum link_item_type type, size_t len);

/* Heartbeats */
#define HEARTBEAT_LEN 40

struct heartbeat {
	uint64_t process; /* random, of the process that sends */
	uint32_t state;   /* number of its last STATE message; 0: there was none */
	uint32_t flags;   /* none yet: 0, and not looked at */
	uint64_t sent_us; /* by the sender's clock */
	uint64_t echo_us; /* sent_us of the last heartbeat that it heard; 0: none */
	uint64_t held_us; /* how long ago it heard that one */
};

void heartbeat_build(const struct heartbeat *h, uint8_t ret[static HEARTBEAT_LEN]);
/* False when it is shorter; what is longer is of a later version. */
bool heartbeat_parse(const uint8_t *body, size_t len, struct heartbeat *ret);

/* Ranges of sequence numbers: what STREAM_REPAIR_ASK and STREAM_REPAIR_GONE are lists of. */
#define LINK_RANGE_LEN 16

struct link_range {
	uint64_t first, last;
};

void link_range_build(const struct link_range *range, uint8_t ret[static LINK_RANGE_LEN]);
/* False when it is none: 0, or the last before the first. */
bool link_range_parse(const uint8_t bytes[static LINK_RANGE_LEN], struct link_range *ret);
