/* Connections in bulk, both ways: what a director that joins asks of its peer, and what it gives.
 * A machine that is stepped: it keeps no clock, no socket and no timer, and never blocks. The wire
 * format is core/bulk_message.h. */
#pragma once

#include "base/instant.h"
#include "link/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct resync;
struct shadow;
struct udp_queue;

enum resync_state {
	RESYNC_IDLE,    /* nothing was asked yet */
	RESYNC_RUNNING, /* asked, not done */
	RESYNC_DONE,
	RESYNC_FAILED, /* it is asked again by itself, or when the stream opens */
};
const char *resync_state_name(enum resync_state state); /* "idle", "running", "done", "failed" */

/* The receiving side, as the director is told of it. */
struct resync_report {
	enum resync_state state;
	uint64_t records;   /* that came */
	uint64_t news;      /* of them unknown, or newer than what was known */
	uint64_t injected;  /* records given to the kernel */
	uint64_t drops;     /* datagrams that the kernel's socket had no room for; given again */
	uint64_t took_us;   /* since it was asked */
	bool incomplete;    /* the peer started in the cold and could not read its whole table */
	const char *reason; /* why it failed: one clause; NULL otherwise */
};

/* The world, as it needs it. All are called within resync_* calls only. */
struct resync_world {
	/* stream_send() and stream_queued(). */
	bool (*send)(enum stream_type type, const void *data, size_t len, void *userdata);
	size_t (*queued)(void *userdata);
	/* A message of the kernel's format to its backup daemon; 0, or -EAGAIN: later. Other errors
	 * are taken as a drop. */
	int (*inject)(const void *message, size_t len, void *userdata);
	/* How full the daemon's socket is: udp_queue_read(). 0, -ENOENT while there is none. */
	int (*kernel_queue)(struct udp_queue *ret, void *userdata);
	/* On every change of the state of the receiving side. */
	void (*changed)(const struct resync_report *report, void *userdata);
	void *userdata;
};

struct resync_settings {
	uint64_t process; /* random, of this process: places in its table mean nothing to another */
	uint8_t sync_id;  /* of the messages for the kernel */
	size_t message_max; /* bytes of such a message: 1400, or what the TUN's MTU leaves */
	size_t kernel_room; /* bytes that may wait in the daemon's socket; 0: 100 kB, which is safe
			     * with the kernel's own default of 208 kB */
};

/* `shadow` is borrowed. 0 or -ENOMEM. */
int resync_new(struct shadow *shadow, const struct resync_settings *settings,
	const struct resync_world *world, struct resync **ret);
void resync_free(struct resync *r); /* NULL is fine */

/* Our table is not complete yet (its first reading from /proc goes on): who asks has to wait. It is
 * `true` from the start. `complete` false at the end: it could not be read whole. */
void resync_table_ready(struct resync *r, bool ready, bool complete);

/* The stream is open and the hello agreed on: ask the peer. What broke off is resumed, when the
 * peer is the process it was. */
void resync_opened(struct resync *r, struct instant now);
void resync_closed(struct resync *r, struct instant now);
/* Ask now (an operator, or too little coverage). `force`: what is known here already is given to
 * the kernel nevertheless, for its table may have been emptied. False: the stream is not open. One
 * that runs is started over. */
bool resync_ask(struct resync *r, bool force, struct instant now);

/* STREAM_RESYNC_ASK, _RECORDS, _RECORDS_ACK or _RESYNC_DONE came. False: it is malformed, and the
 * stream should be closed. */
bool resync_message(struct resync *r, enum stream_type type, const uint8_t *data, size_t len,
	struct instant now);
/* Go on: bounded work. Returns when to call again; `now`: as soon as the loop is free; also to be
 * called when the stream has room again. */
struct instant resync_step(struct resync *r, struct instant now);

/* Send the peer these few, of which it was found that it lacks them (places as of shadow_find()).
 * They go in the next steps; beyond RESYNC_PUSH_MAX at a time they are left out. Returns how many
 * were taken. */
#define RESYNC_PUSH_MAX 4096u
size_t resync_push(struct resync *r, const uint64_t *places, size_t n);
/* The peer's clock, as it told it in a digest: echoed with what is pushed. */
void resync_peer_clock(struct resync *r, uint64_t peer_us);
/* Something that came beside a resync was not injected: the kernel gets it by step(). */
void resync_not_injected(struct resync *r, struct instant now);
/* The kernel is given all that came from the peer and is still known. */
void resync_feed(struct resync *r);

/* The peer is being answered. */
bool resync_is_giving(const struct resync *r);
void resync_report(const struct resync *r, struct instant now, struct resync_report *ret);
/* Records sent to the peer in all, answers and pushes. */
uint64_t resync_sent(const struct resync *r);
