/* What is watched, as far as the election is concerned: from watches to the causes of each virtual
 * router, to the elector when they change. Both ends of a turn of the loop may have many changes:
 * they are told once, at its end. */
#include "director/state.h"

#include "base/cleanup.h"
#include "conf/alloc.h"
#include "conf/keys.h"
#include "director/watch/watch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which watch a leaf of the configuration has. */
struct leaf {
	const struct conf_track *conf;
	struct watch *watch;
};

struct track {
	struct watches watches;
	struct leaf *leaves; /* sorted by address */
	size_t n_leaves;
	json_t *told; /* router's name -> its causes, as the elector was told */
	sd_event_source *defer;
};

/* --- States --- */

static int compare_leaves(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct leaf *)a)->conf;
	uintptr_t y = (uintptr_t)((const struct leaf *)b)->conf;

	return (x > y) - (x < y);
}

static const struct watch *watch_of(const struct track *t, const struct conf_track *conf)
{
	const struct leaf key = {.conf = conf};
	const struct leaf *leaf =
		bsearch(&key, t->leaves, t->n_leaves, sizeof(*t->leaves), compare_leaves);

	assert(leaf); /* track_configure() has seen every leaf */
	return leaf->watch;
}

static enum health_state state_of(const struct director *d, const struct conf_track *conf)
{
	enum health_state members[CONF_TRACK_MAX], state;
	size_t n;
	const struct conf_track *list = conf_track_members(conf, &n);

	for (size_t i = 0; i < n; i++)
		members[i] = state_of(d, &list[i]);
	if (conf->kind == CONF_TRACK_ALL)
		state = track_all(members, n);
	else if (conf->kind == CONF_TRACK_ANY)
		state = track_any(members, n);
	else if (conf->kind == CONF_TRACK_TRACKER)
		state = state_of(d, &d->conf->trackers[conf->index]);
	else
		state = watch_of(d->track, conf)->health.state;
	return conf->inverse ? track_inverse(state) : state;
}

/* --- Causes --- */

/* What is a number counts as often as it says. */
static int weight_of(const struct director *d, const struct conf_track *conf)
{
	const struct conf_track *t = conf;

	if (t->kind == CONF_TRACK_TRACKER && !t->inverse)
		t = &d->conf->trackers[t->index];
	if (!conf_track_is_number(t) || t->inverse)
		return conf->weight;
	return track_weight(conf->weight, watch_of(d->track, t)->number);
}

static char *text_of(const struct director *d, const struct conf_track *conf)
{
	size_t n;
	const struct conf_track *members = conf_track_members(conf, &n);
	char *text = watch_text(conf, d->conf);

	for (size_t i = 0; i < n; i++) {
		auto_free char *before = text;
		auto_free char *member = text_of(d, &members[i]);

		text = conf_printf(
			"%s%s%s%s", before, i == 0 ? " (" : ", ", member, i + 1 == n ? ")" : "");
	}
	if (conf->inverse) {
		auto_free char *before = text;
		text = conf_printf("%s (inverse)", before);
	}
	return text;
}

static json_t *cause_to_json(const struct director *d, const struct conf_track *conf)
{
	auto_free char *text = text_of(d, conf);

	if (conf->weight == 0)
		return json_pack("{s:s, s:b}", "text", text, "fault", true);
	return json_pack("{s:s, s:i}", "text", text, "weight", weight_of(d, conf));
}

/* NULL: nothing is known yet. */
static json_t *causes_of(const struct director *d, const struct conf_router *router)
{
	json_t *causes = json_array();
	bool known = true;

	for (size_t i = 0; i < router->n_track; i++) {
		enum health_state state = state_of(d, &router->track[i]);

		known = known && state != HEALTH_UNKNOWN;
		if (state == HEALTH_DOWN)
			(void)json_array_append_new(causes, cause_to_json(d, &router->track[i]));
	}
	if (known || json_array_size(causes) > 0)
		return causes;
	json_decref(causes);
	return NULL;
}

json_t *track_causes(const struct director *d, const struct conf_router *router)
{
	json_t *causes = d->track ? causes_of(d, router) : NULL;

	if (causes)
		(void)json_object_set(d->track->told, router->name, causes);
	return causes;
}

static bool is_way(const struct conf *conf, const struct conf_track *t)
{
	size_t n;
	const struct conf_track *members = conf_track_members(t, &n);

	for (size_t i = 0; i < n; i++)
		if (is_way(conf, &members[i]))
			return true;
	if (t->kind == CONF_TRACK_TRACKER)
		return is_way(conf, &conf->trackers[t->index]);
	return t->kind == CONF_TRACK_INTERFACE || t->kind == CONF_TRACK_PING ||
	       t->kind == CONF_TRACK_ROUTE;
}

bool track_cut_off(const struct director *d, const struct conf_router *router)
{
	for (size_t i = 0; d->track && i < router->n_track; i++)
		if (is_way(d->conf, &router->track[i]) &&
			state_of(d, &router->track[i]) == HEALTH_DOWN)
			return true;
	return false;
}

/* --- News --- */

static void tell_router(struct director *d, const struct conf_router *router)
{
	json_t *causes = causes_of(d, router);

	if (causes && !json_equal(causes, json_object_get(d->track->told, router->name))) {
		(void)json_object_set(d->track->told, router->name, causes);
		process_call(&d->helpers[HELPER_ELECTOR], "Causes",
			json_pack("{s:s, s:O}", "name", router->name, "causes", causes));
	}
	json_decref(causes);
}

static int on_defer(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	for (size_t i = 0; !d->stopping && i < d->conf->n_routers; i++)
		tell_router(d, &d->conf->routers[i]);
	return 0;
}

static void tell_soon(struct director *d)
{
	(void)sd_event_source_set_enabled(d->track->defer, SD_EVENT_ONESHOT);
}

static void on_changed(struct watch *w, void *userdata)
{
	struct director *d = userdata;
	bool fails = w->health.state == HEALTH_DOWN;
	char message[WATCH_REASON_MAX + 200];

	(void)snprintf(message, sizeof(message), "%s %s: %s", w->text, fails ? "fails" : "works",
		w->reason);
	director_event(d, fails ? EVENT_TRACK_FAILED : EVENT_TRACK_PASSED, message,
		"TANDEM_TRACKER", w->text, "TANDEM_REASON", w->reason, NULL);
	tell_soon(d);
}

static void on_trouble(struct watch *w, void *userdata)
{
	char message[WATCH_REASON_MAX + 200];

	(void)snprintf(message, sizeof(message), "%s: %s", w->text, w->trouble);
	director_event(userdata, EVENT_TRACK_ERROR, message, "TANDEM_TRACKER", w->text,
		"TANDEM_REASON", w->trouble, NULL);
}

/* --- Pools --- */

/* The same server may fail in several views: the worst of them counts. */
static void add_view(const struct director *d, size_t view, const struct conf_track *conf,
	enum health_state *state, size_t *n_down_here)
{
	enum pool_quorum quorum = d->pools.views[view].state.quorum;
	size_t n = d->pools.views[view].n_down_here;

	if (conf->down_here) {
		if (n > 0)
			*state = HEALTH_DOWN;
		if (n > *n_down_here)
			*n_down_here = n;
	} else if (quorum == POOL_QUORUM_LOST)
		*state = HEALTH_DOWN;
	else if (quorum == POOL_QUORUM_UNKNOWN && *state != HEALTH_DOWN)
		*state = HEALTH_UNKNOWN;
}

/* A pool may be seen in several ways, by the ports of its services: it is up when all say so. One
 * that no service uses is not checked, and up. */
static enum health_state on_ask(const struct conf_track *conf, int64_t *ret_number, void *userdata)
{
	const struct director *d = userdata;
	enum health_state state = HEALTH_UP;
	size_t n_down_here = 0;

	for (size_t i = 0; i < d->conf->n_services; i++) {
		const struct conf_service *s = &d->conf->services[i];
		bool meant = conf->kind == CONF_TRACK_POOL ? s->pool == conf->index
							   : s->definition == conf->index;
		if (meant && !conf_is_path(s))
			add_view(d, d->targets.views.of_service[i], conf, &state, &n_down_here);
	}
	*ret_number = (int64_t)n_down_here;
	return state;
}

void track_pools(struct director *d)
{
	if (d->track)
		watches_ask(&d->track->watches);
}

/* --- Configuration --- */

static const struct watches_handler handler = {on_changed, on_trouble, on_ask};

static void want(struct director *d, const struct conf_track *conf)
{
	struct track *t = d->track;
	size_t n;
	const struct conf_track *members = conf_track_members(conf, &n);

	for (size_t i = 0; i < n; i++)
		want(d, &members[i]);
	if (conf->kind == CONF_TRACK_TRACKER || n > 0)
		return;
	t->leaves = reallocarray(t->leaves, t->n_leaves + 1, sizeof(*t->leaves));
	if (!t->leaves)
		abort();
	t->leaves[t->n_leaves++] = (struct leaf){conf, watches_want(&t->watches, conf, d->conf)};
}

void track_configure(struct director *d)
{
	struct track *t = d->track;

	t->n_leaves = 0;
	watches_begin(&t->watches);
	for (size_t i = 0; i < d->conf->n_trackers; i++)
		want(d, &d->conf->trackers[i]);
	for (size_t i = 0; i < d->conf->n_routers; i++)
		for (size_t k = 0; k < d->conf->routers[i].n_track; k++)
			want(d, &d->conf->routers[i].track[k]);
	watches_end(&t->watches);
	if (t->n_leaves > 0)
		qsort(t->leaves, t->n_leaves, sizeof(*t->leaves), compare_leaves);
	track_pools(d);
	tell_soon(d);
}

int track_init(struct director *d)
{
	struct track *t = d->track = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->watches = (struct watches){.loop = d->loop, .handler = &handler, .userdata = d};
	t->told = json_object();
	r = sd_event_add_defer(d->loop, &t->defer, on_defer, d);
	return r < 0 ? r : sd_event_source_set_enabled(t->defer, SD_EVENT_OFF);
}

void track_done(struct director *d)
{
	struct track *t = d->track;

	if (!t)
		return;
	watches_done(&t->watches);
	sd_event_source_disable_unref(t->defer);
	json_decref(t->told);
	free(t->leaves);
	free(t);
	d->track = NULL;
}

/* --- Status --- */

static json_t *watch_to_json(const struct watch *w)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "name", w->text, "state",
		health_state_name(w->health.state), "reason", w->reason, "trouble", w->trouble,
		"since_us", (json_int_t)w->health.since.us, "results", (json_int_t)w->results,
		"failures", (json_int_t)w->failures);
}

json_t *track_to_json(const struct director *d)
{
	json_t *array = json_array();

	for (size_t i = 0; d->track && i < d->track->watches.n; i++)
		(void)json_array_append_new(array, watch_to_json(d->track->watches.items[i]));
	return array;
}
