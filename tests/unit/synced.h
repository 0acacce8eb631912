/* Connections for the tests of what is synced, told apart by a number. */
#pragma once

#include "core/sync_message.h"

/* Connection `n` (below 2^24) to one of four services, in IPv6 when n % 8 == 7, a template with
 * persistence data when n % 16 == 3. Its options live for ever. */
struct sync_record synced_record(unsigned n);
/* The same all over: the same bytes on the wire. */
bool synced_equal(const struct sync_record *a, const struct sync_record *b);

/* A small generator, the same on every machine. */
struct synced_random {
	uint64_t state;
};
uint32_t synced_random(struct synced_random *r, uint32_t below);
