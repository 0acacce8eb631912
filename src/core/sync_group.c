/* The rules of sync_group.h over the state machines of the members. */
#include "core/sync_group.h"

#include <assert.h>

static const struct sync_tie no_tie = {{UINT64_MAX}, {0}};

static void forget_ties(struct sync_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		g->ties[i] = no_tie;
}

void sync_group_init(struct sync_group *g)
{
	*g = (struct sync_group){0};
}

void sync_group_add(struct sync_group *g, struct vrrp *member)
{
	assert(g->n < SYNC_GROUP_MEMBERS_MAX);
	g->ties[g->n] = no_tie;
	g->members[g->n++] = member;
}

/* The same event for every member but one (g->n: for all). */
static void step_others(struct sync_group *g, size_t but, enum vrrp_event_kind kind,
	struct instant now, unsigned *effects)
{
	struct vrrp_event event = {.kind = kind};

	for (size_t i = 0; i < g->n; i++)
		if (i != but)
			effects[i] |= vrrp_step(g->members[i], &event, now);
}

static bool all_vacant(const struct sync_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (!g->members[i]->vacant)
			return false;
	return true;
}

/* All members of a director have one priority. So who resigned on one LAN is, with the priority
 * that it had there, the router that another member follows, and leaves on that LAN as well. */
static bool leaves_everywhere(const struct sync_group *g, uint8_t priority)
{
	if (priority == 0) /* nobody was followed */
		return false;
	for (size_t i = 0; i < g->n; i++)
		if (!g->members[i]->vacant && g->members[i]->peer_priority != priority)
			return false;
	return true;
}

static bool any_preparing(const struct sync_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->members[i]->prepare == VRRP_PREPARING)
			return true;
	return false;
}

/* All together, as soon as all are prepared. */
static void take(struct sync_group *g, struct instant now, unsigned *effects)
{
	forget_ties(g);
	step_others(g, g->n, VRRP_EV_GROUP_PREPARE, now, effects);
	if (!any_preparing(g))
		step_others(g, g->n, VRRP_EV_GROUP_TAKE, now, effects);
}

/* 6.4.2 for all members. `before` is what the stepping member was. */
static void backup_stepped(struct sync_group *g, size_t member, const struct vrrp *before,
	struct instant now, unsigned *effects)
{
	const struct vrrp *v = g->members[member];
	bool resigned = v->vacant == VRRP_REASON_PEER_RESIGNED && !before->vacant;

	if (all_vacant(g) || (resigned && leaves_everywhere(g, before->peer_priority)))
		take(g, now, effects);
	else if (before->vacant && !v->vacant)
		for (size_t i = 0; i < g->n; i++)
			vrrp_unprepare(g->members[i]);
}

/* One that woke up too late to believe the silence on its LAN believes no other's. */
static bool woke_late(const struct vrrp *v, const struct vrrp *before, enum vrrp_event_kind kind)
{
	return kind == VRRP_EV_TIMER && v->state == VRRP_BACKUP && before->state == VRRP_BACKUP &&
	       !v->vacant && !v->vouched && v->deadline.us > before->deadline.us;
}

static void listen_again(struct sync_group *g, struct instant now)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->members[i]->vacant)
			vrrp_listen(g->members[i], now);
}

static uint64_t tie_memory_us(const struct vrrp *v)
{
	return vrrp_shortest_down_us(v->config.interval_cs, v->config.down_intervals);
}

/* Whether a rival of equal priority, with the higher address here, has to be answered instead of
 * yielded to. */
static bool tie_is_ours(const struct sync_group *g, size_t member, struct instant now)
{
	for (size_t i = 0; i < member; i++)
		if (instant_between_us(g->ties[i].last, now) < tie_memory_us(g->members[i]))
			return true; /* it would have yielded, were it not ours */
	if (member == 0)
		return false;
	return instant_between_us(g->ties[member].since, now) < tie_memory_us(g->members[0]);
}

/* A rival that has been silent for long is another one. */
static void note_tie(struct sync_group *g, size_t member, struct instant now)
{
	struct sync_tie *t = &g->ties[member];

	if (instant_between_us(t->last, now) >= tie_memory_us(g->members[member]))
		t->since = now;
	t->last = now;
}

/* Adverts of our own that came back are no rival's. */
static bool is_tie(const struct vrrp *v, const struct vrrp_event *event)
{
	return v->state == VRRP_ACTIVE && event->kind == VRRP_EV_ADVERT &&
	       event->advert->priority == v->config.priority &&
	       !addr_equal(&event->advert->source, &v->config.primary);
}

static bool is_for_all(enum vrrp_event_kind kind)
{
	return kind == VRRP_EV_STARTUP || kind == VRRP_EV_ADOPT || kind == VRRP_EV_SHUTDOWN ||
	       kind == VRRP_EV_YIELD;
}

/* The stepping member came to another state: where do the others go? */
static void follow(struct sync_group *g, size_t member, const struct vrrp *before,
	struct instant now, unsigned *effects)
{
	switch (g->members[member]->state) {
	case VRRP_INITIALIZE:
		step_others(g, member, VRRP_EV_GROUP_DOWN, now, effects);
		return;
	case VRRP_BACKUP:
		if (before->state == VRRP_ACTIVE)
			step_others(g, member, VRRP_EV_GROUP_LOSE, now, effects);
		backup_stepped(g, member, before, now, effects);
		return;
	case VRRP_ACTIVE:
	case VRRP_STATE_MAX_:
		return;
	}
}

void sync_group_step(struct sync_group *g, size_t member, const struct vrrp_event *event,
	struct instant now, unsigned *effects)
{
	struct vrrp *v = g->members[member];
	struct vrrp before = *v;
	struct vrrp_event decided = *event;

	for (size_t i = 0; i < g->n; i++)
		effects[i] = 0;
	if (is_for_all(event->kind)) {
		forget_ties(g);
		step_others(g, g->n, event->kind, now, effects);
		return;
	}
	if (is_tie(v, event)) {
		note_tie(g, member, now);
		decided.tie_is_ours = tie_is_ours(g, member, now);
	}
	effects[member] = vrrp_step(v, &decided, now);
	if (woke_late(v, &before, event->kind))
		listen_again(g, now);
	follow(g, member, &before, now, effects);
}

static bool any_in(const struct sync_group *g, enum vrrp_state state)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->members[i]->state == state)
			return true;
	return false;
}

void sync_group_align(struct sync_group *g, bool ready, struct instant now, unsigned *effects)
{
	for (size_t i = 0; i < g->n; i++)
		effects[i] = 0;
	forget_ties(g);
	if (!ready)
		step_others(g, g->n, VRRP_EV_GROUP_DOWN, now, effects);
	else if (any_in(g, VRRP_ACTIVE))
		step_others(g, g->n, VRRP_EV_GROUP_TAKE, now, effects);
	else if (any_in(g, VRRP_BACKUP))
		step_others(g, g->n, VRRP_EV_STARTUP, now, effects);
}
