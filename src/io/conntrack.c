/* What is to be deleted is found by a dump that the kernel filters, and sent back as it came, the
 * entry's number included: an entry that has taken the place of another is not the one meant.
 * libnetfilter_conntrack would send one deletion at a time and wait for each. */
#include "io/conntrack.h"

#include "base/cleanup.h"
#include "io/clock.h"
#include "io/conntrack_batch.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Deletions yet to be sent. */
struct removal {
	struct addr address;
	struct instant deadline;
	struct conntrack_batch batch;
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

static int add_deletion(struct removal *rm, struct nlattr *const attrs[])
{
	static const int kept[] = {CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID};
	struct nl_msg *message =
		conntrack_message(IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST, rm->address.family);
	int r = message ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < sizeof(kept) / sizeof(kept[0]); i++)
		if (attrs[kept[i]])
			r = nla_put(message, attrs[kept[i]]->nla_type, nla_len(attrs[kept[i]]),
				nla_data(attrs[kept[i]]));
	r = r < 0 ? -ENOMEM : conntrack_batch_add(&rm->batch, nlmsg_hdr(message));
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

/* What was found in time is deleted, even when that was not everything. */
static int delete_to(const struct addr *address, struct instant deadline, size_t *deleted)
{
	struct removal rm = {.address = *address, .deadline = deadline};
	int r = conntrack_dump_messages(address->family, address, take_entry, &rm);
	int r_delete = conntrack_batch_send(&rm.batch, deadline, NULL, NULL, deleted);

	conntrack_batch_done(&rm.batch);
	if (rm.error < 0)
		return rm.error;
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
