/* All the memory that the wanted routers need beyond what there is, before anything changes. */
#pragma once

#include "elector/elector.h"

struct spare {
	struct router **routers; /* new ones, used from the end */
	size_t n_routers;
	struct port **ports; /* the array of all, old ones first; new ones, used from the end */
	size_t n_ports, n_old_ports;
	void *lists;                   /* of all wanted routers, */
	struct router_config *configs; /* each with its part of them; */
	struct vrrp_auth **auths;      /* what it needs to sign, NULL: nothing; */
	size_t lists_size;
	size_t *firsts; /* and where in the state file its list goes */
	size_t n;
};

/* 0, or -ENOMEM or -ENOSPC with nothing in *ret. */
int spare_prepare(
	const struct elector *e, const struct router_config *wanted, size_t n, struct spare *ret);
/* What was not used. */
void spare_free(struct spare *s);
