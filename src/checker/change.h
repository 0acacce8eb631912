/* From one configuration to the next, some targets at a time: fifty thousand are more than a loop
 * may be held up for. In between each target is either as it was or as it is to be. */
#pragma once

#include "checker/target_list.h"

/* What becomes of targets; those of the change are in no list when they are handed over. */
struct change_handler {
	/* `old` goes on, as `wanted` says, which is the handler's to free. */
	void (*keep)(struct target *old, struct target *wanted, void *userdata);
	void (*add)(struct target *t, void *userdata);  /* it is in force now */
	void (*drop)(struct target *t, void *userdata); /* it is not any more: the handler's */
};

struct change {
	struct target_list *list; /* in force */
	struct target_list *wanted;
	size_t n_before; /* those of the configuration before: the first of the list */
	const struct change_handler *handler;
	void *userdata;
};

/* What is in `wanted` is to be in `list`; both are borrowed until the change is over, and nobody
 * else adds to them or removes from them. */
struct change change_begin(struct target_list *list, struct target_list *wanted,
	const struct change_handler *handler, void *userdata);
/* Goes on with at most `max` targets. Returns whether the change is over: `wanted` is empty then.
 */
bool change_step(struct change *c, size_t max);
