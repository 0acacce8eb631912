/* Each power of two is eight buckets. */
#include "core/delays.h"

#define SUB_BITS 3
#define SUB (UINT64_C(1) << SUB_BITS)

static unsigned bucket_of(uint64_t us)
{
	unsigned shift = 0;
	uint64_t bucket;

	while (us >> shift >= 2 * SUB)
		shift++;
	bucket = shift * SUB + (us >> shift);
	return bucket < DELAYS_BUCKETS ? (unsigned)bucket : DELAYS_BUCKETS - 1;
}

/* The longest delay that is in it. */
static uint64_t end_of(unsigned bucket)
{
	unsigned shift = bucket < 2 * SUB ? 0 : bucket / (unsigned)SUB - 1;

	return ((bucket - shift * SUB + 1) << shift) - 1;
}

void delays_add(struct delays *d, uint64_t us)
{
	d->counts[bucket_of(us)]++;
	d->n++;
	if (us > d->max_us)
		d->max_us = us;
}

uint64_t delays_permille(const struct delays *d, unsigned permille)
{
	uint64_t longer = 0;
	unsigned bucket = DELAYS_BUCKETS - 1;

	if (d->n == 0)
		return 0;
	while (bucket > 0 && (longer + d->counts[bucket]) * 1000 <= d->n * (1000 - permille))
		longer += d->counts[bucket--];
	return end_of(bucket) < d->max_us ? end_of(bucket) : d->max_us;
}
