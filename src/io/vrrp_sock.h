/* The raw socket that adverts of one interface and family are sent from and heard on: 224.0.0.18,
 * ff02::12, and this host's own addresses. Sending and receiving never block and never allocate. */
#pragma once

#include "base/addr.h"
#include "core/virtual_mac.h"
#include "core/vrrp_packet.h"

#include <stddef.h>
#include <stdint.h>

/* Bound to the interface, member of the group, TTL or hop limit 255, class CS6, own adverts not
 * looped back. Needs CAP_NET_RAW. Returns a non-blocking descriptor or -errno. */
int vrrp_sock_open(uint16_t family, const char *interface, int ifindex);

/* From now on nothing is heard but what that MAC address sent. What others sent arrives on the
 * parent of a macvlan, too, and is heard there. 0 or -errno. */
int vrrp_sock_hear_only(int fd, const uint8_t mac[static VIRTUAL_MAC_LEN]);

/* Send one VRRP packet (without IP header), from `source`, which is or was an address of the
 * interface: who has just lost it can still resign. `destination` is of the same family. 0 or
 * -errno; -EAGAIN: the queue is full, it was not sent. */
int vrrp_sock_send(int fd, int ifindex, const struct addr *source, const struct addr *destination,
	const uint8_t *packet, size_t len);

#define VRRP_INBOX 32

/* What arrived; the datagrams are in its bytes. */
struct vrrp_inbox {
	struct vrrp_datagram datagrams[VRRP_INBOX];
	uint8_t bytes[VRRP_INBOX][VRRP_DATAGRAM_MAX];
};

/* Take what arrived on the interface, at most VRRP_INBOX datagrams. On IPv4 each has its IP header
 * in it, and no source; on IPv6 it is apart. One that is too long is cut. Returns how many, 0 when
 * there are none, or -errno. */
int vrrp_sock_receive(int fd, struct vrrp_inbox *inbox);
