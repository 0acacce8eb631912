/* The elector's messages (docs/internals.md): JSON to values and back. */
#pragma once

#include "elector/elector.h"

#include <jansson.h>

/* "Configure". *ret is for message_free_configs(). On -EINVAL what is wrong was appended to
 * `errors`. 0 or -errno; out-params are written only on success. */
int message_read_configure(
	const json_t *parameters, json_t *errors, struct router_config **ret, size_t *ret_n);

void message_free_configs(struct router_config *configs, size_t n); /* NULL is fine */

/* "Causes": false when it is malformed. The name is borrowed from the message. */
bool message_read_causes(const json_t *parameters, const char **ret_name, struct causes *ret);
/* The "wire" of one router, whose family and interval are read. NULL, or what is wrong. */
const char *message_read_wire(const json_t *router, struct router_config *c);

/* The "maintenance" of "Configure" or "Maintenance"; off when there is none. */
enum maintenance message_read_maintenance(const json_t *parameters);

/* The "ready" of "Configure", true when there is none, and its "ready_timeout_us", 0 likewise. */
void message_read_ready(const json_t *parameters, bool *ret_ready, uint64_t *ret_timeout_us);

/* "Router": new references, NULL when memory is out. */
/* Why the router is in its state, as operators read it: "link-down". */
const char *message_reason(const struct router *r);
json_t *message_router(const struct router *router);
/* The value of "routers" in "Report". */
json_t *message_report(const struct elector *e, struct instant now);
