/* Health targets. The id says what makes a target distinct, so two pools that check one address in
 * the same way share the probe and its verdict. */
#include "director/targets.h"

#include "base/cleanup.h"
#include "base/duration.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ID_MAX 160

static const char *const verdict_names[VERDICT_MAX_] = {
	[VERDICT_UNKNOWN] = "unknown",
	[VERDICT_DOWN] = "down",
	[VERDICT_UP] = "up",
};

const char *verdict_name(enum verdict v)
{
	assert(v < VERDICT_MAX_);
	return verdict_names[v];
}

enum verdict verdict_by_name(const char *name)
{
	enum verdict v = 0;

	while (v < VERDICT_MAX_ && strcmp(verdict_names[v], name) != 0)
		v++;
	return v;
}

uint16_t server_port(const struct conf_service *service, const struct conf_server *server)
{
	return server->port ? server->port : service->key.port;
}

static const char *endpoint_text(const struct addr *addr, uint16_t port, char buf[static ID_MAX])
{
	char text[ADDR_TEXT_MAX];

	(void)snprintf(buf, ID_MAX, addr->family == AF_INET6 ? "tcp [%s]:%u" : "tcp %s:%u",
		addr_format(addr, text), port);
	return buf;
}

static const char *id_text(const struct target *t, char buf[static ID_MAX])
{
	char endpoint[ID_MAX], interval[DURATION_TEXT_MAX], timeout[DURATION_TEXT_MAX];
	const struct conf_check *check = t->check;

	(void)snprintf(buf, ID_MAX, "%.64s every %s timeout %s rise %u fall %u jitter %u%%",
		endpoint_text(&t->addr, t->port, endpoint),
		duration_format(check->interval_us, interval),
		duration_format(check->timeout_us, timeout), check->rise, check->fall,
		check->jitter_percent);
	return buf;
}

static json_t *index_by_endpoint(const struct targets *t)
{
	json_t *map = json_object();
	char text[ID_MAX];

	for (size_t i = 0; i < t->n; i++)
		(void)json_object_set_new(map,
			endpoint_text(&t->items[i].addr, t->items[i].port, text),
			json_integer((json_int_t)i));
	return map;
}

static const struct target *at_index(const struct targets *t, const json_t *map, const char *key)
{
	const json_t *index = json_object_get(map, key);

	return index ? &t->items[json_integer_value(index)] : NULL;
}

static const struct target *find_before(
	const struct target *t, const struct targets *old, const json_t *old_endpoints)
{
	char text[ID_MAX];
	const struct target *before = NULL;

	if (old)
		before = at_index(old, old->by_id, t->id);
	if (old && !before)
		before = at_index(old, old_endpoints, endpoint_text(&t->addr, t->port, text));
	return before;
}

static void inherit(struct target *t, const struct targets *old, const json_t *old_endpoints)
{
	const struct target *before = find_before(t, old, old_endpoints);

	t->added = before ? before->added : old != NULL;
	if (!before)
		return;
	t->verdict = before->verdict;
	t->up_at = before->up_at;
	t->failed_at = before->failed_at;
}

/* The index of the target like `like`, added when there is none yet; CONF_NONE when out of memory.
 */
static size_t intern(struct targets *t, const struct target *like, const struct targets *old,
	const json_t *old_endpoints)
{
	char id[ID_MAX];
	const json_t *known = json_object_get(t->by_id, id_text(like, id));
	struct target *added;

	if (known)
		return (size_t)json_integer_value(known);
	added = &t->items[t->n];
	*added = *like;
	added->id = strdup(id);
	if (!added->id || json_object_set_new(t->by_id, id, json_integer((json_int_t)t->n)) < 0) {
		free(added->id);
		return CONF_NONE;
	}
	inherit(added, old, old_endpoints);
	return t->n++;
}

static uint16_t check_port(
	const struct view *view, const struct conf_pool *pool, const struct conf_server *server)
{
	if (pool->check.port)
		return pool->check.port;
	return server->port ? server->port : view->check_port;
}

/* Targets of one view's servers. */
static int build_view(struct targets *t, const struct conf *conf, const struct view *view,
	const struct targets *old, const json_t *old_endpoints)
{
	const struct conf_pool *pool = &conf->pools[view->pool];

	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct conf_server *server = &pool->servers[i];
		size_t *index = &t->of_place[view->first + i];
		struct target like = {.addr = server->address,
			.port = check_port(view, pool, server),
			.check = &pool->check,
			.pool = pool->name,
			.server = server->name};

		*index = CONF_NONE;
		if (!pool->has_check)
			continue;
		*index = intern(t, &like, old, old_endpoints);
		if (*index == CONF_NONE)
			return -ENOMEM;
	}
	return 0;
}

static int build_users(struct targets *t, const struct conf *conf)
{
	auto_free struct lists_link *links = calloc(t->views.n_places + 1, sizeof(*links));
	size_t n = 0;

	if (!links)
		return -ENOMEM;
	for (size_t i = 0; i < t->views.n; i++) {
		const struct view *view = &t->views.items[i];

		for (size_t j = 0; j < conf->pools[view->pool].n_servers; j++)
			if (t->of_place[view->first + j] != CONF_NONE)
				links[n++] = (struct lists_link){t->of_place[view->first + j], i};
	}
	return lists_build(t->n, links, n, &t->users);
}

static int build_all(struct targets *t, const struct conf *conf, const struct targets *old)
{
	json_t *old_endpoints = old ? index_by_endpoint(old) : NULL;
	int r = 0;

	t->items = calloc(t->views.n_places + 1, sizeof(*t->items));
	t->of_place = calloc(t->views.n_places + 1, sizeof(*t->of_place));
	t->by_id = json_object();
	if (!t->items || !t->of_place || !t->by_id)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < t->views.n; i++)
		r = build_view(t, conf, &t->views.items[i], old, old_endpoints);
	json_decref(old_endpoints);
	return r < 0 ? r : build_users(t, conf);
}

int targets_build(const struct conf *conf, const struct targets *old, struct targets *ret)
{
	struct targets t = {0};
	int r = views_build(conf, &t.views);

	if (r == 0)
		r = build_all(&t, conf, old);
	if (r < 0) {
		targets_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void targets_done(struct targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->items[i].id);
	free(t->items);
	free(t->of_place);
	lists_done(&t->users);
	views_done(&t->views);
	json_decref(t->by_id);
	*t = (struct targets){0};
}

struct target *targets_find(const struct targets *t, const char *id)
{
	const json_t *index = json_object_get(t->by_id, id);

	return index ? &t->items[json_integer_value(index)] : NULL;
}

const size_t *targets_users(const struct targets *t, const struct target *target, size_t *ret_n)
{
	return lists_of(&t->users, (size_t)(target - t->items), ret_n);
}

const struct target *targets_of(const struct targets *t, size_t view, size_t server)
{
	size_t index = t->of_place[t->views.items[view].first + server];

	return index == CONF_NONE ? NULL : &t->items[index];
}

enum health_state targets_health(
	const struct targets *t, const struct conf *conf, size_t view, size_t server)
{
	const struct target *target = targets_of(t, view, server);

	if (!target)
		return HEALTH_UP;
	switch (target->verdict) {
	case VERDICT_UP:
		return HEALTH_UP;
	case VERDICT_DOWN:
		return HEALTH_DOWN;
	case VERDICT_UNKNOWN:
	case VERDICT_MAX_:
		break;
	}
	return conf->pools[t->views.items[view].pool].check.initial_up ? HEALTH_UP : HEALTH_UNKNOWN;
}

void targets_set_verdict(struct target *target, enum verdict verdict, struct instant now)
{
	if (verdict == VERDICT_DOWN)
		target->failed_at = now;
	if (verdict == VERDICT_UP) {
		bool news = target->verdict == VERDICT_DOWN || target->added;

		target->up_at = news ? now : (struct instant){0};
	}
	target->verdict = verdict;
	target->added = false;
}

static bool has_weight(const struct ipvs_table *have, const struct ipvs_service *service,
	const struct ipvs_dest_key *key)
{
	for (uint32_t i = 0; i < service->n_dests; i++) {
		const struct ipvs_dest *dest = &have->dests[service->first_dest + i];
		if (ipvs_dest_key_compare(&dest->key, key) == 0)
			return dest->weight > 0;
	}
	return false;
}

/* The servers of a view, as one of its services has them. */
static void adopt_view(struct targets *t, const struct conf *conf, size_t view,
	const struct conf_service *s, const struct ipvs_table *have)
{
	const struct conf_pool *pool = &conf->pools[t->views.items[view].pool];
	const struct ipvs_service *service = ipvs_table_find(have, &s->key);

	for (size_t i = 0; service && i < pool->n_servers; i++) {
		size_t index = t->of_place[t->views.items[view].first + i];
		struct ipvs_dest_key key = {
			pool->servers[i].address, server_port(s, &pool->servers[i])};

		if (index != CONF_NONE && t->items[index].verdict == VERDICT_UNKNOWN &&
			has_weight(have, service, &key))
			t->items[index].verdict = VERDICT_UP;
	}
}

void targets_adopt(struct targets *t, const struct conf *conf, const struct ipvs_table *have)
{
	for (size_t i = 0; i < conf->n_services; i++) {
		size_t view = t->views.of_service[i];

		adopt_view(t, conf, view, &conf->services[i], have);
		if (t->views.items[view].fallback != CONF_NONE)
			adopt_view(
				t, conf, t->views.items[view].fallback, &conf->services[i], have);
	}
}

/* What begins up needs `fall` failures to be down, like everything that is up. */
static enum verdict believed(const struct target *t)
{
	return t->verdict == VERDICT_UNKNOWN && t->check->initial_up ? VERDICT_UP : t->verdict;
}

json_t *targets_to_json(const struct targets *t)
{
	json_t *array = json_array();
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < t->n; i++) {
		const struct target *item = &t->items[i];
		(void)json_array_append_new(
			array, json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:i, s:i, s:i, s:s}", "id",
				       item->id, "type", "tcp", "address",
				       addr_format(&item->addr, text), "port", (int)item->port,
				       "interval_us", (json_int_t)item->check->interval_us,
				       "timeout_us", (json_int_t)item->check->timeout_us, "rise",
				       (int)item->check->rise, "fall", (int)item->check->fall,
				       "jitter_percent", (int)item->check->jitter_percent, "state",
				       verdict_name(believed(item))));
	}
	return array;
}
