/* Rules about the link: between which interfaces and addresses, and by what it is secured. */
#include "conf/alloc.h"
#include "conf/rules.h"

#include <string.h>

static const struct path root;

/* The object as it was written; NULL: there is none, or it is none. */
static const struct origin *origin_of(const struct rules *r)
{
	const struct origin *o = r->origins->of[ROOT_LINK];

	return o && value_is(o->json, VALUE_OBJECT) ? o : NULL;
}

/* At /link/key, or at the object when there is no such member. Takes text. */
static void report(const struct rules *r, const char *key, char *text)
{
	const struct origin *o = rules_origin(r, ROOT_LINK, 0);
	const struct path link = {&root, root_keys.items[ROOT_LINK].name, 0};
	const struct path member = {&link, key, 0};

	fault_add(r->faults, o->source, key && value_get(o->json, key) ? &member : &link,
		FAULT_AT_VALUE, "%s", text);
	free(text);
}

static void report_node(const struct rules *r, size_t node, const char *key, char *text)
{
	rules_report(r, ROOT_NODES, node, key, text);
}

/* The key table says what an interface is called. */
static bool is_interface_name(const char *name)
{
	const struct keys *link = root_keys.items[ROOT_LINK].object;

	for (size_t i = 0; i < link->n; i++) {
		const struct key *key = &link->items[i];
		size_t len;
		if (strcmp(key->name, "interface") != 0)
			continue;
		len = key_text_len(key, name);
		return len >= key->min && len <= key->max;
	}
	return false;
}

static void rule_interface_names(const struct rules *r)
{
	char *const *names = r->c->link.interfaces;

	for (size_t i = 0; names[i]; i++) {
		if (is_interface_name(names[i]))
			continue;
		report(r, "interfaces",
			conf_dup("must be names of interfaces: 1..15 characters, no space, slash "
				 "or colon"));
		return;
	}
	if (names[1] && strcmp(names[0], names[1]) == 0)
		report(r, "interfaces", conf_dup("names the same interface twice"));
}

/* Either way, both are filled. */
static void rule_interfaces(const struct rules *r, const struct value *json)
{
	struct conf_link *link = &r->c->link;
	bool one = value_get(json, "interface"), several = value_get(json, "interfaces");

	if (one && several)
		report(r, "interfaces",
			conf_dup("\"interface\" and \"interfaces\" say the same: "
				 "one of them is enough"));
	else if (!one && !several)
		report(r, NULL, conf_dup("missing key \"interface\", or \"interfaces\" with two"));
	else if (rules_given(json, "interfaces")) {
		rule_interface_names(r);
		link->interface = conf_dup(link->interfaces[0]);
	} else if (rules_given(json, "interface")) {
		link->interfaces = conf_alloc(2, sizeof(*link->interfaces));
		link->interfaces[0] = conf_dup(link->interface);
	}
}

static void rule_mode(const struct rules *r, const struct value *json)
{
	struct conf_link *link = &r->c->link;

	if (link->mode == CONF_LINK_BY_KEY)
		link->mode = value_get(json, "key_file") ? CONF_LINK_TANDEM : CONF_LINK_KERNEL;
	else if (link->mode == CONF_LINK_TANDEM && !value_get(json, "key_file"))
		report(r, "mode",
			conf_dup("\"tandem\" needs a \"key_file\"; tandemctl keygen writes one"));
}

/* What the kernel's daemons cannot do. */
static void rule_kernel(const struct rules *r, const struct value *json)
{
	static const char *const keys[] = {"heartbeat_interval", "coverage_min", "split_brain"};
	const struct conf_link *link = &r->c->link;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (rules_given(json, keys[i]))
			report(r, keys[i], conf_dup("has no meaning in mode \"kernel\""));
	if (link->interfaces && link->interfaces[0] && link->interfaces[1])
		report(r, "interfaces",
			conf_dup("the kernel's daemons use one interface: mode \"kernel\" has "
				 "no second one"));
}

static void rule_address(const struct rules *r, size_t i, size_t *first)
{
	const struct conf_node *node = &r->c->nodes[i];
	const struct conf_node *other = *first == CONF_NONE ? NULL : &r->c->nodes[*first];
	const struct value *json = rules_origin(r, ROOT_NODES, i)->json;

	if (!value_is(json, VALUE_OBJECT) || rules_faulty(r, json, "link_address"))
		return;
	if (!rules_given(json, "link_address")) {
		report_node(r, i, NULL,
			conf_dup("missing key \"link_address\": mode \"tandem\" of the link needs "
				 "it"));
		return;
	}
	if (!other) {
		*first = i;
		return;
	}
	if (addr_equal(&node->link_address, &other->link_address))
		report_node(r, i, "link_address",
			conf_printf("is the address of \"%s\" already", other->name));
	else if (node->link_address.family != other->link_address.family)
		report_node(r, i, "link_address",
			conf_printf(
				"is of another address family than that of \"%s\"", other->name));
}

static void rule_tandem(const struct rules *r)
{
	size_t first = CONF_NONE;

	if (!r->origins->complete)
		return;
	if (r->c->n_nodes != 2) {
		report(r, "mode",
			conf_printf("mode \"tandem\" is for two nodes, not %zu", r->c->n_nodes));
		return;
	}
	for (size_t i = 0; i < r->c->n_nodes; i++)
		rule_address(r, i, &first);
}

/* That the peer is dead is known by the link. */
static void rule_fast_failover(const struct rules *r)
{
	const struct conf_link *link = &r->c->link;

	for (size_t i = 0; i < r->c->n_routers; i++)
		if (r->c->routers[i].fast_failover &&
			(link->mode != CONF_LINK_TANDEM ||
				link->split_brain != CONF_SPLIT_BRAIN_PREVENT))
			rules_report(r, ROOT_VIRTUAL_ROUTERS, i, "fast_failover",
				conf_dup("needs a \"link\" of mode \"tandem\" with "
					 "\"split_brain\": \"prevent\""));
}

void rules_link(const struct rules *r)
{
	const struct origin *o = origin_of(r);

	if (!o) {
		rule_fast_failover(r);
		return;
	}
	rule_interfaces(r, o->json);
	if (rules_faulty(r, o->json, "mode"))
		return;
	rule_mode(r, o->json);
	if (r->c->link.mode == CONF_LINK_TANDEM)
		rule_tandem(r);
	else
		rule_kernel(r, o->json);
	rule_fast_failover(r);
}
