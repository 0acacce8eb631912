/* ICMP echo requests to one host, of either family. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct echo {
	int fd;
	uint16_t family;
	bool raw;       /* replies to others arrive as well, with their IP header in IPv4 */
	uint64_t token; /* in each request: what has not this token is not ours */
};

/* `interface` NULL: any. Takes a ping socket where the host allows it, else a raw one, which needs
 * CAP_NET_RAW. 0 or -errno. */
int echo_open(const struct addr *to, const char *interface, struct echo *ret);
void echo_close(struct echo *e);
/* 0 or -errno. */
int echo_send(const struct echo *e, uint16_t seq);
/* Reads until there is a reply to this request: 1; nothing more to read: 0; or -errno, which the
 * network said of it. */
int echo_receive(const struct echo *e, uint16_t seq);
