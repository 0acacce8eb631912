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

/* One address in a batch, at its longest: IPv6, with lifetimes. */
#define REQUEST_MAX                                                                                \
	(NLMSG_HDRLEN + sizeof(struct ifaddrmsg) + 2 * RTA_LENGTH(16) +                            \
		RTA_LENGTH(sizeof(struct ifa_cacheinfo)))
#define FOREVER 0xffffffffU /* as a lifetime */

struct rtnl {
	const struct rtnl_handler *handler;
	void *userdata;
	int request_fd;
	int monitor_fd;
	uint32_t seq;
	_Alignas(struct nlmsghdr) uint8_t batch[RTNL_BATCH_MAX * REQUEST_MAX];
	_Alignas(struct nlmsghdr) uint8_t buffer[RECEIVE_LEN];
};

/* What a batch or a dump came to. */
struct outcome {
	uint32_t first_seq, last_seq;
	enum rtnl_change change; /* a batch's */
	size_t refused;          /* answered as already so */
	int error;               /* the first other one */
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
		r->monitor_fd = open_socket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
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

/* Not while, or after, another host was found to have it (RFC 4862, 5.4): the kernel tells again of
 * one that may be used. */
static bool is_usable(const struct ifaddrmsg *info)
{
	return !(info->ifa_flags & IFA_F_DADFAILED) &&
	       (!(info->ifa_flags & IFA_F_TENTATIVE) || info->ifa_flags & IFA_F_OPTIMISTIC);
}

static void tell_addr(struct rtnl *r, struct nlmsghdr *header, bool present)
{
	const struct ifaddrmsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFA_MAX + 1], *local;
	struct addr_prefix addr = {.addr.family = info->ifa_family};
	size_t len = addr_len(&addr.addr);

	if (len == 0 || nlmsg_parse(header, sizeof(*info), attrs, IFA_MAX, NULL) < 0)
		return;
	local = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if (!local || (size_t)nla_len(local) != len || (present && !is_usable(info)))
		return;
	memcpy(addr.addr.bytes, nla_data(local), len);
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

/* An interface or a kernel without IPv6 has no IPv6 address to remove. */
static bool is_so_already(const struct outcome *o, int error)
{
	if (o->change == RTNL_ADD)
		return error == -EEXIST;
	return error == -EADDRNOTAVAIL || error == -ENXIO || error == -EOPNOTSUPP;
}

static void note_error(const struct nlmsghdr *header, struct outcome *o)
{
	const struct nlmsgerr *e = nlmsg_data(header);

	if (header->nlmsg_seq == o->last_seq)
		o->done = true;
	if (is_so_already(o, e->error))
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

	return error < 0 ? error : dump(r, RTM_GETADDR, AF_UNSPEC);
}

static void put_attr(struct nlmsghdr *m, uint16_t type, const void *data, size_t len)
{
	struct rtattr attr = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
	uint8_t *at = (uint8_t *)m + m->nlmsg_len;

	memcpy(at, &attr, sizeof(attr));
	memcpy(at + sizeof(attr), data, len);
	m->nlmsg_len += attr.rta_len; /* all data here is whole words: there is no padding */
}

/* An IPv6 address is there at once, without asking the link whether somebody has it: the election
 * decides that. It is deprecated from the beginning, because the kernel would otherwise prefer it,
 * being the newest, as the source of this host's own connections; an IPv4 address that shares a
 * subnet is secondary, which comes to the same. */
static void put_ipv6_terms(struct nlmsghdr *m)
{
	static const struct ifa_cacheinfo lifetime = {.ifa_prefered = 0, .ifa_valid = FOREVER};
	struct ifaddrmsg *body = nlmsg_data(m);

	body->ifa_flags = IFA_F_NODAD;
	put_attr(m, IFA_CACHEINFO, &lifetime, sizeof(lifetime));
}

/* Returns the message's length. */
static size_t build_request(struct nlmsghdr *m, enum rtnl_change change, int ifindex,
	const struct addr_prefix *addr, uint32_t seq)
{
	size_t len = addr_len(&addr->addr);
	struct ifaddrmsg body = {
		.ifa_family = (uint8_t)addr->addr.family,
		.ifa_prefixlen = addr->prefix_len,
		.ifa_index = (unsigned)ifindex,
	};

	*m = (struct nlmsghdr){
		.nlmsg_len = NLMSG_LENGTH(sizeof(body)),
		.nlmsg_type = change == RTNL_ADD ? RTM_NEWADDR : RTM_DELADDR,
		.nlmsg_flags = NLM_F_REQUEST,
		.nlmsg_seq = seq,
	};
	memcpy(nlmsg_data(m), &body, sizeof(body));
	put_attr(m, IFA_LOCAL, addr->addr.bytes, len);
	put_attr(m, IFA_ADDRESS, addr->addr.bytes, len);
	if (change == RTNL_ADD)
		m->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	if (change == RTNL_ADD && addr->addr.family == AF_INET6)
		put_ipv6_terms(m);
	return m->nlmsg_len;
}

/* Only the last is acknowledged: the kernel answers each that fails anyway, in order. Removal goes
 * backwards: with the first address of a subnet the kernel removes the later ones itself, and the
 * count would be wrong. */
static size_t build_batch(struct rtnl *r, enum rtnl_change change, int ifindex,
	const struct addr_prefix *addrs, size_t n)
{
	struct nlmsghdr *m = NULL;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		m = (struct nlmsghdr *)(void *)(r->batch + len);
		len += build_request(
			m, change, ifindex, &addrs[change == RTNL_ADD ? i : n - 1 - i], ++r->seq);
	}
	if (m)
		m->nlmsg_flags |= NLM_F_ACK;
	return len;
}

int rtnl_change_addresses(struct rtnl *r, enum rtnl_change change, int ifindex,
	const struct addr_prefix *addrs, size_t n, size_t *ret_changed)
{
	struct outcome o = {
		.first_seq = r->seq + 1, .last_seq = r->seq + (uint32_t)n, .change = change};
	int error;

	*ret_changed = 0;
	if (n == 0)
		return 0;
	if (n > RTNL_BATCH_MAX)
		return -E2BIG;
	error = send_bytes(r, r->batch, build_batch(r, change, ifindex, addrs, n));
	if (error < 0)
		return error;
	error = read_answers(r, &o, false);
	*ret_changed = error < 0 ? 0 : n - o.refused;
	return error;
}
