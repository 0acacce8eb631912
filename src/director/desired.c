/* From configuration, roles and verdicts to the table that should be. No rule is hidden elsewhere:
 * a server's weight is what it is because of these lines. */
#include "director/desired.h"

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

static void add_dests(const struct desired_input *in, size_t service, struct ipvs_table *t)
{
	const struct conf_service *s = &in->conf->services[service];
	const struct conf_pool *pool = &in->conf->pools[s->pool];
	struct ipvs_service *added = &t->services[t->n_services - 1];

	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct conf_server *server = &pool->servers[i];
		bool usable = targets_usable(in->targets, in->conf, service, i);

		if (!usable && (s->expire || pool->on_failure == CONF_ON_FAILURE_REMOVE))
			continue;
		t->dests[t->n_dests] = dest_of(s, server);
		if (!usable)
			t->dests[t->n_dests].weight = 0;
		t->n_dests++;
		added->n_dests++;
	}
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
		n_dests += in->conf->pools[in->conf->services[included(in, i)].pool].n_servers;
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
