/* rtnetlink's requests as bytes: what io/rtnl asks the kernel for. Nothing here sends. */
#pragma once

#include "core/moved.h"
#include "io/rtnl.h"

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one thing in a batch, at its longest: an IPv6 route or rule. */
#define RTNL_REQUEST_MAX 160

/* The header, and `body_len` bytes of zeros. Returns the body. */
void *rtnl_request_begin(struct nlmsghdr *m, uint16_t type, size_t body_len);
/* To add or to remove an address, a route or a rule: RTNL_REQUEST_MAX bytes at the most. Returns
 * the message's length. */
size_t rtnl_request_moved(struct nlmsghdr *m, enum rtnl_change change, int ifindex,
	const struct moved *what, uint32_t seq);

/* To a message about a link that was begun, which has room for much more: */
/* ... that it is a macvlan. */
void rtnl_request_macvlan(
	struct nlmsghdr *m, const char *name, int parent, const uint8_t mac[static RTNL_MAC_LEN]);
/* ... that the link of that name makes no addresses of its own and answers ARP for its own alone.
 */
void rtnl_request_silence(struct nlmsghdr *m, const char *name, uint32_t rp_filter);
