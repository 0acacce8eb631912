/* A director's host for tests: a kernel that takes everything and has nothing, programs that end at
 * once, files that are read and never written, and callers who only look whether an answer is one.
 * Whoever links no_host.c before libdirector.a and libio.a has these in the place of the real ones;
 * spawn() is the test's own. */
#pragma once

#include "director/control/control.h"

/* The only caller; its answers are looked at and dropped. */
extern struct control_call no_host_call;

/* What was asked of the host since it was set to zero. */
struct no_host_seen {
	unsigned events;        /* logged */
	unsigned tracked_dumps; /* of connection tracking */
	unsigned files;         /* written */
	unsigned programs;      /* begun */
	size_t status_len;      /* of the last answer to Status */
};
extern struct no_host_seen no_host_seen;
