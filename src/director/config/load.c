#include "director/config/load.h"

#include "director/state.h"
#include "io/aside.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct load {
	struct load_request request;
	char *path, *text, *node; /* what it points to */
	load_done done;
	void *userdata;
	struct aside *aside;
	struct candidate *candidate; /* these two are made there */
	struct conf_errors errors;
};

static void work(void *data)
{
	struct load *l = data;
	const struct load_request *r = &l->request;

	struct conf *conf = r->text ? conf_load_text(r->text, r->text_len, r->node, &l->errors)
				    : conf_load(r->path, r->node, &l->errors);

	if (conf && r->secrets && !conf_read_secrets(conf, &l->errors)) {
		conf_free(conf);
		conf = NULL;
	}
	if (conf) {
		(void)conf_hide_secrets(conf);
		l->candidate = candidate_prepare(conf);
	}
}

static void load_free(struct load *l)
{
	candidate_free(l->candidate);
	conf_errors_done(&l->errors);
	free(l->path);
	free(l->text);
	free(l->node);
	free(l);
}

static void on_worked(void *data, void *userdata)
{
	struct load *l = data;
	struct load over = *l;

	(void)userdata;
	l->candidate = NULL;
	l->errors = (struct conf_errors){0};
	load_free(l);
	over.done(over.candidate, &over.errors, over.userdata);
	conf_errors_done(&over.errors);
}

static bool copy(const char *text, size_t len, char **ret)
{
	*ret = text ? strndup(text, len) : NULL;
	return !text || *ret;
}

static int copy_request(struct load *l, const struct load_request *r)
{
	if (!copy(r->path, r->path ? strlen(r->path) : 0, &l->path) ||
		!copy(r->text, r->text_len, &l->text) ||
		!copy(r->node, r->node ? strlen(r->node) : 0, &l->node))
		return -ENOMEM;
	l->request = *r;
	l->request.path = l->path;
	l->request.text = l->text;
	l->request.node = l->node;
	return 0;
}

int load_begin(sd_event *loop, const struct load_request *request, load_done done, void *userdata,
	struct load **ret)
{
	struct load *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->done = done;
	l->userdata = userdata;
	r = copy_request(l, request);
	if (r >= 0)
		r = aside_begin(loop, work, l, on_worked, NULL, &l->aside);
	if (r < 0) {
		load_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void load_cancel(struct load *l)
{
	if (!l)
		return;
	aside_cancel(l->aside);
	load_free(l);
}

static void *release(void *userdata)
{
	candidate_free(userdata);
	return NULL;
}

void load_release(struct candidate *c)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, release, c) == 0)
		(void)pthread_detach(thread);
	else
		candidate_free(c);
}
