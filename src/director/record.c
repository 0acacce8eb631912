/* The record of what is ours. Written aside and renamed, so that it is whole at any time: a crash
 * leaves a name too many in it, never a service that nobody owns. */
#include "director/record.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int record_init(struct record *r, const char *runtime_dir)
{
	json_t *file;

	*r = (struct record){0};
	if (asprintf(&r->path, "%s/ipvs.json", runtime_dir) < 0) {
		r->path = NULL;
		return -ENOMEM;
	}
	if (asprintf(&r->temporary, "%s.new", r->path) < 0) {
		r->temporary = NULL;
		return -ENOMEM;
	}
	file = json_load_file(r->path, 0, NULL);
	r->services = json_incref(json_object_get(file, "services"));
	r->sync = json_integer_value(json_object_get(file, "sync"));
	if (!json_is_object(r->services)) { /* none, or not ours: start anew */
		json_decref(r->services);
		r->services = json_object();
		r->sync = 0;
	}
	json_decref(file);
	r->added = json_object();
	return r->services && r->added ? 0 : -ENOMEM;
}

static void stop_writing(struct record *r)
{
	if (!r->file)
		return;
	(void)fclose(r->file);
	(void)unlink(r->temporary);
	r->file = NULL;
}

void record_done(struct record *r)
{
	stop_writing(r);
	json_decref(r->services);
	json_decref(r->added);
	free(r->path);
	free(r->temporary);
	*r = (struct record){0};
}

bool record_has(const struct record *r, const struct ipvs_service_key *key)
{
	char text[IPVS_KEY_TEXT_MAX];

	return json_object_get(r->services, ipvs_service_key_format(key, text)) != NULL;
}

static void changed(struct record *r)
{
	r->dirty = true;
	stop_writing(r);
}

int record_add(struct record *r, const struct ipvs_service_key *key)
{
	char text[IPVS_KEY_TEXT_MAX];

	(void)ipvs_service_key_format(key, text);
	if (json_object_get(r->services, text))
		return 0;
	changed(r);
	if (json_object_set_new(r->added, text, json_true()) < 0 ||
		json_object_set_new(r->services, text, json_true()) < 0)
		return -ENOMEM;
	return 0;
}

void record_remove(struct record *r, const struct ipvs_service_key *key)
{
	char text[IPVS_KEY_TEXT_MAX];

	(void)json_object_del(r->added, ipvs_service_key_format(key, text));
	if (json_object_del(r->services, text) == 0)
		changed(r);
}

void record_replace(struct record *r, json_t *services)
{
	changed(r);
	json_decref(r->services);
	r->services = services;
}

void record_set_sync(struct record *r, json_int_t ifindex)
{
	if (r->sync == ifindex)
		return;
	r->sync = ifindex;
	changed(r);
}

bool record_is_pending(const struct record *r)
{
	return json_object_size(r->added) > 0;
}

static int give_up(struct record *r, int error)
{
	const char *text;
	json_t *value;

	stop_writing(r);
	json_object_foreach (r->added, text, value)
		(void)json_object_del(r->services, text);
	(void)json_object_clear(r->added);
	return error;
}

static int begin(struct record *r)
{
	r->file = fopen(r->temporary, "we");
	if (!r->file)
		return -errno;
	r->at = json_object_iter(r->services);
	r->first = true;
	(void)fprintf(r->file, "{\"sync\":%lld,\"services\":{", (long long)r->sync);
	return 0;
}

static int finish(struct record *r)
{
	bool bad;

	(void)fputs("}}\n", r->file);
	bad = ferror(r->file) != 0;
	if (fclose(r->file) != 0)
		bad = true;
	r->file = NULL;
	if (bad || rename(r->temporary, r->path) < 0)
		return bad ? -EIO : -errno;
	(void)json_object_clear(r->added);
	r->dirty = false;
	return 1;
}

int record_write_step(struct record *r, size_t n)
{
	int error = 0;

	if (!r->dirty)
		return 1;
	if (!r->file)
		error = begin(r);
	if (error < 0)
		return give_up(r, error);
	for (; r->at && n > 0; n--) { /* names are made of letters, digits and "[]:. " */
		(void)fprintf(r->file, r->first ? "\"%s\":true" : ",\"%s\":true",
			json_object_iter_key((void *)(uintptr_t)r->at));
		r->first = false;
		r->at = json_object_iter_next(r->services, (void *)(uintptr_t)r->at);
	}
	if (r->at)
		return 0;
	error = finish(r);
	return error < 0 ? give_up(r, error) : error;
}

int record_write(struct record *r)
{
	int written = record_write_step(r, SIZE_MAX);

	return written < 0 ? written : 0;
}
