/* Interfaces and routes, watched: what changes is told as it happens, and what there is when asked
 * for, in pieces, so that a large table holds nothing up. Needs no privilege. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct net_monitor;

struct net_monitor_handler {
	void (*link)(int ifindex, const char *name, bool admin_up, bool carrier, void *userdata);
	void (*link_gone)(int ifindex, void *userdata);
	/* A route appeared or went, or is one of those asked for (`change` false). Only unicast
	 * routes that can be used are told of what was asked. */
	void (*route)(const struct addr_prefix *to, uint32_t table, bool change, void *userdata);
	/* An address went, and routes may have gone with it without a word. */
	void (*address_gone)(void *userdata);
	/* All that was asked for last has been told; false: it changed meanwhile. */
	void (*told)(bool whole, void *userdata);
};

/* `handler` is borrowed. 0 or -errno. */
int net_monitor_open(
	const struct net_monitor_handler *handler, void *userdata, struct net_monitor **ret);
void net_monitor_close(struct net_monitor *m); /* NULL is fine */

/* Readable when something changed: net_monitor_read(). -ENOBUFS: changes were lost. 0 or -errno. */
int net_monitor_fd(const struct net_monitor *m);
int net_monitor_read(struct net_monitor *m);

/* Ask for all links, or all routes of a family; one at a time. 0 or -errno. */
int net_monitor_ask_links(struct net_monitor *m);
int net_monitor_ask_routes(struct net_monitor *m, uint16_t family);
/* Readable when there is a part of the answer: net_monitor_read_answer(), which reads some of it. 0
 * or -errno. */
int net_monitor_answer_fd(const struct net_monitor *m);
int net_monitor_read_answer(struct net_monitor *m);
