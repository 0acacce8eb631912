/* rtnetlink with two sockets: one for requests, whose answers are there when the request returns,
 * and one for what others change. Messages are built into one buffer and read by libnl's functions;
 * libnl's own send and receive paths would allocate, and wait. */
#include "io/rtnl.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RECEIVE_LEN 65536
#define RECEIVE_QUEUE (1 << 20) /* bursts of other people's changes, and a batch's errors */
#define DUMP_ATTEMPTS 5

/* One thing in a batch, at its longest: an IPv6 route or rule. */
#define REQUEST_MAX 160
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
	bool strict;             /* no error means that it is so already */
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

/* A host may have a hundred thousand routes that come and go: the kernel does not even wake us for
 * them. Of routes and rules only those that were ours and are removed pass. Each is a message of
 * its own. The header's type is in the host's order, which a filter reads as the network's. */
static int filter_routes(int fd)
{
	enum { AT_TYPE = 4, AT_PROTOCOL = NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_protocol) };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, AT_TYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWRULE), 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, AT_PROTOCOL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RTNL_PROTOCOL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

static int join(int fd, int group)
{
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0
		       ? -errno
		       : 0;
}

static int open_monitor(bool routes)
{
	static const int groups[] = {
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE};
	auto_close int fd = open_socket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
	int r = fd < 0 ? fd : filter_routes(fd);

	for (size_t i = 0; routes && r >= 0 && i < sizeof(groups) / sizeof(groups[0]); i++)
		r = join(fd, groups[i]);
	return r < 0 ? r : take_fd(&fd);
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
		r->monitor_fd = open_monitor(handler->route_gone != NULL);
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
	link.mtu = attrs[IFLA_MTU] ? nla_get_u32(attrs[IFLA_MTU]) : 0;
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

/* No attribute: all destinations. */
static bool read_destination(struct nlattr *attr, size_t len, void *ret)
{
	if (!attr)
		return true;
	if ((size_t)nla_len(attr) != len)
		return false;
	memcpy(ret, nla_data(attr), len);
	return true;
}

static void tell_route_gone(struct rtnl *r, struct nlmsghdr *header)
{
	const struct rtmsg *info = nlmsg_data(header);
	struct nlattr *attrs[RTA_MAX + 1];
	struct moved what = {.kind = MOVED_ROUTE};
	struct addr_prefix *to = &what.route.to;

	if (!nlmsg_valid_hdr(header, sizeof(*info)) || info->rtm_protocol != RTNL_PROTOCOL ||
		nlmsg_parse(header, sizeof(*info), attrs, RTA_MAX, NULL) < 0)
		return;
	to->addr.family = info->rtm_family;
	to->prefix_len = info->rtm_dst_len;
	if (!addr_len(&to->addr) ||
		!read_destination(attrs[RTA_DST], addr_len(&to->addr), to->addr.bytes))
		return;
	what.route.table = attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE]) : info->rtm_table;
	r->handler->route_gone(&what, r->userdata);
}

static void tell_rule_gone(struct rtnl *r, struct nlmsghdr *header)
{
	const struct fib_rule_hdr *info = nlmsg_data(header);
	struct nlattr *attrs[FRA_MAX + 1];
	struct moved what = {.kind = MOVED_RULE};

	if (!nlmsg_valid_hdr(header, sizeof(*info)) ||
		nlmsg_parse(header, sizeof(*info), attrs, FRA_MAX, NULL) < 0 ||
		!attrs[FRA_PRIORITY] || !attrs[FRA_PROTOCOL] ||
		nla_get_u8(attrs[FRA_PROTOCOL]) != RTNL_PROTOCOL)
		return;
	what.rule.family = info->family;
	what.rule.priority = nla_get_u32(attrs[FRA_PRIORITY]);
	r->handler->route_gone(&what, r->userdata);
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
	case RTM_DELROUTE:
		tell_route_gone(r, header);
		break;
	case RTM_DELRULE:
		tell_rule_gone(r, header);
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

/* An interface or a kernel without IPv6 has no IPv6 address to remove. ESRCH is said of a route,
 * and ENOENT of a rule. */
static bool is_so_already(const struct outcome *o, int error)
{
	if (o->strict)
		return false;
	if (o->change == RTNL_ADD)
		return error == -EEXIST;
	return error == -EADDRNOTAVAIL || error == -ENXIO || error == -EOPNOTSUPP ||
	       error == -ESRCH || error == -ENOENT || error == -EAFNOSUPPORT;
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

/* The data here is whole words, or a text. */
static void put_attr(struct nlmsghdr *m, uint16_t type, const void *data, size_t len)
{
	struct rtattr attr = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
	uint8_t *at = (uint8_t *)m + m->nlmsg_len;

	memset(at, 0, RTA_SPACE(len));
	memcpy(at, &attr, sizeof(attr));
	if (len > 0)
		memcpy(at + sizeof(attr), data, len);
	m->nlmsg_len += RTA_SPACE(len);
}

static void put_u32(struct nlmsghdr *m, uint16_t type, uint32_t value)
{
	put_attr(m, type, &value, sizeof(value));
}

static void put_addr(struct nlmsghdr *m, uint16_t type, const struct addr *addr)
{
	if (addr->family)
		put_attr(m, type, addr->bytes, addr_len(addr));
}

static void *begin_request(struct nlmsghdr *m, uint16_t type, size_t body_len)
{
	*m = (struct nlmsghdr){.nlmsg_len = (uint32_t)NLMSG_LENGTH(body_len),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST};
	memset(nlmsg_data(m), 0, body_len);
	return nlmsg_data(m);
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

static void build_address(
	struct nlmsghdr *m, enum rtnl_change change, int ifindex, const struct moved_address *a)
{
	bool add = change == RTNL_ADD;
	struct ifaddrmsg *body = begin_request(m, add ? RTM_NEWADDR : RTM_DELADDR, sizeof(*body));

	body->ifa_family = (uint8_t)a->prefix.addr.family;
	body->ifa_prefixlen = a->prefix.prefix_len;
	body->ifa_index = (unsigned)ifindex;
	put_addr(m, IFA_LOCAL, &a->prefix.addr);
	put_addr(m, IFA_ADDRESS, &a->prefix.addr);
	if (!add)
		return;
	body->ifa_scope = a->scope;
	if (*a->label)
		put_attr(m, IFA_LABEL, a->label, strlen(a->label) + 1);
	if (a->prefix.addr.family == AF_INET6)
		put_ipv6_terms(m);
}

static uint8_t kernels_type(enum moved_route_type type)
{
	switch (type) {
	case MOVED_BLACKHOLE:
		return RTN_BLACKHOLE;
	case MOVED_UNREACHABLE:
		return RTN_UNREACHABLE;
	case MOVED_PROHIBIT:
		return RTN_PROHIBIT;
	case MOVED_UNICAST:
	case MOVED_ROUTE_TYPE_MAX_:
		break;
	}
	return RTN_UNICAST;
}

/* Without a gateway the destination is on the link; IPv6 has no such scope. */
static uint8_t scope_of(const struct moved_route *r)
{
	return r->to.addr.family == AF_INET && r->type == MOVED_UNICAST && !r->via.family
		       ? RT_SCOPE_LINK
		       : RT_SCOPE_UNIVERSE;
}

static void build_route(
	struct nlmsghdr *m, enum rtnl_change change, int ifindex, const struct moved_route *r)
{
	bool add = change == RTNL_ADD;
	struct rtmsg *body = begin_request(m, add ? RTM_NEWROUTE : RTM_DELROUTE, sizeof(*body));

	body->rtm_family = (uint8_t)r->to.addr.family;
	body->rtm_dst_len = r->to.prefix_len;
	body->rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC;
	body->rtm_protocol = RTNL_PROTOCOL;
	body->rtm_scope = scope_of(r);
	body->rtm_type = kernels_type((enum moved_route_type)r->type);
	body->rtm_flags = r->onlink ? RTNH_F_ONLINK : 0;
	if (r->to.prefix_len > 0)
		put_addr(m, RTA_DST, &r->to.addr);
	put_addr(m, RTA_GATEWAY, &r->via);
	put_addr(m, RTA_PREFSRC, &r->src);
	put_u32(m, RTA_TABLE, r->table);
	if (r->metric)
		put_u32(m, RTA_PRIORITY, r->metric);
	if (ifindex)
		put_u32(m, RTA_OIF, (uint32_t)ifindex);
}

static void build_rule(struct nlmsghdr *m, enum rtnl_change change, const struct moved_rule *r)
{
	static const uint8_t protocol = RTNL_PROTOCOL;
	bool add = change == RTNL_ADD;
	struct fib_rule_hdr *body =
		begin_request(m, add ? RTM_NEWRULE : RTM_DELRULE, sizeof(*body));

	body->family = (uint8_t)r->family;
	body->src_len = r->from.prefix_len;
	body->dst_len = r->to.prefix_len;
	body->table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC;
	body->action = FR_ACT_TO_TBL;
	put_addr(m, FRA_SRC, &r->from.addr);
	put_addr(m, FRA_DST, &r->to.addr);
	if (*r->iif)
		put_attr(m, FRA_IIFNAME, r->iif, strlen(r->iif) + 1);
	if (r->mark)
		put_u32(m, FRA_FWMARK, r->mark);
	put_u32(m, FRA_PRIORITY, r->priority);
	put_u32(m, FRA_TABLE, r->table);
	put_attr(m, FRA_PROTOCOL, &protocol, sizeof(protocol));
}

/* Returns the message's length. */
static size_t build_request(struct nlmsghdr *m, enum rtnl_change change, int ifindex,
	const struct moved *what, uint32_t seq)
{
	switch ((enum moved_kind)what->kind) {
	case MOVED_ROUTE:
		build_route(m, change, ifindex, &what->route);
		break;
	case MOVED_RULE:
		build_rule(m, change, &what->rule);
		break;
	case MOVED_ADDRESS:
	case MOVED_KIND_MAX_:
		build_address(m, change, ifindex, &what->address);
		break;
	}
	m->nlmsg_seq = seq;
	if (change == RTNL_ADD)
		m->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	return m->nlmsg_len;
}

/* Only the last is acknowledged: the kernel answers each that fails anyway, in order. Removal goes
 * backwards: with the first address of a subnet the kernel removes the later ones itself, and the
 * count would be wrong. */
static size_t build_batch(
	struct rtnl *r, enum rtnl_change change, int ifindex, const struct moved *items, size_t n)
{
	struct nlmsghdr *m = NULL;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		m = (struct nlmsghdr *)(void *)(r->batch + len);
		len += build_request(
			m, change, ifindex, &items[change == RTNL_ADD ? i : n - 1 - i], ++r->seq);
	}
	if (m)
		m->nlmsg_flags |= NLM_F_ACK;
	return len;
}

int rtnl_change(struct rtnl *r, enum rtnl_change change, int ifindex, const struct moved *items,
	size_t n, size_t *ret_changed)
{
	struct outcome o = {
		.first_seq = r->seq + 1, .last_seq = r->seq + (uint32_t)n, .change = change};
	int error;

	*ret_changed = 0;
	if (n == 0)
		return 0;
	if (n > RTNL_BATCH_MAX)
		return -E2BIG;
	error = send_bytes(r, r->batch, build_batch(r, change, ifindex, items, n));
	if (error < 0)
		return error;
	error = read_answers(r, &o, false);
	*ret_changed = error < 0 ? 0 : n - o.refused;
	return error;
}

/* --- Links --- */

static int exchange(struct rtnl *r, const struct nlmsghdr *m)
{
	struct outcome o = {.first_seq = r->seq, .last_seq = r->seq, .strict = true};
	int error = send_bytes(r, m, m->nlmsg_len);

	return error < 0 ? error : read_answers(r, &o, false);
}

static struct nlmsghdr *begin_link(struct rtnl *r, uint16_t type, int ifindex)
{
	struct nlmsghdr *m = (struct nlmsghdr *)(void *)r->batch;
	struct ifinfomsg *body = begin_request(m, type, sizeof(*body));

	body->ifi_index = ifindex;
	m->nlmsg_flags |= NLM_F_ACK;
	m->nlmsg_seq = ++r->seq;
	return m;
}

static uint32_t begin_nest(struct nlmsghdr *m, uint16_t type)
{
	uint32_t at = m->nlmsg_len;

	put_attr(m, type, NULL, 0);
	return at;
}

static void end_nest(struct nlmsghdr *m, uint32_t at)
{
	uint16_t len = (uint16_t)(m->nlmsg_len - at);

	memcpy((uint8_t *)m + at + offsetof(struct rtattr, rta_len), &len, sizeof(len));
}

static void put_text(struct nlmsghdr *m, uint16_t type, const char *text)
{
	put_attr(m, type, text, strlen(text) + 1);
}

static void put_macvlan(
	struct nlmsghdr *m, const char *name, int parent, const uint8_t mac[static RTNL_MAC_LEN])
{
	uint32_t info, data;

	put_text(m, IFLA_IFNAME, name);
	put_u32(m, IFLA_LINK, (uint32_t)parent);
	put_attr(m, IFLA_ADDRESS, mac, RTNL_MAC_LEN);
	info = begin_nest(m, IFLA_LINKINFO);
	put_text(m, IFLA_INFO_KIND, "macvlan");
	data = begin_nest(m, IFLA_INFO_DATA);
	put_u32(m, IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE);
	end_nest(m, data);
	end_nest(m, info);
}

/* Of IPv4 as sysctl(8) would set it. Packets arrive there whose answers leave by the parent. */
static void put_silence(struct nlmsghdr *m, uint32_t rp_filter)
{
	static const uint8_t no_addresses = IN6_ADDR_GEN_MODE_NONE;
	uint32_t families = begin_nest(m, IFLA_AF_SPEC), family, settings;

	family = begin_nest(m, AF_INET);
	settings = begin_nest(m, IFLA_INET_CONF);
	put_u32(m, IPV4_DEVCONF_ARP_IGNORE, 1);
	put_u32(m, IPV4_DEVCONF_ARP_ANNOUNCE, 2);
	put_u32(m, IPV4_DEVCONF_RP_FILTER, rp_filter);
	put_u32(m, IPV4_DEVCONF_PROMOTE_SECONDARIES, 1);
	end_nest(m, settings);
	end_nest(m, family);
	family = begin_nest(m, AF_INET6);
	put_attr(m, IFLA_INET6_ADDR_GEN_MODE, &no_addresses, sizeof(no_addresses));
	end_nest(m, family);
	end_nest(m, families);
}

/* The kernel takes these settings of a device that is there, not with its creation. */
int rtnl_add_macvlan(struct rtnl *r, const char *name, int parent,
	const uint8_t mac[static RTNL_MAC_LEN], uint32_t rp_filter)
{
	struct nlmsghdr *m = begin_link(r, RTM_NEWLINK, 0);
	int error;

	m->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	put_macvlan(m, name, parent, mac);
	error = exchange(r, m);
	if (error < 0)
		return error;
	m = begin_link(r, RTM_NEWLINK, 0);
	put_text(m, IFLA_IFNAME, name);
	put_silence(m, rp_filter);
	return exchange(r, m);
}

int rtnl_set_up(struct rtnl *r, int ifindex, bool up)
{
	struct nlmsghdr *m = begin_link(r, RTM_NEWLINK, ifindex);
	struct ifinfomsg *body = nlmsg_data(m);

	body->ifi_flags = up ? IFF_UP : 0;
	body->ifi_change = IFF_UP;
	return exchange(r, m);
}

int rtnl_remove_link(struct rtnl *r, int ifindex)
{
	struct nlmsghdr *m = begin_link(r, RTM_DELLINK, ifindex);

	return exchange(r, m);
}
