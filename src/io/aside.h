/* One piece of work aside of the loop, in a thread that lives as long as it: what takes longer than
 * the loop may be held up, and can be done with values that nobody else has meanwhile. */
#pragma once

#include <systemd/sd-event.h>

struct aside;

/* In the thread: `data` is its own until it returns. */
typedef void (*aside_work)(void *data);
/* In the loop, once, when the work has ended; the aside is gone then. */
typedef void (*aside_done)(void *data, void *userdata);

/* Returns 0 or -errno: then nothing has begun. `data` stays the caller's to release, when `done` is
 * called or after aside_cancel(). */
int aside_begin(sd_event *loop, aside_work work, void *data, aside_done done, void *userdata,
	struct aside **ret);
/* Waits until the work has ended; nobody is told. NULL is nothing. */
void aside_cancel(struct aside *a);
