/* How a process stands with the scheduler (proc(5)). */
#pragma once

#include "core/supervise.h"

#include <sys/types.h>

/* 0; -EBADMSG: the kernel says it otherwise than Linux 6 does; or another -errno: it is gone, or
 * not ours to see. */
int proc_run_look(pid_t pid, struct supervise_sight *ret);
