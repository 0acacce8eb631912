/* hold ADDRESS PORT COUNT: open connections to an echo service, and count on demand those that
 * live.
 *
 * Prints "opened N" when all are open. Each line "exchange MILLISECONDS" on standard input sends a
 * fresh message on every connection and prints {"alive": N, "of": COUNT}: those that brought it
 * back in time. One that failed once stays dead. Ends at the end of input. */
#include "tool.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT_MAX 4096
#define CONNECT_TIMEOUT_S 5
#define MESSAGE_LEN 16

struct held {
	int fd; /* -1: dead */
	char answer[MESSAGE_LEN];
	size_t answer_len;
};

static void bury(struct held *h)
{
	close(h->fd);
	h->fd = -1;
}

static int open_one(const struct sockaddr_in6 *address)
{
	struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_S};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(2, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		warn("connect");
		close(fd);
		return -1;
	}
	return fd;
}

static size_t open_all(struct held *held, size_t n, const struct sockaddr_in6 *address)
{
	size_t opened = 0;

	for (size_t i = 0; i < n; i++) {
		held[i].fd = open_one(address);
		if (held[i].fd >= 0)
			opened++;
	}
	return opened;
}

static void format_message(char message[static MESSAGE_LEN + 1], unsigned round, size_t i)
{
	snprintf(message, MESSAGE_LEN + 1, "%07u %07zu\n", round % 10000000, i % 10000000);
}

static void send_all(struct held *held, size_t n, unsigned round)
{
	for (size_t i = 0; i < n; i++) {
		char message[MESSAGE_LEN + 1];

		if (held[i].fd < 0)
			continue;
		held[i].answer_len = 0;
		format_message(message, round, i);
		if (send(held[i].fd, message, MESSAGE_LEN, MSG_DONTWAIT) != MESSAGE_LEN)
			bury(&held[i]);
	}
}

/* Reads what came. False when the connection still owes something. */
static bool receive_one(struct held *h)
{
	ssize_t len =
		recv(h->fd, h->answer + h->answer_len, MESSAGE_LEN - h->answer_len, MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return false;
	if (len <= 0) {
		bury(h);
		return true;
	}
	h->answer_len += (size_t)len;
	return h->answer_len == MESSAGE_LEN;
}

static void receive_all(struct held *held, size_t n, int64_t deadline_us)
{
	static struct pollfd polls[COUNT_MAX];
	size_t owing = n;

	for (size_t i = 0; i < n; i++) {
		polls[i] = (struct pollfd){.fd = held[i].fd, .events = POLLIN};
		if (held[i].fd < 0)
			owing--;
	}
	while (owing > 0) {
		int64_t left_us = deadline_us - tool_now_us();

		if (left_us <= 0 || poll(polls, n, (int)(left_us / 1000 + 1)) < 0)
			break;
		for (size_t i = 0; i < n; i++) {
			if (polls[i].fd >= 0 && polls[i].revents != 0 && receive_one(&held[i])) {
				polls[i].fd = -1;
				owing--;
			}
		}
	}
}

static size_t count_alive(struct held *held, size_t n, unsigned round)
{
	size_t alive = 0;

	for (size_t i = 0; i < n; i++) {
		char message[MESSAGE_LEN + 1];

		if (held[i].fd < 0)
			continue;
		format_message(message, round, i);
		if (held[i].answer_len == MESSAGE_LEN &&
			memcmp(held[i].answer, message, MESSAGE_LEN) == 0)
			alive++;
		else
			bury(&held[i]);
	}
	return alive;
}

int main(int argc, char **argv)
{
	static struct held held[COUNT_MAX];
	struct sockaddr_in6 address;
	char line[80];
	size_t n;

	if (argc != 4 || (n = (size_t)atoi(argv[3])) == 0 || n > COUNT_MAX)
		errx(2, "usage: hold ADDRESS PORT COUNT");
	address = tool_any_address(argv[1], argv[2]);
	signal(SIGPIPE, SIG_IGN);
	tool_raise_limits();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("opened %zu\n", open_all(held, n, &address));
	for (unsigned round = 0; fgets(line, sizeof(line), stdin) != NULL; round++) {
		int milliseconds;

		if (sscanf(line, "exchange %d", &milliseconds) != 1)
			errx(2, "what is \"%s\"?", line);
		send_all(held, n, round);
		receive_all(held, n, tool_now_us() + (int64_t)milliseconds * 1000);
		printf("{\"alive\": %zu, \"of\": %zu}\n", count_alive(held, n, round), n);
	}
	return 0;
}
