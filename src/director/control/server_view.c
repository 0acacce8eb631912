/* All that is known of one server: Server with "history". The director knows what is believed and
 * what follows from it, the checker why; who asks waits for the checker, and not for long. */
#include "director/state.h"

#include "director/table/desired.h"
#include "io/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US 500000

/* Somebody waits for the checker's part. */
struct server_ask {
	struct director *d;
	struct server_ask *next;
	struct control_call *call;
	json_t *view;
	unsigned seq;
	sd_event_source *timeout;
};

/* --- What the director knows --- */

static const char *address_text(const struct conf_service *s, char buf[static ADDR_TEXT_MAX])
{
	return s->key.fwmark ? "" : addr_format(&s->key.addr, buf);
}

static json_t *use_to_json(
	const struct director *d, size_t service, size_t pool, const struct pool_share *share)
{
	const struct desired_input in = apply_input(d);
	const struct conf_service *s = &d->conf->services[service];
	char address[ADDR_TEXT_MAX];
	uint32_t weight = 0;
	bool placed = desired_place(&in, service, pool, share, &weight);

	return json_pack("{s:s, s:s, s:i, s:i, s:s, s:i, s:o}", "service", s->name, "listen",
		address_text(s, address), "port", (int)s->key.port, "mark", (int)s->key.fwmark,
		"reason", pool_reason_name(share->reason), "percent", (int)share->percent,
		"effective_weight", placed ? json_integer(weight) : json_null());
}

/* Every service that has the server, as its own or as its fallback's. */
static json_t *uses_to_json(const struct director *d, const struct server_place *place)
{
	json_t *array = json_array();

	for (size_t i = 0; i < d->conf->n_services; i++) {
		size_t view = d->targets.views.of_service[i];
		size_t fallback = d->targets.views.items[view].fallback;
		struct pool_share share;

		if (conf_is_path(&d->conf->services[i]))
			continue;
		if (d->conf->services[i].pool == place->pool)
			share = pools_share(&d->pools, &d->targets, view, place->server);
		else if (fallback != CONF_NONE && pools_has_fallback(&d->pools, view) &&
			 d->targets.views.items[fallback].pool == place->pool)
			share = pools_fallback_share(&d->pools, &d->targets, view, place->server);
		else
			continue;
		(void)json_array_append_new(array, use_to_json(d, i, place->pool, &share));
	}
	return array;
}

static bool is_listed(const json_t *checks, const char *id)
{
	json_t *check;
	size_t i;

	json_array_foreach (checks, i, check)
		if (strcmp(json_string_value(json_object_get(check, "id")), id) == 0)
			return true;
	return false;
}

static void add_checks(
	const struct director *d, size_t view, const struct server_place *place, json_t *checks)
{
	size_t n;
	const size_t *targets = targets_of(&d->targets, view, place->server, &n);

	for (size_t i = 0; i < n; i++) {
		const struct target *t = &d->targets.items[targets[i]];

		if (!is_listed(checks, t->id))
			(void)json_array_append_new(checks,
				json_pack("{s:s, s:s, s:s}", "id", t->id, "type",
					targets_type_name(t), "verdict", verdict_name(t->verdict)));
	}
}

/* Services on other ports may have checks of their own. */
static json_t *checks_to_json(const struct director *d, const struct server_place *place)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < d->targets.views.n; i++)
		if (d->targets.views.items[i].pool == place->pool)
			add_checks(d, i, place, checks);
	return checks;
}

static const char *combination_of(const struct conf_check *check)
{
	return !check ? "none" : check->n_all ? "all" : check->n_any ? "any" : "one";
}

/* Whose word is followed. */
static const char *decider(const struct director *d, const struct server_place *place,
	const json_t *view, size_t n_checks)
{
	const char *decision = json_string_value(json_object_get(view, "decision"));

	if (decision && strcmp(decision, "none") != 0)
		return "operator";
	for (size_t i = 0; i < d->targets.views.n; i++) {
		const struct view *v = &d->targets.views.items[i];
		enum pool_reason reason = d->pools.shares[v->first + place->server].reason;

		if (v->pool == place->pool &&
			(reason == POOL_REASON_PANIC || reason == POOL_REASON_HELD_IN ||
				reason == POOL_REASON_DOWN_HERE))
			return pool_reason_name(reason);
	}
	return n_checks ? "checks" : "nobody";
}

/* In the view in which it is worst. */
static enum health_state state_of(const struct director *d, const struct server_place *place)
{
	enum health_state worst = HEALTH_UP;

	for (size_t i = 0; i < d->targets.views.n; i++) {
		enum health_state state;

		if (d->targets.views.items[i].pool != place->pool)
			continue;
		state = targets_health(&d->targets, d->conf, i, place->server).state;
		if (state == HEALTH_DOWN || (state == HEALTH_UNKNOWN && worst == HEALTH_UP))
			worst = state;
	}
	return worst;
}

static void add_own_part(const struct director *d, const struct server_place *place, json_t *view)
{
	const struct conf_pool *pool = &d->conf->pools[place->pool];
	const struct conf_server *server = &pool->servers[place->server];
	json_t *checks = checks_to_json(d, place);
	char address[ADDR_TEXT_MAX];

	(void)json_object_set_new(
		view, "address", json_string(addr_format(&server->address, address)));
	(void)json_object_set_new(view, "port", json_integer(server->port));
	(void)json_object_set_new(view, "configured_weight", json_integer(server->weight));
	(void)json_object_set_new(
		view, "state", json_string(health_state_name(state_of(d, place))));
	(void)json_object_set_new(
		view, "decided_by", json_string(decider(d, place, view, json_array_size(checks))));
	(void)json_object_set_new(
		view, "combined", json_string(combination_of(conf_check_of(pool, server))));
	(void)json_object_set_new(view, "services", uses_to_json(d, place));
	(void)json_object_set_new(view, "checks", checks);
}

/* --- What the checker knows --- */

static void ask_free(struct server_ask *ask)
{
	struct server_ask **link = &ask->d->server_asks;

	while (*link != ask)
		link = &(*link)->next;
	*link = ask->next;
	sd_event_source_disable_unref(ask->timeout);
	json_decref(ask->view);
	free(ask);
}

static void answer(struct server_ask *ask)
{
	control_reply(ask->call, json_incref(ask->view));
	ask_free(ask);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	answer(userdata);
	return 0;
}

static void add_report(const json_t *checks, const json_t *report)
{
	const char *id = json_string_value(json_object_get(report, "id"));
	json_t *check;
	size_t i;

	json_array_foreach (checks, i, check)
		if (id && strcmp(json_string_value(json_object_get(check, "id")), id) == 0)
			(void)json_object_update(check, (json_t *)(uintptr_t)report);
}

void server_view_targets(struct director *d, const json_t *parameters)
{
	json_int_t seq = json_integer_value(json_object_get(parameters, "seq"));
	struct server_ask *ask = d->server_asks;
	json_t *report;
	size_t i;

	while (ask && (json_int_t)ask->seq != seq)
		ask = ask->next;
	if (!ask)
		return;
	json_array_foreach (json_object_get(parameters, "targets"), i, report)
		add_report(json_object_get(ask->view, "checks"), report);
	answer(ask);
}

static json_t *ids_of(const json_t *checks)
{
	json_t *ids = json_array(), *check;
	size_t i;

	json_array_foreach (checks, i, check)
		(void)json_array_append(ids, json_object_get(check, "id"));
	return ids;
}

/* Takes the view. */
static int ask_checker(struct director *d, struct control_call *call, json_t *view)
{
	struct server_ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return -ENOMEM;
	*ask = (struct server_ask){
		.d = d, .call = call, .view = view, .seq = ++d->status_seq, .next = d->server_asks};
	d->server_asks = ask;
	if (sd_event_add_time_relative(
		    d->loop, &ask->timeout, CLOCK_BOOTTIME, WAIT_US, 1000, on_timeout, ask) < 0) {
		(void)json_incref(view);
		ask_free(ask);
		return -ENOMEM;
	}
	process_call(&d->helpers[HELPER_CHECKER], "Targets",
		json_pack("{s:i, s:o}", "seq", (int)ask->seq, "ids",
			ids_of(json_object_get(view, "checks"))));
	return 0;
}

void server_view_request(struct director *d, struct control_call *call,
	const struct server_place *place, json_t *view)
{
	add_own_part(d, place, view);
	if (json_array_size(json_object_get(view, "checks")) == 0 ||
		!process_is_running(&d->helpers[HELPER_CHECKER]) || ask_checker(d, call, view) < 0)
		control_reply(call, view);
}

void server_view_done(struct director *d)
{
	while (d->server_asks) {
		control_error(d->server_asks->call, "Stopping", NULL);
		ask_free(d->server_asks);
	}
}
