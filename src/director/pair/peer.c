/* The other director, as tandem-link hears of it: what it is told, what it says, and what follows
 * from that for readiness here and for switchovers. Its state comes whole and as often as it
 * changes; so does ours, at most once in a turn of the loop. */
#include "director/state.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "io/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who has heard nobody for so long is alone. */
#define GRACE_US UINT64_C(3000000)
/* In a switchover both are Active for a moment. */
#define SPLIT_US UINT64_C(3000000)
#define DOWN_TOLD_MAX 1000u /* targets, in a state */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

bool peer_is_wanted(const struct director *d)
{
	return link_is_tandem(d->conf) && d->conf->n_nodes == 2;
}

size_t peer_index(const struct conf *conf)
{
	return conf->self == 0 ? 1 : 0;
}

const char *peer_name(const struct director *d)
{
	return d->conf->nodes[peer_index(d->conf)].name;
}

/* What the peer is told */

static json_t *router_to_json(const struct director *d, const struct conf_router *router)
{
	const json_t *said = json_object_get(d->roles.said, router->name);
	const char *state = text_of(said, "state"), *score = text_of(said, "score");
	const json_t *priority = json_object_get(said, "priority");

	return json_pack("{s:s, s:I, s:s?, s:b}", "state", state ? state : "initialize", "priority",
		priority ? json_integer_value(priority)
			 : (json_int_t)router->priority[d->conf->self],
		"score", score, "cut_off", track_cut_off(d, router));
}

static json_t *routers_to_json(const struct director *d)
{
	json_t *routers = json_object();

	for (size_t i = 0; i < d->conf->n_routers; i++)
		(void)json_object_set_new(
			routers, d->conf->routers[i].name, router_to_json(d, &d->conf->routers[i]));
	return routers;
}

/* The targets that are down, by their ids, which are the same on both; null: too many to tell. */
static json_t *down_to_json(const struct director *d)
{
	json_t *down = json_object();

	for (size_t i = 0; i < d->targets.n; i++)
		if (d->targets.items[i].verdict == VERDICT_DOWN)
			(void)json_object_set_new(down, d->targets.items[i].id, json_true());
	if (json_object_size(down) <= DOWN_TOLD_MAX)
		return down;
	json_decref(down);
	return json_null();
}

static json_t *health_to_json(const struct director *d)
{
	json_int_t up = 0, down = 0, unknown = 0;

	for (size_t i = 0; i < d->targets.n; i++) {
		enum verdict verdict = d->targets.items[i].verdict;

		up += verdict == VERDICT_UP;
		down += verdict == VERDICT_DOWN;
		unknown += verdict == VERDICT_UNKNOWN;
	}
	return json_pack("{s:I, s:I, s:I, s:o}", "up", up, "down", down, "unknown", unknown,
		"down_targets", down_to_json(d));
}

/* Whether what only this host does is done. */
static enum peer_trouble own_trouble(const struct director *d)
{
	if (d->ipvs_missing)
		return PEER_NO_IPVS;
	if (!d->applied)
		return PEER_TABLE_PENDING;
	if (!targets_all_checked(&d->targets))
		return PEER_CHECKS_PENDING;
	return peer_trouble_here(d);
}

static json_t *state_to_json(const struct director *d)
{
	enum peer_trouble trouble = own_trouble(d);
	json_t *state = json_pack("{s:s, s:o, s:b, s:s, s:{s:s, s:i}, s:o, s:o, s:o}", "version",
		TANDEM_VERSION, "routers", routers_to_json(d), "ready", trouble == PEER_FINE,
		"trouble", peer_trouble_name(trouble), "config", "digest", d->conf->meaning,
		"generation", d->generation, "health", health_to_json(d), "maintenance",
		maintenance_to_json(d), "decisions",
		overrides_for_peer(&d->overrides, drains_now()));

	compare_to_json(d, state);
	push_to_json(d, state);
	conntrack_sync_to_state(d, state);
	return state;
}

/* The same is not said twice. */
static void tell(struct director *d)
{
	json_t *state = state_to_json(d);
	auto_free char *text = json_dumps(state, JSON_COMPACT | JSON_SORT_KEYS);

	if (text && (!d->peer.told || strcmp(text, d->peer.told) != 0)) {
		process_call(&d->helpers[HELPER_LINK], "State", json_pack("{s:O}", "state", state));
		free(d->peer.told);
		d->peer.told = take_ptr(text);
	}
	json_decref(state);
}

static int on_defer(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	if (d->conf && peer_is_wanted(d) && !d->stopping)
		tell(d);
	return 0;
}

void peer_touch(struct director *d)
{
	if (d->peer.defer)
		(void)sd_event_source_set_enabled(d->peer.defer, SD_EVENT_ONESHOT);
}

/* Readiness */

const char *peer_trouble_name(enum peer_trouble trouble)
{
	static const char *const names[PEER_TROUBLE_MAX_] = {
		[PEER_FINE] = "none",
		[PEER_TABLE_PENDING] = "table-pending",
		[PEER_NO_IPVS] = "no-ipvs",
		[PEER_CHECKS_PENDING] = "checks-pending",
		[PEER_NOT_HEARD] = "not-heard",
		[PEER_NO_STREAM] = "no-stream",
		[PEER_CONFIG_DIFFERS] = "config-differs",
		[PEER_RESYNC_RUNNING] = "resync-running",
		[PEER_RESYNC_FAILED] = "resync-failed",
		[PEER_COVERAGE_LOW] = "coverage-low",
		[PEER_IN_MAINTENANCE] = "maintenance",
	};

	return trouble < PEER_TROUBLE_MAX_ ? names[trouble] : "unknown";
}

static enum peer_trouble trouble_by_name(const char *name)
{
	for (enum peer_trouble i = 0; name && i < PEER_TROUBLE_MAX_; i++)
		if (strcmp(peer_trouble_name(i), name) == 0)
			return i;
	return PEER_TABLE_PENDING;
}

/* One that was heard may be heard again at any moment; after a while it is gone. */
static bool is_in_grace(const struct peer *p)
{
	return !instant_reached(instant_add(p->since, GRACE_US), clock_now());
}

static enum peer_trouble trouble_of_resync(const struct peer *p)
{
	switch (p->resync) {
	case PEER_RESYNC_STATE_NONE:
	case PEER_RESYNC_STATE_RUNNING:
		return PEER_RESYNC_RUNNING;
	case PEER_RESYNC_STATE_FAILED:
		return PEER_RESYNC_FAILED;
	case PEER_RESYNC_STATE_DONE:
		break;
	}
	return p->coverage_low ? PEER_COVERAGE_LOW : PEER_FINE;
}

enum peer_trouble peer_trouble_here(const struct director *d)
{
	const struct peer *p = &d->peer;

	if (!peer_is_wanted(d))
		return PEER_FINE;
	if (!p->alive && !p->stream)
		return is_in_grace(p) ? PEER_NOT_HEARD : PEER_FINE;
	if (!p->stream || !p->state)
		return PEER_NO_STREAM;
	if (p->differs)
		return PEER_CONFIG_DIFFERS;
	return trouble_of_resync(p);
}

enum peer_trouble peer_trouble_there(const struct director *d)
{
	const struct peer *p = &d->peer;
	const char *maintenance = text_of(json_object_get(p->state, "maintenance"), "mode");

	if (!peer_is_wanted(d))
		return PEER_FINE;
	if (!p->alive)
		return PEER_NOT_HEARD;
	if (!p->stream || !p->state)
		return PEER_NO_STREAM;
	if (p->differs)
		return PEER_CONFIG_DIFFERS;
	if (maintenance && strcmp(maintenance, maintenance_name(MAINTENANCE_ON)) == 0)
		return PEER_IN_MAINTENANCE;
	if (!json_is_true(json_object_get(p->state, "ready")))
		return trouble_by_name(text_of(p->state, "trouble"));
	return p->coverage_low ? PEER_COVERAGE_LOW : PEER_FINE;
}

/* Something changed that readiness or the peer depends on. */
static void changed(struct director *d)
{
	roles_look_ready(d);
	shares_touch_peer(d);
	peer_touch(d);
}

static int on_grace(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	changed(userdata);
	return 0;
}

static void note_since(struct director *d)
{
	d->peer.since = clock_now();
	(void)sd_event_source_set_time(
		d->peer.grace, instant_add(d->peer.since, GRACE_US + 1000).us);
	(void)sd_event_source_set_enabled(d->peer.grace, SD_EVENT_ONESHOT);
}

/* What the peer says of a server */

enum health_state peer_says(
	const void *director, const struct targets *all, size_t view, size_t server)
{
	const struct director *d = director;
	const json_t *health = json_object_get(d->peer.state, "health");
	const json_t *down = json_object_get(health, "down_targets");
	size_t n;
	const size_t *targets = targets_of(all, view, server, &n);

	if (!d->peer.alive || !d->peer.stream || d->peer.differs || !json_is_object(down))
		return HEALTH_UNKNOWN;
	for (size_t i = 0; i < n; i++)
		if (json_object_get(down, all->items[targets[i]].id))
			return HEALTH_DOWN;
	/* One that it has not checked yet is not named either. */
	return json_integer_value(json_object_get(health, "unknown")) == 0 ? HEALTH_UP
									   : HEALTH_UNKNOWN;
}

/* Two that are Active for the same addresses */

static const char *state_there(const struct director *d, const char *router)
{
	return text_of(json_object_get(json_object_get(d->peer.state, "routers"), router), "state");
}

/* The first router that both say they are Active for; NULL: there is none. */
static const char *twice_active(const struct director *d)
{
	for (size_t i = 0; d->peer.alive && d->peer.stream && i < d->conf->n_routers; i++) {
		const char *there = state_there(d, d->conf->routers[i].name);

		if (d->roles.active[i] && there && strcmp(there, "active") == 0)
			return d->conf->routers[i].name;
	}
	return NULL;
}

static int on_split(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	const char *router = d->stopping ? NULL : twice_active(d);
	char message[240];

	(void)source;
	(void)usec;
	if (!router || d->peer.split)
		return 0;
	d->peer.split = true;
	(void)snprintf(message, sizeof(message),
		"split brain: %.64s is Active for %.64s as well, and neither hears the other's "
		"adverts",
		peer_name(d), router);
	director_event(d, EVENT_SPLIT_BRAIN, message, "TANDEM_INSTANCE", router, "TANDEM_PEER",
		peer_name(d), NULL);
	return 0;
}

static void look_for_split(struct director *d)
{
	int armed = SD_EVENT_OFF;

	if (!twice_active(d)) {
		(void)sd_event_source_set_enabled(d->peer.split_timer, SD_EVENT_OFF);
		if (d->peer.split)
			director_event(d, EVENT_SPLIT_BRAIN_OVER,
				"split brain is over: no address is Active on both", NULL);
		d->peer.split = false;
		return;
	}
	(void)sd_event_source_get_enabled(d->peer.split_timer, &armed);
	if (d->peer.split || armed != SD_EVENT_OFF)
		return;
	(void)sd_event_source_set_time(d->peer.split_timer, instant_add(clock_now(), SPLIT_US).us);
	(void)sd_event_source_set_enabled(d->peer.split_timer, SD_EVENT_ONESHOT);
}

void peer_role_changed(struct director *d)
{
	if (!peer_is_wanted(d))
		return;
	look_for_split(d);
	peer_touch(d);
}

/* What it says */

static void take_reason(struct peer *p, const char *reason)
{
	(void)text_line(p->reason, sizeof(p->reason), reason);
}

static void tell_alive(struct director *d, bool was)
{
	const struct peer *p = &d->peer;
	char message[320];

	if (p->alive == was)
		return;
	note_since(d);
	if (p->alive)
		(void)snprintf(
			message, sizeof(message), "%.64s is heard over the link", peer_name(d));
	else
		(void)snprintf(message, sizeof(message), "%.64s is not heard over the link%s%.160s",
			peer_name(d), *p->reason ? ": " : "", p->reason);
	director_event(d, p->alive ? EVENT_PEER_HEARD : EVENT_PEER_LOST, message, "TANDEM_PEER",
		peer_name(d), NULL);
}

static void take_state(struct director *d, const json_t *state)
{
	struct peer *p = &d->peer;

	if (!json_is_object(state)) {
		json_decref(p->state);
		p->state = NULL;
		return;
	}
	if (p->state && json_equal(p->state, (json_t *)(uintptr_t)state))
		return;
	json_decref(p->state);
	p->state = json_incref((json_t *)(uintptr_t)state);
	replicate_heard(d, json_object_get(state, "decisions"));
	compare_heard(d);
	push_heard(d);
	conntrack_sync_heard(d);
}

/* A state is whole: of many the last one counts, and what follows from it takes a while. */
static int on_hear(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;
	json_t *state = take_ptr(d->peer.coming);

	(void)source;
	if (state && peer_is_wanted(d)) {
		take_state(d, state);
		look_for_split(d);
		push_look(d);
		changed(d);
	}
	json_decref(state);
	return 0;
}

static void hear_soon(struct peer *p, json_t *state)
{
	json_decref(p->coming);
	p->coming = json_incref(state);
	(void)sd_event_source_set_enabled(p->hear, SD_EVENT_ONESHOT);
}

static void on_peer(struct director *d, const json_t *parameters)
{
	struct peer *p = &d->peer;
	bool was_alive = p->alive, had_stream = p->stream;

	p->alive = json_is_true(json_object_get(parameters, "alive"));
	p->stream = json_is_true(json_object_get(parameters, "stream"));
	take_reason(p, text_of(parameters, "reason"));
	tell_alive(d, was_alive);
	if (p->stream && !had_stream) { /* each asks the other on a new one */
		p->resync = PEER_RESYNC_STATE_NONE;
		conntrack_sync_ask(d);
	}
	if (json_object_get(parameters, "state"))
		hear_soon(p, json_object_get(parameters, "state"));
	look_for_split(d);
	push_look(d);
}

static void on_resync(struct director *d, const json_t *parameters)
{
	struct peer *p = &d->peer;
	const char *state = text_of(parameters, "state"), *reason = text_of(parameters, "reason");
	json_int_t records = json_integer_value(json_object_get(parameters, "records"));
	json_int_t took_us = json_integer_value(json_object_get(parameters, "took_us"));
	char message[320], count[24];

	json_decref(p->resync_said);
	p->resync_said = json_copy((json_t *)(uintptr_t)parameters);
	(void)snprintf(count, sizeof(count), "%lld", (long long)records);
	if (state && strcmp(state, "done") == 0) {
		p->resync = PEER_RESYNC_STATE_DONE;
		p->resyncs_done++;
		(void)snprintf(message, sizeof(message),
			"resync: %s connections of %.64s taken over in %lld.%03lld s", count,
			peer_name(d), (long long)took_us / 1000000,
			(long long)took_us / 1000 % 1000);
		director_event(d, EVENT_RESYNC_DONE, message, "TANDEM_CONNECTIONS", count,
			"TANDEM_PEER", peer_name(d), NULL);
	} else if (state && strcmp(state, "failed") == 0) {
		p->resync = PEER_RESYNC_STATE_FAILED;
		p->resyncs_failed++;
		(void)snprintf(message, sizeof(message), "resync with %.64s failed: %.200s",
			peer_name(d), reason ? reason : "no reason given");
		director_event(d, EVENT_RESYNC_FAILED, message, "TANDEM_PEER", peer_name(d),
			"TANDEM_REASON", reason ? reason : "", NULL);
	} else {
		/* The first on a stream is for everything, and so was asked for already. */
		if (p->resync != PEER_RESYNC_STATE_NONE)
			conntrack_sync_ask(d);
		p->resync = PEER_RESYNC_STATE_RUNNING;
		return;
	}
	resync_answer(d);
}

static void on_coverage(struct director *d, const json_t *parameters)
{
	struct peer *p = &d->peer;
	const json_t *percent = json_object_get(parameters, "percent");
	bool was_low = p->coverage_low;
	char message[240], text[24];

	json_decref(p->coverage);
	p->coverage = json_copy((json_t *)(uintptr_t)parameters);
	(void)json_object_set_new(
		p->coverage, "compared_us", json_integer((json_int_t)clock_now().us));
	p->coverage_low = json_is_number(percent) &&
			  json_number_value(percent) < (double)d->conf->link.coverage_min;
	if (p->coverage_low && !was_low) {
		(void)snprintf(text, sizeof(text), "%.2f", json_number_value(percent));
		(void)snprintf(message, sizeof(message),
			"coverage is low: %s percent of the connections are known to both "
			"directors",
			text);
		director_event(d, EVENT_COVERAGE_LOW, message, "TANDEM_COVERAGE", text,
			"TANDEM_PEER", peer_name(d), NULL);
	}
	switchover_coverage(d);
}

void peer_message(struct director *d, const char *method, const json_t *parameters)
{
	if (!peer_is_wanted(d))
		return;
	if (strcmp(method, "Peer") == 0)
		on_peer(d, parameters);
	else if (strcmp(method, "Resync") == 0)
		on_resync(d, parameters);
	else if (strcmp(method, "Coverage") == 0)
		on_coverage(d, parameters);
	else if (strcmp(method, "Tracked") == 0)
		conntrack_sync_message(d, parameters);
	else if (strcmp(method, "TrackedLost") == 0)
		conntrack_sync_lost(d);
	else
		return;
	changed(d);
}

/* Start, change, end */

static void forget(struct peer *p)
{
	p->alive = p->stream = p->differs = p->coverage_low = false;
	p->resync = PEER_RESYNC_STATE_NONE;
	*p->reason = '\0';
	json_decref(p->state);
	json_decref(p->coming);
	json_decref(p->resync_said);
	json_decref(p->coverage);
	free(p->told);
	p->state = p->coming = p->resync_said = p->coverage = NULL;
	p->told = NULL;
}

void peer_configured(struct director *d)
{
	struct peer *p = &d->peer;

	d->overrides.shared = peer_is_wanted(d);
	conntrack_sync_configure(d);
	/* A tandem-link that was started anew knows nothing; one that goes on says so again only
	 * when it is news. */
	if (p->link_pid != d->helpers[HELPER_LINK].pid || !peer_is_wanted(d)) {
		bool was_alive = p->alive;

		forget(p);
		if (peer_is_wanted(d))
			tell_alive(d, was_alive);
		note_since(d);
	}
	p->link_pid = d->helpers[HELPER_LINK].pid;
	free(p->told);
	p->told = NULL;
	compare_heard(d);
	shares_touch_peer(d);
	peer_touch(d);
}

int peer_init(struct director *d)
{
	struct peer *p = &d->peer;
	int r = sd_event_add_defer(d->loop, &p->defer, on_defer, d);

	if (r >= 0)
		r = sd_event_source_set_enabled(p->defer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(d->loop, &p->hear, on_hear, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->hear, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &p->grace, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_grace, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->grace, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &p->split_timer, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_split, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->split_timer, SD_EVENT_OFF);
	p->since = clock_now();
	return r < 0 ? r : 0;
}

void peer_done(struct director *d)
{
	struct peer *p = &d->peer;

	forget(p);
	sd_event_source_disable_unref(p->defer);
	sd_event_source_disable_unref(p->hear);
	sd_event_source_disable_unref(p->grace);
	sd_event_source_disable_unref(p->split_timer);
	compare_done(d);
	push_done(d);
}

/* Status */

static const char *resync_name(enum peer_resync resync)
{
	switch (resync) {
	case PEER_RESYNC_STATE_NONE:
		return "none";
	case PEER_RESYNC_STATE_RUNNING:
		return "running";
	case PEER_RESYNC_STATE_DONE:
		return "done";
	case PEER_RESYNC_STATE_FAILED:
		return "failed";
	}
	return "unknown";
}

/* What the two say to each other about decisions and configurations is nobody else's business: it
 * is large, and what comes of it stands elsewhere. */
static json_t *state_there_to_json(const struct peer *p)
{
	static const char *const inner[] = {
		"decisions", "compare", "push", "pushed", "tracked_ask"};
	json_t *state = p->state ? json_copy(p->state) : json_null();

	for (size_t i = 0; p->state && i < sizeof(inner) / sizeof(inner[0]); i++)
		(void)json_object_del(state, inner[i]);
	return state;
}

static json_t *value_or_null(json_t *value)
{
	return value ? json_incref(value) : json_null();
}

json_t *peer_to_json(const struct director *d)
{
	const struct peer *p = &d->peer;
	json_t *resync, *o;

	if (!peer_is_wanted(d))
		return json_null();
	resync = p->resync_said ? json_copy(p->resync_said) : json_object();
	(void)json_object_set_new(resync, "state", json_string(resync_name(p->resync)));
	o = json_pack("{s:s, s:b, s:b, s:s, s:I, s:s, s:s, s:b, s:b, s:o, s:o, s:o}", "name",
		peer_name(d), "alive", p->alive, "stream", p->stream, "reason", p->reason,
		"since_us", (json_int_t)p->since.us, "trouble_here",
		peer_trouble_name(own_trouble(d)), "trouble_there",
		peer_trouble_name(peer_trouble_there(d)), "config_differs", p->differs,
		"split_brain", p->split, "resync", resync, "coverage", value_or_null(p->coverage),
		"state", state_there_to_json(p));
	(void)json_object_set_new(o, "config_path", compare_path(d));
	(void)json_object_set_new(o, "resyncs",
		json_pack("{s:I, s:I}", "done", (json_int_t)p->resyncs_done, "failed",
			(json_int_t)p->resyncs_failed));
	(void)json_object_set_new(o, "tracked", conntrack_sync_to_json(d));
	return o;
}
