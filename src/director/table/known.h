/* What the kernel is known to have: what was brought there for the configuration in force. A
 * service for which a new configuration wants the same need not be asked about. */
#pragma once

#include "director/table/desired.h"

struct known {
	struct desired_input before; /* in force, and carried out */
	const size_t *order;         /* desired_order() of its configuration */
	/* Not carried out yet, or not successfully. */
	bool (*is_doubtful)(size_t service, void *userdata);
	void *userdata;
	struct ipvs_table last; /* what known_dests() found; released with known_done() */
};

/* The servers of the service with this key. `service` is its index in the new configuration, of
 * which *now is the input; CONF_NONE: it is not there. Returns 1 with the servers, sorted, valid
 * until the next call; 0 when the kernel has to be asked; or -ENOMEM. */
int known_dests(struct known *k, const struct ipvs_service_key *key,
	const struct desired_input *now, size_t service, const struct ipvs_dest **ret,
	size_t *ret_n);
void known_done(struct known *k);
