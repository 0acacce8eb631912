/* The page that tandem-link and the elector share: two tables and the number of the turn. A reader
 * that sees the same turn before and after has read what one peer_page_write() wrote. Numbers that
 * come from the page bound nothing without being bounded themselves: the writer talks to the
 * network. */
#include "base/peer_page.h"

#include "base/index.h"

#include <string.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
	"readers cannot write, so they cannot take a lock");

/* The writer turns at most once for each message of the peer: that it turned twice during a walk
 * through the table is a rare thing already. */
#define ATTEMPTS 4

uint64_t peer_page_hash(const char *router_name)
{
	return index_hash(INDEX_HASH, router_name, strlen(router_name));
}

static void put(_Atomic uint64_t *at, uint64_t value)
{
	atomic_store_explicit(at, value, memory_order_release);
}

void peer_page_init(struct peer_page *p)
{
	peer_page_forget(p);
	atomic_store_explicit(&p->version, PEER_PAGE_VERSION, memory_order_release);
}

/* state_us first: who sees the new heartbeat sees how current the state is. */
void peer_page_heard(struct peer_page *p, struct instant now, bool current)
{
	if (current)
		put(&p->state_us, now.us);
	put(&p->dead_until_us, 0);
	put(&p->heard_us, now.us);
}

void peer_page_dead(struct peer_page *p, struct instant until)
{
	put(&p->dead_until_us, until.us);
}

void peer_page_write(
	struct peer_page *p, const struct peer_router *routers, size_t n, struct instant now)
{
	uint32_t turn = atomic_load_explicit(&p->turn, memory_order_relaxed) + 1;
	struct peer_page_table *table = &p->tables[turn % 2];

	if (n > PEER_PAGE_ROUTERS_MAX)
		n = PEER_PAGE_ROUTERS_MAX;
	/* Whoever sees a bit of what follows in the table that it reads sees the turn before, too.
	 */
	atomic_thread_fence(memory_order_release);
	for (size_t i = 0; i < n; i++) {
		atomic_store_explicit(
			&table->routers[i].name_hash, routers[i].name_hash, memory_order_relaxed);
		atomic_store_explicit(
			&table->routers[i].state, routers[i].state, memory_order_relaxed);
		atomic_store_explicit(
			&table->routers[i].flags, routers[i].flags, memory_order_relaxed);
	}
	atomic_store_explicit(&table->n, (uint32_t)n, memory_order_relaxed);
	atomic_store_explicit(&p->turn, turn, memory_order_release);
	put(&p->state_us, now.us);
}

void peer_page_forget(struct peer_page *p)
{
	put(&p->heard_us, 0);
	put(&p->state_us, 0);
	put(&p->dead_until_us, 0);
	peer_page_write(p, NULL, 0, (struct instant){0});
}

static void find(const struct peer_page_table *table, uint64_t name_hash, struct peer_news *ret)
{
	uint32_t n = atomic_load_explicit(&table->n, memory_order_relaxed);

	for (uint32_t i = 0; i < n && i < PEER_PAGE_ROUTERS_MAX; i++) {
		if (atomic_load_explicit(&table->routers[i].name_hash, memory_order_relaxed) !=
			name_hash)
			continue;
		ret->known = true;
		ret->state = atomic_load_explicit(&table->routers[i].state, memory_order_relaxed);
		ret->flags = atomic_load_explicit(&table->routers[i].flags, memory_order_relaxed);
		return;
	}
}

bool peer_page_read(const struct peer_page *p, uint64_t name_hash, struct peer_news *ret)
{
	if (atomic_load_explicit(&p->version, memory_order_acquire) != PEER_PAGE_VERSION)
		return false;
	for (int i = 0; i < ATTEMPTS; i++) {
		uint32_t turn = atomic_load_explicit(&p->turn, memory_order_acquire);
		struct peer_news news = {0};

		news.heard.us = atomic_load_explicit(&p->heard_us, memory_order_acquire);
		news.told.us = atomic_load_explicit(&p->state_us, memory_order_acquire);
		news.dead_until.us = atomic_load_explicit(&p->dead_until_us, memory_order_acquire);
		find(&p->tables[turn % 2], name_hash, &news);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&p->turn, memory_order_relaxed) != turn)
			continue;
		*ret = news;
		return true;
	}
	return false;
}
