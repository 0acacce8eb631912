/* A binary heap whose members know their slot, so that any of them can be moved or taken out. */
#include "core/deadline_heap.h"

static struct deadline **at_slot(const struct deadline_heap *heap, size_t slot)
{
	return &heap->items[slot - 1];
}

static void place(struct deadline_heap *heap, size_t slot, struct deadline *d)
{
	*at_slot(heap, slot) = d;
	d->slot = slot;
}

static void sift_up(struct deadline_heap *heap, struct deadline *d)
{
	size_t slot = d->slot;

	for (; slot > 1 && (*at_slot(heap, slot / 2))->at.us > d->at.us; slot /= 2)
		place(heap, slot, *at_slot(heap, slot / 2));
	place(heap, slot, d);
}

static void sift_down(struct deadline_heap *heap, struct deadline *d)
{
	size_t slot = d->slot, child;

	for (; (child = 2 * slot) <= heap->n; slot = child) {
		if (child < heap->n &&
			(*at_slot(heap, child + 1))->at.us < (*at_slot(heap, child))->at.us)
			child++;
		if ((*at_slot(heap, child))->at.us >= d->at.us)
			break;
		place(heap, slot, *at_slot(heap, child));
	}
	place(heap, slot, d);
}

void deadline_set(struct deadline_heap *heap, struct deadline *d, struct instant at)
{
	d->at = at;
	if (!d->slot)
		place(heap, ++heap->n, d);
	sift_up(heap, d);
	sift_down(heap, d);
}

void deadline_clear(struct deadline_heap *heap, struct deadline *d)
{
	struct deadline *last;

	if (!d->slot)
		return;
	last = *at_slot(heap, heap->n--);
	if (last != d) {
		place(heap, d->slot, last);
		sift_up(heap, last);
		sift_down(heap, last);
	}
	d->slot = 0;
}

struct deadline *deadline_first(const struct deadline_heap *heap)
{
	return heap->n ? heap->items[0] : NULL;
}
