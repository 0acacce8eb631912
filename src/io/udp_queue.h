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

/* Keeps the file open, for a process that may open none later. */
struct udp_queue_file;
int udp_queue_open(uint16_t family, struct udp_queue_file **ret); /* 0 or -errno */
void udp_queue_close(struct udp_queue_file *f);                   /* NULL is fine */

/* Those sockets bound to the address and port that are not in `except` (inode numbers, as fstat()
 * tells them of one's own): 0, -ENOENT when there is none, or -errno. One pass over the host's UDP
 * sockets. */
int udp_queue_read(struct udp_queue_file *f, const struct addr *address, uint16_t port,
	const uint64_t *except, size_t n_except, struct udp_queue *ret);

/* A line of such a file. False: it is none of a socket. */
struct udp_queue_socket {
	struct addr address; /* it is bound to */
	uint16_t port;
	uint64_t waiting, drops, inode;
};
bool udp_queue_parse(const char *line, uint16_t family, struct udp_queue_socket *ret);
