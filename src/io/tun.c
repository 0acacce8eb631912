/* One packet per system call is what a TUN device gives. Headers are checked as far as they tell a
 * sync message from the noise of a device that is up (IGMP, MLD): what the kernel itself sent needs
 * no more, and nobody else can send there (the director's output rule). */
#include "io/tun.h"

#include "base/byteorder.h"
#include "base/cleanup.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define IP_HEADER_LEN 20
#define UDP_HEADER_LEN 8
#define TTL 1
#define DEFAULT_GROUP 0xe0000051u /* 224.0.0.81 */

struct addr tun_group(const struct addr *link_group)
{
	if (link_group->family == AF_INET)
		return *link_group;
	return addr_v4((struct in_addr){htonl(DEFAULT_GROUP)});
}

static int set_up(const char *name, unsigned mtu, unsigned queue_len)
{
	auto_close int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	if (s < 0)
		return -errno;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_mtu = (int)mtu;
	if (ioctl(s, SIOCSIFMTU, &request) < 0)
		return -errno;
	request.ifr_qlen = (int)queue_len;
	if (ioctl(s, SIOCSIFTXQLEN, &request) < 0)
		return -errno;
	if (ioctl(s, SIOCGIFFLAGS, &request) < 0)
		return -errno;
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	return ioctl(s, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

int tun_create(const char *name, unsigned mtu, unsigned queue_len)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	auto_close int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return -errno;
	r = set_up(name, mtu, queue_len);
	return r < 0 ? r : take_fd(&fd);
}

int tun_set_persistent(int fd, bool persistent)
{
	return ioctl(fd, TUNSETPERSIST, (unsigned long)persistent) < 0 ? -errno : 0;
}

bool tun_is_one(int fd)
{
	struct ifreq request = {0};

	return ioctl(fd, TUNGETIFF, &request) == 0 &&
	       (request.ifr_flags & (IFF_TUN | IFF_NO_PI)) == (IFF_TUN | IFF_NO_PI);
}

int tun_packet_parse(
	const uint8_t *packet, size_t len, const struct tun_flow *flow, const uint8_t **ret_message)
{
	size_t head_len, udp_len;

	if (len < IP_HEADER_LEN + UDP_HEADER_LEN || packet[0] >> 4 != 4)
		return -EBADMSG;
	head_len = (size_t)(packet[0] & 0xf) * 4;
	if (head_len < IP_HEADER_LEN || be16_get(packet + 2) != len ||
		len < head_len + UDP_HEADER_LEN)
		return -EBADMSG;
	if ((be16_get(packet + 6) & 0x3fff) != 0) /* a fragment: the device's mtu is too small */
		return -EBADMSG;
	if (packet[9] != IPPROTO_UDP || memcmp(packet + 16, &flow->group, sizeof(flow->group)) != 0)
		return -EBADMSG;
	udp_len = be16_get(packet + head_len + 4);
	if (be16_get(packet + head_len + 2) != flow->port || udp_len != len - head_len)
		return -EBADMSG;
	*ret_message = packet + head_len + UDP_HEADER_LEN;
	return (int)(udp_len - UDP_HEADER_LEN);
}

static uint16_t checksum(const uint8_t *head)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < IP_HEADER_LEN; i += 2)
		sum += be16_get(head + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

void tun_packet_head(uint8_t ret[static TUN_OVERHEAD], const struct tun_flow *flow, size_t len)
{
	assert(len <= TUN_PACKET_MAX - TUN_OVERHEAD);
	memset(ret, 0, TUN_OVERHEAD);
	ret[0] = 0x45;
	be16_put(ret + 2, (uint16_t)(TUN_OVERHEAD + len));
	ret[8] = TTL;
	ret[9] = IPPROTO_UDP;
	memcpy(ret + 16, &flow->group, sizeof(flow->group));
	be16_put(ret + 10, checksum(ret));
	be16_put(ret + IP_HEADER_LEN, flow->port);
	be16_put(ret + IP_HEADER_LEN + 2, flow->port);
	be16_put(ret + IP_HEADER_LEN + 4, (uint16_t)(UDP_HEADER_LEN + len));
	/* No UDP checksum: the message never leaves this host's memory. */
}

int tun_read(int fd, const struct tun_flow *flow, uint8_t packet[static TUN_PACKET_MAX],
	const uint8_t **ret_message)
{
	ssize_t n = read(fd, packet, TUN_PACKET_MAX);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return tun_packet_parse(packet, (size_t)n, flow, ret_message);
}

int tun_write(int fd, const struct tun_flow *flow, const void *message, size_t len)
{
	uint8_t head[TUN_OVERHEAD];
	struct iovec parts[2] = {{head, sizeof(head)}, {.iov_len = len}};

	tun_packet_head(head, flow, len);
	memcpy(&parts[1].iov_base, &message, sizeof(message)); /* writev() only reads there */
	return writev(fd, parts, 2) < 0 ? -errno : 0;
}
