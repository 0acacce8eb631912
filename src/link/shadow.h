/* The last record of each connection that passed through the relay, whichever director it came
 * from: what the kernel's table holds, without asking the kernel, which answers in quadratic time.
 */
#pragma once

#include "base/instant.h"
#include "core/sync_message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shadow;
struct sync_digest;

enum shadow_origin {
	SHADOW_OWN,  /* our kernel's master said so */
	SHADOW_PEER, /* the peer did */
};

int shadow_new(size_t max_entries, struct shadow **ret); /* 0 or -ENOMEM */
void shadow_free(struct shadow *s);                      /* NULL is fine */

/* A record that was said at `said`: now, or earlier when it was repaired or came in bulk. That may
 * be before the clock began: `now.us - age_us` is understood when it wraps. False, and nothing
 * changes, when what is known is newer, there is no room, or the record is none that a kernel can
 * have sent. Memory is taken for what there is, not for max_entries. Amortised constant time. */
bool shadow_take(struct shadow *s, const struct sync_record *record, enum shadow_origin origin,
	struct instant said);
/* Forget what has timed out, a bounded number per call. Returns when to call again. */
struct instant shadow_expire(struct shadow *s, struct instant now);
size_t shadow_count(const struct shadow *s);
size_t shadow_bytes(const struct shadow *s);     /* memory in use */
uint64_t shadow_refused(const struct shadow *s); /* records for which there was no room */

/* When the newest record of the peer was said that was taken; {0}: none. */
struct instant shadow_heard(const struct shadow *s);

/* How long the kernel keeps a connection of which it heard this: the record's own timeout, or the
 * kernel's default for its protocol and state. */
uint32_t shadow_timeout_s(const struct sync_record *record);

/* Of all entries, kept up with every change. */
const struct sync_digest *shadow_digest(const struct shadow *s);

/* A walk that may stop and go on while the table changes: each entry that stays is seen once. The
 * record's options are valid until the table changes. */
struct shadow_walk {
	uint64_t at;
	uint32_t until[2]; /* see shadow_walk_bound(); 0: no bound */
};
/* What is entered from now on need not be seen. */
void shadow_walk_bound(const struct shadow *s, struct shadow_walk *walk);
bool shadow_next(const struct shadow *s, struct shadow_walk *walk, struct sync_record *ret,
	enum shadow_origin *ret_origin, struct instant *ret_said);

/* An entry's place, as long as the entry stays; later another may be there. */
#define SHADOW_NONE UINT64_MAX
uint64_t shadow_find(const struct shadow *s, const struct sync_record *record);
/* The place that shadow_next() returned last. */
static inline uint64_t shadow_walk_place(const struct shadow_walk *walk)
{
	return walk->at - 1;
}
/* Whether just this is known already, whenever it was said. */
bool shadow_says(
	const struct shadow *s, const struct sync_record *record, struct instant *ret_said);
/* False when nothing is there. */
bool shadow_get(const struct shadow *s, uint64_t place, struct sync_record *ret,
	enum shadow_origin *ret_origin, struct instant *ret_said);
