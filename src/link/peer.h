/* The other director: whether it lives, what it says, and the session with it. Owns the stream
 * and its users: heartbeats (life), states, repairs, tracking, bulk resync and coverage (bulk). */
#pragma once

#include "base/instant.h"
#include "base/peer_page.h"
#include "io/helper.h"
#include "link/relay.h"
#include "link/session.h"
#include "link/settings.h"
#include "link/shadow.h"

#include <jansson.h>

struct peer;
struct udp_queue;

/* All pointers are borrowed. */
struct peer_world {
	struct helper *helper;
	struct counts *counts;
	struct session *session;
	struct shadow *shadow;
	struct relay *relay;
	const struct pair_keys *keys;
	struct peer_page *page; /* NULL: nobody reads one */
	/* A message to the kernel's backup daemon, and how full its socket is: struct resync_world.
	 */
	int (*inject)(const void *message, size_t len, void *userdata);
	int (*kernel_queue)(struct udp_queue *ret, void *userdata);
	/* Read what arrived and was not looked at yet, before a verdict about silence. */
	void (*listen)(void *userdata);
	/* Whether an interface of the link is there and up: without one, silence means nothing. */
	bool (*can_hear)(void *userdata);
	void *userdata;
};

/* 0 or -errno. */
int peer_new(const struct peer_world *world, struct peer **ret);
void peer_free(struct peer *p); /* NULL is fine */

/* `settings` is borrowed until the next call. 0 or -errno: there is no stream then. */
int peer_configure(struct peer *p, const struct settings *settings, bool new_sockets);
/* The keys have other contents. */
void peer_keys_changed(struct peer *p);
/* Nothing is wanted any more. */
void peer_off(struct peer *p);

/* An item of an authentic datagram. */
void peer_item(struct peer *p, const struct link_item *item);
/* Datagrams were read: look whether some are missing. */
void peer_datagrams_read(struct peer *p);
/* The device did not take what came by them. */
void peer_not_injected(struct peer *p);

/* State, Resync, Coverage, Tracked of the director. */
void peer_message(struct peer *p, const char *method, const json_t *parameters);
void peer_report(struct peer *p, json_t *report);
