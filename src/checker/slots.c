/* A list of those that wait for each type: one that is at its own bound holds up nobody else. */
#include "checker/slots.h"

#include <errno.h>
#include <stdlib.h>

int slots_init(struct slots *s, unsigned n_types, unsigned descriptors_max)
{
	*s = (struct slots){.types = calloc(n_types, sizeof(*s->types)),
		.n_types = n_types,
		.descriptors_max = descriptors_max};
	if (!s->types)
		return -ENOMEM;
	for (unsigned i = 0; i < n_types; i++)
		TAILQ_INIT(&s->types[i].waiting);
	return 0;
}

void slots_done(struct slots *s)
{
	free(s->types);
	*s = (struct slots){0};
}

static bool has_room(const struct slots *s, const struct slot_type *t)
{
	return s->descriptors + t->descriptors <= s->descriptors_max &&
	       (t->running_max == 0 || t->running < t->running_max);
}

static void take(struct slots *s, struct slot_type *t)
{
	s->descriptors += t->descriptors;
	t->running++;
}

bool slots_take(struct slots *s, unsigned type)
{
	struct slot_type *t = &s->types[type];

	if (!TAILQ_EMPTY(&t->waiting) || !has_room(s, t))
		return false;
	take(s, t);
	return true;
}

void slots_give(struct slots *s, unsigned type)
{
	s->descriptors -= s->types[type].descriptors;
	s->types[type].running--;
}

void slots_wait(struct slots *s, struct slot_wait *w, unsigned type, struct instant now)
{
	w->since = now;
	w->type = type;
	w->waiting = true;
	TAILQ_INSERT_TAIL(&s->types[type].waiting, w, link);
	s->n_waiting++;
}

void slots_leave(struct slots *s, struct slot_wait *w)
{
	if (!w->waiting)
		return;
	w->waiting = false;
	TAILQ_REMOVE(&s->types[w->type].waiting, w, link);
	s->n_waiting--;
}

struct slot_wait *slots_next(struct slots *s)
{
	struct slot_wait *first = NULL;

	for (unsigned i = 0; i < s->n_types && s->n_waiting > 0; i++) {
		struct slot_wait *w = TAILQ_FIRST(&s->types[i].waiting);

		if (w && has_room(s, &s->types[i]) && (!first || w->since.us < first->since.us))
			first = w;
	}
	if (!first)
		return NULL;
	slots_leave(s, first);
	take(s, &s->types[first->type]);
	return first;
}
