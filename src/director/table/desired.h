/* The IPVS table that should be: configuration, roles and shares turned into a value. */
#pragma once

#include "conf/conf.h"
#include "core/service_model.h"
#include "director/health/pools.h"
#include "director/health/targets.h"

#include <stdbool.h>

struct desired_input {
	const struct conf *conf;
	const struct targets *targets;
	const struct pools *pools;
	const bool *router_active; /* by index in conf->routers */
	const size_t *only;        /* just these, by index in conf->services; NULL: all */
	size_t n_only;
};

/* The indices of conf->services in the order of their keys. Release with free(); NULL: no memory.
 */
size_t *desired_order(const struct conf *conf);

/* Sorted. Release with desired_done(). Returns 0 or -ENOMEM. */
int desired_build(const struct desired_input *in, struct ipvs_table *ret);
void desired_done(struct ipvs_table *t);

/* Whether the service is to be in the kernel's table now. */
bool desired_is_programmed(const struct desired_input *in, size_t service);

/* What becomes of the share of a server of `pool` in a service: whether it is in the table, and
 * with which weight. */
bool desired_place(const struct desired_input *in, size_t service, size_t pool,
	const struct pool_share *share, uint32_t *ret_weight);
