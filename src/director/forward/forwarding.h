/* What forwarding needs of the kernel besides IPVS: settings, nftables rules, and connections
 * forgotten when they have moved away. Part of the director's state. */
#pragma once

#include "base/instant.h"
#include "conf/conf.h"
#include "director/forward/nft_table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct forwarding {
	struct nft_table table;
	int generation; /* of the configuration that the table was made for; 0: none yet */

	/* Virtual addresses whose tracked connections are to be deleted. */
	struct addr *leaving;
	size_t n_leaving;
	size_t deleted, deleted_total; /* of these addresses, and since the start */
	sd_event_source *purge;

	/* Source ports of fullnat pools. */
	sd_event_source *watch;
	uint64_t insert_failed; /* the kernel's count when it was last read */
	bool counting;          /* it was read before */
	bool full;              /* ... and told */
	uint64_t refused_since_told, refused_total;
	struct instant told;
};

struct director;

int forwarding_init(struct director *d);
void forwarding_done(struct director *d);

/* Settings and rules, as the configuration in force asks for them. Texts of what went wrong go to
 * `errors`; what was not in d->ipvs_errors before is logged. *ret_changed: how many settings and
 * tables were not as they should be. 0, or -errno when it should be tried again. */
int forwarding_apply(struct director *d, json_t *errors, size_t *ret_changed);

/* The same on a host without IPVS, which closed addresses and virtual MACs do not need. */
int forwarding_apply_without_ipvs(struct director *d, json_t *errors, size_t *changed);

/* What forwarding_apply() would do to the nftables table for `conf`: NULL, "replace" or "remove".
 */
const char *forwarding_difference(struct director *d, const struct conf *conf);
/* The kernel's timeouts that it would change, as `differs` of settings.h has it. */
void forwarding_timeouts_differ(struct director *d, const struct conf *conf,
	void (*differs)(const char *name, const char *now, const char *then, void *userdata),
	void *userdata);

/* A virtual router has become Active here, or has ceased to be. */
void forwarding_role(struct director *d, size_t router, bool active);

/* on_stop "remove", --cleanup=all: no table, and every setting as it was. `d` needs no loop. */
void forwarding_remove(struct director *d);

/* For the status. */
json_t *forwarding_to_json(const struct director *d);
