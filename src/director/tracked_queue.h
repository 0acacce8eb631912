/* Entries of connection tracking that wait for the kernel or for the stream, in their order, and
 * how many of them are dealt with at a time: fewer when they take too long. Pure, but for memory.
 */
#pragma once

#include "core/tracked.h"

#define TRACKED_STEP_MIN 64u /* so few the kernel takes in one message, however slow it is */

struct tracked_queue {
	struct tracked *items; /* owned */
	size_t n, size, next;
	size_t max;  /* that may wait */
	size_t step; /* TRACKED_STEP_MIN to TRACKED_MAX */
};

/* Empty, without memory. */
void tracked_queue_init(struct tracked_queue *q, size_t max);
/* Gives back all memory; the queue is empty and may be used. */
void tracked_queue_forget(struct tracked_queue *q);

/* Copies it. False: so many wait already, or there is no memory. */
bool tracked_queue_add(struct tracked_queue *q, const struct tracked *entry);
size_t tracked_queue_waiting(const struct tracked_queue *q);

/* The next ones, one step at most, valid until the queue changes. Returns their number. */
size_t tracked_queue_look(const struct tracked_queue *q, const struct tracked **ret);
/* n of them are done. */
void tracked_queue_took(struct tracked_queue *q, size_t n);
/* One step of n entries was tried. When there was no time for all of them they stay, and the next
 * step is half as long; but those of the shortest step are done in any case, so that there is
 * always progress. */
void tracked_queue_tried(struct tracked_queue *q, size_t n, bool in_time);
