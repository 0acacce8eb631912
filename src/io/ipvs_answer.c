/* What the kernel answers is checked before it is believed: a bug there must not become one here,
 * and foreign entries may hold values that tandem never wrote. Integers are in host order unless
 * named be. */
#include "io/ipvs_answer.h"

#include "base/byteorder.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <string.h>

#define HEADERS_LEN (NLMSG_HDRLEN + GENL_HDRLEN)
#define FORWARD_MASK 7u /* IP_VS_CONN_F_FWD_MASK */
#define ERRNO_MAX 4095

/* nla_parse() checks the lengths by these, so that what is there may be read. */
static const struct nla_policy command_policy[IPVS_CMD_ATTR_MAX + 1] = {
	[IPVS_CMD_ATTR_SERVICE] = {.type = NLA_NESTED},
	[IPVS_CMD_ATTR_DEST] = {.type = NLA_NESTED},
	[IPVS_CMD_ATTR_DAEMON] = {.type = NLA_NESTED},
	[IPVS_CMD_ATTR_TIMEOUT_TCP] = {.type = NLA_U32},
	[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN] = {.type = NLA_U32},
	[IPVS_CMD_ATTR_TIMEOUT_UDP] = {.type = NLA_U32},
};

static const struct nla_policy service_policy[IPVS_SVC_ATTR_MAX + 1] = {
	[IPVS_SVC_ATTR_AF] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_PROTOCOL] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_ADDR] = {.minlen = 4},
	[IPVS_SVC_ATTR_PORT] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_FWMARK] = {.type = NLA_U32},
	[IPVS_SVC_ATTR_SCHED_NAME] = {.type = NLA_STRING, .maxlen = IP_VS_SCHEDNAME_MAXLEN},
	[IPVS_SVC_ATTR_PE_NAME] = {.type = NLA_STRING},
	[IPVS_SVC_ATTR_FLAGS] = {.minlen = sizeof(struct ip_vs_flags)},
	[IPVS_SVC_ATTR_TIMEOUT] = {.type = NLA_U32},
	[IPVS_SVC_ATTR_NETMASK] = {.type = NLA_U32},
};

static const struct nla_policy dest_policy[IPVS_DEST_ATTR_MAX + 1] = {
	[IPVS_DEST_ATTR_ADDR] = {.minlen = 4},
	[IPVS_DEST_ATTR_PORT] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_ADDR_FAMILY] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_FWD_METHOD] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_WEIGHT] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_U_THRESH] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_L_THRESH] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_TUN_TYPE] = {.type = NLA_U8},
	[IPVS_DEST_ATTR_TUN_PORT] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_TUN_FLAGS] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_ACTIVE_CONNS] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_INACT_CONNS] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_PERSIST_CONNS] = {.type = NLA_U32},
};

static const struct nla_policy sync_policy[IPVS_DAEMON_ATTR_MAX + 1] = {
	[IPVS_DAEMON_ATTR_STATE] = {.type = NLA_U32},
	[IPVS_DAEMON_ATTR_MCAST_IFN] = {.type = NLA_STRING, .maxlen = IP_VS_IFNAME_MAXLEN},
	[IPVS_DAEMON_ATTR_SYNC_ID] = {.type = NLA_U32},
	[IPVS_DAEMON_ATTR_SYNC_MAXLEN] = {.type = NLA_U16},
	[IPVS_DAEMON_ATTR_MCAST_GROUP] = {.minlen = 4},
	[IPVS_DAEMON_ATTR_MCAST_GROUP6] = {.minlen = 16},
	[IPVS_DAEMON_ATTR_MCAST_PORT] = {.type = NLA_U16},
	[IPVS_DAEMON_ATTR_MCAST_TTL] = {.type = NLA_U8},
};

/* Absent attributes read as 0, which is what leaving them out means. */

static uint8_t get_u8(const struct nlattr *attr)
{
	return attr ? nla_get_u8(attr) : 0;
}

static uint16_t get_u16(const struct nlattr *attr)
{
	return attr ? nla_get_u16(attr) : 0;
}

static uint32_t get_u32(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static uint16_t get_be16(const struct nlattr *attr)
{
	return attr ? be16_get(nla_data(attr)) : 0;
}

/* false when the attribute is too short for the family, or the family is none of IP. */
static bool get_addr(const struct nlattr *attr, uint16_t family, struct addr *ret)
{
	struct addr a = {.family = family};
	size_t len = addr_len(&a);

	if (len == 0 || !attr || (size_t)nla_len(attr) < len)
		return false;
	memcpy(a.bytes, nla_data(attr), len);
	*ret = a;
	return true;
}

static bool has_all(struct nlattr *const *attrs, const int *types, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!attrs[types[i]])
			return false;
	return true;
}
#define HAS_ALL(attrs, ...)                                                                        \
	has_all(attrs, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void get_service_options(struct nlattr *const *attrs, struct ipvs_service *s)
{
	struct ip_vs_flags flags;

	nla_strlcpy(s->scheduler, attrs[IPVS_SVC_ATTR_SCHED_NAME], sizeof(s->scheduler));
	if (attrs[IPVS_SVC_ATTR_PE_NAME])
		nla_strlcpy(s->engine, attrs[IPVS_SVC_ATTR_PE_NAME], sizeof(s->engine));
	memcpy(&flags, nla_data(attrs[IPVS_SVC_ATTR_FLAGS]), sizeof(flags));
	s->flags = flags.flags & ~(uint32_t)IP_VS_SVC_F_HASHED;
	s->timeout_s = nla_get_u32(attrs[IPVS_SVC_ATTR_TIMEOUT]);
	if (s->key.addr.family == AF_INET6)
		s->netmask = nla_get_u32(attrs[IPVS_SVC_ATTR_NETMASK]);
	else
		s->netmask = be32_get(nla_data(attrs[IPVS_SVC_ATTR_NETMASK]));
}

/* By the mark and the family, or by address, port and protocol. */
static bool get_service_key(struct nlattr *const *attrs, struct ipvs_service_key *ret)
{
	uint16_t family = nla_get_u16(attrs[IPVS_SVC_ATTR_AF]);
	uint16_t protocol;

	if (attrs[IPVS_SVC_ATTR_FWMARK]) {
		*ret = ipvs_service_key_of_mark(family, nla_get_u32(attrs[IPVS_SVC_ATTR_FWMARK]));
		return ret->fwmark != 0 && addr_len(&ret->addr) > 0;
	}
	if (!HAS_ALL(attrs, IPVS_SVC_ATTR_PROTOCOL, IPVS_SVC_ATTR_PORT))
		return false;
	protocol = nla_get_u16(attrs[IPVS_SVC_ATTR_PROTOCOL]);
	ret->protocol = (uint8_t)protocol;
	ret->port = get_be16(attrs[IPVS_SVC_ATTR_PORT]);
	return protocol <= UINT8_MAX && get_addr(attrs[IPVS_SVC_ATTR_ADDR], family, &ret->addr);
}

static bool get_service(struct nlattr *nest, struct ipvs_answer *ret)
{
	struct nlattr *attrs[IPVS_SVC_ATTR_MAX + 1];
	struct ipvs_service s = {0};

	if (nla_parse_nested(attrs, IPVS_SVC_ATTR_MAX, nest, service_policy) < 0 ||
		!HAS_ALL(attrs, IPVS_SVC_ATTR_AF, IPVS_SVC_ATTR_SCHED_NAME, IPVS_SVC_ATTR_FLAGS,
			IPVS_SVC_ATTR_TIMEOUT, IPVS_SVC_ATTR_NETMASK) ||
		!get_service_key(attrs, &s.key))
		return false;
	get_service_options(attrs, &s);
	ret->kind = IPVS_ANSWER_SERVICE;
	ret->service = s;
	return true;
}

static bool get_dest(struct nlattr *nest, struct ipvs_answer *ret)
{
	struct nlattr *attrs[IPVS_DEST_ATTR_MAX + 1];
	struct ipvs_dest d = {0};

	if (nla_parse_nested(attrs, IPVS_DEST_ATTR_MAX, nest, dest_policy) < 0 ||
		!HAS_ALL(attrs, IPVS_DEST_ATTR_PORT, IPVS_DEST_ATTR_ADDR_FAMILY,
			IPVS_DEST_ATTR_FWD_METHOD, IPVS_DEST_ATTR_WEIGHT) ||
		!get_addr(attrs[IPVS_DEST_ATTR_ADDR],
			nla_get_u16(attrs[IPVS_DEST_ATTR_ADDR_FAMILY]), &d.key.addr))
		return false;
	d.key.port = get_be16(attrs[IPVS_DEST_ATTR_PORT]);
	d.forward = (enum ipvs_forward)(get_u32(attrs[IPVS_DEST_ATTR_FWD_METHOD]) & FORWARD_MASK);
	d.weight = get_u32(attrs[IPVS_DEST_ATTR_WEIGHT]);
	d.upper = get_u32(attrs[IPVS_DEST_ATTR_U_THRESH]);
	d.lower = get_u32(attrs[IPVS_DEST_ATTR_L_THRESH]);
	d.tun_type = get_u8(attrs[IPVS_DEST_ATTR_TUN_TYPE]);
	d.tun_port = get_be16(attrs[IPVS_DEST_ATTR_TUN_PORT]);
	d.tun_flags = get_u16(attrs[IPVS_DEST_ATTR_TUN_FLAGS]);
	d.active = get_u32(attrs[IPVS_DEST_ATTR_ACTIVE_CONNS]);
	d.inactive = get_u32(attrs[IPVS_DEST_ATTR_INACT_CONNS]);
	d.persistent = get_u32(attrs[IPVS_DEST_ATTR_PERSIST_CONNS]);
	ret->kind = IPVS_ANSWER_DEST;
	ret->dest = d;
	return true;
}

static bool get_sync(struct nlattr *nest, struct ipvs_answer *ret)
{
	struct nlattr *attrs[IPVS_DAEMON_ATTR_MAX + 1];
	struct ipvs_sync s = {0};
	uint32_t role;

	if (nla_parse_nested(attrs, IPVS_DAEMON_ATTR_MAX, nest, sync_policy) < 0 ||
		!HAS_ALL(attrs, IPVS_DAEMON_ATTR_STATE, IPVS_DAEMON_ATTR_MCAST_IFN,
			IPVS_DAEMON_ATTR_SYNC_ID))
		return false;
	role = nla_get_u32(attrs[IPVS_DAEMON_ATTR_STATE]);
	if (role != IPVS_SYNC_MASTER && role != IPVS_SYNC_BACKUP)
		return false;
	s.role = (enum ipvs_sync_role)role;
	nla_strlcpy(s.interface, attrs[IPVS_DAEMON_ATTR_MCAST_IFN], sizeof(s.interface));
	s.sync_id = nla_get_u32(attrs[IPVS_DAEMON_ATTR_SYNC_ID]);
	s.maxlen = get_u16(attrs[IPVS_DAEMON_ATTR_SYNC_MAXLEN]);
	s.port = get_u16(attrs[IPVS_DAEMON_ATTR_MCAST_PORT]);
	s.ttl = get_u8(attrs[IPVS_DAEMON_ATTR_MCAST_TTL]);
	/* The group may be absent: then group.family stays 0. */
	(void)(get_addr(attrs[IPVS_DAEMON_ATTR_MCAST_GROUP], AF_INET, &s.group) ||
		get_addr(attrs[IPVS_DAEMON_ATTR_MCAST_GROUP6], AF_INET6, &s.group));
	ret->kind = IPVS_ANSWER_SYNC;
	ret->sync = s;
	return true;
}

static bool get_timeouts(struct nlattr *const *attrs, struct ipvs_answer *ret)
{
	if (!HAS_ALL(attrs, IPVS_CMD_ATTR_TIMEOUT_TCP, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN,
		    IPVS_CMD_ATTR_TIMEOUT_UDP))
		return false;
	ret->kind = IPVS_ANSWER_TIMEOUTS;
	ret->timeouts = (struct ipvs_timeouts){
		.tcp_s = nla_get_u32(attrs[IPVS_CMD_ATTR_TIMEOUT_TCP]),
		.tcp_fin_s = nla_get_u32(attrs[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]),
		.udp_s = nla_get_u32(attrs[IPVS_CMD_ATTR_TIMEOUT_UDP]),
	};
	return true;
}

/* A message of the family: the generic header, then attributes. */
static bool get_generic(uint8_t *message, size_t len, struct ipvs_answer *ret)
{
	struct nlattr *attrs[IPVS_CMD_ATTR_MAX + 1];
	struct genlmsghdr generic;
	void *first = message + HEADERS_LEN;

	if (len < HEADERS_LEN)
		return false;
	memcpy(&generic, message + NLMSG_HDRLEN, sizeof(generic));
	if (nla_parse(attrs, IPVS_CMD_ATTR_MAX, first, (int)(len - HEADERS_LEN), command_policy) <
		0)
		return false;
	switch (generic.cmd) {
	case IPVS_CMD_NEW_SERVICE:
		return attrs[IPVS_CMD_ATTR_SERVICE] &&
		       get_service(attrs[IPVS_CMD_ATTR_SERVICE], ret);
	case IPVS_CMD_NEW_DEST:
		return attrs[IPVS_CMD_ATTR_DEST] && get_dest(attrs[IPVS_CMD_ATTR_DEST], ret);
	case IPVS_CMD_NEW_DAEMON:
		return attrs[IPVS_CMD_ATTR_DAEMON] && get_sync(attrs[IPVS_CMD_ATTR_DAEMON], ret);
	case IPVS_CMD_SET_CONFIG:
		return get_timeouts(attrs, ret);
	default:
		ret->kind = IPVS_ANSWER_OTHER;
		return true;
	}
}

/* NLMSG_ERROR and NLMSG_DONE both begin with 0 or -errno. */
static bool get_status(const uint8_t *message, size_t len, struct ipvs_answer *ret)
{
	int status;

	if (len < NLMSG_HDRLEN + sizeof(status))
		return false;
	memcpy(&status, message + NLMSG_HDRLEN, sizeof(status));
	if (status > 0 || status < -ERRNO_MAX)
		return false;
	ret->kind = IPVS_ANSWER_STATUS;
	ret->status = status;
	return true;
}

static bool get_message(
	uint8_t *message, const struct nlmsghdr *header, uint16_t family, struct ipvs_answer *ret)
{
	if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE)
		return get_status(message, header->nlmsg_len, ret);
	if (header->nlmsg_type == family)
		return get_generic(message, header->nlmsg_len, ret);
	ret->kind = IPVS_ANSWER_OTHER;
	return true;
}

int ipvs_get_answer(
	uint8_t *buf, size_t len, uint16_t family, size_t *offset, struct ipvs_answer *ret)
{
	struct ipvs_answer answer = {0};
	struct nlmsghdr header;
	uint8_t *message = buf + *offset;
	size_t left = len - *offset;

	if (left == 0)
		return 0;
	*offset = len;
	if (left < sizeof(header))
		return -EBADMSG;
	memcpy(&header, message, sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > left)
		return -EBADMSG;
	if (NLMSG_ALIGN(header.nlmsg_len) < left)
		*offset = len - left + NLMSG_ALIGN(header.nlmsg_len);
	answer.seq = header.nlmsg_seq;
	answer.torn = header.nlmsg_flags & NLM_F_DUMP_INTR;
	if (!get_message(message, &header, family, &answer))
		return -EBADMSG;
	*ret = answer;
	return 1;
}
