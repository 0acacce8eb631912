/* After a start the kernel may know connections that never passed through this process: they are
 * read from /proc once, bit by bit, and go into the shadow table. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

struct cold_start;
struct shadow;

struct cold_start_report {
	uint64_t read, strange; /* lines */
	uint64_t took_us;
	bool complete; /* false: it took too long, or could not be read */
	int error;     /* -errno, 0 */
};
struct cold_start_handler {
	/* It is over: resync_table_ready(). */
	void (*ended)(const struct cold_start_report *report, void *userdata);
	void *userdata;
};

/* `path`: CONN_LIST_PATH. `services`: SERVICE_LIST_PATH, which is read first: a line does not say
 * the packets' mark, the services by mark do. Both are opened now. `shadow` is borrowed. 0 or
 * -ENOMEM; a file that cannot be opened is told by `ended` in the first step: without IPVS in the
 * kernel (-ENOENT) an empty table is complete. */
int cold_start_new(struct shadow *shadow, const char *path, const char *services,
	const struct cold_start_handler *handler, struct instant now, struct cold_start **ret);
void cold_start_free(struct cold_start *c); /* NULL is fine */
/* Some lines, then a pause as long as they took: the kernel is busy with them. Returns when to call
 * again, INSTANT_NEVER when it is over. */
struct instant cold_start_step(struct cold_start *c, struct instant now);
