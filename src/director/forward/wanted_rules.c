/* What both directors make of one configuration must be equal: nothing here asks who is Active. */
#include "director/forward/wanted_rules.h"

#include "director/pair/link_mode.h"

#include <errno.h>
#include <stdlib.h>

/* The chain of fallback pools ends after each pool at the latest. */
void wanted_rules_each_fullnat(const struct conf *conf, const struct conf_service *s,
	wanted_rules_server_fn *found, void *userdata)
{
	size_t pool = s->router == CONF_NONE || conf_is_path(s) ? CONF_NONE : s->pool;

	for (size_t depth = 0; pool != CONF_NONE && depth < conf->n_pools; depth++) {
		const struct conf_pool *p = &conf->pools[pool];

		for (size_t i = 0; i < p->n_servers; i++)
			if (conf_forward_of(s, &p->servers[i]) == CONF_FORWARD_FULLNAT)
				found(s, &p->servers[i], userdata);
		pool = p->fallback;
	}
}

static void count(const struct conf_service *s, const struct conf_server *server, void *userdata)
{
	(void)s;
	(void)server;
	++*(size_t *)userdata;
}

static size_t count_fullnats(const struct conf *conf, const struct conf_service *s)
{
	size_t n = 0;

	wanted_rules_each_fullnat(conf, s, count, &n);
	return n;
}

bool wanted_rules_fullnat(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (count_fullnats(conf, &conf->services[i]) > 0)
			return true;
	return false;
}

static void add_fullnat(
	const struct conf_service *s, const struct conf_server *server, void *userdata)
{
	struct nft_rules *r = userdata;

	r->fullnats[r->n_fullnats++] = (struct nft_fullnat){
		.pool = (uint32_t)s->router,
		.vip = s->key.addr,
		.protocol = s->key.protocol,
		.port = s->key.port,
		.server = server->address,
	};
}

static void add_marks(const struct conf_definition *d, struct nft_rules *r)
{
	for (size_t i = 0; d->mark_auto && i < d->n_listens; i++)
		for (size_t j = 0; j < d->n_ports; j++)
			r->marks[r->n_marks++] = (struct nft_mark){
				.first = d->listens[i].first,
				.last = d->listens[i].last,
				.protocol = d->common.key.protocol,
				.first_port = d->ports[j].first,
				.last_port = d->ports[j].last,
				.mark = d->mark,
			};
}

/* RFC 9568, 6.1: Accept_Mode counts for who does not own the addresses. */
static bool is_closed(const struct conf *conf, const struct conf_router *router)
{
	return !router->accept && conf->self != CONF_NONE && router->priority[conf->self] != 255;
}

static void add_closed(const struct conf_router *router, struct nft_rules *r)
{
	for (size_t i = 0; i < router->n_addresses; i++)
		r->closed[r->n_closed++] = router->addresses[i].prefix.addr;
	for (size_t i = 0; i < router->n_excluded; i++)
		r->closed[r->n_closed++] = router->excluded[i].prefix.addr;
}

/* Of services by mark the addresses are not known here: what has the mark is theirs. */
static void add_open(const struct conf *conf, const struct conf_service *s, struct nft_rules *r)
{
	if (conf_is_path(s))
		return;
	if (s->key.fwmark)
		r->open_marks[r->n_open_marks++] = s->key.fwmark;
	else if (s->router != CONF_NONE && is_closed(conf, &conf->routers[s->router]))
		r->opens[r->n_opens++] =
			(struct nft_open){s->key.addr, s->key.protocol, s->key.port};
}

static int allocate(const struct conf *conf, struct nft_rules *r)
{
	size_t n_marks = 0, n_fullnats = 0, n_locals = 0, n_closed = 0;

	for (size_t i = 0; i < conf->n_definitions; i++)
		n_marks += conf->definitions[i].n_listens * conf->definitions[i].n_ports;
	for (size_t i = 0; i < conf->n_services; i++)
		n_fullnats += count_fullnats(conf, &conf->services[i]);
	for (size_t i = 0; i < conf->n_routers; i++)
		n_locals += conf->routers[i].n_snat;
	for (size_t i = 0; i < conf->n_routers; i++)
		n_closed += conf->routers[i].n_addresses + conf->routers[i].n_excluded;
	r->closed = calloc(n_closed + 1, sizeof(*r->closed));
	r->opens = calloc(conf->n_services + 1, sizeof(*r->opens));
	r->open_marks = calloc(conf->n_services + 1, sizeof(*r->open_marks));
	r->marks = calloc(n_marks + 1, sizeof(*r->marks));
	r->fullnats = calloc(n_fullnats + 1, sizeof(*r->fullnats));
	r->locals = calloc(n_locals + 1, sizeof(*r->locals));
	return r->marks && r->fullnats && r->locals && r->closed && r->opens && r->open_marks
		       ? 0
		       : -ENOMEM;
}

int wanted_rules_build(const struct conf *conf, struct nft_rules *ret)
{
	struct nft_rules r = {0};

	if (allocate(conf, &r) < 0) {
		wanted_rules_done(&r);
		return -ENOMEM;
	}
	for (size_t i = 0; i < conf->n_definitions; i++)
		add_marks(&conf->definitions[i], &r);
	for (size_t i = 0; i < conf->n_services; i++)
		wanted_rules_each_fullnat(conf, &conf->services[i], add_fullnat, &r);
	for (size_t i = 0; i < conf->n_routers; i++)
		for (size_t j = 0; j < conf->routers[i].n_snat; j++)
			r.locals[r.n_locals++] =
				(struct nft_local){(uint32_t)i, conf->routers[i].snat[j].addr};
	for (size_t i = 0; i < conf->n_routers; i++)
		if (is_closed(conf, &conf->routers[i]))
			add_closed(&conf->routers[i], &r);
	for (size_t i = 0; r.n_closed > 0 && i < conf->n_services; i++)
		add_open(conf, &conf->services[i], &r);
	if (link_is_tandem(conf))
		r.reserved = LINK_DEVICE;
	nft_rules_sort(&r);
	*ret = r;
	return 0;
}

void wanted_rules_done(struct nft_rules *r)
{
	free(r->marks);
	free(r->fullnats);
	free(r->locals);
	free(r->closed);
	free(r->opens);
	free(r->open_marks);
	*r = (struct nft_rules){0};
}

ssize_t wanted_rules_vips(const struct conf *conf, size_t router, struct addr **ret)
{
	struct nft_rules r;
	struct addr *vips;
	size_t n = 0;

	if (wanted_rules_build(conf, &r) < 0)
		return -ENOMEM;
	vips = calloc(r.n_fullnats + 1, sizeof(*vips));
	/* Sorted by pool, then address. */
	for (size_t i = 0; vips && i < r.n_fullnats; i++)
		if (r.fullnats[i].pool == router &&
			(n == 0 || !addr_equal(&vips[n - 1], &r.fullnats[i].vip)))
			vips[n++] = r.fullnats[i].vip;
	wanted_rules_done(&r);
	if (!vips)
		return -ENOMEM;
	*ret = vips;
	return (ssize_t)n;
}
