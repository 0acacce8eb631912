/* What Configure says to the link in mode "tandem". */
#pragma once

#include "base/addr.h"
#include "core/pair_key.h"
#include "link/hello.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_INTERFACES_MAX 4
#define SETTINGS_INTERFACE_LEN 16 /* with its NUL */

struct settings {
	char node[HELLO_NAME_MAX], peer[HELLO_NAME_MAX];
	struct addr own_address, peer_address, group;
	char interfaces[SETTINGS_INTERFACES_MAX][SETTINGS_INTERFACE_LEN];
	size_t n_interfaces;
	uint16_t port;
	unsigned ttl, sync_id;
	uint64_t heartbeat_us;
};

/* The keys go to *ret_keys. Nothing is written unless all is well; otherwise a clause says what is
 * wrong, which names no key. */
const char *settings_parse(
	const json_t *parameters, struct settings *ret, struct pair_keys *ret_keys);
/* Whether sockets and streams of the one do for the other. */
bool settings_same_sockets(const struct settings *a, const struct settings *b);
