/* The IPVS table that should be: configuration, roles and verdicts turned into a value. */
#pragma once

#include "conf/conf.h"
#include "core/service_model.h"
#include "director/targets.h"

#include <stdbool.h>

struct desired_input {
	const struct conf *conf;
	const struct targets *targets;
	const bool *router_active; /* by index in conf->routers */
	const size_t *only; /* just these, by index in conf->services; NULL: all */
	size_t n_only;
};

/* The indices of conf->services in the order of their keys. Release with free(); NULL: no memory. */
size_t *desired_order(const struct conf *conf);

/* Sorted. Release with desired_done(). Returns 0 or -ENOMEM. */
int desired_build(const struct desired_input *in, struct ipvs_table *ret);
void desired_done(struct ipvs_table *t);

/* Whether the service is to be in the kernel's table now. */
bool desired_is_programmed(const struct desired_input *in, size_t service);
