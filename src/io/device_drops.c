/* name: bytes packets errs drop fifo frame compressed multicast, then the same of what was sent. */
#include "io/device_drops.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool device_drops_parse(const char *line, const char *name, struct device_drops *ret)
{
	size_t len = strlen(name);
	struct device_drops drops;

	line += strspn(line, " ");
	if (strncmp(line, name, len) != 0 || line[len] != ':' ||
		sscanf(line + len + 1,
			" %*u %*u %*u %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64,
			&drops.received, &drops.sent) != 2)
		return false;
	*ret = drops;
	return true;
}

int device_drops_read(const char *name, struct device_drops *ret)
{
	FILE *file = fopen("/proc/net/dev", "re");
	char line[512];
	int r = -ENODEV;

	if (!file)
		return -errno;
	while (r == -ENODEV && fgets(line, sizeof(line), file))
		if (device_drops_parse(line, name, ret))
			r = 0;
	if (r < 0 && ferror(file))
		r = -EIO;
	(void)fclose(file);
	return r;
}
