/* The way of a record: from our kernel's master into datagrams, and out of the peer's datagrams to
 * our kernel's backup. On the way each record is looked at, and noted in the shadow. Records are
 * gathered: what our kernel says in one turn of the loop is few datagrams, and what a batch of
 * datagrams brings is few messages to the kernel. */
#pragma once

#include "base/instant.h"
#include "core/link_item.h"
#include "core/sync_message.h"
#include "link/session.h"
#include "link/shadow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest message to our kernel: its backup daemon reads no more than fits 1500 bytes. */
#define RELAY_MESSAGE_MAX 1400

struct relay_world {
	/* A sealed datagram, to the group on each interface. */
	void (*send)(const uint8_t *datagram, size_t len, void *userdata);
	/* A message to the kernel's backup daemon; 0 or -errno. */
	int (*inject)(const void *message, size_t len, void *userdata);
	/* An item that is no sync message. A repaired heartbeat is too old to say anything. */
	void (*item)(const struct link_item *item, void *userdata);
	void *userdata;
};

struct relay {
	struct session *session;
	struct shadow *shadow;
	struct counts *counts;
	const struct relay_world *world;
	uint8_t sync_id;
	size_t message_max; /* bytes of a sync message in a datagram */
	struct sync_writer out, in;
	uint8_t out_text[SESSION_TEXT_MAX];
	uint8_t in_message[RELAY_MESSAGE_MAX];
};

/* All pointers are borrowed. */
void relay_init(struct relay *r, struct session *session, struct shadow *shadow,
	struct counts *counts, const struct relay_world *world);
/* What is gathered goes first. `room`: bytes of a sealed datagram that fit all interfaces. */
void relay_set(struct relay *r, uint8_t sync_id, size_t room);

/* A message of our kernel. */
void relay_from_kernel(struct relay *r, const void *message, size_t len, struct instant now);
/* The end of the turn. */
void relay_flush_out(struct relay *r);
/* An item in a datagram of its own, at once. False: there is nobody who could read it. */
bool relay_send_item(struct relay *r, enum link_item_type type, const void *body, size_t len);

/* The text of a datagram, said at `said` or before. `is_repair`: it came later than others that
 * were said after it. */
void relay_from_peer(
	struct relay *r, const uint8_t *text, size_t len, struct instant said, bool is_repair);
/* The end of the batch. */
void relay_flush_in(struct relay *r);
