/* What is done makes room at the front when room is needed: a queue that never runs empty does not
 * grow for that. */
#include "director/tracked_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 256u

void tracked_queue_init(struct tracked_queue *q, size_t max)
{
	*q = (struct tracked_queue){.max = max, .step = TRACKED_MAX};
}

void tracked_queue_forget(struct tracked_queue *q)
{
	free(q->items);
	tracked_queue_init(q, q->max);
}

size_t tracked_queue_waiting(const struct tracked_queue *q)
{
	return q->n - q->next;
}

/* One more place. What is moved is no more than what is gone. */
static bool make_room(struct tracked_queue *q)
{
	size_t size = q->size ? 2 * q->size : SIZE_FIRST;
	struct tracked *items;

	if (q->next > 0 && q->next >= q->n / 2) {
		q->n -= q->next;
		memmove(q->items, q->items + q->next, q->n * sizeof(*q->items));
		q->next = 0;
		return true;
	}
	items = realloc(q->items, size * sizeof(*items));
	if (!items)
		return false;
	q->items = items;
	q->size = size;
	return true;
}

bool tracked_queue_add(struct tracked_queue *q, const struct tracked *entry)
{
	if (tracked_queue_waiting(q) >= q->max || (q->n == q->size && !make_room(q)))
		return false;
	q->items[q->n++] = *entry;
	return true;
}

size_t tracked_queue_look(const struct tracked_queue *q, const struct tracked **ret)
{
	size_t waiting = tracked_queue_waiting(q);

	*ret = waiting > 0 ? q->items + q->next : NULL;
	return waiting < q->step ? waiting : q->step;
}

void tracked_queue_took(struct tracked_queue *q, size_t n)
{
	assert(n <= tracked_queue_waiting(q));
	q->next += n;
}

void tracked_queue_tried(struct tracked_queue *q, size_t n, bool in_time)
{
	if (in_time || n <= TRACKED_STEP_MIN)
		tracked_queue_took(q, n);
	if (in_time)
		q->step = 2 * q->step < TRACKED_MAX ? 2 * q->step : TRACKED_MAX;
	else
		q->step = q->step / 2 > TRACKED_STEP_MIN ? q->step / 2 : TRACKED_STEP_MIN;
}
