/* libmicrohttpd runs in turns of the event loop, without threads. A request waits, suspended, until
 * the director has answered; all that wait get one text, which is made once. Who is slow holds a
 * connection for half a minute, and the text that it reads. */
#include "web/server.h"

#include "base/cleanup.h"
#include "io/clock.h"
#include "web/answer.h"
#include "web/ask.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADERS_MAX ((size_t)16 << 10)
#define REASON_MAX 200

/* A connection. */
struct visitor {
	struct server *server;
	struct MHD_Connection *connection;
	struct instant end;
	bool waits; /* suspended until there is an answer */
	struct visitor *next;
};

struct server {
	sd_event *loop;
	struct MHD_Daemon *daemon;
	sd_event_source *io, *timer;
	struct ask *ask;
	/* The last answer: the status, or why there is none; and its texts, made when asked for. */
	json_t *status;
	char reason[REASON_MAX];
	struct MHD_Response *responses[ANSWER_MAX_];
	struct MHD_Response *not_found, *not_allowed, *busy;
	uint64_t unread; /* bytes of texts that somebody still reads, or may */
	struct visitor *visitors;
};

/* A text and where it counts. */
struct held {
	struct server *server;
	size_t len;
	char *text;
};

static void let_go(void *userdata)
{
	struct held *held = userdata;

	held->server->unread -= held->len;
	free(held->text);
	free(held);
}

static void add_headers(struct MHD_Response *response, const char *type)
{
	static const char *const all[][2] = {
		{"Cache-Control", "no-store"},
		{"Connection", "close"},
		{"Content-Security-Policy", "default-src 'none'"},
		{"X-Content-Type-Options", "nosniff"},
	};

	(void)MHD_add_response_header(response, "Content-Type", type);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		(void)MHD_add_response_header(response, all[i][0], all[i][1]);
}

/* Answers */

/* Takes text; NULL with it freed. */
static struct MHD_Response *hold(struct server *s, char *text, size_t len)
{
	struct held *held = malloc(sizeof(*held));
	struct MHD_Response *response = NULL;

	if (held) {
		*held = (struct held){s, len, text};
		response = MHD_create_response_from_buffer_with_free_callback_cls(
			len, text, let_go, held);
	}
	if (!response) {
		free(held);
		free(text);
		return NULL;
	}
	s->unread += len;
	return response;
}

/* NULL: there is no room for it. */
static struct MHD_Response *response_of(struct server *s, enum answer_kind kind)
{
	size_t len = 0;
	char *text;

	if (s->responses[kind] || s->unread > SERVER_ANSWERS_MAX)
		return s->responses[kind];
	text = answer_text(kind, s->status, s->reason, clock_now(), &len);
	if (!text)
		return NULL;
	s->responses[kind] = hold(s, text, len);
	if (s->responses[kind])
		add_headers(s->responses[kind], answer_type(kind));
	return s->responses[kind];
}

static enum MHD_Result send_answer(
	struct server *s, struct MHD_Connection *connection, enum answer_kind kind)
{
	struct MHD_Response *response = response_of(s, kind);

	if (!response)
		return MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE, s->busy);
	return MHD_queue_response(connection, answer_code(kind, s->status), response);
}

static void forget_answer(struct server *s)
{
	for (enum answer_kind kind = 0; kind < ANSWER_MAX_; kind++) {
		if (s->responses[kind])
			MHD_destroy_response(s->responses[kind]);
		s->responses[kind] = NULL;
	}
	json_decref(s->status);
	s->status = NULL;
}

static void run(struct server *s);

static void on_answer(const json_t *status, const char *reason, void *userdata)
{
	struct server *s = userdata;

	forget_answer(s);
	/* jansson takes no const here, and changes only the count. */
	s->status = json_incref((json_t *)(uintptr_t)status);
	(void)snprintf(s->reason, sizeof(s->reason), "%s", reason ? reason : "");
	for (struct visitor *v = s->visitors; v; v = v->next) {
		if (v->waits)
			MHD_resume_connection(v->connection);
		v->waits = false;
	}
	run(s);
}

/* Requests */

static struct visitor *visitor_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* Called when the head of a request is there, for each piece of a body, and when it is to be
 * answered; *mine is ours, and NULL the first time. */
static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *body, size_t *len,
	void **mine)
{
	struct server *s = userdata;
	struct visitor *v = visitor_of(connection);
	enum answer_kind kind = answer_of_path(path);

	(void)version;
	(void)body;
	if (!v)
		return MHD_NO;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, s->not_allowed);
	if (kind == ANSWER_MAX_)
		return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, s->not_found);
	if (*len > 0) { /* of no interest to us */
		*len = 0;
		return MHD_YES;
	}
	if (*mine || ask_now(s->ask))
		return send_answer(s, connection, kind);
	*mine = v;
	v->waits = true;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	struct server *s = userdata;
	struct visitor **p = &s->visitors, *v = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = v = calloc(1, sizeof(*v));
		if (!v)
			return;
		*v = (struct visitor){
			s, connection, instant_add(clock_now(), SERVER_AGE_US), false, s->visitors};
		s->visitors = v;
		return;
	}
	while (*p && *p != v)
		p = &(*p)->next;
	if (*p)
		*p = v->next;
	free(v);
	*context = NULL;
}

/* Turns */

/* Who is too old sees the end of the connection, and so does the library. */
static void end_old_visitors(struct server *s)
{
	struct instant now = clock_now();

	for (struct visitor *v = s->visitors; v; v = v->next) {
		const union MHD_ConnectionInfo *info;

		if (v->waits || !instant_reached(v->end, now))
			continue;
		info = MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		if (info)
			(void)shutdown(info->connect_fd, SHUT_RDWR);
		v->end = INSTANT_NEVER;
	}
}

static struct instant next_turn(const struct server *s)
{
	struct instant next = INSTANT_NEVER;
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(s->daemon, &ms) == MHD_YES)
		next = instant_add(clock_now(), ms * UINT64_C(1000));
	for (const struct visitor *v = s->visitors; v; v = v->next)
		next = instant_min(next, v->end);
	return next;
}

static void run(struct server *s)
{
	end_old_visitors(s);
	(void)MHD_run(s->daemon);
	(void)sd_event_source_set_time(s->timer, next_turn(s).us);
	(void)sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	run(userdata);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	run(userdata);
	return 0;
}

/* Start and end */

static struct MHD_Response *fixed(const char *text)
{
	/* The library takes no const, and changes nothing. */
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);

	if (response)
		add_headers(response, "text/plain; charset=utf-8");
	return response;
}

static int make_fixed(struct server *s)
{
	s->not_found = fixed("There are /, /metrics and /status.json.\n");
	s->not_allowed = fixed("Only GET and HEAD are served.\n");
	s->busy = fixed("Too much waits to be read by others.\n");
	if (!s->not_found || !s->not_allowed || !s->busy)
		return -ENOMEM;
	(void)MHD_add_response_header(s->not_allowed, "Allow", "GET, HEAD");
	return 0;
}

static int start(struct server *s, int listen_fd)
{
	const union MHD_DaemonInfo *info;
	int r;

	s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		on_request, s, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)SERVER_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)SERVER_OF_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)SERVER_SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAX,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
	info = s->daemon ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		if (!s->daemon)
			(void)close(listen_fd);
		return -EIO;
	}
	r = sd_event_add_io(s->loop, &s->io, info->epoll_fd, EPOLLIN, on_io, s);
	if (r >= 0)
		r = sd_event_add_time(s->loop, &s->timer, CLOCK_BOOTTIME, 0, 1000, on_timer, s);
	return r < 0 ? r : 0;
}

int server_new(sd_event *loop, int listen_fd, const char *runtime_dir, struct server **ret)
{
	struct server *s = calloc(1, sizeof(*s));
	int r = s ? 0 : -ENOMEM;

	if (s) {
		s->loop = loop;
		r = make_fixed(s);
	}
	if (r >= 0)
		r = ask_new(loop, runtime_dir, on_answer, s, &s->ask);
	if (r < 0)
		(void)close(listen_fd);
	else
		r = start(s, listen_fd);
	if (r < 0) {
		server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* The library wants nobody suspended when it ends. */
static void resume_all(struct server *s)
{
	for (struct visitor *v = s->visitors; v; v = v->next)
		if (v->waits)
			MHD_resume_connection(v->connection);
}

void server_free(struct server *s)
{
	struct MHD_Response *const all[] = {
		s ? s->not_found : NULL, s ? s->not_allowed : NULL, s ? s->busy : NULL};

	if (!s)
		return;
	ask_free(s->ask);
	sd_event_source_disable_unref(s->io);
	sd_event_source_disable_unref(s->timer);
	if (s->daemon) {
		resume_all(s);
		MHD_stop_daemon(s->daemon);
	}
	forget_answer(s);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			MHD_destroy_response(all[i]);
	free(s);
}
