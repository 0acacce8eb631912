/* The clock of every program in tandem: CLOCK_BOOTTIME, so that a sleep of the machine counts. */
#pragma once

#include "base/instant.h"

#include <time.h>

static inline struct instant clock_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail with a valid clock and pointer */
	return (struct instant){(uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000};
}
