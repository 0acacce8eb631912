/* Names come from the peer: they may name files below the directory of the configuration and
 * nothing else, and neither a link on the way nor a directory that others may write leads
 * elsewhere. */
#include "director/pair/push_files.h"

#include "base/cleanup.h"
#include "conf/conf.h"
#include "director/config/error_list.h"
#include "io/file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_LEN 255u
#define TEXT_NAME "<text>" /* what errors call the main file */

/* A path need not be text that JSON can have. */
static json_t *one_error(const char *about, const char *what)
{
	json_t *text = json_sprintf("%s: %s", about, what);

	return json_pack("[o]", text ? text : json_string(what));
}

/* The length of the directory's name, with its slash; 0: the working directory. */
static size_t directory_len(const char *config)
{
	const char *slash = strrchr(config, '/');

	return slash ? (size_t)(slash - config) + 1 : 0;
}

/* To be freed. */
static char *path_of(const char *config, const char *name)
{
	char *path;

	if (!*name)
		return strdup(config);
	return asprintf(&path, "%.*s%s", (int)directory_len(config), config, name) < 0 ? NULL
										       : path;
}

/* Components that are neither empty nor begin with a dot, such as "conf.d/web.json". */
static bool is_name(const char *name)
{
	if (strlen(name) > NAME_MAX_LEN)
		return false;
	for (const char *c = name; *name;) {
		if (*c == '.' || *c == '/' || *c == '\0')
			return false;
		c = strchr(c, '/');
		if (!c)
			return true;
		c++;
	}
	return true; /* the main file */
}

/* Reading our own */

static const char *name_of(const char *config, const char *path)
{
	size_t len = directory_len(config);

	if (strcmp(path, config) == 0)
		return "";
	if (strncmp(path, config, len) != 0 || !path[len] || !is_name(path + len))
		return NULL;
	return path + len;
}

static json_t *read_files(const char *config, const struct conf *conf, json_t **ret_errors)
{
	json_t *files = json_object();

	for (size_t i = 0; conf->files[i]; i++) {
		const char *name = i == 0 ? "" : name_of(config, conf->files[i]);
		auto_free char *text = name ? file_read(conf->files[i], PUSH_FILES_MAX) : NULL;

		if (text && json_object_set_new(files, name, json_string(text)) == 0)
			continue;
		*ret_errors = one_error(conf->files[i],
			name ? "it cannot be read, or is too large to be sent"
			     : "it is not below the directory of the configuration, and so is not "
			       "pushed");
		json_decref(files);
		return NULL;
	}
	return files;
}

char *push_files_read(const char *config, const char *node, json_t **ret_errors)
{
	struct conf_errors errors = {0};
	struct conf *conf = conf_load(config, node, &errors);
	json_t *files = NULL;
	char *text = NULL;

	if (conf && conf_read_secrets(conf, &errors))
		files = read_files(config, conf, ret_errors);
	else
		*ret_errors = error_list(&errors);
	/* Without bytes above 127 it can be cut anywhere. */
	if (files)
		text = json_dumps(files, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS);
	if (text && strlen(text) > PUSH_FILES_MAX) {
		free(text);
		text = NULL;
	}
	if (files && !text)
		*ret_errors = one_error(config, "with what it includes it is too large to be sent");
	json_decref(files);
	conf_free(conf);
	conf_errors_done(&errors);
	return text;
}

/* What somebody else sent */

json_t *push_files_parse(const char *text, size_t len, json_t **ret_errors)
{
	json_t *files = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *value;
	const char *name;
	bool ok = json_is_object(files) && json_is_string(json_object_get(files, ""));

	json_object_foreach (files, name, value)
		ok = ok && is_name(name) && json_is_string(value);
	if (ok)
		return files;
	json_decref(files);
	*ret_errors = json_pack("[s]", "what came is no set of files of a configuration");
	return NULL;
}

static int compare_texts(const void *x, const void *y)
{
	return strcmp(((const struct conf_text *)x)->path, ((const struct conf_text *)y)->path);
}

static void free_texts(struct conf_text *texts, size_t n)
{
	for (size_t i = 0; texts && i < n; i++)
		free((void *)(uintptr_t)texts[i].path);
	free(texts);
}

/* NULL when out of memory. */
static struct conf_text *make_texts(const char *config, const json_t *files)
{
	struct conf_text *texts = calloc(json_object_size(files) + 1, sizeof(*texts));
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach ((json_t *)(uintptr_t)files, name, value) {
		if (!texts)
			break;
		texts[n].text = json_string_value(value);
		texts[n].path = path_of(config, name);
		if (!texts[n++].path) {
			free_texts(texts, n);
			return NULL;
		}
	}
	if (texts)
		qsort(texts, n, sizeof(*texts), compare_texts);
	return texts;
}

/* The other host may have its files elsewhere. */
static json_t *without_paths(const char *config, json_t *errors)
{
	size_t len = directory_len(config), i;
	json_t *array = json_array(), *item;

	json_array_foreach (errors, i, item) {
		const char *text = json_string_value(item);

		if (strncmp(text, config, strlen(config)) == 0)
			item = json_sprintf(TEXT_NAME "%s", text + strlen(config));
		else if (len > 0 && strncmp(text, config, len) == 0)
			item = json_sprintf(TEXT_NAME "/%s", text + len);
		else
			item = json_string(text);
		(void)json_array_append_new(array, item);
	}
	json_decref(errors);
	return array;
}

/* Why a file below the directory may not be written, or NULL. Its directories are made later. */
static const char *judge_place(const char *config, const char *path)
{
	size_t from = directory_len(config);
	char part[PATH_MAX];
	struct stat st;

	for (const char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (lstat(part, &st) < 0)
			return errno == ENOENT ? NULL : strerror(errno);
		if (!S_ISDIR(st.st_mode))
			return "its directory is no directory";
		if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
			(st.st_mode & (S_IWGRP | S_IWOTH)))
			return "its directory can be written by others";
	}
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? NULL : strerror(errno);
	return S_ISREG(st.st_mode) ? NULL : "it is no regular file";
}

static json_t *judge_places(const char *config, const json_t *files)
{
	json_t *errors = json_array(), *value;
	const char *name;

	json_object_foreach ((json_t *)(uintptr_t)files, name, value) {
		auto_free char *path = *name ? path_of(config, name) : NULL;
		const char *wrong = path ? judge_place(config, path) : NULL;

		if (wrong)
			(void)json_array_append_new(
				errors, json_sprintf(TEXT_NAME "/%s: %s", name, wrong));
	}
	return errors;
}

json_t *push_files_check(const char *config, const char *node, const json_t *files)
{
	struct conf_text *texts = make_texts(config, files);
	struct conf_errors errors = {0};
	struct conf *conf;
	json_t *array;

	if (!texts)
		return json_pack("[s]", "out of memory");
	conf = conf_load_texts(config, texts, json_object_size(files), node, &errors);
	if (conf)
		(void)conf_read_secrets(conf, &errors);
	array = without_paths(config, error_list(&errors));
	if (json_array_size(array) == 0) {
		json_decref(array);
		array = judge_places(config, files);
	}
	conf_free(conf);
	conf_errors_done(&errors);
	free_texts(texts, json_object_size(files));
	return array;
}

/* Writing them */

json_t *push_files_complete(const char *config, const char *node, const json_t *files)
{
	json_t *all = json_copy((json_t *)(uintptr_t)files);
	struct conf_errors errors = {0};
	struct conf *conf = conf_load(config, node, &errors); /* NULL: it is broken, and goes */

	for (size_t i = 1; all && conf && conf->files[i]; i++) {
		const char *name = name_of(config, conf->files[i]);

		if (name && !json_object_get(all, name))
			(void)json_object_set_new(all, name, json_null());
	}
	conf_free(conf);
	conf_errors_done(&errors);
	return all;
}

json_t *push_files_before(const char *config, const json_t *files, json_t **ret_errors)
{
	json_t *before = json_object(), *value;
	const char *name;

	json_object_foreach ((json_t *)(uintptr_t)files, name, value) {
		auto_free char *path = path_of(config, name);
		auto_free char *text = path ? file_read(path, SIZE_MAX) : NULL;

		if (!text && errno != ENOENT) {
			*ret_errors = one_error(path ? path : config, strerror(errno));
			json_decref(before);
			return NULL;
		}
		(void)json_object_set_new(before, name, text ? json_string(text) : json_null());
	}
	return before;
}

static int make_directories(const char *config, const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + directory_len(config), '/'); slash;
		slash = strchr(slash + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0755) == 0)
			(void)chmod(part, 0755); /* whatever our umask */
		else if (errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* It may be read and written by those who could before, or who can the configuration. */
static int write_one(const char *config, const char *path, const char *text)
{
	struct stat like = {.st_mode = 0600};
	int r = make_directories(config, path);

	if (r < 0)
		return r;
	if (stat(path, &like) < 0)
		(void)stat(config, &like);
	return file_replace_like(path, text, &like);
}

static int put_one(const char *config, const char *name, const json_t *value)
{
	auto_free char *path = path_of(config, name);

	if (!path)
		return -ENOMEM;
	if (*name && judge_place(config, path))
		return -EPERM;
	if (json_is_string(value))
		return write_one(config, path, json_string_value(value));
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* The main file last: until then what was there before is named by it. */
static json_t *put_all(const char *config, const json_t *files)
{
	const char *name;
	json_t *value;
	int r;

	json_object_foreach ((json_t *)(uintptr_t)files, name, value) {
		r = *name ? put_one(config, name, value) : 0;
		if (r < 0)
			return one_error(name, strerror(-r));
	}
	value = json_object_get(files, "");
	r = value ? put_one(config, "", value) : 0;
	return r < 0 ? one_error(config, strerror(-r)) : NULL;
}

json_t *push_files_write(const char *config, const json_t *files)
{
	json_t *wrong = NULL;
	json_auto_t *before = push_files_before(config, files, &wrong);

	if (!before)
		return wrong;
	wrong = put_all(config, files);
	if (wrong)
		json_decref(put_all(config, before));
	return wrong;
}
