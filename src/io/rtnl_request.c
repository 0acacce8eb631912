#include "io/rtnl_request.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#define FOREVER 0xffffffffU /* as a lifetime */

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

static void put_text(struct nlmsghdr *m, uint16_t type, const char *text)
{
	put_attr(m, type, text, strlen(text) + 1);
}

static void put_addr(struct nlmsghdr *m, uint16_t type, const struct addr *addr)
{
	if (addr->family)
		put_attr(m, type, addr->bytes, addr_len(addr));
}

void *rtnl_request_begin(struct nlmsghdr *m, uint16_t type, size_t body_len)
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
	struct ifaddrmsg *body =
		rtnl_request_begin(m, add ? RTM_NEWADDR : RTM_DELADDR, sizeof(*body));

	body->ifa_family = (uint8_t)a->prefix.addr.family;
	body->ifa_prefixlen = a->prefix.prefix_len;
	body->ifa_index = (unsigned)ifindex;
	put_addr(m, IFA_LOCAL, &a->prefix.addr);
	put_addr(m, IFA_ADDRESS, &a->prefix.addr);
	if (!add)
		return;
	body->ifa_scope = a->scope;
	if (*a->label)
		put_text(m, IFA_LABEL, a->label);
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
	struct rtmsg *body =
		rtnl_request_begin(m, add ? RTM_NEWROUTE : RTM_DELROUTE, sizeof(*body));

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
		rtnl_request_begin(m, add ? RTM_NEWRULE : RTM_DELRULE, sizeof(*body));

	body->family = (uint8_t)r->family;
	body->src_len = r->from.prefix_len;
	body->dst_len = r->to.prefix_len;
	body->table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC;
	body->action = FR_ACT_TO_TBL;
	put_addr(m, FRA_SRC, &r->from.addr);
	put_addr(m, FRA_DST, &r->to.addr);
	if (*r->iif)
		put_text(m, FRA_IIFNAME, r->iif);
	if (r->mark)
		put_u32(m, FRA_FWMARK, r->mark);
	put_u32(m, FRA_PRIORITY, r->priority);
	put_u32(m, FRA_TABLE, r->table);
	put_attr(m, FRA_PROTOCOL, &protocol, sizeof(protocol));
}

size_t rtnl_request_moved(struct nlmsghdr *m, enum rtnl_change change, int ifindex,
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

/* Links */

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

void rtnl_request_macvlan(
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
void rtnl_request_silence(struct nlmsghdr *m, const char *name, uint32_t rp_filter)
{
	static const uint8_t no_addresses = IN6_ADDR_GEN_MODE_NONE;
	uint32_t families, family, settings;

	put_text(m, IFLA_IFNAME, name);
	families = begin_nest(m, IFLA_AF_SPEC);
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
