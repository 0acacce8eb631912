/* A sync group: several virtual routers of one director (its fronts and backs, both families) that
 * are Active together or not at all. One state for all of them, made of one election on each LAN:
 *
 * - Initialize while any member is not ready. What takes one takes all.
 * - Backup until every member, by itself, would be Active: nobody better is there on any LAN. So a
 *   LAN on which the directors cannot hear each other tears nothing, as long as another connects
 *   them: the addresses stay where they are, and those of the cut LAN are on one side of it.
 * - Active until any member loses to a better advert. The others say so, without priority 0: that
 *   means that the director leaves on all LANs, and lets a Backup take over on all of them at once.
 *
 * Between equal priorities the address decides, and could decide differently on each LAN, so that
 * both directors lose, for ever. The first member that has heard the rival decides for all; while
 * it has not, a tie on another LAN is answered, and decides when the first member has had time to
 * hear that answer's answer. */
#pragma once

#include "core/vrrp.h"

#include <stddef.h>

#define SYNC_GROUP_MEMBERS_MAX 32

struct sync_group {
	/* In an order that is the same on both directors. Each is configured as `grouped`, all with
	 * the same priority. Borrowed. */
	struct vrrp *members[SYNC_GROUP_MEMBERS_MAX];
	size_t n;
	/* Active: when each last heard a rival of equal priority, and since when it has. */
	struct sync_tie {
		struct instant since, last;
	} ties[SYNC_GROUP_MEMBERS_MAX];
};

/* An empty group. */
void sync_group_init(struct sync_group *g);
/* Appends; afterwards sync_group_align() is due. At most SYNC_GROUP_MEMBERS_MAX. */
void sync_group_add(struct sync_group *g, struct vrrp *member);

/* Something happened to one member: every member makes its step, all end in one state. Fills
 * effects[0..n-1] with each one's set of vrrp_do. STARTUP and ADOPT are for all members: when all
 * of them are ready, and were a moment ago. */
void sync_group_step(struct sync_group *g, size_t member, const struct vrrp_event *event,
	struct instant now, unsigned *effects);

/* Members that were routers of their own, or are new, come into one state: one that is Active takes
 * the others with it; those of a group whose members are not all ready (`ready`) leave. Fills
 * effects like sync_group_step(). */
void sync_group_align(struct sync_group *g, bool ready, struct instant now, unsigned *effects);
