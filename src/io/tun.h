/* The TUN device behind which the kernel's connection sync takes place: its daemons multicast into
 * it and listen on it, and whoever has its descriptor reads what they say and writes what they
 * hear. A packet there is IPv4, and its payload one sync message. */
#pragma once

#include "base/addr.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_DEVICE "tandem-sync" /* the one that the link in tandem mode has */
#define TUN_PACKET_MAX 65535
#define TUN_OVERHEAD 28 /* bytes of the IPv4 and the UDP header in front of a message */

/* Whom the kernel's daemons speak to. */
struct tun_flow {
	struct in_addr group;
	uint16_t port;
};
/* The group on the device: the link's own, or the link's default where that is one of IPv6. */
struct addr tun_group(const struct addr *link_group);

/* Makes the device, or takes over a persistent one of that name that nobody holds, and brings it up
 * without an address: mtu in bytes (576 to 65535), and queue_len packets that may wait for the
 * reader (the kernel's 500 are a burst of a few milliseconds). It goes when the last copy of the
 * descriptor is closed, unless made persistent. Needs CAP_NET_ADMIN. Returns the descriptor
 * (non-blocking, close-on-exec) or -errno: -EBUSY when somebody else holds it, -EINVAL when it is
 * another kind of device. */
int tun_create(const char *name, unsigned mtu, unsigned queue_len);
/* Whether the device outlives its descriptors: a restart then finds it, with the sync daemons still
 * bound to it. 0 or -errno. */
int tun_set_persistent(int fd, bool persistent);
/* Whether a descriptor is that of a TUN device without packet information. */
bool tun_is_one(int fd);

/* The next message of the kernel: its length, and *ret_message in `packet`. 0: nothing waits.
 * -EBADMSG: a packet that is not of the flow (IGMP, say) was taken and is gone. Another -errno. */
int tun_read(int fd, const struct tun_flow *flow, uint8_t packet[static TUN_PACKET_MAX],
	const uint8_t **ret_message);
/* Hands a message to the kernel's backup daemon. It comes from 0.0.0.0, the one source that the
 * kernel takes on a device without an address. 0 or -errno. */
int tun_write(int fd, const struct tun_flow *flow, const void *message, size_t len);

/* What the two above do with the bytes. The message in an IPv4 packet: its length, or -EBADMSG. */
int tun_packet_parse(const uint8_t *packet, size_t len, const struct tun_flow *flow,
	const uint8_t **ret_message);
/* The headers of a packet with `len` bytes of message. */
void tun_packet_head(uint8_t ret[static TUN_OVERHEAD], const struct tun_flow *flow, size_t len);
