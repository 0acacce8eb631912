/* How many connections the kernel counts for each service, held against the shadow table: what it
 * lost on the way to us, or of what it was given, is in no table of ours. Stepped, as resync.h. */
#pragma once

#include "base/instant.h"
#include "core/table_watch.h"

#include <stdint.h>

struct kernel_count;
struct shadow;

struct kernel_count_handler {
	/* A comparison is over. */
	void (*counted)(const struct table_sum *sum, struct instant now, void *userdata);
	void *userdata;
};

/* `path`: SERVICE_LIST_PATH. `shadow` is borrowed. 0 or -ENOMEM. */
int kernel_count_new(struct shadow *shadow, const char *path,
	const struct kernel_count_handler *handler, struct instant now, struct kernel_count **ret);
void kernel_count_free(struct kernel_count *k); /* NULL is fine */
/* Bounded work; returns when to call again. */
struct instant kernel_count_step(struct kernel_count *k, struct instant now);
