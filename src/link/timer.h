/* Timers on the loop that are set to an instant of CLOCK_BOOTTIME. */
#pragma once

#include "base/instant.h"

#include <systemd/sd-event.h>

/* One that is off. 0 or -errno. */
int timer_new(
	sd_event *loop, sd_event_time_handler_t handler, void *userdata, sd_event_source **ret);
/* Once, then; INSTANT_NEVER: off. */
void timer_set(sd_event_source *timer, struct instant at);
