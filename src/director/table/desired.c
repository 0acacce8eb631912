/* From configuration, roles and shares to the table that should be. What a share is, core/pool.c
 * says; what becomes of it in a service, these lines. */
#include "director/table/desired.h"

#include "core/ramp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool desired_is_programmed(const struct desired_input *in, size_t service)
{
	const struct conf_service *s = &in->conf->services[service];

	switch (s->program) {
	case CONF_PROGRAM_ALWAYS:
		return true;
	case CONF_PROGRAM_ACTIVE:
		return s->router != CONF_NONE && in->router_active[s->router];
	}
	return true;
}

static size_t n_included(const struct desired_input *in)
{
	return in->only ? in->n_only : in->conf->n_services;
}

static size_t included(const struct desired_input *in, size_t i)
{
	return in->only ? in->only[i] : i;
}

static struct ipvs_dest dest_of(const struct conf_service *s, const struct conf_server *server)
{
	enum ipvs_forward forward = conf_forward_in_kernel(conf_forward_of(s, server));
	struct ipvs_dest dest = {
		.key = {server->address, server_port(s, server)},
		.forward = forward,
		.weight = server->weight,
		.upper = server->upper,
		.lower = server->lower,
	};

	if (forward == IPVS_FORWARD_TUNNEL) {
		const struct conf_tunnel *tunnel = conf_tunnel_of(s, server);

		dest.tun_type = (uint8_t)tunnel->type;
		dest.tun_port = tunnel->port;
		dest.tun_flags = (uint16_t)tunnel->flags;
	}
	return dest;
}

/* ovf takes a weight for a number of connections: it must be the one that was written. */
static uint32_t scale_of(const struct conf_service *s, const struct conf_pool *pool)
{
	return (pool->slow_start_us > 0 || pool->weighted) && strcmp(s->scheduler, "ovf") != 0
		       ? RAMP_SCALE
		       : 1;
}

/* sh and dh send clients to a server of weight 0 all the same, and so nowhere. */
static bool may_leave_slowly(const struct conf_service *s)
{
	return strcmp(s->scheduler, "sh") != 0 && strcmp(s->scheduler, "dh") != 0;
}

static bool removes_dead(const struct conf_service *s, const struct conf_pool *pool)
{
	return s->expire || pool->on_failure == CONF_ON_FAILURE_REMOVE;
}

bool desired_place(const struct desired_input *in, size_t service, size_t pool,
	const struct pool_share *share, uint32_t *ret_weight)
{
	const struct conf_service *s = &in->conf->services[service];
	const struct conf_pool *p = &in->conf->pools[pool];

	if (share->reason == POOL_REASON_LEAVING && !may_leave_slowly(s))
		return false;
	*ret_weight = pool_share_weight(share, scale_of(s, p));
	return pool_share_is_placed(share, removes_dead(s, p));
}

/* A fallback may have a server that the pool has too: the one that is there first counts. A pool
 * alone has no server twice, and need not be searched. */
static bool has_dest(const struct ipvs_table *t, size_t n, const struct ipvs_dest *dest)
{
	const struct ipvs_service *last = &t->services[t->n_services - 1];

	for (size_t i = last->first_dest; i < last->first_dest + n; i++)
		if (ipvs_dest_key_compare(&t->dests[i].key, &dest->key) == 0)
			return true;
	return false;
}

/* The pool whose servers these are. */
static size_t pool_of(const struct desired_input *in, size_t service, bool fallback)
{
	size_t view = in->targets->views.of_service[service];

	if (!fallback)
		return in->conf->services[service].pool;
	return in->targets->views.items[in->targets->views.items[view].fallback].pool;
}

static void add_servers(
	const struct desired_input *in, size_t service, bool fallback, struct ipvs_table *t)
{
	size_t view = in->targets->views.of_service[service];
	size_t pool = pool_of(in, service, fallback);
	size_t n_before = t->services[t->n_services - 1].n_dests;

	for (size_t i = 0; i < in->conf->pools[pool].n_servers; i++) {
		struct pool_share share =
			fallback ? pools_fallback_share(in->pools, in->targets, view, i)
				 : pools_share(in->pools, in->targets, view, i);
		struct ipvs_dest dest =
			dest_of(&in->conf->services[service], &in->conf->pools[pool].servers[i]);

		if (!desired_place(in, service, pool, &share, &dest.weight) ||
			has_dest(t, n_before, &dest))
			continue;
		t->dests[t->n_dests++] = dest;
		t->services[t->n_services - 1].n_dests++;
	}
}

/* Who serves comes first, see has_dest(). */
static void add_dests(const struct desired_input *in, size_t service, struct ipvs_table *t)
{
	size_t view = in->targets->views.of_service[service];
	bool fallback_serves = pools_uses_fallback(in->pools, view);

	add_servers(in, service, fallback_serves, t);
	if (pools_has_fallback(in->pools, view))
		add_servers(in, service, !fallback_serves, t);
}

/* Whatever becomes of the server: checks come this way, and nobody else. */
static void add_path_dest(const struct desired_input *in, size_t service, struct ipvs_table *t)
{
	const struct conf_service *path = &in->conf->services[service];
	const struct conf_service *s = &in->conf->services[path->path_of];
	struct ipvs_dest dest = dest_of(s, &in->conf->pools[s->pool].servers[path->path_server]);

	dest.weight = 1;
	dest.upper = dest.lower = 0;
	t->dests[t->n_dests++] = dest;
	t->services[t->n_services - 1].n_dests++;
}

static size_t max_pool_dests(const struct desired_input *in, size_t service)
{
	size_t view = in->targets->views.of_service[service];
	size_t n = in->conf->pools[pool_of(in, service, false)].n_servers;

	if (pools_has_fallback(in->pools, view))
		n += in->conf->pools[pool_of(in, service, true)].n_servers;
	return n;
}

static size_t max_dests(const struct desired_input *in, size_t service)
{
	if (conf_is_path(&in->conf->services[service]))
		return 1;
	return max_pool_dests(in, service);
}

static void add_service(const struct desired_input *in, size_t service, struct ipvs_table *t)
{
	const struct conf_service *s = &in->conf->services[service];
	struct ipvs_service *added = &t->services[t->n_services++];

	*added = (struct ipvs_service){
		.key = s->key,
		.flags = s->flags,
		.timeout_s = s->persistence_s,
		.netmask = s->netmask,
		.first_dest = (uint32_t)t->n_dests,
	};
	memcpy(added->scheduler, s->scheduler, sizeof(added->scheduler));
	memcpy(added->engine, s->engine, sizeof(added->engine));
	if (conf_is_path(s))
		add_path_dest(in, service, t);
	else
		add_dests(in, service, t);
}

int desired_build(const struct desired_input *in, struct ipvs_table *ret)
{
	struct ipvs_table t = {0};
	size_t n_services = 0, n_dests = 0;

	for (size_t i = 0; i < n_included(in); i++) {
		if (!desired_is_programmed(in, included(in, i)))
			continue;
		n_services++;
		n_dests += max_dests(in, included(in, i));
	}
	t.services = calloc(n_services + 1, sizeof(*t.services));
	t.dests = calloc(n_dests + 1, sizeof(*t.dests));
	if (!t.services || !t.dests) {
		desired_done(&t);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_included(in); i++)
		if (desired_is_programmed(in, included(in, i)))
			add_service(in, included(in, i), &t);
	ipvs_table_sort(&t);
	*ret = t;
	return 0;
}

static int compare_services(const void *a, const void *b, void *userdata)
{
	const struct conf *conf = userdata;
	const size_t *x = a, *y = b;

	return ipvs_service_key_compare(&conf->services[*x].key, &conf->services[*y].key);
}

size_t *desired_order(const struct conf *conf)
{
	size_t *order = calloc(conf->n_services + 1, sizeof(*order));

	for (size_t i = 0; order && i < conf->n_services; i++)
		order[i] = i;
	if (order)
		qsort_r(order, conf->n_services, sizeof(*order), compare_services,
			(void *)(uintptr_t)conf);
	return order;
}

void desired_done(struct ipvs_table *t)
{
	free(t->services);
	free(t->dests);
	*t = (struct ipvs_table){0};
}
