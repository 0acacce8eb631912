/* The kernel's connection timeouts, made what the configuration says and put back when it says
 * nothing any more. */
#pragma once

#include "conf/conf.h"
#include "io/ipvs.h"

/* `record` is the file that remembers what was there before the first change, written before it.
 * Returns 1 when something was changed, 0 when all was right, -errno. */
int timeouts_apply(struct ipvs *ipvs, const struct conf_ipvs *conf, const char *record);
/* Whether timeouts_apply() would change something. */
bool timeouts_differ(struct ipvs *ipvs, const struct conf_ipvs *conf, const char *record,
	struct ipvs_timeouts *ret_now, struct ipvs_timeouts *ret_then);
/* As it was, and no record. 0 also when there is none. */
int timeouts_restore(struct ipvs *ipvs, const char *record);
