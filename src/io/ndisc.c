/* Unsolicited Neighbour Advertisements, built whole and sent by a packet socket: an address that
 * has been there for a microsecond need not be known to the kernel's routing for it. Section
 * numbers are RFC 4861's. */
#include "io/ndisc.h"

#include "base/byteorder.h"
#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BATCH 64
#define HOP_LIMIT 255 /* 7.1.2: anything less may have come through a router */
#define IPV6_HEADER_LEN 40
#define NA_LEN (NDISC_PACKET_LEN - IPV6_HEADER_LEN)

/* Offsets in the packet. */
enum {
	AT_VERSION = 0,
	AT_PAYLOAD_LEN = 4,
	AT_NEXT_HEADER = 6,
	AT_HOP_LIMIT = 7,
	AT_SOURCE = 8,
	AT_DESTINATION = 24,
	AT_TYPE = 40, /* the advertisement (4.4) */
	AT_CHECKSUM = 42,
	AT_FLAGS = 44,
	AT_TARGET = 48,
	AT_OPTION_TYPE = 64, /* target link-layer address (4.6.1) */
	AT_OPTION_LEN = 65,  /* in units of eight bytes */
	AT_OPTION_MAC = 66,
};

enum {
	FLAG_ROUTER = 0x80,
	FLAG_OVERRIDE = 0x20,
};

static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};

int ndisc_open(void)
{
	/* Protocol 0: nothing is delivered to it. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

bool ndisc_is_router(const char *interface)
{
	char path[80], value = '0';
	auto_close int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", interface);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &value, 1) == 1 && value != '0';
}

static uint32_t sum_words(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += be16_get(bytes + i);
	return sum;
}

/* RFC 8200, 8.1: over a pseudo-header of the addresses, the length and the protocol. */
static uint16_t checksum(const uint8_t packet[static NDISC_PACKET_LEN])
{
	uint32_t sum = sum_words(packet + AT_SOURCE, NDISC_PACKET_LEN - AT_SOURCE);

	sum += NA_LEN + IPPROTO_ICMPV6;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void ndisc_build(uint8_t ret[static NDISC_PACKET_LEN], const uint8_t mac[static NDISC_MAC_LEN],
	bool router, const struct addr *addr)
{
	memset(ret, 0, NDISC_PACKET_LEN);
	ret[AT_VERSION] = 6 << 4;
	be16_put(ret + AT_PAYLOAD_LEN, NA_LEN);
	ret[AT_NEXT_HEADER] = IPPROTO_ICMPV6;
	ret[AT_HOP_LIMIT] = HOP_LIMIT;
	memcpy(ret + AT_SOURCE, addr->bytes, sizeof(addr->bytes));
	memcpy(ret + AT_DESTINATION, all_nodes, sizeof(all_nodes));
	ret[AT_TYPE] = ND_NEIGHBOR_ADVERT;
	ret[AT_FLAGS] = (uint8_t)(FLAG_OVERRIDE | (router ? FLAG_ROUTER : 0));
	memcpy(ret + AT_TARGET, addr->bytes, sizeof(addr->bytes));
	ret[AT_OPTION_TYPE] = ND_OPT_TARGET_LINKADDR;
	ret[AT_OPTION_LEN] = 1;
	memcpy(ret + AT_OPTION_MAC, mac, NDISC_MAC_LEN);
	be16_put(ret + AT_CHECKSUM, checksum(ret));
}

static int send_batch(int fd, struct sockaddr_ll *to, const uint8_t mac[static NDISC_MAC_LEN],
	bool router, const struct moved *items, unsigned n)
{
	uint8_t packets[BATCH][NDISC_PACKET_LEN];
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH] = {0};
	unsigned sent = 0;

	for (unsigned i = 0; i < n; i++) {
		ndisc_build(packets[i], mac, router, &items[i].address.prefix.addr);
		iov[i] = (struct iovec){packets[i], NDISC_PACKET_LEN};
		messages[i].msg_hdr.msg_name = to;
		messages[i].msg_hdr.msg_namelen = sizeof(*to);
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (sent < n) {
		int r = sendmmsg(fd, messages + sent, n - sent, MSG_DONTWAIT);
		if (r < 0)
			return -errno;
		sent += (unsigned)r;
	}
	return 0;
}

int ndisc_announce(int fd, int ifindex, const uint8_t mac[static NDISC_MAC_LEN], bool router,
	const struct moved *items, size_t n)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = ifindex,
		.sll_halen = NDISC_MAC_LEN,
		.sll_addr = {0x33, 0x33, 0, 0, 0, 1}, /* of ff02::1 (RFC 2464, 7) */
	};

	for (size_t done = 0; done < n; done += BATCH) {
		unsigned batch = n - done < BATCH ? (unsigned)(n - done) : BATCH;
		int r = send_batch(fd, &to, mac, router, items + done, batch);
		if (r < 0)
			return r;
	}
	return 0;
}
