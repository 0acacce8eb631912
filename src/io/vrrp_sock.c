/* One raw socket per interface. What an advert means is decided elsewhere; here is only how it
 * leaves and arrives. RFC 9568, section 5.1. */
#include "io/vrrp_sock.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PROTOCOL_VRRP 112
#define GROUP 0xe0000012u /* 224.0.0.18 (5.1.1.2) */
#define TTL 255           /* 5.1.1.3 */
#define CLASS_CS6 0xc0    /* network control */

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int join(int fd, int ifindex)
{
	struct ip_mreqn group = {
		.imr_multiaddr.s_addr = htonl(GROUP),
		.imr_ifindex = ifindex,
	};

	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)) < 0)
		return -errno;
	return 0;
}

static int set_up(int fd, const char *interface, int ifindex)
{
	static const struct {
		int option, value;
	} options[] = {
		{IP_MULTICAST_TTL, TTL},
		{IP_MULTICAST_LOOP, 0},
		{IP_MULTICAST_ALL, 0},
		{IP_TRANSPARENT, 1}, /* the source may be gone by now */
		{IP_TOS, CLASS_CS6},
	};
	int r;

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
		    (socklen_t)strlen(interface) + 1) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		r = set_int(fd, IPPROTO_IP, options[i].option, options[i].value);
		if (r < 0)
			return r;
	}
	return join(fd, ifindex);
}

int vrrp_sock_open(const char *interface, int ifindex)
{
	auto_close int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, PROTOCOL_VRRP);
	int r;

	if (fd < 0)
		return -errno;
	r = set_up(fd, interface, ifindex);
	if (r < 0)
		return r;
	return take_fd(&fd);
}

int vrrp_sock_send(
	int fd, int ifindex, const struct addr *source, const uint8_t *packet, size_t len)
{
	struct sockaddr_in group = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(GROUP)};
	struct in_pktinfo info = {.ipi_ifindex = ifindex, .ipi_spec_dst = addr_to_v4(source)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(info))];
	} control = {0};
	struct iovec iov = {.iov_len = len};
	struct msghdr message = {
		.msg_name = &group,
		.msg_namelen = sizeof(group),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	memcpy(&iov.iov_base, &packet, sizeof(packet)); /* sendmsg() does not write there */
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

ssize_t vrrp_sock_receive(int fd, uint8_t *ret, size_t size)
{
	ssize_t n = recv(fd, ret, size, MSG_DONTWAIT);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}
