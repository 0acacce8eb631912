/* load ADDRESS PORT RATE SECONDS: ask a web service RATE times a second, each time on a connection
 * of its own, and count what came of it.
 *
 * Prints "answered" after the first answer, and one JSON object at the end (after SECONDS, or at
 * SIGTERM): how many were answered, by which server, and each failure with its moment. */
#include "tool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 8192
#define TIMEOUT_US 5000000
#define ANSWER_MAX 512
#define SERVERS_MAX 8
#define NAME_MAX_LEN 32
#define FAILURES_MAX 10000

enum outcome {
	OUTCOME_ANSWERED,
	OUTCOME_REFUSED,
	OUTCOME_RESET,
	OUTCOME_TIMEOUT,
	OUTCOME_TRUNCATED, /* closed before the whole answer */
	OUTCOME_OTHER,
};

static const char *const outcome_names[] = {
	[OUTCOME_ANSWERED] = "answered",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_RESET] = "reset",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_TRUNCATED] = "truncated",
	[OUTCOME_OTHER] = "other",
};

struct request {
	bool open;
	int64_t started_us; /* since the start */
	char answer[ANSWER_MAX];
	size_t answer_len;
};

struct failure {
	int64_t started_us, failed_us;
	enum outcome outcome;
};

struct load {
	struct sockaddr_in address;
	int epoll_fd;
	int64_t start_us;
	int64_t realtime_us;
	struct request requests[FDS_MAX]; /* by descriptor */
	unsigned n_open, sent, answered;
	int64_t slowest_us;
	struct {
		char name[NAME_MAX_LEN];
		unsigned answered;
	} servers[SERVERS_MAX];
	struct failure failures[FAILURES_MAX];
	unsigned n_failures;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static enum outcome outcome_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return OUTCOME_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return OUTCOME_RESET;
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	default:
		return OUTCOME_OTHER;
	}
}

static void count_server(struct load *l, const char *name)
{
	for (size_t i = 0; i < SERVERS_MAX; i++) {
		if (l->servers[i].answered == 0)
			snprintf(l->servers[i].name, NAME_MAX_LEN, "%.31s", name);
		if (strncmp(l->servers[i].name, name, NAME_MAX_LEN - 1) == 0) {
			l->servers[i].answered++;
			return;
		}
	}
}

static void fail(struct load *l, int64_t started_us, enum outcome outcome)
{
	if (l->n_failures < FAILURES_MAX)
		l->failures[l->n_failures++] =
			(struct failure){started_us, tool_now_us() - l->start_us, outcome};
}

/* The whole answer is there when the connection ends after "200" and a name. */
static enum outcome judge(struct load *l, struct request *r)
{
	char *body;

	r->answer[r->answer_len] = '\0';
	body = strstr(r->answer, "\r\n\r\n");
	if (strncmp(r->answer, "HTTP/1.1 200", 12) != 0 || body == NULL ||
		strchr(body + 4, '\n') == NULL)
		return OUTCOME_TRUNCATED;
	body += 4;
	body[strcspn(body, "\n")] = '\0';
	count_server(l, body);
	return OUTCOME_ANSWERED;
}

static void finish(struct load *l, int fd, enum outcome outcome)
{
	struct request *r = &l->requests[fd];
	int64_t took_us = tool_now_us() - l->start_us - r->started_us;

	close(fd);
	r->open = false;
	l->n_open--;
	if (outcome != OUTCOME_ANSWERED) {
		fail(l, r->started_us, outcome);
		return;
	}
	if (took_us > l->slowest_us)
		l->slowest_us = took_us;
	if (l->answered++ == 0) {
		puts("answered");
		fflush(stdout);
	}
}

static void start_request(struct load *l)
{
	struct epoll_event event = {.events = EPOLLOUT};
	int64_t now_us = tool_now_us() - l->start_us;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || fd >= FDS_MAX)
		errx(2, "too many connections");
	l->sent++;
	if (connect(fd, (struct sockaddr *)&l->address, sizeof(l->address)) < 0 &&
		errno != EINPROGRESS) {
		fail(l, now_us, outcome_of_errno(errno));
		close(fd);
		return;
	}
	l->requests[fd] = (struct request){.open = true, .started_us = now_us};
	l->n_open++;
	event.data.fd = fd;
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void send_request(struct load *l, int fd)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (send(fd, text, sizeof(text) - 1, 0) < 0)
		finish(l, fd, outcome_of_errno(errno));
	else
		(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, fd, &event);
}

static void receive_answer(struct load *l, int fd)
{
	struct request *r = &l->requests[fd];
	ssize_t len = recv(fd, r->answer + r->answer_len, ANSWER_MAX - 1 - r->answer_len, 0);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len < 0)
		finish(l, fd, outcome_of_errno(errno));
	else if (len == 0)
		finish(l, fd, judge(l, r));
	else
		r->answer_len += (size_t)len;
}

static void handle(struct load *l, const struct epoll_event *event)
{
	int fd = event->data.fd, error = 0;
	socklen_t len = sizeof(error);

	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0)
		finish(l, fd, outcome_of_errno(error));
	else if (event->events & EPOLLOUT)
		send_request(l, fd);
	else
		receive_answer(l, fd);
}

static void expire(struct load *l)
{
	int64_t now_us = tool_now_us() - l->start_us;

	for (int fd = 0; fd < FDS_MAX; fd++)
		if (l->requests[fd].open && now_us - l->requests[fd].started_us > TIMEOUT_US)
			finish(l, fd, OUTCOME_TIMEOUT);
}

static void serve(struct load *l, int64_t deadline_us)
{
	int64_t left_us;

	while ((left_us = deadline_us - tool_now_us()) > 0) {
		struct epoll_event events[64];
		int n = epoll_wait(l->epoll_fd, events, 64, (int)((left_us + 999) / 1000));

		for (int i = 0; i < n; i++)
			handle(l, &events[i]);
	}
}

static void run(struct load *l, int rate, int seconds)
{
	int64_t interval_us = 1000000 / rate;
	int64_t next_us = l->start_us, end_us = l->start_us + (int64_t)seconds * 1000000;

	while (!stopped && next_us < end_us) {
		start_request(l);
		next_us += interval_us;
		serve(l, next_us);
		if (l->sent % (unsigned)rate == 0)
			expire(l);
	}
	for (int64_t last_us = tool_now_us() + TIMEOUT_US;
		l->n_open > 0 && tool_now_us() < last_us;)
		serve(l, tool_now_us() + 50000);
	expire(l);
}

static void print_result(const struct load *l)
{
	printf("{\"started_us\": %lld, \"sent\": %u, \"answered\": %u, \"slowest_us\": %lld, "
	       "\"servers\": {",
		(long long)l->realtime_us, l->sent, l->answered, (long long)l->slowest_us);
	for (size_t i = 0; i < SERVERS_MAX && l->servers[i].answered > 0; i++)
		printf("%s\"%s\": %u", i > 0 ? ", " : "", l->servers[i].name,
			l->servers[i].answered);
	printf("}, \"failures\": [");
	for (unsigned i = 0; i < l->n_failures; i++)
		printf("%s[%lld, %lld, \"%s\"]", i > 0 ? ", " : "",
			(long long)l->failures[i].started_us, (long long)l->failures[i].failed_us,
			outcome_names[l->failures[i].outcome]);
	printf("]}\n");
}

int main(int argc, char **argv)
{
	static struct load l;
	int rate, seconds;

	if (argc != 5 || (rate = atoi(argv[3])) <= 0 || (seconds = atoi(argv[4])) <= 0)
		errx(2, "usage: load ADDRESS PORT RATE SECONDS");
	l.address = tool_address(argv[1], argv[2]);
	l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l.epoll_fd < 0)
		err(2, "epoll_create1");
	tool_raise_limits();
	tool_on_stop(stop);
	l.start_us = tool_now_us();
	l.realtime_us = tool_clock_us(CLOCK_REALTIME);
	run(&l, rate, seconds);
	print_result(&l);
	close(l.epoll_fd);
	return 0;
}
