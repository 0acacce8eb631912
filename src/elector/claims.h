/* Other hosts that claim addresses of ours, heard beside the election, which does without it. */
#pragma once

#include "elector/elector.h"

#include <stdint.h>
#include <systemd/sd-event.h>

struct claims {
	struct elector *elector; /* is told */
	int fds[VOICES];         /* negative: claims of the family are not heard */
	sd_event_source *sources[VOICES];
};

void claims_init(struct claims *c, struct elector *elector);
/* `priority`: on the loop, after everything that must not be late. 0, or -errno when those of a
 * family that this kernel has are not heard. */
int claims_open(struct claims *c, sd_event *loop, int64_t priority);
/* The elector's routers have changed. 0 or -errno. */
int claims_watch(const struct claims *c);
/* Is good after claims_init(), too. */
void claims_close(struct claims *c);
