/* What operators ask for one server: Drain, Ready, Weight, Fail, and Server, which tells how it is.
 * A decision is written down before it counts. */
#include "director/state.h"

#include "conf/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WEIGHT_MAX 65535

/* The server that a call is about. */
struct subject {
	const char *pool, *server;
	bool known; /* the configuration names it */
	struct server_place place;
	struct override before; /* borrowed; no decision when there is none */
};

static void refuse_parameter(struct control_call *call, const char *name)
{
	control_error(call, "InvalidParameter", json_pack("{s:s}", "parameter", name));
}

static const struct conf_pool *find_pool(const struct director *d, const char *name)
{
	for (size_t i = 0; i < d->conf->n_pools; i++)
		if (strcmp(d->conf->pools[i].name, name) == 0)
			return &d->conf->pools[i];
	return NULL;
}

static void refuse_pool(struct director *d, struct control_call *call, const char *name)
{
	struct suggest s = suggest_begin(name);

	for (size_t i = 0; i < d->conf->n_pools; i++)
		suggest_offer(&s, d->conf->pools[i].name);
	control_error(call, "NoSuchPool",
		json_pack("{s:s, s:s?}", "name", name, "nearest", suggest_result(&s)));
}

static void refuse_server(struct control_call *call, const struct conf_pool *pool, const char *name)
{
	struct suggest s = suggest_begin(name);

	for (size_t i = 0; i < pool->n_servers; i++)
		suggest_offer(&s, pool->servers[i].name);
	control_error(call, "NoSuchServer",
		json_pack("{s:s, s:s, s:s?}", "name", name, "pool", pool->name, "nearest",
			suggest_result(&s)));
}

void operators_refuse_router(struct director *d, struct control_call *call, const char *name)
{
	struct suggest s = suggest_begin(name);

	for (size_t i = 0; i < d->conf->n_routers; i++)
		suggest_offer(&s, d->conf->routers[i].name);
	control_error(call, "NoSuchRouter",
		json_pack("{s:s, s:s?}", "name", name, "nearest", suggest_result(&s)));
}

/* False, with the call answered, when there is no such server. */
static bool find_subject(struct director *d, struct control_call *call, const json_t *parameters,
	bool may_be_unknown, struct subject *ret)
{
	struct subject s = {.pool = json_string_value(json_object_get(parameters, "pool")),
		.server = json_string_value(json_object_get(parameters, "server"))};
	const struct override *before;

	if (!s.pool || !s.server) {
		refuse_parameter(call, s.pool ? "server" : "pool");
		return false;
	}
	before = overrides_find(&d->overrides, s.pool, s.server);
	if (before)
		s.before = *before;
	s.known = drains_find(d, s.pool, s.server, &s.place);
	if (!s.known && !(may_be_unknown && before)) {
		const struct conf_pool *pool = find_pool(d, s.pool);

		if (pool)
			refuse_server(call, pool, s.server);
		else
			refuse_pool(d, call, s.pool);
		return false;
	}
	*ret = s;
	return true;
}

/* How many other servers of the pool get connections now, in the view that has fewest; SIZE_MAX
 * when no service uses the pool. */
static size_t others_in_use(const struct director *d, const struct server_place *place)
{
	const struct views *v = &d->targets.views;
	size_t fewest = SIZE_MAX;

	for (size_t i = 0; i < v->n; i++) {
		size_t n = 0;

		if (v->items[i].pool != place->pool)
			continue;
		for (size_t j = 0; j < d->conf->pools[place->pool].n_servers; j++)
			n += j != place->server &&
			     d->pools.shares[v->items[i].first + j].use == POOL_USE_SERVE;
		fewest = n < fewest ? n : fewest;
	}
	return fewest;
}

json_t *operators_decision_to_json(const struct decision *decision)
{
	bool drain = decision->kind == DECISION_DRAIN;
	bool bounded = drain && !instant_is_never(decision->drain.deadline);

	return json_pack("{s:s, s:o, s:s?, s:o, s:o}", "decision",
		decision_kind_name(decision->kind), "set_weight",
		decision->has_weight ? json_integer(decision->weight) : json_null(), "drain",
		drain ? drain_state_name(decision->drain.state) : NULL, "requested_us",
		drain ? json_integer((json_int_t)decision->drain.requested_at.us) : json_null(),
		"deadline_us",
		bounded ? json_integer((json_int_t)decision->drain.deadline.us) : json_null());
}

/* Of a drain, the peer's connections are known, too. */
static void add_theirs(const struct director *d, const struct override *drain, json_t *o)
{
	const struct drain_count *theirs = &drain->counts_there;

	if (d->peer.alive && d->peer.stream && theirs->known)
		(void)json_object_set_new(o, "peer",
			json_pack("{s:s, s:I, s:I}", "name", peer_name(d), "active",
				(json_int_t)theirs->active, "inactive",
				(json_int_t)theirs->inactive));
}

static json_t *server_to_json(struct director *d, const struct subject *s)
{
	const struct override *now = overrides_find(&d->overrides, s->pool, s->server);
	static const struct decision none;
	json_t *o = operators_decision_to_json(now ? &now->decision : &none);
	struct drain_count count;
	size_t others;

	(void)json_object_set_new(o, "pool", json_string(s->pool));
	(void)json_object_set_new(o, "server", json_string(s->server));
	(void)json_object_set_new(o, "known", json_boolean(s->known));
	if (!s->known)
		return o;
	count = drains_count(d, &s->place);
	(void)json_object_set_new(
		o, "active", count.known ? json_integer((json_int_t)count.active) : json_null());
	(void)json_object_set_new(o, "inactive",
		count.known ? json_integer((json_int_t)count.inactive) : json_null());
	if (now && now->decision.kind == DECISION_DRAIN)
		add_theirs(d, now, o);
	others = others_in_use(d, &s->place);
	(void)json_object_set_new(
		o, "others", others == SIZE_MAX ? json_null() : json_integer((json_int_t)others));
	return o;
}

/* Write it down, make it so, tell and answer. */
static void decide(struct director *d, struct control_call *call, const struct subject *s,
	const struct decision *decision, struct instant ready_at, enum event event,
	const char *what)
{
	int r = overrides_set(&d->overrides, s->pool, s->server, decision, ready_at,
		d->conf->nodes[d->conf->self].name, drains_now());

	if (r < 0) {
		control_error(call, "NotRecorded",
			json_pack("{s:s, s:s}", "path", d->overrides.path, "reason", strerror(-r)));
		return;
	}
	drains_tell(d, event, s->pool, s->server, what);
	shares_touch_server(d, s->pool, s->server);
	shares_settle(d);
	apply_pending_now(d);
	drains_schedule(d, 0);
	peer_touch(d);
	control_reply(call, server_to_json(d, s));
}

void operators_server(struct director *d, struct control_call *call, const json_t *parameters)
{
	struct subject s;

	if (!find_subject(d, call, parameters, true, &s))
		return;
	if (s.known && json_is_true(json_object_get(parameters, "history")))
		server_view_request(d, call, &s.place, server_to_json(d, &s));
	else
		control_reply(call, server_to_json(d, &s));
}

static bool is_over(const struct decision *d)
{
	return d->kind == DECISION_DRAIN && drain_is_over(&d->drain);
}

void operators_drain(struct director *d, struct control_call *call, const json_t *parameters)
{
	const json_t *deadline = json_object_get(parameters, "deadline_us");
	struct instant now = drains_now().now;
	struct decision decision;
	struct subject s;

	if (!find_subject(d, call, parameters, false, &s))
		return;
	if (deadline && (!json_is_integer(deadline) || json_integer_value(deadline) < 0)) {
		refuse_parameter(call, "deadline_us");
		return;
	}
	if (is_over(&s.before.decision)) { /* asked again: it is as it should be */
		control_reply(call, server_to_json(d, &s));
		return;
	}
	decision = s.before.decision;
	if (decision.kind != DECISION_DRAIN)
		decision.drain = (struct drain){.requested_at = now};
	decision.kind = DECISION_DRAIN;
	decision.drain.deadline =
		deadline ? instant_add(now, (uint64_t)json_integer_value(deadline)) : INSTANT_NEVER;
	decide(d, call, &s, &decision, s.before.ready_at, EVENT_DRAIN_STARTED,
		deadline ? "is drained by an operator, with a deadline"
			 : "is drained by an operator");
}

void operators_ready(struct director *d, struct control_call *call, const json_t *parameters)
{
	static const struct decision none;
	struct instant ready_at = {0};
	struct subject s;

	if (!find_subject(d, call, parameters, true, &s))
		return;
	/* Without connections for a while it is cold, and starts slowly. */
	if (s.before.decision.kind == DECISION_FAIL || is_over(&s.before.decision))
		ready_at = drains_now().now;
	decide(d, call, &s, &none, ready_at, EVENT_OVERRIDE,
		"is what configuration and checks say again");
}

void operators_weight(struct director *d, struct control_call *call, const json_t *parameters)
{
	const json_t *weight = json_object_get(parameters, "weight");
	struct decision decision;
	struct subject s;
	char what[80];

	if (!find_subject(d, call, parameters, false, &s))
		return;
	if (!json_is_integer(weight) || json_integer_value(weight) < 0 ||
		json_integer_value(weight) > WEIGHT_MAX) {
		refuse_parameter(call, "weight");
		return;
	}
	decision = s.before.decision;
	decision.has_weight = true;
	decision.weight = (uint32_t)json_integer_value(weight);
	(void)snprintf(what, sizeof(what), "has weight %u by an operator", decision.weight);
	decide(d, call, &s, &decision, s.before.ready_at, EVENT_OVERRIDE, what);
}

void operators_fail(struct director *d, struct control_call *call, const json_t *parameters)
{
	struct decision decision;
	struct subject s;

	if (!find_subject(d, call, parameters, false, &s))
		return;
	decision = s.before.decision;
	decision.kind = DECISION_FAIL;
	decide(d, call, &s, &decision, s.before.ready_at, EVENT_OVERRIDE,
		"is taken as down by an operator");
}
