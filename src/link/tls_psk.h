/* TLS 1.3 with the pair key as external PSK (RFC 8446, 2.2) and nothing else: no certificate, no
 * session ticket, no early data, one cipher suite; each connection has a Diffie-Hellman exchange of
 * its own (psk_dhe_ke). Who completes the handshake has a key of the pair. */
#pragma once

#include "core/pair_key.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* What a connection knows of its handshake. */
struct tls_psk {
	const struct pair_keys *keys;    /* borrowed: of the moment of the handshake */
	uint8_t key_id[PAIR_KEY_ID_LEN]; /* which of them it was */
	bool asked;                      /* for a key: it is TLS that was begun with one */
	bool found;                      /* key_id is set */
};

/* The client offers the active key, the server takes any. 0 or -ENOMEM. */
int tls_psk_context(SSL_CTX **ret);
/* Before the handshake. `psk` has its keys set, and outlives the SSL. False: no memory. */
bool tls_psk_begin(SSL *ssl, struct tls_psk *psk, bool is_server);
/* After the handshake: it was the key, and not something else, that made it succeed. */
bool tls_psk_agreed(SSL *ssl);
