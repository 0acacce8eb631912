/* A blocking Varlink call. The director answers within its own bounds; the time-out here is for one
 * that hangs. */
#include "ctl/caller.h"

#include "base/cleanup.h"
#include "base/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define ANSWER_TIMEOUT_S 120

int caller_connect(const char *runtime_dir, int flags, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/tandem.sock", runtime_dir);

	if (fd < 0)
		return -errno;
	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* With an end to waiting for an answer. */
static int connect_to(const char *runtime_dir, int *ret_fd)
{
	struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	auto_close int fd = -1;
	int r = caller_connect(runtime_dir, 0, &fd);

	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Takes parameters. */
static int send_call(int fd, const char *method, json_t *parameters)
{
	auto_free char *name = NULL, *text = NULL;
	json_t *call;

	if (asprintf(&name, "io.tandem.Director.%s", method) < 0)
		name = NULL;
	call = json_pack("{s:s*, s:o}", "method", name, "parameters",
		parameters ? parameters : json_object());
	text = call ? json_dumps(call, JSON_COMPACT) : NULL;
	json_decref(call);
	/* The frame ends with the text's own NUL. */
	return name && text ? send_all(fd, text, strlen(text) + 1) : -ENOMEM;
}

/* The first frame, or NULL with errno set. */
static char *receive(int fd, struct frame_reader *reader)
{
	char *frame;

	while (!(frame = frame_next(reader))) {
		size_t len;
		char *room = frame_room(reader, &len);
		ssize_t n = room ? recv(fd, room, len, 0) : -1;

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return NULL;
		frame_received(reader, (size_t)n);
	}
	return frame;
}

static int read_answer(int fd, struct caller_answer *ret)
{
	struct frame_reader reader = {0};
	const char *frame = receive(fd, &reader), *error;
	json_t *message = frame ? json_loads(frame, 0, NULL) : NULL;
	int r = frame ? 0 : -errno;

	frame_done(&reader);
	if (r < 0)
		return r;
	if (!json_is_object(message)) {
		json_decref(message);
		return -EBADMSG;
	}
	error = json_string_value(json_object_get(message, "error"));
	if (error)
		ret->error = strdup(strrchr(error, '.') ? strrchr(error, '.') + 1 : error);
	ret->parameters = json_incref(json_object_get(message, "parameters"));
	json_decref(message);
	return 0;
}

int caller_call(
	const char *runtime_dir, const char *method, json_t *parameters, struct caller_answer *ret)
{
	auto_close int fd = -1;
	int r = connect_to(runtime_dir, &fd);

	*ret = (struct caller_answer){0};
	if (r < 0) {
		json_decref(parameters);
		(void)snprintf(ret->text, sizeof(ret->text),
			"no director answers at %s/tandem.sock: %s", runtime_dir, strerror(-r));
		return r;
	}
	r = send_call(fd, method, parameters);
	if (r >= 0)
		r = read_answer(fd, ret);
	if (r < 0)
		(void)snprintf(ret->text, sizeof(ret->text), "the director did not answer: %s",
			r == -EAGAIN ? "timed out" : strerror(-r));
	return r;
}

void caller_answer_done(struct caller_answer *a)
{
	json_decref(a->parameters);
	free(a->error);
}
