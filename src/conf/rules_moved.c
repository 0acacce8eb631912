/* Rules about what moves with virtual routers beside their adverts: terms of addresses, routes, and
 * rules of routing. */
#include "base/cleanup.h"
#include "conf/alloc.h"
#include "conf/rules.h"

#include <inttypes.h>
#include <string.h>

static const struct path root;

/* Of its own and of others, an interface each. */
#define INTERFACES_MAX 8

const char *conf_route_type_name(enum conf_route_type type)
{
	switch (type) {
	case CONF_ROUTE_UNICAST:
		return "unicast";
	case CONF_ROUTE_BLACKHOLE:
		return "blackhole";
	case CONF_ROUTE_UNREACHABLE:
		return "unreachable";
	case CONF_ROUTE_PROHIBIT:
		return "prohibit";
	}
	return "unicast";
}

/* A fault at /virtual_routers/NAME/list/item/key; `key` may be NULL. Takes text. */
static void report(const struct rules *r, size_t router, const char *list, size_t item,
	const char *key, char *text)
{
	const struct path map = {&root, root_keys.items[ROOT_VIRTUAL_ROUTERS].name, 0};
	const struct path object = {&map, r->c->routers[router].name, 0};
	const struct path array = {&object, list, 0};
	const struct path at = {&array, NULL, item};
	const struct path member = {&at, key, 0};

	fault_add(r->faults, rules_origin(r, ROOT_VIRTUAL_ROUTERS, router)->source,
		key ? &member : &at, FAULT_AT_VALUE, "%s", text);
	free(text);
}

/* --- Addresses --- */

static void rule_terms(const struct rules *r, size_t router, const char *list,
	const struct conf_address *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (addresses[i].prefix.addr.family == AF_INET6 && *addresses[i].label)
			report(r, router, list, i, "label",
				conf_dup("only IPv4 addresses have labels"));
}

/* --- Interfaces --- */

struct interfaces {
	const char *names[INTERFACES_MAX];
	size_t n;
};

/* False when there is no room for one more. */
static bool count_interface(struct interfaces *in, const char *name)
{
	if (!name || !*name)
		return true;
	for (size_t i = 0; i < in->n; i++)
		if (strcmp(in->names[i], name) == 0)
			return true;
	if (in->n == INTERFACES_MAX)
		return false;
	in->names[in->n++] = name;
	return true;
}

static bool count_interfaces(
	struct interfaces *in, const struct conf_address *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!count_interface(in, addresses[i].interface))
			return false;
	return true;
}

static void rule_interfaces(const struct rules *r, size_t router)
{
	const struct conf_router *vr = &r->c->routers[router];
	struct interfaces in = {.n = 0};
	bool good = count_interface(&in, vr->interface) &&
		    count_interface(&in, vr->snat_interface) &&
		    count_interfaces(&in, vr->addresses, vr->n_addresses) &&
		    count_interfaces(&in, vr->excluded, vr->n_excluded);

	for (size_t i = 0; good && i < vr->n_routes; i++)
		good = count_interface(&in, vr->routes[i].dev);
	if (!good)
		rules_report(r, ROOT_VIRTUAL_ROUTERS, router, NULL,
			conf_printf("addresses and routes go to more than %d interfaces",
				INTERFACES_MAX));
}

/* --- Routes --- */

static bool differs(const struct addr *a, uint16_t family)
{
	return a->family && a->family != family;
}

static void rule_route(const struct rules *r, size_t router, size_t item)
{
	const struct conf_route *t = &r->c->routers[router].routes[item];
	uint16_t family = t->to.addr.family;

	if (!family)
		return;
	if (differs(&t->via, family))
		report(r, router, "routes", item, "via",
			conf_dup("a gateway is of the family of its destination"));
	if (differs(&t->src, family))
		report(r, router, "routes", item, "src",
			conf_dup("a source is of the family of the destination"));
	if (t->type == CONF_ROUTE_UNICAST && !t->via.family && !*t->dev)
		report(r, router, "routes", item, NULL,
			conf_dup("a route needs a gateway (via), an interface (dev), or both"));
	if (t->type != CONF_ROUTE_UNICAST && (t->via.family || *t->dev || t->onlink))
		report(r, router, "routes", item, "type",
			conf_printf("a route of type %s leads nowhere: without via, dev and onlink",
				conf_route_type_name((enum conf_route_type)t->type)));
	if (t->type == CONF_ROUTE_UNICAST && t->onlink && !(t->via.family && *t->dev))
		report(r, router, "routes", item, "onlink",
			conf_dup("needs a gateway (via) and an interface (dev)"));
}

static void clash_route(
	const struct rules *r, const struct claim *first, const struct claim *again)
{
	report(r, again->owner, "routes", again->item, "to",
		conf_printf("this destination, table and metric is already a route of virtual "
			    "router \"%s\"",
			r->c->routers[first->owner].name));
}

/* The kernel has one route for a destination, table and metric: two routers would share it. */
static void rule_routes_differ(const struct rules *r)
{
	struct claim *claims;
	size_t n = 0;

	for (size_t i = 0; i < r->c->n_routers; i++)
		n += r->c->routers[i].n_routes;
	claims = conf_alloc(n, sizeof(*claims));
	n = 0;
	for (size_t i = 0; i < r->c->n_routers; i++)
		for (size_t k = 0; k < r->c->routers[i].n_routes; k++) {
			const struct conf_route *t = &r->c->routers[i].routes[k];
			if (t->to.addr.family)
				claims[n++] = (struct claim){
					.text = conf_printf("%u %u %u", t->to.prefix_len, t->table,
						t->metric),
					.addr = t->to.addr,
					.owner = i,
					.item = k};
		}
	rules_find_clashes(r, claims, n, clash_route);
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)claims[i].text);
	free(claims);
}

/* --- Rules of routing --- */

static void rule_rule(const struct rules *r, size_t router, size_t item)
{
	struct conf_router *vr = &r->c->routers[router];
	struct conf_rule *t = &vr->rules[item];

	t->family = t->from.addr.family ? t->from.addr.family : t->to.addr.family;
	if (!t->family && vr->n_addresses > 0)
		t->family = vr->addresses[0].prefix.addr.family;
	if (differs(&t->to.addr, t->family))
		report(r, router, "rules", item, "to",
			conf_dup("must be of the family of \"from\""));
	if (!t->from.addr.family && !t->to.addr.family && !t->mark && !*t->iif)
		report(r, router, "rules", item, NULL,
			conf_dup("a rule for all packets: from, to, fwmark or iif is needed"));
}

static void clash_rule(const struct rules *r, const struct claim *first, const struct claim *again)
{
	report(r, again->owner, "rules", again->item, "priority",
		conf_printf("%" PRIu32 " is already the priority of a rule of virtual router \"%s\"",
			again->number, r->c->routers[first->owner].name));
}

static void rule_rules_differ(const struct rules *r)
{
	struct claim *claims;
	size_t n = 0;

	for (size_t i = 0; i < r->c->n_routers; i++)
		n += r->c->routers[i].n_rules;
	claims = conf_alloc(n, sizeof(*claims));
	n = 0;
	for (size_t i = 0; i < r->c->n_routers; i++)
		for (size_t k = 0; k < r->c->routers[i].n_rules; k++) {
			const struct conf_rule *t = &r->c->routers[i].rules[k];
			if (t->priority && t->family)
				claims[n++] = (struct claim){
					.text = t->family == AF_INET6 ? "ipv6" : "ipv4",
					.number = t->priority,
					.owner = i,
					.item = k};
		}
	rules_find_clashes(r, claims, n, clash_rule);
	free(claims);
}

void rules_moved(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_routers; i++) {
		struct conf_router *vr = &r->c->routers[i];

		rule_terms(r, i, "addresses", vr->addresses, vr->n_addresses);
		rule_terms(r, i, "excluded_addresses", vr->excluded, vr->n_excluded);
		rule_interfaces(r, i);
		for (size_t k = 0; k < vr->n_routes; k++)
			rule_route(r, i, k);
		for (size_t k = 0; k < vr->n_rules; k++)
			rule_rule(r, i, k);
	}
	rule_routes_differ(r);
	rule_rules_differ(r);
}
