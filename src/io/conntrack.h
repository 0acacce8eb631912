/* The kernel's table of tracked connections (ctnetlink), as far as fullnat needs it. */
#pragma once

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>

/* Delete every entry whose client addressed one of these. Stops after budget_us; entries that are
 * gone meanwhile are no failure. *ret_deleted, also on failure, is how many were deleted. 0, -ETIME
 * when time ran out before all were, or -errno.
 *
 * The other direction is needed where connections are copied to a standby before they move there:
 * an entry made from a tuple towards the client, the one from the server, the pool's address and
 * port, the state and its time-out. What the kernel asks of it: the reply tuple as it was before
 * the source was translated, the translation as an attribute of its own, both sides liberal about
 * windows, and the chain that translates already there. It would stand here as conntrack_create(),
 * with batches as below. */
int conntrack_delete_to(
	const struct addr *addresses, size_t n, uint64_t budget_us, size_t *ret_deleted);

/* Of all processors together: connections that could not be entered, because another had what they
 * would have been translated to, or could not be translated otherwise. It counts from when the
 * network namespace was made. 0 or -errno. */
int conntrack_insert_failed(uint64_t *ret);
