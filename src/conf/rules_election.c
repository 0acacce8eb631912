/* Rules about nodes and virtual routers. A rule that needs a faulty value says nothing: that value
 * has its own fault, and parse_object() has made it null. */
#include "base/cleanup.h"
#include "conf/alloc.h"
#include "conf/rules.h"
#include "conf/suggest.h"

#include <inttypes.h>

static const struct path root;

/* --- Nodes --- */

static char *list_nodes(const struct conf *c)
{
	char *list = conf_dup("");

	for (size_t i = 0; i < c->n_nodes; i++) {
		char *longer = conf_printf("%s%s%s", list, i ? ", " : "", c->nodes[i].name);
		free(list);
		list = longer;
	}
	return list;
}

static size_t find_node(const struct conf *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->n_nodes; i++)
		if (strlen(c->nodes[i].name) == len && strncmp(c->nodes[i].name, name, len) == 0)
			return i;
	return CONF_NONE;
}

size_t rules_find_node(const struct conf *c, const char *name)
{
	size_t self = find_node(c, name, strlen(name));

	return self != CONF_NONE ? self : find_node(c, name, strcspn(name, "."));
}

void rules_nodes(const struct rules *r, const char *node)
{
	const struct path nodes = {&root, root_keys.items[ROOT_NODES].name, 0};
	auto_free char *list = NULL;
	auto_free char *name = NULL;

	r->c->self = CONF_NONE;
	if (!node || !r->c->n_nodes || !r->origins->complete)
		return;
	r->c->self = rules_find_node(r->c, node);
	if (r->c->self != CONF_NONE)
		return;
	list = list_nodes(r->c);
	name = fault_quote(node);
	fault_add(r->faults, rules_origin(r, ROOT_NODES, 0)->source, &nodes, FAULT_AT_VALUE,
		"this node is %s, which is none of them (%s); see --node", name, list);
}

/* --- Virtual routers --- */

static void report_no_node(
	const struct rules *r, size_t router, const struct value *priorities, const char *name)
{
	const struct path map = {&root, root_keys.items[ROOT_VIRTUAL_ROUTERS].name, 0};
	const struct path object = {&map, r->c->routers[router].name, 0};
	const struct path priority = {&object, "priority", 0};
	const struct path at = {&priority, name, 0};
	struct suggest s = suggest_begin(name);
	auto_free char *quoted = fault_quote(name);
	auto_free char *suggestion = NULL;

	for (size_t i = 0; i < r->c->n_nodes; i++)
		if (!value_get(priorities, r->c->nodes[i].name))
			suggest_offer(&s, r->c->nodes[i].name);
	suggestion = fault_suggestion(suggest_result(&s));
	fault_add(r->faults, rules_origin(r, ROOT_VIRTUAL_ROUTERS, router)->source, &at,
		FAULT_AT_KEY, "no node is called %s%s", quoted, suggestion);
}

/* Every node has a priority, and nobody else. */
static void resolve_priorities(const struct rules *r, size_t router, const struct value *priorities)
{
	struct conf_router *vr = &r->c->routers[router];

	for (const struct value *v = value_members(priorities); v; v = v->next)
		if (strcmp(v->key, KEY_COMMENT) != 0 &&
			find_node(r->c, v->key, strlen(v->key)) == CONF_NONE)
			report_no_node(r, router, priorities, v->key);
	for (size_t i = 0; i < r->c->n_nodes && i < CONF_NODES_MAX; i++) {
		const struct value *value = value_get(priorities, r->c->nodes[i].name);

		if (value)
			vr->priority[i] = (uint8_t)value_integer(value);
		else
			rules_report(r, ROOT_VIRTUAL_ROUTERS, router, "priority",
				conf_printf("node \"%s\" has no priority", r->c->nodes[i].name));
	}
}

static void rule_priorities(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_routers; i++) {
		const struct value *value =
			value_get(rules_origin(r, ROOT_VIRTUAL_ROUTERS, i)->json, "priority");
		int64_t number = value_is(value, VALUE_INTEGER) ? value_integer(value) : 100;

		for (size_t node = 0; node < CONF_NODES_MAX; node++)
			r->c->routers[i].priority[node] = (uint8_t)number;
		if (value_is(value, VALUE_OBJECT) && r->origins->complete)
			resolve_priorities(r, i, value);
	}
}

static void clash_vrid(const struct rules *r, const struct claim *first, const struct claim *again)
{
	rules_report(r, ROOT_VIRTUAL_ROUTERS, again->owner, "vrid",
		conf_printf("%" PRIu32 " is already used on %s by virtual router \"%s\"",
			again->number, again->text, r->c->routers[first->owner].name));
}

static void rule_vrids(const struct rules *r)
{
	struct claim *claims = conf_alloc(r->c->n_routers, sizeof(*claims));
	size_t n = 0;

	for (size_t i = 0; i < r->c->n_routers; i++) {
		const struct conf_router *vr = &r->c->routers[i];
		if (vr->interface && vr->vrid && vr->family)
			claims[n++] = (struct claim){.text = vr->interface,
				.addr.family = vr->family, /* each has VRIDs of its own */
				.number = vr->vrid,
				.owner = i};
	}
	rules_find_clashes(r, claims, n, clash_vrid);
	free(claims);
}

/* Each is made by its virtual router: nobody else may have the name. */
static void name_device(const struct rules *r, size_t i)
{
	struct conf_router *vr = &r->c->routers[i];

	if (vr->virtual_mac_device && !vr->virtual_mac)
		rules_report(r, ROOT_VIRTUAL_ROUTERS, i, "virtual_mac_device",
			conf_dup("is for a virtual router with \"virtual_mac\": true"));
	if (!vr->virtual_mac_device && vr->virtual_mac && vr->vrid && vr->family)
		vr->virtual_mac_device =
			conf_printf("%s.%u", vr->family == AF_INET6 ? "vrrp6" : "vrrp", vr->vrid);
}

static void clash_device(
	const struct rules *r, const struct claim *first, const struct claim *again)
{
	rules_report(r, ROOT_VIRTUAL_ROUTERS, again->owner, again->key,
		conf_printf("%s is already the device of virtual router \"%s\"", again->text,
			r->c->routers[first->owner].name));
}

/* A device that is the interface of some router is told at the router that makes it. */
static void rule_foreign_interface(const struct rules *r, size_t i)
{
	const char *device = r->c->routers[i].virtual_mac_device;

	for (size_t k = 0; device && k < r->c->n_routers; k++)
		if (r->c->routers[k].interface && strcmp(r->c->routers[k].interface, device) == 0)
			rules_report(r, ROOT_VIRTUAL_ROUTERS, i, "virtual_mac",
				conf_printf("%s is the interface of virtual router \"%s\"", device,
					r->c->routers[k].name));
}

static void rule_devices(const struct rules *r)
{
	struct claim *claims = conf_alloc(r->c->n_routers, sizeof(*claims));
	size_t n = 0;

	for (size_t i = 0; i < r->c->n_routers; i++) {
		const struct conf_router *vr = &r->c->routers[i];
		name_device(r, i);
		if (vr->virtual_mac && vr->virtual_mac_device)
			claims[n++] = (struct claim){
				.text = vr->virtual_mac_device, .owner = i, .key = "virtual_mac"};
		rule_foreign_interface(r, i);
	}
	rules_find_clashes(r, claims, n, clash_device);
	free(claims);
}

static void clash_virtual_address(
	const struct rules *r, const struct claim *first, const struct claim *again)
{
	const struct path map = {&root, root_keys.items[ROOT_VIRTUAL_ROUTERS].name, 0};
	const struct path object = {&map, r->c->routers[again->owner].name, 0};
	const struct path addresses = {&object, again->key, 0};
	const struct path at = {&addresses, NULL, again->item};
	char text[ADDR_TEXT_MAX];

	fault_add(r->faults, rules_origin(r, ROOT_VIRTUAL_ROUTERS, again->owner)->source, &at,
		FAULT_AT_VALUE, "%s is already an address of virtual router \"%s\"",
		addr_format(&again->addr, text), r->c->routers[first->owner].name);
}

static void rule_virtual_addresses(const struct rules *r)
{
	size_t n;
	struct claim *claims = rules_virtual_addresses(r->c, true, &n);

	rules_find_clashes(r, claims, n, clash_virtual_address);
	free(claims);
}

void rules_routers(const struct rules *r)
{
	rule_priorities(r);
	rules_wire(r);
	rule_vrids(r);
	rule_devices(r);
	rule_virtual_addresses(r);
}
