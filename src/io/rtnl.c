/* rtnetlink with two sockets: one for requests, whose answers are there when the request returns,
 * and one for what others change. Messages are built into one buffer (rtnl_request.c) and read by
 * libnl's functions; libnl's own send and receive paths would allocate, and wait. */
#include "io/rtnl.h"

#include "base/cleanup.h"
#include "io/rtnl_request.h"
#include "io/rtnl_sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DUMP_ATTEMPTS 5

struct rtnl {
	const struct rtnl_handler *handler;
	void *userdata;
	int request_fd;
	int monitor_fd;
	uint32_t seq;
	_Alignas(struct nlmsghdr) uint8_t batch[RTNL_BATCH_MAX * RTNL_REQUEST_MAX];
	_Alignas(struct nlmsghdr) uint8_t buffer[RTNL_SOCK_MAX];
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
	auto_close int fd = rtnl_sock_open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
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
	r->request_fd = rtnl_sock_open(0);
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
	if (r->handler->link)
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
	if (r->handler->addr)
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
		if (is_link(header) && r->handler->link_gone)
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

	while ((n = rtnl_sock_receive(r->monitor_fd, r->buffer)) > 0) {
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

	while (!o->done && (n = rtnl_sock_receive(r->request_fd, r->buffer)) > 0) {
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
	int error = rtnl_sock_send(r->request_fd, &request, sizeof(request));

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
		len += rtnl_request_moved(
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
	error = rtnl_sock_send(r->request_fd, r->batch, build_batch(r, change, ifindex, items, n));
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
	int error = rtnl_sock_send(r->request_fd, m, m->nlmsg_len);

	return error < 0 ? error : read_answers(r, &o, false);
}

static struct nlmsghdr *begin_link(struct rtnl *r, uint16_t type, int ifindex)
{
	struct nlmsghdr *m = (struct nlmsghdr *)(void *)r->batch;
	struct ifinfomsg *body = rtnl_request_begin(m, type, sizeof(*body));

	body->ifi_index = ifindex;
	m->nlmsg_flags |= NLM_F_ACK;
	m->nlmsg_seq = ++r->seq;
	return m;
}

/* The kernel takes these settings of a device that is there, not with its creation. */
int rtnl_add_macvlan(struct rtnl *r, const char *name, int parent,
	const uint8_t mac[static RTNL_MAC_LEN], uint32_t rp_filter)
{
	struct nlmsghdr *m = begin_link(r, RTM_NEWLINK, 0);
	int error;

	m->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	rtnl_request_macvlan(m, name, parent, mac);
	error = exchange(r, m);
	if (error < 0)
		return error;
	m = begin_link(r, RTM_NEWLINK, 0);
	rtnl_request_silence(m, name, rp_filter);
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
