/* Multicast both ways for both families, through the options that know no protocol where there are
 * such. */
#include "io/link_sock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define BUFFER_LEN (8 << 20) /* of what is received: a burst of the peer, or a flood, for a while  \
			      */
#define SEND_BUFFER_LEN (1 << 20)
#define CLASS_CS6 0xc0 /* network control */
#define IPV4_HEADERS 28
#define IPV6_HEADERS 48

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29 /* linux/in6.h, which cannot be included beside netinet/in.h */
#endif

static socklen_t to_sockaddr(
	const struct link_sock_settings *settings, int ifindex, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (settings->group.family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;
		in->sin_family = AF_INET;
		in->sin_port = htons(settings->port);
		in->sin_addr = addr_to_v4(&settings->group);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(settings->port);
	in6->sin6_scope_id = (uint32_t)ifindex;
	memcpy(&in6->sin6_addr, settings->group.bytes, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

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

static int set_up_v4(int fd, const struct link_sock_settings *settings, int ifindex)
{
	const struct option options[] = {
		{IP_MULTICAST_TTL, (int)settings->ttl},
		{IP_MULTICAST_LOOP, 0},
		{IP_MULTICAST_ALL, 0},
		{IP_TOS, CLASS_CS6},
	};
	struct ip_mreqn out = {.imr_ifindex = ifindex};

	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) < 0)
		return -errno;
	return set_options(fd, IPPROTO_IP, options, sizeof(options) / sizeof(options[0]));
}

static int set_up_v6(int fd, const struct link_sock_settings *settings, int ifindex)
{
	const struct option options[] = {
		{IPV6_MULTICAST_HOPS, (int)settings->ttl},
		{IPV6_MULTICAST_LOOP, 0},
		{IPV6_MULTICAST_ALL, 0},
		{IPV6_MULTICAST_IF, ifindex},
		{IPV6_TCLASS, CLASS_CS6},
	};

	return set_options(fd, IPPROTO_IPV6, options, sizeof(options) / sizeof(options[0]));
}

/* As much as the privilege of the moment allows. */
static void enlarge(int fd, int force, int plain, int len)
{
	if (setsockopt(fd, SOL_SOCKET, force, &len, sizeof(len)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, plain, &len, sizeof(len));
}

int link_sock_open(const struct link_sock_settings *settings, const char *interface, int ifindex)
{
	uint16_t family = settings->group.family;
	struct group_req join = {.gr_interface = (uint32_t)ifindex};
	socklen_t len = to_sockaddr(settings, ifindex, &join.gr_group);
	auto_close int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	static const struct option shared[] = {{SO_REUSEADDR, 1}};
	int r;

	if (fd < 0)
		return -errno;
	enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF, BUFFER_LEN);
	enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_LEN);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
		    (socklen_t)strlen(interface) + 1) < 0)
		return -errno;
	r = set_options(fd, SOL_SOCKET, shared, 1);
	if (r >= 0)
		r = family == AF_INET ? set_up_v4(fd, settings, ifindex)
				      : set_up_v6(fd, settings, ifindex);
	if (r < 0)
		return r;
	if (bind(fd, (const struct sockaddr *)&join.gr_group, len) < 0 ||
		setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, MCAST_JOIN_GROUP,
			&join, sizeof(join)) < 0)
		return -errno;
	return take_fd(&fd);
}

int link_sock_room(const char *interface, uint16_t family)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};
	int headers = family == AF_INET ? IPV4_HEADERS : IPV6_HEADERS;

	if (fd < 0)
		return -errno;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCGIFMTU, &request) < 0)
		return -errno;
	return request.ifr_mtu > headers ? request.ifr_mtu - headers : -EMSGSIZE;
}

int link_sock_send(int fd, const struct link_sock_settings *settings, int ifindex,
	const void *datagram, size_t len)
{
	struct sockaddr_storage group;
	socklen_t group_len = to_sockaddr(settings, ifindex, &group);

	if (sendto(fd, datagram, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&group,
		    group_len) < 0)
		return -errno;
	return 0;
}

int link_sock_receive(int fd, struct link_sock_inbox *inbox)
{
	struct iovec iov[LINK_SOCK_BATCH];
	struct mmsghdr messages[LINK_SOCK_BATCH];
	int n;

	for (size_t i = 0; i < LINK_SOCK_BATCH; i++) {
		iov[i] = (struct iovec){inbox->bytes[i], sizeof(inbox->bytes[i])};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	n = recvmmsg(fd, messages, LINK_SOCK_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		inbox->lens[i] = messages[i].msg_len;
	return n;
}
