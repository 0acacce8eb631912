/* The raw socket that adverts of one interface are sent from and heard on: IPv4, 224.0.0.18.
 * Sending and receiving never block and never allocate. */
#pragma once

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bound to the interface, member of the group, TTL 255, class CS6, own adverts not looped back.
 * Needs CAP_NET_RAW. Returns a non-blocking descriptor or -errno. */
int vrrp_sock_open(const char *interface, int ifindex);

/* Send one VRRP packet (without IP header) to the group, from `source`, which is or was an
 * address of the interface: who has just lost it can still resign. 0 or -errno; -EAGAIN: the queue
 * is full, it was not sent. */
int vrrp_sock_send(
	int fd, int ifindex, const struct addr *source, const uint8_t *packet, size_t len);

/* Take one IPv4 datagram, with its header, that arrived on the interface. Returns its length, 0
 * when there is none, or -errno. One longer than `size` is cut. */
ssize_t vrrp_sock_receive(int fd, uint8_t *ret, size_t size);
