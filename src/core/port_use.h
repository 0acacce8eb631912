/* How many source ports connections by fullnat take. A local address has each port once for each
 * server, port and protocol: with all of them taken, nobody can connect any more. */
#pragma once

#include "base/addr.h"
#include "core/nft_rules.h"

#include <stddef.h>
#include <stdint.h>

/* 1024..65535: clients' ports are kept or replaced in that range. */
#define PORT_USE_PER_ADDRESS UINT64_C(64512)

struct port_use {
	uint32_t pool; /* as in struct nft_rules */
	uint8_t protocol;
	struct addr server;
	uint16_t port;
	uint64_t connections;
};

/* Bring together what several services have with one server. Sorts in place; returns how many
 * remain. */
size_t port_use_merge(struct port_use *uses, size_t n);

/* Source ports there are towards a server. */
uint64_t port_use_capacity(const struct port_use *use, const struct nft_rules *rules);

/* The one with the least left, relative to what there is; NULL when there is none. */
const struct port_use *port_use_busiest(
	const struct port_use *uses, size_t n, const struct nft_rules *rules);

/* Nine tenths are taken: from there on a search for a free port, which the kernel gives up after
 * some 200 attempts, can fail. */
bool port_use_is_full(const struct port_use *use, const struct nft_rules *rules);
