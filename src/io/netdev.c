/* rtnetlink for programs that may wait. Messages are built and read by libnl; what a tunnel's
 * device is made of differs in the number of an attribute from kind to kind, and is a table here.
 */
#include "io/netdev.h"

/* Before the kernel's headers, which then leave out what both have. */
#include <net/if.h>

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#define DUMP_TRIES 5

struct netdev {
	struct nl_sock *sock;
};

static const struct {
	const char *name;
	int local, remote;
	uint16_t family; /* of the outer packet */
} kinds[REALSERVER_KIND_MAX_] = {
	[REALSERVER_PLAIN] = {"", 0, 0, 0},
	[REALSERVER_IPIP] = {"ipip", IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE, AF_INET},
	[REALSERVER_SIT] = {"sit", IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE, AF_INET},
	[REALSERVER_IP6TNL] = {"ip6tnl", IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE, AF_INET6},
	[REALSERVER_GRE] = {"gre", IFLA_GRE_LOCAL, IFLA_GRE_REMOTE, AF_INET},
	[REALSERVER_IP6GRE] = {"ip6gre", IFLA_GRE_LOCAL, IFLA_GRE_REMOTE, AF_INET6},
};

/* The kernel's errors come through libnl as its own, which are fewer. */
static int translate(int r)
{
	switch (-r) {
	case 0:
		return 0;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_NOADDR:
		return -EADDRNOTAVAIL;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_INVAL:
		return -EINVAL;
	case NLE_BUSY:
		return -EBUSY;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	}
	return r < 0 ? -EIO : 0;
}

int netdev_open(struct netdev **ret)
{
	struct netdev *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->sock = nl_socket_alloc();
	r = n->sock ? translate(nl_connect(n->sock, NETLINK_ROUTE)) : -ENOMEM;
	if (r < 0) {
		netdev_close(n);
		return r;
	}
	*ret = n;
	return 0;
}

void netdev_close(struct netdev *n)
{
	if (!n)
		return;
	nl_socket_free(n->sock);
	free(n);
}

/* --- Reading --- */

struct reading {
	struct realserver_have *have;
	int error;
};

/* Room for one more of *n elements, zeroed; NULL and an error noted when there is no memory. */
static void *append(struct reading *r, void **array, size_t *n, size_t size)
{
	char *bigger = reallocarray(*array, *n + 1, size);

	if (!bigger) {
		r->error = -ENOMEM;
		return NULL;
	}
	*array = bigger;
	bigger += (*n)++ * size;
	memset(bigger, 0, size);
	return bigger;
}

#define append_to(r, array, n)                                                                     \
	({                                                                                         \
		void *array_ = (array);                                                            \
		__typeof__(array) new_ = append((r), &array_, &(n), sizeof(*(array)));             \
		(array) = array_;                                                                  \
		new_;                                                                              \
	})

static void take_addr(const struct nlattr *attr, uint16_t family, struct addr *ret)
{
	struct addr addr = {.family = family};

	if (!attr || nla_len(attr) < (int)addr_len(&addr))
		return;
	memcpy(addr.bytes, nla_data(attr), addr_len(&addr));
	if (!addr_is_zero(&addr))
		*ret = addr;
}

static enum realserver_kind kind_by_name(const char *name)
{
	for (int kind = REALSERVER_PLAIN + 1; kind < REALSERVER_KIND_MAX_; kind++)
		if (strcmp(kinds[kind].name, name) == 0)
			return (enum realserver_kind)kind;
	return REALSERVER_PLAIN;
}

static bool is_gre(enum realserver_kind kind)
{
	return kind == REALSERVER_GRE || kind == REALSERVER_IP6GRE;
}

static void read_tunnel(struct nlattr *data, struct realserver_link *link)
{
	/* The attributes of both families of tunnels; the lower numbers differ in meaning. */
	struct nlattr *attrs[IFLA_GRE_MAX + 1];
	struct addr remote = {0};

	if (nla_parse_nested(attrs, IFLA_GRE_MAX, data, NULL) < 0)
		return;
	take_addr(attrs[kinds[link->kind].local], kinds[link->kind].family, &link->local);
	take_addr(attrs[kinds[link->kind].remote], kinds[link->kind].family, &remote);
	link->has_remote = remote.family != 0;
	if (is_gre(link->kind) && attrs[IFLA_GRE_IFLAGS])
		link->checksum = nla_get_u16(attrs[IFLA_GRE_IFLAGS]) & GRE_CSUM;
	/* One that takes a single protocol is of no use to services of the other. */
	if (link->kind == REALSERVER_IP6TNL && link->local.family && attrs[IFLA_IPTUN_PROTO] &&
		nla_get_u8(attrs[IFLA_IPTUN_PROTO]) != 0)
		link->kind = REALSERVER_PLAIN;
}

static void read_kind(struct nlattr *info, struct realserver_link *link)
{
	struct nlattr *attrs[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(attrs, IFLA_INFO_MAX, info, NULL) < 0 || !attrs[IFLA_INFO_KIND])
		return;
	link->kind = kind_by_name(nla_get_string(attrs[IFLA_INFO_KIND]));
	if (link->kind != REALSERVER_PLAIN && attrs[IFLA_INFO_DATA])
		read_tunnel(attrs[IFLA_INFO_DATA], link);
}

static void read_link(struct reading *r, struct nlmsghdr *header)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct realserver_link *link;

	if (info->ifi_family != AF_UNSPEC ||
		nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0 ||
		!attrs[IFLA_IFNAME])
		return;
	link = append_to(r, r->have->links, r->have->n_links);
	if (!link)
		return;
	(void)nla_strlcpy(link->name, attrs[IFLA_IFNAME], sizeof(link->name));
	link->ifindex = info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	link->loopback = info->ifi_flags & IFF_LOOPBACK;
	link->arp = !(info->ifi_flags & (IFF_LOOPBACK | IFF_NOARP | IFF_POINTOPOINT));
	link->mtu = attrs[IFLA_MTU] ? nla_get_u32(attrs[IFLA_MTU]) : 0;
	if (attrs[IFLA_LINKINFO])
		read_kind(attrs[IFLA_LINKINFO], link);
}

static void read_address(struct reading *r, struct nlmsghdr *header)
{
	const struct ifaddrmsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFA_MAX + 1];
	struct realserver_address *address;

	if (nlmsg_parse(header, sizeof(*info), attrs, IFA_MAX, NULL) < 0)
		return;
	address = append_to(r, r->have->addresses, r->have->n_addresses);
	if (!address)
		return;
	address->ifindex = (int)info->ifa_index;
	address->addr.prefix_len = info->ifa_prefixlen;
	take_addr(attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS], info->ifa_family,
		&address->addr.addr);
}

/* Routes come in the order in which the kernel prefers them. */
static void read_route(struct reading *r, struct nlmsghdr *header)
{
	const struct rtmsg *info = nlmsg_data(header);
	struct nlattr *attrs[RTA_MAX + 1];
	struct realserver_route *route;

	if (nlmsg_parse(header, sizeof(*info), attrs, RTA_MAX, NULL) < 0 ||
		info->rtm_dst_len != 0 || info->rtm_table != RT_TABLE_MAIN ||
		info->rtm_type != RTN_UNICAST)
		return;
	route = append_to(r, r->have->routes, r->have->n_routes);
	if (!route)
		return;
	route->family = info->rtm_family;
	take_addr(attrs[RTA_GATEWAY], info->rtm_family, &route->gateway);
}

static int take_message(struct nl_msg *msg, void *userdata)
{
	struct reading *r = userdata;
	struct nlmsghdr *header = nlmsg_hdr(msg);

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
		read_link(r, header);
		break;
	case RTM_NEWADDR:
		read_address(r, header);
		break;
	case RTM_NEWROUTE:
		read_route(r, header);
		break;
	}
	return NL_OK;
}

static int dump_once(struct netdev *n, int type, struct reading *r)
{
	/* The longest of the three headers; each begins with the family, AF_UNSPEC. */
	struct ifinfomsg any = {0};
	int result = nl_send_simple(n->sock, type, NLM_F_DUMP, &any, sizeof(any));

	if (result >= 0)
		result = nl_recvmsgs_default(n->sock);
	return r->error < 0 ? r->error : translate(result < 0 ? result : 0);
}

/* The kernel says when a table changed under a dump. */
static int dump(struct netdev *n, int type, struct reading *r, size_t *count)
{
	int result = 0;

	for (int i = 0; i < DUMP_TRIES; i++) {
		*count = 0;
		result = dump_once(n, type, r);
		if (result != -EAGAIN)
			break;
	}
	return result;
}

int netdev_read(struct netdev *n, struct realserver_have *have)
{
	struct reading r = {.have = have};
	int result;

	result = nl_socket_modify_cb(n->sock, NL_CB_VALID, NL_CB_CUSTOM, take_message, &r);
	if (result == 0)
		result = dump(n, RTM_GETLINK, &r, &have->n_links);
	if (result == 0)
		result = dump(n, RTM_GETADDR, &r, &have->n_addresses);
	if (result == 0)
		result = dump(n, RTM_GETROUTE, &r, &have->n_routes);
	(void)nl_socket_modify_cb(n->sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	return result;
}

/* --- Changing --- */

static struct nl_msg *begin(int type, int flags, const void *header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_ACK | flags);

	if (msg && nlmsg_append(msg, (void *)(uintptr_t)header, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* Takes the message; what did not fit into it is told by `put`. */
static int finish(struct netdev *n, struct nl_msg *msg, int put)
{
	if (put < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return translate(nl_send_sync(n->sock, msg));
}

static int put_tunnel(
	struct nl_msg *msg, enum realserver_kind kind, const struct addr *local, bool checksum)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO), *data;
	int r = info ? nla_put_string(msg, IFLA_INFO_KIND, kinds[kind].name) : -NLE_NOMEM;

	data = r == 0 ? nla_nest_start(msg, IFLA_INFO_DATA) : NULL;
	if (!data)
		return -NLE_NOMEM;
	if (local->family)
		r = nla_put(msg, kinds[kind].local, (int)addr_len(local), local->bytes);
	if (r == 0 && checksum)
		r = nla_put_u16(msg, IFLA_GRE_IFLAGS, GRE_CSUM);
	/* Both families inside; and from a director that sends by an address which is here too. */
	if (r == 0 && kind == REALSERVER_IP6TNL)
		r = nla_put_u8(msg, IFLA_IPTUN_PROTO, 0);
	if (r == 0 && kind == REALSERVER_IP6TNL)
		r = nla_put_u32(msg, IFLA_IPTUN_FLAGS, IP6_TNL_F_ALLOW_LOCAL_REMOTE);
	(void)nla_nest_end(msg, data);
	(void)nla_nest_end(msg, info);
	return r;
}

static bool exists(const char *name)
{
	return if_nametoindex(name) != 0;
}

int netdev_add_tunnel(struct netdev *n, const char *name, enum realserver_kind kind,
	const struct addr *local, bool checksum)
{
	struct ifinfomsg info = {0};
	struct nl_msg *msg = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	int r;

	if (!msg)
		return -ENOMEM;
	r = nla_put_string(msg, IFLA_IFNAME, name);
	if (r == 0)
		r = put_tunnel(msg, kind, local, checksum);
	r = finish(n, msg, r);
	/* The module brought it while we asked for it. */
	return r == -EEXIST && local->family == 0 && exists(name) ? 0 : r;
}

static int change_link(struct netdev *n, int type, const char *name, unsigned flags)
{
	struct ifinfomsg info = {.ifi_index = (int)if_nametoindex(name),
		.ifi_flags = flags,
		.ifi_change = type == RTM_NEWLINK ? IFF_UP : 0};
	struct nl_msg *msg = info.ifi_index ? begin(type, 0, &info, sizeof(info)) : NULL;

	if (info.ifi_index == 0)
		return -ENODEV;
	return msg ? finish(n, msg, 0) : -ENOMEM;
}

int netdev_remove(struct netdev *n, const char *name)
{
	return change_link(n, RTM_DELLINK, name, 0);
}

int netdev_set_up(struct netdev *n, const char *name, bool up)
{
	return change_link(n, RTM_NEWLINK, name, up ? IFF_UP : 0);
}

static int put_address(struct nl_msg *msg, const struct addr *addr)
{
	/* Deprecated: this host's own connections shall not have it as their source. */
	static const struct ifa_cacheinfo lifetime = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};
	int r = nla_put(msg, IFA_LOCAL, (int)addr_len(addr), addr->bytes);

	if (r == 0)
		r = nla_put(msg, IFA_ADDRESS, (int)addr_len(addr), addr->bytes);
	if (r == 0 && addr->family == AF_INET6)
		r = nla_put(msg, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
	return r;
}

static int change_address(
	struct netdev *n, int type, int flags, const char *name, const struct addr_prefix *addr)
{
	struct ifaddrmsg info = {.ifa_family = (uint8_t)addr->addr.family,
		.ifa_prefixlen = addr->prefix_len,
		.ifa_index = if_nametoindex(name),
		.ifa_flags = addr->addr.family == AF_INET6 ? IFA_F_NODAD : 0};
	struct nl_msg *msg = info.ifa_index ? begin(type, flags, &info, sizeof(info)) : NULL;

	if (info.ifa_index == 0)
		return -ENODEV;
	return msg ? finish(n, msg, put_address(msg, &addr->addr)) : -ENOMEM;
}

int netdev_add_address(struct netdev *n, const char *name, const struct addr_prefix *addr)
{
	return change_address(n, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, name, addr);
}

int netdev_remove_address(struct netdev *n, const char *name, const struct addr_prefix *addr)
{
	return change_address(n, RTM_DELADDR, 0, name, addr);
}
