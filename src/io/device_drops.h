/* What a network device counts as dropped: /proc/net/dev tells. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct device_drops {
	uint64_t received, sent; /* packets from it, and to it, that were dropped */
};

/* 0, -ENODEV when there is no such device, or -errno. One pass over the host's devices. */
int device_drops_read(const char *name, struct device_drops *ret);

/* A line of that file. False: it is not of that device. */
bool device_drops_parse(const char *line, const char *name, struct device_drops *ret);
