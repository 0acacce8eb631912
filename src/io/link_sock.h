/* The UDP sockets of the link: a multicast group on one interface each. */
#pragma once

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>

#define LINK_SOCK_DATAGRAM_MAX 1500 /* bytes; what is longer is cut, and not understood */
#define LINK_SOCK_BATCH 32

struct link_sock_settings {
	struct addr group;
	uint16_t port;
	unsigned ttl; /* or hop limit */
};

/* Bound to the interface and the group, own datagrams not looped back. The buffers are as large as
 * it is allowed. Needs no privilege, and has larger buffers with CAP_NET_ADMIN. Returns the
 * descriptor (non-blocking, close-on-exec) or -errno. */
int link_sock_open(const struct link_sock_settings *settings, const char *interface, int ifindex);

/* Bytes of a datagram that the interface takes whole; -errno. */
int link_sock_room(const char *interface, uint16_t family);

/* One datagram to the group. 0 or -errno; -EAGAIN, -ENOBUFS: the queue is full. */
int link_sock_send(int fd, const struct link_sock_settings *settings, int ifindex,
	const void *datagram, size_t len);

struct link_sock_inbox {
	size_t lens[LINK_SOCK_BATCH];
	uint8_t bytes[LINK_SOCK_BATCH][LINK_SOCK_DATAGRAM_MAX];
};

/* Take what arrived, at most LINK_SOCK_BATCH. How many; 0: nothing; or -errno. */
int link_sock_receive(int fd, struct link_sock_inbox *inbox);
