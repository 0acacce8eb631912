/* The walk is ours instead of realpath()'s, so that links on the way are looked at, too. What it
 * finds stays true: it takes root to change it. */
#include "io/trusted_path.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40

/* Where the walk is. */
struct walk {
	const char *top;
	char done[PATH_MAX]; /* resolved, "" is the root */
	char rest[PATH_MAX];
	unsigned links;
	char *why;
};

__attribute__((format(printf, 3, 4))) static int refuse(
	struct walk *w, int error, const char *format, ...)
{
	int n = snprintf(w->why, TRUSTED_PATH_WHY_MAX, "%.200s ", *w->done ? w->done : "/");
	va_list args;

	va_start(args, format);
	(void)vsnprintf(w->why + n, TRUSTED_PATH_WHY_MAX - (size_t)n, format, args);
	va_end(args);
	return error;
}

static bool is_above_top(const struct walk *w)
{
	size_t len = strlen(w->done);

	return strncmp(w->top, w->done, len) == 0 && w->top[len] == '/';
}

static int judge(struct walk *w, const struct stat *st)
{
	if (is_above_top(w))
		return 0;
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(w, -EPERM, "belongs to user %u, not to root", st->st_uid);
	if (S_ISLNK(st->st_mode)) /* has no permissions of its own */
		return 0;
	if (st->st_mode & S_IWOTH)
		return refuse(w, -EPERM, "can be written by everybody");
	if ((st->st_mode & S_IWGRP) && st->st_gid != 0)
		return refuse(w, -EPERM, "can be written by group %u", st->st_gid);
	return 0;
}

static void go_up(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	if (slash)
		*slash = '\0';
}

/* The link's text goes in front of what is left. */
static int follow(struct walk *w)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len = readlink(w->done, target, sizeof(target) - 1);

	if (len < 0)
		return refuse(w, -errno, "cannot be read: %s", strerror(errno));
	target[len] = '\0';
	if (++w->links > LINKS_MAX)
		return refuse(w, -ELOOP, "is one symbolic link too many");
	(void)snprintf(rest, sizeof(rest), "%s", w->rest);
	if (snprintf(w->rest, sizeof(w->rest), "%s/%s", target, rest) >= (int)sizeof(w->rest))
		return refuse(w, -ENAMETOOLONG, "leads to too long a path");
	if (target[0] == '/')
		w->done[0] = '\0';
	else
		go_up(w);
	return 0;
}

/* Moves the first component of `rest` to the end of `done`. False: there is none. */
static bool take_component(struct walk *w)
{
	size_t start = strspn(w->rest, "/"), len = strcspn(w->rest + start, "/");
	size_t at = strlen(w->done);

	if (len == 0)
		return false;
	if (len == 2 && strncmp(w->rest + start, "..", 2) == 0)
		go_up(w);
	else if (!(len == 1 && w->rest[start] == '.') && at + 1 + len < sizeof(w->done))
		(void)snprintf(
			w->done + at, sizeof(w->done) - at, "/%.*s", (int)len, w->rest + start);
	memmove(w->rest, w->rest + start + len, strlen(w->rest + start + len) + 1);
	return true;
}

static int look(struct walk *w, struct stat *ret)
{
	if (lstat(*w->done ? w->done : "/", ret) < 0)
		return refuse(w, -errno, "cannot be looked at: %s", strerror(errno));
	return judge(w, ret);
}

int trusted_path_check(const char *top, const char *path, char ret_why[static TRUSTED_PATH_WHY_MAX])
{
	struct walk w = {.top = top, .why = ret_why};
	struct stat st;
	int r;

	if (path[0] != '/' || snprintf(w.rest, sizeof(w.rest), "%s", path) >= (int)sizeof(w.rest)) {
		(void)snprintf(w.done, sizeof(w.done), "%.300s", path);
		return refuse(&w, -EINVAL, "is not an absolute path");
	}
	r = look(&w, &st);
	while (r == 0 && take_component(&w)) {
		r = look(&w, &st);
		if (r == 0 && S_ISLNK(st.st_mode))
			r = follow(&w);
	}
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode))
		return refuse(&w, -EACCES, "is not a regular file");
	if (!(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return refuse(&w, -EACCES, "is not executable");
	return 0;
}
