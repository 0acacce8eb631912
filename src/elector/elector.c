/* Ports and routers, and the difference between two configurations. What one router does is in
 * router.c. Memory is allocated by elector_configure() alone. */
#include "elector/elector.h"

#include "elector/holding.h"
#include "elector/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAINT_INTERVAL_US UINT64_C(60000000)
#define LOOK_AGAIN_US UINT64_C(100000)

void elector_init(
	struct elector *e, const struct elector_ops *ops, void *io, struct state_file *state)
{
	*e = (struct elector){.ops = ops,
		.io = io,
		.state = state,
		.look_again = INSTANT_NEVER,
		.hold = INSTANT_NEVER};
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

void elector_done(struct elector *e)
{
	for (size_t i = 0; i < e->n_routers; i++)
		free(e->routers[i]);
	for (size_t i = 0; i < e->n_ports; i++)
		free_port(e, e->ports[i]);
	e->n_routers = e->n_ports = 0;
}

static void arm(struct elector *e)
{
	struct instant deadline = instant_min(e->look_again, e->hold);

	for (size_t i = 0; i < e->n_routers; i++)
		deadline = instant_min(deadline, router_deadline(e->routers[i]));
	e->ops->arm(e->io, deadline);
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

static bool record_matches(const struct state_router *s, const struct router_config *config)
{
	return s->used && s->vrid == config->vrid &&
	       s->format.family == config->format.family &&
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
		(void)snprintf(text, sizeof(text), "%s: removed %zu addresses of an earlier run",
			s->name, removed);
	e->ops->event(e->io, error < 0 ? EVENT_ERROR : EVENT_LEFTOVER_REMOVED, NULL, text);
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
		s->used = false;
	}
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
		router_leave(r, now);
		r->record->used = false;
		free(r);
	}
	e->n_routers = kept;
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
		if (e->routers[i]->sites[STATE_AWAY].port == p)
			return true;
	return is_home(e, p, AF_INET) || is_home(e, p, AF_INET6);
}

static void drop_unused_ports(struct elector *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->n_ports; i++) {
		if (is_used(e, e->ports[i]))
			e->ports[kept++] = e->ports[i];
		else
			free_port(e, e->ports[i]);
	}
	e->n_ports = kept;
}

/* All the memory that the wanted routers need beyond what there is, before anything changes. */
struct spare {
	struct router *routers[STATE_ROUTERS_MAX];
	struct port *ports[STATE_PLACES * STATE_ROUTERS_MAX];
	size_t n_routers, n_ports;
};

static void free_spare(struct spare *s)
{
	while (s->n_routers > 0)
		free(s->routers[--s->n_routers]);
	while (s->n_ports > 0)
		free(s->ports[--s->n_ports]);
}

static bool allocate_port(const struct elector *e, const char *interface, struct spare *s)
{
	if (!*interface || port_by_name(e, interface))
		return true;
	s->ports[s->n_ports] = calloc(1, sizeof(struct port));
	return s->ports[s->n_ports++] != NULL;
}

static bool allocate_router(
	const struct elector *e, const struct router_config *wanted, struct spare *s)
{
	if (find_router(e, wanted))
		return true;
	s->routers[s->n_routers] = calloc(1, sizeof(struct router));
	return s->routers[s->n_routers++] != NULL;
}

static int allocate(
	const struct elector *e, const struct router_config *wanted, size_t n, struct spare *ret)
{
	struct spare s = {0};

	for (size_t i = 0; i < n; i++) {
		if (allocate_router(e, &wanted[i], &s) &&
			allocate_port(e, wanted[i].interface, &s) &&
			allocate_port(e, wanted[i].snat_interface, &s))
			continue;
		free_spare(&s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

/* NULL for no interface. */
static struct port *obtain_port(struct elector *e, const char *interface, struct spare *spare)
{
	struct port *p = port_by_name(e, interface);

	if (p || !*interface)
		return p;
	p = spare->ports[--spare->n_ports];
	*p = (struct port){.voices = {{.fd = -1}, {.fd = -1}}};
	(void)snprintf(p->interface, sizeof(p->interface), "%s", interface);
	e->ports[e->n_ports++] = p;
	return p;
}

static void add_or_change(struct elector *e, const struct router_config *wanted,
	struct spare *spare, struct instant now)
{
	struct port *const ports[STATE_PLACES] = {
		[STATE_HOME] = obtain_port(e, wanted->interface, spare),
		[STATE_AWAY] = obtain_port(e, wanted->snat_interface, spare),
	};
	struct router *r = find_router(e, wanted);

	if (r) {
		router_reconfigure(r, wanted, ports, now);
		return;
	}
	r = spare->routers[--spare->n_routers];
	router_init(r, wanted, ports, take_record(e, wanted), e->ops, e->io, now);
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
			group_add(obtain_group(e, wanted[i].group), find_router(e, &wanted[i]), now);
	for (size_t i = 0; i < e->n_groups; i++)
		group_follow(&e->groups[i], now);
}

static void dissolve_groups(struct elector *e)
{
	for (size_t i = 0; i < e->n_routers; i++)
		router_ungroup(e->routers[i]);
	e->n_groups = 0;
}

int elector_configure(
	struct elector *e, const struct router_config *wanted, size_t n, struct instant now)
{
	struct spare spare;
	int r = n > STATE_ROUTERS_MAX ? -E2BIG : allocate(e, wanted, n, &spare);

	if (r < 0)
		return r;
	if (!e->configured)
		tidy_unwanted(e, wanted, n);
	e->configured = true;
	dissolve_groups(e);
	drop_unwanted(e, wanted, n, now);
	for (size_t i = 0; i < n; i++)
		add_or_change(e, &wanted[i], &spare, now);
	form_groups(e, wanted, n, now);
	drop_unused_ports(e);
	free_spare(&spare);
	e->stale = true;
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
	end_hold(e, now);
	arm(e);
}

void elector_leave(struct elector *e, struct instant now)
{
	e->left = true;
	e->look_again = INSTANT_NEVER;
	if (!e->configured && e->state->routers)
		tidy_unwanted(e, NULL, 0);
	for (size_t i = 0; i < e->n_routers; i++)
		router_leave(e->routers[i], now);
	arm(e);
}

void elector_pause(struct elector *e, struct instant now)
{
	e->left = true;
	e->look_again = INSTANT_NEVER;
	for (size_t i = 0; i < e->n_routers; i++)
		router_pause(e->routers[i], now);
	e->ops->arm(e->io, INSTANT_NEVER);
}

void elector_switchover(struct elector *e, const char *name, bool insist, struct instant now)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (!name || strcmp(e->routers[i]->config.name, name) == 0)
			router_switchover(e->routers[i], insist, now);
	arm(e);
}

void elector_maintain(struct elector *e, enum maintenance maintenance, struct instant now)
{
	e->maintenance = maintenance;
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
	}
	close_voice(e, p, family);
}

static void tell_routers_away(struct elector *e, const struct port *p)
{
	for (size_t i = 0; i < e->n_routers; i++)
		holding_port_changed(e->routers[i], p);
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
	tell_routers_away(e, p);
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
	if (named->ifindex != ifindex || (up && !named->up))
		tell_routers_away(e, named);
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

void elector_link_gone(struct elector *e, int ifindex)
{
	struct port *p = ifindex ? port_by_index(e, ifindex) : NULL;

	if (p)
		port_gone(e, p);
}

static bool is_virtual(const struct elector *e, const struct port *p, const struct addr *addr)
{
	for (size_t i = 0; i < e->n_routers; i++) {
		const struct router *r = e->routers[i];
		for (enum state_place place = 0; place < STATE_PLACES; place++)
			if (r->sites[place].port == p && holding_has(r, addr))
				return true;
	}
	return false;
}

/* 5.1.2.1: adverts come from a link-local address. */
static bool can_be_primary(const struct addr *addr)
{
	return addr->family == AF_INET || addr_is_link_local(addr);
}

void elector_addr(struct elector *e, int ifindex, const struct addr_prefix *addr, bool present)
{
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
		holding_address_gone(e->routers[i], p, addr);
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

static void settle_router(struct router *r, struct instant now)
{
	if (!r->group && !router_is_ready(r))
		router_disown(r);
	else if (!r->group && r->vrrp.state == VRRP_INITIALIZE)
		router_begin(r, now);
	if (r->vrrp.state == VRRP_INITIALIZE || !router_voice(r)->ready)
		return;
	if (!r->config.source.family &&
		!addr_equal(&r->vrrp.config.primary, &router_voice(r)->primary))
		router_readdress(r, now);
	holding_restore(r, now);
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
	if (e->stale)
		refresh(e, now);
	for (size_t i = 0; i < e->n_ports; i++)
		settle_port(e, e->ports[i], now);
	for (size_t i = 0; i < e->n_groups; i++)
		group_settle(&e->groups[i], now);
	for (size_t i = 0; i < e->n_routers; i++)
		settle_router(e->routers[i], now);
	arm(e);
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

static struct router *find_hearer(
	const struct elector *e, struct port *port, uint16_t family, uint8_t vrid)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (router_voice(e->routers[i]) == port_voice(port, family) &&
			e->routers[i]->config.vrid == vrid)
			return e->routers[i];
	return NULL;
}

void elector_packet(struct elector *e, struct port *port, const struct vrrp_datagram *datagram,
	struct instant now)
{
	uint8_t vrid;
	enum vrrp_reject why = vrrp_packet_vrid(datagram, &vrid);
	struct router *r =
		why == VRRP_OK ? find_hearer(e, port, datagram->source.family, vrid) : NULL;

	if (!r) {
		complain(e, port, why == VRRP_OK ? VRRP_REJECT_VRID : why, now);
		return;
	}
	wire_hear(r, datagram, now);
	arm(e);
}

void elector_datagram(
	struct elector *e, struct port *port, const uint8_t *bytes, size_t len, struct instant now)
{
	struct vrrp_datagram datagram;
	enum vrrp_reject why = vrrp_datagram_parse(bytes, len, &datagram);

	if (why == VRRP_OK)
		elector_packet(e, port, &datagram, now);
	else
		complain(e, port, why, now);
}

void elector_timer(struct elector *e, struct instant now)
{
	if (e->left)
		return;
	for (size_t i = 0; i < e->n_routers; i++)
		router_timer(e->routers[i], now);
	if (instant_reached(e->hold, now)) {
		e->ops->event(e->io, EVENT_NOT_READY, NULL,
			"not ready within ready_timeout: preempts all the same");
		end_hold(e, now);
	}
	if (instant_reached(e->look_again, now))
		elector_settle(e, now);
	arm(e);
}
