/* What is known about the peer over the link: a page of memory that tandem-link writes and the
 * elector reads, so that neither waits for the other, or for the director, when adverts are
 * missing. One writer; any number of readers, which may not be able to write. The director makes
 * the memory (io/peer_memory.h) and gives it to both.
 *
 * The table is there twice: the writer fills the copy that nobody reads, then turns to it. A reader
 * that stopped the writer in the midst of that (it may be of higher priority on the same core)
 * still has the other copy whole: no reader ever waits. */
#pragma once

#include "base/instant.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_PAGE_VERSION 2u
#define PEER_PAGE_ROUTERS_MAX 1024u

/* What the peer says about one of its virtual routers. */
struct peer_router {
	uint64_t name_hash; /* peer_page_hash() of its name */
	uint32_t state;     /* enum vrrp_state of core/vrrp.h */
	uint32_t flags;
};

/* A gateway or an interface that the router depends on fails there: it may be cut off from those it
 * serves. */
#define PEER_ROUTER_CUT_OFF 1u

struct peer_page_table {
	_Atomic uint32_t n;
	struct {
		_Atomic uint64_t name_hash;
		_Atomic uint32_t state;
		_Atomic uint32_t flags;
	} routers[PEER_PAGE_ROUTERS_MAX];
};

/* All of it is the functions' business. Times are CLOCK_BOOTTIME in microseconds, 0: never. */
struct peer_page {
	_Atomic uint32_t version; /* PEER_PAGE_VERSION; anything else: nothing here is valid */
	_Atomic uint32_t turn;    /* tables[turn % 2] is the one to read */
	_Atomic uint64_t heard_us;
	_Atomic uint64_t state_us;
	_Atomic uint64_t dead_until_us;
	struct peer_page_table tables[2];
};

uint64_t peer_page_hash(const char *router_name);

/* The writer. An empty page: the peer was never heard. */
void peer_page_init(struct peer_page *p);
/* An authentic heartbeat came. `current`: it says that the peer's last STATE message is the one
 * whose routers were written here. */
void peer_page_heard(struct peer_page *p, struct instant now, bool current);
/* The routers of a STATE message, all of them; more than PEER_PAGE_ROUTERS_MAX are left out. */
void peer_page_write(
	struct peer_page *p, const struct peer_router *routers, size_t n, struct instant now);
/* The peer is silent on every way, and was heard before: it counts as dead until then; {0}: it is
 * not. */
void peer_page_dead(struct peer_page *p, struct instant until);
/* The session is over, or the writer leaves: the peer is as good as never heard. */
void peer_page_forget(struct peer_page *p);

/* What a reader learns about one router. */
struct peer_news {
	struct instant heard; /* the last heartbeat; {0}: never */
	struct instant told; /* when the state was known to be the peer's present one; {0}: never */
	struct instant dead_until; /* the peer is silent on every way; {0}: no */
	bool known;                /* the peer has a router of that name */
	uint32_t state, flags;     /* ... and this is how it is */
};

/* False, *ret untouched, when the page is of another version, or when the writer turned again and
 * again meanwhile, as no honest one does. */
bool peer_page_read(const struct peer_page *p, uint64_t name_hash, struct peer_news *ret);
