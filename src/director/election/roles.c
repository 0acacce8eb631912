/* The elector's side: what it is to elect, and who won. */
#include "director/election/moved.h"
#include "director/state.h"

#include "core/second_opinion.h"
#include "elector/leftovers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE_MIN_US UINT64_C(50000)

static json_t *announce_to_json(const struct conf_announce *a)
{
	return json_pack("{s:i, s:I, s:I, s:I, s:i}", "repeat", (int)a->repeat, "interval_us",
		(json_int_t)a->interval_us, "refresh_us", (json_int_t)a->refresh_us, "again_us",
		(json_int_t)a->again_us, "forms", (int)a->forms);
}

/* How it takes over beyond preempting or not. */
static void add_policy(const struct conf *conf, const struct conf_router *router, json_t *json)
{
	(void)json_object_set_new(json, "down_intervals", json_integer(router->down_intervals));
	(void)json_object_set_new(
		json, "preempt_delay_us", json_integer((json_int_t)router->preempt_delay_us));
	if (router->notify.before_active.command)
		(void)json_object_set_new(json, "prepare_us",
			json_integer((json_int_t)router->notify.before_active.timeout_us));
	(void)json_object_set_new(json, "settle_us", json_integer((json_int_t)router->settle_us));
	(void)json_object_set_new(json, "fast_failover", json_boolean(router->fast_failover));
	if (router->group != CONF_NONE)
		(void)json_object_set_new(
			json, "group", json_string(conf->groups[router->group].name));
}

static json_t *router_to_json(const struct director *d, const struct conf_router *router)
{
	json_t *causes = track_causes(d, router);
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:b, s:o}", "name", router->name,
		"interface", router->interface, "vrid", (int)router->vrid, "priority",
		(int)router->priority[d->conf->self], "advert_interval_cs",
		(int)router->advert_interval_cs, "preempt", (int)router->preempt, "announce",
		announce_to_json(&router->announce));

	moved_describe(router, o);
	if (router->virtual_mac)
		(void)json_object_set_new(o, "mac_device", json_string(router->virtual_mac_device));
	(void)json_object_set_new(o, "wire", roles_wire(d->conf, router));
	if (causes)
		(void)json_object_set_new(o, "causes", causes);
	add_policy(d->conf, router, o);
	return o;
}

static bool asks_peer(const struct conf_link *link)
{
	return link->enabled && link->mode == CONF_LINK_TANDEM &&
	       link->split_brain == CONF_SPLIT_BRAIN_PREVENT;
}

void roles_configure(struct director *d)
{
	json_t *routers = json_array();

	(void)conf_show_secrets(d->conf);
	for (size_t i = 0; i < d->conf->n_routers; i++)
		(void)json_array_append_new(routers, router_to_json(d, &d->conf->routers[i]));
	(void)conf_hide_secrets(d->conf);
	process_call(&d->helpers[HELPER_ELECTOR], "Configure",
		json_pack("{s:i, s:s, s:b, s:I, s:b, s:o}", "generation", d->generation,
			"maintenance", maintenance_name(d->maintenance.mode), "ready",
			(int)d->ready, "ready_timeout_us", (json_int_t)d->conf->ready_timeout_us,
			"second_opinion", (int)asks_peer(&d->conf->link), "routers", routers));
}

void roles_look_ready(struct director *d)
{
	peer_touch(d);
	if (d->ready || !d->applied || !targets_all_checked(&d->targets) ||
		peer_trouble_here(d) != PEER_FINE)
		return;
	d->ready = true;
	process_call(&d->helpers[HELPER_ELECTOR], "Ready", json_object());
}

/* A hung elector must be replaced before the peer misses its third advert: asked four times in an
 * interval, killed after one of silence, acted for after another. */
struct supervise_settings roles_supervision(const struct conf *conf)
{
	uint64_t interval_us = 1000000;

	for (size_t i = 0; i < conf->n_routers; i++) {
		uint64_t us = (uint64_t)conf->routers[i].advert_interval_cs * 10000;
		if (us < interval_us)
			interval_us = us;
	}
	/* Below that a busy machine would look like a hung process; at such intervals the peer
	 * takes over within a blink anyway. */
	if (interval_us < SILENCE_MIN_US)
		interval_us = SILENCE_MIN_US;
	return (struct supervise_settings){
		.beat_us = interval_us / 4, .silence_us = interval_us, .back_us = interval_us};
}

uint64_t roles_heartbeat_us(const struct conf *conf)
{
	uint64_t shortest_us = conf->link.heartbeat_us;

	for (size_t i = 0; i < conf->n_routers; i++) {
		const struct conf_router *router = &conf->routers[i];
		uint64_t us =
			second_opinion_beat_us(router->advert_interval_cs, router->down_intervals);
		if (us && us < shortest_us)
			shortest_us = us;
	}
	return shortest_us;
}

static size_t router_index(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_routers; i++)
		if (strcmp(conf->routers[i].name, name) == 0)
			return i;
	return CONF_NONE;
}

bool roles_is_router(const struct director *d, const char *name)
{
	return router_index(d->conf, name) != CONF_NONE;
}

static bool says_active(const json_t *said)
{
	const char *state = json_string_value(json_object_get(said, "state"));

	return state && strcmp(state, "active") == 0;
}

/* Services that are programmed only where their router is Active follow it at once. */
static void set_active(struct director *d, size_t router, bool active)
{
	if (d->roles.active[router] == active)
		return;
	d->roles.active[router] = active;
	forwarding_role(d, router, active);
	checks_role(d);
	for (size_t i = 0; i < d->conf->n_services; i++)
		if (d->conf->services[i].program == CONF_PROGRAM_ACTIVE &&
			d->conf->services[i].router == router)
			apply_service(d, i);
	apply_pending_now(d);
}

static void on_router(struct director *d, const json_t *said)
{
	const char *name = json_string_value(json_object_get(said, "name"));
	size_t router = name ? router_index(d->conf, name) : CONF_NONE;

	if (router == CONF_NONE) /* of the configuration before this one */
		return;
	(void)json_object_set_new(d->roles.said, name, json_deep_copy(said));
	work_disturb(d);
	set_active(d, router, says_active(said));
	peer_role_changed(d);
	switchover_look(d);
	notify_router(d, router, said);
}

/* Of a router that is gone nobody waits for the end. */
static void on_prepare(struct director *d, const json_t *said)
{
	const char *name = json_string_value(json_object_get(said, "name"));
	size_t router = name ? router_index(d->conf, name) : CONF_NONE;

	if (router != CONF_NONE)
		notify_prepare(d, router, said);
}

void roles_prepared(struct director *d, const char *name, json_int_t number)
{
	process_call(&d->helpers[HELPER_ELECTOR], "Prepared",
		json_pack("{s:s, s:I}", "name", name, "number", number));
}

void roles_message(struct director *d, const char *method, const json_t *parameters)
{
	if (strcmp(method, "Router") == 0)
		on_router(d, parameters);
	else if (strcmp(method, "Prepare") == 0)
		on_prepare(d, parameters);
	else if (strcmp(method, "Device") == 0)
		devices_message(d, parameters);
}

/* VRID, family and interface are what the elector knows a virtual router by: one that has only a
 * new name goes on. */
static const struct conf_router *find_before(
	const struct conf *old, const struct conf_router *router)
{
	for (size_t i = 0; old && i < old->n_routers; i++)
		if (old->routers[i].vrid == router->vrid &&
			old->routers[i].family == router->family &&
			strcmp(old->routers[i].interface, router->interface) == 0)
			return &old->routers[i];
	return NULL;
}

int roles_prepare(const struct director *d, const struct conf *conf, struct roles *ret)
{
	struct roles roles = {.active = calloc(conf->n_routers + 1, sizeof(*roles.active)),
		.said = json_object()};

	if (!roles.active || !roles.said) {
		roles_done(&roles);
		return -ENOMEM;
	}
	for (size_t i = 0; i < conf->n_routers; i++) {
		const struct conf_router *router = &conf->routers[i];
		const struct conf_router *before = find_before(d->conf, router);
		json_t *said = before ? json_object_get(d->roles.said, before->name) : NULL;

		roles.active[i] = says_active(said);
		if (said)
			(void)json_object_set(roles.said, router->name, said);
	}
	*ret = roles;
	return 0;
}

void roles_done(struct roles *roles)
{
	free(roles->active);
	json_decref(roles->said);
	*roles = (struct roles){0};
}

static void on_removed(const char *name, size_t n_addresses, void *userdata)
{
	struct director *d = userdata;
	char count[16];

	(void)snprintf(count, sizeof(count), "%zu", n_addresses);
	director_event(d, EVENT_RESIGNED_FOR,
		"in place of the elector: addresses removed, priority 0 sent in its name",
		"TANDEM_INSTANCE", name, "TANDEM_ADDRESSES", count, NULL);
}

void roles_abandon(struct director *d)
{
	int r = leftovers_remove(d->options->runtime_dir, LEFTOVERS_ALL, on_removed, d);
	const char *name;
	json_t *said;

	if (r < 0)
		director_event(d, EVENT_ERROR, "cannot read what the elector left", "ERRNO",
			strerror(-r), NULL);
	json_object_foreach (d->roles.said, name, said) {
		(void)json_object_set_new(said, "state", json_string("initialize"));
		(void)json_object_set_new(said, "reason", json_string("elector-lost"));
	}
	for (size_t i = 0; i < d->conf->n_routers; i++) {
		said = json_object_get(d->roles.said, d->conf->routers[i].name);
		if (said && !d->stopping)
			notify_router(d, i, said);
		set_active(d, i, false);
	}
}
