/* One key of the configuration's language: a row of the table in keys*.c. */
#pragma once

#include "conf/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_type {
	KEY_BOOLEAN,   /* bool */
	KEY_INTEGER,   /* an unsigned field of 1, 2 or 4 bytes; min..max */
	KEY_SIGNED,    /* int16_t; -max..max */
	KEY_DURATION,  /* the same, 8 bytes too, in `unit_us`; min..max in microseconds */
	KEY_TOKEN,     /* one of `tokens`; a field of 1 or 4 bytes */
	KEY_TEXT,      /* char *; min..max characters of `chars` */
	KEY_WORD,      /* char[field.size], NUL included; the same */
	KEY_ARGV,      /* char **, NULL after the last; 1..max texts, or one without the array */
	KEY_NAME,      /* the name of an object elsewhere; not stored, the relations resolve it */
	KEY_UNICAST,   /* struct addr */
	KEY_GROUP,     /* struct addr, multicast */
	KEY_PREFIXES,  /* struct addr_prefix *, its number in `also`; min..max of them */
	KEY_PREFIX,    /* struct addr_prefix */
	KEY_ADDRESSES, /* struct conf_address *, the same as KEY_PREFIXES; texts, or `object`s */
	KEY_NETWORK,   /* struct addr_prefix: no bit beyond its length, which may be 0 */
	KEY_SPEAKERS,  /* struct conf_speaker *, an object of name -> address; the same */
	KEY_RANGES,    /* struct conf_addresses *, the same; one of them may be without the array */
	KEY_PORTS,     /* struct conf_ports *, the same; each within 0..65535 */
	KEY_STATUSES,  /* struct conf_statuses *, the same; each within 100..599 */
	KEY_HEADERS,   /* struct conf_header *, an object of name -> text; min..max of them */
	KEY_FLAGS,     /* an unsigned field of 4 bytes: the sum of several of `tokens` */
	KEY_MARK,      /* uint32_t, 1 to the largest; or "auto", a bool in `also` */
	KEY_PRIORITY,  /* min..max, or an object of node -> min..max; the relations store it */
	KEY_PATTERNS,  /* a text or several: files to include, members; not stored */
	KEY_OBJECT,    /* a struct of `object`; a bool in `also` says that it is there */
	KEY_OWN,       /* a struct of `object` on the heap, NULL when it is not there */
	KEY_LIST,      /* an array of structs of `object`, its number in `also`; min..max of them */
	KEY_MAP, /* name -> struct of `object`, which begins with char *name; number in `also` */
};

struct key_token {
	const char *name;
	int value;
};

struct key_field {
	size_t offset, size;
};

static inline void *key_field(void *object, struct key_field field)
{
	return (char *)object + field.offset;
}

struct keys;

struct key {
	const char *name;
	enum key_type type;
	bool required;
	const char *fallback; /* the default as a configuration would write it; NULL: none */
	uint64_t min, max;
	uint64_t unit_us;               /* KEY_DURATION: it must be a multiple of this */
	const char *chars;              /* as in a bracket expression, without the brackets */
	const char *noun;               /* what a text is */
	const struct key_token *tokens; /* ends with a NULL name */
	const struct keys *object;
	/* `also` of a boolean, an integer, a duration, a token or flags: a bool, whether it is
	 * given */
	struct key_field field, also;
	const char *meaning; /* for the schema */
};

/* One kind of object. */
#define KEYS_MAX 128 /* of one object */

struct keys {
	const char *name;
	size_t size; /* of its struct */
	const struct key *items;
	size_t n;
};

/* Whether c is in a bracket expression such as "A-Za-z0-9._-". */
bool key_chars_have(const char *chars, char c);
/* The length of a text, SIZE_MAX when it has characters that key->chars has not. */
size_t key_text_len(const struct key *key, const char *text);
/* NULL when the key has no such token. */
const struct key_token *key_token_find(const struct key *key, const char *name);

/* The default as it would be written, so that one function reads both it and what is configured;
 * null: none. Its text is the key's. */
struct value key_fallback(const struct key *key);

/* Releases what the fields of an object own, not the object; it may be half filled. */
void keys_free(const struct keys *keys, void *object);
