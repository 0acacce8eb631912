/* Addresses, routes and rules as JSON. */
#include "director/election/moved.h"

#include <string.h>

json_t *moved_prefixes(const struct addr_prefix *prefixes, size_t n)
{
	json_t *array = json_array();
	char text[ADDR_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			array, json_string(addr_prefix_format(&prefixes[i], text)));
	return array;
}

json_t *moved_addresses(const struct conf_address *addresses, size_t n)
{
	json_t *array = json_array();
	char text[ADDR_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			array, json_string(addr_prefix_format(&addresses[i].prefix, text)));
	return array;
}

static const char *home_of(const struct conf_router *router)
{
	return router->virtual_mac ? router->virtual_mac_device : router->interface;
}

const char *moved_interface(const struct conf_router *router, const struct conf_address *address)
{
	if (*address->interface && strcmp(address->interface, router->interface) != 0)
		return address->interface;
	return home_of(router);
}

const char *moved_snat_interface(const struct conf_router *router)
{
	if (router->snat_interface && strcmp(router->snat_interface, router->interface) != 0)
		return router->snat_interface;
	return home_of(router);
}

static void set_text(json_t *o, const char *key, const char *text)
{
	if (*text)
		(void)json_object_set_new(o, key, json_string(text));
}

static void set_number(json_t *o, const char *key, uint32_t number)
{
	if (number)
		(void)json_object_set_new(o, key, json_integer((json_int_t)number));
}

static void set_addr(json_t *o, const char *key, const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	if (addr->family)
		(void)json_object_set_new(o, key, json_string(addr_format(addr, text)));
}

static void set_prefix(json_t *o, const char *key, const struct addr_prefix *prefix)
{
	char text[ADDR_PREFIX_TEXT_MAX];

	if (prefix->addr.family)
		(void)json_object_set_new(o, key, json_string(addr_prefix_format(prefix, text)));
}

static json_t *address_to_json(const struct conf_address *a)
{
	char text[ADDR_PREFIX_TEXT_MAX];
	json_t *o;

	(void)addr_prefix_format(&a->prefix, text);
	if (!*a->label && !*a->interface && !a->scope)
		return json_string(text);
	o = json_pack("{s:s}", "address", text);
	set_text(o, "label", a->label);
	set_text(o, "interface", a->interface);
	set_number(o, "scope", a->scope);
	return o;
}

static json_t *addresses_to_json(const struct conf_address *addresses, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(array, address_to_json(&addresses[i]));
	return array;
}

static json_t *route_to_json(const struct conf_route *r)
{
	json_t *o = json_object();

	set_prefix(o, "to", &r->to);
	set_addr(o, "via", &r->via);
	set_text(o, "dev", r->dev);
	set_addr(o, "src", &r->src);
	set_number(o, "table", r->table);
	set_number(o, "metric", r->metric);
	if (r->onlink)
		(void)json_object_set_new(o, "onlink", json_true());
	if (r->type != CONF_ROUTE_UNICAST)
		set_text(o, "type", conf_route_type_name((enum conf_route_type)r->type));
	return o;
}

static json_t *rule_to_json(const struct conf_rule *r)
{
	json_t *o = json_pack("{s:s}", "family", r->family == AF_INET6 ? "ipv6" : "ipv4");

	set_prefix(o, "from", &r->from);
	set_prefix(o, "to", &r->to);
	set_number(o, "fwmark", r->mark);
	set_text(o, "iif", r->iif);
	set_number(o, "table", r->table);
	set_number(o, "priority", r->priority);
	return o;
}

json_t *moved_routes(const struct conf_router *router)
{
	json_t *array = json_array();

	for (size_t i = 0; i < router->n_routes; i++)
		(void)json_array_append_new(array, route_to_json(&router->routes[i]));
	return array;
}

json_t *moved_rules(const struct conf_router *router)
{
	json_t *array = json_array();

	for (size_t i = 0; i < router->n_rules; i++)
		(void)json_array_append_new(array, rule_to_json(&router->rules[i]));
	return array;
}

void moved_describe(const struct conf_router *router, json_t *ret)
{
	(void)json_object_set_new(
		ret, "addresses", addresses_to_json(router->addresses, router->n_addresses));
	(void)json_object_set_new(
		ret, "excluded", addresses_to_json(router->excluded, router->n_excluded));
	(void)json_object_set_new(ret, "snat", moved_prefixes(router->snat, router->n_snat));
	(void)json_object_set_new(ret, "snat_interface", json_string(moved_snat_interface(router)));
	(void)json_object_set_new(ret, "routes", moved_routes(router));
	(void)json_object_set_new(ret, "rules", moved_rules(router));
}
