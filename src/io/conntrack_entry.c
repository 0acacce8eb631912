/* Entries of connection tracking as values: read from what the kernel tells, and made from what
 * another host's kernel told. */
#include "base/byteorder.h"
#include "io/clock.h"
#include "io/conntrack.h"
#include "io/conntrack_batch.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_RECEIVE_LEN (8 * 1024 * 1024)
#define EVENT_READS 256 /* at a time; each is one event */

static struct nlattr *inner(const struct nlattr *outer, int type)
{
	return outer ? nla_find(nla_data(outer), nla_len(outer), type) : NULL;
}

static bool get_addr(const struct nlattr *ip, uint16_t family, bool source, struct addr *ret)
{
	int v4 = source ? CTA_IP_V4_SRC : CTA_IP_V4_DST,
	    v6 = source ? CTA_IP_V6_SRC : CTA_IP_V6_DST;
	struct nlattr *attr = inner(ip, family == AF_INET ? v4 : v6);
	struct addr a = {.family = family};

	if (!attr || (size_t)nla_len(attr) != addr_len(&a))
		return false;
	memcpy(a.bytes, nla_data(attr), addr_len(&a));
	*ret = a;
	return true;
}

static bool get_port(const struct nlattr *proto, int type, uint16_t *ret)
{
	struct nlattr *attr = inner(proto, type);

	if (!attr || nla_len(attr) < 2)
		return false;
	*ret = be16_get(nla_data(attr));
	return true;
}

/* One direction: who speaks from where to where. */
struct tuple {
	struct addr from, to;
	uint16_t from_port, to_port;
	uint8_t protocol;
};

static bool get_tuple(const struct nlattr *attr, uint16_t family, struct tuple *ret)
{
	struct nlattr *ip = inner(attr, CTA_TUPLE_IP), *proto = inner(attr, CTA_TUPLE_PROTO);
	struct nlattr *number = inner(proto, CTA_PROTO_NUM);

	if (!number || nla_len(number) < 1 || !get_addr(ip, family, true, &ret->from) ||
		!get_addr(ip, family, false, &ret->to) ||
		!get_port(proto, CTA_PROTO_SRC_PORT, &ret->from_port) ||
		!get_port(proto, CTA_PROTO_DST_PORT, &ret->to_port))
		return false;
	ret->protocol = nla_get_u8(number);
	return true;
}

static uint32_t get_u32(const struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? be32_get(nla_data(attr)) : 0;
}

static bool is_with_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

/* False: it is not translated, or nothing with ports. */
static bool read_entry(struct nl_msg *message, struct tracked *ret)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct nlattr *attrs[CTA_MAX + 1], *state;
	struct tuple there, back;
	uint16_t family;

	if (NFNL_SUBSYS_ID(header->nlmsg_type) != NFNL_SUBSYS_CTNETLINK ||
		nlmsg_parse(header, sizeof(struct nfgenmsg), attrs, CTA_MAX, NULL) < 0)
		return false;
	family = ((struct nfgenmsg *)nlmsg_data(header))->nfgen_family;
	if ((family != AF_INET && family != AF_INET6) ||
		!get_tuple(attrs[CTA_TUPLE_ORIG], family, &there) ||
		!get_tuple(attrs[CTA_TUPLE_REPLY], family, &back) || !is_with_ports(there.protocol))
		return false;
	if (addr_equal(&there.to, &back.from) && there.to_port == back.from_port &&
		addr_equal(&there.from, &back.to) && there.from_port == back.to_port)
		return false;
	state = inner(inner(attrs[CTA_PROTOINFO], CTA_PROTOINFO_TCP), CTA_PROTOINFO_TCP_STATE);
	*ret = (struct tracked){
		.protocol = there.protocol,
		.tcp_state = state && there.protocol == IPPROTO_TCP ? nla_get_u8(state) : 0,
		.assured = (get_u32(attrs[CTA_STATUS]) & IPS_ASSURED) != 0,
		.gone = NFNL_MSG_TYPE(header->nlmsg_type) == IPCTNL_MSG_CT_DELETE,
		.timeout_s = get_u32(attrs[CTA_TIMEOUT]),
		.mark = get_u32(attrs[CTA_MARK]),
		.client = there.from,
		.service = there.to,
		.server = back.from,
		.local = back.to,
		.client_port = there.from_port,
		.service_port = there.to_port,
		.server_port = back.from_port,
		.local_port = back.to_port,
	};
	return true;
}

struct reading {
	const struct addr *to; /* NULL: anything */
	conntrack_handler handler;
	void *userdata;
};

static int on_entry(struct nl_msg *message, void *userdata)
{
	const struct reading *reading = userdata;
	struct tracked entry;

	if (read_entry(message, &entry) &&
		(!reading->to || addr_equal(reading->to, &entry.service)))
		reading->handler(&entry, reading->userdata);
	return NL_OK;
}

int conntrack_dump(
	const struct addr *addresses, size_t n, conntrack_handler handler, void *userdata)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct reading reading = {&addresses[i], handler, userdata};

		r = conntrack_dump_messages(addresses[i].family, &addresses[i], on_entry, &reading);
	}
	return r;
}

/* Making */

static int put_u32(struct nl_msg *m, int type, uint32_t value)
{
	return nla_put_u32(m, type, htonl(value));
}

static int put_u16(struct nl_msg *m, int type, uint16_t value)
{
	return nla_put_u16(m, type, htons(value));
}

static int put_tuple(struct nl_msg *m, int type, const struct tuple *t)
{
	bool v4 = t->from.family == AF_INET;
	struct nlattr *tuple = nla_nest_start(m, type | NLA_F_NESTED), *ip, *proto;

	if (!tuple || !(ip = nla_nest_start(m, CTA_TUPLE_IP | NLA_F_NESTED)) ||
		nla_put(m, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, (int)addr_len(&t->from),
			t->from.bytes) < 0 ||
		nla_put(m, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, (int)addr_len(&t->to), t->to.bytes) <
			0)
		return -ENOMEM;
	(void)nla_nest_end(m, ip);
	proto = nla_nest_start(m, CTA_TUPLE_PROTO | NLA_F_NESTED);
	if (!proto || nla_put_u8(m, CTA_PROTO_NUM, t->protocol) < 0 ||
		put_u16(m, CTA_PROTO_SRC_PORT, t->from_port) < 0 ||
		put_u16(m, CTA_PROTO_DST_PORT, t->to_port) < 0)
		return -ENOMEM;
	(void)nla_nest_end(m, proto);
	(void)nla_nest_end(m, tuple);
	return 0;
}

/* From the client to the service; and from the server to the client, whatever the server sees in
 * the client's place. */
static int put_tuples(struct nl_msg *m, const struct tracked *e, bool reply)
{
	struct tuple there = {e->client, e->service, e->client_port, e->service_port, e->protocol};
	struct tuple back = {e->server, e->client, e->server_port, e->client_port, e->protocol};
	int r = put_tuple(m, CTA_TUPLE_ORIG, &there);

	return r < 0 || !reply ? r : put_tuple(m, CTA_TUPLE_REPLY, &back);
}

static int put_source_translation(struct nl_msg *m, const struct tracked *e)
{
	bool v4 = e->local.family == AF_INET;
	struct nlattr *nat, *proto;

	if (addr_equal(&e->local, &e->client) && e->local_port == e->client_port)
		return 0;
	nat = nla_nest_start(m, CTA_NAT_SRC | NLA_F_NESTED);
	if (!nat || nla_put(m, v4 ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, (int)addr_len(&e->local),
			    e->local.bytes) < 0)
		return -ENOMEM;
	proto = nla_nest_start(m, CTA_NAT_PROTO | NLA_F_NESTED);
	if (!proto || put_u16(m, CTA_PROTONAT_PORT_MIN, e->local_port) < 0 ||
		put_u16(m, CTA_PROTONAT_PORT_MAX, e->local_port) < 0)
		return -ENOMEM;
	(void)nla_nest_end(m, proto);
	(void)nla_nest_end(m, nat);
	return 0;
}

/* Nothing is known about the windows here: liberal about them, or late packets would be invalid,
 * and go out untranslated. */
static int put_tcp(struct nl_msg *m, const struct tracked *e)
{
	static const struct nf_ct_tcp_flags liberal = {
		.flags = IP_CT_TCP_FLAG_BE_LIBERAL | IP_CT_TCP_FLAG_SACK_PERM,
		.mask = IP_CT_TCP_FLAG_BE_LIBERAL | IP_CT_TCP_FLAG_SACK_PERM,
	};
	struct nlattr *info, *tcp;

	if (e->protocol != IPPROTO_TCP)
		return 0;
	info = nla_nest_start(m, CTA_PROTOINFO | NLA_F_NESTED);
	tcp = info ? nla_nest_start(m, CTA_PROTOINFO_TCP | NLA_F_NESTED) : NULL;
	if (!tcp || nla_put_u8(m, CTA_PROTOINFO_TCP_STATE, e->tcp_state) < 0 ||
		nla_put(m, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(liberal), &liberal) < 0 ||
		nla_put(m, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(liberal), &liberal) < 0)
		return -ENOMEM;
	(void)nla_nest_end(m, tcp);
	(void)nla_nest_end(m, info);
	return 0;
}

static int put_state(struct nl_msg *m, const struct tracked *e)
{
	uint32_t status = IPS_CONFIRMED | (e->assured ? IPS_SEEN_REPLY | IPS_ASSURED : 0);

	if (put_u32(m, CTA_STATUS, status) < 0 || put_u32(m, CTA_TIMEOUT, e->timeout_s) < 0 ||
		(e->mark && put_u32(m, CTA_MARK, e->mark) < 0))
		return -ENOMEM;
	return put_tcp(m, e);
}

/* A new entry has everything; of a known one, the translation may not be named. */
static int add_entry(struct conntrack_batch *b, const struct tracked *e, bool is_new)
{
	int flags = is_new ? NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL : NLM_F_REQUEST;
	struct nl_msg *m = conntrack_message(IPCTNL_MSG_CT_NEW, flags, e->client.family);
	int r = m ? put_tuples(m, e, is_new) : -ENOMEM;

	if (r >= 0 && is_new)
		r = put_source_translation(m, e);
	if (r >= 0)
		r = put_state(m, e);
	if (r >= 0)
		r = conntrack_batch_add(b, nlmsg_hdr(m));
	nlmsg_free(m);
	return r < 0 ? -ENOMEM : 0;
}

/* A message about the entry that has one way as this one does: the way there, or what the server
 * answers to. */
static int add_by_way(struct conntrack_batch *b, int type, const struct tracked *e, bool back)
{
	const struct tuple ways[2] = {
		{e->client, e->service, e->client_port, e->service_port, e->protocol},
		{e->server, e->local, e->server_port, e->local_port, e->protocol}};
	struct nl_msg *m = conntrack_message(type, NLM_F_REQUEST, e->client.family);
	int r = m ? put_tuple(m, back ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG, &ways[back]) : -ENOMEM;

	if (r >= 0)
		r = conntrack_batch_add(b, nlmsg_hdr(m));
	nlmsg_free(m);
	return r < 0 ? -ENOMEM : 0;
}

/* Entries by their places in the caller's array, in the order in which they were sent. */
struct places {
	size_t *items, n;
};

struct making {
	const struct tracked *entries;
	struct places fresh, known, same, odd;
	struct conntrack_created *ret;
};

static void say_refused(struct making *making, int error)
{
	making->ret->refused++;
	making->ret->error = error;
}

static void add_place(struct places *places, const struct places *from, size_t n)
{
	places->items[places->n++] = from->items[n];
}

/* There is one with its way there, or with its way back. */
static void on_refused(size_t n, int error, void *userdata)
{
	struct making *making = userdata;

	if (error == -EEXIST)
		add_place(&making->known, &making->fresh, n);
	else
		say_refused(making, error);
}

/* What there is with its way there. */
static void on_known(size_t n, struct nl_msg *answer, void *userdata)
{
	struct making *making = userdata;
	const struct tracked *e = &making->entries[making->known.items[n]];
	struct tracked have;
	bool same = read_entry(answer, &have) && addr_equal(&have.server, &e->server) &&
		    have.server_port == e->server_port && addr_equal(&have.local, &e->local) &&
		    have.local_port == e->local_port;

	add_place(same ? &making->same : &making->odd, &making->known, n);
}

/* It had the way back only, or it has just gone. */
static void on_not_known(size_t n, int error, void *userdata)
{
	struct making *making = userdata;

	if (error == -ENOENT)
		add_place(&making->odd, &making->known, n);
	else
		say_refused(making, error);
}

/* It has just gone. */
static void on_not_renewed(size_t n, int error, void *userdata)
{
	struct making *making = userdata;

	if (error == -ENOENT)
		add_place(&making->odd, &making->same, n);
	else
		say_refused(making, error);
}

static void on_nothing_there(size_t n, int error, void *userdata)
{
	(void)n;
	(void)error;
	(void)userdata;
}

static void on_still_refused(size_t n, int error, void *userdata)
{
	(void)n;
	say_refused(userdata, error);
}

static int send_new(struct making *making, const struct places *places, struct instant deadline,
	conntrack_refusal refused)
{
	struct conntrack_batch batch = {0};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < places->n; i++)
		r = add_entry(&batch, &making->entries[places->items[i]], true);
	if (r >= 0)
		r = conntrack_batch_send(&batch, deadline, refused, making, &making->ret->created);
	conntrack_batch_done(&batch);
	return r;
}

/* The kernel finds an entry by its way there, and takes news of it whatever its translation is:
 * which it has must be asked first. */
static int look_up(struct making *making, struct instant deadline)
{
	struct conntrack_batch batch = {.answered = on_known};
	size_t found = 0;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < making->known.n; i++)
		r = add_by_way(
			&batch, IPCTNL_MSG_CT_GET, &making->entries[making->known.items[i]], false);
	if (r >= 0)
		r = conntrack_batch_send(&batch, deadline, on_not_known, making, &found);
	conntrack_batch_done(&batch);
	return r;
}

static int renew(struct making *making, struct instant deadline)
{
	struct conntrack_batch batch = {0};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < making->same.n; i++)
		r = add_entry(&batch, &making->entries[making->same.items[i]], false);
	if (r >= 0)
		r = conntrack_batch_send(
			&batch, deadline, on_not_renewed, making, &making->ret->renewed);
	conntrack_batch_done(&batch);
	return r;
}

/* Where a new connection has the address and port of one that ended, which is still here, on either
 * side, the new one counts: the other host has made it since. Both may be in its way. */
static int replace(struct making *making, struct instant deadline)
{
	struct conntrack_batch batch = {0};
	size_t deleted = 0;
	int r = 0;

	if (making->odd.n == 0)
		return 0;
	for (size_t i = 0; r >= 0 && i < 2 * making->odd.n; i++)
		r = add_by_way(&batch, IPCTNL_MSG_CT_DELETE,
			&making->entries[making->odd.items[i / 2]], i % 2);
	if (r >= 0)
		r = conntrack_batch_send(&batch, deadline, on_nothing_there, NULL, &deleted);
	conntrack_batch_done(&batch);
	return r < 0 ? r : send_new(making, &making->odd, deadline, on_still_refused);
}

static int make_all(struct making *making, size_t n, struct instant deadline)
{
	int r;

	for (size_t i = 0; i < n; i++)
		if (!making->entries[i].gone)
			making->fresh.items[making->fresh.n++] = i;
	r = send_new(making, &making->fresh, deadline, on_refused);
	if (r >= 0)
		r = look_up(making, deadline);
	if (r >= 0)
		r = renew(making, deadline);
	return r < 0 ? r : replace(making, deadline);
}

int conntrack_create(
	const struct tracked *entries, size_t n, uint64_t budget_us, struct conntrack_created *ret)
{
	size_t *places = calloc(4 * n + 1, sizeof(*places));
	struct making making = {.entries = entries,
		.fresh.items = places,
		.known.items = places + n,
		.same.items = places + 2 * n,
		.odd.items = places + 3 * n,
		.ret = ret};
	int r;

	*ret = (struct conntrack_created){0};
	if (!places)
		return -ENOMEM;
	r = make_all(&making, n, instant_add(clock_now(), budget_us));
	free(places);
	return r;
}

/* Events */

struct conntrack_events {
	struct nl_sock *sock;
	struct reading reading;
};

int conntrack_events_open(struct conntrack_events **ret)
{
	struct conntrack_events *e = calloc(1, sizeof(*e));
	int r = e ? conntrack_socket(&e->sock) : -ENOMEM;

	if (r < 0) {
		free(e);
		return r;
	}
	nl_socket_disable_seq_check(e->sock);
	(void)nl_socket_modify_cb(e->sock, NL_CB_VALID, NL_CB_CUSTOM, on_entry, &e->reading);
	/* Beyond the limit for others, where we may. */
	if (setsockopt(nl_socket_get_fd(e->sock), SOL_SOCKET, SO_RCVBUFFORCE,
		    &(int){EVENT_RECEIVE_LEN}, sizeof(int)) < 0)
		(void)nl_socket_set_buffer_size(e->sock, EVENT_RECEIVE_LEN, 0);
	if (nl_socket_set_nonblocking(e->sock) < 0 ||
		nl_socket_add_memberships(e->sock, NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE,
			NFNLGRP_CONNTRACK_DESTROY, 0) < 0) {
		conntrack_events_close(e);
		return -EIO;
	}
	*ret = e;
	return 0;
}

void conntrack_events_close(struct conntrack_events *e)
{
	if (!e)
		return;
	nl_socket_free(e->sock);
	free(e);
}

int conntrack_events_fd(const struct conntrack_events *e)
{
	return nl_socket_get_fd(e->sock);
}

int conntrack_events_read(struct conntrack_events *e, conntrack_handler handler, void *userdata)
{
	e->reading = (struct reading){NULL, handler, userdata};
	for (unsigned i = 0; i < EVENT_READS; i++) {
		int r = nl_recvmsgs_default(e->sock);

		if (r == -NLE_AGAIN)
			return 0;
		if (r < 0)
			return r == -NLE_NOMEM ? -ENOBUFS : -EIO; /* how libnl translates ENOBUFS */
	}
	return 0;
}
