/* tandem-elector as a process: the elector's logic on an event loop, with the kernel behind it. */
#pragma once

/* Runs until the director says so or is gone. Returns 0 or -errno. */
int daemon_run(const char *runtime_dir);
