/* What tandem's own nftables table is to do, as values: which packets get a firewall mark, which
 * connections leave with a source address of ours (fullnat), and what is let through to virtual
 * addresses that are closed. How that is written as rules and
 * sets is the caller's business. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packets to one of these addresses and ports get the mark. Both ends are included, the addresses
 * of one family. */
struct nft_mark {
	struct addr first, last;
	uint8_t protocol; /* IPPROTO_TCP ... */
	uint16_t first_port, last_port;
	uint32_t mark;
};

/* What was addressed to vip:port and is sent on to this server leaves with an address of the pool
 * of that number and of the same family. Port 0: every port. */
struct nft_fullnat {
	uint32_t pool;
	struct addr vip;
	uint8_t protocol;
	uint16_t port;
	struct addr server;
};

/* A local address of a pool. */
struct nft_local {
	uint32_t pool;
	struct addr addr;
};

/* A service on a closed address: packets to it are let through. Port 0: every port. */
struct nft_open {
	struct addr addr;
	uint8_t protocol;
	uint16_t port;
};

/* The arrays are the owner's; the functions below never allocate. */
struct nft_rules {
	struct nft_mark *marks;
	size_t n_marks;
	struct nft_fullnat *fullnats;
	size_t n_fullnats;
	struct nft_local *locals;
	size_t n_locals;
	struct addr *closed; /* virtual addresses that accept nothing but what is open */
	size_t n_closed;
	struct nft_open *opens;
	size_t n_opens;
	uint32_t *open_marks; /* of packets that are let through */
	size_t n_open_marks;
	/* The interface that the kernel's connection sync has for itself: no process may send to
	 * it. NULL: there is none; borrowed. */
	const char *reserved;
};

/* Bring to the one order that all other functions expect, and drop repetitions and pools of a
 * family that nothing uses. Pools keep their numbers. */
void nft_rules_sort(struct nft_rules *r);
bool nft_rules_empty(const struct nft_rules *r);

/* The locals of one pool and family: index of the first, *ret_n how many. They are neighbours. */
size_t nft_rules_pool(const struct nft_rules *r, uint32_t pool, uint16_t family, size_t *ret_n);
