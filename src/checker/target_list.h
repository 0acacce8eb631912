/* Targets in the order in which they were added, found by their ids. They are the caller's: they
 * are linked, not copied. */
#pragma once

#include "checker/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct target_list {
	TAILQ_HEAD(target_queue, target) all;
	struct target **chains; /* of those whose ids may be the same */
	size_t n;
};

int target_list_init(struct target_list *list); /* 0 or -ENOMEM */
/* The list, not what is in it. */
void target_list_done(struct target_list *list);

/* At the end. False, and nothing was done: one with its id is there. */
bool target_list_add(struct target_list *list, struct target *t);
/* NULL: there is none. */
struct target *target_list_find(const struct target_list *list, const char *id);
void target_list_remove(struct target_list *list, struct target *t);
void target_list_move_to_end(struct target_list *list, struct target *t);
