/* Evaluation in two rounds: every view by itself, then the views with a fallback, which look at the
 * fallback's shares. Shares say nothing of fallbacks; that is added when they are asked for. */
#include "director/health/pools.h"

#include "base/cleanup.h"
#include "base/index.h"
#include "core/two_verdicts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct conf_pool *pool_of(const struct pools_input *in, size_t view)
{
	return &in->conf->pools[in->targets->views.items[view].pool];
}

static struct pool_share *shares_of(const struct pools *p, const struct targets *t, size_t view)
{
	return p->shares + t->views.items[view].first;
}

static struct pool_dissent *dissents_of(const struct pools *p, const struct targets *t, size_t view)
{
	return p->dissents + t->views.items[view].first;
}

/* Building */

static size_t find_before(const struct pools_input *in, size_t view,
	const struct pools_input *old_in, const struct index *ix)
{
	const struct view *v = &in->targets->views.items[view];
	uint64_t at = views_hash(v, in->conf);
	size_t i;

	while ((i = index_next(ix, &at)) != INDEX_NONE)
		if (views_same(v, in->conf, &old_in->targets->views.items[i], old_in->conf))
			break;
	return i;
}

static void inherit_dissent(struct pool_dissent *to, const struct conf_pool *pool,
	const struct conf_server *server, const struct pool_dissent *dissent)
{
	for (size_t i = 0; i < pool->n_servers; i++)
		if (strcmp(pool->servers[i].name, server->name) == 0)
			to[i] = *dissent;
}

/* What they disagree about they go on to; there is little of it. */
static void inherit_dissents(struct pools *p, const struct pools_input *in, size_t view,
	const struct pools_input *old_in, const struct pools *old, size_t from)
{
	const struct conf_pool *before = pool_of(old_in, from);

	for (size_t i = 0; i < before->n_servers; i++) {
		const struct pool_dissent *dissent = &dissents_of(old, old_in->targets, from)[i];

		if (dissent->since.us != 0)
			inherit_dissent(dissents_of(p, in->targets, view), pool_of(in, view),
				&before->servers[i], dissent);
	}
}

static int inherit(struct pools *p, const struct pools_input *in, const struct pools_input *old_in,
	const struct pools *old)
{
	const struct views *before = &old_in->targets->views;
	struct index ix;

	if (index_init(&ix, before->n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < before->n; i++)
		index_add(&ix, views_hash(&before->items[i], old_in->conf), i);
	for (size_t i = 0; i < in->targets->views.n; i++) {
		size_t found = find_before(in, i, old_in, &ix);

		if (found == INDEX_NONE)
			continue;
		p->views[i] = old->views[found];
		inherit_dissents(p, in, i, old_in, old, found);
	}
	index_done(&ix);
	return 0;
}

int pools_build(const struct pools_input *in, const struct pools_input *old_in,
	const struct pools *old, struct pools *ret)
{
	const struct views *v = &in->targets->views;
	struct pools p = {.views = calloc(v->n + 1, sizeof(*p.views)),
		.shares = calloc(v->n_places + 1, sizeof(*p.shares)),
		.dissents = calloc(v->n_places + 1, sizeof(*p.dissents)),
		.next = INSTANT_NEVER};

	if (!p.views || !p.shares || !p.dissents || (old && inherit(&p, in, old_in, old) < 0)) {
		pools_done(&p);
		return -ENOMEM;
	}
	for (size_t i = 0; i < v->n; i++) {
		p.views[i].touched = true;
		if (p.views[i].agreed.us == 0)
			p.views[i].agreed = INSTANT_NEVER;
		if (v->items[i].fallback == CONF_NONE) {
			p.views[i].uses_fallback = false;
			p.views[i].until = (struct instant){0};
		}
	}
	*ret = p;
	return 0;
}

void pools_done(struct pools *p)
{
	free(p->views);
	free(p->shares);
	free(p->dissents);
	*p = (struct pools){0};
}

static bool has_weight(const struct ipvs_table *have, const struct conf_service *s,
	const struct conf_server *server)
{
	const struct ipvs_service *service = ipvs_table_find(have, &s->key);
	struct ipvs_dest_key key = {server->address, server_port(s, server)};

	for (uint32_t i = 0; service && i < service->n_dests; i++) {
		const struct ipvs_dest *dest = &have->dests[service->first_dest + i];

		if (ipvs_dest_key_compare(&dest->key, &key) == 0)
			return dest->weight > 0;
	}
	return false;
}

static bool serves(
	const struct conf_pool *pool, const struct conf_service *s, const struct ipvs_table *have)
{
	for (size_t i = 0; i < pool->n_servers; i++)
		if (has_weight(have, s, &pool->servers[i]))
			return true;
	return false;
}

void pools_adopt(struct pools *p, const struct pools_input *in, const struct ipvs_table *have)
{
	for (size_t i = 0; i < in->conf->n_services; i++) {
		const struct conf_service *s = &in->conf->services[i];
		size_t view = in->targets->views.of_service[i];
		size_t fallback = in->targets->views.items[view].fallback;

		if (fallback == CONF_NONE || conf_is_path(s) ||
			serves(pool_of(in, view), s, have) ||
			!serves(pool_of(in, fallback), s, have))
			continue;
		p->views[view].state.quorum = POOL_QUORUM_LOST;
		p->views[view].uses_fallback = true;
	}
}

/* What is to be evaluated */

void pools_touch(struct pools *p, size_t view)
{
	p->views[view].touched = true;
}

bool pools_touch_peer(struct pools *p, const struct views *views)
{
	bool any = false;

	for (size_t i = 0; i < views->n; i++) {
		p->views[i].touched = p->views[i].touched || p->views[i].has_down;
		any = any || p->views[i].touched;
	}
	return any;
}

static bool has_server(const struct conf_pool *pool, const char *server)
{
	for (size_t i = 0; i < pool->n_servers; i++)
		if (strcmp(pool->servers[i].name, server) == 0)
			return true;
	return false;
}

void pools_touch_server(
	struct pools *p, const struct pools_input *in, const char *pool, const char *server)
{
	for (size_t i = 0; i < in->targets->views.n; i++)
		if (strcmp(pool_of(in, i)->name, pool) == 0 && has_server(pool_of(in, i), server))
			p->views[i].touched = true;
}

static struct instant next_of(const struct pool_view *view)
{
	struct instant next = instant_min(view->state.next, view->agreed);

	return view->uses_fallback || view->until.us == 0 ? next : instant_min(next, view->until);
}

static void touch_due(struct pools *p, const struct views *v, struct instant now)
{
	for (size_t i = 0; i < v->n; i++)
		if (instant_reached(next_of(&p->views[i]), now))
			p->views[i].touched = true;
}

/* One view by itself */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static struct pool_rule rule_of(const struct conf_pool *pool)
{
	return (struct pool_rule){.quorum = pool->quorum,
		.hysteresis = pool->hysteresis,
		.panic_percent = pool->panic_percent,
		.max_ejected_percent = pool->max_ejected_percent,
		.slow_start_us = pool->slow_start_us};
}

static struct pool_server server_of(const struct pools_input *in, size_t view, size_t server)
{
	const struct conf_server *s = &pool_of(in, view)->servers[server];
	struct server_health health = targets_health(in->targets, in->conf, view, server);
	const struct override *override =
		overrides_find(in->overrides, pool_of(in, view)->name, s->name);
	struct pool_server result = {.health = health.state,
		.weight = s->weight,
		.up_at = health.up_at,
		.failed_at = health.failed_at,
		.wishes = health.wishes};

	if (override) {
		result.decision = &override->decision;
		if (override->ready_at.us > result.up_at.us)
			result.up_at = override->ready_at;
	}
	return result;
}

/* How long the other director may take to decide as this one did, as a standby or not. */
static uint64_t agree_us(const struct conf_pool *pool, const struct conf_server *server)
{
	size_t n;
	const struct conf_check *members = conf_check_members(conf_check_of(pool, server), &n);
	uint64_t longest = 0;

	for (size_t i = 0; i < n; i++) {
		const struct conf_check *c = &members[i];
		uint64_t interval = larger(larger(c->interval_us, c->standby_interval_us),
			larger(c->fail_interval_us, c->down_interval_us));

		longest = larger(longest, interval * larger(c->fall, c->rise) + c->timeout_us);
	}
	return longest + POOLS_AGREE_US;
}

/* What the peer's word makes of a server whose check failed. */
static void ask_peer(struct pools *p, const struct pools_input *in, size_t view, size_t server,
	struct instant now, struct pool_server *s)
{
	const struct conf_pool *pool = pool_of(in, view);
	struct pool_dissent *dissent = &dissents_of(p, in->targets, view)[server];
	struct peer_verdict peer = {HEALTH_UNKNOWN, INSTANT_NEVER};
	struct pool_view *v = &p->views[view];
	enum two_verdicts both;
	struct instant agreed;

	v->has_down = v->has_down || s->health == HEALTH_DOWN;
	if (s->health == HEALTH_DOWN && in->peer_says)
		peer.state = in->peer_says(in->peer, in->targets, view, server);
	both = two_verdicts_merge(s->health, &peer, now);
	if (both != TWO_VERDICTS_DOWN_HERE) {
		*dissent = (struct pool_dissent){0};
		return;
	}
	if (dissent->since.us == 0)
		*dissent = (struct pool_dissent){
			now, shares_of(p, in->targets, view)[server].reason == POOL_REASON_DOWN};
	agreed = instant_add(dissent->since, agree_us(pool, &pool->servers[server]));
	if (instant_reached(agreed, now))
		v->n_down_here++;
	else
		v->agreed = instant_min(v->agreed, agreed);
	if (two_verdicts_eject(both, pool->opinions == CONF_OPINIONS_BOTH))
		return;
	s->health = HEALTH_UP;
	s->kept = true;
	if (dissent->returned)
		s->up_at = dissent->since;
}

static bool same_share(const struct pool_share *a, const struct pool_share *b)
{
	return a->use == b->use && a->weight == b->weight && a->percent == b->percent;
}

/* Returns whether any share is different for the kernel. */
static bool evaluate(struct pools *p, const struct pools_input *in, size_t view, struct instant now)
{
	size_t n = pool_of(in, view)->n_servers;
	auto_free struct pool_server *servers = calloc(n + 1, sizeof(*servers));
	auto_free struct pool_share *shares = calloc(n + 1, sizeof(*shares));
	struct pool_rule rule = rule_of(pool_of(in, view));
	bool changed = false;

	if (!servers || !shares) { /* as it was, until the next occasion */
		p->views[view].touched = true;
		return false;
	}
	p->views[view].has_down = false;
	p->views[view].n_down_here = 0;
	p->views[view].agreed = INSTANT_NEVER;
	for (size_t i = 0; i < n; i++) {
		servers[i] = server_of(in, view, i);
		ask_peer(p, in, view, i, now, &servers[i]);
	}
	pool_evaluate(&rule, servers, n, now, &p->views[view].state, shares);
	for (size_t i = 0; i < n; i++) {
		struct pool_share *before = &shares_of(p, in->targets, view)[i];

		changed = changed || !same_share(before, &shares[i]);
		*before = shares[i];
	}
	return changed;
}

static void tell_quorum(enum pool_quorum before, enum pool_quorum after, size_t view,
	const struct pools_listener *l)
{
	if (after == before || after == POOL_QUORUM_UNKNOWN)
		return;
	if (after == POOL_QUORUM_LOST)
		l->news(POOL_NEWS_QUORUM_LOST, view, l->userdata);
	else if (before == POOL_QUORUM_LOST)
		l->news(POOL_NEWS_QUORUM_REGAINED, view, l->userdata);
}

static bool evaluate_and_tell(struct pools *p, const struct pools_input *in, size_t view,
	struct instant now, const struct pools_listener *l)
{
	struct pool_state before = p->views[view].state;
	const struct pool_state *after = &p->views[view].state;
	bool changed = evaluate(p, in, view, now);

	if (in->targets->views.items[view].is_fallback)
		return changed;
	tell_quorum(before.quorum, after->quorum, view, l);
	if (after->panic != before.panic)
		l->news(after->panic ? POOL_NEWS_PANIC : POOL_NEWS_PANIC_OVER, view, l->userdata);
	return changed;
}

/* A fallback without a usable server is of no help: the pool goes on with what it has. */
static bool needs_fallback(const struct pools *p, const struct pools_input *in, size_t view)
{
	size_t fallback = in->targets->views.items[view].fallback;

	return fallback != CONF_NONE && p->views[view].state.quorum == POOL_QUORUM_LOST &&
	       pool_serves(shares_of(p, in->targets, fallback), pool_of(in, fallback)->n_servers);
}

/* Returns whether the services see a difference. */
static bool evaluate_fallback(struct pools *p, const struct pools_input *in, size_t view,
	struct instant now, const struct pools_listener *l)
{
	struct pool_view *v = &p->views[view];
	bool before = v->uses_fallback, left = false;

	v->uses_fallback = needs_fallback(p, in, view);
	if (v->uses_fallback && !before)
		l->news(POOL_NEWS_FALLBACK_USED, view, l->userdata);
	if (v->uses_fallback) {
		v->until = (struct instant){0};
	} else if (before) {
		v->until = instant_add(now, POOLS_LEAVING_US);
	} else if (v->until.us != 0 && instant_reached(v->until, now)) {
		v->until = (struct instant){0};
		left = true;
	}
	return left || before != v->uses_fallback;
}

/* Who has this view as fallback looks again. */
static void touch_owners(struct pools *p, const struct views *views, size_t view)
{
	size_t n;
	const size_t *owners = lists_of(&views->owners, view, &n);

	for (size_t i = 0; i < n; i++)
		p->views[owners[i]].touched = true;
}

/* While pools are evaluated. */
struct evaluation {
	const struct pools_input *in;
	struct instant now;
	const struct pools_listener *listener;
	size_t left; /* servers */
};

static void evaluate_view(struct pools *p, struct evaluation *e, size_t view)
{
	size_t n_servers = pool_of(e->in, view)->n_servers;
	bool changed;

	e->left -= n_servers < e->left ? n_servers : e->left;
	p->views[view].touched = false;
	changed = evaluate_and_tell(p, e->in, view, e->now, e->listener);
	changed = evaluate_fallback(p, e->in, view, e->now, e->listener) || changed;
	touch_owners(p, &e->in->targets->views, view);
	if (changed)
		e->listener->changed(view, e->listener->userdata);
}

/* Fallbacks first: their shares decide whether they are of help to those that have them. Returns
 * whether all were evaluated. */
static bool evaluate_round(struct pools *p, struct evaluation *e, bool fallbacks)
{
	const struct views *v = &e->in->targets->views;

	for (size_t i = 0; i < v->n; i++) {
		if (!p->views[i].touched || v->items[i].is_fallback != fallbacks)
			continue;
		if (e->left == 0)
			return false;
		evaluate_view(p, e, i);
	}
	return true;
}

bool pools_evaluate_some(struct pools *p, const struct pools_input *in, struct instant now,
	const struct pools_listener *listener, size_t max)
{
	const struct views *v = &in->targets->views;
	struct evaluation e = {in, now, listener, max};

	touch_due(p, v, now);
	if (!evaluate_round(p, &e, true) || !evaluate_round(p, &e, false))
		return false;
	p->next = INSTANT_NEVER;
	for (size_t i = 0; i < v->n; i++)
		p->next = instant_min(p->next, next_of(&p->views[i]));
	return true;
}

void pools_evaluate(struct pools *p, const struct pools_input *in, struct instant now,
	const struct pools_listener *listener)
{
	(void)pools_evaluate_some(p, in, now, listener, SIZE_MAX);
}

/* What services ask */

struct pool_share pools_share(
	const struct pools *p, const struct targets *t, size_t view, size_t server)
{
	struct pool_share share = shares_of(p, t, view)[server];

	return p->views[view].uses_fallback ? pool_share_without_quorum(share) : share;
}

bool pools_uses_fallback(const struct pools *p, size_t view)
{
	return p->views[view].uses_fallback;
}

bool pools_has_fallback(const struct pools *p, size_t view)
{
	return p->views[view].uses_fallback || p->views[view].until.us != 0;
}

struct pool_share pools_fallback_share(
	const struct pools *p, const struct targets *t, size_t view, size_t server)
{
	size_t fallback = t->views.items[view].fallback;

	return pool_share_of_fallback(
		shares_of(p, t, fallback)[server], p->views[view].uses_fallback);
}
