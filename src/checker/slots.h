/* How many attempts may be under way at once: each takes some of the process's descriptors, and a
 * type of check may have a bound of its own. Who finds no room waits, and has his turn before who
 * comes later. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* Embedded in what waits. Zero-initialise: does not wait. */
struct slot_wait {
	TAILQ_ENTRY(slot_wait) link;
	struct instant since;
	unsigned type;
	bool waiting;
};

struct slot_type {
	unsigned descriptors;          /* of an attempt */
	unsigned running, running_max; /* 0: no bound */
	TAILQ_HEAD(, slot_wait) waiting;
};

struct slots {
	struct slot_type *types;
	unsigned n_types;
	unsigned descriptors, descriptors_max; /* taken */
	size_t n_waiting;
};

/* The types are then filled in by the caller. 0 or -ENOMEM. */
int slots_init(struct slots *s, unsigned n_types, unsigned descriptors_max);
void slots_done(struct slots *s);

/* Room for an attempt of the type; false: there is none, or others wait for it. */
bool slots_take(struct slots *s, unsigned type);
void slots_give(struct slots *s, unsigned type);

void slots_wait(struct slots *s, struct slot_wait *w, unsigned type, struct instant now);
/* Not any more; nothing happens when it does not wait. */
void slots_leave(struct slots *s, struct slot_wait *w);
/* Who has waited longest of those for whom there is room now, which is taken; NULL: nobody. */
struct slot_wait *slots_next(struct slots *s);
