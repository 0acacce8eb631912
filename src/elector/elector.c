/* Ports and routers, and the difference between two configurations. What one router does is in
 * router.c. Memory is allocated by elector_configure() and elector_causes() alone. */
#include "elector/elector.h"

#include "base/cleanup.h"
#include "elector/holding.h"
#include "elector/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAINT_INTERVAL_US UINT64_C(60000000)
#define LOOK_AGAIN_US UINT64_C(100000)

/* Addresses, routes and rules that may be added or removed in one turn, before adverts that are due
 * meanwhile leave: a millisecond's work for the kernel at most. */
#define PACE 32

void elector_init(
	struct elector *e, const struct elector_ops *ops, void *io, struct state_file *state)
{
	*e = (struct elector){.ops = ops,
		.io = io,
		.state = state,
		.look_again = INSTANT_NEVER,
		.hold = INSTANT_NEVER};
	e->heap.items = e->slots;
}

static void close_voice(struct elector *e, struct port *p, uint16_t family)
{
	if (!port_voice(p, family)->ready)
		return;
	e->ops->close_port(e->io, p, family);
	port_voice(p, family)->ready = false;
}

static void free_port(struct elector *e, struct port *p)
{
	close_voice(e, p, AF_INET);
	close_voice(e, p, AF_INET6);
	free(p);
}

static void free_router(struct elector *e, struct router *r)
{
	deadline_clear(&e->heap, &r->due);
	router_done(r);
	free(r);
}

/* There are keys in it. */
static void free_lists(void *lists, size_t size)
{
	if (lists)
		explicit_bzero(lists, size);
	free(lists);
}

void elector_done(struct elector *e)
{
	for (size_t i = 0; i < e->n_routers; i++)
		free_router(e, e->routers[i]);
	for (size_t i = 0; i < e->n_ports; i++)
		free_port(e, e->ports[i]);
	free(e->ports);
	e->ports = NULL;
	free(e->groups);
	e->groups = NULL;
	free_lists(e->lists, e->lists_size);
	e->lists = NULL;
	e->n_routers = e->n_ports = e->n_groups = 0;
}

/* A turn begins. */
static void take_turn(struct elector *e)
{
	e->pace.left = PACE;
}

/* What is under way goes on as far as it may, and in the next turn, which comes at once, after what
 * arrived meanwhile. */
static void go_on_with(struct elector *e, struct router *r, struct instant now)
{
	if (r->todo)
		router_work(r, now);
	deadline_set(&e->heap, &r->due, r->todo ? now : router_deadline(r));
}

/* After something happened to a router: nobody else's deadlines follow, but its group's. */
static void go_on_around(struct elector *e, struct router *r, struct instant now)
{
	if (!r->group) {
		go_on_with(e, r, now);
		return;
	}
	for (size_t i = 0; i < r->group->sync.n; i++)
		go_on_with(e, r->group->routers[i], now);
}

static void arm(struct elector *e)
{
	const struct deadline *first = deadline_first(&e->heap);
	struct instant deadline = instant_min(e->look_again, e->hold);

	e->ops->arm(e->io, first ? instant_min(first->at, deadline) : deadline);
}

/* A turn ends that may have changed anything. */
static void end_turn(struct elector *e, struct instant now)
{
	for (size_t i = 0; i < e->n_routers; i++)
		go_on_with(e, e->routers[i], now);
	arm(e);
}

static struct port *port_by_name(const struct elector *e, const char *interface)
{
	for (size_t i = 0; i < e->n_ports; i++)
		if (strcmp(e->ports[i]->interface, interface) == 0)
			return e->ports[i];
	return NULL;
}

static struct port *port_by_index(const struct elector *e, int ifindex)
{
	for (size_t i = 0; i < e->n_ports; i++)
		if (e->ports[i]->ifindex == ifindex)
			return e->ports[i];
	return NULL;
}

/* VRID, family and interface are a virtual router's identity on the wire. */
static bool same_router(const struct router_config *a, const struct router_config *b)
{
	return a->vrid == b->vrid && a->format.family == b->format.family &&
	       strcmp(a->interface, b->interface) == 0;
}

static const struct router_config *find_wanted(
	const struct router_config *wanted, size_t n, const struct router_config *config)
{
	for (size_t i = 0; i < n; i++)
		if (same_router(&wanted[i], config))
			return &wanted[i];
	return NULL;
}

static struct router *find_router(const struct elector *e, const struct router_config *config)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (same_router(&e->routers[i]->config, config))
			return e->routers[i];
	return NULL;
}

static bool is_ours(const struct port *p)
{
	return p && p->made && !p->refused && p->ifindex;
}

/* With all that is on it, by somebody who has the time. */
static void give_up_device(struct elector *e, struct port *p)
{
	if (!is_ours(p))
		return;
	e->ops->give_up_device(e->io, p);
	p->ifindex = 0;
	p->up = false;
}

/* The same, before we leave: nobody may be there afterwards. */
static void remove_device(struct elector *e, struct port *p)
{
	char text[160];
	int error;

	if (!is_ours(p))
		return;
	error = e->ops->remove_device(e->io, p->ifindex);
	if (error < 0 && error != -ENODEV) {
		(void)snprintf(text, sizeof(text), "%s: could not be removed: %s", p->interface,
			strerror(-error));
		e->ops->event(e->io, EVENT_ERROR, NULL, text);
		return;
	}
	p->ifindex = 0;
	p->up = false;
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
static void tidy_unwanted(struct elector *e, const struct router_config *wanted, size_t n)
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
		give_up_device(e, router_mac_port(r));
		r->record->used = false;
		free_router(e, r);
	}
	e->n_routers = kept;
}

/* ... has the virtual MAC of a router of that family. */
static bool is_device(const struct elector *e, const struct port *p, uint16_t family)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (router_mac_port(e->routers[i]) == p &&
			e->routers[i]->config.format.family == family)
			return true;
	return false;
}

/* ... of a router of that family. */
static bool is_home(const struct elector *e, const struct port *p, uint16_t family)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (router_home(e->routers[i]) == p &&
			e->routers[i]->config.format.family == family)
			return true;
	return false;
}

static bool is_used(const struct elector *e, const struct port *p)
{
	for (size_t i = 0; i < e->n_routers; i++)
		for (size_t place = 0; place < MOVED_PLACES_MAX; place++)
			if (e->routers[i]->sites[place].port == p)
				return true;
	return is_home(e, p, AF_INET) || is_home(e, p, AF_INET6);
}

static void drop_unused_ports(struct elector *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->n_ports; i++) {
		if (is_used(e, e->ports[i])) {
			e->ports[kept++] = e->ports[i];
			continue;
		}
		give_up_device(e, e->ports[i]);
		free_port(e, e->ports[i]);
	}
	e->n_ports = kept;
}

/* All the memory that the wanted routers need beyond what there is, before anything changes. */
struct spare {
	struct router **routers; /* new ones, used from the end */
	size_t n_routers;
	struct port **ports; /* the array of all, old ones first; new ones, used from the end */
	size_t n_ports, n_old_ports;
	void *lists;                   /* of all wanted routers, */
	struct router_config *configs; /* each with its part of them; */
	struct vrrp_auth **auths;      /* what it needs to sign, NULL: nothing; */
	size_t lists_size;
	size_t *firsts; /* and where in the state file its list goes */
	size_t n;
};

static void free_spare(struct spare *s)
{
	while (s->n_routers > 0)
		free(s->routers[--s->n_routers]);
	while (s->n_ports > s->n_old_ports)
		free(s->ports[--s->n_ports]);
	for (size_t i = 0; s->configs && i < s->n; i++)
		causes_done(&s->configs[i].causes);
	for (size_t i = 0; s->auths && i < s->n; i++)
		free(s->auths[i]);
	free(s->routers);
	free(s->ports);
	free_lists(s->lists, s->lists_size);
	free(s->configs);
	free(s->auths);
	free(s->firsts);
}

static bool has_spare_port(const struct spare *s, const char *interface)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if (strcmp(s->ports[i]->interface, interface) == 0)
			return true;
	return false;
}

static bool allocate_port(const char *interface, struct spare *s)
{
	struct port *p;

	if (!*interface || has_spare_port(s, interface))
		return true;
	p = calloc(1, sizeof(*p));
	if (!p)
		return false;
	for (size_t i = 0; i < VOICES; i++)
		p->voices[i].fd = -1;
	(void)snprintf(p->interface, sizeof(p->interface), "%s", interface);
	s->ports[s->n_ports++] = p;
	return true;
}

static bool allocate_ports(const struct router_config *wanted, struct spare *s)
{
	if (!allocate_port(wanted->interface, s))
		return false;
	for (size_t place = 0; place < MOVED_PLACES_MAX; place++)
		if (!allocate_port(wanted->places[place], s))
			return false;
	return true;
}

static bool allocate_router(
	const struct elector *e, const struct router_config *wanted, struct spare *s)
{
	if (find_router(e, wanted))
		return true;
	s->routers[s->n_routers] = calloc(1, sizeof(struct router));
	return s->routers[s->n_routers++] != NULL;
}

static bool allocate_auth(
	const struct elector *e, const struct router_config *wanted, struct vrrp_auth **ret)
{
	const struct router *r = find_router(e, wanted);
	uint8_t n = vrrp_auth_marks(&wanted->peers);

	if (wanted->auth.mode == VRRP_AUTH_OFF || (r && r->auth && r->auth->n_marks >= n))
		return true;
	*ret = calloc(1, sizeof(**ret) + n * sizeof(*(*ret)->marks));
	if (!*ret)
		return false;
	(*ret)->marks = (struct vrrp_auth_mark *)(*ret + 1);
	(*ret)->n_marks = n;
	return true;
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

static bool allocate_lists(const struct router_config *wanted, struct spare *s)
{
	void *at;

	for (size_t i = 0; i < s->n; i++)
		s->lists_size += router_config_size(&wanted[i]);
	s->lists = at = calloc(1, s->lists_size + 1);
	if (!s->lists)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (router_config_place(
			    &wanted[i], i > 0 ? &s->configs[i - 1] : NULL, &at, &s->configs[i]) < 0)
			return false;
	return true;
}

static bool allocate(
	const struct elector *e, const struct router_config *wanted, size_t n, struct spare *s)
{
	s->routers = calloc(n + 1, sizeof(*s->routers));
	s->ports = calloc(e->n_ports + n * (MOVED_PLACES_MAX + 1) + 1, sizeof(struct port *));
	s->configs = calloc(n + 1, sizeof(*s->configs));
	s->auths = calloc(n + 1, sizeof(struct vrrp_auth *));
	s->firsts = calloc(n + 1, sizeof(*s->firsts));
	s->n = n;
	if (!s->routers || !s->ports || !s->configs || !s->auths || !s->firsts)
		return false;
	s->n_ports = s->n_old_ports = e->n_ports;
	if (e->n_ports > 0)
		memcpy(s->ports, e->ports, e->n_ports * sizeof(struct port *));
	for (size_t i = 0; i < n; i++)
		if (!allocate_router(e, &wanted[i], s) || !allocate_ports(&wanted[i], s) ||
			!allocate_auth(e, &wanted[i], &s->auths[i]))
			return false;
	return allocate_lists(wanted, s);
}

/* Which places of the state file are somebody's list, or are to be. */
static void mark_taken(const struct elector *e, bool *taken)
{
	for (size_t i = 0; i < STATE_ROUTERS_MAX; i++) {
		const struct state_router *s = &e->state->routers[i];
		if (s->used)
			memset(taken + s->list.first, true, s->list.n);
	}
	for (size_t i = 0; i < e->n_routers; i++)
		memset(taken + e->routers[i]->first, true, e->routers[i]->config.n_moved);
}

static bool has_this_list(const struct router *r, const struct router_config *wanted)
{
	return r->config.n_moved == wanted->n_moved &&
	       memcmp(r->config.moved, wanted->moved, wanted->n_moved * sizeof(*wanted->moved)) ==
		       0;
}

/* From *at on, the first gap of n places. The array ends with as many as all lists need. */
static size_t find_gap(const bool *taken, size_t *at, size_t n)
{
	size_t len = 0;

	while (len < n)
		len = taken[(*at)++] ? 0 : len + 1;
	return *at - n;
}

/* Where each list goes: a router whose list stays keeps its place, others get one beside what they
 * have, since that is what counts until the change is made. */
static int reserve(
	const struct elector *e, const struct router_config *wanted, size_t n, struct spare *s)
{
	size_t total = 0, at = 0, end = 0;
	bool *taken;

	for (size_t i = 0; i < n; i++)
		total += wanted[i].n_moved;
	taken = calloc(e->state->n_moved + total + 1, sizeof(*taken));
	if (!taken)
		return -ENOMEM;
	mark_taken(e, taken);
	for (size_t i = 0; i < n; i++) {
		const struct router *r = find_router(e, &wanted[i]);
		if (r && has_this_list(r, &wanted[i]))
			s->firsts[i] = r->first;
		else
			s->firsts[i] = find_gap(taken, &at, wanted[i].n_moved);
		if (s->firsts[i] + wanted[i].n_moved > end)
			end = s->firsts[i] + wanted[i].n_moved;
	}
	free(taken);
	return state_file_grow(e->state, end);
}

static int prepare(
	const struct elector *e, const struct router_config *wanted, size_t n, struct spare *ret)
{
	int r = allocate(e, wanted, n, ret) ? reserve(e, wanted, n, ret) : -ENOMEM;

	if (r < 0)
		free_spare(ret);
	return r;
}

/* Nothing points into the lists of before any more. */
static void adopt_lists(struct elector *e, struct spare *s)
{
	free_lists(e->lists, e->lists_size);
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
	struct router *r = find_router(e, wanted);

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
			group_add(obtain_group(e, wanted[i].group), find_router(e, &wanted[i]));
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

/* A change is made as a whole: what is under way comes to its end first. */
static void finish_all(struct elector *e, struct instant now)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (e->routers[i]->todo)
			router_finish(e->routers[i], now);
}

int elector_configure(
	struct elector *e, const struct router_config *wanted, size_t n, struct instant now)
{
	struct spare spare = {0};
	struct group *groups = NULL;
	int r = n > STATE_ROUTERS_MAX ? -E2BIG : allocate_groups(wanted, n, &groups);

	if (r == 0)
		r = prepare(e, wanted, n, &spare);
	if (r < 0) {
		free(groups);
		return r;
	}
	take_turn(e);
	finish_all(e, now);
	if (!e->configured)
		tidy_unwanted(e, wanted, n);
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
	free_spare(&spare);
	e->stale = true;
	elector_settle(e, now);
	return 0;
}

static struct router *router_by_name(const struct elector *e, const char *name)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (strcmp(e->routers[i]->config.name, name) == 0)
			return e->routers[i];
	return NULL;
}

int elector_causes(
	struct elector *e, const char *name, const struct causes *causes, struct instant now)
{
	struct router *router = e->left ? NULL : router_by_name(e, name);
	struct causes its;
	int r = router ? causes_copy(causes, &its) : 0;

	if (r < 0)
		return r;
	take_turn(e);
	if (router)
		router_weigh(router, &its, now);
	elector_settle(e, now);
	return 0;
}

void elector_hold(struct elector *e, uint64_t ready_timeout_us, struct instant now)
{
	if (!e->configured && ready_timeout_us)
		e->hold = instant_add(now, ready_timeout_us);
}

static void end_hold(struct elector *e, struct instant now)
{
	e->hold = INSTANT_NEVER;
	for (size_t i = 0; i < e->n_routers; i++)
		router_hold(e->routers[i], false, now);
}

void elector_ready(struct elector *e, struct instant now)
{
	take_turn(e);
	end_hold(e, now);
	end_turn(e, now);
}

void elector_prepared(struct elector *e, const char *name, uint32_t number, struct instant now)
{
	struct router *router = e->left ? NULL : router_by_name(e, name);

	if (!router)
		return;
	take_turn(e);
	router_prepared(router, number, now);
	end_turn(e, now);
}

void elector_leave(struct elector *e, struct instant now)
{
	e->left = true;
	e->look_again = INSTANT_NEVER;
	if (!e->configured && e->state->routers)
		tidy_unwanted(e, NULL, 0);
	take_turn(e);
	for (size_t i = 0; i < e->n_routers; i++) {
		router_leave(e->routers[i], now);
		router_finish(e->routers[i], now);
	}
	for (size_t i = 0; i < e->n_ports; i++)
		remove_device(e, e->ports[i]);
	end_turn(e, now);
}

void elector_pause(struct elector *e, struct instant now)
{
	e->left = true;
	e->look_again = INSTANT_NEVER;
	finish_all(e, now);
	for (size_t i = 0; i < e->n_routers; i++)
		router_pause(e->routers[i], now);
	e->ops->arm(e->io, INSTANT_NEVER);
}

void elector_switchover(struct elector *e, const char *name, bool insist, struct instant now)
{
	take_turn(e);
	for (size_t i = 0; i < e->n_routers; i++)
		if (!name || strcmp(e->routers[i]->config.name, name) == 0)
			router_switchover(e->routers[i], insist, now);
	end_turn(e, now);
}

void elector_maintain(struct elector *e, enum maintenance maintenance, struct instant now)
{
	e->maintenance = maintenance;
	take_turn(e);
	for (size_t i = 0; i < e->n_routers; i++)
		router_maintain(e->routers[i], maintenance, now);
	elector_settle(e, now);
}

static void voice_down(struct elector *e, struct port *p, uint16_t family, struct instant now)
{
	bool heard = p->ifindex && p->up && !p->broken; /* a word of parting arrives */

	for (size_t i = 0; i < e->n_routers; i++) {
		if (router_voice(e->routers[i]) != port_voice(p, family))
			continue;
		if (heard)
			router_no_address(e->routers[i], now);
		else
			router_link_down(e->routers[i], now);
		router_finish(e->routers[i], now);
	}
	close_voice(e, p, family);
}

static void tell_routers_away(struct elector *e, const struct port *p, bool up)
{
	for (size_t i = 0; i < e->n_routers; i++)
		holding_port_changed(e->routers[i], p, up);
}

/* Its addresses went with the interface. Settling tells the routers. */
static void port_gone(struct elector *e, struct port *p)
{
	if (!p->ifindex)
		return;
	p->ifindex = 0;
	p->up = false;
	for (size_t i = 0; i < VOICES; i++)
		p->voices[i].primary = (struct addr){0};
	p->broken = true;
	p->refused = false;
	tell_routers_away(e, p, false);
}

void elector_link(struct elector *e, int ifindex, const char *name, bool up,
	const uint8_t mac[static PORT_MAC_LEN])
{
	struct port *named = port_by_name(e, name);
	struct port *old = port_by_index(e, ifindex);

	if (old && old != named) { /* not ours any more, but it still has our addresses */
		old->up = false;
		old->seen = true;
		old->renamed = true;
	}
	if (!named)
		return;
	if (named->ifindex != ifindex || (up && !named->up) || (named->made && up != named->up))
		tell_routers_away(e, named, up && !named->up);
	if (named->ifindex != ifindex) {
		port_gone(e, named);
		named->ifindex = ifindex;
		named->renamed = false;
		e->stale = true;
	}
	named->up = up;
	named->seen = true;
	memcpy(named->mac, mac, PORT_MAC_LEN);
}

void elector_link_mtu(struct elector *e, int ifindex, uint32_t mtu)
{
	struct port *p = port_by_index(e, ifindex);

	if (p)
		p->mtu = mtu;
}

void elector_link_gone(struct elector *e, int ifindex)
{
	struct port *p = ifindex ? port_by_index(e, ifindex) : NULL;

	if (p)
		port_gone(e, p);
}

static bool has_at(const struct router *r, const struct port *p, const struct addr *addr)
{
	for (size_t place = 0; place < MOVED_PLACES_MAX; place++)
		if (r->sites[place].port == p)
			return holding_has(r, addr);
	return false;
}

static bool is_virtual(const struct elector *e, const struct port *p, const struct addr *addr)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (has_at(e->routers[i], p, addr))
			return true;
	return false;
}

/* 5.1.2.1: adverts come from a link-local address. */
static bool can_be_primary(const struct addr *addr)
{
	return addr->family == AF_INET || addr_is_link_local(addr);
}

void elector_addr(struct elector *e, int ifindex, const struct addr_prefix *addr, bool present)
{
	const struct moved gone = {.kind = MOVED_ADDRESS, .address.prefix = *addr};
	struct port *p = port_by_index(e, ifindex);
	struct voice *v;

	if (!p || !ifindex)
		return;
	v = port_voice(p, addr->addr.family);
	if (present && !v->primary.family && can_be_primary(&addr->addr) &&
		!is_virtual(e, p, &addr->addr))
		v->primary = addr->addr;
	if (present)
		return;
	if (addr_equal(&v->primary, &addr->addr)) {
		v->primary = (struct addr){0};
		e->stale = true;
	}
	for (size_t i = 0; i < e->n_routers; i++)
		holding_gone(e->routers[i], p, &gone);
}

void elector_route_gone(struct elector *e, const struct moved *what)
{
	for (size_t i = 0; i < e->n_routers; i++)
		holding_gone(e->routers[i], NULL, what);
}

static void voice_up(struct elector *e, struct port *p, uint16_t family)
{
	struct voice *v = port_voice(p, family);
	int error = e->ops->open_port(e->io, p, family);
	char text[160];

	v->ready = error == 0;
	if (error == 0 || v->failed) {
		v->failed = error < 0;
		return;
	}
	v->failed = true;
	(void)snprintf(
		text, sizeof(text), "%s: cannot hear adverts: %s", p->interface, strerror(-error));
	e->ops->event(e->io, EVENT_ERROR, NULL, text);
}

static void give_up(struct elector *e, struct port *p)
{
	for (size_t i = 0; i < e->n_routers; i++)
		holding_vacate(e->routers[i], p);
	port_gone(e, p);
}

static bool is_usable(const struct elector *e, struct port *p, uint16_t family)
{
	if (p->made)
		return p->ifindex && !p->refused && is_device(e, p, family);
	return p->ifindex && p->up && port_voice(p, family)->primary.family &&
	       is_home(e, p, family);
}

static void settle_port(struct elector *e, struct port *p, struct instant now)
{
	static const uint16_t families[VOICES] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < VOICES; i++)
		if (p->voices[i].ready && (!is_usable(e, p, families[i]) || p->broken))
			voice_down(e, p, families[i], now);
	if (p->renamed)
		give_up(e, p);
	p->broken = p->renamed = false;
	for (size_t i = 0; i < VOICES; i++)
		if (!p->voices[i].ready && is_usable(e, p, families[i]))
			voice_up(e, p, families[i]);
}

static void refuse_device(
	struct elector *e, const struct router *r, struct port *p, const char *why)
{
	char text[200];

	if (p->refused)
		return;
	p->refused = true;
	(void)snprintf(text, sizeof(text), "%s: no virtual MAC: %s: %s", r->config.name,
		p->interface, why);
	e->ops->event(e->io, EVENT_ERROR, r, text);
}

/* The device may be a predecessor's, with the virtual router's addresses on it. Returns whether one
 * was made. */
static bool settle_device(struct elector *e, struct router *r)
{
	struct port *p = router_mac_port(r);
	const int parent = router_home(r)->ifindex;
	uint8_t mac[PORT_MAC_LEN];
	int error;

	if (!p || !parent)
		return false;
	virtual_mac(r->config.format.family, r->config.vrid, mac);
	if (p->ifindex) {
		if (!virtual_mac_equal(p->mac, mac))
			refuse_device(e, r, p, "there is such an interface, which is not ours");
		else
			p->refused = false;
		return false;
	}
	memcpy(r->record->mac_device, p->interface, sizeof(r->record->mac_device));
	error = e->ops->make_device(e->io, p, parent, mac);
	if (error < 0 && error != -EEXIST) /* news of that one is on its way */
		refuse_device(e, r, p, strerror(-error));
	return error == 0;
}

static bool settle_devices(struct elector *e)
{
	bool made = false;

	for (size_t i = 0; i < e->n_routers; i++)
		made |= settle_device(e, e->routers[i]);
	return made;
}

static void settle_router(struct router *r, struct instant now)
{
	wire_mind_mtu(r);
	if (router_has_fault(r))
		router_fault(r, now);
	if (!router_has_device(r) && r->vrrp.state != VRRP_INITIALIZE)
		router_no_address(r, now);
	if (!r->group && !router_is_ready(r))
		router_disown(r);
	else if (!r->group && r->vrrp.state == VRRP_INITIALIZE)
		router_begin(r, now);
	if (r->vrrp.state == VRRP_INITIALIZE || !router_voice(r)->ready)
		return;
	if (!r->config.source.family &&
		!addr_equal(&r->vrrp.config.primary, &router_voice(r)->primary))
		router_readdress(r, now);
	router_restore(r, now);
}

/* What was known stays so until somebody can say better: a kernel short of memory is no reason to
 * leave an election. */
static void dump_failed(struct elector *e, int error, struct instant now)
{
	char text[160];

	e->look_again = instant_add(now, LOOK_AGAIN_US);
	if (e->blind)
		return;
	e->blind = true;
	(void)snprintf(
		text, sizeof(text), "cannot list interfaces and addresses: %s", strerror(-error));
	e->ops->event(e->io, EVENT_ERROR, NULL, text);
}

static void forget_primaries(struct port *p)
{
	for (struct voice *v = p->voices; v < p->voices + VOICES; v++) {
		v->known_primary = v->primary;
		v->primary = (struct addr){0};
	}
}

static void recall_primaries(struct port *p)
{
	for (struct voice *v = p->voices; v < p->voices + VOICES; v++)
		v->primary = v->known_primary;
}

/* Learn anew what each port has. One that the dump does not mention is gone. */
static void refresh(struct elector *e, struct instant now)
{
	int error;

	for (size_t i = 0; i < e->n_ports; i++) {
		forget_primaries(e->ports[i]);
		e->ports[i]->seen = false;
	}
	error = e->ops->dump(e->io);
	if (error < 0) {
		for (size_t i = 0; i < e->n_ports; i++)
			recall_primaries(e->ports[i]);
		dump_failed(e, error, now);
		return;
	}
	for (size_t i = 0; i < e->n_ports; i++) {
		e->ports[i]->known = true;
		if (!e->ports[i]->seen)
			port_gone(e, e->ports[i]);
	}
	e->stale = e->blind = false;
	e->look_again = INSTANT_NEVER;
}

void elector_settle(struct elector *e, struct instant now)
{
	if (e->left)
		return;
	take_turn(e);
	if (e->stale)
		refresh(e, now);
	if (settle_devices(e))
		refresh(e, now);
	for (size_t i = 0; i < e->n_ports; i++)
		settle_port(e, e->ports[i], now);
	for (size_t i = 0; i < e->n_groups; i++)
		group_settle(&e->groups[i], now);
	for (size_t i = 0; i < e->n_routers; i++)
		settle_router(e->routers[i], now);
	end_turn(e, now);
}

void elector_news_lost(struct elector *e, struct instant now)
{
	e->stale = true;
	for (size_t i = 0; i < e->n_routers; i++)
		holding_suspect(e->routers[i]);
	elector_settle(e, now);
}

/* What is for no router of ours. Other people's virtual routers are nothing to tell. */
static void complain(struct elector *e, struct port *p, enum vrrp_reject why, struct instant now)
{
	char text[160];

	p->rejected[why]++;
	if (why == VRRP_REJECT_VRID || !instant_reached(p->next_complaint, now))
		return;
	p->next_complaint = instant_add(now, COMPLAINT_INTERVAL_US);
	(void)snprintf(text, sizeof(text), "%s: rejected a datagram: %s", p->interface,
		vrrp_reject_name(why));
	e->ops->event(e->io, EVENT_ADVERT_REJECTED, NULL, text);
}

/* What came with its IP header is parted from it. */
static enum vrrp_reject unwrap(const struct vrrp_datagram *in, struct vrrp_datagram *ret)
{
	*ret = *in;
	return in->source.family ? VRRP_OK : vrrp_datagram_parse(in->bytes, in->len, ret);
}

static void hear(
	struct elector *e, struct port *port, const struct vrrp_datagram *in, struct instant now)
{
	struct vrrp_datagram datagram;
	enum vrrp_reject why = unwrap(in, &datagram);
	uint8_t vrid;
	unsigned hearer = 0;

	if (why == VRRP_OK)
		why = vrrp_packet_vrid(&datagram, &vrid);
	if (why == VRRP_OK) {
		hearer = port_voice(port, datagram.source.family)->hearers[vrid];
		why = hearer ? VRRP_OK : VRRP_REJECT_VRID;
	}
	if (why != VRRP_OK) {
		complain(e, port, why, now);
		return;
	}
	wire_hear(e->routers[hearer - 1], &datagram, now);
	go_on_around(e, e->routers[hearer - 1], now);
}

void elector_hear(struct elector *e, struct port *port, const struct vrrp_datagram *datagrams,
	size_t n, struct instant now)
{
	if (e->left)
		return;
	take_turn(e);
	for (size_t i = 0; i < n; i++)
		hear(e, port, &datagrams[i], now);
	arm(e);
}

static struct router *router_of(struct deadline *d)
{
	return (struct router *)(void *)((char *)d - offsetof(struct router, due));
}

/* Those that are due when the turn begins: one that is again, with what is under way, waits for the
 * next. */
static void call_routers(struct elector *e, struct instant now)
{
	struct router *due[STATE_ROUTERS_MAX];
	struct deadline *first;
	size_t n = 0;

	while ((first = deadline_first(&e->heap)) && instant_reached(first->at, now)) {
		deadline_clear(&e->heap, first);
		due[n++] = router_of(first);
	}
	for (size_t i = 0; i < n; i++)
		if (instant_reached(router_deadline(due[i]), now))
			router_timer(due[i], now);
	for (size_t i = 0; i < n; i++)
		go_on_around(e, due[i], now);
}

void elector_timer(struct elector *e, struct instant now)
{
	if (e->left)
		return;
	take_turn(e);
	call_routers(e, now);
	if (instant_reached(e->hold, now)) {
		e->ops->event(e->io, EVENT_NOT_READY, NULL,
			"not ready within ready_timeout: preempts all the same");
		end_hold(e, now);
		end_turn(e, now);
	}
	if (instant_reached(e->look_again, now))
		elector_settle(e, now);
	arm(e);
}
