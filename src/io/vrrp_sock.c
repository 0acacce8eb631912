/* One raw socket per interface and family. What an advert means is decided elsewhere; here is only
 * how it leaves and arrives. RFC 9568, section 5.1. Checksums are core/vrrp_packet's on both
 * families, so that a wrong one is counted and told. */
#include "io/vrrp_sock.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define CLASS_CS6 0xc0 /* network control */

#ifndef IPV6_MULTICAST_ALL /* not in all headers of the C library */
#define IPV6_MULTICAST_ALL 29
#endif

#define RECEIVE_BUFFER_LEN (1 << 20)

struct option {
	int name, value;
};

static int set_options(int fd, int level, const struct option *options, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (setsockopt(fd, level, options[i].name, &options[i].value,
			    sizeof(options[i].value)) < 0)
			return -errno;
	return 0;
}

static struct addr group_of(uint16_t family)
{
	static const struct vrrp_peers nobody;

	return vrrp_peers_destination(&nobody, family, 0);
}

static int set_up_v4(int fd, int ifindex)
{
	static const struct option options[] = {
		{IP_MULTICAST_TTL, VRRP_TTL},
		{IP_TTL, VRRP_TTL},
		{IP_MULTICAST_LOOP, 0},
		{IP_MULTICAST_ALL, 0},
		{IP_TRANSPARENT, 1}, /* the source may be gone by now */
		{IP_TOS, CLASS_CS6},
	};
	struct addr group = group_of(AF_INET);
	struct ip_mreqn membership = {
		.imr_multiaddr = addr_to_v4(&group),
		.imr_ifindex = ifindex,
	};
	int r = set_options(fd, IPPROTO_IP, options, sizeof(options) / sizeof(options[0]));

	if (r < 0)
		return r;
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof(membership)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &membership, sizeof(membership)) < 0)
		return -errno;
	return 0;
}

static int set_up_v6(int fd, int ifindex)
{
	const struct option options[] = {
		{IPV6_MULTICAST_HOPS, VRRP_TTL},
		{IPV6_UNICAST_HOPS, VRRP_TTL},
		{IPV6_MULTICAST_LOOP, 0},
		{IPV6_MULTICAST_ALL, 0},
		{IPV6_MULTICAST_IF, ifindex},
		{IPV6_TRANSPARENT, 1},
		{IPV6_TCLASS, CLASS_CS6},
		{IPV6_RECVHOPLIMIT, 1},
		{IPV6_RECVPKTINFO, 1},
	};
	struct ipv6_mreq membership = {.ipv6mr_interface = (unsigned)ifindex};
	struct addr group = group_of(AF_INET6);
	int r = set_options(fd, IPPROTO_IPV6, options, sizeof(options) / sizeof(options[0]));

	if (r < 0)
		return r;
	memcpy(&membership.ipv6mr_multiaddr, group.bytes, sizeof(group.bytes));
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &membership, sizeof(membership)) < 0)
		return -errno;
	return 0;
}

int vrrp_sock_open(uint16_t family, const char *interface, int ifindex)
{
	auto_close int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, VRRP_PROTOCOL);
	int r;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
		    (socklen_t)strlen(interface) + 1) < 0)
		return -errno;
	/* So that a peer's adverts find room in a flood; without it there is less. */
	(void)setsockopt(
		fd, SOL_SOCKET, SO_RCVBUFFORCE, &(const int){RECEIVE_BUFFER_LEN}, sizeof(int));
	r = family == AF_INET6 ? set_up_v6(fd, ifindex) : set_up_v4(fd, ifindex);
	if (r < 0)
		return r;
	return take_fd(&fd);
}

/* The link's header is before the packet, where a filter reads from SKF_LL_OFF on. */
int vrrp_sock_hear_only(int fd, const uint8_t mac[static VIRTUAL_MAC_LEN])
{
	enum { SOURCE = SKF_LL_OFF + VIRTUAL_MAC_LEN }; /* after the destination */
	const uint32_t high =
		(uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 | (uint32_t)mac[2] << 8 | mac[3];
	const uint32_t low = (uint32_t)mac[4] << 8 | mac[5];
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SOURCE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SOURCE + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

/* --- Sending --- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

static void put_control(struct msghdr *message, int level, int type, const void *info, size_t len)
{
	struct cmsghdr *c;

	message->msg_controllen = CMSG_SPACE(len);
	c = CMSG_FIRSTHDR(message);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
}

static int send_v4(int fd, struct msghdr *message, int ifindex, const struct addr *source,
	const struct addr *destination)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = addr_to_v4(destination)};
	struct in_pktinfo info = {.ipi_ifindex = ifindex, .ipi_spec_dst = addr_to_v4(source)};

	message->msg_name = &to;
	message->msg_namelen = sizeof(to);
	put_control(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	return sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_v6(int fd, struct msghdr *message, int ifindex, const struct addr *source,
	const struct addr *destination)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)ifindex};
	struct in6_pktinfo info = {.ipi6_ifindex = (unsigned)ifindex};

	memcpy(&to.sin6_addr, destination->bytes, sizeof(to.sin6_addr));
	memcpy(&info.ipi6_addr, source->bytes, sizeof(info.ipi6_addr));
	message->msg_name = &to;
	message->msg_namelen = sizeof(to);
	put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	return sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int vrrp_sock_send(int fd, int ifindex, const struct addr *source, const struct addr *destination,
	const uint8_t *packet, size_t len)
{
	union control control = {0};
	struct iovec iov = {.iov_len = len};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};

	memcpy(&iov.iov_base, &packet, sizeof(packet)); /* sendmsg() does not write there */
	if (destination->family == AF_INET6)
		return send_v6(fd, &message, ifindex, source, destination);
	return send_v4(fd, &message, ifindex, source, destination);
}

/* --- Receiving --- */

static struct addr addr_v6(const struct in6_addr *in)
{
	struct addr a = {.family = AF_INET6};

	memcpy(a.bytes, in, sizeof(*in));
	return a;
}

static void read_control(struct msghdr *message, struct vrrp_datagram *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct in6_pktinfo info;
		int hops;
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_PKTINFO && c->cmsg_len >= CMSG_LEN(sizeof(info))) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ret->destination = addr_v6(&info.ipi6_addr);
		} else if (c->cmsg_type == IPV6_HOPLIMIT && c->cmsg_len >= CMSG_LEN(sizeof(hops))) {
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
			ret->ttl = (uint8_t)hops;
		}
	}
}

static void read_datagram(struct mmsghdr *m, uint8_t *bytes, struct vrrp_datagram *ret)
{
	struct sockaddr_in6 from;

	*ret = (struct vrrp_datagram){.bytes = bytes, .len = m->msg_len};
	memcpy(&from, m->msg_hdr.msg_name, sizeof(from));
	if (from.sin6_family != AF_INET6)
		return;
	ret->source = addr_v6(&from.sin6_addr);
	read_control(&m->msg_hdr, ret);
}

int vrrp_sock_receive(int fd, struct vrrp_inbox *inbox)
{
	struct sockaddr_in6 from[VRRP_INBOX] = {0}; /* IPv4's is shorter */
	union control control[VRRP_INBOX];
	struct iovec iov[VRRP_INBOX];
	struct mmsghdr messages[VRRP_INBOX];
	int n;

	for (size_t i = 0; i < VRRP_INBOX; i++) {
		iov[i] = (struct iovec){inbox->bytes[i], sizeof(inbox->bytes[i])};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i],
			.msg_namelen = sizeof(from[i]),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = control[i].bytes,
			.msg_controllen = sizeof(control[i].bytes),
		};
	}
	n = recvmmsg(fd, messages, VRRP_INBOX, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		read_datagram(&messages[i], inbox->bytes[i], &inbox->datagrams[i]);
	return n;
}
