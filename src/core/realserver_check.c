/* Findings. Each says what is so and what comes of it, and names the interface, the address and,
 * where the configuration could be meant, the service. */
#include "core/realserver_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ETHERNET_MTU 1500

struct check {
	const struct realserver_want *want;
	const struct realserver_have *have;
	realserver_found found;
	void *userdata;
};

static __attribute__((format(printf, 3, 4))) void tell(
	const struct check *c, bool note, const char *format, ...)
{
	struct realserver_finding finding = {.note = note};
	va_list args;

	va_start(args, format);
	(void)vsnprintf(finding.text, sizeof(finding.text), format, args);
	va_end(args);
	c->found(&finding, c->userdata);
}

#define tell_wrong(c, ...) tell(c, false, __VA_ARGS__)
#define tell_note(c, ...) tell(c, true, __VA_ARGS__)

/* Its virtual address must be this host's, in silence. */
static bool is_quiet(const struct realserver_use *use)
{
	return (use->way == REALSERVER_DIRECT || use->way == REALSERVER_TUNNEL) &&
	       !addr_is_zero(&use->vip);
}

/* The first use that is about its virtual address. */
static bool is_first_of_vip(const struct realserver_want *want, size_t i)
{
	if (!is_quiet(&want->uses[i]))
		return false;
	for (size_t j = 0; j < i; j++)
		if (is_quiet(&want->uses[j]) && addr_equal(&want->uses[j].vip, &want->uses[i].vip))
			return false;
	return true;
}

/* --- ARP --- */

#define ADDRESSES_TEXT_MAX (ADDR_TEXT_MAX + 24)

/* "192.0.2.100", "192.0.2.100 and 3 more". */
static const char *quiet_addresses(const struct check *c, char buf[static ADDRESSES_TEXT_MAX])
{
	const struct addr *first = NULL;
	char text[ADDR_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->want->n_uses; i++) {
		const struct addr *vip = &c->want->uses[i].vip;

		if (vip->family != AF_INET || !is_first_of_vip(c->want, i))
			continue;
		first = first ? first : vip;
		n++;
	}
	if (n > 1)
		(void)snprintf(buf, ADDRESSES_TEXT_MAX, "%s and %zu more", addr_format(first, text),
			n - 1);
	else
		(void)snprintf(
			buf, ADDRESSES_TEXT_MAX, "%s", first ? addr_format(first, text) : "");
	return buf;
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static void check_arp_ignore(const struct check *c)
{
	char addresses[ADDRESSES_TEXT_MAX];

	for (size_t i = 0; i < c->have->n_links; i++) {
		const struct realserver_link *link = &c->have->links[i];
		int value = larger(c->have->all.arp_ignore, link->settings.arp_ignore);

		if (link->arp && link->up && value < 1)
			tell_wrong(c, "arp_ignore is %d on %s: this server will answer ARP for %s",
				value, link->name, quiet_addresses(c, addresses));
	}
}

static void check_arp_announce(const struct check *c)
{
	char addresses[ADDRESSES_TEXT_MAX];

	for (size_t i = 0; i < c->have->n_links; i++) {
		const struct realserver_link *link = &c->have->links[i];
		int value = larger(c->have->all.arp_announce, link->settings.arp_announce);

		if (link->arp && link->up && value < 2)
			tell_wrong(c,
				"arp_announce is %d on %s: when this server asks for a neighbour "
				"in the name of %s, the neighbour learns that address as this "
				"server's",
				value, link->name, quiet_addresses(c, addresses));
	}
}

/* --- Items that are not so --- */

static void check_setting(const struct check *c, const struct realserver_item *item)
{
	const struct realserver_link *link = realserver_find_link(c->have, item->link);
	char vip[ADDR_TEXT_MAX];

	switch (item->setting) {
	case REALSERVER_ARP_IGNORE:
		check_arp_ignore(c);
		break;
	case REALSERVER_ARP_ANNOUNCE:
		check_arp_announce(c);
		break;
	case REALSERVER_RP_FILTER:
		if (link)
			tell_wrong(c,
				"rp_filter is %d on %s (the larger one of its own and that of "
				"\"all\"): what comes out of the tunnel is dropped",
				realserver_rp_filter(c->have, link), link->name);
		break;
	case REALSERVER_IPV6:
		if (link)
			tell_wrong(c, "disable_ipv6 is %d on %s: it cannot have %s",
				link->settings.disable_ipv6, link->name,
				addr_format(&item->use->vip, vip));
		break;
	}
}

static void check_device(const struct check *c, const struct realserver_item *item)
{
	const struct realserver_link *link = realserver_find_link(c->have, item->link);
	char tunnel[REALSERVER_TEXT_MAX];

	if (!link)
		tell_wrong(c, "there is no %s: this server refuses what service %s sends by %.60s",
			item->link, item->use->service,
			realserver_tunnel_format(item->use, tunnel));
	else
		tell_wrong(c, "%s is not the device that service %s needs for %.60s", item->link,
			item->use->service, realserver_tunnel_format(item->use, tunnel));
}

static void check_listener(const struct check *c, const struct realserver_item *item)
{
	for (size_t i = 0; i < c->have->n_listeners; i++)
		if (c->have->listeners[i].family == item->family &&
			c->have->listeners[i].port == item->port) {
			tell_wrong(c, "UDP port %u is one for plain fou, which takes no gue",
				item->port);
			return;
		}
	tell_wrong(c,
		"nothing listens for gue on UDP port %u%s: this server refuses what service "
		"%s sends",
		item->port, item->family == AF_INET6 ? " over IPv6" : "", item->use->service);
}

static void check_up(const struct check *c, const struct realserver_item *item)
{
	if (realserver_find_link(c->have, item->link))
		tell_wrong(c, "%s is down: this server refuses what service %s sends", item->link,
			item->use->service);
}

static void check_address(const struct check *c, const struct realserver_item *item)
{
	char vip[ADDR_TEXT_MAX];

	tell_wrong(c,
		"%s is not on %s: this server does not take for its own what service %s sends",
		addr_format(&item->addr.addr, vip), item->link, item->use->service);
}

static void check_item(const struct check *c, const struct realserver_item *item)
{
	switch (item->what) {
	case REALSERVER_SETTING:
		check_setting(c, item);
		break;
	case REALSERVER_DEVICE:
		check_device(c, item);
		break;
	case REALSERVER_LISTENER:
		check_listener(c, item);
		break;
	case REALSERVER_UP:
		check_up(c, item);
		break;
	case REALSERVER_ADDRESS:
		check_address(c, item);
		break;
	case REALSERVER_WHAT_MAX_:
		break;
	}
}

/* --- What no step mends --- */

static const struct realserver_link *find_index(const struct check *c, int ifindex)
{
	for (size_t i = 0; i < c->have->n_links; i++)
		if (c->have->links[i].ifindex == ifindex)
			return &c->have->links[i];
	return NULL;
}

static const struct realserver_address *find_address(const struct check *c, const struct addr *addr)
{
	for (size_t i = 0; i < c->have->n_addresses; i++)
		if (addr_equal(&c->have->addresses[i].addr.addr, addr))
			return &c->have->addresses[i];
	return NULL;
}

static void check_own_address(const struct check *c, const struct realserver_use *use)
{
	char address[ADDR_TEXT_MAX];

	if (!find_address(c, &use->address))
		tell_wrong(c, "%s, the address of server %s of pool %s, is not this host's",
			addr_format(&use->address, address), use->server, use->pool);
}

static void check_named(const struct check *c, const struct realserver_use *use)
{
	if ((use->way == REALSERVER_DIRECT || use->way == REALSERVER_TUNNEL) &&
		addr_is_zero(&use->vip))
		tell_wrong(c,
			"service %s goes by a mark and has no \"listen\": which addresses this "
			"server must have for it is not said",
			use->service);
}

/* A virtual address where the segment is told of it, or that takes a whole network along. */
static void check_elsewhere(const struct check *c, const struct addr *vip)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < c->have->n_addresses; i++) {
		const struct realserver_address *there = &c->have->addresses[i];
		const struct realserver_link *link = find_index(c, there->ifindex);

		if (!link || !addr_equal(&there->addr.addr, vip))
			continue;
		if (link->arp && !c->want->director)
			tell_wrong(c,
				"%s is on %s: this server answers its neighbours for it; remove it "
				"from there",
				addr_format(vip, text), link->name);
		else if (link->loopback && there->addr.prefix_len < addr_len(vip) * 8)
			tell_wrong(c,
				"%s is on %s as /%u: this server takes the whole network for its "
				"own; make it /%zu",
				addr_format(vip, text), link->name, there->addr.prefix_len,
				addr_len(vip) * 8);
	}
}

static void check_gre(const struct check *c, const struct realserver_item *item)
{
	const struct realserver_use *first = item->use;
	bool expects = item->checksum;

	if (item->kind != REALSERVER_GRE && item->kind != REALSERVER_IP6GRE)
		return;
	for (size_t i = 0; i < c->want->n_uses; i++) {
		const struct realserver_use *use = &c->want->uses[i];
		bool sends = (use->flags & IPVS_TUNNEL_CHECKSUM) != 0;

		if (use->way != REALSERVER_TUNNEL || use->tunnel != IPVS_TUNNEL_GRE ||
			!addr_equal(&use->address, &first->address) || sends == expects)
			continue;
		tell_wrong(c,
			"%s takes gre %s checksum, and service %s sends it %s: one address of a "
			"server can have one kind",
			item->link, expects ? "with" : "without", use->service,
			sends ? "with" : "without");
		return;
	}
}

/* --- Packet sizes --- */

static uint32_t overhead(const struct realserver_use *use)
{
	uint32_t outer = use->address.family == AF_INET6 ? 40 : 20;

	switch (use->tunnel) {
	case IPVS_TUNNEL_IPIP:
		return outer;
	case IPVS_TUNNEL_GUE: /* UDP, gue, and the option of the remote checksum */
		return outer + 8 + 4 + (use->flags & IPVS_TUNNEL_REMOTE_CHECKSUM ? 8 : 0);
	case IPVS_TUNNEL_GRE:
		return outer + 4 + (use->flags & IPVS_TUNNEL_CHECKSUM ? 4 : 0);
	}
	return outer;
}

static bool same_size(const struct realserver_use *a, const struct realserver_use *b)
{
	return b->way == REALSERVER_TUNNEL && a->tunnel == b->tunnel && a->flags == b->flags &&
	       addr_equal(&a->address, &b->address);
}

static void check_mtu(const struct check *c, size_t i)
{
	const struct realserver_use *use = &c->want->uses[i];
	const struct realserver_address *there = find_address(c, &use->address);
	const struct realserver_link *link = there ? find_index(c, there->ifindex) : NULL;
	char tunnel[REALSERVER_TEXT_MAX];

	if (use->way != REALSERVER_TUNNEL || !link || link->mtu >= ETHERNET_MTU + overhead(use))
		return;
	for (size_t j = 0; j < i; j++)
		if (same_size(use, &c->want->uses[j]))
			return;
	tell_note(c,
		"the MTU of %s is %u: packets of %u bytes fit into %.60s; the directors tell "
		"clients so by ICMP, which must reach them",
		link->name, link->mtu, link->mtu - overhead(use),
		realserver_tunnel_format(use, tunnel));
}

/* --- The way back through the directors --- */

static bool covers(const struct addr_prefix *prefix, const struct addr *addr)
{
	size_t bits = prefix->prefix_len, bytes = bits / 8;

	if (prefix->addr.family != addr->family ||
		memcmp(prefix->addr.bytes, addr->bytes, bytes) != 0)
		return false;
	return bits % 8 == 0 ||
	       (prefix->addr.bytes[bytes] ^ addr->bytes[bytes]) >> (8 - bits % 8) == 0;
}

static const struct realserver_floating *find_near(
	const struct check *c, const struct realserver_use *use)
{
	for (size_t i = 0; i < c->want->n_floating; i++)
		if (covers(&c->want->floating[i].addr, &use->address))
			return &c->want->floating[i];
	return NULL;
}

static bool is_floating(const struct check *c, const struct addr *addr)
{
	for (size_t i = 0; i < c->want->n_floating; i++)
		if (addr_equal(&c->want->floating[i].addr.addr, addr))
			return true;
	return false;
}

static const struct realserver_route *default_route(const struct check *c, uint16_t family)
{
	for (size_t i = 0; i < c->have->n_routes; i++)
		if (c->have->routes[i].family == family)
			return &c->have->routes[i];
	return NULL;
}

#define ADVICE_MAX 160

static const char *advice(
	const struct check *c, const struct realserver_use *use, char buf[static ADVICE_MAX])
{
	const struct realserver_floating *near = find_near(c, use);
	char text[ADDR_TEXT_MAX];

	if (near)
		(void)snprintf(buf, ADVICE_MAX,
			"it should go by %s, which virtual router %.64s moves",
			addr_format(&near->addr.addr, text), near->router);
	else
		(void)snprintf(buf, ADVICE_MAX,
			"no virtual router has an address in the network of %s for it to go by",
			addr_format(&use->address, text));
	return buf;
}

static void check_way_back(const struct check *c, uint16_t family)
{
	const struct realserver_route *route = default_route(c, family);
	const struct realserver_use *use = NULL;
	char text[ADDR_TEXT_MAX], what[ADVICE_MAX];

	for (size_t i = 0; i < c->want->n_uses && !use; i++)
		if (c->want->uses[i].way == REALSERVER_NAT &&
			c->want->uses[i].address.family == family)
			use = &c->want->uses[i];
	if (!use || c->want->director || (route && is_floating(c, &route->gateway)))
		return;
	if (!route)
		tell_wrong(c, "service %s goes by nat, and there is no default route: %s",
			use->service, advice(c, use, what));
	else
		tell_wrong(c,
			"service %s goes by nat, and the default route by %s: replies miss the "
			"directors; %s",
			use->service,
			route->gateway.family ? addr_format(&route->gateway, text) : "no gateway",
			advice(c, use, what));
}

/* --- All --- */

static bool is_first_of_address(const struct realserver_want *want, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (addr_equal(&want->uses[j].address, &want->uses[i].address))
			return false;
	return true;
}

static void check_use(const struct check *c, size_t i)
{
	const struct realserver_use *use = &c->want->uses[i];

	if (is_first_of_address(c->want, i))
		check_own_address(c, use);
	check_named(c, use);
	if (is_first_of_vip(c->want, i))
		check_elsewhere(c, &use->vip);
}

void realserver_check(const struct realserver_want *want, const struct realserver_have *have,
	const struct realserver_item *items, size_t n_items, realserver_found found, void *userdata)
{
	struct check c = {.want = want, .have = have, .found = found, .userdata = userdata};

	for (size_t i = 0; i < want->n_uses; i++)
		check_use(&c, i);
	for (size_t i = 0; i < n_items; i++) {
		if (!realserver_is_so(&items[i], have))
			check_item(&c, &items[i]);
		if (items[i].what == REALSERVER_DEVICE)
			check_gre(&c, &items[i]);
	}
	check_way_back(&c, AF_INET);
	check_way_back(&c, AF_INET6);
	for (size_t i = 0; i < want->n_uses; i++)
		check_mtu(&c, i);
}
