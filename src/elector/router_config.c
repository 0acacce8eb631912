/* The settings of a virtual router as a value with lists. Those of all routers are in one piece of
 * memory, so that a reload of a thousand leaves no holes where the last ones were. */
#include "elector/router.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT _Alignof(max_align_t)

static size_t aligned(size_t size)
{
	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t keys_size(const struct router_config *c)
{
	return c->auth.n_keys * sizeof(*c->auth.keys);
}

size_t router_config_size(const struct router_config *c)
{
	return aligned(c->n_moved * sizeof(*c->moved)) + aligned(keys_size(c));
}

static void *put(void *at, const void *list, size_t size)
{
	if (size > 0)
		memcpy(at, list, size);
	return (char *)at + aligned(size);
}

/* Most routers of a host have the same. */
static bool has_same_keys(const struct router_config *a, const struct router_config *b)
{
	return a->auth.n_keys == b->auth.n_keys && a->auth.n_keys > 0 &&
	       memcmp(a->auth.keys, b->auth.keys, keys_size(a)) == 0;
}

int router_config_place(const struct router_config *from, const struct router_config *before,
	void **at, struct router_config *ret)
{
	struct router_config c = *from;
	int r = causes_copy(&from->causes, &c.causes);

	if (r < 0)
		return r;
	c.moved = *at;
	*at = put(*at, from->moved, from->n_moved * sizeof(*c.moved));
	if (before && has_same_keys(from, before)) {
		c.auth.keys = before->auth.keys;
	} else {
		c.auth.keys = *at;
		*at = put(*at, from->auth.keys, keys_size(from));
	}
	*ret = c;
	return 0;
}

void router_config_free_lists(struct router_config *c)
{
	if (c->auth.keys)
		explicit_bzero(c->auth.keys, keys_size(c));
	free(c->auth.keys);
	free(c->moved);
	causes_done(&c->causes);
	c->auth.keys = NULL;
	c->moved = NULL;
}
