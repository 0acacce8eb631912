/* The runtime directory while the director runs. An operator, or what tidies up /run, may remove
 * it, or something in it: without the socket nobody can ask or order anything, and without the
 * records the next start does not know what is ours. So it is looked at each second, and what is
 * missing is made again. What records say is remembered for that; a record alone that is gone may
 * have been removed because it was not needed any more, and is missed only when something else is.
 */
#include "director/state.h"

#include "base/cleanup.h"
#include "io/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LOOK_US UINT64_C(1000000)
#define RECORD_MAX ((size_t)64 << 20) /* bytes of one record; a longer one is not remembered */

static const char *const record_names[] = {"ipvs.json", "sysctl.json", "timeouts.json", "nft.json"};

#define N_RECORDS (sizeof(record_names) / sizeof(record_names[0]))

/* What a record said, and which file that was. */
struct copy {
	char *text; /* NULL: there is none */
	ino_t inode;
	struct timespec changed;
};

struct runtime_dir {
	sd_event_source *tick;
	struct copy copies[N_RECORDS];
	bool state_seen; /* the elector's file, since it was asked for another one */
	bool failed;     /* it could not be made again, and that was told */
};

static const char *path_of(const struct director *d, const char *name, char buf[static PATH_MAX])
{
	(void)snprintf(buf, PATH_MAX, "%s/%s", d->options->runtime_dir, name);
	return buf;
}

static bool is_there(const struct director *d, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return lstat(path_of(d, name, path), &st) == 0 || errno != ENOENT;
}

/* Whether a second director would find that we are here. */
static bool lock_is_found(const struct director *d)
{
	struct stat held, found;
	char path[PATH_MAX];

	return fstat(d->lock_fd, &held) == 0 &&
	       stat(path_of(d, "tandemd.lock", path), &found) == 0 && held.st_dev == found.st_dev &&
	       held.st_ino == found.st_ino;
}

/* While all is well: what each record says, when it is another one than before. */
static void remember(const struct director *d, const char *name, struct copy *c)
{
	char path[PATH_MAX];
	struct stat st;

	if (stat(path_of(d, name, path), &st) < 0) {
		free(c->text);
		*c = (struct copy){0};
		return;
	}
	if (c->text && c->inode == st.st_ino && c->changed.tv_sec == st.st_mtim.tv_sec &&
		c->changed.tv_nsec == st.st_mtim.tv_nsec)
		return;
	free(c->text);
	*c = (struct copy){file_read(path, RECORD_MAX), st.st_ino, st.st_mtim};
}

/* A record that was written since is newer than ours. */
static int put_back(const struct director *d, const char *name, const struct copy *c)
{
	char path[PATH_MAX];

	return c->text && !is_there(d, name) ? file_replace(path_of(d, name, path), c->text) : 0;
}

/* For everybody, as systemd makes it, whatever our umask is. */
static int make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(path, 0755) < 0 ? -errno : 0;
}

static int renew_lock(struct director *d)
{
	int fd;

	if (lock_is_found(d))
		return 0;
	fd = director_lock(d->options->runtime_dir, false);
	if (fd < 0)
		return fd;
	cleanup_close(&d->lock_fd);
	d->lock_fd = fd;
	return 0;
}

/* The lock first: where another director has it by now, the rest is that one's. The elector's word
 * for its file is its own event. */
static int renew(struct director *d)
{
	struct runtime_dir *dir = d->runtime_dir;
	int r = make_directory(d->options->runtime_dir);

	if (r >= 0)
		r = renew_lock(d);
	for (size_t i = 0; r >= 0 && i < N_RECORDS; i++)
		r = put_back(d, record_names[i], &dir->copies[i]);
	if (r >= 0 && !control_is_found(d->control))
		r = control_renew(d->control);
	if (r >= 0 && dir->state_seen && !is_there(d, "elector.state")) {
		dir->state_seen = false;
		process_call(&d->helpers[HELPER_ELECTOR], "Record", NULL);
	}
	return r;
}

static void tell(struct director *d, const char *missing, int error)
{
	char text[PATH_MAX + 200];

	if (error >= 0)
		(void)snprintf(text, sizeof(text), "somebody removed %s of %s: made again", missing,
			d->options->runtime_dir);
	else if (error == -EBUSY)
		(void)snprintf(text, sizeof(text),
			"somebody removed %s of %s, and another tandemd has begun to use it",
			missing, d->options->runtime_dir);
	else
		(void)snprintf(text, sizeof(text),
			"somebody removed %s of %s, which cannot be made again: restart tandemd",
			missing, d->options->runtime_dir);
	if (error < 0 && d->runtime_dir->failed)
		return;
	d->runtime_dir->failed = error < 0;
	if (error < 0)
		director_event(d, EVENT_ERROR, text, "ERRNO", strerror(-error), NULL);
	else
		director_event(d, EVENT_RUNTIME_RESTORED, text, NULL);
}

static void look(struct director *d)
{
	struct runtime_dir *dir = d->runtime_dir;
	bool lock = !lock_is_found(d), sock = !control_is_found(d->control);
	bool has_state = is_there(d, "elector.state"), state = dir->state_seen && !has_state;
	char missing[80];

	if (!lock && !sock && !state) {
		dir->state_seen = has_state;
		dir->failed = false;
		for (size_t i = 0; i < N_RECORDS; i++)
			remember(d, record_names[i], &dir->copies[i]);
		return;
	}
	(void)snprintf(missing, sizeof(missing), "%s%s%s", lock ? "tandemd.lock " : "",
		sock ? "tandem.sock " : "", state ? "elector.state " : "");
	missing[strlen(missing) - 1] = '\0';
	tell(d, missing, renew(d));
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;

	(void)usec;
	if (d->stopping)
		return 0;
	look(d);
	(void)sd_event_source_set_time_relative(source, LOOK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int runtime_dir_init(struct director *d)
{
	struct runtime_dir *dir = d->runtime_dir = calloc(1, sizeof(*dir));
	int r;

	if (!dir)
		return -ENOMEM;
	r = sd_event_add_time_relative(
		d->loop, &dir->tick, CLOCK_BOOTTIME, LOOK_US, 100000, on_tick, d);
	return r < 0 ? r : 0;
}

void runtime_dir_done(struct director *d)
{
	struct runtime_dir *dir = d->runtime_dir;

	if (!dir)
		return;
	sd_event_source_disable_unref(dir->tick);
	for (size_t i = 0; i < N_RECORDS; i++)
		free(dir->copies[i].text);
	free(dir);
	d->runtime_dir = NULL;
}
