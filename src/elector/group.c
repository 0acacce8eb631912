/* The members' steps are carried out together: every address that is to go is gone before the first
 * word is sent on any LAN. */
#include "elector/group.h"

#include "elector/holding.h"

#include <stdio.h>

void group_init(struct group *g, const char *name)
{
	*g = (struct group){0};
	sync_group_init(&g->sync);
	(void)snprintf(g->name, sizeof(g->name), "%s", name);
}

void group_add(struct group *g, struct router *r)
{
	r->group = g;
	r->place = g->sync.n;
	g->routers[g->sync.n] = r;
	sync_group_add(&g->sync, &r->vrrp);
}

uint8_t group_priority(const struct group *g)
{
	uint8_t lowest = UINT8_MAX;

	for (size_t i = 0; i < g->sync.n; i++) {
		uint8_t own = router_own_priority(g->routers[i]);
		if (own < lowest)
			lowest = own;
	}
	return lowest;
}

uint64_t group_patience_us(const struct group *g)
{
	uint64_t longest_us = 0;

	for (size_t i = 0; i < g->sync.n; i++) {
		uint64_t own_us = router_patience_us(g->routers[i]);
		if (own_us > longest_us)
			longest_us = own_us;
	}
	return longest_us;
}

void group_follow(struct group *g, struct instant now)
{
	for (size_t i = 0; i < g->sync.n; i++) {
		struct router *r = g->routers[i];
		router_carry_out(r, router_follow(r, now), now);
	}
}

static void remember(const struct group *g, struct vrrp *ret)
{
	for (size_t i = 0; i < g->sync.n; i++)
		ret[i] = g->routers[i]->vrrp;
}

/* A word to the operator may be the cause of a further step, so that it comes last. */
static void conclude(
	struct group *g, const struct vrrp *before, const unsigned *effects, struct instant now)
{
	for (size_t i = 0; i < g->sync.n; i++)
		router_carry_out(g->routers[i], effects[i] & VRRP_DO_RELEASE, now);
	for (size_t i = 0; i < g->sync.n; i++) {
		unsigned rest = effects[i] & ~(unsigned)VRRP_DO_RELEASE;
		rest |= router_became(g->routers[i], &before[i], now);
		router_carry_out(g->routers[i], rest, now);
	}
	group_follow(g, now);
	for (size_t i = 0; i < g->sync.n; i++)
		router_tell(g->routers[i], &before[i], now);
	for (size_t i = 0; i < g->sync.n; i++)
		router_leave_for_maintenance(g->routers[i], now);
}

void group_step(struct group *g, size_t place, const struct vrrp_event *event, struct instant now)
{
	struct vrrp before[SYNC_GROUP_MEMBERS_MAX];
	unsigned effects[SYNC_GROUP_MEMBERS_MAX];

	remember(g, before);
	sync_group_step(&g->sync, place, event, now, effects);
	conclude(g, before, effects, now);
}

static bool is_ready(const struct group *g)
{
	for (size_t i = 0; i < g->sync.n; i++)
		if (!router_is_ready(g->routers[i]))
			return false;
	return true;
}

static bool all_in(const struct group *g, enum vrrp_state state)
{
	for (size_t i = 0; i < g->sync.n; i++)
		if (g->routers[i]->vrrp.state != state)
			return false;
	return true;
}

/* What a predecessor left is adopted whole or not at all. */
static void begin(struct group *g, struct instant now)
{
	struct vrrp_event event = {.kind = VRRP_EV_ADOPT};

	for (size_t i = 0; i < g->sync.n; i++)
		if (!router_can_adopt(g->routers[i], now))
			event.kind = VRRP_EV_STARTUP;
	for (size_t i = 0; i < g->sync.n; i++)
		router_prepare(g->routers[i], event.kind == VRRP_EV_ADOPT, now);
	group_step(g, 0, &event, now);
}

static void align(struct group *g, bool ready, struct instant now)
{
	struct vrrp before[SYNC_GROUP_MEMBERS_MAX];
	unsigned effects[SYNC_GROUP_MEMBERS_MAX];

	for (size_t i = 0; ready && i < g->sync.n; i++)
		if (g->routers[i]->vrrp.state == VRRP_INITIALIZE)
			router_prepare(g->routers[i], false, now);
	remember(g, before);
	sync_group_align(&g->sync, ready, now, effects);
	conclude(g, before, effects, now);
}

void group_settle(struct group *g, struct instant now)
{
	bool ready = is_ready(g);

	if (!all_in(g, g->routers[0]->vrrp.state))
		align(g, ready, now);
	else if (ready && all_in(g, VRRP_INITIALIZE))
		begin(g, now);
	for (size_t i = 0; !ready && i < g->sync.n; i++)
		router_disown(g->routers[i]);
}
