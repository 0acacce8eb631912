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

/* A line without its newline, and without blanks around it. */
struct line {
	const uint8_t *at;
	size_t len;
};

/* The line at *at, which moves behind it. */
static struct line next_line(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *newline = memchr(*at, '\n', (size_t)(end - *at));
	struct line line = {*at, (size_t)((newline ? newline : end) - *at)};

	*at = newline ? newline + 1 : end;
	while (line.len > 0 && is_blank(line.at[0])) {
		line.at++;
		line.len--;
	}
	while (line.len > 0 && is_blank(line.at[line.len - 1]))
		line.len--;
	return line;
}

static bool has_key(const struct line *line)
{
	return line->len > 0 && line->at[0] != '#';
}

static enum pair_key_fault add_line(struct pair_keys *keys, const struct line *line)
{
	uint8_t bytes[PAIR_KEY_LEN];
	enum pair_key_fault fault = decode(line->at, line->len, bytes);

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
	unsigned n = 0;

	while (fault == PAIR_KEY_OK && at < end) {
		struct line line = next_line(&at, end);
		n++;
		if (has_key(&line))
			fault = add_line(&keys, &line);
	}
	if (fault == PAIR_KEY_OK && keys.n == 0) {
		fault = PAIR_KEY_EMPTY;
		n = 0;
	}
	if (fault == PAIR_KEY_OK)
		*ret = keys;
	else
		*ret_line = n;
	explicit_bzero(&keys, sizeof(keys));
	return fault;
}

/* The text being written. */
struct output {
	char *text;
	size_t len;
	bool overflow;
};

static void put_line(struct output *out, const void *bytes, size_t len)
{
	if (out->overflow || PAIR_KEY_FILE_MAX - out->len < len + 1) {
		out->overflow = true;
		return;
	}
	memcpy(out->text + out->len, bytes, len);
	out->text[out->len + len] = '\n';
	out->len += len + 1;
}

static void put_key(struct output *out, const struct pair_key *key)
{
	char text[PAIR_KEY_TEXT_MAX];

	put_line(out, pair_key_format(key, text), PAIR_KEY_TEXT_MAX - 1);
	explicit_bzero(text, sizeof(text));
}

size_t pair_keys_rewrite(const void *text, size_t len, const struct pair_keys *keys,
	char ret[static PAIR_KEY_FILE_MAX])
{
	const uint8_t *at = text, *end = at + len;
	struct output out = {.text = ret};
	unsigned used = 0;

	while (at < end) {
		struct line line = next_line(&at, end);
		if (!has_key(&line))
			put_line(&out, line.at, line.len);
		else if (used < keys->n)
			put_key(&out, &keys->items[used++]);
	}
	while (used < keys->n)
		put_key(&out, &keys->items[used++]);
	return out.overflow ? 0 : out.len;
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
