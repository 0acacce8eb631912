#include "link/timer.h"

#include <time.h>

#define ACCURACY_US 1000

int timer_new(
	sd_event *loop, sd_event_time_handler_t handler, void *userdata, sd_event_source **ret)
{
	int r = sd_event_add_time(loop, ret, CLOCK_BOOTTIME, 0, ACCURACY_US, handler, userdata);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

void timer_set(sd_event_source *timer, struct instant at)
{
	if (instant_is_never(at)) {
		(void)sd_event_source_set_enabled(timer, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(timer, at.us);
	(void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}
