/* The VRRP state machine (RFC 9568, section 6.4), with these rules beyond it, each in
 * docs/decisions.md: late is lost, no skew for two, the loser says so and the winner shouts, a cap
 * on the interval that a peer can teach us, a delay before preempting, and silence that is believed
 * neither before the link has settled, nor while the peer says otherwise by another way; and a
 * takeover that waits, for a bounded time, for what must be done before. This
 * module decides who is Active; whether the interface is up, and what an effect does, is the
 * caller's business. */
#include "core/vrrp.h"

#include <assert.h>

#define CENTISECOND_US UINT64_C(10000)
#define SECOND_US UINT64_C(1000000)
#define PATIENCE_CS 100
#define MISSING_AFTER 2 /* intervals */
#define LOOKS 16u       /* in an interval */
#define TAKE_OVER (VRRP_DO_CLAIM | VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE)

const char *vrrp_state_name(enum vrrp_state state)
{
	static const char *const names[VRRP_STATE_MAX_] = {
		[VRRP_INITIALIZE] = "initialize",
		[VRRP_BACKUP] = "backup",
		[VRRP_ACTIVE] = "active",
	};

	assert(state < VRRP_STATE_MAX_);
	return names[state];
}

const char *vrrp_reason_name(enum vrrp_reason reason)
{
	static const char *const names[VRRP_REASON_MAX_] = {
		[VRRP_REASON_NONE] = "none",
		[VRRP_REASON_STARTUP] = "startup",
		[VRRP_REASON_OWNER] = "owner",
		[VRRP_REASON_ADOPTED] = "adopted",
		[VRRP_REASON_ACTIVE_DOWN] = "active-down",
		[VRRP_REASON_PEER_DEAD] = "peer-dead",
		[VRRP_REASON_PEER_RESIGNED] = "peer-resigned",
		[VRRP_REASON_BETTER_ADVERT] = "better-advert",
		[VRRP_REASON_LATE] = "late",
		[VRRP_REASON_LINK_DOWN] = "link-down",
		[VRRP_REASON_NO_ADDRESS] = "no-address",
		[VRRP_REASON_YIELDED] = "yielded",
		[VRRP_REASON_FAULT] = "fault",
		[VRRP_REASON_GROUP] = "group",
		[VRRP_REASON_SHUTDOWN] = "shutdown",
	};

	assert(reason < VRRP_REASON_MAX_);
	return names[reason];
}

static uint64_t interval_us(const struct vrrp *v)
{
	return v->config.interval_cs * CENTISECOND_US;
}

/* Active_Down_Interval (6.1): three of the Active router's intervals, or as many as are configured,
 * and Skew_Time, which version 2 counts in seconds. */
static uint64_t silence_us(
	const struct vrrp_config *c, uint16_t active_interval_cs, uint8_t intervals)
{
	uint64_t active_us = active_interval_cs * CENTISECOND_US;
	uint64_t unit_us = c->version == 2 ? SECOND_US : active_us;

	assert(intervals > 0);
	return intervals * active_us + (256u - c->priority) * unit_us / 256;
}

static uint64_t down_us(const struct vrrp_config *c, uint16_t active_interval_cs)
{
	return silence_us(c, active_interval_cs, c->down_intervals);
}

uint8_t vrrp_silence_intervals(const struct vrrp_config *config)
{
	return config->fast_failover ? 1 : config->down_intervals;
}

/* Version 2's Skew_Time is the shorter one where intervals are longer than a second. */
uint64_t vrrp_shortest_down_us(uint16_t interval_cs, uint8_t down_intervals)
{
	uint64_t active_us = interval_cs * CENTISECOND_US;
	uint64_t unit_us = active_us < SECOND_US ? active_us : SECOND_US;

	return down_intervals * active_us + unit_us / 256;
}

uint16_t vrrp_patience_cs(uint16_t interval_cs)
{
	unsigned trusted = VRRP_INTERVAL_TRUST * (unsigned)interval_cs;
	unsigned enough = trusted < PATIENCE_CS ? trusted : PATIENCE_CS;

	return interval_cs > enough ? interval_cs : (uint16_t)enough;
}

static void enter(
	struct vrrp *v, enum vrrp_state state, enum vrrp_reason reason, struct instant now)
{
	v->state = state;
	v->reason = reason;
	v->since = now;
	v->vouched = false;
	v->look = INSTANT_NEVER;
	v->prepare = VRRP_UNPREPARED;
}

/* A link that has just come up may carry nothing yet, while a switch learns who is there. Whoever
 * has been heard since proves that it does. */
static void set_active_down(struct vrrp *v)
{
	v->vacant = VRRP_REASON_NONE;
	v->prepare = VRRP_UNPREPARED;
	v->deadline = instant_add(v->mark, down_us(&v->config, v->active_interval_cs));
	if (!v->peer.family)
		v->deadline = instant_max(v->deadline, instant_add(v->joined, v->config.settle_us));
}

static void arm_active_down(struct vrrp *v, struct instant now)
{
	v->mark = now;
	set_active_down(v);
}

/* One advert is missing when it should have been there for a Skew_Time. Nobody is missed who was
 * not heard. */
static void set_look(struct vrrp *v)
{
	v->look = v->config.fast_failover && v->heard.us && !v->vacant
			  ? instant_add(v->heard, silence_us(&v->config, v->active_interval_cs, 1))
			  : INSTANT_NEVER;
}

/* Adver_Timer starts with each advert, so that lateness is counted from the last one. */
static unsigned advertise(struct vrrp *v, struct instant now)
{
	v->mark = now;
	v->deadline = instant_add(now, interval_us(v));
	return VRRP_DO_ADVERT;
}

static void forget_peer(struct vrrp *v)
{
	v->peer = (struct addr){0};
	v->peer_priority = 0;
	v->heard = (struct instant){0};
	v->preempt_from = INSTANT_NEVER;
}

static void become_initialize(struct vrrp *v, enum vrrp_reason reason, struct instant now)
{
	enter(v, VRRP_INITIALIZE, reason, now);
	v->deadline = INSTANT_NEVER;
	v->vacant = VRRP_REASON_NONE;
	forget_peer(v);
}

static unsigned become_active(struct vrrp *v, enum vrrp_reason reason, struct instant now)
{
	enter(v, VRRP_ACTIVE, reason, now);
	v->vacant = VRRP_REASON_NONE;
	v->link_is_new = false;
	v->next_shout = now;
	v->owes_shout = false;
	return TAKE_OVER | advertise(v, now);
}

static void become_backup(struct vrrp *v, enum vrrp_reason reason, struct instant now)
{
	enter(v, VRRP_BACKUP, reason, now);
	forget_peer(v);
	v->active_interval_cs = v->config.interval_cs;
	arm_active_down(v, now);
}

/* Once for each takeover. */
static unsigned prepare(struct vrrp *v, struct instant now)
{
	if (!v->config.prepare_us || v->prepare != VRRP_UNPREPARED)
		return 0;
	v->prepare = VRRP_PREPARING;
	v->deadline = instant_add(now, v->config.prepare_us);
	return VRRP_DO_PREPARE;
}

/* Who would be Active by itself is, or prepares for it, or waits for its group. */
static unsigned take_over(struct vrrp *v, enum vrrp_reason reason, struct instant now)
{
	if (!v->config.grouped && !v->config.prepare_us)
		return become_active(v, reason, now);
	if (v->prepare == VRRP_PREPARING)
		return 0;
	v->vacant = reason;
	v->vouched = false;
	v->deadline = v->look = INSTANT_NEVER;
	return v->config.grouped ? 0 : prepare(v, now);
}

/* One advert, forged or mistaken, must not silence us for long. In version 2 all routers are
 * configured with the same interval. */
static void learn_interval(struct vrrp *v, uint16_t interval_cs)
{
	unsigned limit = VRRP_INTERVAL_TRUST * (unsigned)v->config.interval_cs;

	if (v->config.version == 2)
		interval_cs = v->config.interval_cs;
	v->active_interval_cs = interval_cs > limit ? (uint16_t)limit : interval_cs;
}

static void remember(struct vrrp *v, const struct vrrp_heard *advert, struct instant now)
{
	v->peer = advert->source;
	v->peer_priority = advert->priority;
	v->heard = now;
	v->vouched = false;
}

bool vrrp_is_outranked(const struct vrrp *v, const struct vrrp_heard *advert, bool *ret_tie)
{
	*ret_tie = advert->priority == v->config.priority;
	return *ret_tie ? addr_compare(&advert->source, &v->config.primary) > 0
			: advert->priority > v->config.priority;
}

/* The owner of the addresses needs no second look at an empty LAN, but a link that works. */
static unsigned join(struct vrrp *v, struct instant now)
{
	bool settled;

	if (v->link_is_new)
		v->joined = now;
	v->link_is_new = false;
	settled = instant_reached(instant_add(v->joined, v->config.settle_us), now);
	if (v->config.priority == 255 && settled && !v->config.grouped && !v->config.prepare_us)
		return become_active(v, VRRP_REASON_OWNER, now);
	become_backup(v, VRRP_REASON_STARTUP, now);
	if (v->config.priority == 255)
		v->deadline = instant_max(now, instant_add(v->joined, v->config.settle_us));
	return 0;
}

static unsigned step_initialize(struct vrrp *v, const struct vrrp_event *event, struct instant now)
{
	switch (event->kind) {
	case VRRP_EV_STARTUP:
		return join(v, now);
	case VRRP_EV_ADOPT:
		return become_active(v, VRRP_REASON_ADOPTED, now);
	case VRRP_EV_GROUP_TAKE:
		return become_active(v, VRRP_REASON_GROUP, now);
	case VRRP_EV_LINK_DOWN:
		v->link_is_new = true;
		return 0;
	case VRRP_EV_FAULT: /* what keeps it from joining may be another thing than before */
		if (v->reason != VRRP_REASON_FAULT)
			become_initialize(v, VRRP_REASON_FAULT, now);
		return 0;
	case VRRP_EV_SHUTDOWN:
	case VRRP_EV_NO_ADDRESS:
	case VRRP_EV_YIELD:
	case VRRP_EV_PREPARED:
	case VRRP_EV_GROUP_PREPARE:
	case VRRP_EV_GROUP_LOSE:
	case VRRP_EV_GROUP_DOWN:
	case VRRP_EV_TIMER:
	case VRRP_EV_ADVERT:
		return 0;
	}
	return 0;
}

/* Whether the Active router that sent this is to be succeeded although it is alive. One that was
 * better before and lowers itself to the least priority asks for it: there is nothing to wait for.
 */
static bool may_preempt(struct vrrp *v, const struct vrrp_heard *advert, struct instant now)
{
	bool asks = advert->priority == VRRP_PRIORITY_LEAST &&
		    addr_equal(&v->peer, &advert->source) && v->peer_priority >= v->config.priority;
	/* Another was there first, which has asked for nothing; or it takes that back. */
	bool asks_no_more =
		v->peer_priority == VRRP_PRIORITY_LEAST &&
		(advert->priority != VRRP_PRIORITY_LEAST || !addr_equal(&v->peer, &advert->source));

	if (advert->priority >= v->config.priority) {
		v->preempt_from = INSTANT_NEVER;
		return false;
	}
	if (v->config.priority == 255)
		return true;
	if (asks)
		v->preempt_from = now;
	else if (instant_is_never(v->preempt_from) || asks_no_more)
		v->preempt_from = instant_add(now, v->config.preempt_delay_us);
	return v->config.preempt && instant_reached(v->preempt_from, now) &&
	       instant_reached(instant_add(v->joined, v->config.settle_us), now);
}

/* 6.4.2. Priority 0 counts when it comes from the router that we follow: a straggler that resigns
 * after somebody else took over must not make two of us Active. Our own, come back by a loop of the
 * LAN or sent again by somebody, invites the peer and not us. */
static unsigned backup_hears(struct vrrp *v, const struct vrrp_heard *advert, struct instant now)
{
	bool preempts, waited = v->vouched;

	if (advert->priority == 0) {
		if (v->peer.family && !addr_equal(&v->peer, &advert->source))
			return 0;
		if (addr_equal(&advert->source, &v->config.primary))
			return 0;
		/* No Skew_Time: it keeps several Backups apart, and a pair has one. */
		remember(v, advert, now);
		return take_over(v, VRRP_REASON_PEER_RESIGNED, now);
	}
	preempts = may_preempt(v, advert, now);
	remember(v, advert, now);
	v->look = INSTANT_NEVER; /* who preempts waits for its own time */
	if (preempts) {
		if (waited) /* for adverts that were missing: they are not any more */
			set_active_down(v);
		return 0;
	}
	learn_interval(v, advert->interval_cs);
	arm_active_down(v, now);
	set_look(v);
	return 0;
}

/* The timer of one that preempts runs out while adverts come: they are not missing then. */
static bool misses_adverts(const struct vrrp *v, struct instant now)
{
	return instant_between_us(v->heard, now) >= MISSING_AFTER * interval_us(v);
}

/* A LAN that does not carry adverts is no reason for a second Active router. Whether the peer is
 * still there is asked again as soon as its word does not count any more. */
static void wait_for_peer(struct vrrp *v, struct instant vouched, struct instant now)
{
	v->vouched = true;
	v->deadline = instant_min(vouched, instant_add(now, interval_us(v)));
}

/* A Backup that slept through a whole further Active_Down_Interval knows nothing about the present:
 * it listens before it takes over. */
static unsigned active_is_down(struct vrrp *v, struct instant vouched, struct instant now)
{
	uint64_t late_us = instant_between_us(v->deadline, now);

	if (late_us > down_us(&v->config, v->active_interval_cs)) {
		arm_active_down(v, now);
		return 0;
	}
	if (!instant_reached(vouched, now) && misses_adverts(v, now)) {
		wait_for_peer(v, vouched, now);
		return 0;
	}
	return take_over(
		v, v->config.priority == 255 ? VRRP_REASON_OWNER : VRRP_REASON_ACTIVE_DOWN, now);
}

/* One advert is missing: that may be the network's fault, and the link's silence the link's. Both
 * together are a dead peer. Who slept meanwhile was deaf on both, and listens first. */
static unsigned advert_is_missing(
	struct vrrp *v, const struct vrrp_event *event, struct instant now)
{
	if (instant_between_us(v->look, now) > interval_us(v)) {
		v->look = instant_add(now, silence_us(&v->config, v->active_interval_cs, 1));
		return 0;
	}
	if (event->dead && instant_reached(event->vouched, now))
		return take_over(v, VRRP_REASON_PEER_DEAD, now);
	v->look = instant_add(now, interval_us(v) / LOOKS);
	return 0;
}

/* The wait is over. One that slept meanwhile knows nothing about the present. */
static unsigned is_prepared(struct vrrp *v, struct instant now)
{
	if (instant_between_us(v->deadline, now) > down_us(&v->config, v->active_interval_cs)) {
		arm_active_down(v, now);
		return 0;
	}
	if (!v->config.grouped)
		return become_active(v, v->vacant, now);
	v->prepare = VRRP_PREPARED;
	v->deadline = INSTANT_NEVER;
	return 0;
}

static unsigned backup_timer(struct vrrp *v, const struct vrrp_event *event, struct instant now)
{
	if (instant_reached(v->deadline, now))
		return v->prepare == VRRP_PREPARING ? is_prepared(v, now)
						    : active_is_down(v, event->vouched, now);
	return instant_reached(v->look, now) ? advert_is_missing(v, event, now) : 0;
}

/* What its group has decided holds for one that would not be Active by itself, too. */
static unsigned prepare_for_group(struct vrrp *v, struct instant now)
{
	if (!v->vacant) {
		v->vacant = VRRP_REASON_GROUP;
		v->deadline = v->look = INSTANT_NEVER;
	}
	return prepare(v, now);
}

struct instant vrrp_next(const struct vrrp *v)
{
	return instant_min(v->deadline, v->look);
}

static unsigned step_backup(struct vrrp *v, const struct vrrp_event *event, struct instant now)
{
	switch (event->kind) {
	case VRRP_EV_STARTUP:
	case VRRP_EV_ADOPT:
		return 0;
	case VRRP_EV_SHUTDOWN:
		become_initialize(v, VRRP_REASON_SHUTDOWN, now);
		return 0;
	case VRRP_EV_LINK_DOWN:
		become_initialize(v, VRRP_REASON_LINK_DOWN, now);
		v->link_is_new = true;
		return 0;
	case VRRP_EV_NO_ADDRESS:
		become_initialize(v, VRRP_REASON_NO_ADDRESS, now);
		return 0;
	case VRRP_EV_FAULT:
		become_initialize(v, VRRP_REASON_FAULT, now);
		return 0;
	case VRRP_EV_GROUP_DOWN:
		become_initialize(v, VRRP_REASON_GROUP, now);
		return 0;
	case VRRP_EV_GROUP_TAKE:
		return become_active(v, v->vacant ? v->vacant : VRRP_REASON_GROUP, now);
	case VRRP_EV_YIELD:
	case VRRP_EV_GROUP_LOSE:
		return 0;
	case VRRP_EV_PREPARED:
		return v->prepare == VRRP_PREPARING ? is_prepared(v, now) : 0;
	case VRRP_EV_GROUP_PREPARE:
		return prepare_for_group(v, now);
	case VRRP_EV_TIMER:
		return backup_timer(v, event, now);
	case VRRP_EV_ADVERT:
		return backup_hears(v, event->advert, now);
	}
	return 0;
}

static unsigned shout(struct vrrp *v, struct instant now)
{
	v->next_shout = instant_add(now, interval_us(v));
	v->owes_shout = false;
	return VRRP_DO_ANNOUNCE;
}

/* 6.4.3: say again who is Active, to the rival and, at most once in an interval, to the switches
 * and hosts that may have learned the rival's way. The last word is ours: what is too soon now
 * comes with the next advert. */
static unsigned assert_active(struct vrrp *v, struct instant now)
{
	unsigned effects = advertise(v, now);

	if (instant_reached(v->next_shout, now))
		return effects | shout(v, now);
	v->owes_shout = true;
	return effects;
}

static unsigned remain_active(struct vrrp *v, struct instant now)
{
	unsigned effects = advertise(v, now);

	return v->owes_shout ? effects | shout(v, now) : effects;
}

static unsigned active_hears(
	struct vrrp *v, const struct vrrp_heard *advert, bool tie_is_ours, struct instant now)
{
	bool tie;

	/* Our own advert come back, or a twin with our address: answering would never end. */
	if (addr_equal(&advert->source, &v->config.primary))
		return 0;
	if (!vrrp_is_outranked(v, advert, &tie) || (tie && tie_is_ours)) {
		remember(v, advert, now);
		return assert_active(v, now);
	}
	become_backup(v, VRRP_REASON_BETTER_ADVERT, now);
	remember(v, advert, now);
	learn_interval(v, advert->interval_cs);
	arm_active_down(v, now);
	set_look(v);
	/* The last advert tells the winner that it had a rival, and so to announce itself. */
	return VRRP_DO_RELEASE | VRRP_DO_ADVERT;
}

static unsigned step_active(struct vrrp *v, const struct vrrp_event *event, struct instant now)
{
	switch (event->kind) {
	case VRRP_EV_STARTUP:
	case VRRP_EV_ADOPT:
		return 0;
	case VRRP_EV_SHUTDOWN:
		become_initialize(v, VRRP_REASON_SHUTDOWN, now);
		return VRRP_DO_RELEASE | VRRP_DO_RESIGN;
	case VRRP_EV_LINK_DOWN:
		become_initialize(v, VRRP_REASON_LINK_DOWN, now);
		v->link_is_new = true;
		return VRRP_DO_RELEASE;
	case VRRP_EV_NO_ADDRESS:
		become_initialize(v, VRRP_REASON_NO_ADDRESS, now);
		return VRRP_DO_RELEASE | VRRP_DO_RESIGN;
	case VRRP_EV_FAULT:
		become_initialize(v, VRRP_REASON_FAULT, now);
		return VRRP_DO_RELEASE | VRRP_DO_RESIGN;
	case VRRP_EV_YIELD:
		become_backup(v, VRRP_REASON_YIELDED, now);
		return VRRP_DO_RELEASE | VRRP_DO_RESIGN;
	case VRRP_EV_PREPARED:
	case VRRP_EV_GROUP_PREPARE:
	case VRRP_EV_GROUP_TAKE:
		return 0;
	case VRRP_EV_GROUP_LOSE: /* not priority 0: nobody is invited to take what the group has */
		become_backup(v, VRRP_REASON_GROUP, now);
		return VRRP_DO_RELEASE | VRRP_DO_ADVERT;
	case VRRP_EV_GROUP_DOWN:
		become_initialize(v, VRRP_REASON_GROUP, now);
		return VRRP_DO_RELEASE | VRRP_DO_RESIGN;
	case VRRP_EV_TIMER:
		return instant_reached(v->deadline, now) ? remain_active(v, now) : 0;
	case VRRP_EV_ADVERT:
		return active_hears(v, event->advert, event->tie_is_ours, now);
	}
	return 0;
}

/* An Active router that was silent for long enough may have a successor. Whatever woke it, it gives
 * the addresses up before anything else, and listens before it speaks. */
static bool too_late(const struct vrrp *v, struct instant now)
{
	uint8_t intervals = vrrp_silence_intervals(&v->config);

	return v->state == VRRP_ACTIVE &&
	       instant_between_us(v->mark, now) >=
		       vrrp_shortest_down_us(v->config.interval_cs, intervals);
}

static unsigned step(struct vrrp *v, const struct vrrp_event *event, struct instant now)
{
	switch (v->state) {
	case VRRP_INITIALIZE:
		return step_initialize(v, event, now);
	case VRRP_BACKUP:
		return step_backup(v, event, now);
	case VRRP_ACTIVE:
		return step_active(v, event, now);
	case VRRP_STATE_MAX_:
		break;
	}
	assert(v->state < VRRP_STATE_MAX_);
	return 0;
}

void vrrp_init(struct vrrp *v, const struct vrrp_config *config, struct instant now)
{
	*v = (struct vrrp){.config = *config, .active_interval_cs = config->interval_cs};
	become_initialize(v, VRRP_REASON_NONE, now);
	v->link_is_new = true;
}

void vrrp_listen(struct vrrp *v, struct instant now)
{
	if (v->state != VRRP_BACKUP)
		return;
	arm_active_down(v, now);
	if (!instant_is_never(v->look))
		v->look = instant_add(now, silence_us(&v->config, v->active_interval_cs, 1));
}

void vrrp_unprepare(struct vrrp *v)
{
	if (v->state != VRRP_BACKUP || v->prepare == VRRP_UNPREPARED)
		return;
	v->prepare = VRRP_UNPREPARED;
	v->deadline = INSTANT_NEVER;
}

static bool is_leaving(enum vrrp_event_kind kind)
{
	return kind == VRRP_EV_SHUTDOWN || kind == VRRP_EV_LINK_DOWN ||
	       kind == VRRP_EV_NO_ADDRESS || kind == VRRP_EV_FAULT || kind == VRRP_EV_GROUP_DOWN;
}

unsigned vrrp_step(struct vrrp *v, const struct vrrp_event *event, struct instant now)
{
	if (!is_leaving(event->kind) && too_late(v, now)) {
		become_backup(v, VRRP_REASON_LATE, now);
		return VRRP_DO_RELEASE | step(v, event, now);
	}
	return step(v, event, now);
}

/* Whether adverts that did not hold us back until now may do so from now on. */
static bool is_humbler(const struct vrrp_config *old, const struct vrrp_config *new)
{
	return new->priority < old->priority || (old->preempt && !new->preempt);
}

unsigned vrrp_reconfigure(struct vrrp *v, const struct vrrp_config *config, struct instant now)
{
	bool late = too_late(v, now);
	bool same = v->config.priority == config->priority &&
		    v->config.interval_cs == config->interval_cs;
	bool humbler = is_humbler(&v->config, config);

	v->config = *config;
	if (late) {
		become_backup(v, VRRP_REASON_LATE, now);
		return VRRP_DO_RELEASE;
	}
	switch (v->state) {
	case VRRP_INITIALIZE:
		v->active_interval_cs = config->interval_cs;
		return 0;
	case VRRP_BACKUP:
		learn_interval(v, v->active_interval_cs);
		if (v->prepare == VRRP_PREPARING && !humbler)
			return 0;
		if (humbler)
			v->mark = now;
		set_active_down(v);
		set_look(v);
		return 0;
	case VRRP_ACTIVE:
		return same ? 0 : remain_active(v, now);
	case VRRP_STATE_MAX_:
		break;
	}
	assert(v->state < VRRP_STATE_MAX_);
	return 0;
}
