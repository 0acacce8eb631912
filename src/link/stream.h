/* The stream between the two directors: TLS 1.3 over TCP with the pair key as external PSK and
 * nothing else, so that who speaks has the key. The director with the lower address connects, again
 * and again; the other one listens. Of several connections the one that completed its handshake
 * last is kept: the peer would not have made it while it was content with another. Messages are a
 * length (4 bytes, network order), a type (1 byte) and the contents. Never blocks. */
#pragma once

#include "base/addr.h"
#include "core/pair_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define STREAM_MESSAGE_MAX (1024u * 1024u)

enum stream_type {
	STREAM_HELLO = 1,   /* first of each side: JSON, see hello.h */
	STREAM_STATE,       /* JSON of the director, for the peer's director */
	STREAM_REPAIR_ASK,  /* ranges of sequence numbers */
	STREAM_REPAIR,      /* a sequence number and what that datagram said */
	STREAM_REPAIR_GONE, /* a range that is not kept any more */
	STREAM_RESYNC_ASK,
	STREAM_RECORDS,     /* connections in bulk */
	STREAM_RECORDS_ACK, /* so many were taken by the kernel */
	STREAM_RESYNC_DONE,
	STREAM_DIGEST,  /* of the sender's connections, by service */
	STREAM_TRACKED, /* conntrack entries, for fullnat */
	STREAM_AGREED,  /* the hello was taken: datagrams of this session can be read */
	STREAM_BEAT,    /* the sender lives; nothing else */
	STREAM_TYPE_MAX_
};

/* Why an attempt never became a stream. */
enum stream_failure {
	STREAM_FAILED_OTHERWISE, /* nobody answered, or it was cut off */
	STREAM_WRONG_KEY,        /* TLS with a key that is none of the pair's */
	STREAM_JUNK,             /* no TLS, or TLS without a key */
	STREAM_SLOW,             /* the handshake took too long, or made room for another one */
	STREAM_STRANGER,         /* not from the peer's address */
};

struct stream;

struct stream_handler {
	void (*opened)(struct stream *s, void *userdata);
	/* Contents are valid during the call. The handler may close the stream. */
	void (*message)(struct stream *s, enum stream_type type, const uint8_t *data, size_t len,
		void *userdata);
	/* What was queued is on its way: there is room for more. */
	void (*drained)(struct stream *s, void *userdata);
	/* What was open is no more. `reason` is one readable clause. It is tried again by itself.
	 * When another connection takes its place, `opened` follows at once. */
	void (*closed)(struct stream *s, const char *reason, void *userdata);
	/* An attempt, ours or somebody else's, never became a stream. */
	void (*failed)(
		struct stream *s, enum stream_failure failure, const char *reason, void *userdata);
};

struct stream_settings {
	struct addr own, peer; /* link addresses */
	uint16_t port;
	char interface[16];           /* the only one it may use; "": the routes decide */
	const struct pair_keys *keys; /* borrowed; see stream_keys_changed() */
};

/* 0 or -errno; -EINVAL when the two addresses are one, or of two families. */
int stream_new(sd_event *loop, const struct stream_settings *settings,
	const struct stream_handler *handler, void *userdata, struct stream **ret);
void stream_free(struct stream *s); /* NULL is fine */

/* Queues a message. False when the stream is not open or its queue is full; the queue has room for
 * at least one message of STREAM_MESSAGE_MAX whenever `drained` was called last. */
bool stream_send(struct stream *s, enum stream_type type, const void *data, size_t len);
bool stream_is_open(const struct stream *s);
size_t stream_queued(const struct stream *s); /* bytes */
/* The id of the key that the open connection was made with. */
const uint8_t *stream_key_id(const struct stream *s);
/* The keys have other contents now. A connection made with one that is gone is closed; one made
 * with a key that is not the active one any more goes on until another, with the active one, has
 * been made. */
void stream_keys_changed(struct stream *s);
/* The peer has just been heard by other means: if we are the one who connects and are not
 * connected, an attempt that was begun before is dropped for a new one. TCP may let it wait for
 * seconds. */
void stream_hurry(struct stream *s);
/* The peer breaks the rules, or the hello says what cannot be: close, try again later. */
void stream_close(struct stream *s, const char *reason);
