/* SHA-256 (FIPS 180-4), HMAC (RFC 2104) and HKDF (RFC 5869) over it: as values, without the heap,
 * for code that may do nothing else. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32
#define SHA256_BLOCK_LEN 64

struct sha256 {
	uint32_t state[8];
	uint64_t len; /* of what was added */
	uint8_t block[SHA256_BLOCK_LEN];
};
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t len);
void sha256_end(struct sha256 *s, uint8_t ret[static SHA256_LEN]);

/* A key, prepared once: copies of it authenticate one message each. */
struct hmac_sha256 {
	struct sha256 inner, outer;
};
void hmac_sha256_init(struct hmac_sha256 *h, const void *key, size_t len);
void hmac_sha256_add(struct hmac_sha256 *h, const void *bytes, size_t len);
void hmac_sha256_end(struct hmac_sha256 *h, uint8_t ret[static SHA256_LEN]);

/* 32 bytes derived from a key, without salt, for the purpose that `info` names. */
void hkdf_sha256(const void *key, size_t len, const char *info, uint8_t ret[static SHA256_LEN]);
