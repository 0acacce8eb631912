/* Sockets are connected: replies come from that host alone, and what routers say of it arrives as
 * an error. */
#include "io/echo.h"

#include "base/byteorder.h"
#include "base/cleanup.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

struct message {
	uint8_t type, code;
	uint16_t checksum;
	uint16_t id, seq;
	uint64_t token;
};

static int new_socket(uint16_t family, bool raw)
{
	int protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int fd = socket(
		family, (raw ? SOCK_RAW : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	return fd < 0 ? -errno : fd;
}

static int connect_to(int fd, const struct addr *to)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool is_v4 = to->family == AF_INET;

	memcpy(&v4.sin_addr, to->bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, to->bytes, sizeof(v6.sin6_addr));
	if (connect(fd, is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
		    is_v4 ? sizeof(v4) : sizeof(v6)) < 0)
		return -errno;
	return 0;
}

/* Without it a raw socket would get everything. */
static int filter(int fd, uint16_t family)
{
	struct icmp6_filter v6;
	uint32_t v4 = ~(1U << ICMP_ECHOREPLY); /* a set bit is a type left out */
	int r;

	ICMP6_FILTER_SETBLOCKALL(&v6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &v6);
	if (family == AF_INET)
		r = setsockopt(fd, SOL_RAW, 1 /* ICMP_FILTER of linux/icmp.h */, &v4, sizeof(v4));
	else
		r = setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &v6, sizeof(v6));
	return r < 0 ? -errno : 0;
}

int echo_open(const struct addr *to, const char *interface, struct echo *ret)
{
	struct echo e = {.family = to->family};
	auto_close int fd = new_socket(to->family, false);
	int r = 0;

	if (fd < 0) {
		e.raw = true;
		fd = new_socket(to->family, true);
		if (fd < 0)
			return fd;
		r = filter(fd, to->family);
	}
	if (r == 0 && interface &&
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
			(socklen_t)strlen(interface) + 1) < 0)
		r = -errno;
	if (r == 0)
		r = connect_to(fd, to);
	if (r == 0 && getrandom(&e.token, sizeof(e.token), GRND_NONBLOCK) < 0)
		r = -errno;
	if (r < 0)
		return r;
	e.fd = take_fd(&fd);
	*ret = e;
	return 0;
}

void echo_close(struct echo *e)
{
	cleanup_close(&e->fd);
	e->fd = -1;
}

/* RFC 1071. The kernel makes it for ping sockets and for ICMPv6. */
static uint16_t checksum(const struct message *m)
{
	uint16_t words[sizeof(*m) / 2];
	uint32_t sum = 0;

	memcpy(words, m, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

int echo_send(const struct echo *e, uint16_t seq)
{
	struct message m = {.type = e->family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
		.id = (uint16_t)e->token, /* a ping socket has its own */
		.seq = htons(seq),
		.token = e->token};

	m.checksum = checksum(&m);
	return send(e->fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static bool is_reply(const struct echo *e, const uint8_t *bytes, size_t len, uint16_t seq)
{
	size_t skip = e->raw && e->family == AF_INET && len > 0 ? (size_t)(bytes[0] & 0xf) * 4 : 0;
	struct message m;

	if (len < skip + sizeof(m))
		return false;
	memcpy(&m, bytes + skip, sizeof(m));
	return m.type == (e->family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
	       m.token == e->token && m.seq == htons(seq);
}

int echo_receive(const struct echo *e, uint16_t seq)
{
	uint8_t bytes[256];
	ssize_t n;

	while ((n = recv(e->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0)
		if (is_reply(e, bytes, (size_t)n, seq))
			return 1;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}
