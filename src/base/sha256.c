/* FIPS 180-4, section 6.2, as it stands there. */
#include "base/sha256.h"

#include "base/byteorder.h"

#include <string.h>

static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void expand(const uint8_t *block, uint32_t w[static 64])
{
	for (size_t t = 0; t < 16; t++)
		w[t] = be32_get(block + 4 * t);
	for (size_t t = 16; t < 64; t++) {
		uint32_t a = w[t - 15], b = w[t - 2];
		w[t] = (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10) + w[t - 7] +
		       (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[t - 16];
	}
}

static void compress(uint32_t state[static 8], const uint8_t *block)
{
	uint32_t w[64], s[8];

	expand(block, w);
	memcpy(s, state, sizeof(s));
	for (size_t t = 0; t < 64; t++) {
		uint32_t e = s[4], a = s[0];
		uint32_t t1 = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
			      ((e & s[5]) ^ (~e & s[6])) + k[t] + w[t];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
			      ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (size_t i = 0; i < 8; i++)
		state[i] += s[i];
	explicit_bzero(w, sizeof(w)); /* of a key, maybe */
}

void sha256_init(struct sha256 *s)
{
	*s = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
				     0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *s, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len > 0) {
		size_t used = s->len % SHA256_BLOCK_LEN, room = SHA256_BLOCK_LEN - used;
		size_t n = len < room ? len : room;
		memcpy(s->block + used, p, n);
		s->len += n;
		p += n;
		len -= n;
		if (n == room)
			compress(s->state, s->block);
	}
}

void sha256_end(struct sha256 *s, uint8_t ret[static SHA256_LEN])
{
	static const uint8_t padding[SHA256_BLOCK_LEN] = {0x80};
	uint64_t bits = s->len * 8;
	size_t used = s->len % SHA256_BLOCK_LEN;
	uint8_t length[8];

	be32_put(length, (uint32_t)(bits >> 32));
	be32_put(length + 4, (uint32_t)bits);
	sha256_add(s, padding, used < 56 ? 56 - used : 120 - used);
	sha256_add(s, length, sizeof(length));
	for (size_t i = 0; i < 8; i++)
		be32_put(ret + 4 * i, s->state[i]);
}

void hmac_sha256_init(struct hmac_sha256 *h, const void *key, size_t len)
{
	uint8_t block[SHA256_BLOCK_LEN] = {0};

	if (len > sizeof(block)) {
		sha256_init(&h->inner);
		sha256_add(&h->inner, key, len);
		sha256_end(&h->inner, block);
	} else {
		memcpy(block, key, len);
	}
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36;
	sha256_init(&h->inner);
	sha256_add(&h->inner, block, sizeof(block));
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36 ^ 0x5c;
	sha256_init(&h->outer);
	sha256_add(&h->outer, block, sizeof(block));
	explicit_bzero(block, sizeof(block));
}

void hmac_sha256_add(struct hmac_sha256 *h, const void *bytes, size_t len)
{
	sha256_add(&h->inner, bytes, len);
}

void hmac_sha256_end(struct hmac_sha256 *h, uint8_t ret[static SHA256_LEN])
{
	sha256_end(&h->inner, ret);
	sha256_add(&h->outer, ret, SHA256_LEN);
	sha256_end(&h->outer, ret);
}

void hkdf_sha256(const void *key, size_t len, const char *info, uint8_t ret[static SHA256_LEN])
{
	static const uint8_t no_salt[SHA256_LEN];
	static const uint8_t first = 1;
	struct hmac_sha256 h;

	hmac_sha256_init(&h, no_salt, sizeof(no_salt));
	hmac_sha256_add(&h, key, len);
	hmac_sha256_end(&h, ret);
	hmac_sha256_init(&h, ret, SHA256_LEN);
	hmac_sha256_add(&h, info, strlen(info));
	hmac_sha256_add(&h, &first, sizeof(first));
	hmac_sha256_end(&h, ret);
	explicit_bzero(&h, sizeof(h));
}
