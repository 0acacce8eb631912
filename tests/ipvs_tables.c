#include "ipvs_tables.h"

#include <assert.h>
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

/* The last server of a service is of the other family, which takes a tunnel; the one before has a
 * port of its own, which takes NAT. */
static bool is_of_other_family(unsigned number)
{
	return number == TABLE_DESTS_MAX - 1;
}

static bool has_own_port(unsigned number)
{
	return number == TABLE_DESTS_MAX - 2;
}

static void random_tunnel(struct rng *rng, struct ipvs_dest *d)
{
	d->tun_type = (uint8_t)rng_below(rng, 3);
	d->tun_port = d->tun_flags = 0;
	if (d->tun_type == IPVS_TUNNEL_GUE) {
		d->tun_port = (uint16_t)(6080 + rng_below(rng, 2));
		d->tun_flags = (uint16_t)rng_below(rng, 3);
	} else if (d->tun_type == IPVS_TUNNEL_GRE) {
		d->tun_flags = (uint16_t)rng_below(rng, 2);
	}
}

static void random_dest_options(struct rng *rng, unsigned number, struct ipvs_dest *d)
{
	static const enum ipvs_forward methods[] = {
		IPVS_FORWARD_NAT, IPVS_FORWARD_TUNNEL, IPVS_FORWARD_DIRECT};
	static const uint32_t weights[] = {0, 0, 1, 2, 100, 65535};

	d->forward = methods[rng_below(rng, 3)];
	if (is_of_other_family(number))
		d->forward = IPVS_FORWARD_TUNNEL;
	else if (has_own_port(number))
		d->forward = IPVS_FORWARD_NAT;
	d->weight = weights[rng_below(rng, 6)];
	d->upper = rng_percent(rng, 20) ? 1000 + rng_below(rng, 3) : 0;
	d->lower = d->upper ? rng_below(rng, 1000) : 0;
	d->tun_type = IPVS_TUNNEL_IPIP;
	d->tun_port = d->tun_flags = 0;
	if (d->forward == IPVS_FORWARD_TUNNEL)
		random_tunnel(rng, d);
}

static bool knows_flags(const char *scheduler)
{
	return strcmp(scheduler, "sh") == 0 || strcmp(scheduler, "mh") == 0;
}

static void random_persistence(struct rng *rng, struct ipvs_service *s)
{
	bool v4 = s->key.addr.family == AF_INET;
	bool persistent = rng_percent(rng, 30);

	s->flags |= persistent ? IPVS_SERVICE_PERSISTENT : 0;
	s->timeout_s = persistent ? 60 * (1 + rng_below(rng, 3)) : 0;
	s->netmask = v4 ? UINT32_MAX << (8 * rng_below(rng, 2)) : 128 - 64 * rng_below(rng, 2);
	s->engine[0] = '\0';
	if (persistent && s->key.protocol == IPPROTO_UDP && rng_percent(rng, 30))
		strcpy(s->engine, "sip");
}

static void random_service_options(struct rng *rng, struct ipvs_service *s)
{
	/* What Debian's kernel has. */
	static const char *const schedulers[] = {"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh",
		"sh", "mh", "sed", "nq", "fo", "ovf"};
	const char *scheduler = schedulers[rng_below(rng, sizeof(schedulers) / sizeof(char *))];

	(void)snprintf(s->scheduler, sizeof(s->scheduler), "%s", scheduler);
	s->flags = 0;
	if (knows_flags(scheduler))
		s->flags = (IPVS_SERVICE_FALLBACK * rng_below(rng, 2)) |
			   (IPVS_SERVICE_PORT * rng_below(rng, 2));
	if (s->key.protocol == IPPROTO_UDP && rng_percent(rng, 20))
		s->flags |= IPVS_SERVICE_ONE_PACKET;
	random_persistence(rng, s);
}

static struct ipvs_dest_key dest_key(const struct ipvs_service *s, unsigned number)
{
	bool v4 = (s->key.addr.family == AF_INET) != is_of_other_family(number);

	return (struct ipvs_dest_key){addr_numbered(v4 ? "10.1.0." : "2001:db8:1::", number + 1),
		has_own_port(number) ? 8080 : s->key.port};
}

static void random_dest(
	struct rng *rng, const struct ipvs_service *s, unsigned number, struct ipvs_dest *ret)
{
	*ret = (struct ipvs_dest){.key = dest_key(s, number)};
	random_dest_options(rng, number, ret);
}

/* Two ports of each protocol at each of two addresses of each family; some by mark instead. */
static struct ipvs_service_key service_key(unsigned number)
{
	static const uint16_t ports[] = {80, 443};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	bool v6 = number / 6 % 2;

	if (number % 5 == 4)
		return ipvs_service_key_of_mark(v6 ? AF_INET6 : AF_INET, 1 + number / 12);
	return (struct ipvs_service_key){
		addr_numbered(v6 ? "2001:db8::" : "192.0.2.", 1 + number / 12), ports[number % 2],
		protocols[number / 2 % 3], 0};
}

static void random_service(struct rng *rng, unsigned number, struct table_service *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->service.key = service_key(number);
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

struct table_service *table_model_find(struct table_model *m, const struct ipvs_service_key *key)
{
	for (size_t i = 0; i < m->n_services; i++)
		if (ipvs_service_key_compare(&m->services[i].service.key, key) == 0)
			return &m->services[i];
	return NULL;
}

struct ipvs_dest *table_service_find(struct table_service *s, const struct ipvs_dest_key *key)
{
	for (size_t i = 0; i < s->n_dests; i++)
		if (ipvs_dest_key_compare(&s->dests[i].key, key) == 0)
			return &s->dests[i];
	return NULL;
}

static void vary_dest(
	struct rng *rng, struct table_service *from, unsigned number, struct table_service *ret)
{
	struct ipvs_dest_key key = dest_key(&from->service, number);
	const struct ipvs_dest *old = table_service_find(from, &key);
	struct ipvs_dest *d = &ret->dests[ret->n_dests];

	if (rng_percent(rng, old ? 15 : 90))
		return;
	ret->n_dests++;
	if (!old) {
		random_dest(rng, &from->service, number, d);
		return;
	}
	*d = *old;
	if (rng_percent(rng, 20))
		random_dest_options(rng, number, d);
}

static void vary_service(struct rng *rng, struct table_service *from, struct table_service *ret)
{
	*ret = *from;
	ret->n_dests = 0;
	if (rng_percent(rng, 20))
		random_service_options(rng, &ret->service);
	for (unsigned i = 0; i < TABLE_DESTS_MAX; i++)
		vary_dest(rng, from, i, ret);
}

void table_model_vary(struct rng *rng, struct table_model *from, struct table_model *ret)
{
	ret->n_services = 0;
	for (unsigned i = 0; i < TABLE_SERVICES_MAX; i++) {
		struct ipvs_service_key key = service_key(i);
		struct table_service *old = table_model_find(from, &key);

		if (rng_percent(rng, old ? 10 : 95))
			continue;
		if (old)
			vary_service(rng, old, &ret->services[ret->n_services++]);
		else
			random_service(rng, i, &ret->services[ret->n_services++]);
	}
}

static void *grow(void *array, size_t n, size_t size)
{
	void *p = reallocarray(array, n, size);

	if (!p)
		abort();
	return p;
}

void table_of_model(const struct table_model *model, struct ipvs_table *ret)
{
	*ret = (struct ipvs_table){0};
	table_add_model(ret, model);
}

void table_add_model(struct ipvs_table *t, const struct table_model *model)
{
	t->services = grow(t->services, t->n_services + TABLE_SERVICES_MAX, sizeof(*t->services));
	t->dests = grow(t->dests, t->n_dests + (size_t)TABLE_SERVICES_MAX * TABLE_DESTS_MAX,
		sizeof(*t->dests));
	for (size_t i = 0; i < model->n_services; i++) {
		const struct table_service *m = &model->services[i];
		struct ipvs_service *s = &t->services[t->n_services++];

		*s = m->service;
		s->first_dest = (uint32_t)t->n_dests;
		s->n_dests = (uint32_t)m->n_dests;
		memcpy(&t->dests[t->n_dests], m->dests, m->n_dests * sizeof(m->dests[0]));
		t->n_dests += m->n_dests;
	}
	ipvs_table_sort(t);
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
