/* Within io/conntrack*: netlink messages to the kernel's connection tracking, many in one send. */
#pragma once

#include "base/addr.h"
#include "base/instant.h"

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stddef.h>
#include <stdint.h>

/* NULL without memory. */
struct nl_msg *conntrack_message(int type, int flags, uint16_t family);
int conntrack_socket(struct nl_sock **ret); /* 0 or -EIO */

/* A dump of the entries of a family: of those whose client addressed `to`, if it is not NULL and
 * the kernel can tell. 0, -ENOMEM or -EIO. */
int conntrack_dump_messages(
	uint16_t family, const struct addr *to, nl_recvmsg_msg_cb_t handler, void *userdata);

/* What the n-th message was answered with. */
typedef void (*conntrack_answer)(size_t n, struct nl_msg *answer, void *userdata);

/* Messages yet to be sent, one after the other. Zero-initialise. */
struct conntrack_batch {
	char *messages;
	size_t len, size;
	size_t count;
	conntrack_answer answered; /* of questions; NULL: they are none. With that of refusals */
};
int conntrack_batch_add(struct conntrack_batch *b, const struct nlmsghdr *message); /* or -ENOMEM */
void conntrack_batch_done(struct conntrack_batch *b);

/* The n-th message was refused, for -error. */
typedef void (*conntrack_refusal)(size_t n, int error, void *userdata);
/* *accepted grows by what was not refused. 0, -ETIME when the time is over, -ENOMEM or -EIO. */
int conntrack_batch_send(struct conntrack_batch *b, struct instant deadline,
	conntrack_refusal refused, void *userdata, size_t *accepted);
