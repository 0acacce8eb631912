/* How a helper process comes into being. */
#pragma once

#include "director/process.h"

#define SPAWN_PRIORITY 5 /* of the end: after the channels, last words come before it */

/* Runs the program at `path` as p's, which becomes its pid and its child event: `ended` hears of
 * its end, with p. *ret_fd is our end of its channel, the caller's. 0 or -errno; p->pid may be set
 * then, of one that runs and is not watched. */
int spawn(struct process *p, const char *path, sd_event_child_handler_t ended, int *ret_fd);
