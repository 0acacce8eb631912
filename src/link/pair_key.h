/* The secret of the pair: a file of keys, one a line, that both directors have. The first is active
 * (adverts, the stream and datagrams are made with it), all are accepted, so that a key is exchanged
 * without a gap: add the new one last on both, then first on both, then take the old one away. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAIR_KEY_LEN 32
#define PAIR_KEYS_MAX 8
#define PAIR_KEY_ID_LEN 8 /* bytes of the key's own digest: names it on the wire, tells nothing */

struct pair_key {
	uint8_t id[PAIR_KEY_ID_LEN];
	uint8_t bytes[PAIR_KEY_LEN];
};

struct pair_keys {
	struct pair_key items[PAIR_KEYS_MAX];
	unsigned n; /* items[0] is the active one */
};
