/* AEAD and key derivation are OpenSSL's; what is put into them is decided here. A datagram is
 *
 *	"TNDM" | version 1 | cipher | 0 0 | session (8) | sequence (8) | ciphertext | tag (16)
 *
 * Its first 24 bytes are authenticated with it. The nonce is the session's, with the sequence
 *number added bit by bit to its last eight bytes, so it is used once as long as sequence numbers
 *are. */
#include "link/seal.h"

#include "base/byteorder.h"

#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define VERSION 1
#define LABEL "tandem datagrams 1"

enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_CIPHER = 5,
	AT_RESERVED = 6,
	AT_SESSION = 8,
	AT_SEQUENCE = 16,
};
static const uint8_t magic[] = {'T', 'N', 'D', 'M'};

#define IV_LEN 12
#define SALT_LEN (2 * SEAL_NONCE_LEN)
#define INFO_MAX (sizeof(LABEL) + 2 + SEAL_NAME_MAX)

/* What HKDF gives, in this order. */
struct keys {
	uint8_t key[SEAL_KEY_LEN];
	uint8_t iv[IV_LEN];
	uint8_t session[8];
};
static_assert(sizeof(struct keys) == SEAL_KEY_LEN + IV_LEN + 8, "without padding");

struct seal {
	EVP_CIPHER_CTX *context; /* has the key, and is told a nonce for each datagram */
	enum seal_cipher cipher;
	uint64_t session;
	uint64_t last; /* the sequence number that was sealed last */
	uint8_t iv[IV_LEN];
};

const char *seal_cipher_name(enum seal_cipher cipher)
{
	switch (cipher) {
	case SEAL_AES_256_GCM:
		return "aes-256-gcm";
	case SEAL_CHACHA20_POLY1305:
		return "chacha20-poly1305";
	}
	return NULL;
}

/* As OpenSSL calls them. */
static const char *evp_name(enum seal_cipher cipher)
{
	return cipher == SEAL_AES_256_GCM ? "AES-256-GCM" : "ChaCha20-Poly1305";
}

const char *seal_fault_name(enum seal_fault fault)
{
	static const char *const names[SEAL_FAULT_MAX_] = {
		[SEAL_OK] = "ok",
		[SEAL_TRUNCATED] = "truncated",
		[SEAL_NOT_OURS] = "not_ours",
		[SEAL_FORGED] = "forged",
	};
	return names[fault];
}

static int has_aes_instructions(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & (HWCAP_AES | HWCAP_PMULL)) == (HWCAP_AES | HWCAP_PMULL);
#else
	return 0;
#endif
}

enum seal_cipher seal_preferred(void)
{
	return has_aes_instructions() ? SEAL_AES_256_GCM : SEAL_CHACHA20_POLY1305;
}

/* What the keys are for: the label with its NUL, the cipher, the length of a name and the name. */
static size_t put_info(uint8_t info[static INFO_MAX], enum seal_cipher cipher, const char *name)
{
	size_t len = strlen(name);

	memcpy(info, LABEL, sizeof(LABEL));
	info[sizeof(LABEL)] = (uint8_t)cipher;
	info[sizeof(LABEL) + 1] = (uint8_t)len;
	memcpy(info + sizeof(LABEL) + 2, name, len);
	return sizeof(LABEL) + 2 + len;
}

static int derive(const uint8_t *pair_key, uint8_t salt[static SALT_LEN], uint8_t *info,
	size_t info_len, struct keys *ret)
{
	uint8_t secret[SEAL_KEY_LEN];
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof(secret)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, SALT_LEN),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, info_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	int done;

	memcpy(secret, pair_key, sizeof(secret));
	done = context && EVP_KDF_derive(context, (uint8_t *)ret, sizeof(*ret), parameters) > 0;
	OPENSSL_cleanse(secret, sizeof(secret));
	EVP_KDF_CTX_free(context); /* cleanses what it has */
	EVP_KDF_free(kdf);
	return done ? 0 : -EIO;
}

static EVP_CIPHER_CTX *new_context(enum seal_cipher cipher, const uint8_t *key)
{
	EVP_CIPHER *evp = EVP_CIPHER_fetch(NULL, evp_name(cipher), NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (!evp || !context || EVP_CipherInit_ex2(context, evp, key, NULL, 1, NULL) <= 0) {
		EVP_CIPHER_CTX_free(context);
		context = NULL;
	}
	EVP_CIPHER_free(evp); /* the context has its own reference */
	return context;
}

static int take_keys(struct seal *s, const struct keys *keys)
{
	memcpy(s->iv, keys->iv, sizeof(s->iv));
	s->session = be64_get(keys->session);
	if (s->session == 0)
		s->session = 1;
	s->context = new_context(s->cipher, keys->key);
	return s->context ? 0 : -EIO;
}

int seal_new(const uint8_t pair_key[static SEAL_KEY_LEN],
	const uint8_t sender_nonce[static SEAL_NONCE_LEN],
	const uint8_t receiver_nonce[static SEAL_NONCE_LEN], const char *sender_name,
	enum seal_cipher cipher, struct seal **ret)
{
	uint8_t salt[SALT_LEN], info[INFO_MAX];
	struct keys keys;
	struct seal *s;
	int r;

	if (!seal_cipher_name(cipher) || strlen(sender_name) > SEAL_NAME_MAX)
		return -EINVAL;
	s = OPENSSL_zalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->cipher = cipher;
	memcpy(salt, sender_nonce, SEAL_NONCE_LEN);
	memcpy(salt + SEAL_NONCE_LEN, receiver_nonce, SEAL_NONCE_LEN);
	r = derive(pair_key, salt, info, put_info(info, cipher, sender_name), &keys);
	if (r >= 0)
		r = take_keys(s, &keys);
	OPENSSL_cleanse(&keys, sizeof(keys));
	if (r < 0) {
		ERR_clear_error();
		seal_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void seal_free(struct seal *s)
{
	if (!s)
		return;
	EVP_CIPHER_CTX_free(s->context); /* cleanses the key */
	OPENSSL_clear_free(s, sizeof(*s));
}

uint64_t seal_session(const struct seal *s)
{
	return s->session;
}

/* One datagram's nonce, and what is authenticated without being encrypted. */
static int start(struct seal *s, uint64_t sequence, const uint8_t *header, int encrypts)
{
	uint8_t iv[IV_LEN];
	int n;

	memcpy(iv, s->iv, sizeof(iv));
	be64_put(iv + 4, be64_get(iv + 4) ^ sequence);
	return EVP_CipherInit_ex2(s->context, NULL, NULL, iv, encrypts, NULL) > 0 &&
	       EVP_CipherUpdate(s->context, NULL, &n, header, SEAL_HEADER_LEN) > 0;
}

static int encrypt(struct seal *s, const void *text, size_t len, uint8_t *ret, uint8_t *ret_tag)
{
	int n = 0, rest;

	return (len == 0 || EVP_CipherUpdate(s->context, ret, &n, text, (int)len) > 0) &&
	       EVP_CipherFinal_ex(s->context, ret + n, &rest) > 0 &&
	       EVP_CIPHER_CTX_ctrl(s->context, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_LEN, ret_tag) > 0;
}

static void put_header(const struct seal *s, uint64_t sequence, uint8_t *at)
{
	memcpy(at + AT_MAGIC, magic, sizeof(magic));
	at[AT_VERSION] = VERSION;
	at[AT_CIPHER] = (uint8_t)s->cipher;
	be16_put(at + AT_RESERVED, 0);
	be64_put(at + AT_SESSION, s->session);
	be64_put(at + AT_SEQUENCE, sequence);
}

int seal_datagram(struct seal *s, uint64_t sequence, const void *text, size_t len, uint8_t *ret)
{
	assert(sequence > s->last);
	if (len > SEAL_DATAGRAM_MAX - SEAL_OVERHEAD)
		return -EMSGSIZE;
	s->last = sequence;
	put_header(s, sequence, ret);
	if (!start(s, sequence, ret, 1) ||
		!encrypt(s, text, len, ret + SEAL_HEADER_LEN, ret + SEAL_HEADER_LEN + len)) {
		ERR_clear_error();
		return -EIO;
	}
	return (int)(len + SEAL_OVERHEAD);
}

enum seal_fault seal_look(const void *datagram, size_t len, struct seal_header *ret)
{
	const uint8_t *at = datagram;

	if (len < SEAL_OVERHEAD)
		return SEAL_TRUNCATED;
	if (len > SEAL_DATAGRAM_MAX || memcmp(at + AT_MAGIC, magic, sizeof(magic)) != 0 ||
		at[AT_VERSION] != VERSION || !seal_cipher_name(at[AT_CIPHER]) ||
		be16_get(at + AT_RESERVED) != 0 || be64_get(at + AT_SEQUENCE) == 0)
		return SEAL_NOT_OURS;
	*ret = (struct seal_header){
		.session = be64_get(at + AT_SESSION),
		.sequence = be64_get(at + AT_SEQUENCE),
		.cipher = at[AT_CIPHER],
	};
	return SEAL_OK;
}

static int decrypt(struct seal *s, const uint8_t *text, size_t len, uint8_t *ret)
{
	uint8_t tag[SEAL_TAG_LEN];
	int n = 0, rest;

	memcpy(tag, text + len, sizeof(tag));
	return EVP_CIPHER_CTX_ctrl(s->context, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_LEN, tag) > 0 &&
	       (len == 0 || EVP_CipherUpdate(s->context, ret, &n, text, (int)len) > 0) &&
	       EVP_CipherFinal_ex(s->context, ret + n, &rest) > 0;
}

enum seal_fault seal_open(
	struct seal *s, const void *datagram, size_t len, uint8_t *ret, size_t *ret_len)
{
	const uint8_t *at = datagram;
	struct seal_header header;
	enum seal_fault fault = seal_look(datagram, len, &header);

	if (fault != SEAL_OK)
		return fault;
	len -= SEAL_OVERHEAD;
	/* Another session or cipher would fail by its tag as well: the header is authenticated. */
	if (header.session != s->session || header.cipher != s->cipher)
		return SEAL_FORGED;
	if (!start(s, header.sequence, at, 0) || !decrypt(s, at + SEAL_HEADER_LEN, len, ret)) {
		ERR_clear_error();
		OPENSSL_cleanse(ret, len);
		return SEAL_FORGED;
	}
	*ret_len = len;
	return SEAL_OK;
}
