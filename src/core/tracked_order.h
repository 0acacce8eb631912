/* The newest state wins. Entries of connection tracking come by datagram and over the stream, live
 * and in bulk, and may overtake each other: what is remembered here is the order of the last live
 * message about each connection, deletions as well, for as long as there is room. */
#pragma once

#include "core/tracked.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACKED_ORDER_WAYS 8u

/* The order of the last live message about the connection that `key` stands for; 0: none. */
struct tracked_order_slot {
	uint64_t key, order;
};

struct tracked_order {
	struct tracked_order_slot *slots; /* of the caller */
	size_t n;                         /* a power of two, at least TRACKED_ORDER_WAYS */
	uint64_t secret;
	uint64_t process; /* whose orders these are; 0: nobody's */
	uint64_t floor;   /* orders up to this one may have been forgotten */
};

/* `secret` is random, so that strangers cannot aim at one place. */
void tracked_order_init(
	struct tracked_order *o, struct tracked_order_slot *slots, size_t n, uint64_t secret);

enum tracked_verdict {
	TRACKED_NEW,
	TRACKED_STALE,  /* something newer came before */
	TRACKED_UNSURE, /* it cannot be told any more: not to be used, and all is to be asked for */
};
/* An entry came with a message that has this header; remembers what is live. Another process than
 * the one before begins anew. */
enum tracked_verdict tracked_order_take(
	struct tracked_order *o, const struct tracked_header *header, const struct tracked *entry);

/* Whether nothing newer has come about the entry since it was taken with this header: it may have
 * waited. */
bool tracked_order_holds(const struct tracked_order *o, const struct tracked_header *header,
	const struct tracked *entry);
