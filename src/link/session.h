/* The session of the pair: keys of both directions, numbers of what is sent, the window of what
 * came, and the datagrams that can still be repaired. It lasts as long as both processes do,
 * whatever becomes of the stream. No socket and no clock in here. */
#pragma once

#include "base/instant.h"
#include "core/link_item.h"
#include "core/pair_key.h"
#include "core/sync_window.h"
#include "link/count.h"
#include "link/seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_TEXT_MAX 1460 /* bytes of a datagram before it is sealed */
#define SESSION_RING 4096u    /* datagrams that can be repaired */
#define SESSION_WAYS_MAX 4u   /* interfaces over which the same may come */

struct session;

/* Draws a nonce, which lasts until session_end(). 0, -ENOMEM or another -errno. */
int session_new(struct counts *counts, struct session **ret);
void session_free(struct session *s);                  /* cleanses; NULL is fine */
const uint8_t *session_nonce(const struct session *s); /* SEAL_NONCE_LEN bytes */

/* What a hello said. Names are of nodes. */
struct session_terms {
	const struct pair_key *key; /* of the stream over which it came */
	const char *own_name, *peer_name;
	uint8_t peer_nonce[SEAL_NONCE_LEN];
	enum seal_cipher peer_cipher; /* of the peer's datagrams; ours is seal_preferred() */
};

enum session_news {
	SESSION_SAME,    /* it goes on */
	SESSION_REKEYED, /* it goes on under other keys; numbers go on, too */
	SESSION_FRESH,   /* the peer is another process: everything begins anew */
};
/* Datagrams of the peer can be read from here on: say so (STREAM_AGREED). -errno, nothing changed.
 */
int session_agree(struct session *s, const struct session_terms *terms);
/* The name of the session in the peer's datagrams that can be read: what a STREAM_AGREED says. Only
 * when known. */
uint64_t session_agreement(const struct session *s);
/* The peer said it of ours: what we send from here on is under the agreed keys. False, nothing
 * changed: it made other keys than we did. Our hello was older than a session_end(), say, so that
 * each has nonces that the other does not have. */
bool session_agreed(struct session *s, uint64_t agreement);
/* The key is not accepted any more: nothing is sent or read until there is another hello, with
 * another nonce. */
void session_end(struct session *s);
bool session_is_known(const struct session *s); /* there was a hello */
/* The id of the key that it was agreed on with; valid when known. */
const uint8_t *session_key_id(const struct session *s);

/* Numbers and encrypts the next datagram into `ret` (len + SEAL_OVERHEAD bytes), and keeps it for
 * repairs. Its length; 0 when the peer could not read it yet. len <= SESSION_TEXT_MAX. */
size_t session_seal(struct session *s, const void *text, size_t len, uint8_t *ret);
uint64_t session_sent(const struct session *s); /* the last number */

/* A datagram that came over interface `way`. True: it is authentic and new, and its text is in
 * `ret` (len - SEAL_OVERHEAD bytes). False: the reason was counted. */
bool session_open(struct session *s, const void *datagram, size_t len, unsigned way,
	struct instant now, uint8_t *ret, size_t *ret_len);

/* Ranges to ask the peer for, now. */
unsigned session_missing(
	struct session *s, struct instant now, struct link_range *ret, unsigned max);
/* When to look next; never, when nothing is missing. */
struct instant session_missing_at(const struct session *s);
/* One of them came over the stream. False: it is not missing any more. *ret_seen: when its absence
 * was noticed, which is after it was sent. */
bool session_repaired(
	struct session *s, uint64_t sequence, struct instant now, struct instant *ret_seen);
/* The peer has these no more. */
void session_gone(struct session *s, const struct link_range *range);
/* Some are lost for good since this was asked last: only a bulk resync brings what they said. */
bool session_has_lost(struct session *s);

/* What was sent under that number, valid until the next session_seal(). NULL: not kept. */
const uint8_t *session_sent_text(const struct session *s, uint64_t sequence, size_t *ret_len);
