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

/* What a check says about itself in an id: the same for all servers of a pool. */
static void suffix_text(const struct conf_check *check, char buf[static ID_MAX])
{
	char interval[DURATION_TEXT_MAX], timeout[DURATION_TEXT_MAX];

	(void)snprintf(buf, ID_MAX, " every %s timeout %s rise %u fall %u jitter %u%%",
		duration_format(check->interval_us, interval),
		duration_format(check->timeout_us, timeout), check->rise, check->fall,
		check->jitter_percent);
}

static const char *id_text(const struct target *t, const char *suffix, char buf[static ID_MAX])
{
	char address[ADDR_TEXT_MAX];

	(void)snprintf(buf, ID_MAX,
		t->addr.family == AF_INET6 ? "tcp [%s]:%u%.100s" : "tcp %s:%u%.100s",
		addr_format(&t->addr, address), t->port, suffix);
	return buf;
}

static uint64_t hash_text(const char *text)
{
	return index_hash(INDEX_HASH, text, strlen(text));
}

static uint64_t hash_endpoint(const struct target *t)
{
	return index_hash(index_hash(INDEX_HASH, t->addr.bytes, addr_len(&t->addr)), &t->port,
		sizeof(t->port));
}

/* While targets are built. */
struct builder {
	struct targets *t;
	const struct targets *old;  /* NULL: none */
	struct index old_endpoints; /* of `old`; there when the first is looked for */
	char suffix[ID_MAX];        /* of the view under way */
};

static struct target *find_endpoint(const struct builder *b, const struct target *like)
{
	uint64_t at = hash_endpoint(like);
	size_t i;

	while ((i = index_next(&b->old_endpoints, &at)) != INDEX_NONE) {
		struct target *t = &b->old->items[i];

		if (t->port == like->port && addr_equal(&t->addr, &like->addr))
			return t;
	}
	return NULL;
}

/* One with other check settings, when there are several the last. */
static int index_endpoints(struct builder *b)
{
	if (b->old_endpoints.slots)
		return 0;
	if (index_init(&b->old_endpoints, b->old->n) < 0)
		return -ENOMEM;
	for (size_t i = b->old->n; i > 0; i--)
		index_add(&b->old_endpoints, hash_endpoint(&b->old->items[i - 1]), i - 1);
	return 0;
}

static int find_before(struct builder *b, const struct target *t, const struct target **ret)
{
	*ret = b->old ? targets_find(b->old, t->id) : NULL;
	if (!b->old || *ret)
		return 0;
	if (index_endpoints(b) < 0)
		return -ENOMEM;
	*ret = find_endpoint(b, t);
	return 0;
}

static int inherit(struct builder *b, struct target *t)
{
	const struct target *before;

	if (find_before(b, t, &before) < 0)
		return -ENOMEM;
	t->added = before ? before->added : b->old != NULL;
	if (!before)
		return 0;
	t->verdict = before->verdict;
	t->up_at = before->up_at;
	t->failed_at = before->failed_at;
	return 0;
}

/* The index of the target like `like`, added when there is none yet; CONF_NONE when out of memory.
 */
static size_t intern(struct builder *b, const struct target *like)
{
	struct targets *t = b->t;
	char id[ID_MAX];
	const struct target *known = targets_find(t, id_text(like, b->suffix, id));
	struct target *added;

	if (known)
		return (size_t)(known - t->items);
	added = &t->items[t->n];
	*added = *like;
	added->id = strdup(id);
	if (!added->id || inherit(b, added) < 0) {
		free(added->id);
		return CONF_NONE;
	}
	index_add(&t->by_id, hash_text(id), t->n);
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
static int build_view(struct builder *b, const struct conf *conf, const struct view *view)
{
	const struct conf_pool *pool = &conf->pools[view->pool];

	if (pool->has_check)
		suffix_text(&pool->check, b->suffix);
	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct conf_server *server = &pool->servers[i];
		size_t *target = &b->t->of_place[view->first + i];
		struct target like = {.addr = server->address,
			.port = check_port(view, pool, server),
			.check = &pool->check,
			.pool = pool->name,
			.server = server->name};

		*target = CONF_NONE;
		if (!pool->has_check)
			continue;
		*target = intern(b, &like);
		if (*target == CONF_NONE)
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
	struct builder b = {.t = t, .old = old};
	int r = index_init(&t->by_id, t->views.n_places);

	t->items = calloc(t->views.n_places + 1, sizeof(*t->items));
	t->of_place = calloc(t->views.n_places + 1, sizeof(*t->of_place));
	if (!t->items || !t->of_place)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < t->views.n; i++)
		r = build_view(&b, conf, &t->views.items[i]);
	index_done(&b.old_endpoints);
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
	index_done(&t->by_id);
	*t = (struct targets){0};
}

struct target *targets_find(const struct targets *t, const char *id)
{
	uint64_t at = hash_text(id);
	size_t i;

	while ((i = index_next(&t->by_id, &at)) != INDEX_NONE)
		if (strcmp(t->items[i].id, id) == 0)
			return &t->items[i];
	return NULL;
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

bool targets_all_checked(const struct targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].verdict == VERDICT_UNKNOWN)
			return false;
	return true;
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

static void write_target(struct writer *w, const struct target *t)
{
	char text[ADDR_TEXT_MAX];

	writer_object(w, NULL);
	writer_text(w, "id", t->id);
	writer_text(w, "type", "tcp");
	writer_text(w, "address", addr_format(&t->addr, text));
	writer_number(w, "port", t->port);
	writer_number(w, "interval_us", (int64_t)t->check->interval_us);
	writer_number(w, "timeout_us", (int64_t)t->check->timeout_us);
	writer_number(w, "rise", t->check->rise);
	writer_number(w, "fall", t->check->fall);
	writer_number(w, "jitter_percent", t->check->jitter_percent);
	writer_text(w, "state", verdict_name(believed(t)));
	writer_end_object(w);
}

void targets_write(const struct targets *t, struct writer *w)
{
	writer_array(w, "targets");
	for (size_t i = 0; i < t->n; i++)
		write_target(w, &t->items[i]);
	writer_end_array(w);
}

bool targets_same(const struct targets *a, const struct targets *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i].id, b->items[i].id) != 0 ||
			a->items[i].check->initial_up != b->items[i].check->initial_up)
			return false;
	return true;
}
