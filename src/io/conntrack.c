/* What is to be deleted is found by a dump that the kernel filters, and sent back as it came, the
 * entry's number included: an entry that has taken the place of another is not the one meant.
 * libnetfilter_conntrack would send one deletion at a time and wait for each. */
#include "io/conntrack.h"

#include "base/cleanup.h"
#include "io/clock.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CT_MESSAGE(type) (NFNL_SUBSYS_CTNETLINK << 8 | (type))

/* A buffer goes in one send. Each deletion that fails is answered: the answers to a buffer must fit
 * into the receive queue. */
#define BUFFER_LEN ((size_t)32 * 1024)
#define RECEIVE_LEN (1024 * 1024)

/* CTA_FILTER_ORIG_FLAGS: what of the original tuple counts (linux/netfilter/nf_internals.h, which
 * is not among the headers for us). */
#define FILTER_IP_DST (1U << 1)

/* Deletions yet to be sent, one message after the other. */
struct removal {
	struct addr address;
	struct instant deadline;
	char *messages;
	size_t len, size;
	size_t count;
	int error;
};

static int address_attribute(const struct addr *a)
{
	return a->family == AF_INET ? CTA_IP_V4_DST : CTA_IP_V6_DST;
}

/* The destination that the client addressed; false when the message has none of that family. */
static bool is_to(struct nlattr *tuple, const struct addr *a)
{
	struct nlattr *ip = nla_find(nla_data(tuple), nla_len(tuple), CTA_TUPLE_IP);
	struct nlattr *dst = ip ? nla_find(nla_data(ip), nla_len(ip), address_attribute(a)) : NULL;

	return dst && (size_t)nla_len(dst) == addr_len(a) &&
	       memcmp(nla_data(dst), a->bytes, addr_len(a)) == 0;
}

static struct nl_msg *new_message(int type, int flags, uint16_t family)
{
	struct nfgenmsg header = {.nfgen_family = (uint8_t)family, .version = NFNETLINK_V0};
	struct nl_msg *message = nlmsg_alloc_simple(CT_MESSAGE(type), flags);

	if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

static int append(struct removal *rm, const struct nlmsghdr *message)
{
	size_t len = NLMSG_ALIGN(message->nlmsg_len);

	if (rm->len + len > rm->size) {
		size_t size = rm->size ? rm->size * 2 : BUFFER_LEN;
		char *grown = realloc(rm->messages, size);

		if (!grown)
			return -ENOMEM;
		rm->messages = grown;
		rm->size = size;
	}
	memcpy(rm->messages + rm->len, message, message->nlmsg_len);
	rm->len += len;
	rm->count++;
	return 0;
}

static int add_deletion(struct removal *rm, struct nlattr *const attrs[])
{
	static const int kept[] = {CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID};
	struct nl_msg *message =
		new_message(IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST, rm->address.family);
	int r = message ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < sizeof(kept) / sizeof(kept[0]); i++)
		if (attrs[kept[i]])
			r = nla_put(message, attrs[kept[i]]->nla_type, nla_len(attrs[kept[i]]),
				nla_data(attrs[kept[i]]));
	r = r < 0 ? -ENOMEM : append(rm, nlmsg_hdr(message));
	nlmsg_free(message);
	return r;
}

static int take_entry(struct nl_msg *message, void *userdata)
{
	struct nlattr *attrs[CTA_MAX + 1];
	struct removal *rm = userdata;

	if (nlmsg_parse(nlmsg_hdr(message), sizeof(struct nfgenmsg), attrs, CTA_MAX, NULL) < 0 ||
		!attrs[CTA_TUPLE_ORIG] || !is_to(attrs[CTA_TUPLE_ORIG], &rm->address))
		return NL_OK; /* a kernel that does not filter tells everything */
	if (rm->error == 0)
		rm->error = add_deletion(rm, attrs);
	if (instant_reached(rm->deadline, clock_now()))
		rm->error = -ETIME;
	return rm->error < 0 ? NL_STOP : NL_OK;
}

/* The kernel's filter is the wrong way around for IPv6 (6.1, ctnetlink_filter_match_tuple): what is
 * equal is left out. There everything is told, and take_entry() chooses. */
static bool kernel_filters(const struct addr *a)
{
	return a->family == AF_INET;
}

static int put_filter(struct nl_msg *message, const struct addr *a)
{
	struct nlattr *tuple = nla_nest_start(message, CTA_TUPLE_ORIG | NLA_F_NESTED), *ip, *filter;

	if (!tuple || !(ip = nla_nest_start(message, CTA_TUPLE_IP | NLA_F_NESTED)) ||
		nla_put(message, address_attribute(a), (int)addr_len(a), a->bytes) < 0)
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

static int new_socket(struct nl_sock **ret)
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

static int find_entries(struct removal *rm)
{
	struct nl_sock *sock;
	struct nl_msg *message =
		new_message(IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, rm->address.family);
	int r = !message                       ? -ENOMEM
		: kernel_filters(&rm->address) ? put_filter(message, &rm->address)
					       : 0;

	if (r >= 0)
		r = new_socket(&sock);
	if (r < 0) {
		nlmsg_free(message);
		return r;
	}
	(void)nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, take_entry, rm);
	if (nl_send_auto(sock, message) < 0 || nl_recvmsgs_default(sock) < 0)
		r = -EIO; /* no ctnetlink in this kernel, say */
	nlmsg_free(message);
	nl_socket_free(sock); /* in the middle of a dump, too */
	return rm->error < 0 ? rm->error : r;
}

/* The length of the messages that fit into one send, the last of which is to be acknowledged. */
static size_t next_part(const struct removal *rm, size_t at, size_t *ret_count)
{
	size_t len = 0;
	struct nlmsghdr *last = NULL;

	for (*ret_count = 0; at + len < rm->len; (*ret_count)++) {
		struct nlmsghdr *message = (void *)(rm->messages + at + len);

		if (len + NLMSG_ALIGN(message->nlmsg_len) > BUFFER_LEN)
			break;
		last = message;
		len += NLMSG_ALIGN(message->nlmsg_len);
	}
	if (last) {
		last->nlmsg_flags |= NLM_F_ACK;
		last->nlmsg_seq = 1;
	}
	return len;
}

struct answers {
	size_t refused;
	bool over;
};

/* Numbers tell the last message's answer from the others', which come only when they fail. */
static int take_refusal(struct sockaddr_nl *from, struct nlmsgerr *error, void *userdata)
{
	struct answers *answers = userdata;

	(void)from;
	answers->refused++;
	answers->over |= error->msg.nlmsg_seq == 1;
	return NL_SKIP;
}

static int take_ack(struct nl_msg *message, void *userdata)
{
	struct answers *answers = userdata;

	(void)message;
	answers->over = true;
	return NL_STOP;
}

static int send_part(struct nl_sock *sock, char *part, size_t len, size_t *ret_refused)
{
	struct answers answers = {0};

	(void)nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, take_refusal, &answers);
	(void)nl_socket_modify_cb(sock, NL_CB_ACK, NL_CB_CUSTOM, take_ack, &answers);
	if (nl_sendto(sock, part, len) < 0)
		return -EIO;
	while (!answers.over)
		if (nl_recvmsgs_default(sock) < 0)
			return -EIO;
	*ret_refused = answers.refused;
	return 0;
}

static int delete_entries(struct removal *rm, size_t *deleted)
{
	struct nl_sock *sock;
	int r = new_socket(&sock);

	if (r < 0)
		return r;
	nl_socket_disable_seq_check(sock);
	for (size_t at = 0; r >= 0 && at < rm->len;) {
		size_t count, refused = 0, len = next_part(rm, at, &count);

		r = send_part(sock, rm->messages + at, len, &refused);
		if (r >= 0)
			*deleted += count - refused;
		at += len;
		if (r >= 0 && at < rm->len && instant_reached(rm->deadline, clock_now()))
			r = -ETIME;
	}
	nl_socket_free(sock);
	return r;
}

/* What was found in time is deleted, even when that was not everything. */
static int delete_to(const struct addr *address, struct instant deadline, size_t *deleted)
{
	struct removal rm = {.address = *address, .deadline = deadline};
	int r = find_entries(&rm);
	int r_delete = rm.count > 0 ? delete_entries(&rm, deleted) : 0;

	free(rm.messages);
	return r < 0 ? r : r_delete;
}

int conntrack_delete_to(
	const struct addr *addresses, size_t n, uint64_t budget_us, size_t *ret_deleted)
{
	struct instant deadline = instant_add(clock_now(), budget_us);
	int r = 0;

	*ret_deleted = 0;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = delete_to(&addresses[i], deadline, ret_deleted);
	return r;
}

/* The place of a column among blanks, from its line of names; -1: it has none. */
static int find_column(char *names, const char *name)
{
	char *next = names, *word;

	for (int column = 0; (word = strtok_r(next, " \n", &next)); column++)
		if (strcmp(word, name) == 0)
			return column;
	return -1;
}

/* One line of names, then one of hexadecimal numbers for each processor. */
int conntrack_insert_failed(uint64_t *ret)
{
	auto_fclose FILE *f = fopen("/proc/net/stat/nf_conntrack", "re");
	char line[512];
	uint64_t sum = 0;
	int column;

	if (!f)
		return -errno;
	column = fgets(line, sizeof(line), f) ? find_column(line, "insert_failed") : -1;
	if (column < 0)
		return -EIO;
	while (fgets(line, sizeof(line), f)) {
		char *next = line, *word = strtok_r(next, " \n", &next);

		for (int i = 0; word && i < column; i++)
			word = strtok_r(next, " \n", &next);
		sum += word ? strtoull(word, NULL, 16) : 0;
	}
	*ret = sum;
	return 0;
}
