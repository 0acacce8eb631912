/* The rules between values, in order. */
#include "conf/relations.h"
#include "conf/rules.h"

void relations_resolve(struct conf *c, const struct origins *origins, const char *node,
	struct faults *faults, struct faults *warnings)
{
	struct rules r = {c, origins, faults, warnings, {0}};

	rules_index_pools(&r);
	rules_nodes(&r, node);
	rules_link(&r);
	rules_routers(&r);
	rules_groups(&r);
	rules_moved(&r);
	rules_pools(&r);
	rules_services(&r);
	rules_track(&r);
	index_done(&r.pools);
}
