/* The steps of a push over the files; push.c decides which, and what follows. */
#include "director/pair/push_work.h"

#include "base/cleanup.h"
#include "director/pair/push_files.h"
#include "io/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SET_SUFFIX "-set"

/* Beside the configuration: what was there before, of the main file as it was, and of all. */
static char *previous_path(const struct push_work *w, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s" PUSH_PREVIOUS "%s", w->config, suffix) < 0 ? NULL : path;
}

/* As private as the configuration is: NULL, or what went wrong. */
static json_t *keep(const struct push_work *w, const char *suffix, const char *text)
{
	auto_free char *path = previous_path(w, suffix);
	struct stat like = {.st_mode = 0600};
	int r = -ENOMEM;

	(void)stat(w->config, &like);
	if (path && text)
		r = file_replace_like(path, text, &like);
	return r < 0 ? json_pack("[o]", json_sprintf("%s" PUSH_PREVIOUS "%s: %s", w->config, suffix,
						strerror(-r)))
		     : NULL;
}

static json_t *keep_all(const struct push_work *w, const json_t *before)
{
	const char *main_text = json_string_value(json_object_get(before, ""));
	auto_free char *all = json_dumps(before, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *wrong = keep(w, SET_SUFFIX, all);

	return wrong || !main_text ? wrong : keep(w, "", main_text);
}

/* What is written already is not kept as what was there before. */
static json_t *write_pushed(const struct push_work *w)
{
	json_auto_t *files = push_files_complete(w->config, w->node, w->files);
	json_auto_t *before = NULL;
	json_t *wrong = NULL;

	if (!files)
		return json_pack("[s]", "out of memory");
	before = push_files_before(w->config, files, &wrong);
	if (!before || json_equal(before, files))
		return wrong;
	wrong = keep_all(w, before);
	return wrong ? wrong : push_files_write(w->config, files);
}

static json_t *write_back(const struct push_work *w)
{
	auto_free char *path = previous_path(w, SET_SUFFIX);
	json_auto_t *before = path ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (!json_is_object(before))
		return json_pack("[s]", "what was there before cannot be read");
	return push_files_write(w->config, before);
}

static json_t *check(const struct push_work *w)
{
	json_t *errors = push_files_check(w->config, w->node, w->files);

	if (json_array_size(errors) > 0)
		return errors;
	json_decref(errors);
	return NULL;
}

static void read_own(struct push_work *w)
{
	w->text = push_files_read(w->config, w->node, &w->errors);
	w->len = w->text ? strlen(w->text) : 0;
}

static void parse(struct push_work *w)
{
	w->files = push_files_parse(w->text, w->len, &w->errors);
	free(w->text);
	w->text = NULL;
}

void push_work_do(void *push_work)
{
	struct push_work *w = push_work;

	switch (w->kind) {
	case PUSH_READ:
		read_own(w);
		break;
	case PUSH_PARSE:
		parse(w);
		break;
	case PUSH_CHECK:
		w->errors = check(w);
		break;
	case PUSH_WRITE:
		w->errors = write_pushed(w);
		break;
	case PUSH_WRITE_BACK:
		w->errors = write_back(w);
		break;
	}
}

void push_work_done(struct push_work *w)
{
	free(w->text);
	json_decref(w->files);
	json_decref(w->errors);
	*w = (struct push_work){0};
}
