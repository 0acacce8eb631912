/* From one configuration to the next: routers that stay go on undisturbed. */
#include "elector/parts.h"

#include "base/cleanup.h"
#include "elector/holding.h"
#include "elector/spare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct router_config *find_wanted(
	const struct router_config *wanted, size_t n, const struct router_config *config)
{
	for (size_t i = 0; i < n; i++)
		if (elector_same_router(&wanted[i], config))
			return &wanted[i];
	return NULL;
}

static bool record_matches(const struct state_router *s, const struct router_config *config)
{
	return s->used && s->vrid == config->vrid && s->format.family == config->format.family &&
	       strcmp(s->interface, config->interface) == 0;
}

/* The record that a predecessor left for this router, or a free one. There is always one: there are
 * as many records as there can be routers. */
static struct state_router *take_record(struct elector *e, const struct router_config *config)
{
	struct state_router *unused = NULL;

	for (size_t i = 0; i < STATE_ROUTERS_MAX; i++) {
		struct state_router *s = &e->state->routers[i];
		if (record_matches(s, config))
			return s;
		if (!s->used && !unused)
			unused = s;
	}
	*unused = (struct state_router){.used = true};
	return unused;
}

static void tidy(struct elector *e, struct state_router *s)
{
	size_t removed = 0;
	char text[160];
	int error = e->ops->tidy(e->io, s, &removed);

	if (error < 0)
		(void)snprintf(text, sizeof(text),
			"%s: what an earlier run left could not be removed: %s", s->name,
			strerror(-error));
	else
		(void)snprintf(text, sizeof(text),
			"%s: removed %zu addresses, routes and rules of an earlier run", s->name,
			removed);
	e->ops->event(e->io, error < 0 ? EVENT_ERROR : EVENT_LEFTOVER_REMOVED, NULL, text);
}

static void tidy_device(struct elector *e, struct state_router *s)
{
	char text[160];
	int error = *s->mac_device ? e->ops->tidy_device(e->io, s) : 0;

	if (error == 0)
		return;
	(void)snprintf(text, sizeof(text), "%s: %s of an earlier run could not be removed: %s",
		s->name, s->mac_device, strerror(-error));
	e->ops->event(e->io, EVENT_ERROR, NULL, text);
}

/* What a predecessor had and nobody wants now. */
void change_tidy_unwanted(struct elector *e, const struct router_config *wanted, size_t n)
{
	for (size_t i = 0; i < STATE_ROUTERS_MAX; i++) {
		struct state_router *s = &e->state->routers[i];
		bool keep = false;

		for (size_t k = 0; s->used && !keep && k < n; k++)
			keep = record_matches(s, &wanted[k]);
		if (!s->used || keep)
			continue;
		if (s->active)
			tidy(e, s);
		tidy_device(e, s);
		s->used = false;
	}
}

/* Whether its sync group is wanted without it. */
static bool group_goes_on(
	const struct router_config *wanted, size_t n, const struct router_config *config)
{
	for (size_t i = 0; *config->group && i < n; i++)
		if (strcmp(wanted[i].group, config->group) == 0)
			return true;
	return false;
}

static void drop_unwanted(
	struct elector *e, const struct router_config *wanted, size_t n, struct instant now)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->n_routers; i++) {
		struct router *r = e->routers[i];
		const struct router_config *config = find_wanted(wanted, n, &r->config);

		if (config) {
			holding_drop(r, config);
			e->routers[kept++] = r;
			continue;
		}
		if (group_goes_on(wanted, n, &r->config))
			router_part(r, now);
		router_leave(r, now);
		router_finish(r, now);
		port_give_up_device(e, router_mac_port(r));
		r->record->used = false;
		elector_free_router(e, r);
	}
	e->n_routers = kept;
}

static bool is_used(const struct elector *e, const struct port *p)
{
	for (size_t i = 0; i < e->n_routers; i++)
		for (size_t place = 0; place < MOVED_PLACES_MAX; place++)
			if (e->routers[i]->sites[place].port == p)
				return true;
	return port_is_home(e, p, AF_INET) || port_is_home(e, p, AF_INET6);
}

static void drop_unused_ports(struct elector *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->n_ports; i++) {
		if (is_used(e, e->ports[i])) {
			e->ports[kept++] = e->ports[i];
			continue;
		}
		port_give_up_device(e, e->ports[i]);
		port_free(e, e->ports[i]);
	}
	e->n_ports = kept;
}

/* Its marks go on with more room for them. */
static void replace_auth(struct router *r, struct vrrp_auth *auth)
{
	if (r->auth) {
		auth->sent = r->auth->sent;
		auth->uses = r->auth->uses;
		memcpy(auth->marks, r->auth->marks, r->auth->n_marks * sizeof(*auth->marks));
		free(r->auth);
	}
	r->auth = auth;
}

/* Nothing points into the lists of before any more. */
static void adopt_lists(struct elector *e, struct spare *s)
{
	elector_free_lists(e->lists, e->lists_size);
	e->lists = take_ptr(s->lists);
	e->lists_size = s->lists_size;
}

/* The array with the new ports in it is the elector's from here on. */
static void adopt_ports(struct elector *e, struct spare *s)
{
	free(e->ports);
	e->ports = s->ports;
	e->n_ports = s->n_ports;
	s->ports = NULL;
	s->n_ports = s->n_old_ports = 0;
}

/* NULL for no interface. */
static struct port *find_port(const struct elector *e, const char *interface)
{
	return *interface ? port_by_name(e, interface) : NULL;
}

static struct router_ports ports_of(const struct elector *e, const struct router_config *c)
{
	struct router_ports ports = {.home = port_by_name(e, c->interface)};

	for (size_t place = 0; place < MOVED_PLACES_MAX; place++)
		ports.places[place] = find_port(e, c->places[place]);
	if (!ports.places[MOVED_HOME])
		ports.places[MOVED_HOME] = ports.home;
	else if (c->virtual_mac)
		ports.places[MOVED_HOME]->made = true;
	return ports;
}

static void add_or_change(struct elector *e, const struct router_config *wanted, size_t i,
	struct spare *spare, struct instant now)
{
	const struct router_world world = {e->ops, e->io, e->state, &e->pace};
	const struct router_ports ports = ports_of(e, wanted);
	struct router_config config = spare->configs[i];
	struct vrrp_auth *auth = take_ptr(spare->auths[i]);
	struct router *r = elector_find_router(e, wanted);

	spare->configs[i].causes = (struct causes){0};
	if (r) {
		if (auth)
			replace_auth(r, auth);
		router_reconfigure(r, &config, &ports, spare->firsts[i], now);
		return;
	}
	r = spare->routers[--spare->n_routers];
	router_init(r, &config, &ports, take_record(e, wanted), spare->firsts[i], &world, now);
	if (!wanted->virtual_mac || strcmp(r->record->mac_device, wanted->places[MOVED_HOME]) != 0)
		tidy_device(e, r->record);
	r->auth = auth;
	router_maintain(r, e->maintenance, now);
	router_hold(r, !instant_is_never(e->hold), now);
	e->routers[e->n_routers++] = r;
}

static struct group *obtain_group(struct elector *e, const char *name)
{
	for (size_t i = 0; i < e->n_groups; i++)
		if (strcmp(e->groups[i].name, name) == 0)
			return &e->groups[i];
	group_init(&e->groups[e->n_groups], name);
	return &e->groups[e->n_groups++];
}

/* In the order of the configuration, which the peer has too. */
static void form_groups(
	struct elector *e, const struct router_config *wanted, size_t n, struct instant now)
{
	for (size_t i = 0; i < n; i++)
		if (*wanted[i].group)
			group_add(obtain_group(e, wanted[i].group),
				elector_find_router(e, &wanted[i]));
	for (size_t i = 0; i < e->n_routers; i++)
		router_go_on(e->routers[i], now);
	for (size_t i = 0; i < e->n_groups; i++)
		group_follow(&e->groups[i], now);
}

/* Room for the groups to come. */
static int allocate_groups(const struct router_config *wanted, size_t n, struct group **ret)
{
	size_t n_grouped = 0;

	for (size_t i = 0; i < n; i++)
		n_grouped += *wanted[i].group != '\0';
	*ret = n_grouped > 0 ? calloc(n_grouped, sizeof(**ret)) : NULL;
	return n_grouped > 0 && !*ret ? -ENOMEM : 0;
}

static void dissolve_groups(struct elector *e, struct group *room)
{
	for (size_t i = 0; i < e->n_routers; i++)
		router_ungroup(e->routers[i]);
	free(e->groups);
	e->groups = room;
	e->n_groups = 0;
}

/* Who hears what arrives on each port. */
static void index_hearers(struct elector *e)
{
	for (size_t i = 0; i < e->n_ports; i++)
		for (size_t k = 0; k < VOICES; k++)
			memset(e->ports[i]->voices[k].hearers, 0,
				sizeof(e->ports[i]->voices[k].hearers));
	for (size_t i = 0; i < e->n_routers; i++) {
		const struct router *r = e->routers[i];
		struct port *device = router_mac_port(r);
		router_voice(r)->hearers[r->config.vrid] = (uint16_t)(i + 1);
		if (device)
			port_voice(device, r->config.format.family)->hearers[r->config.vrid] =
				(uint16_t)(i + 1);
	}
}

int elector_configure(
	struct elector *e, const struct router_config *wanted, size_t n, struct instant now)
{
	struct spare spare = {0};
	struct group *groups = NULL;
	int r = n > STATE_ROUTERS_MAX ? -E2BIG : allocate_groups(wanted, n, &groups);

	if (r == 0)
		r = spare_prepare(e, wanted, n, &spare);
	if (r < 0) {
		free(groups);
		return r;
	}
	elector_take_turn(e);
	elector_finish_all(e, now);
	if (!e->configured)
		change_tidy_unwanted(e, wanted, n);
	e->configured = true;
	dissolve_groups(e, groups);
	drop_unwanted(e, wanted, n, now);
	adopt_ports(e, &spare);
	for (size_t i = 0; i < n; i++)
		add_or_change(e, &wanted[i], i, &spare, now);
	adopt_lists(e, &spare);
	form_groups(e, wanted, n, now);
	drop_unused_ports(e);
	index_hearers(e);
	spare_free(&spare);
	e->stale = true;
	elector_settle(e, now);
	return 0;
}
