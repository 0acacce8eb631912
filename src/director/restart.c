#include "director/restart.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

static void path_of(const char *runtime_dir, char ret[static PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/restarting", runtime_dir);
}

bool restart_mark(const char *runtime_dir)
{
	char path[PATH_MAX];
	auto_close int fd = -1;

	path_of(runtime_dir, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0;
}

bool restart_unmark(const char *runtime_dir)
{
	char path[PATH_MAX];

	path_of(runtime_dir, path);
	return unlink(path) == 0;
}
