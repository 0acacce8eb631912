/* From services, pools and servers to uses. A definition is asked, not each of the kernel's
 * services that come of it: ports do not matter here. */
#include "realserver/wanted.h"

#include "conf/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct building {
	const struct conf *conf;
	const struct wanted_who *who;
	struct realserver_use *uses;
	size_t n, size;
	bool too_many;
};

/* --- Which server --- */

static bool is_named(const char *named, const char *pool, const char *server)
{
	size_t len = strlen(pool);

	return strncmp(named, pool, len) == 0 && named[len] == '/' &&
	       strcmp(named + len + 1, server) == 0;
}

static bool is_this_host(const struct wanted_who *who, const struct conf_pool *pool,
	const struct conf_server *server)
{
	if (who->named)
		return is_named(who->named, pool->name, server->name);
	for (size_t i = 0; i < who->have->n_addresses; i++)
		if (addr_equal(&who->have->addresses[i].addr.addr, &server->address))
			return true;
	return false;
}

/* --- Uses --- */

static enum realserver_way way_of(enum conf_forward forward)
{
	switch (forward) {
	case CONF_FORWARD_NAT:
		return REALSERVER_NAT;
	case CONF_FORWARD_DIRECT:
		return REALSERVER_DIRECT;
	case CONF_FORWARD_TUNNEL:
		return REALSERVER_TUNNEL;
	case CONF_FORWARD_FULLNAT:
		return REALSERVER_FULLNAT;
	}
	return REALSERVER_FULLNAT;
}

static void add_use(struct building *b, const struct realserver_use *use)
{
	/* Repetitions are dropped later: there is room for some. */
	b->too_many = b->n >= (size_t)8 * REALSERVER_USES_MAX;
	if (b->too_many)
		return;
	b->uses = conf_grow(b->uses, b->n, &b->size, sizeof(*b->uses));
	b->uses[b->n++] = *use;
}

static void increment(struct addr *a)
{
	for (size_t i = addr_len(a); i > 0 && ++a->bytes[i - 1] == 0; i--)
		;
}

static void add_range(
	struct building *b, const struct conf_addresses *range, struct realserver_use *use)
{
	for (use->vip = range->first; !b->too_many; increment(&use->vip)) {
		add_use(b, use);
		if (addr_equal(&use->vip, &range->last))
			return;
	}
}

static uint16_t family_of_mark(const struct conf_definition *d)
{
	return d->family ? d->family : AF_INET;
}

static void add_server(struct building *b, const struct conf_definition *d,
	const struct conf_pool *pool, const struct conf_server *server)
{
	const struct conf_tunnel *tunnel = conf_tunnel_of(&d->common, server);
	struct realserver_use use = {
		.way = way_of(conf_forward_of(&d->common, server)),
		.address = server->address,
		.service = d->name,
		.pool = pool->name,
		.server = server->name,
	};

	if (use.way == REALSERVER_TUNNEL) {
		use.tunnel = tunnel->type;
		use.port = tunnel->port;
		use.flags = tunnel->flags;
	}
	/* By nat, what the service listens on is not this host's business. */
	if (use.way == REALSERVER_NAT || use.way == REALSERVER_FULLNAT || d->n_listens == 0) {
		use.vip.family = d->n_listens ? server->address.family : family_of_mark(d);
		add_use(b, &use);
		return;
	}
	for (size_t i = 0; i < d->n_listens; i++)
		add_range(b, &d->listens[i], &use);
}

static void add_pool(
	struct building *b, const struct conf_definition *d, const struct conf_pool *pool)
{
	for (size_t i = 0; i < pool->n_servers; i++)
		if (is_this_host(b->who, pool, &pool->servers[i]))
			add_server(b, d, pool, &pool->servers[i]);
}

static void add_definition(struct building *b, const struct conf_definition *d)
{
	const struct conf_pool *pool = &b->conf->pools[d->common.pool];

	add_pool(b, d, pool);
	if (pool->fallback != CONF_NONE)
		add_pool(b, d, &b->conf->pools[pool->fallback]);
}

static size_t count_servers(const struct conf *conf, const struct wanted_who *who)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_pools; i++)
		for (size_t j = 0; j < conf->pools[i].n_servers; j++)
			n += is_this_host(who, &conf->pools[i], &conf->pools[i].servers[j]);
	return n;
}

/* --- Floating addresses --- */

static void add_floating(struct realserver_floating *floating, size_t *n, const char *router,
	const struct conf_address *addrs, size_t n_addrs)
{
	for (size_t i = 0; i < n_addrs; i++)
		floating[(*n)++] = (struct realserver_floating){.router = router, .addr = addrs[i].prefix};
}

static void set_floating(const struct conf *conf, struct realserver_want *want)
{
	struct realserver_floating *floating;
	size_t n = 0;

	for (size_t i = 0; i < conf->n_routers; i++)
		n += conf->routers[i].n_addresses + conf->routers[i].n_excluded;
	floating = conf_alloc(n, sizeof(*floating));
	n = 0;
	for (size_t i = 0; i < conf->n_routers; i++) {
		const struct conf_router *vr = &conf->routers[i];

		add_floating(floating, &n, vr->name, vr->addresses, vr->n_addresses);
		add_floating(floating, &n, vr->name, vr->excluded, vr->n_excluded);
	}
	want->floating = floating;
	want->n_floating = n;
}

/* --- All --- */

static char *nobody(const struct wanted_who *who)
{
	if (who->named)
		return conf_printf("there is no server \"%s\" in the configuration", who->named);
	return conf_dup("no address of this host is one of a server in the configuration; --server "
			"POOL/NAME says which one it is");
}

bool wanted_build(const struct conf *conf, const struct wanted_who *who,
	struct realserver_want *ret, char **ret_error)
{
	struct building b = {.conf = conf, .who = who};

	if (count_servers(conf, who) == 0) {
		*ret_error = nobody(who);
		return false;
	}
	for (size_t i = 0; i < conf->n_definitions; i++)
		add_definition(&b, &conf->definitions[i]);
	b.n = realserver_sort_uses(b.uses, b.n);
	if (b.too_many || b.n > REALSERVER_USES_MAX) {
		free(b.uses);
		*ret_error = conf_printf(
			"more than %d virtual addresses for one host", REALSERVER_USES_MAX);
		return false;
	}
	*ret = (struct realserver_want){
		.uses = b.uses, .n_uses = b.n, .director = conf->self != CONF_NONE};
	set_floating(conf, ret);
	return true;
}

void wanted_done(struct realserver_want *want)
{
	free(want->uses);
	free((void *)(uintptr_t)want->floating);
	*want = (struct realserver_want){0};
}
