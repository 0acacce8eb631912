/* rtnetlink with two sockets: one for requests, whose answers are there when the request returns,
 * and one for what others change. Messages are built into one buffer and read by libnl's functions;
 * libnl's own send and receive paths would allocate, and wait. */
#include "io/rtnl.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RECEIVE_LEN 65536
#define RECEIVE_QUEUE (1 << 20) /* bursts of other people's changes, and a batch's errors */
#define DUMP_ATTEMPTS 5

/* One address in a batch. All members are multiples of four bytes: there is no padding. */
struct addr_request {
	struct nlmsghdr header;
	struct ifaddrmsg addr;
	struct rtattr local_attr;
	uint8_t local[4];
	struct rtattr address_attr;
	uint8_t address[4];
};

struct rtnl {
	const struct rtnl_handler *handler;
	void *userdata;
	int request_fd;
	int monitor_fd;
	uint32_t seq;
	struct addr_request batch[RTNL_BATCH_MAX];
	_Alignas(struct nlmsghdr) uint8_t buffer[RECEIVE_LEN];
};

/* What a batch or a dump came to. */
struct outcome {
	uint32_t first_seq, last_seq;
	size_t refused; /* answered as already so */
	int error;      /* the first other one */
	bool done, interrupted;
};

static int open_socket(uint32_t groups)
{
	struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int one = 1, queue = RECEIVE_QUEUE;
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

int rtnl_open(const struct rtnl_handler *handler, void *userdata, struct rtnl **ret)
{
	struct rtnl *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->handler = handler;
	r->userdata = userdata;
	r->monitor_fd = -1;
	r->request_fd = open_socket(0);
	if (r->request_fd >= 0)
		r->monitor_fd = open_socket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR);
	if (r->request_fd < 0 || r->monitor_fd < 0) {
		int error = r->request_fd < 0 ? r->request_fd : r->monitor_fd;
		rtnl_close(r);
		return error;
	}
	*ret = r;
	return 0;
}

void rtnl_close(struct rtnl *r)
{
	if (!r)
		return;
	cleanup_close(&r->request_fd);
	cleanup_close(&r->monitor_fd);
	free(r);
}

int rtnl_fd(const struct rtnl *r)
{
	return r->monitor_fd;
}

/* One datagram from the kernel. Returns its length, 0 when there is none, or -errno. Other
 * processes can send to a netlink socket as well: what they say is dropped. */
static ssize_t receive(int fd, uint8_t *buffer)
{
	struct sockaddr_nl from = {0};
	ssize_t n;

	do {
		socklen_t from_len = sizeof(from);
		n = recvfrom(
			fd, buffer, RECEIVE_LEN, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
	} while (n > 0 && from.nl_pid != 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n;
}

static void tell_link(struct rtnl *r, struct nlmsghdr *header)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct rtnl_link link = {0};

	if (nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0 || !attrs[IFLA_IFNAME])
		return;
	link.ifindex = info->ifi_index;
	link.name = nla_get_string(attrs[IFLA_IFNAME]);
	link.up = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_LOWER_UP);
	if (attrs[IFLA_ADDRESS] && nla_len(attrs[IFLA_ADDRESS]) == RTNL_MAC_LEN)
		memcpy(link.mac, nla_data(attrs[IFLA_ADDRESS]), RTNL_MAC_LEN);
	r->handler->link(&link, r->userdata);
}

static void tell_addr(struct rtnl *r, struct nlmsghdr *header, bool present)
{
	const struct ifaddrmsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFA_MAX + 1], *local;
	struct addr_prefix addr = {.addr.family = AF_INET};

	if (nlmsg_parse(header, sizeof(*info), attrs, IFA_MAX, NULL) < 0 ||
		info->ifa_family != AF_INET)
		return;
	local = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if (!local || nla_len(local) != 4)
		return;
	memcpy(addr.addr.bytes, nla_data(local), 4);
	addr.prefix_len = info->ifa_prefixlen;
	r->handler->addr((int)info->ifa_index, &addr, present, r->userdata);
}

/* Whether a message is about an interface as such. A bridge tells of its ports under AF_BRIDGE: an
 * RTM_DELLINK of that family is a port that left, while the interface is still there. */
static bool is_link(struct nlmsghdr *header)
{
	return nlmsg_valid_hdr(header, sizeof(struct ifinfomsg)) &&
	       ((const struct ifinfomsg *)nlmsg_data(header))->ifi_family == AF_UNSPEC;
}

static void tell(struct rtnl *r, struct nlmsghdr *header)
{
	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
		if (is_link(header))
			tell_link(r, header);
		break;
	case RTM_DELLINK:
		if (is_link(header))
			r->handler->link_gone(
				((const struct ifinfomsg *)nlmsg_data(header))->ifi_index,
				r->userdata);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (nlmsg_valid_hdr(header, sizeof(struct ifaddrmsg)))
			tell_addr(r, header, header->nlmsg_type == RTM_NEWADDR);
		break;
	}
}

int rtnl_read(struct rtnl *r)
{
	ssize_t n;

	while ((n = receive(r->monitor_fd, r->buffer)) > 0) {
		struct nlmsghdr *header = (struct nlmsghdr *)(void *)r->buffer;
		for (int left = (int)n; nlmsg_ok(header, left); header = nlmsg_next(header, &left))
			tell(r, header);
	}
	return (int)n;
}

static void note_error(const struct nlmsghdr *header, struct outcome *o)
{
	const struct nlmsgerr *e = nlmsg_data(header);

	if (header->nlmsg_seq == o->last_seq)
		o->done = true;
	if (e->error == -EEXIST || e->error == -EADDRNOTAVAIL)
		o->refused++;
	else if (e->error && !o->error)
		o->error = e->error;
}

/* Read answers on the request socket until the last one; `dump` is told. */
static int read_answers(struct rtnl *r, struct outcome *o, bool dump)
{
	ssize_t n = 0;

	while (!o->done && (n = receive(r->request_fd, r->buffer)) > 0) {
		struct nlmsghdr *header = (struct nlmsghdr *)(void *)r->buffer;
		for (int left = (int)n; nlmsg_ok(header, left);
			header = nlmsg_next(header, &left)) {
			if (header->nlmsg_seq - o->first_seq > o->last_seq - o->first_seq)
				continue; /* late answers to what was given up */
			if (header->nlmsg_flags & NLM_F_DUMP_INTR)
				o->interrupted = true;
			if (header->nlmsg_type == NLMSG_DONE)
				o->done = true;
			else if (header->nlmsg_type == NLMSG_ERROR &&
				 nlmsg_valid_hdr(header, sizeof(struct nlmsgerr)))
				note_error(header, o);
			else if (dump)
				tell(r, header);
		}
	}
	if (n < 0)
		return (int)n;
	return o->done ? o->error : -EIO;
}

static int send_bytes(struct rtnl *r, const void *bytes, size_t len)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (sendto(r->request_fd, bytes, len, MSG_DONTWAIT, (const struct sockaddr *)&kernel,
		    sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

static int dump_once(struct rtnl *r, uint16_t type, uint8_t family, bool *ret_interrupted)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info; /* the longer of the two; its first byte is the family */
	} request = {
		.header =
			{
				.nlmsg_len = sizeof(request),
				.nlmsg_type = type,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				.nlmsg_seq = ++r->seq,
			},
		.info.ifi_family = family,
	};
	struct outcome o = {.first_seq = r->seq, .last_seq = r->seq};
	int error = send_bytes(r, &request, sizeof(request));

	if (error < 0)
		return error;
	error = read_answers(r, &o, true);
	*ret_interrupted = o.interrupted;
	return error;
}

/* The kernel says when a table changed under a dump: what was told may miss something. */
static int dump(struct rtnl *r, uint16_t type, uint8_t family)
{
	bool interrupted = true;
	int error = 0;

	for (int i = 0; interrupted && i < DUMP_ATTEMPTS; i++) {
		error = dump_once(r, type, family, &interrupted);
		if (error < 0)
			return error;
	}
	return 0;
}

int rtnl_dump(struct rtnl *r)
{
	int error = dump(r, RTM_GETLINK, AF_UNSPEC);

	return error < 0 ? error : dump(r, RTM_GETADDR, AF_INET);
}

static void build_request(struct addr_request *request, enum rtnl_change change, int ifindex,
	const struct addr_prefix *addr, uint32_t seq)
{
	*request = (struct addr_request){
		.header =
			{
				.nlmsg_len = sizeof(*request),
				.nlmsg_type = change == RTNL_ADD ? RTM_NEWADDR : RTM_DELADDR,
				.nlmsg_flags = NLM_F_REQUEST,
				.nlmsg_seq = seq,
			},
		.addr =
			{
				.ifa_family = AF_INET,
				.ifa_prefixlen = addr->prefix_len,
				.ifa_index = (unsigned)ifindex,
			},
		.local_attr = {.rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL},
		.address_attr = {.rta_len = RTA_LENGTH(4), .rta_type = IFA_ADDRESS},
	};
	if (change == RTNL_ADD)
		request->header.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	memcpy(request->local, addr->addr.bytes, 4);
	memcpy(request->address, addr->addr.bytes, 4);
}

/* Only the last is acknowledged: the kernel answers each that fails anyway, in order. Removal goes
 * backwards: with the first address of a subnet the kernel removes the later ones itself, and the
 * count would be wrong. */
int rtnl_change_addresses(struct rtnl *r, enum rtnl_change change, int ifindex,
	const struct addr_prefix *addrs, size_t n, size_t *ret_changed)
{
	struct outcome o = {.first_seq = r->seq + 1, .last_seq = r->seq + (uint32_t)n};
	int error;

	*ret_changed = 0;
	if (n == 0)
		return 0;
	if (n > RTNL_BATCH_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		build_request(&r->batch[i], change, ifindex,
			&addrs[change == RTNL_ADD ? i : n - 1 - i], ++r->seq);
	r->batch[n - 1].header.nlmsg_flags |= NLM_F_ACK;
	error = send_bytes(r, r->batch, n * sizeof(r->batch[0]));
	if (error < 0)
		return error;
	error = read_answers(r, &o, false);
	*ret_changed = error < 0 ? 0 : n - o.refused;
	return error;
}
