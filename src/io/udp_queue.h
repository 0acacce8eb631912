/* How full the receive queue of a UDP socket is that somebody else holds (the kernel's own sync
 * daemon): /proc/net/udp and udp6 tell. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of all sockets bound to that address and port together. */
struct udp_queue {
	unsigned sockets;
	uint64_t waiting; /* bytes, as the kernel accounts them: more than the payload */
	uint64_t drops;   /* datagrams without room, since the sockets were made */
};

/* 0, -ENOENT when no socket is bound to it, or -errno. One pass over the host's UDP sockets. */
int udp_queue_read(const struct addr *address, uint16_t port, struct udp_queue *ret);

/* Its parts. A reader that keeps the file open, for a process that may open none later. */
struct udp_queue_file {
	int fd; /* of /proc/net/udp or udp6; owned by whoever opened it */
};
int udp_queue_file_open(uint16_t family, struct udp_queue_file *ret); /* 0 or -errno */
int udp_queue_file_read(const struct udp_queue_file *f, const struct addr *address, uint16_t port,
	struct udp_queue *ret);
/* A line of such a file: whether it is of that socket; then it is added to *sum. */
bool udp_queue_line(
	const char *line, const struct addr *address, uint16_t port, struct udp_queue *sum);
