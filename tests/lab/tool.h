/* What the lab's small programs share: a clock, a socket address, giving up with a reason. */
#pragma once

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static inline int64_t tool_clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t tool_now_us(void)
{
	return tool_clock_us(CLOCK_MONOTONIC);
}

static inline struct sockaddr_in tool_address(const char *host, const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		errx(2, "%s is not an IPv4 address", host);
	return address;
}

/* Call `handler` on SIGTERM and SIGINT, interrupting what waits. */
static inline void tool_on_stop(void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* As many descriptors as we may have: a connection each. */
static inline void tool_raise_limits(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
