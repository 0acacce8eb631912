/* Two rings of what was logged; each event is JSON from the beginning, as it is only ever shown. */
#include "director/control/events.h"

#include "core/explain.h"

#include <string.h>

/* Adverts may be refused for as long as somebody sends them. */
bool events_is_election(enum event event)
{
	return explain_is_transition(event) ||
	       (explain_may_lead(event) && event != EVENT_ADVERT_REJECTED);
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
