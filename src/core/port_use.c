/* The kernel says that connections could not be made, but not for whom: that is found by counting.
 */
#include "core/port_use.h"

#include <stdlib.h>

static int compare(const void *x, const void *y)
{
	const struct port_use *a = x, *b = y;

	if (a->pool != b->pool)
		return a->pool < b->pool ? -1 : 1;
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return addr_compare(&a->server, &b->server);
}

size_t port_use_merge(struct port_use *uses, size_t n)
{
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(uses, n, sizeof(*uses), compare);
	for (size_t i = 1; i < n; i++) {
		if (compare(&uses[kept], &uses[i]) == 0)
			uses[kept].connections += uses[i].connections;
		else
			uses[++kept] = uses[i];
	}
	return kept + 1;
}

uint64_t port_use_capacity(const struct port_use *use, const struct nft_rules *rules)
{
	size_t n;

	(void)nft_rules_pool(rules, use->pool, use->server.family, &n);
	return n * PORT_USE_PER_ADDRESS;
}

static uint64_t per_mille(const struct port_use *use, const struct nft_rules *rules)
{
	uint64_t capacity = port_use_capacity(use, rules);

	return capacity > 0 ? use->connections * 1000 / capacity : 0;
}

const struct port_use *port_use_busiest(
	const struct port_use *uses, size_t n, const struct nft_rules *rules)
{
	const struct port_use *busiest = NULL;

	for (size_t i = 0; i < n; i++)
		if (!busiest || per_mille(&uses[i], rules) > per_mille(busiest, rules))
			busiest = &uses[i];
	return busiest;
}

bool port_use_is_full(const struct port_use *use, const struct nft_rules *rules)
{
	return per_mille(use, rules) >= 900;
}
