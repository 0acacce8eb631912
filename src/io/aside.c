#include "io/aside.h"

#include "base/cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

struct aside {
	aside_work work;
	void *data;
	aside_done done;
	void *userdata;
	sd_event_source *io;
	int fd; /* an eventfd: readable when the thread has done its work */
	pthread_t thread;
};

static void *run(void *userdata)
{
	struct aside *a = userdata;

	a->work(a->data);
	(void)eventfd_write(a->fd, 1);
	return NULL;
}

/* Without its thread. */
static void aside_free(struct aside *a)
{
	sd_event_source_disable_unref(a->io);
	cleanup_close(&a->fd);
	free(a);
}

static int on_read(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct aside *a = userdata;
	struct aside over = *a;

	(void)source;
	(void)fd;
	(void)revents;
	(void)pthread_join(a->thread, NULL);
	aside_free(a);
	over.done(over.data, over.userdata);
	return 0;
}

int aside_begin(sd_event *loop, aside_work work, void *data, aside_done done, void *userdata,
	struct aside **ret)
{
	struct aside *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	*a = (struct aside){.work = work, .data = data, .done = done, .userdata = userdata};
	a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = a->fd < 0 ? -errno : sd_event_add_io(loop, &a->io, a->fd, EPOLLIN, on_read, a);
	if (r >= 0)
		r = -pthread_create(&a->thread, NULL, run, a);
	if (r < 0) {
		aside_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void aside_cancel(struct aside *a)
{
	if (!a)
		return;
	(void)pthread_join(a->thread, NULL);
	aside_free(a);
}
