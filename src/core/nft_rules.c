/* One order for rules that come from a configuration in whatever order that was written: two
 * configurations that mean the same make equal lists, on both directors and after each reload.
 * The order matters beyond that, because a connection finds its local address by a place in the
 * pool: both directors must count alike. */
#include "core/nft_rules.h"

#include <stdlib.h>
#include <string.h>

static int compare_u32(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_marks(const void *x, const void *y)
{
	const struct nft_mark *a = x, *b = y;
	int r = addr_compare(&a->first, &b->first);

	if (r == 0)
		r = addr_compare(&a->last, &b->last);
	if (r == 0)
		r = compare_u32(a->protocol, b->protocol);
	if (r == 0)
		r = compare_u32(a->first_port, b->first_port);
	if (r == 0)
		r = compare_u32(a->last_port, b->last_port);
	return r ? r : compare_u32(a->mark, b->mark);
}

static int compare_fullnats(const void *x, const void *y)
{
	const struct nft_fullnat *a = x, *b = y;
	int r = compare_u32(a->pool, b->pool);

	if (r == 0)
		r = addr_compare(&a->vip, &b->vip);
	if (r == 0)
		r = compare_u32(a->protocol, b->protocol);
	if (r == 0)
		r = compare_u32(a->port, b->port);
	return r ? r : addr_compare(&a->server, &b->server);
}

static int compare_locals(const void *x, const void *y)
{
	const struct nft_local *a = x, *b = y;
	int r = compare_u32(a->pool, b->pool);

	return r ? r : addr_compare(&a->addr, &b->addr);
}

static int compare_closed(const void *x, const void *y)
{
	return addr_compare(x, y);
}

static int compare_opens(const void *x, const void *y)
{
	const struct nft_open *a = x, *b = y;
	int r = addr_compare(&a->addr, &b->addr);

	if (r == 0)
		r = compare_u32(a->protocol, b->protocol);
	return r ? r : compare_u32(a->port, b->port);
}

static int compare_open_marks(const void *x, const void *y)
{
	return compare_u32(*(const uint32_t *)x, *(const uint32_t *)y);
}

/* Returns how many remain. */
static size_t sort_unique(
	void *base, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	char *items = base;
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(base, n, size, compare);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare(items + (kept - 1) * size, items + i * size) != 0)
			memmove(items + kept++ * size, items + i * size, size);
	return kept;
}

static bool is_used(const struct nft_rules *r, const struct nft_local *local)
{
	for (size_t i = 0; i < r->n_fullnats; i++)
		if (r->fullnats[i].pool == local->pool &&
			r->fullnats[i].vip.family == local->addr.family)
			return true;
	return false;
}

void nft_rules_sort(struct nft_rules *r)
{
	size_t kept = 0;

	r->n_marks = sort_unique(r->marks, r->n_marks, sizeof(*r->marks), compare_marks);
	r->n_fullnats =
		sort_unique(r->fullnats, r->n_fullnats, sizeof(*r->fullnats), compare_fullnats);
	r->n_locals = sort_unique(r->locals, r->n_locals, sizeof(*r->locals), compare_locals);
	r->n_closed = sort_unique(r->closed, r->n_closed, sizeof(*r->closed), compare_closed);
	r->n_opens = sort_unique(r->opens, r->n_opens, sizeof(*r->opens), compare_opens);
	r->n_open_marks = sort_unique(
		r->open_marks, r->n_open_marks, sizeof(*r->open_marks), compare_open_marks);
	for (size_t i = 0; i < r->n_locals; i++)
		if (is_used(r, &r->locals[i]))
			r->locals[kept++] = r->locals[i];
	r->n_locals = kept;
}

bool nft_rules_empty(const struct nft_rules *r)
{
	return r->n_marks == 0 && r->n_fullnats == 0 && r->n_closed == 0 &&
	       !r->reserved;
}

size_t nft_rules_pool(const struct nft_rules *r, uint32_t pool, uint16_t family, size_t *ret_n)
{
	size_t first = 0, n = 0;

	while (first < r->n_locals &&
		(r->locals[first].pool != pool || r->locals[first].addr.family != family))
		first++;
	while (first + n < r->n_locals && r->locals[first + n].pool == pool &&
		r->locals[first + n].addr.family == family)
		n++;
	*ret_n = n;
	return first;
}
