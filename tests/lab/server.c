/* server NAME PORT... [sctp/ADDRESS/PORT...]: the real servers' application. On each port, over TCP
 * and IPv4 or IPv6:
 *
 *   GET /...       answered with 200 and NAME, then closed
 *   GET /who       ... and whom the request came from and went to: NAME ADDRESS PORT ADDRESS PORT
 *   GET /slow/N    answered with N blocks of BLOCK_LEN bytes, one each BLOCK_US: a long download
 *   GET /fast/N    ... as fast as the client takes them: a large one
 *   PUT /N         answered with NAME when the N bytes that follow the request are here
 *   anything else  sent back as it came, for as long as the client likes
 *
 * and over UDP: each datagram is answered with NAME, a blank and the datagram; if that was "who",
 * with what GET /who says. Over SCTP as over TCP, at that one address: an association that is told
 * of others may go past whoever translates addresses. Prints "listening". */
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
	ROLE_FAST, /* ... whenever there is room */
	ROLE_SINK, /* an upload */
};

struct peer {
	enum role role;
	char request[REQUEST_MAX];
	size_t request_len;
	size_t left; /* bytes of the download or the upload */
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

static void listen_at(struct server *s, const char *host, const char *port, int type, int protocol)
{
	struct sockaddr_in6 address = tool_any_address(host, port);
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	int yes = 1, no = 0;

	if (fd < 0)
		err(2, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(2, "bind to %s port %s", host, port);
	if (type == SOCK_STREAM && listen(fd, 1024) < 0)
		err(2, "listen");
	watch(s, fd, type == SOCK_STREAM ? ROLE_LISTENER : ROLE_DATAGRAM);
}

/* PORT, or sctp/ADDRESS/PORT. */
static void listen_on(struct server *s, char *where)
{
	char *host = strchr(where, '/'), *port = host ? strrchr(host + 1, '/') : NULL;

	if (!port) {
		listen_at(s, "::", where, SOCK_STREAM, 0);
		listen_at(s, "::", where, SOCK_DGRAM, 0);
		return;
	}
	*port = '\0';
	listen_at(s, host + 1, port + 1, SOCK_STREAM, IPPROTO_SCTP);
}

static void accept_all(struct server *s, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(s, fd, ROLE_NEW);
}

/* NAME, and whom a request came from and went to. */
static void tell_who(const struct server *s, const struct sockaddr_in6 *from,
	const struct sockaddr_in6 *to, char *ret, size_t size)
{
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];

	(void)snprintf(ret, size, "%s %s %u %s %u", s->name, tool_text(from, source),
		ntohs(from->sin6_port), tool_text(to, destination), ntohs(to->sin6_port));
}

static struct in6_pktinfo *packet_info(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			return (struct in6_pktinfo *)(void *)CMSG_DATA(c);
	return NULL;
}

/* The datagram comes back from the address it was sent to: a virtual one, on a real server. */
static void answer_datagram(const struct server *s, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	char data[1500], answer[1600];
	struct sockaddr_in6 from, to = {.sin6_family = AF_INET6};
	socklen_t to_len = sizeof(to);
	struct iovec iov = {data, sizeof(data) - 1};
	struct msghdr message = {&from, sizeof(from), &iov, 1, control, sizeof(control), 0};
	ssize_t len = recvmsg(fd, &message, 0);
	struct in6_pktinfo *info = len < 0 ? NULL : packet_info(&message);

	if (!info)
		return;
	data[len] = '\0';
	(void)getsockname(fd, (struct sockaddr *)&to, &to_len);
	to.sin6_addr = info->ipi6_addr;
	if (strcmp(data, "who") == 0)
		tell_who(s, &from, &to, answer, sizeof(answer));
	else
		(void)snprintf(answer, sizeof(answer), "%s %s", s->name, data);
	info->ipi6_ifindex = 0; /* the way back may be another */
	iov = (struct iovec){answer, strlen(answer)};
	(void)sendmsg(fd, &message, 0);
}

/* Sends one block. False when the network takes no more, or the download is over. */
static bool send_block(struct server *s, int fd)
{
	struct peer *p = &s->peers[fd];
	size_t from = (BLOCK_LEN - p->left % BLOCK_LEN) % BLOCK_LEN;
	char block[BLOCK_LEN];
	ssize_t sent;

	for (size_t i = 0; i < BLOCK_LEN; i++)
		block[i] = i + 1 < BLOCK_LEN ? (char)('a' + i % 26) : '\n';
	sent = send(fd, block + from, BLOCK_LEN - from, 0);
	if (sent < 0 && errno == EAGAIN)
		return false; /* later */
	if (sent > 0)
		p->left -= (size_t)sent;
	if (sent > 0 && p->left > 0)
		return true;
	drop(s, fd);
	return false;
}

static void start_download(struct server *s, int fd, int blocks, bool fast)
{
	struct epoll_event when_there_is_room = {.events = EPOLLOUT, .data.fd = fd};
	char header[128];
	int len = snprintf(header, sizeof(header),
		"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
		blocks * BLOCK_LEN);

	(void)send(fd, header, (size_t)len, 0);
	s->peers[fd].role = fast ? ROLE_FAST : ROLE_SLOW;
	s->peers[fd].left = (size_t)blocks * BLOCK_LEN;
	if (fast)
		(void)epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, fd, &when_there_is_room);
	else if (s->n_slow++ == 0)
		s->next_block_us = tool_now_us();
}

static void answer_with(struct server *s, int fd, const char *text)
{
	char answer[400];
	int len = snprintf(answer, sizeof(answer),
		"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
		strlen(text) + 1, text);

	(void)send(fd, answer, (size_t)len, 0);
	drop(s, fd);
}

static void answer_who(struct server *s, int fd)
{
	struct sockaddr_in6 from = {0}, to = {0};
	socklen_t from_len = sizeof(from), to_len = sizeof(to);
	char text[200];

	(void)getpeername(fd, (struct sockaddr *)&from, &from_len);
	(void)getsockname(fd, (struct sockaddr *)&to, &to_len);
	tell_who(s, &from, &to, text, sizeof(text));
	answer_with(s, fd, text);
}

static void answer_request(struct server *s, int fd)
{
	const char *request = s->peers[fd].request;
	char how[5];
	int blocks;

	if (strncmp(request, "GET /who ", 9) == 0)
		answer_who(s, fd);
	else if (sscanf(request, "GET /%4[a-z]/%d", how, &blocks) == 2 && blocks > 0 &&
		 blocks <= 100000)
		start_download(s, fd, blocks, strcmp(how, "fast") == 0);
	else
		answer_with(s, fd, s->name);
}

static void swallow(struct server *s, int fd, size_t len)
{
	struct peer *p = &s->peers[fd];

	p->left -= len < p->left ? len : p->left;
	if (p->left == 0)
		answer_with(s, fd, s->name);
}

/* The request's head is here, and maybe the beginning of what follows. */
static void start_upload(struct server *s, int fd, const char *body)
{
	struct peer *p = &s->peers[fd];

	p->role = ROLE_SINK;
	if (sscanf(p->request, "PUT /%zu", &p->left) != 1)
		p->left = 0;
	swallow(s, fd, p->request_len - (size_t)(body - p->request));
}

static void send_back(struct server *s, int fd, const char *data, size_t len)
{
	if (send(fd, data, len, 0) != (ssize_t)len)
		drop(s, fd);
}

/* As far as it is here. */
static bool begins_as(const struct peer *p, const char *method)
{
	size_t len = strlen(method);

	return strncmp(p->request, method, p->request_len < len ? p->request_len : len) == 0;
}

static void read_new(struct server *s, int fd, const char *data, size_t len)
{
	struct peer *p = &s->peers[fd];
	const char *end;

	if (p->request_len + len >= REQUEST_MAX) {
		drop(s, fd);
		return;
	}
	memcpy(p->request + p->request_len, data, len);
	p->request_len += len;
	p->request[p->request_len] = '\0';
	end = strstr(p->request, "\r\n\r\n");
	if (begins_as(p, "GET ")) {
		if (end)
			answer_request(s, fd);
	} else if (begins_as(p, "PUT ")) {
		if (end)
			start_upload(s, fd, end + 4);
	} else {
		p->role = ROLE_ECHO;
		send_back(s, fd, p->request, p->request_len);
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
	else if (s->peers[fd].role == ROLE_SINK)
		swallow(s, fd, (size_t)len);
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
	case ROLE_SINK:
		read_peer(s, fd);
		break;
	case ROLE_FAST:
		while (send_block(s, fd))
			;
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
				(void)send_block(s, fd);
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
	for (int i = 2; i < argc; i++)
		listen_on(&s, argv[i]);
	puts("listening");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[64];
		int n = epoll_wait(s.epoll_fd, events, 64, feed_downloads(&s));

		for (int i = 0; i < n; i++)
			handle(&s, events[i].data.fd);
	}
}
