#include "io/file.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Who may not be given the file by us (without CAP_CHOWN) does without it. */
static int make_like(int fd, const struct stat *like)
{
	if (fchown(fd, like->st_uid, like->st_gid) < 0 && errno != EPERM)
		return -errno;
	return fchmod(fd, like->st_mode & 0777) < 0 ? -errno : 0;
}

static int replace(const char *path, const char *text, const char *end, const struct stat *like)
{
	auto_free char *temporary = NULL;
	auto_close int fd = -1;
	int r = 0;

	if (asprintf(&temporary, "%s.new", path) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, like ? 0600 : 0644);
	if (fd < 0)
		return -errno;
	if (like)
		r = make_like(fd, like);
	if (r >= 0)
		r = write_all(fd, text, strlen(text));
	if (r >= 0)
		r = write_all(fd, end, strlen(end));
	if (r >= 0 && (fsync(fd) < 0 || rename(temporary, path) < 0))
		r = -errno;
	if (r < 0)
		(void)unlink(temporary);
	return r;
}

int file_replace(const char *path, const char *text)
{
	return replace(path, text, "\n", NULL);
}

int file_replace_like(const char *path, const char *text, const struct stat *like)
{
	return replace(path, text, "", like);
}

int file_replace_json(const char *path, const json_t *value, size_t flags)
{
	auto_free char *text = json_dumps(value, flags);

	return text ? file_replace(path, text) : -ENOMEM;
}

static char *read_all(int fd, size_t size)
{
	char *text = malloc(size + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (text && n > 0 && len < size) {
		n = read(fd, text + len, size - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (text && n >= 0) {
		text[len] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

char *file_read(const char *path, size_t max)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if ((uint64_t)st.st_size > max) {
		errno = EFBIG;
		return NULL;
	}
	text = read_all(fd, (size_t)st.st_size);
	if (text && strlen(text) < (size_t)st.st_size) {
		free(text);
		errno = EINVAL;
		return NULL;
	}
	return text;
}
