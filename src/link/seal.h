/* Datagrams that only the peer can have made: AES-256-GCM, or ChaCha20-Poly1305 where the processor
 * has no AES instructions, under keys of one session. The wire format is in tandem-link(7). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_LEN 32
#define SEAL_NONCE_LEN 32 /* of a hello */
#define SEAL_NAME_MAX 255 /* bytes of a node's name */
#define SEAL_HEADER_LEN 24
#define SEAL_TAG_LEN 16
#define SEAL_OVERHEAD (SEAL_HEADER_LEN + SEAL_TAG_LEN)
#define SEAL_DATAGRAM_MAX 65507 /* what UDP carries */

enum seal_cipher {
	SEAL_AES_256_GCM = 1,
	SEAL_CHACHA20_POLY1305 = 2,
};
/* What this processor does faster. The one of the sender counts, for its direction. */
enum seal_cipher seal_preferred(void);
const char *seal_cipher_name(enum seal_cipher cipher); /* "aes-256-gcm"; NULL: there is none */

/* What the header of a datagram claims, before anything is known to be true. */
struct seal_header {
	uint64_t session;  /* names the sender's session */
	uint64_t sequence; /* from 1 */
	enum seal_cipher cipher;
};

enum seal_fault {
	SEAL_OK,
	SEAL_TRUNCATED, /* shorter than a header and a tag */
	SEAL_NOT_OURS,  /* magic, version, cipher or sequence, or longer than SEAL_DATAGRAM_MAX */
	SEAL_FORGED,    /* the tag is wrong */
	SEAL_FAULT_MAX_
};
const char *seal_fault_name(enum seal_fault fault); /* as its counter is called: "not_ours" */

/* One direction: the keys of whoever sends. */
struct seal;

/* Keys of the session in which the two nonces were exchanged over the authenticated stream:
 * HKDF-SHA256 of the pair key, both nonces and the sender's node name. `sender_nonce` is the
 * sender's. 0, -EINVAL (no such cipher, a name too long), -ENOMEM or -EIO. */
int seal_new(const uint8_t pair_key[static SEAL_KEY_LEN],
	const uint8_t sender_nonce[static SEAL_NONCE_LEN],
	const uint8_t receiver_nonce[static SEAL_NONCE_LEN], const char *sender_name,
	enum seal_cipher cipher, struct seal **ret);
void seal_free(struct seal *s);              /* cleanses; NULL is fine */
uint64_t seal_session(const struct seal *s); /* derived with the keys; never 0 */

/* Encrypts `len` bytes; `ret` has room for len + SEAL_OVERHEAD, and may overlap with nothing. Each
 * sequence must be higher than the one before: a number used twice would give the key away. Returns
 * the length of the datagram; -EMSGSIZE: above SEAL_DATAGRAM_MAX; -EIO. */
int seal_datagram(struct seal *s, uint64_t sequence, const void *text, size_t len, uint8_t *ret);
/* Reads the header only. *ret is written on SEAL_OK. */
enum seal_fault seal_look(const void *datagram, size_t len, struct seal_header *ret);
/* Authenticates and decrypts; `ret` has room for len - SEAL_OVERHEAD, and is zeroed when the
 * datagram is forged. */
enum seal_fault seal_open(
	struct seal *s, const void *datagram, size_t len, uint8_t *ret, size_t *ret_len);
