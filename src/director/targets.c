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

static enum verdict inherited(
	const struct target *t, const struct targets *old, const json_t *old_endpoints)
{
	char text[ID_MAX];
	const struct target *before = NULL;

	if (old)
		before = at_index(old, old->by_id, t->id);
	if (old && !before)
		before = at_index(old, old_endpoints, endpoint_text(&t->addr, t->port, text));
	return before ? before->verdict : VERDICT_UNKNOWN;
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
	added->verdict = inherited(added, old, old_endpoints);
	return t->n++;
}

static size_t count_pairs(const struct conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_services; i++)
		n += conf->pools[conf->services[i].pool].n_servers;
	return n;
}

static uint16_t check_port(const struct conf_service *s, const struct conf_pool *pool,
	const struct conf_server *server)
{
	if (pool->check.port)
		return pool->check.port;
	return server->port ? server->port : s->check_port;
}

/* Targets of one service's servers. */
static int build_service(struct targets *t, const struct conf *conf, size_t service, size_t *pair,
	const struct targets *old, const json_t *old_endpoints)
{
	const struct conf_service *s = &conf->services[service];
	const struct conf_pool *pool = &conf->pools[s->pool];

	t->first_pair[service] = *pair;
	for (size_t i = 0; i < pool->n_servers; i++, (*pair)++) {
		const struct conf_server *server = &pool->servers[i];
		struct target like = {.addr = server->address,
			.port = check_port(s, pool, server),
			.check = &pool->check,
			.pool = pool->name,
			.server = server->name};

		t->of_pair[*pair] = CONF_NONE;
		if (!pool->has_check)
			continue;
		t->of_pair[*pair] = intern(t, &like, old, old_endpoints);
		if (t->of_pair[*pair] == CONF_NONE)
			return -ENOMEM;
	}
	return 0;
}

static size_t service_end(const struct conf *conf, const struct targets *t, size_t service)
{
	return t->first_pair[service] + conf->pools[conf->services[service].pool].n_servers;
}

/* Turn of_pair around: count each target's users, place them one after another. */
static void build_users(struct targets *t, const struct conf *conf)
{
	size_t total;

	for (size_t i = 0; i < conf->n_services; i++)
		for (size_t pair = t->first_pair[i]; pair < service_end(conf, t, i); pair++)
			if (t->of_pair[pair] != CONF_NONE)
				t->first_user[t->of_pair[pair] + 1]++;
	for (size_t i = 0; i < t->n; i++)
		t->first_user[i + 1] += t->first_user[i];
	total = t->first_user[t->n];
	/* Backwards from each target's end, which is where the next one begins. */
	for (size_t i = conf->n_services; i-- > 0;)
		for (size_t pair = service_end(conf, t, i); pair-- > t->first_pair[i];)
			if (t->of_pair[pair] != CONF_NONE)
				t->users[--t->first_user[t->of_pair[pair] + 1]] = i;
	memmove(t->first_user, t->first_user + 1, t->n * sizeof(*t->first_user));
	t->first_user[t->n] = total;
}

int targets_build(const struct conf *conf, const struct targets *old, struct targets *ret)
{
	size_t n_pairs = count_pairs(conf), pair = 0;
	json_t *old_endpoints = old ? index_by_endpoint(old) : NULL;
	struct targets t = {
		.items = calloc(n_pairs + 1, sizeof(*t.items)),
		.of_pair = calloc(n_pairs + 1, sizeof(*t.of_pair)),
		.first_pair = calloc(conf->n_services + 1, sizeof(*t.first_pair)),
		.users = calloc(n_pairs + 1, sizeof(*t.users)),
		.first_user = calloc(n_pairs + 2, sizeof(*t.first_user)),
		.by_id = json_object(),
	};
	int r = t.items && t.of_pair && t.first_pair && t.users && t.first_user && t.by_id
			? 0
			: -ENOMEM;

	for (size_t i = 0; r == 0 && i < conf->n_services; i++)
		r = build_service(&t, conf, i, &pair, old, old_endpoints);
	json_decref(old_endpoints);
	if (r < 0) {
		targets_done(&t);
		return r;
	}
	build_users(&t, conf);
	*ret = t;
	return 0;
}

void targets_done(struct targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->items[i].id);
	free(t->items);
	free(t->of_pair);
	free(t->first_pair);
	free(t->users);
	free(t->first_user);
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
	size_t index = (size_t)(target - t->items);

	*ret_n = t->first_user[index + 1] - t->first_user[index];
	return t->users + t->first_user[index];
}

const struct target *targets_of(const struct targets *t, size_t service, size_t server)
{
	size_t index = t->of_pair[t->first_pair[service] + server];

	return index == CONF_NONE ? NULL : &t->items[index];
}

bool targets_usable(const struct targets *t, const struct conf *conf, size_t service, size_t server)
{
	const struct target *target = targets_of(t, service, server);

	if (!target)
		return true;
	if (target->verdict == VERDICT_UNKNOWN)
		return conf->pools[conf->services[service].pool].check.initial_up;
	return target->verdict == VERDICT_UP;
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

void targets_adopt(struct targets *t, const struct conf *conf, const struct ipvs_table *have)
{
	for (size_t i = 0; i < conf->n_services; i++) {
		const struct conf_service *s = &conf->services[i];
		const struct conf_pool *pool = &conf->pools[s->pool];
		const struct ipvs_service *service = ipvs_table_find(have, &s->key);

		for (size_t j = 0; service && j < pool->n_servers; j++) {
			size_t index = t->of_pair[t->first_pair[i] + j];
			struct ipvs_dest_key key = {
				pool->servers[j].address, server_port(s, &pool->servers[j])};

			if (index != CONF_NONE && t->items[index].verdict == VERDICT_UNKNOWN &&
				has_weight(have, service, &key))
				t->items[index].verdict = VERDICT_UP;
		}
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
