/* The settings of a virtual router as a value with lists: copies, and their end. */
#include "elector/router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* There is always a list, if only of nothing. */
static void *copy(const void *list, size_t n, size_t size)
{
	void *its = calloc(n + 1, size);

	if (its && n > 0)
		memcpy(its, list, n * size);
	return its;
}

int router_config_copy(const struct router_config *from, struct router_config *ret)
{
	struct router_config c = *from;

	c.moved = copy(from->moved, from->n_moved, sizeof(*c.moved));
	c.auth.keys = NULL;
	if (from->auth.n_keys > 0)
		c.auth.keys = copy(from->auth.keys, from->auth.n_keys, sizeof(*c.auth.keys));
	c.causes = (struct causes){0};
	if (!c.moved || (from->auth.n_keys > 0 && !c.auth.keys) ||
		causes_copy(&from->causes, &c.causes) < 0) {
		router_config_done(&c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void router_config_done(struct router_config *c)
{
	if (c->auth.keys)
		explicit_bzero(c->auth.keys, c->auth.n_keys * sizeof(*c->auth.keys));
	free(c->auth.keys);
	free(c->moved);
	causes_done(&c->causes);
	c->auth.keys = NULL;
	c->moved = NULL;
}
