/* Which views there are, found by walking the services once. */
#include "director/health/views.h"

#include "base/cleanup.h"
#include "base/index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int lists_build(size_t n_keys, const struct lists_link *links, size_t n_links, struct lists *ret)
{
	struct lists l = {.first = calloc(n_keys + 2, sizeof(*l.first)),
		.items = calloc(n_links + 1, sizeof(*l.items))};

	if (!l.first || !l.items) {
		lists_done(&l);
		return -ENOMEM;
	}
	/* Counted one place too far: filling moves each beginning to where the next one's was. */
	for (size_t i = 0; i < n_links; i++)
		l.first[links[i].key + 2]++;
	for (size_t key = 0; key < n_keys; key++)
		l.first[key + 2] += l.first[key + 1];
	for (size_t i = 0; i < n_links; i++)
		l.items[l.first[links[i].key + 1]++] = links[i].item;
	*ret = l;
	return 0;
}

void lists_done(struct lists *l)
{
	free(l->first);
	free(l->items);
	*l = (struct lists){0};
}

const size_t *lists_of(const struct lists *l, size_t key, size_t *ret_n)
{
	*ret_n = l->first[key + 1] - l->first[key];
	return l->items + l->first[key];
}

static bool depends_on_port(const struct conf_pool *pool)
{
	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct conf_server *server = &pool->servers[i];
		const struct conf_check *check = conf_check_of(pool, server);

		if (!server->port && check && conf_check_wants_port(check))
			return true;
	}
	return false;
}

static uint16_t port_of_view(const struct conf *conf, size_t pool, uint16_t check_port)
{
	size_t fallback = conf->pools[pool].fallback;

	if (depends_on_port(&conf->pools[pool]) ||
		(fallback != CONF_NONE && depends_on_port(&conf->pools[fallback])))
		return check_port;
	return 0;
}

/* A service is known by what identifies it to the kernel. */
static const struct ipvs_service_key *through(const struct view *view, const struct conf *conf)
{
	static const struct ipvs_service_key none;

	return view->service == CONF_NONE ? &none : &conf->services[view->service].key;
}

uint64_t views_hash(const struct view *view, const struct conf *conf)
{
	const char *name = conf->pools[view->pool].name;
	const struct ipvs_service_key *key = through(view, conf);
	uint64_t rest[] = {view->check_port, view->is_fallback, key->port, key->fwmark};
	uint64_t hash = index_hash(INDEX_HASH, name, strlen(name));

	return index_hash(
		index_hash(hash, key->addr.bytes, sizeof(key->addr.bytes)), rest, sizeof(rest));
}

bool views_same(const struct view *a, const struct conf *conf_a, const struct view *b,
	const struct conf *conf_b)
{
	return a->check_port == b->check_port && a->is_fallback == b->is_fallback &&
	       strcmp(conf_a->pools[a->pool].name, conf_b->pools[b->pool].name) == 0 &&
	       ipvs_service_key_compare(through(a, conf_a), through(b, conf_b)) == 0;
}

/* While views are built: where to find those that there are. */
struct builder {
	const struct conf *conf;
	struct views *v;
	struct index by_key;
};

static uint64_t hash_view(const struct view *view)
{
	uint64_t key[] = {view->pool, view->check_port, view->is_fallback, view->service};

	return index_hash(INDEX_HASH, key, sizeof(key));
}

static size_t find(const struct builder *b, const struct view *like)
{
	uint64_t at = hash_view(like);
	size_t i;

	while ((i = index_next(&b->by_key, &at)) != INDEX_NONE) {
		const struct view *view = &b->v->items[i];

		if (view->pool == like->pool && view->check_port == like->check_port &&
			view->is_fallback == like->is_fallback && view->service == like->service)
			break;
	}
	return i;
}

static size_t intern(struct builder *b, const struct view *like)
{
	size_t index = find(b, like);

	if (index != INDEX_NONE)
		return index;
	index = b->v->n++;
	b->v->items[index] = *like;
	b->v->items[index].first = b->v->n_places;
	b->v->n_places += b->conf->pools[like->pool].n_servers;
	index_add(&b->by_key, hash_view(like), index);
	return index;
}

/* The fallback of a fallback is not followed: a pool that is both has a view for each. */
static size_t intern_fallback(struct builder *b, size_t pool, uint16_t check_port)
{
	struct view like = {.pool = pool,
		.check_port = depends_on_port(&b->conf->pools[pool]) ? check_port : 0,
		.is_fallback = true,
		.service = CONF_NONE,
		.fallback = CONF_NONE};

	return intern(b, &like);
}

static void add_service(struct builder *b, size_t service)
{
	const struct conf_service *s = &b->conf->services[service];
	size_t fallback = b->conf->pools[s->pool].fallback;
	struct view like = {.pool = s->pool,
		.check_port = port_of_view(b->conf, s->pool, s->check_port),
		.service = s->first_path ? service : CONF_NONE,
		.fallback = CONF_NONE};
	size_t view = b->v->of_service[service] = intern(b, &like);

	if (fallback != CONF_NONE)
		b->v->items[view].fallback = intern_fallback(b, fallback, s->check_port);
}

/* Paths come after the services that they belong to. */
static void walk(struct builder *b)
{
	for (size_t i = 0; i < b->conf->n_services; i++) {
		const struct conf_service *s = &b->conf->services[i];

		if (conf_is_path(s))
			b->v->of_service[i] = b->v->of_service[s->path_of];
		else
			add_service(b, i);
	}
}

static int list_users(struct views *v, const struct conf *conf)
{
	auto_free struct lists_link *links = calloc(2 * conf->n_services + 1, sizeof(*links));
	size_t n = 0;

	if (!links)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_services; i++) {
		size_t view = v->of_service[i];

		if (conf_is_path(&conf->services[i]))
			continue;
		links[n++] = (struct lists_link){view, i};
		if (v->items[view].fallback != CONF_NONE)
			links[n++] = (struct lists_link){v->items[view].fallback, i};
	}
	return lists_build(v->n, links, n, &v->users);
}

static int list_owners(struct views *v)
{
	auto_free struct lists_link *links = calloc(v->n + 1, sizeof(*links));
	size_t n = 0;

	if (!links)
		return -ENOMEM;
	for (size_t i = 0; i < v->n; i++)
		if (v->items[i].fallback != CONF_NONE)
			links[n++] = (struct lists_link){v->items[i].fallback, i};
	return lists_build(v->n, links, n, &v->owners);
}

int views_build(const struct conf *conf, struct views *ret)
{
	struct views v = {.items = calloc(2 * conf->n_services + 1, sizeof(*v.items)),
		.of_service = calloc(conf->n_services + 1, sizeof(*v.of_service))};
	struct builder b = {.conf = conf, .v = &v};
	int r = index_init(&b.by_key, 2 * conf->n_services);

	if (!v.items || !v.of_service)
		r = -ENOMEM;
	if (r == 0) {
		walk(&b);
		r = list_users(&v, conf);
	}
	if (r == 0)
		r = list_owners(&v);
	index_done(&b.by_key);
	if (r < 0) {
		views_done(&v);
		return r;
	}
	*ret = v;
	return 0;
}

void views_done(struct views *v)
{
	free(v->items);
	free(v->of_service);
	lists_done(&v->users);
	lists_done(&v->owners);
	*v = (struct views){0};
}
