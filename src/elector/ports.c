/* Ports: interfaces where routers speak or have addresses, and the devices with virtual MACs, which
 * are made here. News of the kernel's makes them usable or not; settling tells the routers. */
#include "elector/parts.h"

#include "elector/holding.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_US UINT64_C(100000)

static void close_voice(struct elector *e, struct port *p, uint16_t family)
{
	if (!port_voice(p, family)->ready)
		return;
	e->ops->close_port(e->io, p, family);
	port_voice(p, family)->ready = false;
}

void port_free(struct elector *e, struct port *p)
{
	close_voice(e, p, AF_INET);
	close_voice(e, p, AF_INET6);
	free(p);
}

struct port *port_by_name(const struct elector *e, const char *interface)
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

static bool is_ours(const struct port *p)
{
	return p && p->made && !p->refused && p->ifindex;
}

/* With all that is on it, by somebody who has the time. */
void port_give_up_device(struct elector *e, struct port *p)
{
	if (!is_ours(p))
		return;
	e->ops->give_up_device(e->io, p);
	p->ifindex = 0;
	p->up = false;
}

/* The same, before we leave: nobody may be there afterwards. */
void port_remove_device(struct elector *e, struct port *p)
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
bool port_is_home(const struct elector *e, const struct port *p, uint16_t family)
{
	for (size_t i = 0; i < e->n_routers; i++)
		if (router_home(e->routers[i]) == p &&
			e->routers[i]->config.format.family == family)
			return true;
	return false;
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
	       port_is_home(e, p, family);
}

void port_settle(struct elector *e, struct port *p, struct instant now)
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

bool port_settle_devices(struct elector *e)
{
	bool made = false;

	for (size_t i = 0; i < e->n_routers; i++)
		made |= settle_device(e, e->routers[i]);
	return made;
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
void port_refresh(struct elector *e, struct instant now)
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
