/* probe ADDRESS [SECONDS]: ask an address for an echo each millisecond, and say how long it was
 * silent.
 *
 * Prints "answered" when the first answer is there, and one JSON object at the end (after SECONDS,
 * or at SIGTERM). A gap is the time from the last request that was answered to the next one that
 * was, when requests between them were lost: a probe that was scheduled late alone is none. */
#include "tool.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INTERVAL_US 1000
#define REQUESTS_MAX (900 * 1000)
#define GRACE_US 200000 /* for the last answers */

struct request {
	int64_t sent_us; /* since the start */
	bool answered;
};

struct probe {
	int fd;
	struct sockaddr_in address;
	int64_t start_us;
	struct request *requests;
	uint32_t n_requests;
	bool any_answer;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint16_t icmp_checksum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return htons((uint16_t)~sum);
}

/* The request's number does not fit the 16 bits of an echo: it travels as data. */
struct echo {
	struct icmphdr header;
	uint32_t number;
};

static void send_request(struct probe *p)
{
	struct echo echo = {
		.header = {.type = ICMP_ECHO, .un.echo.id = htons((uint16_t)getpid())},
		.number = p->n_requests,
	};

	echo.header.checksum = icmp_checksum(&echo, sizeof(echo));
	p->requests[p->n_requests++].sent_us = tool_now_us() - p->start_us;
	/* What cannot be sent (no route, a full queue) is a request without an answer. */
	(void)sendto(p->fd, &echo, sizeof(echo), MSG_DONTWAIT, (struct sockaddr *)&p->address,
		sizeof(p->address));
}

static void read_answers(struct probe *p)
{
	uint8_t packet[1500];
	ssize_t len;

	while ((len = recv(p->fd, packet, sizeof(packet), MSG_DONTWAIT)) >= 0) {
		struct echo echo;
		size_t at = (size_t)(packet[0] & 0xf) * 4;

		if ((size_t)len < at + sizeof(echo))
			continue;
		memcpy(&echo, packet + at, sizeof(echo));
		if (echo.header.type != ICMP_ECHOREPLY ||
			echo.header.un.echo.id != htons((uint16_t)getpid()) ||
			echo.number >= p->n_requests)
			continue;
		p->requests[echo.number].answered = true;
		if (!p->any_answer) {
			p->any_answer = true;
			puts("answered");
			fflush(stdout);
		}
	}
}

static void wait_until(struct probe *p, int64_t deadline_us)
{
	int64_t left_us;

	while ((left_us = deadline_us - tool_now_us()) > 0) {
		struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};
		struct timespec timeout = {left_us / 1000000, left_us % 1000000 * 1000};

		if (ppoll(&poll_fd, 1, &timeout, NULL) > 0)
			read_answers(p);
	}
}

static void run(struct probe *p, int64_t seconds)
{
	int64_t next_us = p->start_us;
	int64_t end_us = p->start_us + seconds * 1000000;

	while (!stopped && next_us < end_us && p->n_requests < REQUESTS_MAX) {
		int64_t now_us;

		send_request(p);
		now_us = tool_now_us();
		next_us += INTERVAL_US;
		if (next_us < now_us) /* late: a burst would measure nothing more */
			next_us = now_us + INTERVAL_US;
		wait_until(p, next_us);
	}
	wait_until(p, tool_now_us() + GRACE_US);
}

static void print_result(const struct probe *p, int64_t realtime_us)
{
	int64_t longest_us = 0, longest_at_us = 0, last_us = -1, latest_us = 0;
	uint32_t answered = 0, first = 0, last = 0;
	const char *comma = "";

	printf("{\"started_us\": %lld, \"gaps\": [", (long long)realtime_us);
	for (uint32_t i = 0; i < p->n_requests; i++) {
		const struct request *r = &p->requests[i];
		int64_t gap_us = r->sent_us - last_us;

		if (i > 0 && r->sent_us - p->requests[i - 1].sent_us > latest_us)
			latest_us = r->sent_us - p->requests[i - 1].sent_us;
		if (!r->answered)
			continue;
		answered++;
		if (last_us < 0) {
			first = i;
		} else if (last + 1 < i) {
			printf("%s[%lld, %lld]", comma, (long long)last_us, (long long)gap_us);
			comma = ", ";
			if (gap_us > longest_us) {
				longest_us = gap_us;
				longest_at_us = last_us;
			}
		}
		last = i;
		last_us = r->sent_us;
	}
	printf("], \"sent\": %u, \"answered\": %u, \"unanswered_at_start\": %u, "
	       "\"unanswered_at_end\": %u, \"longest_gap_us\": %lld, \"longest_gap_at_us\": %lld, "
	       "\"longest_pause_us\": %lld}\n",
		p->n_requests, answered, first,
		answered > 0 ? p->n_requests - 1 - last : p->n_requests, (long long)longest_us,
		(long long)longest_at_us, (long long)latest_us);
}

int main(int argc, char **argv)
{
	struct probe p = {.start_us = tool_now_us()};
	int64_t realtime_us = tool_clock_us(CLOCK_REALTIME);
	int size = 4 << 20;

	if (argc < 2 || argc > 3)
		errx(2, "usage: probe ADDRESS [SECONDS]");
	p.address = tool_address(argv[1], "0");
	p.fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (p.fd < 0)
		err(2, "socket");
	(void)setsockopt(p.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	p.requests = calloc(REQUESTS_MAX, sizeof(*p.requests));
	if (p.requests == NULL)
		err(2, "calloc");
	tool_on_stop(stop);
	/* As punctual as this machine allows. */
	(void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	run(&p, argc == 3 ? atoi(argv[2]) : REQUESTS_MAX / 1000);
	print_result(&p, realtime_us);
	free(p.requests);
	close(p.fd);
	return 0;
}
