/* Whether the peer lives, by heartbeats: those that we send, those that come, and the silence after
 * the last one. */
#pragma once

#include "base/instant.h"
#include "core/link_item.h"
#include "link/count.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct life;
struct peer_page;
struct relay;
struct states;

/* All pointers are borrowed. */
struct life_world {
	sd_event *loop;
	struct counts *counts;
	struct relay *relay;         /* heartbeats go through it */
	const struct states *states; /* whose numbers they name */
	struct peer_page *page;      /* NULL: nobody reads one */
	/* Read what arrived and was not looked at yet, before a verdict about silence. */
	void (*listen)(void *userdata);
	/* Whether an interface of the link is there and up: without one, silence means nothing. */
	bool (*can_hear)(void *userdata);
	/* It lives, after it did not. */
	void (*began)(void *userdata);
	/* It does not live any more, for `reason`; or that is forgotten: NULL. */
	void (*ended)(const char *reason, void *userdata);
	/* It has been silent for so long that a new stream is better than the one there is. */
	void (*give_up)(const char *reason, void *userdata);
	/* A heartbeat of ours is due: it is said on the stream, too. */
	void (*beat)(void *userdata);
	void *userdata;
};

/* Borrows `world`. Nothing is sent yet. 0 or -errno. */
int life_new(const struct life_world *world, struct life **ret);
void life_free(struct life *l); /* NULL is fine */

/* From now on one is sent every so often. */
void life_start(struct life *l, uint64_t heartbeat_us);
/* None is sent any more. */
void life_stop(struct life *l);
/* Nothing is known about the peer: it is another process, or none. */
void life_forget(struct life *l);

/* One more, at once. */
void life_send(struct life *l);
/* An item LINK_ITEM_HEARTBEAT of an authentic datagram. */
void life_item(struct life *l, const struct link_item *item);
/* Something came over the stream. */
void life_stream_heard(struct life *l);

bool life_is_alive(const struct life *l);
struct instant life_heard(const struct life *l); /* {0}: not in this session */
uint64_t life_rtt_us(const struct life *l);      /* 0: not measured */
