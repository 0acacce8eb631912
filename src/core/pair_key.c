/* The text of a file of keys, and what is derived from a key. Who may read such a file is decided
 * where it is read; what is wrong with it is never said with a part of a key. */
#include "core/pair_key.h"

#include "base/sha256.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define ID_LABEL "tandem key id 1"
#define ADVERTS_LABEL "tandem vrrp adverts 1"

const char *pair_key_fault_text(enum pair_key_fault fault)
{
	static const char *const texts[PAIR_KEY_FAULT_MAX_] = {
		[PAIR_KEY_OK] = "is good",
		[PAIR_KEY_EMPTY] = "has no key",
		[PAIR_KEY_LONG] = "is no file of keys: it is longer than 8192 bytes",
		[PAIR_KEY_NOT_HEX] = "is neither a key of 64 hexadecimal digits nor a comment",
		[PAIR_KEY_WEAK] = "is no key that anybody drew: all its bytes are the same",
		[PAIR_KEY_TWICE] = "repeats a key",
		[PAIR_KEY_TOO_MANY] = "is one key more than 8",
	};
	return texts[fault];
}

void pair_key_make(const uint8_t bytes[static PAIR_KEY_LEN], struct pair_key *ret)
{
	uint8_t digest[SHA256_LEN];

	memcpy(ret->bytes, bytes, PAIR_KEY_LEN);
	hkdf_sha256(bytes, PAIR_KEY_LEN, ID_LABEL, digest);
	memcpy(ret->id, digest, PAIR_KEY_ID_LEN);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum pair_key_fault decode(const uint8_t *digits, size_t len, uint8_t *ret)
{
	uint8_t differs = 0;

	if (len != (size_t)2 * PAIR_KEY_LEN)
		return PAIR_KEY_NOT_HEX;
	for (size_t i = 0; i < PAIR_KEY_LEN; i++) {
		int high = hex_digit(digits[2 * i]), low = hex_digit(digits[2 * i + 1]);
		if (high < 0 || low < 0)
			return PAIR_KEY_NOT_HEX;
		ret[i] = (uint8_t)(high << 4 | low);
		differs |= (uint8_t)(ret[i] ^ ret[0]);
	}
	return differs ? PAIR_KEY_OK : PAIR_KEY_WEAK;
}

static enum pair_key_fault add(struct pair_keys *keys, const uint8_t *bytes)
{
	for (unsigned i = 0; i < keys->n; i++)
		if (memcmp(keys->items[i].bytes, bytes, PAIR_KEY_LEN) == 0)
			return PAIR_KEY_TWICE;
	if (keys->n == PAIR_KEYS_MAX)
		return PAIR_KEY_TOO_MANY;
	pair_key_make(bytes, &keys->items[keys->n++]);
	return PAIR_KEY_OK;
}

static enum pair_key_fault add_line(struct pair_keys *keys, const uint8_t *line, size_t len)
{
	uint8_t bytes[PAIR_KEY_LEN];
	enum pair_key_fault fault;

	while (len > 0 && is_blank(line[0])) {
		line++;
		len--;
	}
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	if (len == 0 || line[0] == '#')
		return PAIR_KEY_OK;
	fault = decode(line, len, bytes);
	if (fault == PAIR_KEY_OK)
		fault = add(keys, bytes);
	explicit_bzero(bytes, sizeof(bytes));
	return fault;
}

enum pair_key_fault pair_keys_parse(
	const void *text, size_t len, struct pair_keys *ret, unsigned *ret_line)
{
	const uint8_t *at = text, *end = at + len;
	struct pair_keys keys = {0};
	enum pair_key_fault fault = len > PAIR_KEY_FILE_MAX ? PAIR_KEY_LONG : PAIR_KEY_OK;
	unsigned line = 0;

	while (fault == PAIR_KEY_OK && at < end) {
		const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
		const uint8_t *line_end = newline ? newline : end;
		line++;
		fault = add_line(&keys, at, (size_t)(line_end - at));
		at = newline ? newline + 1 : end;
	}
	if (fault == PAIR_KEY_OK && keys.n == 0) {
		fault = PAIR_KEY_EMPTY;
		line = 0;
	}
	if (fault == PAIR_KEY_OK)
		*ret = keys;
	else
		*ret_line = line;
	explicit_bzero(&keys, sizeof(keys));
	return fault;
}

const struct pair_key *pair_keys_find(
	const struct pair_keys *keys, const uint8_t id[static PAIR_KEY_ID_LEN])
{
	for (unsigned i = 0; i < keys->n; i++)
		if (memcmp(keys->items[i].id, id, PAIR_KEY_ID_LEN) == 0)
			return &keys->items[i];
	return NULL;
}

static const char *format(const uint8_t *bytes, size_t len, char *buf)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		buf[2 * i] = digits[bytes[i] >> 4];
		buf[2 * i + 1] = digits[bytes[i] & 15];
	}
	buf[2 * len] = '\0';
	return buf;
}

const char *pair_key_format(const struct pair_key *key, char buf[static PAIR_KEY_TEXT_MAX])
{
	return format(key->bytes, sizeof(key->bytes), buf);
}

const char *pair_key_format_id(
	const uint8_t id[static PAIR_KEY_ID_LEN], char buf[static PAIR_KEY_TEXT_MAX])
{
	return format(id, PAIR_KEY_ID_LEN, buf);
}

void pair_key_for_adverts(const struct pair_key *key, uint8_t ret[static PAIR_KEY_LEN])
{
	static_assert(PAIR_KEY_LEN == SHA256_LEN, "a derived key is a digest");
	hkdf_sha256(key->bytes, sizeof(key->bytes), ADVERTS_LABEL, ret);
}
