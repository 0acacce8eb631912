/* Multicast reception for both families through the protocol-independent socket options. */
#include "io/group_sock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define DATAGRAMS_PER_READ 64

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29 /* linux/in6.h, which cannot be included beside netinet/in.h */
#endif

static socklen_t group_address(
	const struct addr *group, uint16_t port, int ifindex, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (group->family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr = addr_to_v4(group);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	in6->sin6_scope_id = (uint32_t)ifindex;
	memcpy(&in6->sin6_addr, group->bytes, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Hear what we joined and nothing else: by default the kernel delivers any group that any process
 * of the host has joined. */
static int only_own_groups(int fd, uint16_t family)
{
	return family == AF_INET ? set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0)
				 : set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
}

int group_sock_open(const struct addr *group, uint16_t port, int ifindex)
{
	struct group_req join = {.gr_interface = (uint32_t)ifindex};
	socklen_t len = group_address(group, port, ifindex, &join.gr_group);
	auto_close int fd =
		socket(group->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	int level = group->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int r;

	if (fd < 0)
		return -errno;
	r = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r >= 0)
		r = set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, ifindex);
	if (r >= 0)
		r = only_own_groups(fd, group->family);
	if (r < 0)
		return r;
	if (bind(fd, (const struct sockaddr *)&join.gr_group, len) < 0 ||
		setsockopt(fd, level, MCAST_JOIN_GROUP, &join, sizeof(join)) < 0)
		return -errno;
	return take_fd(&fd);
}

static struct addr sender_of(const struct sockaddr_storage *from)
{
	struct addr a = {.family = from->ss_family};

	if (from->ss_family == AF_INET)
		return addr_v4(((const struct sockaddr_in *)from)->sin_addr);
	memcpy(a.bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, sizeof(a.bytes));
	return a;
}

int group_sock_read(int fd, group_sock_heard heard, void *userdata)
{
	struct sockaddr_storage from[DATAGRAMS_PER_READ];
	struct mmsghdr messages[DATAGRAMS_PER_READ];
	int n;

	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < DATAGRAMS_PER_READ; i++) {
		messages[i].msg_hdr.msg_name = &from[i];
		messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	/* No buffer at all; MSG_TRUNC has the kernel say how long each datagram was. */
	n = recvmmsg(fd, messages, DATAGRAMS_PER_READ, MSG_DONTWAIT | MSG_TRUNC, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		struct addr sender = sender_of(&from[i]);
		heard(&sender, messages[i].msg_len, userdata);
	}
	return 0;
}
