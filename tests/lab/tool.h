/* What the lab's small programs share: a clock, a socket address, giving up with a reason. */
#pragma once

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Of either family, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2). */
static inline struct sockaddr_in6 tool_any_address(const char *host, const char *port)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port))};
	char mapped[INET6_ADDRSTRLEN];

	(void)snprintf(mapped, sizeof(mapped), "%s%s", strchr(host, ':') ? "" : "::ffff:", host);
	if (inet_pton(AF_INET6, mapped, &address.sin6_addr) != 1)
		errx(2, "%s is not an address", host);
	return address;
}

/* Writes into buf and returns it. */
static inline const char *tool_text(
	const struct sockaddr_in6 *address, char buf[static INET6_ADDRSTRLEN])
{
	const struct in6_addr *a = &address->sin6_addr;

	if (IN6_IS_ADDR_V4MAPPED(a))
		return inet_ntop(AF_INET, &a->s6_addr[12], buf, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, a, buf, INET6_ADDRSTRLEN);
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
