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

enum shadow_origin {
	SHADOW_OWN,  /* our kernel's master said so */
	SHADOW_PEER, /* the peer did */
};

int shadow_new(size_t max_entries, struct shadow **ret); /* 0 or -ENOMEM */
void shadow_free(struct shadow *s);                      /* NULL is fine */

/* A record that was said at `said` (now, or earlier when it was repaired or came in bulk). False,
 * and nothing changes, when what is known is newer, or there is no room. Amortised constant time. */
bool shadow_take(struct shadow *s, const struct sync_record *record, enum shadow_origin origin,
	struct instant said);
/* Forget what has timed out, a bounded number per call. Returns when to call again. */
struct instant shadow_expire(struct shadow *s, struct instant now);
size_t shadow_count(const struct shadow *s);

/* A walk that may stop and go on while the table changes: each entry that stays is seen once. The
 * record's options are valid until the table changes. */
struct shadow_walk {
	size_t at;
};
bool shadow_next(const struct shadow *s, struct shadow_walk *walk, struct sync_record *ret,
	enum shadow_origin *ret_origin, struct instant *ret_said);
