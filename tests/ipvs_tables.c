#include "ipvs_tables.h"

#include <assert.h>
#include <linux/ip_vs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t rng_below(struct rng *rng, uint32_t bound)
{
	return (uint32_t)(rng_next(rng) % bound);
}

bool rng_percent(struct rng *rng, uint32_t percent)
{
	return rng_below(rng, 100) < percent;
}

static struct addr addr_numbered(const char *prefix, unsigned number)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)snprintf(text, sizeof(text), "%s%u", prefix, number);
	if (!addr_parse(text, &a))
		abort();
	return a;
}

static void random_dest_options(struct rng *rng, struct ipvs_dest *d)
{
	static const enum ipvs_forward methods[] = {
		IPVS_FORWARD_NAT, IPVS_FORWARD_TUNNEL, IPVS_FORWARD_DIRECT};
	static const uint32_t weights[] = {0, 0, 1, 2, 100, 65535};

	d->forward = methods[rng_below(rng, 3)];
	d->weight = weights[rng_below(rng, 6)];
	d->upper = rng_percent(rng, 20) ? 1000 + rng_below(rng, 3) : 0;
	d->lower = d->upper ? rng_below(rng, 1000) : 0;
	d->tun_type = IP_VS_CONN_F_TUNNEL_TYPE_IPIP;
	d->tun_port = d->tun_flags = 0;
	if (d->forward == IPVS_FORWARD_TUNNEL && rng_percent(rng, 50)) {
		d->tun_type = IP_VS_CONN_F_TUNNEL_TYPE_GUE;
		d->tun_port = (uint16_t)(6080 + rng_below(rng, 2));
		d->tun_flags = (uint16_t)rng_below(rng, 3);
	}
}

static void random_service_options(struct rng *rng, struct ipvs_service *s)
{
	static const char *const schedulers[] = {"rr", "wlc", "sh", "wrr"};
	bool v4 = s->key.addr.family == AF_INET;

	(void)snprintf(s->scheduler, sizeof(s->scheduler), "%s", schedulers[rng_below(rng, 4)]);
	s->flags = rng_percent(rng, 30) ? IPVS_SERVICE_PERSISTENT : 0;
	s->timeout_s = s->flags ? 60 * (1 + rng_below(rng, 3)) : 0;
	s->netmask = v4 ? UINT32_MAX << (8 * rng_below(rng, 2)) : 128 - 64 * rng_below(rng, 2);
}

static void random_dest(
	struct rng *rng, const struct ipvs_service *s, unsigned number, struct ipvs_dest *ret)
{
	bool v4 = s->key.addr.family == AF_INET;

	*ret = (struct ipvs_dest){
		.key = {addr_numbered(v4 ? "10.1.0." : "2001:db8:1::", number + 1), s->key.port}};
	random_dest_options(rng, ret);
}

static void random_service(struct rng *rng, unsigned number, struct table_service *ret)
{
	static const uint16_t ports[] = {80, 443};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

	memset(ret, 0, sizeof(*ret));
	ret->service.key = (struct ipvs_service_key){
		addr_numbered(number & 4 ? "2001:db8::" : "192.0.2.", 1 + (number >> 3)),
		ports[number & 1], protocols[number >> 1 & 1], 0};
	if (number % 5 == 4)
		ret->service.key =
			ipvs_service_key_of_mark(ret->service.key.addr.family, 1 + (number >> 3));
	random_service_options(rng, &ret->service);
	for (unsigned i = 0; i < TABLE_DESTS_MAX; i++)
		if (rng_percent(rng, 40))
			random_dest(rng, &ret->service, i, &ret->dests[ret->n_dests++]);
}

void table_model_random(struct rng *rng, struct table_model *ret)
{
	uint32_t fill = rng_below(rng, 101);

	ret->n_services = 0;
	for (unsigned i = 0; i < TABLE_SERVICES_MAX; i++)
		if (rng_percent(rng, fill))
			random_service(rng, i, &ret->services[ret->n_services++]);
}

static void vary_service(
	struct rng *rng, const struct table_service *from, struct table_service *ret)
{
	*ret = *from;
	ret->n_dests = 0;
	if (rng_percent(rng, 20))
		random_service_options(rng, &ret->service);
	for (size_t i = 0; i < from->n_dests; i++) {
		if (rng_percent(rng, 15))
			continue;
		ret->dests[ret->n_dests] = from->dests[i];
		if (rng_percent(rng, 20))
			random_dest_options(rng, &ret->dests[ret->n_dests]);
		ret->n_dests++;
	}
}

void table_model_vary(struct rng *rng, const struct table_model *from, struct table_model *ret)
{
	ret->n_services = 0;
	for (size_t i = 0; i < from->n_services; i++)
		if (!rng_percent(rng, 10))
			vary_service(rng, &from->services[i], &ret->services[ret->n_services++]);
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

void table_of_model(const struct table_model *model, struct ipvs_table *ret)
{
	struct ipvs_table t = {
		.services = allocate(TABLE_SERVICES_MAX, sizeof(*t.services)),
		.dests = allocate((size_t)TABLE_SERVICES_MAX * TABLE_DESTS_MAX, sizeof(*t.dests)),
	};

	for (size_t i = 0; i < model->n_services; i++) {
		const struct table_service *m = &model->services[i];
		struct ipvs_service *s = &t.services[t.n_services++];

		*s = m->service;
		s->first_dest = (uint32_t)t.n_dests;
		s->n_dests = (uint32_t)m->n_dests;
		memcpy(&t.dests[t.n_dests], m->dests, m->n_dests * sizeof(m->dests[0]));
		t.n_dests += m->n_dests;
	}
	ipvs_table_sort(&t);
	*ret = t;
}

void table_free(struct ipvs_table *t)
{
	free(t->services);
	free(t->dests);
	*t = (struct ipvs_table){0};
}

bool services_equal(const struct ipvs_service *a, const struct ipvs_service *b)
{
	return ipvs_service_key_compare(&a->key, &b->key) == 0 &&
	       strcmp(a->scheduler, b->scheduler) == 0 && strcmp(a->engine, b->engine) == 0 &&
	       a->flags == b->flags && a->timeout_s == b->timeout_s && a->netmask == b->netmask;
}

bool dests_equal(const struct ipvs_dest *a, const struct ipvs_dest *b)
{
	return ipvs_dest_key_compare(&a->key, &b->key) == 0 && a->forward == b->forward &&
	       a->weight == b->weight && a->upper == b->upper && a->lower == b->lower &&
	       a->tun_type == b->tun_type && a->tun_port == b->tun_port &&
	       a->tun_flags == b->tun_flags;
}

bool tables_equal(const struct ipvs_table *a, const struct ipvs_table *b)
{
	if (a->n_services != b->n_services)
		return false;
	for (size_t i = 0; i < a->n_services; i++) {
		const struct ipvs_service *x = &a->services[i], *y = &b->services[i];

		if (!services_equal(x, y) || x->n_dests != y->n_dests)
			return false;
		for (size_t j = 0; j < x->n_dests; j++)
			if (!dests_equal(
				    &a->dests[x->first_dest + j], &b->dests[y->first_dest + j]))
				return false;
	}
	return true;
}
