/* rtnetlink for the director, which only looks: the elector has io/rtnl. One socket for news, one
 * for answers; messages are read by libnl's functions. */
#include "io/net_monitor.h"

#include "base/cleanup.h"
#include "io/rtnl_sock.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#define DATAGRAMS_A_TURN 8

struct net_monitor {
	const struct net_monitor_handler *handler;
	void *userdata;
	int news_fd, answer_fd;
	uint32_t seq;
	bool interrupted;
	_Alignas(struct nlmsghdr) uint8_t buffer[RTNL_SOCK_MAX];
};

int net_monitor_open(
	const struct net_monitor_handler *handler, void *userdata, struct net_monitor **ret)
{
	struct net_monitor *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->handler = handler;
	m->userdata = userdata;
	m->answer_fd = -1;
	r = m->news_fd = rtnl_sock_open(RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
					RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
	if (r >= 0)
		r = m->answer_fd = rtnl_sock_open(0);
	if (r < 0) {
		net_monitor_close(m);
		return r;
	}
	*ret = m;
	return 0;
}

void net_monitor_close(struct net_monitor *m)
{
	if (!m)
		return;
	cleanup_close(&m->news_fd);
	cleanup_close(&m->answer_fd);
	free(m);
}

int net_monitor_fd(const struct net_monitor *m)
{
	return m->news_fd;
}

int net_monitor_answer_fd(const struct net_monitor *m)
{
	return m->answer_fd;
}

static void tell_link(struct net_monitor *m, struct nlmsghdr *header)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];

	/* A bridge tells of its ports under AF_BRIDGE. */
	if (!nlmsg_valid_hdr(header, sizeof(*info)) || info->ifi_family != AF_UNSPEC)
		return;
	if (header->nlmsg_type == RTM_DELLINK) {
		m->handler->link_gone(info->ifi_index, m->userdata);
		return;
	}
	if (nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0 || !attrs[IFLA_IFNAME])
		return;
	m->handler->link(info->ifi_index, nla_get_string(attrs[IFLA_IFNAME]),
		info->ifi_flags & IFF_UP, info->ifi_flags & IFF_LOWER_UP, m->userdata);
}

static void tell_route(struct net_monitor *m, struct nlmsghdr *header, bool change)
{
	const struct rtmsg *info = nlmsg_data(header);
	struct nlattr *attrs[RTA_MAX + 1];
	struct addr_prefix to = {0};
	size_t len;

	if (!nlmsg_valid_hdr(header, sizeof(*info)) ||
		nlmsg_parse(header, sizeof(*info), attrs, RTA_MAX, NULL) < 0)
		return;
	if (info->rtm_flags & RTM_F_CLONED)
		return;
	if (!change && (info->rtm_type != RTN_UNICAST || (info->rtm_flags & RTNH_F_DEAD)))
		return;
	to.addr.family = info->rtm_family;
	to.prefix_len = info->rtm_dst_len;
	len = addr_len(&to.addr);
	if (len == 0)
		return;
	if (attrs[RTA_DST] && (size_t)nla_len(attrs[RTA_DST]) == len)
		memcpy(to.addr.bytes, nla_data(attrs[RTA_DST]), len);
	m->handler->route(&to, attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE]) : info->rtm_table,
		change, m->userdata);
}

static void tell(struct net_monitor *m, struct nlmsghdr *header, bool change)
{
	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		tell_link(m, header);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		tell_route(m, header, change);
		break;
	case RTM_DELADDR:
		m->handler->address_gone(m->userdata);
		break;
	}
}

int net_monitor_read(struct net_monitor *m)
{
	ssize_t n = 0;

	for (int i = 0; i < DATAGRAMS_A_TURN && (n = rtnl_sock_receive(m->news_fd, m->buffer)) > 0;
		i++) {
		struct nlmsghdr *header = (struct nlmsghdr *)(void *)m->buffer;
		for (int left = (int)n; nlmsg_ok(header, left); header = nlmsg_next(header, &left))
			tell(m, header, true);
	}
	return n < 0 ? (int)n : 0;
}

static int ask(struct net_monitor *m, uint16_t type, uint8_t family)
{
	struct {
		struct nlmsghdr header;
		union {
			struct ifinfomsg link;
			struct rtmsg route;
		} body; /* both begin with the family */
	} request = {
		.header =
			{
				.nlmsg_len = sizeof(request),
				.nlmsg_type = type,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				.nlmsg_seq = ++m->seq,
			},
		.body.link.ifi_family = family,
	};

	m->interrupted = false;
	return rtnl_sock_send(m->answer_fd, &request, sizeof(request));
}

int net_monitor_ask_links(struct net_monitor *m)
{
	return ask(m, RTM_GETLINK, AF_UNSPEC);
}

int net_monitor_ask_routes(struct net_monitor *m, uint16_t family)
{
	return ask(m, RTM_GETROUTE, (uint8_t)family);
}

/* Returns whether it was the last one. */
static bool take_answer(struct net_monitor *m, struct nlmsghdr *header)
{
	if (header->nlmsg_seq != m->seq)
		return false; /* to what was asked before */
	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		m->interrupted = true;
	if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
		return true;
	tell(m, header, false);
	return false;
}

int net_monitor_read_answer(struct net_monitor *m)
{
	ssize_t n = 0;
	bool done = false;

	for (int i = 0; !done && i < DATAGRAMS_A_TURN &&
			(n = rtnl_sock_receive(m->answer_fd, m->buffer)) > 0;
		i++) {
		struct nlmsghdr *header = (struct nlmsghdr *)(void *)m->buffer;
		for (int left = (int)n; !done && nlmsg_ok(header, left);
			header = nlmsg_next(header, &left))
			done = take_answer(m, header);
	}
	if (done)
		m->handler->told(!m->interrupted, m->userdata);
	return n < 0 ? (int)n : 0;
}
