#include "director/load.h"

#include "base/cleanup.h"
#include "director/state.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

struct load {
	struct load_request request;
	char *path, *text, *node; /* what it points to */
	load_done done;
	void *userdata;
	sd_event_source *io;
	int fd; /* an eventfd: readable when the thread has done its work */
	pthread_t thread;
	struct candidate *candidate; /* these two are the thread's until then */
	struct conf_errors errors;
};

static void *work(void *userdata)
{
	struct load *l = userdata;
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
	(void)eventfd_write(l->fd, 1);
	return NULL;
}

/* Without its thread. */
static void load_free(struct load *l)
{
	sd_event_source_disable_unref(l->io);
	cleanup_close(&l->fd);
	candidate_free(l->candidate);
	conf_errors_done(&l->errors);
	free(l->path);
	free(l->text);
	free(l->node);
	free(l);
}

static int on_read(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct load *l = userdata;
	struct load over;

	(void)source;
	(void)fd;
	(void)revents;
	(void)pthread_join(l->thread, NULL);
	over = *l;
	l->candidate = NULL;
	l->errors = (struct conf_errors){0};
	load_free(l);
	over.done(over.candidate, &over.errors, over.userdata);
	conf_errors_done(&over.errors);
	return 0;
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
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = l->fd < 0 ? -errno : copy_request(l, request);
	if (r >= 0)
		r = sd_event_add_io(loop, &l->io, l->fd, EPOLLIN, on_read, l);
	if (r >= 0)
		r = -pthread_create(&l->thread, NULL, work, l);
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
	(void)pthread_join(l->thread, NULL);
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
