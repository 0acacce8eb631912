/* Any bytes as a sealed datagram: neither the look at its header nor the opening reads beyond them,
 * and nothing opens that nobody sealed. Bytes whose first is odd are sealed before, since no fuzzer
 * finds a tag; then they must open, and must not when one bit is another. */
#include "link/seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct seal *keys_of(enum seal_cipher cipher)
{
	static const uint8_t key[SEAL_KEY_LEN] = {1}, a[SEAL_NONCE_LEN] = {2},
			     b[SEAL_NONCE_LEN] = {3};
	struct seal *s;

	if (seal_new(key, a, b, "lb1", cipher, &s) < 0)
		abort();
	return s;
}

static void open_forged(struct seal *s, const uint8_t *bytes, size_t len)
{
	uint8_t *text = malloc(len > SEAL_OVERHEAD ? len - SEAL_OVERHEAD : 1);
	struct seal_header header;
	size_t n;

	if (!text)
		return;
	if (seal_open(s, bytes, len, text, &n) == SEAL_OK)
		abort();
	if (seal_look(bytes, len, &header) == SEAL_OK && !seal_cipher_name(header.cipher))
		abort();
	free(text);
}

/* The first bytes say which bit to change. */
static void open_sealed(enum seal_cipher cipher, const uint8_t *bytes, size_t len)
{
	struct seal *s = keys_of(cipher);
	size_t size = len + SEAL_OVERHEAD, n = 0,
	       at = ((size_t)bytes[1] << 8 | (len > 2 ? bytes[2] : 0)) % size;
	uint8_t *datagram = malloc(size), *text = malloc(len);

	if (datagram && text) {
		if (seal_datagram(s, 1, bytes, len, datagram) != (int)size ||
			seal_open(s, datagram, size, text, &n) != SEAL_OK || n != len ||
			memcmp(text, bytes, len) != 0)
			abort();
		datagram[at] ^= (uint8_t)(1u << (bytes[0] >> 5));
		open_forged(s, datagram, size);
	}
	free(datagram);
	free(text);
	seal_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	enum seal_cipher cipher;
	struct seal *s;

	if (len < 2 || len > 4096)
		return 0;
	cipher = bytes[0] & 2 ? SEAL_AES_256_GCM : SEAL_CHACHA20_POLY1305;
	if (bytes[0] & 1) {
		open_sealed(cipher, bytes, len);
		return 0;
	}
	s = keys_of(cipher);
	open_forged(s, bytes + 1, len - 1);
	seal_free(s);
	return 0;
}
