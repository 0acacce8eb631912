/* The secret of the pair: a file of keys, one a line, that both directors have. The first is active
 * (adverts, the stream and datagrams are made with it), all are accepted, so that a key is
 * exchanged without a gap: add the new one last on both, then first on both, then take the old one
 * away. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAIR_KEY_LEN 32
#define PAIR_KEYS_MAX 8
#define PAIR_KEY_ID_LEN 8                        /* derived from the key: names it, tells nothing */
#define PAIR_KEY_TEXT_MAX (PAIR_KEY_LEN * 2 + 1) /* hexadecimal, with its NUL */
#define PAIR_KEY_FILE_MAX 8192                   /* bytes of a file of keys, comments included */

struct pair_key {
	uint8_t id[PAIR_KEY_ID_LEN];
	uint8_t bytes[PAIR_KEY_LEN];
};

struct pair_keys {
	struct pair_key items[PAIR_KEYS_MAX];
	unsigned n; /* items[0] is the active one */
};

enum pair_key_fault {
	PAIR_KEY_OK,
	PAIR_KEY_EMPTY,    /* no key at all */
	PAIR_KEY_LONG,     /* more than PAIR_KEY_FILE_MAX */
	PAIR_KEY_NOT_HEX,  /* a line that is neither 64 hexadecimal digits nor a comment */
	PAIR_KEY_WEAK,     /* all its bytes are the same: nobody drew that */
	PAIR_KEY_TWICE,    /* the key is there already */
	PAIR_KEY_TOO_MANY, /* than PAIR_KEYS_MAX */
	PAIR_KEY_FAULT_MAX_
};
/* A clause after the name of the file, such as "has no key". */
const char *pair_key_fault_text(enum pair_key_fault fault);

/* A key of these bytes, with its id. */
void pair_key_make(const uint8_t bytes[static PAIR_KEY_LEN], struct pair_key *ret);
/* The text of a file: a key a line, blank lines, and comments that begin with '#'. *ret is written
 * only on PAIR_KEY_OK; *ret_line, 1-based, or 0 for the whole file, on a fault. */
enum pair_key_fault pair_keys_parse(
	const void *text, size_t len, struct pair_keys *ret, unsigned *ret_line);
/* Puts these keys into the text of a file that pair_keys_parse() took: comments stay, what are too
 * few lines are added at the end, lines too many are left out. Returns the length of `ret`, or 0
 * when that would be longer than PAIR_KEY_FILE_MAX. */
size_t pair_keys_rewrite(const void *text, size_t len, const struct pair_keys *keys,
	char ret[static PAIR_KEY_FILE_MAX]);
/* NULL: none of them has that id. */
const struct pair_key *pair_keys_find(
	const struct pair_keys *keys, const uint8_t id[static PAIR_KEY_ID_LEN]);
/* The key, or its id alone, in hexadecimal. Returns buf. */
const char *pair_key_format(const struct pair_key *key, char buf[static PAIR_KEY_TEXT_MAX]);
const char *pair_key_format_id(
	const uint8_t id[static PAIR_KEY_ID_LEN], char buf[static PAIR_KEY_TEXT_MAX]);

/* The key that signs adverts, where no key of their own is configured. */
void pair_key_for_adverts(const struct pair_key *key, uint8_t ret[static PAIR_KEY_LEN]);
