/* The kernel's table of tracked connections (ctnetlink), as far as fullnat needs it. */
#pragma once

#include "base/addr.h"
#include "core/tracked.h"

#include <stddef.h>
#include <stdint.h>

/* Delete every entry whose client addressed one of these. Stops after budget_us; entries that are
 * gone meanwhile are no failure. *ret_deleted, also on failure, is how many were deleted. 0, -ETIME
 * when time ran out before all were, or -errno. */
int conntrack_delete_to(
	const struct addr *addresses, size_t n, uint64_t budget_us, size_t *ret_deleted);

/* Of all processors together: connections that could not be entered, because another had what they
 * would have been translated to, or could not be translated otherwise. It counts from when the
 * network namespace was made. 0 or -errno. */
int conntrack_insert_failed(uint64_t *ret);

/* Whether an entry was taken by the kernel. */
struct conntrack_created {
	size_t created, renewed; /* it was there already: state and time-out are set */
	size_t refused;
	int error; /* of the last one refused: -errno */
};
/* Makes entries, so that the kernel goes on translating connections that another host began: the
 * reply as it was before the source was translated, the translation as an attribute of its own,
 * both sides liberal about windows. The chain that translates must be there already. One that has
 * the same way back as another one that is there, or the same way there with another translation,
 * takes its place. Entries that
 * are `gone` are passed over: those of connections of IPVS go with them. Stops after budget_us. 0,
 * -ETIME, -ENOMEM or -EIO; *ret says what was done until then. */
int conntrack_create(
	const struct tracked *entries, size_t n, uint64_t budget_us, struct conntrack_created *ret);

/* Called with each entry that has ports and is translated. */
typedef void (*conntrack_handler)(const struct tracked *entry, void *userdata);
/* Those whose client addressed one of these. 0 or -errno. */
int conntrack_dump(
	const struct addr *addresses, size_t n, conntrack_handler handler, void *userdata);

/* What happens to all entries from now on. */
struct conntrack_events;
int conntrack_events_open(struct conntrack_events **ret); /* 0, -ENOMEM or -EIO */
void conntrack_events_close(struct conntrack_events *e);  /* NULL is fine */
int conntrack_events_fd(const struct conntrack_events *e);
/* Reads what is there, a bounded number; deleted entries are `gone`. 0; -ENOBUFS when some were
 * lost: dump; or -EIO. */
int conntrack_events_read(struct conntrack_events *e, conntrack_handler handler, void *userdata);
