/* What moves with the virtual routers of a configuration, as JSON: for the elector and for
 * operators. */
#pragma once

#include "conf/conf.h"

#include <jansson.h>

/* ["192.0.2.100/24"]: for operators, without terms. */
json_t *moved_addresses(const struct conf_address *addresses, size_t n);
json_t *moved_prefixes(const struct addr_prefix *prefixes, size_t n);

/* Where an address, or those for source NAT, go. */
const char *moved_interface(const struct conf_router *router, const struct conf_address *address);
const char *moved_snat_interface(const struct conf_router *router);

/* Members of the elector's "Configure": addresses, excluded, snat, snat_interface, routes, rules.
 */
void moved_describe(const struct conf_router *router, json_t *ret);

/* Routes and rules as an operator would write them, without defaults: arrays, empty when there are
 * none. */
json_t *moved_routes(const struct conf_router *router);
json_t *moved_rules(const struct conf_router *router);
