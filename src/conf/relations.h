/* What the values of a configuration must be to each other: names that exist, claims that do not
 * clash, values that fit together. The rules run on whatever could be parsed. */
#pragma once

#include "conf/build.h"

/* Completes *c (own node, priorities, the pool and the router of each service) and reports every
 * broken rule, and what is likely a slip. `node` is the own name; NULL when this host may be none.
 */
void relations_resolve(struct conf *c, const struct origins *origins, const char *node,
	struct faults *faults, struct faults *warnings);
