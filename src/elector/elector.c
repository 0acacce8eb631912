/* All routers: turns and deadlines, and who is told what. What one router does is in router.c.
 * Memory is allocated by elector_configure() and elector_causes() alone. */
#include "elector/parts.h"

#include "elector/holding.h"
#include "elector/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAINT_INTERVAL_US UINT64_C(60000000)

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

void elector_free_router(struct elector *e, struct router *r)
{
	deadline_clear(&e->heap, &r->due);
	router_done(r);
	free(r);
}

/* There are keys in it. */
void elector_free_lists(void *lists, size_t size)
{
	if (lists)
		explicit_bzero(lists, size);
	free(lists);
}

void elector_done(struct elector *e)
{
	for (size_t i = 0; i < e->n_routers; i++)
		elector_free_router(e, e->routers[i]);
	for (size_t i = 0; i < e->n_ports; i++)
		port_free(e, e->ports[i]);
	free(e->ports);
	e->ports = NULL;
	free(e->groups);
	e->groups = NULL;
	elector_free_lists(e->lists, e->lists_size);
	e->lists = NULL;
	e->n_routers = e->n_ports = e->n_groups = 0;
}

/* A turn begins. */
void elector_take_turn(struct elector *e)
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
void elector_end_turn(struct elector *e, struct instant now)
{
	for (size_t i = 0; i < e->n_routers; i++)
		go_on_with(e, e->routers[i], now);
	arm(e);
}

/* VRID, family and interface are a virtual router's identity on the wire. */
bool elector_same_router(const struct router_config *a, const struct router_config *b)
{
	return a->vrid == b->vrid && a->format.family == b->format.family &&
	       strcmp(a->interface, b->interface) == 0;
}

struct router *elector_find_router(const struct elector *e, const struct router_config *config)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (elector_same_router(&e->routers[i]->config, config))
			return e->routers[i];
	return NULL;
}

/* A change is made as a whole: what is under way comes to its end first. */
void elector_finish_all(struct elector *e, struct instant now)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (e->routers[i]->todo)
			router_finish(e->routers[i], now);
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
	elector_take_turn(e);
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
	elector_take_turn(e);
	end_hold(e, now);
	elector_end_turn(e, now);
}

void elector_prepared(struct elector *e, const char *name, uint32_t number, struct instant now)
{
	struct router *router = e->left ? NULL : router_by_name(e, name);

	if (!router)
		return;
	elector_take_turn(e);
	router_prepared(router, number, now);
	elector_end_turn(e, now);
}

void elector_leave(struct elector *e, struct instant now)
{
	e->left = true;
	e->look_again = INSTANT_NEVER;
	if (!e->configured && e->state->routers)
		change_tidy_unwanted(e, NULL, 0);
	elector_take_turn(e);
	for (size_t i = 0; i < e->n_routers; i++) {
		router_leave(e->routers[i], now);
		router_finish(e->routers[i], now);
	}
	for (size_t i = 0; i < e->n_ports; i++)
		port_remove_device(e, e->ports[i]);
	elector_end_turn(e, now);
}

void elector_pause(struct elector *e, struct instant now)
{
	e->left = true;
	e->look_again = INSTANT_NEVER;
	elector_finish_all(e, now);
	for (size_t i = 0; i < e->n_routers; i++)
		router_pause(e->routers[i], now);
	e->ops->arm(e->io, INSTANT_NEVER);
}

void elector_switchover(struct elector *e, const char *name, bool insist, struct instant now)
{
	elector_take_turn(e);
	for (size_t i = 0; i < e->n_routers; i++)
		if (!name || strcmp(e->routers[i]->config.name, name) == 0)
			router_switchover(e->routers[i], insist, now);
	elector_end_turn(e, now);
}

void elector_maintain(struct elector *e, enum maintenance maintenance, struct instant now)
{
	e->maintenance = maintenance;
	elector_take_turn(e);
	for (size_t i = 0; i < e->n_routers; i++)
		router_maintain(e->routers[i], maintenance, now);
	elector_settle(e, now);
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

void elector_settle(struct elector *e, struct instant now)
{
	if (e->left)
		return;
	elector_take_turn(e);
	if (e->stale)
		port_refresh(e, now);
	if (port_settle_devices(e))
		port_refresh(e, now);
	for (size_t i = 0; i < e->n_ports; i++)
		port_settle(e, e->ports[i], now);
	for (size_t i = 0; i < e->n_groups; i++)
		group_settle(&e->groups[i], now);
	for (size_t i = 0; i < e->n_routers; i++)
		settle_router(e->routers[i], now);
	elector_end_turn(e, now);
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
	elector_take_turn(e);
	for (size_t i = 0; i < n; i++)
		hear(e, port, &datagrams[i], now);
	arm(e);
}

/* A director may have several interfaces on one link. */
static bool is_own_mac(const struct elector *e, const uint8_t mac[static PORT_MAC_LEN])
{
	for (size_t i = 0; i < e->n_ports; i++)
		if (virtual_mac_equal(e->ports[i]->mac, mac))
			return true;
	return false;
}

static bool has_address(const struct router *r, int ifindex, const struct addr *addr)
{
	for (size_t i = 0; i < r->config.n_moved; i++) {
		const struct moved *m = &r->config.moved[i];
		const struct port *port = m->kind == MOVED_ADDRESS ? r->sites[m->place].port : NULL;

		if (port && port->ifindex == ifindex && addr_equal(&m->address.prefix.addr, addr))
			return true;
	}
	return false;
}

void elector_claimed(struct elector *e, int ifindex, const struct claim *claim, struct instant now)
{
	if (e->left || is_own_mac(e, claim->mac))
		return;
	for (size_t i = 0; i < e->n_routers; i++)
		if (has_address(e->routers[i], ifindex, &claim->addr))
			router_claimed(e->routers[i], claim, now);
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
	elector_take_turn(e);
	call_routers(e, now);
	if (instant_reached(e->hold, now)) {
		e->ops->event(e->io, EVENT_NOT_READY, NULL,
			"not ready within ready_timeout: preempts all the same");
		end_hold(e, now);
		elector_end_turn(e, now);
	}
	if (instant_reached(e->look_again, now))
		elector_settle(e, now);
	arm(e);
}
