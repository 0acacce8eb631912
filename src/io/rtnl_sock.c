#include "io/rtnl_sock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#define QUEUE_LEN (1 << 20) /* bursts of other people's changes, and a batch's errors */

int rtnl_sock_open(uint32_t groups)
{
	struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int one = 1, queue = QUEUE_LEN;
	auto_close int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	/* Without these it works too, with longer answers and a shorter queue. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
	if (bind(fd, (const struct sockaddr *)&local, sizeof(local)) < 0)
		return -errno;
	return take_fd(&fd);
}

ssize_t rtnl_sock_receive(int fd, uint8_t buffer[static RTNL_SOCK_MAX])
{
	struct sockaddr_nl from = {0};
	ssize_t n;

	do {
		socklen_t from_len = sizeof(from);
		n = recvfrom(fd, buffer, RTNL_SOCK_MAX, MSG_DONTWAIT, (struct sockaddr *)&from,
			&from_len);
	} while (n > 0 && from.nl_pid != 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n;
}

int rtnl_sock_send(int fd, const void *bytes, size_t len)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (sendto(fd, bytes, len, MSG_DONTWAIT, (const struct sockaddr *)&kernel, sizeof(kernel)) <
		0)
		return -errno;
	return 0;
}
