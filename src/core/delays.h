/* How late things began, counted in buckets: any number of delays in a few hundred integers, and
 * percentiles that are at most an eighth too large. */
#pragma once

#include <stdint.h>

#define DELAYS_BUCKETS 320 /* up to 12 days; longer ones are that */

/* Zero-initialise. */
struct delays {
	uint64_t counts[DELAYS_BUCKETS];
	uint64_t n, max_us;
};

void delays_add(struct delays *d, uint64_t us);
/* No more than so many of a thousand are longer than what this returns; 0 without any. */
uint64_t delays_permille(const struct delays *d, unsigned permille);
