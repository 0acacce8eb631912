/* Kernel settings. The record is read and written anew for each setting: there are a dozen, at
 * start and stop, and what is on disk is then always true. It lives in /run, so that a crash of the
 * machine takes it along with the settings it is about. */
#include "io/sysctl.h"

#include "base/cleanup.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KERNEL_ROOT "/proc/sys"
#define VALUE_MAX 256
#define BLANKS " \t"

/* A name comes from our own tables, or from the record: it must not lead elsewhere. */
static int build_path(const char *root, const char *name, char path[static PATH_MAX])
{
	int n;

	if (name[0] == '\0' || name[0] == '/' || strstr(name, ".."))
		return -EINVAL;
	n = snprintf(path, PATH_MAX, "%s/%s", root, name);
	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int sysctl_read_at(const char *root, const char *name, char *ret, size_t size)
{
	char path[PATH_MAX], text[VALUE_MAX];
	auto_close int fd = -1;
	ssize_t n;
	int r = build_path(root, name, path);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) >= size || (size_t)n == sizeof(text) - 1)
		return -ENAMETOOLONG;
	strcpy(ret, text);
	return 0;
}

int sysctl_write_at(const char *root, const char *name, const char *value)
{
	char path[PATH_MAX], line[VALUE_MAX];
	auto_close int fd = -1;
	int r = build_path(root, name, path);
	int len = snprintf(line, sizeof(line), "%s\n", value);

	if (r < 0)
		return r;
	if (len >= VALUE_MAX)
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* One write: the kernel takes each as a value of its own. */
	return write(fd, line, (size_t)len) == len ? 0 : -errno;
}

/* The next word of *text, which moves behind it; *ret_len is 0 at the end. */
static const char *next_word(const char **text, size_t *ret_len)
{
	const char *word = *text + strspn(*text, BLANKS);

	*ret_len = strcspn(word, BLANKS);
	*text = word + *ret_len;
	return word;
}

static bool values_equal(const char *a, const char *b)
{
	size_t a_len, b_len;

	do {
		const char *x = next_word(&a, &a_len), *y = next_word(&b, &b_len);

		if (a_len != b_len || memcmp(x, y, a_len) != 0)
			return false;
	} while (a_len > 0);
	return true;
}

/* A record that cannot be read must not keep settings from being made: it is set aside, under a
 * name that somebody may look at. */
static void set_aside(const char *record)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s.bad", record) < (int)sizeof(path))
		(void)rename(record, path);
}

/* An empty object when there is no file yet, or none that is a record. */
static int load_record(const char *record, json_t **ret)
{
	json_t *object;
	json_error_t error;
	auto_fclose FILE *f = fopen(record, "re");

	if (!f && errno != ENOENT)
		return -errno;
	object = f ? json_loadf(f, JSON_REJECT_DUPLICATES, &error) : NULL;
	if (!json_is_object(object)) {
		json_decref(object);
		object = json_object();
		if (f)
			set_aside(record);
	}
	if (!object)
		return -ENOMEM;
	*ret = object;
	return 0;
}

/* Unless the record has one for that name, which is from before our first change. */
static int remember(const char *record, const char *name, const char *value)
{
	json_auto_t *object = NULL;
	int r = load_record(record, &object);

	if (r < 0 || json_object_get(object, name))
		return r;
	if (json_object_set_new(object, name, json_string(value)) < 0)
		return -ENOMEM;
	return file_replace_json(record, object, JSON_INDENT(2) | JSON_SORT_KEYS);
}

int sysctl_set_recorded_at(
	const char *root, const char *record, const char *name, const char *value)
{
	char old[VALUE_MAX];
	int r = sysctl_read_at(root, name, old, sizeof(old));

	if (r < 0)
		return r;
	if (values_equal(old, value))
		return 0;
	r = remember(record, name, old);
	if (r == 0)
		r = sysctl_write_at(root, name, value);
	return r < 0 ? r : 1;
}

static bool is_one_of(const char *name, const char *const names[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* A setting that is gone with its module is as good as restored. */
static int restore_one(const char *root, const char *name, const json_t *value)
{
	int r = json_is_string(value) ? sysctl_write_at(root, name, json_string_value(value))
				      : -EBADMSG;

	return r == -ENOENT ? 0 : r;
}

int sysctl_restore_others_at(
	const char *root, const char *record, const char *const kept[], size_t n_kept)
{
	json_auto_t *object = NULL;
	json_t *value;
	const char *name;
	void *next;
	int restored = 0, first = load_record(record, &object);

	if (first < 0)
		return first;
	json_object_foreach_safe (object, next, name, value) {
		int r = is_one_of(name, kept, n_kept) ? 1 : restore_one(root, name, value);

		if (r == 0) {
			(void)json_object_del(object, name);
			restored++;
		} else if (r < 0 && first == 0) {
			first = r;
		}
	}
	if (restored > 0) {
		int r = file_replace_json(record, object, JSON_INDENT(2) | JSON_SORT_KEYS);

		first = first < 0 ? first : r;
	}
	return first < 0 ? first : restored;
}

int sysctl_restore_at(const char *root, const char *record)
{
	json_auto_t *object = NULL;
	json_t *value;
	const char *name;
	int first = load_record(record, &object);

	if (first < 0)
		return first;
	json_object_foreach (object, name, value) {
		int r = restore_one(root, name, value);

		if (r < 0 && first == 0)
			first = r;
	}
	if (first == 0 && unlink(record) < 0 && errno != ENOENT)
		first = -errno;
	return first;
}

int sysctl_read(const char *name, char *ret, size_t size)
{
	return sysctl_read_at(KERNEL_ROOT, name, ret, size);
}

int sysctl_write(const char *name, const char *value)
{
	return sysctl_write_at(KERNEL_ROOT, name, value);
}

int sysctl_set_recorded(const char *record, const char *name, const char *value)
{
	return sysctl_set_recorded_at(KERNEL_ROOT, record, name, value);
}

int sysctl_restore_others(const char *record, const char *const kept[], size_t n_kept)
{
	return sysctl_restore_others_at(KERNEL_ROOT, record, kept, n_kept);
}

int sysctl_restore(const char *record)
{
	return sysctl_restore_at(KERNEL_ROOT, record);
}
