/* After a start the kernel may know connections that never passed through this process: they are
 * read from /proc once, bit by bit, and go into the shadow table. */
#pragma once

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

struct cold_start;
struct shadow;
struct sync_record;

struct cold_start_report {
	uint64_t read, strange; /* lines */
	uint64_t took_us;
	bool complete; /* false: it took too long, or could not be read */
	int error;     /* -errno, 0 */
};
struct cold_start_handler {
	/* What a line does not say and the configuration does: the firewall mark of the service,
	 * the forwarding method in the flags. NULL: nothing. */
	void (*fill_in)(struct sync_record *record, void *userdata);
	/* It is over: resync_table_ready(). */
	void (*ended)(const struct cold_start_report *report, void *userdata);
	void *userdata;
};

/* `path`: CONN_LIST_PATH. It is opened now. `shadow` is borrowed. 0 or -ENOMEM; a file that cannot
 * be opened is told by `ended` in the first step: without IPVS in the kernel (-ENOENT) an empty
 * table is complete. */
int cold_start_new(struct shadow *shadow, const char *path,
	const struct cold_start_handler *handler, struct instant now, struct cold_start **ret);
void cold_start_free(struct cold_start *c); /* NULL is fine */
/* Some lines, then a pause as long as they took: the kernel is busy with them. Returns when to call
 * again, INSTANT_NEVER when it is over. */
struct instant cold_start_step(struct cold_start *c, struct instant now);
