/* Why a virtual router moved: which of the things that happened before its transition belong to it.
 * A list of events cannot prove a cause; it can leave out what has none. */
#pragma once

#include "base/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What happened once. Texts are borrowed; "": it concerns no router, no group. */
struct explain_event {
	enum event event;
	uint64_t at_unix_us;
	const char *router, *group;
};

/* Nothing that is older belongs to a transition. */
#define EXPLAIN_WINDOW_US UINT64_C(60000000)
#define EXPLAIN_MAX 8

/* Whether the event is a router's transition, or whether it may be the reason of one. */
bool explain_is_transition(enum event event);
bool explain_may_lead(enum event event);

/* What belongs to events[transition], of `events` in the order in which they happened: what may
 * lead to a transition and concerns the same router or the whole host, since its transition before
 * this one, and transitions of the other members of its sync group. Writes the indexes of the last
 * EXPLAIN_MAX of them, the oldest first, and returns their number. Pure. */
size_t explain_transition(
	const struct explain_event *events, size_t transition, size_t ret[static EXPLAIN_MAX]);
