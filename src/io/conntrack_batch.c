/* A buffer goes in one send, and its last message is acknowledged: the answers of the others, which
 * come only when they are refused, have come by then. */
#include "io/conntrack_batch.h"

#include "io/clock.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CT_MESSAGE(type) (NFNL_SUBSYS_CTNETLINK << 8 | (type))

/* Each message that is refused is answered: the answers to a buffer must fit into the receive
 * queue. */
#define BUFFER_LEN ((size_t)32 * 1024)
#define RECEIVE_LEN (1024 * 1024)
/* Each question is answered, with a buffer of a kibibyte and some, and we may not get a queue as
 * long as we want. */
#define QUESTIONS_LEN ((size_t)8 * 1024)

/* CTA_FILTER_ORIG_FLAGS: what of the original tuple counts (linux/netfilter/nf_internals.h, which
 * is not among the headers for us). */
#define FILTER_IP_DST (1U << 1)

struct nl_msg *conntrack_message(int type, int flags, uint16_t family)
{
	struct nfgenmsg header = {.nfgen_family = (uint8_t)family, .version = NFNETLINK_V0};
	struct nl_msg *message = nlmsg_alloc_simple(CT_MESSAGE(type), flags);

	if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

int conntrack_socket(struct nl_sock **ret)
{
	struct nl_sock *sock = nl_socket_alloc();
	int r = sock ? nl_connect(sock, NETLINK_NETFILTER) : -NLE_NOMEM;

	if (r >= 0)
		r = nl_socket_set_buffer_size(sock, RECEIVE_LEN, (int)BUFFER_LEN * 4);
	if (r < 0) {
		nl_socket_free(sock);
		return -EIO;
	}
	nl_socket_disable_auto_ack(sock);
	*ret = sock;
	return 0;
}

/* The kernel's filter is the wrong way around for IPv6 (6.1, ctnetlink_filter_match_tuple): what is
 * equal is left out. There everything is told, and the caller chooses. */
static bool kernel_filters(const struct addr *a)
{
	return a->family == AF_INET;
}

static int put_filter(struct nl_msg *message, const struct addr *a)
{
	struct nlattr *tuple = nla_nest_start(message, CTA_TUPLE_ORIG | NLA_F_NESTED), *ip, *filter;

	if (!tuple || !(ip = nla_nest_start(message, CTA_TUPLE_IP | NLA_F_NESTED)) ||
		nla_put(message, a->family == AF_INET ? CTA_IP_V4_DST : CTA_IP_V6_DST,
			(int)addr_len(a), a->bytes) < 0)
		return -ENOMEM;
	(void)nla_nest_end(message, ip);
	(void)nla_nest_end(message, tuple);
	filter = nla_nest_start(message, CTA_FILTER | NLA_F_NESTED);
	if (!filter || nla_put_u32(message, CTA_FILTER_ORIG_FLAGS, FILTER_IP_DST) < 0 ||
		nla_put_u32(message, CTA_FILTER_REPLY_FLAGS, 0) < 0)
		return -ENOMEM;
	(void)nla_nest_end(message, filter);
	return 0;
}

int conntrack_dump_messages(
	uint16_t family, const struct addr *to, nl_recvmsg_msg_cb_t handler, void *userdata)
{
	struct nl_sock *sock;
	struct nl_msg *message =
		conntrack_message(IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, family);
	int r = !message ? -ENOMEM : to && kernel_filters(to) ? put_filter(message, to) : 0;

	if (r >= 0)
		r = conntrack_socket(&sock);
	if (r < 0) {
		nlmsg_free(message);
		return r;
	}
	(void)nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, handler, userdata);
	if (nl_send_auto(sock, message) < 0 || nl_recvmsgs_default(sock) < 0)
		r = -EIO; /* no ctnetlink in this kernel, say */
	nlmsg_free(message);
	nl_socket_free(sock); /* in the middle of a dump, too */
	return r;
}

int conntrack_batch_add(struct conntrack_batch *b, const struct nlmsghdr *message)
{
	size_t len = NLMSG_ALIGN(message->nlmsg_len);

	if (b->len + len > b->size) {
		size_t size = b->size ? b->size * 2 : BUFFER_LEN;
		char *grown = realloc(b->messages, size);

		if (!grown)
			return -ENOMEM;
		b->messages = grown;
		b->size = size;
	}
	memcpy(b->messages + b->len, message, message->nlmsg_len);
	b->len += len;
	b->count++;
	return 0;
}

void conntrack_batch_done(struct conntrack_batch *b)
{
	free(b->messages);
	*b = (struct conntrack_batch){0};
}

/* What fits into one send: the messages from `first` on, numbered from 1 in the whole batch. */
struct part {
	size_t first, count, len;
};

static struct part next_part(const struct conntrack_batch *b, size_t at, size_t first)
{
	size_t max = b->answered ? QUESTIONS_LEN : BUFFER_LEN;
	struct part part = {.first = first};
	struct nlmsghdr *last = NULL;

	while (at + part.len < b->len) {
		struct nlmsghdr *message = (void *)(b->messages + at + part.len);

		if (part.len + NLMSG_ALIGN(message->nlmsg_len) > max)
			break;
		last = message;
		part.len += NLMSG_ALIGN(message->nlmsg_len);
		part.count++;
		message->nlmsg_seq = (uint32_t)(first + part.count);
	}
	if (last)
		last->nlmsg_flags |= NLM_F_ACK;
	return part;
}

struct answers {
	struct part part;
	size_t refused;
	bool over;
	conntrack_refusal handler;
	conntrack_answer answered;
	void *userdata;
};

/* Of another part there are none any more: each was waited for. */
static int take_refusal(struct sockaddr_nl *from, struct nlmsgerr *error, void *userdata)
{
	struct answers *a = userdata;
	size_t n = error->msg.nlmsg_seq;

	(void)from;
	a->refused++;
	a->over |= n == a->part.first + a->part.count;
	if (a->handler && n > a->part.first)
		a->handler(n - 1, error->error, a->userdata);
	return NL_SKIP;
}

static int take_answer(struct nl_msg *message, void *userdata)
{
	struct answers *a = userdata;
	size_t n = nlmsg_hdr(message)->nlmsg_seq;

	if (a->answered && n > a->part.first && n <= a->part.first + a->part.count)
		a->answered(n - 1, message, a->userdata);
	return NL_OK;
}

static int take_ack(struct nl_msg *message, void *userdata)
{
	struct answers *a = userdata;

	(void)message;
	a->over = true;
	return NL_STOP;
}

static int send_part(struct nl_sock *sock, char *bytes, struct answers *a)
{
	(void)nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, take_refusal, a);
	(void)nl_socket_modify_cb(sock, NL_CB_ACK, NL_CB_CUSTOM, take_ack, a);
	(void)nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, take_answer, a);
	if (nl_sendto(sock, bytes, a->part.len) < 0)
		return -EIO;
	while (!a->over)
		if (nl_recvmsgs_default(sock) < 0)
			return -EIO;
	return 0;
}

int conntrack_batch_send(struct conntrack_batch *b, struct instant deadline,
	conntrack_refusal refused, void *userdata, size_t *accepted)
{
	struct nl_sock *sock;
	size_t first = 0;
	int r;

	if (b->count == 0)
		return 0;
	r = conntrack_socket(&sock);
	if (r < 0)
		return r;
	nl_socket_disable_seq_check(sock);
	for (size_t at = 0; r >= 0 && at < b->len;) {
		struct answers a = {.part = next_part(b, at, first),
			.handler = refused,
			.answered = b->answered,
			.userdata = userdata};

		r = send_part(sock, b->messages + at, &a);
		if (r >= 0)
			*accepted += a.part.count - a.refused;
		at += a.part.len;
		first += a.part.count;
		if (r >= 0 && at < b->len && instant_reached(deadline, clock_now()))
			r = -ETIME;
	}
	nl_socket_free(sock);
	return r;
}
