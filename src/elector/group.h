/* Virtual routers that are Active together or not at all: core/sync_group with routers around it.
 */
#pragma once

#include "core/sync_group.h"
#include "elector/router.h"

struct group {
	char name[STATE_NAME_MAX];
	struct sync_group sync;
	struct router *routers[SYNC_GROUP_MEMBERS_MAX]; /* in the order of sync.members */
};

/* An empty group. */
void group_init(struct group *g, const char *name);
/* The router is a member from now on; it leaves by router_ungroup(). When all members are there, so
 * that their priority is known, router_go_on() is due for each, then group_settle(). */
void group_add(struct group *g, struct router *r);

/* Something happened to a member: what follows for all is done. */
void group_step(struct group *g, size_t place, const struct vrrp_event *event, struct instant now);
/* The priority that all have: the lowest of the members' own. */
uint8_t group_priority(const struct group *g);
/* How long an offer lasts: until the slowest member of a peer could have taken it. */
uint64_t group_patience_us(const struct group *g);
/* Members' own priorities may have changed. */
void group_follow(struct group *g, struct instant now);
/* Ports and members may have changed: join the election when all can, be one when members are new.
 */
void group_settle(struct group *g, struct instant now);
