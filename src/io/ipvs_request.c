/* A request to change something says all of it: what is left out, the kernel takes for zero (a
 * server's tunnel, a service's persistence engine) or refuses. Integers are in host order unless
 * named be. */
#include "io/ipvs_request.h"

#include "base/byteorder.h"

#include <assert.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>

/* Where the next len bytes go, or NULL when they do not fit: finish() then takes the message back.
 */
static uint8_t *reserve(struct ipvs_requests *b, size_t len)
{
	uint8_t *at = b->data + b->len;

	b->len += len;
	return b->len <= b->size ? at : NULL;
}

/* Inline, so that copies of known length are single stores: thousands of messages are made of
 * these. */
static inline void put_attr(struct ipvs_requests *b, uint16_t type, const void *data, size_t len)
{
	struct nlattr header = {.nla_len = (uint16_t)(sizeof(header) + len), .nla_type = type};
	size_t aligned_len = sizeof(header) + (len + NLA_ALIGNTO - 1) / NLA_ALIGNTO * NLA_ALIGNTO;
	uint8_t *at = reserve(b, aligned_len);

	if (!at)
		return;
	memset(at + aligned_len - NLA_ALIGNTO, 0, NLA_ALIGNTO); /* padding, if any */
	memcpy(at, &header, sizeof(header));
	if (len > 0)
		memcpy(at + sizeof(header), data, len);
}

static void put_u8(struct ipvs_requests *b, uint16_t type, uint8_t value)
{
	put_attr(b, type, &value, sizeof(value));
}

static void put_u16(struct ipvs_requests *b, uint16_t type, uint16_t value)
{
	put_attr(b, type, &value, sizeof(value));
}

static void put_be16(struct ipvs_requests *b, uint16_t type, uint16_t value)
{
	uint8_t bytes[2];

	be16_put(bytes, value);
	put_attr(b, type, bytes, sizeof(bytes));
}

static void put_u32(struct ipvs_requests *b, uint16_t type, uint32_t value)
{
	put_attr(b, type, &value, sizeof(value));
}

static void put_text(struct ipvs_requests *b, uint16_t type, const char *text)
{
	put_attr(b, type, text, strlen(text) + 1);
}

/* Returns what nest_end() needs: where the nest began. */
static size_t nest_begin(struct ipvs_requests *b, uint16_t type)
{
	size_t start = b->len;

	put_attr(b, type | NLA_F_NESTED, NULL, 0);
	return start;
}

static void nest_end(struct ipvs_requests *b, size_t start)
{
	uint16_t len = (uint16_t)(b->len - start);

	if (b->len <= b->size)
		memcpy(b->data + start + offsetof(struct nlattr, nla_len), &len, sizeof(len));
}

/* Returns what finish() needs: where the message begins. */
static size_t begin(struct ipvs_requests *b, uint32_t seq, uint8_t command, uint16_t flags)
{
	size_t start = b->len;
	struct nlmsghdr header = {
		.nlmsg_type = b->family, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = seq};
	struct genlmsghdr generic = {.cmd = command, .version = IPVS_GENL_VERSION};
	uint8_t *at = reserve(b, sizeof(header) + sizeof(generic));

	if (at) {
		memcpy(at, &header, sizeof(header));
		memcpy(at + sizeof(header), &generic, sizeof(generic));
	}
	return start;
}

static bool finish(struct ipvs_requests *b, size_t start)
{
	uint32_t len = (uint32_t)(b->len - start);

	if (b->len > b->size) {
		b->len = start;
		return false;
	}
	memcpy(b->data + start + offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof(len));
	b->last = start;
	return true;
}

static void put_service_key(struct ipvs_requests *b, const struct ipvs_service_key *key)
{
	put_u16(b, IPVS_SVC_ATTR_AF, key->addr.family);
	if (key->fwmark) {
		put_u32(b, IPVS_SVC_ATTR_FWMARK, key->fwmark);
		return;
	}
	put_u16(b, IPVS_SVC_ATTR_PROTOCOL, key->protocol);
	put_attr(b, IPVS_SVC_ATTR_ADDR, key->addr.bytes, addr_len(&key->addr));
	put_be16(b, IPVS_SVC_ATTR_PORT, key->port);
}

static void put_netmask(struct ipvs_requests *b, const struct ipvs_service *s)
{
	uint8_t be_mask[4];

	if (s->key.addr.family == AF_INET6) {
		put_u32(b, IPVS_SVC_ATTR_NETMASK, s->netmask);
		return;
	}
	be32_put(be_mask, s->netmask);
	put_attr(b, IPVS_SVC_ATTR_NETMASK, be_mask, sizeof(be_mask));
}

static void put_service_options(struct ipvs_requests *b, const struct ipvs_service *s)
{
	struct ip_vs_flags flags = {.flags = s->flags, .mask = ~(uint32_t)IP_VS_SVC_F_HASHED};

	put_text(b, IPVS_SVC_ATTR_SCHED_NAME, s->scheduler);
	if (s->engine[0])
		put_text(b, IPVS_SVC_ATTR_PE_NAME, s->engine);
	put_attr(b, IPVS_SVC_ATTR_FLAGS, &flags, sizeof(flags));
	put_u32(b, IPVS_SVC_ATTR_TIMEOUT, s->timeout_s);
	put_netmask(b, s);
}

static void put_dest_key(struct ipvs_requests *b, const struct ipvs_dest_key *key)
{
	put_attr(b, IPVS_DEST_ATTR_ADDR, key->addr.bytes, addr_len(&key->addr));
	put_be16(b, IPVS_DEST_ATTR_PORT, key->port);
	put_u16(b, IPVS_DEST_ATTR_ADDR_FAMILY, key->addr.family);
}

static void put_tunnel(struct ipvs_requests *b, const struct ipvs_dest *d)
{
	put_u8(b, IPVS_DEST_ATTR_TUN_TYPE, d->tun_type);
	put_be16(b, IPVS_DEST_ATTR_TUN_PORT, d->tun_port);
	put_u16(b, IPVS_DEST_ATTR_TUN_FLAGS, d->tun_flags);
}

static void put_dest_options(struct ipvs_requests *b, const struct ipvs_dest *d)
{
	put_u32(b, IPVS_DEST_ATTR_FWD_METHOD, d->forward);
	put_u32(b, IPVS_DEST_ATTR_WEIGHT, d->weight);
	put_u32(b, IPVS_DEST_ATTR_U_THRESH, d->upper);
	put_u32(b, IPVS_DEST_ATTR_L_THRESH, d->lower);
	if (d->tun_type || d->tun_port || d->tun_flags)
		put_tunnel(b, d);
}

static uint8_t command_of(enum ipvs_op_kind kind)
{
	switch (kind) {
	case IPVS_OP_ADD_SERVICE:
		return IPVS_CMD_NEW_SERVICE;
	case IPVS_OP_ADD_DEST:
		return IPVS_CMD_NEW_DEST;
	case IPVS_OP_SET_SERVICE:
		return IPVS_CMD_SET_SERVICE;
	case IPVS_OP_SET_DEST:
		return IPVS_CMD_SET_DEST;
	case IPVS_OP_DEL_DEST:
		return IPVS_CMD_DEL_DEST;
	case IPVS_OP_DEL_SERVICE:
		return IPVS_CMD_DEL_SERVICE;
	case IPVS_OP_MAX_:
		break;
	}
	return IPVS_CMD_UNSPEC; /* which the kernel refuses */
}

bool ipvs_put_op(struct ipvs_requests *b, uint32_t seq, const struct ipvs_op *op)
{
	size_t start = begin(b, seq, command_of(op->kind), 0);
	size_t nest = nest_begin(b, IPVS_CMD_ATTR_SERVICE);

	put_service_key(b, &op->service->key);
	if (op->kind == IPVS_OP_ADD_SERVICE || op->kind == IPVS_OP_SET_SERVICE)
		put_service_options(b, op->service);
	nest_end(b, nest);
	if (op->dest) {
		nest = nest_begin(b, IPVS_CMD_ATTR_DEST);
		put_dest_key(b, &op->dest->key);
		if (op->kind != IPVS_OP_DEL_DEST)
			put_dest_options(b, op->dest);
		nest_end(b, nest);
	}
	return finish(b, start);
}

static bool put_plain(struct ipvs_requests *b, uint32_t seq, uint8_t command, uint16_t flags)
{
	return finish(b, begin(b, seq, command, flags));
}

static bool put_for_service(struct ipvs_requests *b, uint32_t seq, uint8_t command, uint16_t flags,
	const struct ipvs_service_key *key)
{
	size_t start = begin(b, seq, command, flags);
	size_t nest = nest_begin(b, IPVS_CMD_ATTR_SERVICE);

	put_service_key(b, key);
	nest_end(b, nest);
	return finish(b, start);
}

bool ipvs_put_get_info(struct ipvs_requests *b, uint32_t seq)
{
	return put_plain(b, seq, IPVS_CMD_GET_INFO, NLM_F_ACK);
}

bool ipvs_put_get_service(struct ipvs_requests *b, uint32_t seq, const struct ipvs_service_key *key)
{
	return put_for_service(b, seq, IPVS_CMD_GET_SERVICE, NLM_F_ACK, key);
}

bool ipvs_put_dump_services(struct ipvs_requests *b, uint32_t seq)
{
	return put_plain(b, seq, IPVS_CMD_GET_SERVICE, NLM_F_DUMP);
}

bool ipvs_put_dump_dests(struct ipvs_requests *b, uint32_t seq, const struct ipvs_service_key *key)
{
	return put_for_service(b, seq, IPVS_CMD_GET_DEST, NLM_F_DUMP, key);
}

bool ipvs_put_dump_sync(struct ipvs_requests *b, uint32_t seq)
{
	return put_plain(b, seq, IPVS_CMD_GET_DAEMON, NLM_F_DUMP);
}

bool ipvs_put_get_timeouts(struct ipvs_requests *b, uint32_t seq)
{
	return put_plain(b, seq, IPVS_CMD_GET_CONFIG, NLM_F_ACK);
}

bool ipvs_put_set_timeouts(
	struct ipvs_requests *b, uint32_t seq, const struct ipvs_timeouts *timeouts)
{
	size_t start = begin(b, seq, IPVS_CMD_SET_CONFIG, NLM_F_ACK);

	put_u32(b, IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts->tcp_s);
	put_u32(b, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts->tcp_fin_s);
	put_u32(b, IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts->udp_s);
	return finish(b, start);
}

bool ipvs_put_sync_start(struct ipvs_requests *b, uint32_t seq, const struct ipvs_sync *sync)
{
	uint16_t group_type = sync->group.family == AF_INET6 ? IPVS_DAEMON_ATTR_MCAST_GROUP6
							     : IPVS_DAEMON_ATTR_MCAST_GROUP;
	size_t start = begin(b, seq, IPVS_CMD_NEW_DAEMON, NLM_F_ACK);
	size_t nest = nest_begin(b, IPVS_CMD_ATTR_DAEMON);

	put_u32(b, IPVS_DAEMON_ATTR_STATE, sync->role);
	put_text(b, IPVS_DAEMON_ATTR_MCAST_IFN, sync->interface);
	put_u32(b, IPVS_DAEMON_ATTR_SYNC_ID, sync->sync_id);
	if (sync->maxlen)
		put_u16(b, IPVS_DAEMON_ATTR_SYNC_MAXLEN, sync->maxlen);
	if (sync->group.family)
		put_attr(b, group_type, sync->group.bytes, addr_len(&sync->group));
	if (sync->port)
		put_u16(b, IPVS_DAEMON_ATTR_MCAST_PORT, sync->port); /* host order, really */
	if (sync->ttl)
		put_u8(b, IPVS_DAEMON_ATTR_MCAST_TTL, sync->ttl);
	nest_end(b, nest);
	return finish(b, start);
}

bool ipvs_put_sync_stop(struct ipvs_requests *b, uint32_t seq, enum ipvs_sync_role role)
{
	size_t start = begin(b, seq, IPVS_CMD_DEL_DAEMON, NLM_F_ACK);
	size_t nest = nest_begin(b, IPVS_CMD_ATTR_DAEMON);

	put_u32(b, IPVS_DAEMON_ATTR_STATE, role);
	nest_end(b, nest);
	return finish(b, start);
}

void ipvs_requests_ack_last(struct ipvs_requests *b)
{
	uint8_t *flags_at = b->data + b->last + offsetof(struct nlmsghdr, nlmsg_flags);
	uint16_t flags;

	assert(b->len > 0);
	memcpy(&flags, flags_at, sizeof(flags));
	flags |= NLM_F_ACK;
	memcpy(flags_at, &flags, sizeof(flags));
}
