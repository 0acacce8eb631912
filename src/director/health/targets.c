/* Health targets. The id says what makes a target distinct, so two pools that check one address in
 * the same way share the probe and its verdict. */
#include "director/health/targets.h"

#include "base/cleanup.h"
#include "director/health/check_wire.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ID_MAX 256

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

const char *targets_type_name(const struct target *t)
{
	return t->arp ? "arp" : conf_check_type_name(t->check->type);
}

uint16_t server_port(const struct conf_service *service, const struct conf_server *server)
{
	return server->port ? server->port : service->key.port;
}

static const char *id_text(const struct target *t, const char *suffix, char buf[static ID_MAX])
{
	const char *type = conf_check_type_name(t->check->type);
	char address[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];

	(void)addr_format(&t->addr, address);
	if (t->arp)
		(void)snprintf(buf, ID_MAX, "arp %s at %s by mark %#x%s", address,
			addr_format(&t->end, server), t->path->key.fwmark, suffix);
	else if (t->path)
		(void)snprintf(buf, ID_MAX,
			t->addr.family == AF_INET6 ? "%s [%s]:%u to %s by mark %#x%s"
						   : "%s %s:%u to %s by mark %#x%s",
			type, address, t->port, addr_format(&t->end, server), t->path->key.fwmark,
			suffix);
	else if (!t->port)
		(void)snprintf(buf, ID_MAX, "%s %s%s", type, address, suffix);
	else
		(void)snprintf(buf, ID_MAX,
			t->addr.family == AF_INET6 ? "%s [%s]:%u%s" : "%s %s:%u%s", type, address,
			t->port, suffix);
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
	struct lists_link *links; /* of all places so far */
	size_t n_links;
	/* What check_text() said of the checks that were seen last, by their place in a
	 * combination. */
	struct {
		const struct conf_check *check;
		char text[CHECK_TEXT_MAX];
	} suffixes[CONF_CHECK_MEMBERS_MAX];
};

static const char *suffix_of(struct builder *b, const struct conf_check *check, size_t member)
{
	if (b->suffixes[member].check != check) {
		(void)check_text(check, b->suffixes[member].text);
		b->suffixes[member].check = check;
	}
	return b->suffixes[member].text;
}

/* The index of the target like `like`, added when there is none yet; CONF_NONE when out of memory.
 */
static size_t intern(struct builder *b, const struct target *like, const char *suffix)
{
	struct targets *t = b->t;
	char id[ID_MAX];
	const struct target *known = targets_find(t, id_text(like, suffix, id));
	struct target *added;

	if (known)
		return (size_t)(known - t->items);
	added = &t->items[t->n];
	*added = *like;
	added->id = strdup(id);
	if (!added->id)
		return CONF_NONE;
	index_add(&t->by_id, hash_text(id), t->n);
	return t->n++;
}

static uint16_t check_port(
	const struct view *view, const struct conf_check *check, const struct conf_server *server)
{
	uint16_t port = check->port ? check->port : server->port;

	if (check->type == CONF_CHECK_EXEC)
		return port;
	if (!conf_check_type_has_port(check->type))
		return 0;
	return port ? port : view->check_port;
}

static size_t place_of(const struct targets *t, size_t view, size_t server)
{
	return t->views.items[view].first + server;
}

static int link_target(
	struct builder *b, const struct target *like, const char *suffix, size_t *ret)
{
	size_t target = intern(b, like, suffix);

	if (target == CONF_NONE)
		return -ENOMEM;
	b->links[b->n_links++] =
		(struct lists_link){place_of(b->t, like->view, like->index), target};
	*ret = target;
	return 0;
}

/* Where clients' addresses are seen by the server, an answer to one of the addresses on the
 * clients' side shows whether it knows the way back. */
static const char *source_interface(
	const struct conf *conf, const struct conf_service *path, const struct conf_server *server)
{
	bool nat = conf_forward_of(path, server) == CONF_FORWARD_NAT;

	return nat && path->router != CONF_NONE ? conf->routers[path->router].interface : NULL;
}

/* Whether the server has the virtual address too, and must not answer for it. IPv6 does not, for an
 * address of lo. */
static bool hides_address(const struct conf_service *path, const struct conf_server *server)
{
	enum conf_forward forward = conf_forward_of(path, server);

	return path->key.addr.family == AF_INET &&
	       (forward == CONF_FORWARD_DIRECT || forward == CONF_FORWARD_TUNNEL);
}

/* The same by the way of the service's clients. */
static int build_path(struct builder *b, const struct conf *conf, const struct target *direct,
	const char *suffix, size_t direct_target)
{
	size_t service = b->t->views.items[direct->view].service, ignored;
	struct target like = *direct;

	if (!direct->check->through_service || service == CONF_NONE)
		return 0;
	like.path = &conf->services[conf->services[service].first_path + direct->index];
	like.end = direct->addr;
	like.addr = like.path->path_addr;
	like.port = like.path->path_port;
	like.interface = source_interface(
		conf, like.path, &conf->pools[like.path->pool].servers[direct->index]);
	like.direct = direct_target;
	if (link_target(b, &like, suffix, &ignored) < 0)
		return -ENOMEM;
	if (!hides_address(like.path, &conf->pools[like.path->pool].servers[direct->index]))
		return 0;
	like.arp = true;
	like.port = 0;
	return link_target(b, &like, suffix, &ignored);
}

/* One of the checks of a server of a view. */
static int build_member(struct builder *b, const struct conf *conf, const struct target *server,
	const struct conf_check *check, size_t member, uint16_t port)
{
	const char *suffix = suffix_of(b, check, member);
	struct target like = *server;
	size_t target;
	int r;

	like.check = check;
	like.port = port;
	if (check->address.family)
		like.addr = check->address;
	r = link_target(b, &like, suffix, &target);
	return r < 0 ? r : build_path(b, conf, &like, suffix, target);
}

static int build_server(struct builder *b, const struct conf *conf, size_t view, size_t server)
{
	const struct conf_pool *pool = &conf->pools[b->t->views.items[view].pool];
	const struct conf_server *s = &pool->servers[server];
	const struct conf_check *check = conf_check_of(pool, s), *members;
	struct target like = {.addr = s->address,
		.pool = pool->name,
		.server = s->name,
		.view = view,
		.index = server};
	size_t n;

	if (!check)
		return 0;
	members = conf_check_members(check, &n);
	for (size_t i = 0; i < n; i++)
		if (build_member(b, conf, &like, &members[i], i,
			    check_port(&b->t->views.items[view], &members[i], s)) < 0)
			return -ENOMEM;
	return 0;
}

static int build_view(struct builder *b, const struct conf *conf, size_t view)
{
	size_t n = conf->pools[b->t->views.items[view].pool].n_servers;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = build_server(b, conf, view, i);
	return r;
}

static size_t count_members(const struct conf *conf, const struct views *views)
{
	size_t n = 0, n_members;

	for (size_t i = 0; i < views->n; i++) {
		const struct conf_pool *pool = &conf->pools[views->items[i].pool];

		for (size_t j = 0; j < pool->n_servers; j++) {
			const struct conf_check *check = conf_check_of(pool, &pool->servers[j]);

			if (!check)
				continue;
			(void)conf_check_members(check, &n_members);
			n += CONF_PATH_CHECKS * n_members;
		}
	}
	return n;
}

/* Which views have a target: the other way around. */
static int build_users(struct targets *t, const struct conf *conf)
{
	size_t n_links = t->of_place.first[t->views.n_places], n = 0, n_targets;
	auto_free struct lists_link *links = calloc(n_links + 1, sizeof(*links));

	if (!links)
		return -ENOMEM;
	for (size_t i = 0; i < t->views.n; i++)
		for (size_t j = 0; j < conf->pools[t->views.items[i].pool].n_servers; j++) {
			const size_t *targets =
				lists_of(&t->of_place, place_of(t, i, j), &n_targets);

			for (size_t k = 0; k < n_targets; k++)
				links[n++] = (struct lists_link){targets[k], i};
		}
	return lists_build(t->n, links, n, &t->users);
}

static int build_all(struct targets *t, const struct conf *conf)
{
	size_t max = count_members(conf, &t->views);
	auto_free struct lists_link *links = calloc(max + 1, sizeof(*links));
	struct builder b = {.t = t, .links = links};
	int r = index_init(&t->by_id, max);

	t->items = calloc(max + 1, sizeof(*t->items));
	if (!t->items || !links)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < t->views.n; i++)
		r = build_view(&b, conf, i);
	if (r == 0)
		r = lists_build(t->views.n_places, links, b.n_links, &t->of_place);
	return r < 0 ? r : build_users(t, conf);
}

int targets_build(const struct conf *conf, struct targets *ret)
{
	struct targets t = {0};
	int r = views_build(conf, &t.views);

	if (r == 0)
		r = build_all(&t, conf);
	if (r < 0) {
		targets_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

/* --- Inheritance --- */

static bool has_endpoint(const struct target *t, const struct target *like)
{
	return t->port == like->port && addr_equal(&t->addr, &like->addr) && !t->path;
}

/* Of the same type if there is one. */
static const struct target *find_endpoint(
	const struct index *endpoints, const struct targets *old, const struct target *like)
{
	uint64_t at = hash_endpoint(like);
	const struct target *found = NULL;
	size_t i;

	while ((i = index_next(endpoints, &at)) != INDEX_NONE) {
		const struct target *t = &old->items[i];

		if (!has_endpoint(t, like))
			continue;
		if (t->check->type == like->check->type)
			return t;
		found = found ? found : t;
	}
	return found;
}

/* One with other check settings, when there are several the last. */
static int index_endpoints(struct heritage *h, const struct targets *old)
{
	if (h->endpoints.slots)
		return 0;
	if (index_init(&h->endpoints, old->n) < 0)
		return -ENOMEM;
	for (size_t i = old->n; i > 0; i--)
		index_add(&h->endpoints, hash_endpoint(&old->items[i - 1]), i - 1);
	return 0;
}

/* Most stay in their place. */
static const struct target *find_same(const struct targets *old, const struct targets *t, size_t i)
{
	if (i < old->n && strcmp(old->items[i].id, t->items[i].id) == 0)
		return &old->items[i];
	return targets_find(old, t->items[i].id);
}

static int find_before(struct heritage *h, const struct targets *old, const struct targets *t,
	size_t i, const struct target **ret)
{
	*ret = find_same(old, t, i);
	if (*ret || t->items[i].path)
		return 0;
	if (index_endpoints(h, old) < 0)
		return -ENOMEM;
	*ret = find_endpoint(&h->endpoints, old, &t->items[i]);
	return 0;
}

static void inherit(struct target *t, const struct target *before)
{
	t->added = !before || before->added;
	t->verdict = before ? before->verdict : VERDICT_UNKNOWN;
	t->up_at = before ? before->up_at : (struct instant){0};
	t->failed_at = before ? before->failed_at : (struct instant){0};
	if (before && conf_check_gives_weight(t->check))
		t->wishes = before->wishes;
}

int heritage_step(struct heritage *h, struct targets *t, const struct targets *old, size_t max)
{
	const struct target *before;

	for (; max > 0 && h->next < t->n; max--) {
		if (find_before(h, old, t, h->next, &before) < 0)
			return -ENOMEM;
		inherit(&t->items[h->next++], before);
	}
	return h->next < t->n;
}

void heritage_done(struct heritage *h)
{
	index_done(&h->endpoints);
	*h = (struct heritage){0};
}

int targets_inherit(struct targets *t, const struct targets *old)
{
	struct heritage h = {0};
	int r = heritage_step(&h, t, old, SIZE_MAX);

	heritage_done(&h);
	return r;
}

void targets_done(struct targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->items[i].id);
	free(t->items);
	lists_done(&t->of_place);
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

const size_t *targets_of(const struct targets *t, size_t view, size_t server, size_t *ret_n)
{
	return lists_of(&t->of_place, place_of(t, view, server), ret_n);
}

static enum health_state health_of(enum verdict verdict, const struct conf_check *check)
{
	switch (verdict) {
	case VERDICT_UP:
		return HEALTH_UP;
	case VERDICT_DOWN:
		return HEALTH_DOWN;
	case VERDICT_UNKNOWN:
	case VERDICT_MAX_:
		break;
	}
	return check->initial_up ? HEALTH_UP : HEALTH_UNKNOWN;
}

/* Several checks: the least weight, and the least service. */
static void add_wishes(struct pool_wishes *sum, const struct pool_wishes *more)
{
	if (more->wish > sum->wish)
		sum->wish = more->wish;
	if (more->has_percent && (!sum->has_percent || more->percent < sum->percent)) {
		sum->has_percent = true;
		sum->percent = more->percent;
	}
}

static enum health_state combine(bool all, size_t n, size_t n_up, size_t n_down)
{
	if (all ? n_up == n : n_up > 0)
		return HEALTH_UP;
	return (all ? n_down > 0 : n_down == n) ? HEALTH_DOWN : HEALTH_UNKNOWN;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What one check of a server makes of it. */
struct opinion {
	enum verdict verdict;
	struct instant up_at, failed_at;
};

static struct opinion opinion_of(const struct target *t)
{
	return (struct opinion){t->verdict, t->up_at, t->failed_at};
}

/* Both must be up. */
static struct opinion both(struct opinion server, struct opinion path)
{
	if (server.verdict == VERDICT_DOWN && path.verdict == VERDICT_DOWN)
		path.failed_at.us = smaller(server.failed_at.us, path.failed_at.us);
	if (server.verdict == VERDICT_UP && path.verdict == VERDICT_UP)
		path.up_at.us = larger(server.up_at.us, path.up_at.us);
	if (server.verdict != VERDICT_UP && path.verdict != VERDICT_DOWN)
		return server;
	return path;
}

/* Takes the targets of one check, and moves on behind them. */
static struct opinion next_opinion(
	const struct targets *t, const size_t *targets, size_t n, size_t *at)
{
	struct opinion opinion = opinion_of(&t->items[targets[(*at)++]]);

	while (*at < n && t->items[targets[*at]].path)
		opinion = both(opinion, opinion_of(&t->items[targets[(*at)++]]));
	return opinion;
}

/* Where all must be up, a server came up with the last of them, and went down with the first; where
 * any suffices it is the other way around. */
struct server_health targets_health(
	const struct targets *t, const struct conf *conf, size_t view, size_t server)
{
	const struct conf_pool *pool = &conf->pools[t->views.items[view].pool];
	const struct conf_check *check = conf_check_of(pool, &pool->servers[server]);
	struct server_health h = {.state = HEALTH_UP, .said = HEALTH_UNKNOWN};
	size_t n = 0, n_targets, n_up = 0, n_down = 0, at = 0;
	const size_t *targets = targets_of(t, view, server, &n_targets);
	const struct conf_check *members = n_targets ? conf_check_members(check, &n) : NULL;
	bool all = n && check->n_any == 0;
	size_t n_said_up = 0;

	for (size_t i = 0; i < n; i++) {
		const struct target *server_itself = &t->items[targets[at]];
		struct opinion o = next_opinion(t, targets, n_targets, &at);
		uint64_t up = o.up_at.us, failed = o.failed_at.us;
		enum health_state state = health_of(o.verdict, &members[i]);

		add_wishes(&h.wishes, &server_itself->wishes);
		n_said_up += o.verdict == VERDICT_UP;
		if (state == HEALTH_UP)
			h.up_at.us = n_up++ == 0 ? up
				     : all       ? larger(up, h.up_at.us)
						 : smaller(up, h.up_at.us);
		else if (state == HEALTH_DOWN)
			h.failed_at.us = n_down++ == 0 ? failed
					 : all         ? smaller(failed, h.failed_at.us)
						       : larger(failed, h.failed_at.us);
	}
	if (n) {
		h.state = combine(all, n, n_up, n_down);
		h.said = combine(all, n, n_said_up, n_down);
	}
	return h;
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
		size_t n;
		const size_t *targets = targets_of(t, view, i, &n);
		struct ipvs_dest_key key = {
			pool->servers[i].address, server_port(s, &pool->servers[i])};

		if (!n || !has_weight(have, service, &key))
			continue;
		for (size_t j = 0; j < n; j++)
			if (t->items[targets[j]].verdict == VERDICT_UNKNOWN)
				t->items[targets[j]].verdict = VERDICT_UP;
	}
}

void targets_adopt(struct targets *t, const struct conf *conf, const struct ipvs_table *have)
{
	for (size_t i = 0; i < conf->n_services; i++) {
		size_t view = t->views.of_service[i];

		if (conf_is_path(&conf->services[i]))
			continue;
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

static void write_path(struct writer *w, const struct targets *all, const struct target *t)
{
	char text[ADDR_TEXT_MAX];

	writer_object(w, "through");
	writer_text(w, "server", addr_format(&t->end, text));
	writer_number(w, "mark", t->path->key.fwmark);
	if (t->interface)
		writer_text(w, "source_interface", t->interface);
	if (!t->arp)
		writer_text(w, "direct", all->items[t->direct].id);
	writer_end_object(w);
}

static void write_target(struct writer *w, const struct targets *all, const struct target *t)
{
	char text[ADDR_TEXT_MAX];

	writer_object(w, NULL);
	writer_text(w, "id", t->id);
	writer_text(w, "type", targets_type_name(t));
	writer_text(w, "address", addr_format(&t->addr, text));
	writer_number(w, "port", t->port);
	if (t->arp)
		check_write_arp_settings(w, t->check);
	else
		check_write_settings(w, t->check);
	if (t->path)
		write_path(w, all, t);
	writer_text(w, "state", verdict_name(believed(t)));
	if (t->wishes.has_percent)
		writer_number(w, "weight_percent", t->wishes.percent);
	if (t->wishes.wish != POOL_WISH_SERVE)
		writer_text(w, "wish", pool_wish_name(t->wishes.wish));
	writer_end_object(w);
}

void targets_write(const struct targets *t, size_t from, size_t to, struct writer *w)
{
	writer_array(w, "targets");
	for (size_t i = from; i < to; i++)
		write_target(w, t, &t->items[i]);
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
