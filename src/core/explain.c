#include "core/explain.h"

#include <string.h>

enum bearing { NONE, MAY_LEAD, TRANSITION };

static const enum bearing bearings[EVENT_MAX_] = {
	[EVENT_ROUTER_ACTIVE] = TRANSITION,
	[EVENT_ROUTER_BACKUP] = TRANSITION,
	[EVENT_ROUTER_INITIALIZE] = TRANSITION,
	[EVENT_ROUTER_ADOPTED] = TRANSITION,
	[EVENT_ROUTER_LATE] = TRANSITION,
	[EVENT_STARTED] = MAY_LEAD,
	[EVENT_STOPPING] = MAY_LEAD,
	[EVENT_CONFIG_REJECTED] = MAY_LEAD,
	[EVENT_RELOADED] = MAY_LEAD,
	[EVENT_BEFORE_ACTIVE] = MAY_LEAD,
	[EVENT_LEFTOVER_REMOVED] = MAY_LEAD,
	[EVENT_PRIORITY] = MAY_LEAD,
	[EVENT_TRACK_FAILED] = MAY_LEAD,
	[EVENT_TRACK_PASSED] = MAY_LEAD,
	[EVENT_TRACK_ERROR] = MAY_LEAD,
	[EVENT_NOT_READY] = MAY_LEAD,
	[EVENT_RIVAL] = MAY_LEAD,
	[EVENT_TAKEOVER_WITHHELD] = MAY_LEAD,
	[EVENT_ADVERTS_BACK] = MAY_LEAD,
	[EVENT_ADVERT_REJECTED] = MAY_LEAD,
	[EVENT_ADVERT_TOO_LONG] = MAY_LEAD,
	[EVENT_CLOCK_DEAF] = MAY_LEAD,
	[EVENT_ADDRESS_CONTESTED] = MAY_LEAD,
	[EVENT_ADDRESS_CLAIMED] = MAY_LEAD,
	[EVENT_SWITCHOVER] = MAY_LEAD,
	[EVENT_SWITCHOVER_FAILED] = MAY_LEAD,
	[EVENT_MAINTENANCE] = MAY_LEAD,
	[EVENT_RESIGNED_FOR] = MAY_LEAD,
	[EVENT_HELPER_DIED] = MAY_LEAD,
	[EVENT_HELPER_HUNG] = MAY_LEAD,
	[EVENT_PEER_HEARD] = MAY_LEAD,
	[EVENT_PEER_LOST] = MAY_LEAD,
	[EVENT_SPLIT_BRAIN] = MAY_LEAD,
	[EVENT_SPLIT_BRAIN_OVER] = MAY_LEAD,
	[EVENT_CONFIG_DIFFERS] = MAY_LEAD,
	[EVENT_CONFIG_EQUAL] = MAY_LEAD,
};

static enum bearing bearing_of(enum event event)
{
	return event < EVENT_MAX_ ? bearings[event] : NONE;
}

bool explain_is_transition(enum event event)
{
	return bearing_of(event) == TRANSITION;
}

bool explain_may_lead(enum event event)
{
	return bearing_of(event) == MAY_LEAD;
}

static bool belongs(const struct explain_event *e, const struct explain_event *transition)
{
	if (explain_is_transition(e->event))
		return *transition->group && strcmp(e->group, transition->group) == 0;
	return explain_may_lead(e->event) &&
	       (!*e->router || strcmp(e->router, transition->router) == 0);
}

size_t explain_transition(
	const struct explain_event *events, size_t transition, size_t ret[static EXPLAIN_MAX])
{
	const struct explain_event *t = &events[transition];
	size_t n = 0;

	for (size_t i = transition; i-- > 0 && n < EXPLAIN_MAX;) {
		const struct explain_event *e = &events[i];

		if (explain_is_transition(e->event) && strcmp(e->router, t->router) == 0)
			break;
		/* A clock that was set back makes nothing old. */
		if (t->at_unix_us > e->at_unix_us &&
			t->at_unix_us - e->at_unix_us > EXPLAIN_WINDOW_US)
			break;
		if (belongs(e, t))
			ret[n++] = i;
	}
	for (size_t i = 0; i < n / 2; i++) {
		size_t other = ret[i];

		ret[i] = ret[n - 1 - i];
		ret[n - 1 - i] = other;
	}
	return n;
}
