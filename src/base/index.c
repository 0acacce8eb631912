/* Open addressing, at most half full, so that a walk ends soon at a free slot. */
#include "base/index.h"

#include <errno.h>
#include <stdlib.h>

int index_init(struct index *ix, size_t n_max)
{
	size_t size = 8;

	while (size < 2 * n_max)
		size *= 2;
	*ix = (struct index){calloc(size, sizeof(*ix->slots)), size - 1};
	return ix->slots ? 0 : -ENOMEM;
}

void index_done(struct index *ix)
{
	free(ix->slots);
	*ix = (struct index){0};
}

void index_add(struct index *ix, uint64_t hash, size_t number)
{
	size_t i = hash & ix->mask;

	while (ix->slots[i])
		i = (i + 1) & ix->mask;
	ix->slots[i] = (uint32_t)number + 1;
}

size_t index_next(const struct index *ix, uint64_t *at)
{
	uint32_t found = ix->slots[*at & ix->mask];

	++*at;
	return found ? found - 1 : INDEX_NONE;
}

/* The upper half is the better one, and slots are chosen by the lower. */
static uint64_t mix(uint64_t hash)
{
	return hash ^ hash >> 32;
}

uint64_t index_hash(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return mix(hash);
}
