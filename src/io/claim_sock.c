/* ARP by a packet socket whose filter names our addresses: what a busy network asks all day costs
 * no wake-up. Neighbour Advertisements by a raw ICMPv6 socket, which sees no other packet: of those
 * there are few that are not for one host. */
#include "io/claim_sock.h"

#include "base/byteorder.h"
#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READS 8        /* at a time: each is looked for among all addresses */
#define PACKET_MAX 128 /* what is longer is cut: what we look at is in front */
#define ARP_SENDER_IP 14
#define ADDRS_MAX ((BPF_MAXINSNS - 2) / 2)
#define HOP_LIMIT 255 /* RFC 4861, 7.1.2 */

static int set_filter(int fd, struct sock_filter *code, size_t n)
{
	struct sock_fprog program = {.len = (unsigned short)n, .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

int claim_sock_watch(int fd, const struct addr *addrs, size_t n)
{
	auto_free struct sock_filter *code = calloc(2 * n + 2, sizeof(*code));
	size_t len = 0;

	if (!code)
		return -ENOMEM;
	code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_SENDER_IP);
	for (size_t i = 0; i < n && n <= ADDRS_MAX; i++) {
		if (addrs[i].family != AF_INET)
			continue;
		code[len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, be32_get(addrs[i].bytes), 0, 1);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	}
	code[len++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, n <= ADDRS_MAX ? 0 : UINT32_MAX);
	return set_filter(fd, code, len);
}

/* Protocol 0 until the filter is there: nothing comes before it. */
int claim_sock_arp(void)
{
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
	auto_close int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, r;

	if (fd < 0)
		return -errno;
	r = claim_sock_watch(fd, NULL, 0);
	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
		bind(fd, (const struct sockaddr *)&all, sizeof(all)) < 0)
		return -errno;
	return take_fd(&fd);
}

int claim_sock_na(void)
{
	auto_close int fd =
		socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	struct icmp6_filter filter;
	int on = 1, off = 0;

	if (fd < 0)
		return -errno;
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off)) < 0)
		return -errno;
	return take_fd(&fd);
}

void claim_sock_read_arp(int fd, claim_handler handler, void *userdata)
{
	for (int i = 0; i < READS; i++) {
		struct sockaddr_ll from = {0};
		socklen_t len = sizeof(from);
		uint8_t packet[PACKET_MAX];
		ssize_t n = recvfrom(
			fd, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		struct claim claim;

		if (n < 0)
			return;
		if (claim_parse_arp(packet, (size_t)n, &claim))
			handler(from.sll_ifindex, &claim, userdata);
	}
}

/* 0: it may have come through a router, or nobody knows where it came in. */
static int ifindex_of(struct msghdr *message)
{
	int ifindex = 0, hops = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct in6_pktinfo info;

		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
		if (c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ifindex = (int)info.ipi6_ifindex;
		}
	}
	return hops == HOP_LIMIT ? ifindex : 0;
}

void claim_sock_read_na(int fd, claim_handler handler, void *userdata)
{
	for (int i = 0; i < READS; i++) {
		_Alignas(struct cmsghdr) uint8_t control[128];
		uint8_t packet[PACKET_MAX];
		struct iovec iov = {packet, sizeof(packet)};
		struct msghdr message = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
		struct claim claim;
		int ifindex;

		if (n < 0)
			return;
		ifindex = ifindex_of(&message);
		if (ifindex && claim_parse_na(packet, (size_t)n, &claim))
			handler(ifindex, &claim, userdata);
	}
}
