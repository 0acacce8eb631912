/* Many deadlines, the earliest at hand: what one armed timer needs to serve them all. */
#pragma once

#include "base/instant.h"

#include <stddef.h>

/* Embedded in what waits. Zero-initialise: in no heap. */
struct deadline {
	struct instant at;
	size_t slot; /* place in the heap, from 1; 0: in none */
};

/* The caller supplies the room: as many pointers as it has deadlines. */
struct deadline_heap {
	struct deadline **items;
	size_t n;
};

/* Put d in, or move it to another time. O(log n). */
void deadline_set(struct deadline_heap *heap, struct deadline *d, struct instant at);
/* Take d out; nothing happens when it is not in. */
void deadline_clear(struct deadline_heap *heap, struct deadline *d);
/* The earliest, or NULL when there is none. */
struct deadline *deadline_first(const struct deadline_heap *heap);
