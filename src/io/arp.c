/* Gratuitous ARP: sender and target are both the address. Many frames leave with one system call.
 */
#include "io/arp.h"

#include "base/byteorder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define FRAME_LEN 28
#define BATCH 64

/* Offsets in an ARP packet for Ethernet and IPv4 (RFC 826). */
enum {
	AT_HARDWARE = 0,
	AT_PROTOCOL = 2,
	AT_HARDWARE_LEN = 4,
	AT_PROTOCOL_LEN = 5,
	AT_OPERATION = 6,
	AT_SENDER_MAC = 8,
	AT_SENDER_IP = 14,
	AT_TARGET_MAC = 18,
	AT_TARGET_IP = 24,
};

int arp_open(void)
{
	/* Protocol 0: nothing is delivered to it. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static void build(uint8_t frame[static FRAME_LEN], const uint8_t mac[static ARP_MAC_LEN],
	const struct addr *addr, enum arp_form form)
{
	be16_put(frame + AT_HARDWARE, ARPHRD_ETHER);
	be16_put(frame + AT_PROTOCOL, ETH_P_IP);
	frame[AT_HARDWARE_LEN] = ARP_MAC_LEN;
	frame[AT_PROTOCOL_LEN] = 4;
	be16_put(frame + AT_OPERATION, form == ARP_REPLY ? ARPOP_REPLY : ARPOP_REQUEST);
	memcpy(frame + AT_SENDER_MAC, mac, ARP_MAC_LEN);
	memcpy(frame + AT_SENDER_IP, addr->bytes, 4);
	memset(frame + AT_TARGET_MAC, form == ARP_REPLY ? 0xff : 0, ARP_MAC_LEN);
	memcpy(frame + AT_TARGET_IP, addr->bytes, 4);
}

static int send_batch(int fd, struct sockaddr_ll *to, const uint8_t mac[static ARP_MAC_LEN],
	enum arp_form form, const struct moved *items, unsigned n)
{
	uint8_t frames[BATCH][FRAME_LEN];
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH] = {0};
	unsigned sent = 0;

	for (unsigned i = 0; i < n; i++) {
		build(frames[i], mac, &items[i].address.prefix.addr, form);
		iov[i] = (struct iovec){frames[i], FRAME_LEN};
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

static int send_form(int fd, struct sockaddr_ll *to, const uint8_t mac[static ARP_MAC_LEN],
	enum arp_form form, const struct moved *items, size_t n)
{
	for (size_t done = 0; done < n; done += BATCH) {
		unsigned batch = n - done < BATCH ? (unsigned)(n - done) : BATCH;
		int r = send_batch(fd, to, mac, form, items + done, batch);
		if (r < 0)
			return r;
	}
	return 0;
}

int arp_announce(int fd, int ifindex, const uint8_t mac[static ARP_MAC_LEN], unsigned forms,
	const struct moved *items, size_t n)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = ifindex,
		.sll_halen = ARP_MAC_LEN,
	};
	int r = 0;

	memset(to.sll_addr, 0xff, ARP_MAC_LEN);
	if (forms & ARP_REQUEST)
		r = send_form(fd, &to, mac, ARP_REQUEST, items, n);
	if (r == 0 && (forms & ARP_REPLY))
		r = send_form(fd, &to, mac, ARP_REPLY, items, n);
	return r;
}
