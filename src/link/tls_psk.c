/* OpenSSL takes an external PSK for TLS 1.3 as a session that never took place: version, cipher
 * suite (for its digest) and the key. What is given to TLS is derived from the pair key, which has
 * other uses too. */
#include "link/tls_psk.h"

#include "base/sha256.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#define SUITE "TLS_AES_256_GCM_SHA384"
#define PSK_LABEL "tandem stream 1"

static const unsigned char suite_id[] = {0x13, 0x02}; /* RFC 8446, B.4 */

static SSL_SESSION *session_of(SSL *ssl, const struct pair_key *key)
{
	const SSL_CIPHER *suite = SSL_CIPHER_find(ssl, suite_id);
	SSL_SESSION *session = SSL_SESSION_new();
	uint8_t psk[SHA256_LEN];
	bool ok;

	hkdf_sha256(key->bytes, sizeof(key->bytes), PSK_LABEL, psk);
	ok = session && suite && SSL_SESSION_set1_master_key(session, psk, sizeof(psk)) &&
	     SSL_SESSION_set_cipher(session, suite) &&
	     SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION);

	OPENSSL_cleanse(psk, sizeof(psk));
	if (ok)
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static void note(struct tls_psk *t, const struct pair_key *key)
{
	memcpy(t->key_id, key->id, sizeof(t->key_id));
	t->found = true;
}

/* The client's side. The identity is borrowed by OpenSSL until the handshake is over. */
static int offer(SSL *ssl, const EVP_MD *digest, const unsigned char **ret_id, size_t *ret_id_len,
	SSL_SESSION **ret)
{
	struct tls_psk *t = SSL_get_app_data(ssl);

	t->asked = true;
	*ret = NULL;
	*ret_id = NULL;
	*ret_id_len = 0;
	if (t->keys->n == 0 || (digest && EVP_MD_get_type(digest) != NID_sha384))
		return 1; /* no key: the handshake fails for want of one */
	*ret = session_of(ssl, &t->keys->items[0]);
	if (!*ret)
		return 0;
	note(t, &t->keys->items[0]);
	*ret_id = t->key_id;
	*ret_id_len = sizeof(t->key_id);
	return 1;
}

/* The server's side. A key that is not found is not an error: there is nothing else to agree on,
 * and the client is not told the difference. */
static int find(SSL *ssl, const unsigned char *id, size_t id_len, SSL_SESSION **ret)
{
	struct tls_psk *t = SSL_get_app_data(ssl);

	t->asked = true;
	*ret = NULL;
	if (id_len != PAIR_KEY_ID_LEN)
		return 1;
	for (unsigned i = 0; i < t->keys->n; i++) {
		const struct pair_key *key = &t->keys->items[i];
		if (CRYPTO_memcmp(key->id, id, PAIR_KEY_ID_LEN) != 0)
			continue;
		*ret = session_of(ssl, key);
		if (!*ret)
			return 0;
		note(t, key);
		return 1;
	}
	return 1;
}

int tls_psk_context(SSL_CTX **ret)
{
	SSL_CTX *c = SSL_CTX_new(TLS_method());

	if (!c)
		return -ENOMEM;
	if (!SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) ||
		!SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) ||
		!SSL_CTX_set_ciphersuites(c, SUITE) || !SSL_CTX_set_num_tickets(c, 0) ||
		!SSL_CTX_set_max_early_data(c, 0)) {
		SSL_CTX_free(c);
		return -ENOMEM;
	}
	(void)SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_psk_use_session_callback(c, offer);
	SSL_CTX_set_psk_find_session_callback(c, find);
	*ret = c;
	return 0;
}

bool tls_psk_begin(SSL *ssl, struct tls_psk *psk, bool is_server)
{
	if (!SSL_set_app_data(ssl, psk))
		return false;
	if (is_server) {
		SSL_set_accept_state(ssl);
		return true;
	}
	SSL_set_connect_state(ssl);
	/* An impostor with a certificate instead: none is trusted. */
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return true;
}

/* The handshake was all that it was for; OpenSSL would keep it in its heap as long as the
 * connection lasts. */
static void forget_psk(SSL *ssl)
{
	static const uint8_t nothing[SHA256_LEN];
	SSL_SESSION *session = SSL_get_session(ssl);

	if (session)
		(void)SSL_SESSION_set1_master_key(session, nothing, sizeof(nothing));
}

bool tls_psk_agreed(SSL *ssl)
{
	const struct tls_psk *t = SSL_get_app_data(ssl);
	bool agreed = t->found && SSL_session_reused(ssl) && SSL_version(ssl) == TLS1_3_VERSION;

	forget_psk(ssl);
	return agreed;
}
