/* The answer to Status: what the director knows, and what the helpers report when asked. A helper
 * that does not answer in time is left out, and seen in "helpers". */
#include "director/election/moved.h"
#include "director/state.h"

#include "base/cleanup.h"
#include "base/writer.h"
#include "core/two_verdicts.h"
#include "core/virtual_mac.h"
#include "director/table/desired.h"
#include "io/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GATHER_US 500000
#define STEP_US UINT64_C(4000)
/* Services and servers written in one turn of the loop. */
#define ENTRIES_AT_ONCE 512
/* Bytes of a report of one check: its history is some kilobytes. */
#define CHECK_REPORT_MAX ((size_t)64 << 10)

/* Status calls that wait for the helpers' reports. */
struct gather {
	struct control_call *calls[CONTROL_CALLERS_MAX];
	size_t n_calls;
	unsigned seq;
	unsigned waiting; /* bits by helper_index */
	json_t *reports[HELPER_MAX_];
	struct writer checking; /* the checks reported so far */
	size_t n_checks;
	char *checks; /* all of them as text; NULL: nothing was reported */
	sd_event_source *timeout;
	/* Then the kernel's table, and the answer, in steps. */
	sd_event_source *turn;
	struct ipvs *ipvs;
	struct ipvs_dumping *dumping;
	struct ipvs_table have;
	json_t *rest; /* all but services and checks; NULL: nothing is written yet */
	struct writer text;
	void *member;   /* of rest, to be written */
	size_t item;    /* of that */
	int generation; /* of the configuration that the services are of */
	unsigned steps;
};

static json_t *config_to_json(const struct director *d)
{
	return json_pack("{s:s, s:s, s:i, s:O}", "path", d->options->config, "digest",
		d->conf->digest, "generation", d->generation, "error",
		d->rejected ? d->rejected : json_null());
}

static void add_addresses(json_t *o, const struct conf_router *router)
{
	(void)json_object_set_new(
		o, "addresses", moved_addresses(router->addresses, router->n_addresses));
	(void)json_object_set_new(
		o, "excluded_addresses", moved_addresses(router->excluded, router->n_excluded));
	(void)json_object_set_new(
		o, "snat_addresses", moved_prefixes(router->snat, router->n_snat));
	(void)json_object_set_new(o, "routes", moved_routes(router));
	(void)json_object_set_new(o, "rules", moved_rules(router));
	(void)json_object_set_new(o, "snat_interface", json_string(moved_snat_interface(router)));
}

/* How adverts are known to be of whom they say; never with what. */
static json_t *auth_to_json(const struct conf_auth *auth)
{
	switch (auth->type) {
	case CONF_AUTH_LINK:
	case CONF_AUTH_HMAC:
		return json_pack("{s:s, s:s}", "type",
			auth->type == CONF_AUTH_LINK ? "link" : "hmac", "mode",
			roles_auth_mode_name(auth->mode));
	case CONF_AUTH_PASSWORD:
		return json_pack("{s:s}", "type", "password");
	case CONF_AUTH_BY_LINK:
	case CONF_AUTH_NONE:
		break;
	}
	return json_pack("{s:s}", "type", "none");
}

static void add_virtual_mac(json_t *o, const struct conf_router *router)
{
	uint8_t mac[VIRTUAL_MAC_LEN];
	char text[sizeof("00:00:5e:00:01:00")];

	if (!router->virtual_mac)
		return;
	virtual_mac(router->family, router->vrid, mac);
	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	(void)json_object_set_new(o, "virtual_mac", json_string(text));
	(void)json_object_set_new(o, "virtual_mac_device", json_string(router->virtual_mac_device));
}

static json_t *router_to_json(
	const struct director *d, const struct conf_router *router, const json_t *report)
{
	const json_t *said = json_object_get(d->roles.said, router->name);
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:i}", "name", router->name, "interface",
		router->interface, "vrid", (int)router->vrid, "state", "initialize", "priority",
		(int)router->priority[d->conf->self]);
	json_t *item;
	size_t i;

	if (said)
		(void)json_object_update(o, (json_t *)(uintptr_t)said);
	json_array_foreach (json_object_get(report, "routers"), i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));
		if (name && strcmp(name, router->name) == 0)
			(void)json_object_update(o, item);
	}
	add_addresses(o, router);
	add_virtual_mac(o, router);
	(void)json_object_set_new(o, "auth", auth_to_json(&router->auth));
	(void)json_object_set_new(o, "notify", notify_to_json(d, router));
	return o;
}

static json_t *routers_to_json(const struct director *d, const json_t *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < d->conf->n_routers; i++)
		(void)json_array_append_new(array, router_to_json(d, &d->conf->routers[i], report));
	return array;
}

/* The kernel's table, and of it the service under way; NULL: not there, or not ours. */
struct found {
	const struct ipvs_table *table;
	const struct ipvs_service *service;
};

static const struct ipvs_dest *find_dest(const struct found *found, const struct ipvs_dest_key *key)
{
	return found->service ? ipvs_table_find_dest(found->table, found->service, key) : NULL;
}

/* A server of a service: of its own pool, or of the pool's fallback. */
struct member {
	size_t service, view, pool, server;
	struct pool_share share;
};

static struct desired_input desired_input(const struct director *d)
{
	return (struct desired_input){.conf = d->conf,
		.targets = &d->targets,
		.pools = &d->pools,
		.router_active = d->roles.active};
}

/* What this director and the peer say of it. */
static const char *verdicts_of(
	const struct director *d, const struct member *m, enum health_state own)
{
	struct peer_verdict peer = {.state = peer_says(d, &d->targets, m->view, m->server),
		.fresh_until = INSTANT_NEVER};

	return two_verdicts_name(two_verdicts_merge(own, &peer, clock_now()));
}

static void write_member(struct writer *w, const struct director *d, const struct member *m,
	const struct found *found)
{
	const struct desired_input in = desired_input(d);
	const struct conf_service *s = &d->conf->services[m->service];
	const struct conf_server *cs = &d->conf->pools[m->pool].servers[m->server];
	size_t n_checks;
	struct server_health health;
	struct ipvs_dest_key key = {cs->address, server_port(s, cs)};
	const struct ipvs_dest *dest = find_dest(found, &key);
	uint32_t weight = 0;
	char address[ADDR_TEXT_MAX];

	writer_object(w, NULL);
	writer_text(w, "name", cs->name);
	writer_text(w, "address", addr_format(&cs->address, address));
	writer_number(w, "port", key.port);
	writer_number(w, "configured_weight", cs->weight);
	if (desired_place(&in, m->service, m->pool, &m->share, &weight))
		writer_number(w, "effective_weight", weight);
	else
		writer_null(w, "effective_weight");
	if (dest)
		writer_number(w, "weight", dest->weight);
	else
		writer_null(w, "weight");
	writer_text(w, "reason", pool_reason_name(m->share.reason));
	writer_number(w, "percent", m->share.percent);
	(void)targets_of(&d->targets, m->view, m->server, &n_checks);
	health = targets_health(&d->targets, d->conf, m->view, m->server);
	writer_text(w, "state", n_checks ? health_state_name(health.said) : "unchecked");
	if (n_checks)
		writer_text(w, "verdicts", verdicts_of(d, m, health.said));
	else
		writer_null(w, "verdicts");
	writer_bool(w, "programmed", dest != NULL);
	writer_number(w, "active", dest ? dest->active : 0);
	writer_number(w, "inactive", dest ? dest->inactive : 0);
	writer_end_object(w);
}

static void write_own_servers(
	struct writer *w, const struct director *d, size_t service, const struct found *found)
{
	size_t view = d->targets.views.of_service[service];
	struct member m = {
		.service = service, .view = view, .pool = d->conf->services[service].pool};

	writer_array(w, "servers");
	for (; m.server < d->conf->pools[m.pool].n_servers; m.server++) {
		m.share = pools_share(&d->pools, &d->targets, view, m.server);
		write_member(w, d, &m, found);
	}
	writer_end_array(w);
}

/* null: the pool has no fallback. */
static void write_fallback(
	struct writer *w, const struct director *d, size_t service, const struct found *found)
{
	size_t view = d->targets.views.of_service[service];
	size_t fallback = d->targets.views.items[view].fallback;
	struct member m = {.service = service, .view = fallback};

	if (fallback == CONF_NONE) {
		writer_null(w, "fallback");
		return;
	}
	m.pool = d->targets.views.items[fallback].pool;
	writer_object(w, "fallback");
	writer_text(w, "pool", d->conf->pools[m.pool].name);
	writer_bool(w, "used", pools_uses_fallback(&d->pools, view));
	writer_array(w, "servers");
	for (; pools_has_fallback(&d->pools, view) && m.server < d->conf->pools[m.pool].n_servers;
		m.server++) {
		m.share = pools_fallback_share(&d->pools, &d->targets, view, m.server);
		write_member(w, d, &m, found);
	}
	writer_end_array(w);
	writer_end_object(w);
}

static void write_quorum(struct writer *w, const struct director *d, size_t service)
{
	const struct pool_state *state =
		&d->pools.views[d->targets.views.of_service[service]].state;
	const struct conf_pool *pool = &d->conf->pools[d->conf->services[service].pool];

	writer_object(w, "quorum");
	writer_text(w, "state", pool_quorum_name(state->quorum));
	writer_number(w, "usable_weight", (int64_t)state->usable_weight);
	writer_number(w, "quorum", pool->quorum);
	writer_number(w, "hysteresis", pool->hysteresis);
	writer_bool(w, "panic", state->panic);
	writer_number(w, "held_in", (int64_t)state->n_held_in);
	writer_end_object(w);
}

static bool is_known(const struct director *d, const struct override *o)
{
	struct server_place place;

	return drains_find(d, o->pool, o->server, &place);
}

static void add_stamp(json_t *item, const struct override *o)
{
	(void)json_object_set_new(item, "by", json_string(o->stamp.by));
	(void)json_object_set_new(
		item, "decided_unix_us", json_integer((json_int_t)o->stamp.at_unix_us));
	if (*o->lost.by)
		(void)json_object_set_new(item, "conflict",
			json_pack("{s:s, s:s, s:o}", "by", o->lost.by, "decision",
				decision_kind_name(o->lost_decision.kind), "set_weight",
				o->lost_decision.has_weight ? json_integer(o->lost_decision.weight)
							    : json_null()));
}

static json_t *overrides_to_json(const struct director *d)
{
	json_t *array = json_array();

	for (size_t i = 0; i < d->overrides.n; i++) {
		const struct override *o = &d->overrides.items[i];
		json_t *item;

		if (o->decision.kind == DECISION_NONE && !o->decision.has_weight)
			continue;
		item = operators_decision_to_json(&o->decision);
		add_stamp(item, o);
		(void)json_object_set_new(item, "pool", json_string(o->pool));
		(void)json_object_set_new(item, "server", json_string(o->server));
		(void)json_object_set_new(item, "known", json_boolean(is_known(d, o)));
		(void)json_array_append_new(array, item);
	}
	return array;
}

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : protocol == IPPROTO_SCTP ? "sctp" : "tcp";
}

static void write_service(
	struct writer *w, const struct director *d, size_t service, const struct ipvs_table *have)
{
	const struct conf_service *s = &d->conf->services[service];
	struct found found = {have, ipvs_table_find(have, &s->key)};
	char listen[ADDR_TEXT_MAX];

	if (found.service && !record_has(&d->balancer.record, &s->key))
		found.service = NULL;
	writer_object(w, NULL);
	writer_text(w, "name", s->name);
	writer_text(w, "listen", addr_format(&s->key.addr, listen));
	writer_number(w, "port", s->key.port);
	writer_text(w, "protocol", protocol_name(s->key.protocol));
	writer_number(w, "mark", s->key.fwmark);
	writer_text(w, "forward", conf_forward_name(s->forward));
	writer_text(w, "scheduler", s->scheduler);
	writer_text(w, "pool", d->conf->pools[s->pool].name);
	write_quorum(w, d, service);
	write_fallback(w, d, service, &found);
	writer_bool(w, "programmed", found.service != NULL);
	write_own_servers(w, d, service, &found);
	writer_end_object(w);
}

/* How much there is to write of a service. */
static size_t entries_of(const struct director *d, size_t service)
{
	size_t fallback = d->targets.views.items[d->targets.views.of_service[service]].fallback;
	size_t n = 1 + d->conf->pools[d->conf->services[service].pool].n_servers;

	if (fallback != CONF_NONE)
		n += d->conf->pools[d->targets.views.items[fallback].pool].n_servers;
	return n;
}

/* Some more of them, until there are as many entries. True at the end. */
static bool write_services(struct gather *g, const struct director *d, size_t *entries)
{
	size_t n = d->conf->n_services;

	if (g->item == 0)
		writer_array(&g->text, "services");
	for (; g->item < n && *entries < ENTRIES_AT_ONCE; g->item++) {
		if (conf_is_path(&d->conf->services[g->item]))
			continue;
		write_service(&g->text, d, g->item, &g->have);
		*entries += entries_of(d, g->item);
	}
	if (g->item < n)
		return false;
	writer_end_array(&g->text);
	return true;
}

static json_t *sync_to_json(struct director *d, const json_t *report)
{
	bool master = false, backup = false;
	json_t *o;

	if (d->ipvs_available && d->conf->link.enabled)
		(void)balancer_sync_state(&d->balancer, &master, &backup);
	o = json_pack("{s:s, s:o, s:b, s:b}", "mode", link_mode_name(d->conf), "interface",
		d->conf->link.enabled ? json_string(link_sync_interface(d->conf)) : json_null(),
		"master", master, "backup", backup);
	if (report)
		(void)json_object_update(o, (json_t *)(uintptr_t)report);
	(void)json_object_del(o, "seq");
	return o;
}

static json_t *helpers_to_json(const struct director *d)
{
	json_t *array = json_array();

	for (enum helper_index i = 0; i < HELPER_MAX_; i++) {
		const struct process *p = &d->helpers[i];
		(void)json_array_append_new(array,
			json_pack("{s:s, s:i, s:s, s:i, s:s?}", "name", p->kind->name, "pid",
				(int)p->pid, "state", supervise_state_name(p->supervise.state),
				"restarts", (int)p->supervise.restarts, "death",
				*p->death ? p->death : NULL));
	}
	return array;
}

/* All but the services and the checks, which are null there. */
static json_t *rest_to_json(struct director *d, json_t *const reports[HELPER_MAX_])
{
	json_t *status;

	status = json_pack(
		"{s:s, s:s, s:i, s:I, s:o, s:o, s:o, s:n, s:o, s:n, s:o, s:o, s:{s:b, s:I, s:I, "
		"s:I, s:I, s:I, s:I, s:I, s:I, s:o}, s:o}",
		"node", d->conf->nodes[d->conf->self].name, "version", TANDEM_VERSION, "pid",
		(int)getpid(), "started_us", (json_int_t)d->started.us, "maintenance",
		maintenance_to_json(d), "config", config_to_json(d), "routers",
		routers_to_json(d, reports[HELPER_ELECTOR]), "services", "overrides",
		overrides_to_json(d), "checks", "sync", sync_to_json(d, reports[HELPER_LINK]),
		"helpers", helpers_to_json(d), "ipvs", "available", d->ipvs_available,
		"operations_last", (json_int_t)d->operations_last, "last_us",
		(json_int_t)d->apply_last_us, "busy_us", (json_int_t)d->apply_busy_us,
		"longest_step_us", (json_int_t)d->apply_longest_us, "ended_us",
		(json_int_t)d->applied_at.us, "troubles", (json_int_t)d->services.n_troubles,
		"operations_total", (json_int_t)d->operations_total, "drift_total",
		(json_int_t)d->drift_total, "errors", apply_errors(d), "forwarding",
		forwarding_to_json(d));
	(void)json_object_set_new(status, "loop",
		json_pack("{s:I, s:i, s:i}", "longest_us", (json_int_t)d->loop_longest_us,
			"status_turns", (int)d->status_steps, "reload_turns",
			(int)d->reload_steps));
	(void)json_object_set_new(status, "trackers", track_to_json(d));
	(void)json_object_set_new(status, "peer", peer_to_json(d));
	return status;
}

static void write_value(struct gather *g, const char *key, const json_t *value)
{
	auto_free char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	writer_raw(&g->text, key, text ? text : "null");
}

/* The member under way, or some of it. True when it is complete. */
static bool write_part(struct gather *g, const struct director *d, size_t *entries)
{
	const char *key = json_object_iter_key(g->member);

	if (strcmp(key, "services") == 0)
		return write_services(g, d, entries);
	if (strcmp(key, "checks") == 0)
		writer_raw(&g->text, key, g->checks ? g->checks : "null");
	else
		write_value(g, key, json_object_iter_value(g->member));
	++*entries;
	return true;
}

static void begin_text(struct director *d, struct gather *g)
{
	writer_done(&g->text);
	json_decref(g->rest);
	g->rest = rest_to_json(d, g->reports);
	g->member = json_object_iter(g->rest);
	g->item = 0;
	g->generation = d->generation;
	writer_object(&g->text, NULL);
	writer_object(&g->text, "parameters");
}

/* What are many are written without a tree of values; what was written of another configuration
 * counts for nothing. True at the end. */
static bool text_step(struct director *d, struct gather *g)
{
	size_t entries = 0;

	g->steps++;
	if (!g->rest || g->generation != d->generation)
		begin_text(d, g);
	while (g->member && entries < ENTRIES_AT_ONCE) {
		if (!write_part(g, d, &entries))
			return false;
		g->member = json_object_iter_next(g->rest, g->member);
		g->item = 0;
	}
	if (g->member)
		return false;
	writer_end_object(&g->text);
	writer_end_object(&g->text);
	return true;
}

static void stop_dump(struct gather *g)
{
	ipvs_dumping_free(g->dumping);
	g->dumping = NULL;
	ipvs_close(g->ipvs);
	g->ipvs = NULL;
}

static void gather_free(struct gather *g)
{
	for (enum helper_index i = 0; i < HELPER_MAX_; i++)
		json_decref(g->reports[i]);
	sd_event_source_disable_unref(g->timeout);
	sd_event_source_disable_unref(g->turn);
	stop_dump(g);
	ipvs_table_done(&g->have);
	json_decref(g->rest);
	writer_done(&g->text);
	writer_done(&g->checking);
	free(g->checks);
	free(g);
}

static void begin(struct director *d);

/* Everybody who waits gets the same answer: what many ask at once is told once. */
static void answer(struct director *d)
{
	struct gather *g = d->gather;
	auto_free char *status = writer_take(&g->text);

	d->gather = NULL;
	d->status_steps = g->steps;
	for (size_t i = 0; i < g->n_calls; i++)
		if (status)
			control_reply_text(g->calls[i], status);
		else
			control_error(g->calls[i], "OutOfMemory", NULL);
	gather_free(g);
	if (d->gather_next)
		begin(d);
}

static void dump_step(struct gather *g)
{
	int r = ipvs_dumping_step(g->dumping, instant_add(clock_now(), STEP_US));

	if (r == 0)
		return;
	if (r > 0)
		g->have = ipvs_dumping_take(g->dumping);
	stop_dump(g);
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;
	struct gather *g = d->gather;

	(void)source;
	if (g->dumping)
		dump_step(g);
	else if (text_step(d, g))
		answer(d);
	return 0;
}

/* The helpers have spoken, or had the time to. Without IPVS there is no table. */
static void finish(struct director *d)
{
	struct gather *g = d->gather;

	g->waiting = 0;
	(void)sd_event_source_set_enabled(g->timeout, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(g->turn, SD_EVENT_ON);
	if (d->ipvs_available && ipvs_open(&g->ipvs) >= 0 &&
		ipvs_dumping_new(g->ipvs, &g->dumping) < 0)
		stop_dump(g);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	finish(userdata);
	return 0;
}

/* Ask the helpers for the callers that came while others were served. */
static void begin(struct director *d)
{
	struct gather *g = d->gather = d->gather_next;

	d->gather_next = NULL;
	g->seq = ++d->status_seq;
	(void)sd_event_source_set_time(g->timeout, instant_add(clock_now(), GATHER_US).us);
	(void)sd_event_source_set_enabled(g->timeout, SD_EVENT_ONESHOT);
	for (enum helper_index i = 0; i < HELPER_MAX_; i++) {
		if (!process_is_running(&d->helpers[i]))
			continue;
		g->waiting |= 1U << i;
		process_call(&d->helpers[i], "Report", json_pack("{s:i}", "seq", (int)g->seq));
	}
	if (g->waiting == 0) /* from the loop, so that many callers still share it */
		(void)sd_event_source_set_time(g->timeout, 0);
}

static struct gather *gather_new(struct director *d)
{
	struct gather *g = calloc(1, sizeof(*g));

	if (!g ||
		sd_event_add_time(d->loop, &g->timeout, CLOCK_BOOTTIME, UINT64_MAX, 1000,
			on_timeout, d) < 0 ||
		sd_event_source_set_enabled(g->timeout, SD_EVENT_OFF) < 0 ||
		sd_event_add_defer(d->loop, &g->turn, on_turn, d) < 0 ||
		sd_event_source_set_priority(g->turn, SD_EVENT_PRIORITY_IDLE) < 0 ||
		sd_event_source_set_enabled(g->turn, SD_EVENT_OFF) < 0) {
		if (g)
			gather_free(g);
		return NULL;
	}
	return g;
}

void status_request(struct director *d, struct control_call *call)
{
	if (!d->gather_next)
		d->gather_next = gather_new(d);
	if (!d->gather_next || d->gather_next->n_calls == CONTROL_CALLERS_MAX) {
		control_error(call, "OutOfMemory", NULL);
		return;
	}
	d->gather_next->calls[d->gather_next->n_calls++] = call;
	if (!d->gather)
		begin(d);
}

/* A report of many checks comes in parts; each is turned to text when it comes. There is no more to
 * say than of every target. */
static void take_checks(struct gather *g, size_t n_targets, const json_t *targets)
{
	const json_t *item;
	size_t i;

	if (g->checking.len == 0)
		writer_array(&g->checking, NULL);
	json_array_foreach (targets, i, item) {
		auto_free char *text = NULL;

		if (g->n_checks == n_targets)
			return;
		text = json_is_object(item) ? json_dumps(item, JSON_COMPACT) : NULL;
		if (!text || strlen(text) > CHECK_REPORT_MAX)
			continue;
		writer_raw(&g->checking, NULL, text);
		g->n_checks++;
	}
}

void status_report(struct director *d, enum helper_index from, const json_t *report)
{
	struct gather *g = d->gather;

	if (!g || json_integer_value(json_object_get(report, "seq")) != (json_int_t)g->seq ||
		!(g->waiting & 1U << from))
		return;
	if (from == HELPER_CHECKER)
		take_checks(g, d->targets.n, json_object_get(report, "targets"));
	if (json_is_true(json_object_get(report, "more")))
		return;
	if (from == HELPER_CHECKER) {
		writer_end_array(&g->checking);
		g->checks = writer_take(&g->checking);
	}
	g->reports[from] = json_incref((json_t *)(uintptr_t)report);
	g->waiting &= ~(1U << from);
	if (g->waiting == 0)
		finish(d);
}

static void drop(struct gather *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_calls; i++)
		control_error(g->calls[i], "Stopping", NULL);
	gather_free(g);
}

void status_done(struct director *d)
{
	drop(d->gather);
	drop(d->gather_next);
	d->gather = d->gather_next = NULL;
}
