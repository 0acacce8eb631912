/* What the elector asks of the kernel for itself: to run before others, never to wait for a page,
 * and to be able to do little else. */
#pragma once

/* SCHED_FIFO, and all memory locked. 0, or the first -errno: the elector works without, less
 * punctually on a busy host. */
int realtime_enter(void);
/* Keep CAP_NET_ADMIN and CAP_NET_RAW, drop the rest for good. 0 or -errno. */
int realtime_drop_privileges(void);
