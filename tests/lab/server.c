/* server NAME PORT...: the real servers' application. On each port, over TCP:
 *
 *   GET /...       answered with 200 and NAME, then closed
 *   GET /slow/N    answered with N blocks of BLOCK_LEN bytes, one each BLOCK_US or as fast as the
 *                  client takes them: a long download
 *   anything else  sent back as it came, for as long as the client likes
 *
 * and over UDP: each datagram is answered with NAME, a blank and the datagram. Prints "listening".
 */
#include "tool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 8192
#define REQUEST_MAX 1024
#define BLOCK_LEN 1000
#define BLOCK_US 20000

enum role {
	ROLE_NONE,
	ROLE_LISTENER,
	ROLE_DATAGRAM,
	ROLE_NEW, /* has not said yet what it wants */
	ROLE_ECHO,
	ROLE_SLOW, /* a download on its way */
};

struct peer {
	enum role role;
	char request[REQUEST_MAX];
	size_t request_len;
	size_t left; /* bytes of the download */
};

struct server {
	const char *name;
	int epoll_fd;
	struct peer peers[FDS_MAX]; /* by descriptor */
	int n_slow;
	int64_t next_block_us;
};

static void watch(struct server *s, int fd, enum role role)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (fd >= FDS_MAX)
		errx(2, "too many connections");
	s->peers[fd] = (struct peer){.role = role};
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		err(2, "epoll_ctl");
}

static void drop(struct server *s, int fd)
{
	if (s->peers[fd].role == ROLE_SLOW)
		s->n_slow--;
	s->peers[fd].role = ROLE_NONE;
	close(fd);
}

static void listen_on(struct server *s, const char *port, int type, enum role role)
{
	struct sockaddr_in address = tool_address("0.0.0.0", port);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1;

	if (fd < 0)
		err(2, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(2, "bind to port %s", port);
	if (type == SOCK_STREAM && listen(fd, 1024) < 0)
		err(2, "listen");
	watch(s, fd, role);
}

static void accept_all(struct server *s, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(s, fd, ROLE_NEW);
}

/* The datagram comes back from the address it was sent to: a virtual one, on a real server. */
static void answer_datagram(const struct server *s, int fd)
{
	char data[1500], answer[1600];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_len);
	int answer_len;

	if (len < 0)
		return;
	answer_len = snprintf(answer, sizeof(answer), "%s %.*s", s->name, (int)len, data);
	(void)sendto(fd, answer, (size_t)answer_len, 0, (struct sockaddr *)&from, from_len);
}

static void send_block(struct server *s, int fd)
{
	struct peer *p = &s->peers[fd];
	size_t from = (BLOCK_LEN - p->left % BLOCK_LEN) % BLOCK_LEN;
	char block[BLOCK_LEN];
	ssize_t sent;

	for (size_t i = 0; i < BLOCK_LEN; i++)
		block[i] = i + 1 < BLOCK_LEN ? (char)('a' + i % 26) : '\n';
	sent = send(fd, block + from, BLOCK_LEN - from, 0);
	if (sent < 0 && errno == EAGAIN)
		return; /* the network does not take it: later */
	if (sent > 0)
		p->left -= (size_t)sent;
	if (sent <= 0 || p->left == 0)
		drop(s, fd);
}

static void start_download(struct server *s, int fd, int blocks)
{
	char header[128];
	int len = snprintf(header, sizeof(header),
		"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
		blocks * BLOCK_LEN);

	(void)send(fd, header, (size_t)len, 0);
	if (s->n_slow++ == 0)
		s->next_block_us = tool_now_us();
	s->peers[fd].role = ROLE_SLOW;
	s->peers[fd].left = (size_t)blocks * BLOCK_LEN;
}

static void answer_request(struct server *s, int fd)
{
	char answer[256];
	int blocks, len;

	if (sscanf(s->peers[fd].request, "GET /slow/%d", &blocks) == 1 && blocks > 0 &&
		blocks <= 100000) {
		start_download(s, fd, blocks);
		return;
	}
	len = snprintf(answer, sizeof(answer),
		"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
		strlen(s->name) + 1, s->name);
	(void)send(fd, answer, (size_t)len, 0);
	drop(s, fd);
}

static void send_back(struct server *s, int fd, const char *data, size_t len)
{
	if (send(fd, data, len, 0) != (ssize_t)len)
		drop(s, fd);
}

static void read_new(struct server *s, int fd, const char *data, size_t len)
{
	struct peer *p = &s->peers[fd];

	if (p->request_len + len >= REQUEST_MAX) {
		drop(s, fd);
		return;
	}
	memcpy(p->request + p->request_len, data, len);
	p->request_len += len;
	p->request[p->request_len] = '\0';
	if (strncmp(p->request, "GET ", p->request_len < 4 ? p->request_len : 4) != 0) {
		p->role = ROLE_ECHO;
		send_back(s, fd, p->request, p->request_len);
	} else if (strstr(p->request, "\r\n\r\n") != NULL) {
		answer_request(s, fd);
	}
}

static void read_peer(struct server *s, int fd)
{
	char data[REQUEST_MAX / 2];
	ssize_t len = recv(fd, data, sizeof(data), 0);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0)
		drop(s, fd);
	else if (s->peers[fd].role == ROLE_NEW)
		read_new(s, fd, data, (size_t)len);
	else if (s->peers[fd].role == ROLE_ECHO)
		send_back(s, fd, data, (size_t)len);
}

static void handle(struct server *s, int fd)
{
	switch (s->peers[fd].role) {
	case ROLE_NONE:
		break;
	case ROLE_LISTENER:
		accept_all(s, fd);
		break;
	case ROLE_DATAGRAM:
		answer_datagram(s, fd);
		break;
	case ROLE_NEW:
	case ROLE_ECHO:
	case ROLE_SLOW:
		read_peer(s, fd);
		break;
	}
}

/* Sends the blocks that are due. Returns how long epoll may wait, in milliseconds. */
static int feed_downloads(struct server *s)
{
	int64_t now_us = tool_now_us();

	if (s->n_slow == 0)
		return -1;
	if (now_us >= s->next_block_us) {
		for (int fd = 0; fd < FDS_MAX; fd++)
			if (s->peers[fd].role == ROLE_SLOW)
				send_block(s, fd);
		s->next_block_us += BLOCK_US;
	}
	return s->next_block_us > now_us ? (int)((s->next_block_us - now_us) / 1000) + 1 : 0;
}

int main(int argc, char **argv)
{
	static struct server s;

	if (argc < 3)
		errx(2, "usage: server NAME PORT...");
	signal(SIGPIPE, SIG_IGN);
	tool_raise_limits();
	s.name = argv[1];
	s.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s.epoll_fd < 0)
		err(2, "epoll_create1");
	for (int i = 2; i < argc; i++) {
		listen_on(&s, argv[i], SOCK_STREAM, ROLE_LISTENER);
		listen_on(&s, argv[i], SOCK_DGRAM, ROLE_DATAGRAM);
	}
	puts("listening");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[64];
		int n = epoll_wait(s.epoll_fd, events, 64, feed_downloads(&s));

		for (int i = 0; i < n; i++)
			handle(&s, events[i].data.fd);
	}
}
