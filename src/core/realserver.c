/* What must be so on a real server, and the steps that make it so. How the kernel is asked and
 * changed, and what was recorded, are the caller's; what is wrong in words is
 * core/realserver_check's.
 *
 * The rules, each measured (tandem-forwarding(7) has them for operators):
 * - the kernel answers ARP for every address of the host on every link, so the virtual address may
 *   come only when arp_ignore says otherwise;
 * - a strict reverse path filter drops all that comes out of a tunnel, since the way back to the
 *   client is another link; a loose one lets it in if the tunnel's device has an address;
 * - a tunnel's packets go to the device bound to their outer address, else to the one that the
 *   module brings along, which is up or refuses them;
 * - a gre device takes packets with a checksum or packets without. */
#include "core/realserver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two settings of ARP, one of the link, device, listener, up, address. */
#define ITEMS_PER_USE 7

static const struct {
	const char *name, *device;
	bool always_own; /* the module's device is not asked for: it takes one inner family only */
	const char *own;
} kinds[REALSERVER_KIND_MAX_] = {
	[REALSERVER_PLAIN] = {"plain", "", false, ""},
	[REALSERVER_IPIP] = {"ipip", "tunl0", false, ""},
	[REALSERVER_SIT] = {"sit", "sit0", false, ""},
	[REALSERVER_IP6TNL] = {"ip6tnl", "ip6tnl0", true, "tandem-ip6tnl"},
	[REALSERVER_GRE] = {"gre", "gre0", false, "tandem-gre"},
	[REALSERVER_IP6GRE] = {"ip6gre", "ip6gre0", true, "tandem-ip6gre"},
};

const char *realserver_kind_name(enum realserver_kind kind)
{
	return kinds[kind].name;
}

/* --- Uses --- */

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_uses(const void *a, const void *b)
{
	const struct realserver_use *x = a, *y = b;
	int order = compare_numbers(x->way, y->way);

	if (!order)
		order = addr_compare(&x->address, &y->address);
	if (!order)
		order = addr_compare(&x->vip, &y->vip);
	if (!order)
		order = compare_numbers(x->tunnel, y->tunnel);
	if (!order)
		order = compare_numbers(x->port, y->port);
	return order ? order : compare_numbers(x->flags, y->flags);
}

size_t realserver_sort_uses(struct realserver_use *uses, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(uses, n, sizeof(*uses), compare_uses);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare_uses(&uses[kept - 1], &uses[i]) != 0)
			uses[kept++] = uses[i];
	return kept;
}

/* Its virtual address must be this host's, in silence. */
static bool is_quiet(const struct realserver_use *use)
{
	return (use->way == REALSERVER_DIRECT || use->way == REALSERVER_TUNNEL) &&
	       !addr_is_zero(&use->vip);
}

/* --- What there is --- */

const struct realserver_link *realserver_find_link(
	const struct realserver_have *have, const char *name)
{
	for (size_t i = 0; i < have->n_links; i++)
		if (strcmp(have->links[i].name, name) == 0)
			return &have->links[i];
	return NULL;
}

static const struct realserver_link *find_index(const struct realserver_have *have, int ifindex)
{
	for (size_t i = 0; i < have->n_links; i++)
		if (have->links[i].ifindex == ifindex)
			return &have->links[i];
	return NULL;
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static const struct realserver_settings *settings_of(
	const struct realserver_have *have, const struct realserver_link *link)
{
	return link ? &link->settings : &have->defaults;
}

int realserver_rp_filter(const struct realserver_have *have, const struct realserver_link *link)
{
	return larger(have->all.rp_filter, settings_of(have, link)->rp_filter);
}

static bool has_any_v4(const struct realserver_have *have, const struct realserver_link *link)
{
	for (size_t i = 0; link && i < have->n_addresses; i++)
		if (have->addresses[i].ifindex == link->ifindex &&
			have->addresses[i].addr.addr.family == AF_INET)
			return true;
	return false;
}

/* Whether packets of the tunnel are let in though the virtual address is not on its device. */
static bool filter_passes_without(
	const struct realserver_have *have, const struct realserver_link *link)
{
	int filter = realserver_rp_filter(have, link);

	return filter <= 0 || (filter == 2 && has_any_v4(have, link));
}

/* --- Items --- */

static bool same_device(const struct realserver_item *a, const struct realserver_item *b)
{
	return strcmp(a->link, b->link) == 0 && a->kind == b->kind &&
	       addr_equal(&a->local, &b->local) && a->checksum == b->checksum;
}

static bool same_prefix(const struct addr_prefix *a, const struct addr_prefix *b)
{
	return a->prefix_len == b->prefix_len && addr_equal(&a->addr, &b->addr);
}

bool realserver_item_equal(const struct realserver_item *a, const struct realserver_item *b)
{
	if (a->what != b->what)
		return false;
	switch (a->what) {
	case REALSERVER_SETTING:
		return strcmp(a->name, b->name) == 0;
	case REALSERVER_DEVICE:
		return same_device(a, b);
	case REALSERVER_LISTENER:
		return a->family == b->family && a->port == b->port;
	case REALSERVER_UP:
		return strcmp(a->link, b->link) == 0;
	case REALSERVER_ADDRESS:
		return strcmp(a->link, b->link) == 0 && same_prefix(&a->addr, &b->addr);
	case REALSERVER_WHAT_MAX_:
		break;
	}
	return false;
}

static bool all_links_have(const struct realserver_have *have, enum realserver_setting setting)
{
	for (size_t i = 0; i < have->n_links; i++) {
		const struct realserver_link *link = &have->links[i];
		bool ignore = setting == REALSERVER_ARP_IGNORE;
		int own = ignore ? link->settings.arp_ignore : link->settings.arp_announce;
		int all = ignore ? have->all.arp_ignore : have->all.arp_announce;

		if (link->arp && link->up && larger(own, all) < (ignore ? 1 : 2))
			return false;
	}
	return true;
}

static bool setting_is_so(const struct realserver_item *item, const struct realserver_have *have)
{
	const struct realserver_link *link = realserver_find_link(have, item->link);

	switch (item->setting) {
	case REALSERVER_ARP_IGNORE:
	case REALSERVER_ARP_ANNOUNCE:
		return all_links_have(have, item->setting);
	case REALSERVER_RP_FILTER:
		return realserver_rp_filter(have, link) != 1;
	case REALSERVER_IPV6:
		return settings_of(have, link)->disable_ipv6 == 0;
	}
	return false;
}

static bool device_is_so(const struct realserver_item *item, const struct realserver_have *have)
{
	const struct realserver_link *link = realserver_find_link(have, item->link);

	return link && link->kind == item->kind && addr_equal(&link->local, &item->local) &&
	       link->checksum == item->checksum;
}

static bool listener_is_so(const struct realserver_item *item, const struct realserver_have *have)
{
	for (size_t i = 0; i < have->n_listeners; i++)
		if (have->listeners[i].family == item->family &&
			have->listeners[i].port == item->port && have->listeners[i].gue)
			return true;
	return false;
}

static bool address_is_so(const struct realserver_item *item, const struct realserver_have *have)
{
	const struct realserver_link *link = realserver_find_link(have, item->link);

	for (size_t i = 0; link && i < have->n_addresses; i++)
		if (have->addresses[i].ifindex == link->ifindex &&
			same_prefix(&have->addresses[i].addr, &item->addr))
			return true;
	return false;
}

bool realserver_is_so(const struct realserver_item *item, const struct realserver_have *have)
{
	const struct realserver_link *link;

	switch (item->what) {
	case REALSERVER_SETTING:
		return setting_is_so(item, have);
	case REALSERVER_DEVICE:
		return device_is_so(item, have);
	case REALSERVER_LISTENER:
		return listener_is_so(item, have);
	case REALSERVER_UP:
		link = realserver_find_link(have, item->link);
		return link && link->up;
	case REALSERVER_ADDRESS:
		return address_is_so(item, have);
	case REALSERVER_WHAT_MAX_:
		break;
	}
	return false;
}

/* --- Which device takes a tunnel's packets --- */

static enum realserver_kind kind_of(const struct realserver_use *use)
{
	bool outer_v6 = use->address.family == AF_INET6;

	switch (use->tunnel) {
	case IPVS_TUNNEL_IPIP:
	case IPVS_TUNNEL_GUE:
		if (outer_v6)
			return REALSERVER_IP6TNL;
		return use->vip.family == AF_INET6 ? REALSERVER_SIT : REALSERVER_IPIP;
	case IPVS_TUNNEL_GRE:
		return outer_v6 ? REALSERVER_IP6GRE : REALSERVER_GRE;
	}
	return REALSERVER_PLAIN;
}

/* gue's checksum is the listener's business, which takes both. */
static bool wants_checksum(const struct realserver_use *use)
{
	return use->tunnel == IPVS_TUNNEL_GRE && (use->flags & IPVS_TUNNEL_CHECKSUM);
}

static bool is_recorded(
	const struct realserver_record *record, enum realserver_what what, const char *link)
{
	for (size_t i = 0; i < record->n; i++)
		if (record->items[i].what == what && strcmp(record->items[i].link, link) == 0)
			return true;
	return false;
}

/* The names of devices for several addresses of this host differ in a number. */
static unsigned number_of_address(const struct realserver_want *want, const struct addr *address)
{
	unsigned number = 0;
	const struct addr *last = NULL;

	for (size_t i = 0; i < want->n_uses; i++) {
		const struct realserver_use *use = &want->uses[i];

		if (use->way != REALSERVER_TUNNEL)
			continue;
		if (addr_equal(&use->address, address))
			break;
		number += !last || !addr_equal(last, &use->address);
		last = &use->address;
	}
	return number;
}

static void set_own_device(struct realserver_item *device, const struct realserver_want *want,
	const struct realserver_use *use)
{
	unsigned number = number_of_address(want, &use->address);

	device->local = use->address;
	device->checksum = wants_checksum(use);
	if (number == 0)
		(void)snprintf(device->link, sizeof(device->link), "%s", kinds[device->kind].own);
	else
		(void)snprintf(device->link, sizeof(device->link), "%.11s%u",
			kinds[device->kind].own, number % 1000);
}

/* The device that the kernel would give the packets to, if it is bound to their outer address and
 * somebody else's. */
static const struct realserver_link *find_bound(const struct realserver_have *have,
	const struct realserver_record *record, const struct realserver_use *use)
{
	enum realserver_kind kind = kind_of(use);

	for (size_t i = 0; i < have->n_links; i++) {
		const struct realserver_link *link = &have->links[i];

		if (link->kind == kind && !link->has_remote &&
			addr_equal(&link->local, &use->address) &&
			!is_recorded(record, REALSERVER_DEVICE, link->name))
			return link;
	}
	return NULL;
}

static struct realserver_item device_of(const struct realserver_want *want,
	const struct realserver_have *have, const struct realserver_record *record,
	const struct realserver_use *use)
{
	struct realserver_item device = {
		.what = REALSERVER_DEVICE, .kind = kind_of(use), .use = use};
	const struct realserver_link *bound = find_bound(have, record, use);

	if (bound) {
		memcpy(device.link, bound->name, sizeof(device.link));
		device.local = bound->local;
		device.checksum = bound->checksum;
	} else if (kinds[device.kind].always_own || wants_checksum(use)) {
		set_own_device(&device, want, use);
	} else {
		(void)snprintf(device.link, sizeof(device.link), "%s", kinds[device.kind].device);
	}
	return device;
}

/* --- Where a virtual address goes --- */

/* We made it, or set it up: it goes when it is not wanted any more. lo stays. */
static bool may_go(const struct realserver_link *link, const struct realserver_record *record)
{
	return !link->loopback && (is_recorded(record, REALSERVER_DEVICE, link->name) ||
					  is_recorded(record, REALSERVER_UP, link->name));
}

/* A link on which the address is already, as a host's, without telling the segment. */
static bool serves_as_well(const struct realserver_link *link, const struct addr_prefix *addr,
	const struct realserver_address *there, const struct realserver_record *record)
{
	return link && link->up && !link->arp && same_prefix(&there->addr, addr) &&
	       !may_go(link, record);
}

/* `link` is where it goes when it is nowhere yet. */
static struct realserver_item place(const struct realserver_use *use, const char *link,
	const struct realserver_have *have, const struct realserver_record *record)
{
	struct realserver_item item = {.what = REALSERVER_ADDRESS, .use = use};
	bool may_be_elsewhere = use->way == REALSERVER_DIRECT || use->vip.family == AF_INET6 ||
				filter_passes_without(have, realserver_find_link(have, link));

	item.addr.addr = use->vip;
	item.addr.prefix_len = use->vip.family == AF_INET ? 32 : 128;
	(void)snprintf(item.link, sizeof(item.link), "%s", link);
	if (address_is_so(&item, have) || !may_be_elsewhere)
		return item;
	for (size_t i = 0; i < have->n_addresses; i++) {
		const struct realserver_link *there = find_index(have, have->addresses[i].ifindex);

		if (serves_as_well(there, &item.addr, &have->addresses[i], record)) {
			memcpy(item.link, there->name, sizeof(item.link));
			break;
		}
	}
	return item;
}

/* --- All items --- */

struct list {
	const struct realserver_want *want;
	const struct realserver_have *have;
	const struct realserver_record *record;
	struct realserver_item *items;
	size_t n;
};

static void add(struct list *l, const struct realserver_item *item)
{
	for (size_t i = 0; i < l->n; i++)
		if (realserver_item_equal(&l->items[i], item))
			return;
	assert(l->n < realserver_items_max(l->want));
	l->items[l->n++] = *item;
}

static void add_setting(struct list *l, const struct realserver_use *use,
	enum realserver_setting setting, const char *link)
{
	static const struct {
		const char *format, *value;
	} forms[] = {
		[REALSERVER_ARP_IGNORE] = {"net/ipv4/conf/%s/arp_ignore", "1"},
		[REALSERVER_ARP_ANNOUNCE] = {"net/ipv4/conf/%s/arp_announce", "2"},
		[REALSERVER_RP_FILTER] = {"net/ipv4/conf/%s/rp_filter", "2"},
		[REALSERVER_IPV6] = {"net/ipv6/conf/%s/disable_ipv6", "0"},
	};
	struct realserver_item item = {.what = REALSERVER_SETTING, .setting = setting, .use = use};
	const char *percent = strchr(forms[setting].format, '%');

	(void)snprintf(item.name, sizeof(item.name), "%.*s%s%s",
		(int)(percent - forms[setting].format), forms[setting].format, link, percent + 2);
	(void)snprintf(item.value, sizeof(item.value), "%s", forms[setting].value);
	(void)snprintf(item.link, sizeof(item.link), "%s", link);
	add(l, &item);
}

static void add_up(struct list *l, const struct realserver_use *use, const char *link)
{
	struct realserver_item item = {.what = REALSERVER_UP, .use = use};

	(void)snprintf(item.link, sizeof(item.link), "%s", link);
	add(l, &item);
}

static void add_address(struct list *l, const struct realserver_use *use, const char *link)
{
	struct realserver_item item = place(use, link, l->have, l->record);

	add(l, &item);
}

static void add_listener(struct list *l, const struct realserver_use *use)
{
	struct realserver_item item = {.what = REALSERVER_LISTENER,
		.family = use->address.family,
		.port = use->port,
		.use = use};

	if (use->tunnel == IPVS_TUNNEL_GUE)
		add(l, &item);
}

static void add_silence(struct list *l, const struct realserver_use *use)
{
	if (use->vip.family != AF_INET)
		return; /* neighbours are answered only on the link that has the address */
	add_setting(l, use, REALSERVER_ARP_IGNORE, "all");
	add_setting(l, use, REALSERVER_ARP_ANNOUNCE, "all");
}

static void add_link_setting(struct list *l, const struct realserver_use *use, const char *link)
{
	if (use->vip.family == AF_INET6)
		add_setting(l, use, REALSERVER_IPV6, link);
	else if (use->way == REALSERVER_TUNNEL)
		add_setting(l, use, REALSERVER_RP_FILTER, link);
}

static void add_direct(struct list *l, const struct realserver_use *use)
{
	add_link_setting(l, use, "lo");
	add_up(l, use, "lo");
	add_address(l, use, "lo");
}

static void add_tunnel(struct list *l, const struct realserver_use *use)
{
	struct realserver_item device = device_of(l->want, l->have, l->record, use);

	add(l, &device);
	add_link_setting(l, use, device.link);
	add_listener(l, use);
	add_up(l, use, device.link);
	add_address(l, use, device.link);
}

size_t realserver_items_max(const struct realserver_want *want)
{
	return want->n_uses * ITEMS_PER_USE;
}

size_t realserver_items(const struct realserver_want *want, const struct realserver_have *have,
	const struct realserver_record *record, struct realserver_item *ret)
{
	struct list l = {.want = want, .have = have, .record = record, .items = ret};

	for (size_t i = 0; i < want->n_uses; i++)
		if (is_quiet(&want->uses[i]))
			add_silence(&l, &want->uses[i]);
	for (size_t i = 0; i < want->n_uses; i++) {
		const struct realserver_use *use = &want->uses[i];

		if (!is_quiet(use))
			continue;
		if (use->way == REALSERVER_DIRECT)
			add_direct(&l, use);
		else
			add_tunnel(&l, use);
	}
	return l.n;
}

/* --- Steps --- */

static bool is_among(
	const struct realserver_item *item, const struct realserver_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (realserver_item_equal(item, &items[i]))
			return true;
	return false;
}

/* With a device goes what was on it, and what is of that name afterwards is another one. */
static bool loses_its_device(
	const struct realserver_item *item, const struct realserver_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i].undo && steps[i].item.what == REALSERVER_DEVICE &&
			strcmp(steps[i].item.link, item->link) == 0)
			return true;
	return false;
}

size_t realserver_plan(const struct realserver_item *items, size_t n_items,
	const struct realserver_have *have, const struct realserver_record *record,
	struct realserver_step *ret)
{
	size_t n = 0, n_undone;

	for (size_t i = record->n; i-- > 0;)
		if (!is_among(&record->items[i], items, n_items))
			ret[n++] = (struct realserver_step){.undo = true, .item = record->items[i]};
	n_undone = n;
	for (size_t i = 0; i < n_items; i++)
		if (!realserver_is_so(&items[i], have) ||
			loses_its_device(&items[i], ret, n_undone))
			ret[n++] = (struct realserver_step){.item = items[i]};
	return n;
}

size_t realserver_undo(const struct realserver_record *record, struct realserver_step *ret)
{
	for (size_t i = 0; i < record->n; i++)
		ret[i] = (struct realserver_step){
			.undo = true, .item = record->items[record->n - 1 - i]};
	return record->n;
}

/* --- In words --- */

static const char *with_checksum(bool checksum)
{
	return checksum ? " with checksum" : "";
}

const char *realserver_tunnel_format(
	const struct realserver_use *use, char buf[static REALSERVER_TEXT_MAX])
{
	const char *checksum = with_checksum(use->flags != 0);

	switch (use->tunnel) {
	case IPVS_TUNNEL_IPIP:
		return "ipip";
	case IPVS_TUNNEL_GUE:
		(void)snprintf(
			buf, REALSERVER_TEXT_MAX, "gue on UDP port %u%s", use->port, checksum);
		return buf;
	case IPVS_TUNNEL_GRE:
		return use->flags ? "gre with checksum" : "gre";
	}
	return "no tunnel";
}

static void format_setting(const struct realserver_step *step, char *buf)
{
	const struct realserver_item *item = &step->item;
	char dotted[REALSERVER_SETTING_MAX];
	size_t i;

	/* An interface may have a dot in its name: sysctl(8) writes that as a slash, too. */
	for (i = 0; item->name[i]; i++)
		dotted[i] = item->name[i] == '/' ? '.' : item->name[i] == '.' ? '/' : item->name[i];
	dotted[i] = '\0';
	if (item->old[0] && !step->undo)
		(void)snprintf(buf, REALSERVER_TEXT_MAX, "set %s to %s (was %s)", dotted,
			item->value, item->old);
	else
		(void)snprintf(buf, REALSERVER_TEXT_MAX, "set %s %s %s", dotted,
			step->undo ? "back to" : "to", step->undo ? item->old : item->value);
}

static void format_device(const struct realserver_step *step, char *buf)
{
	const struct realserver_item *item = &step->item;
	char local[ADDR_TEXT_MAX];

	if (item->local.family)
		(void)snprintf(buf, REALSERVER_TEXT_MAX, "%s %s device %s for %s%s",
			step->undo ? "remove" : "add", realserver_kind_name(item->kind), item->link,
			addr_format(&item->local, local), with_checksum(item->checksum));
	else
		(void)snprintf(buf, REALSERVER_TEXT_MAX, "%s %s device %s",
			step->undo ? "remove" : "add", realserver_kind_name(item->kind),
			item->link);
}

const char *realserver_step_format(
	const struct realserver_step *step, char buf[static REALSERVER_TEXT_MAX])
{
	const struct realserver_item *item = &step->item;
	char addr[ADDR_PREFIX_TEXT_MAX];

	switch (item->what) {
	case REALSERVER_SETTING:
		format_setting(step, buf);
		break;
	case REALSERVER_DEVICE:
		format_device(step, buf);
		break;
	case REALSERVER_LISTENER:
		(void)snprintf(buf, REALSERVER_TEXT_MAX, "%s gue on %s port %u",
			step->undo ? "stop listening for" : "listen for",
			item->family == AF_INET6 ? "UDP over IPv6" : "UDP", item->port);
		break;
	case REALSERVER_UP:
		(void)snprintf(buf, REALSERVER_TEXT_MAX, "set %s %s", item->link,
			step->undo ? "down" : "up");
		break;
	case REALSERVER_ADDRESS:
		(void)snprintf(buf, REALSERVER_TEXT_MAX, "%s address %s %s %s",
			step->undo ? "remove" : "add", addr_prefix_format(&item->addr, addr),
			step->undo ? "from" : "to", item->link);
		break;
	case REALSERVER_WHAT_MAX_:
		break;
	}
	return buf;
}
