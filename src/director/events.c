/* Two rings of what was logged; each event is JSON from the beginning, as it is only ever shown. */
#include "director/events.h"

#include <string.h>

bool events_is_election(enum event event)
{
	switch (event) {
	case EVENT_STARTED:
	case EVENT_STOPPING:
	case EVENT_CONFIG_REJECTED:
	case EVENT_RELOADED:
	case EVENT_ROUTER_ACTIVE:
	case EVENT_ROUTER_BACKUP:
	case EVENT_ROUTER_INITIALIZE:
	case EVENT_ROUTER_ADOPTED:
	case EVENT_ROUTER_LATE:
	case EVENT_PRIORITY:
	case EVENT_TRACK_FAILED:
	case EVENT_TRACK_PASSED:
	case EVENT_TRACK_ERROR:
	case EVENT_BEFORE_ACTIVE:
	case EVENT_NOT_READY:
	case EVENT_RIVAL:
	case EVENT_TAKEOVER_WITHHELD:
	case EVENT_ADVERTS_BACK:
	case EVENT_ADVERT_TOO_LONG:
	case EVENT_CLOCK_DEAF:
	case EVENT_LEFTOVER_REMOVED:
	case EVENT_SWITCHOVER:
	case EVENT_SWITCHOVER_FAILED:
	case EVENT_MAINTENANCE:
	case EVENT_RESIGNED_FOR:
	case EVENT_HELPER_DIED:
	case EVENT_HELPER_HUNG:
	case EVENT_PEER_HEARD:
	case EVENT_PEER_LOST:
	case EVENT_SPLIT_BRAIN:
	case EVENT_SPLIT_BRAIN_OVER:
	case EVENT_CONFIG_DIFFERS:
	case EVENT_CONFIG_EQUAL:
		return true;
	case EVENT_NOTIFY_FAILED:
	case EVENT_NOTIFY_SKIPPED:
	case EVENT_ADVERT_REJECTED:
	case EVENT_ADDRESS_RESTORED:
	case EVENT_ADDRESS_CONTESTED:
	case EVENT_HELPER_STARTED:
	case EVENT_SERVER_UP:
	case EVENT_SERVER_DOWN:
	case EVENT_SERVER_WISH:
	case EVENT_QUORUM_LOST:
	case EVENT_QUORUM_REGAINED:
	case EVENT_FALLBACK_USED:
	case EVENT_PANIC:
	case EVENT_PANIC_OVER:
	case EVENT_DRAIN_STARTED:
	case EVENT_DRAIN_DONE:
	case EVENT_DRAIN_FORCED:
	case EVENT_OVERRIDE:
	case EVENT_IPVS_APPLIED:
	case EVENT_IPVS_DRIFT:
	case EVENT_IPVS_FAILED:
	case EVENT_SYNC_STARTED:
	case EVENT_SYNC_LOST:
	case EVENT_RESYNC_DONE:
	case EVENT_RESYNC_FAILED:
	case EVENT_COVERAGE_LOW:
	case EVENT_DECISION_CONFLICT:
	case EVENT_PUSHED:
	case EVENT_PUSH_FAILED:
	case EVENT_SYSCTL_FAILED:
	case EVENT_RULES_APPLIED:
	case EVENT_RULES_FAILED:
	case EVENT_CONNTRACK_DELETED:
	case EVENT_LOCAL_PORTS:
	case EVENT_ERROR:
	case EVENT_MAX_:
		break;
	}
	return false;
}

void events_keep(struct events *e, uint64_t unix_us, enum event event, const char *message,
	const json_t *fields)
{
	struct events_ring *ring = events_is_election(event) ? &e->election : &e->others;
	const char *router = json_string_value(json_object_get(fields, "TANDEM_INSTANCE"));
	json_t *item = json_pack("{s:I, s:I, s:s, s:s, s:s?}", "number", (json_int_t)++e->n_all,
		"unix_us", (json_int_t)unix_us, "event", event_name(event), "message", message,
		"router", router);

	if (!item)
		return;
	json_decref(ring->items[ring->next]);
	ring->items[ring->next] = item;
	ring->next = (ring->next + 1) % EVENTS_KEPT;
	ring->n += ring->n < EVENTS_KEPT;
}

/* The i-th from the oldest on; NULL behind the last. */
static json_t *item_at(const struct events_ring *ring, unsigned i)
{
	return i < ring->n ? ring->items[(ring->next + EVENTS_KEPT - ring->n + i) % EVENTS_KEPT]
			   : NULL;
}

static json_int_t number_of(const json_t *item)
{
	return item ? json_integer_value(json_object_get(item, "number")) : INT64_MAX;
}

static bool is_of(const json_t *item, bool election, const char *router)
{
	const char *own = json_string_value(json_object_get(item, "router"));

	if (!router)
		return true;
	return own ? strcmp(own, router) == 0 : election;
}

json_t *events_to_json(const struct events *e, const char *router)
{
	json_t *array = json_array();
	unsigned i = 0, k = 0;

	while (i < e->election.n || k < e->others.n) {
		json_t *a = item_at(&e->election, i), *b = item_at(&e->others, k);
		bool election = number_of(a) < number_of(b);

		if (election)
			i++;
		else
			k++;
		if (is_of(election ? a : b, election, router))
			(void)json_array_append(array, election ? a : b);
	}
	return array;
}

static void empty(struct events_ring *ring)
{
	for (unsigned i = 0; i < EVENTS_KEPT; i++)
		json_decref(ring->items[i]);
	*ring = (struct events_ring){0};
}

void events_done(struct events *e)
{
	empty(&e->election);
	empty(&e->others);
}
