/* What must be true, as functions named for it. Two words: the LAN is *whole* when nothing is wrong
 * with it and its hosts, and nothing was for settling_us(); it is *calm* when besides nobody
 * started, ended or changed anything for as long. */
#include "sim.h"

#include <inttypes.h>

#define OPINION_LASTS_MAX_US UINT64_C(300000) /* three heartbeats */
#define OPINION_WITHHELD_US UINT64_C(1000000)
#define OPINION_STATE_LASTS_US UINT64_C(1000000)
#define HANDOVER_SLACK_US 100000 /* beyond the intervals, elector/router.c */

__attribute__((format(printf, 3, 4))) static void broken(
	struct sim *s, const char *rule, const char *format, ...)
{
	va_list ap;

	if (s->rule)
		return;
	s->rule = rule;
	va_start(ap, format);
	(void)vsnprintf(s->failure, sizeof(s->failure), format, ap);
	va_end(ap);
	sim_trace(s, "BROKEN: %s: %s", rule, s->failure);
}
#define BROKEN(s, ...) broken(s, __func__, __VA_ARGS__)

/* The bound that is promised: an offer of the place that nobody takes (four intervals), then two of
 * the longest Active_Down_Interval that anybody may have learned (below four intervals each), and
 * what is configured to be waited for before. */
static uint64_t settling_us(const struct sim *s)
{
	return (UINT64_C(12) * s->patience_cs + s->wait_cs) * 10000 + 2 * HANDOVER_SLACK_US +
	       2 * s->delay_us;
}

/* The LANs that an election is held on as one, of which this is one: from first_of() to end_of().
 */
static unsigned first_of(const struct sim *s, unsigned lan)
{
	return s->script->grouped ? 0 : lan;
}

static unsigned end_of(const struct sim *s, unsigned lan)
{
	return s->script->grouped ? s->script->n_lans : lan + 1;
}

static bool is_whole(const struct sim *s, unsigned lan)
{
	if (instant_between_us(s->faulted, s->now) <= settling_us(s))
		return false;
	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++)
		if (!lan_is_whole(s, i))
			return false;
	return true;
}

static bool is_calm(const struct sim *s, unsigned lan)
{
	return is_whole(s, lan) && instant_between_us(s->stepped, s->now) > settling_us(s);
}

static enum vrrp_state state_of(const struct director *d, unsigned lan)
{
	const struct router *r = d->running ? director_router(d, lan) : NULL;

	return r ? r->vrrp.state : VRRP_INITIALIZE;
}

static unsigned count_owners(const struct sim *s, unsigned lan)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->script->n_directors; i++)
		n += s->directors[i].running && s->directors[i].nics[lan].vips != 0;
	return n;
}

/* On a whole LAN two directors own the addresses for one propagation delay at most: until the
 * advert of the better one has arrived; a third may join just before it hears of the second, and
 * adds another. One that was killed cannot let go; it counts again when it is restarted, and if it
 * adopts, has missed the adverts meanwhile: it learns by the answer to its own. */
static void never_two_owners_longer_than_news_travels(struct sim *s, unsigned lan)
{
	struct lan *l = &s->lans[lan];

	if (count_owners(s, lan) < 2) {
		l->two_since = INSTANT_NEVER;
		return;
	}
	if (instant_is_never(l->two_since))
		l->two_since = s->now;
	if (instant_between_us(l->two_since, s->now) >
			s->script->n_directors * (uint64_t)DELAY_MAX_US &&
		is_whole(s, lan))
		BROKEN(s, "on %u, since %" PRIu64 " us", lan,
			instant_between_us(l->two_since, s->now));
}

/* ... and when the owner resigns, a Backup that hears it is the owner after one delay. */
static void a_resignation_is_followed_within_one_delay(struct sim *s, unsigned lan)
{
	struct lan *l = &s->lans[lan];

	if (count_owners(s, lan) > 0)
		l->none_since = INSTANT_NEVER;
	if (instant_between_us(l->none_since, s->now) > DELAY_MAX_US && is_whole(s, lan))
		BROKEN(s, "nobody took over on %u", lan);
}

/* One who owns is Active, and owns all; what somebody took is back soon. */
static void the_machine_and_the_host_agree(struct sim *s, struct director *d, unsigned lan)
{
	struct nic *nic = &d->nics[lan];
	bool active = state_of(d, lan) == VRRP_ACTIVE;

	if (!active && nic->vips && d->settings[lan].takes_part)
		BROKEN(s, "%u has addresses on %u and is not Active", d->number, lan);
	if (!active || nic->vips == d->settings[lan].vips) {
		nic->robbed = INSTANT_NEVER;
		return;
	}
	if (instant_is_never(nic->robbed))
		nic->robbed = s->now;
	if (instant_between_us(nic->robbed, s->now) > RESTORE_MAX_US)
		BROKEN(s, "%u is Active on %u and has %x of %x", d->number, lan, nic->vips,
			d->settings[lan].vips);
}

/* The rival may have announced itself: the last word is the owner's, with its next advert, which is
 * put off by an interval when another rival is heard. */
static void who_hears_a_rival_announces_himself(struct sim *s, struct director *d, unsigned lan)
{
	struct nic *nic = &d->nics[lan];
	uint64_t bound_us = UINT64_C(20000) * nic->longest_cs + LATE_MAX_US;

	if (state_of(d, lan) != VRRP_ACTIVE)
		nic->rival_heard = INSTANT_NEVER;
	if (instant_between_us(nic->rival_heard, s->now) > bound_us &&
		instant_between_us(d->awake_since, s->now) > bound_us)
		BROKEN(s, "%u on %u, since %" PRIu64 " us", d->number, lan,
			instant_between_us(nic->rival_heard, s->now));
}

static void the_record_and_the_machine_agree(struct sim *s, struct director *d, unsigned lan)
{
	const struct state_router *record = director_record(d, lan);
	bool active = state_of(d, lan) == VRRP_ACTIVE;

	if ((record && record->active) != active)
		BROKEN(s, "%u on %u", d->number, lan);
}

/* The peer of one of two; NULL when no link connects them. */
static const struct director *peer_of(const struct sim *s, const struct director *d)
{
	return s->script->linked ? &s->directors[1 - d->number] : NULL;
}

/* How long a heartbeat counts at most. */
static uint64_t opinion_lasts_us(const struct vrrp *v)
{
	uint64_t us = UINT64_C(15000) * v->config.interval_cs;

	if (v->vouched)
		return OPINION_WITHHELD_US;
	return us < OPINION_LASTS_MAX_US ? us : OPINION_LASTS_MAX_US;
}

/* Since when nobody may say over the link that the peer is Active; INSTANT_NEVER: somebody may. */
static struct instant unvouched_since(
	const struct sim *s, const struct director *d, unsigned lan, const struct vrrp *v)
{
	const struct director *peer = peer_of(s, d);
	const struct teller *t = peer ? &s->tellers[peer->number] : NULL;
	struct instant since = INSTANT_NEVER;

	if (!peer)
		return s->began;
	if (!t->passes)
		since = instant_add(t->turned, opinion_lasts_us(v) + LINK_BEAT_US);
	if (state_of(peer, lan) != VRRP_ACTIVE)
		since = instant_min(since,
			instant_add(t->said[lan].at, OPINION_STATE_LASTS_US + OPINION_WITHHELD_US));
	return since;
}

/* When silence on this LAN has to be believed at the latest. */
static struct instant silent_until(const struct sim *s, const struct director *d, unsigned lan)
{
	const struct vrrp *v = &director_router(d, lan)->vrrp;
	uint64_t interval_us = UINT64_C(10000) * v->active_interval_cs;
	/* RFC 3768, 6.1: in seconds. */
	uint64_t skew_us = lan_is(s->script->version_2, lan) ? UINT64_C(1000000) : interval_us;
	struct instant due = instant_add(v->mark,
		VRRP_DOWN_INTERVALS * interval_us + (256u - v->config.priority) * skew_us / 256);

	due = instant_max(due, unvouched_since(s, d, lan, v));
	due = instant_max(due, d->awake_since);
	due = instant_max(due, instant_add(v->joined, v->config.settle_us));
	/* What may have moved the time to before now. */
	return instant_max(due, instant_max(s->stepped, d->nics[lan].listened));
}

/* Whoever heard no advert for Active_Down_Interval, and nothing over the link that contradicts
 * that, is Active: nobody waits for the dead. Of a sync group, on all its LANs. */
static void silence_is_believed(struct sim *s, const struct director *d, unsigned lan)
{
	struct instant due = {0};

	if (state_of(d, lan) != VRRP_BACKUP)
		return;
	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++)
		if (director_router(d, i))
			due = instant_max(due, silent_until(s, d, i));
	if (instant_between_us(due, s->now) > LATE_MAX_US)
		BROKEN(s, "%u waits on %u, since %" PRIu64 " us", d->number, lan,
			instant_between_us(due, s->now));
}

/* RFC 3768, 7.1: all are configured with one interval, and nobody is taught another. */
static void version_2_learns_no_interval(struct sim *s, const struct director *d, unsigned lan)
{
	const struct router *r = director_router(d, lan);

	if (state_of(d, lan) == VRRP_BACKUP && lan_is(s->script->version_2, lan) &&
		r->vrrp.active_interval_cs != d->in_force[lan].interval_cs)
		BROKEN(s, "%u on %u waits for adverts every %u cs", d->number, lan,
			r->vrrp.active_interval_cs);
}

/* The members of a sync group come to one state in one turn, whatever happened to one of them: the
 * bound is no time at all. */
static void a_group_is_active_together_or_nowhere(struct sim *s, const struct director *d)
{
	const struct router *first = NULL;

	for (unsigned lan = 0; lan < s->script->n_lans; lan++) {
		const struct router *r = director_router(d, lan);
		if (r && first && r->vrrp.state != first->vrrp.state)
			BROKEN(s, "%u is %s on %u and %s on %u", d->number,
				vrrp_state_name(first->vrrp.state), first->config.vrid - 1u,
				vrrp_state_name(r->vrrp.state), lan);
		if (r && !first)
			first = r;
	}
}

/* Priority 0 on one LAN is taken for the end of the whole group. */
static void a_group_resigns_as_a_whole_or_not_at_all(struct sim *s, const struct director *d)
{
	bool resigned = false, active = false;

	for (unsigned lan = 0; lan < s->script->n_lans; lan++) {
		resigned |= d->nics[lan].resigned.us == s->now.us;
		active |= state_of(d, lan) == VRRP_ACTIVE;
	}
	if (resigned && active)
		BROKEN(s, "%u", d->number);
}

static unsigned count_participants(const struct sim *s, unsigned lan)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->script->n_directors; i++)
		n += state_of(&s->directors[i], lan) != VRRP_INITIALIZE;
	return n;
}

static bool should_take_part(const struct sim *s, const struct director *d, unsigned lan)
{
	bool should = d->running && d->settings[lan].takes_part && d->maintenance != MAINTENANCE_ON;

	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++)
		should &= !(d->settings[i].takes_part && d->settings[i].fault);
	return should;
}

/* How long an offer lasts. */
static uint64_t handover_us(const struct sim *s, const struct director *d, unsigned lan)
{
	unsigned longest_cs = 0;

	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++)
		if (d->nics[i].longest_cs > longest_cs)
			longest_cs = d->nics[i].longest_cs;
	return (VRRP_DOWN_INTERVALS + UINT64_C(1)) * longest_cs * 10000 + HANDOVER_SLACK_US;
}

/* What tracking leaves of the priority: in a group, the lowest of all. */
static unsigned own_priority(const struct sim *s, const struct director *d, unsigned lan)
{
	unsigned lowest = UINT8_MAX;

	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++) {
		const struct settings *settings = &d->in_force[i];
		unsigned left = settings->priority;
		if (left != VRRP_PRIORITY_OWNER)
			left = left > settings->burden ? left - settings->burden : 1;
		if (settings->takes_part && left < lowest)
			lowest = left;
	}
	return lowest;
}

static void who_can_takes_part(struct sim *s, unsigned lan)
{
	for (unsigned i = 0; i < s->script->n_directors; i++) {
		const struct director *d = &s->directors[i];
		if (should_take_part(s, d, lan) != (state_of(d, lan) != VRRP_INITIALIZE))
			BROKEN(s, "%u on %u", i, lan);
	}
}

/* What is tracked counts at once: with the step that tells of it. */
static void who_is_in_fault_is_never_active(struct sim *s, const struct director *d, unsigned lan)
{
	if (d->settings[lan].fault && state_of(d, lan) != VRRP_INITIALIZE)
		BROKEN(s, "%u on %u is %s", d->number, lan, vrrp_state_name(state_of(d, lan)));
}

static void a_healed_lan_has_exactly_one_owner(struct sim *s, unsigned lan)
{
	unsigned owners = count_owners(s, lan), participants = count_participants(s, lan);

	if (owners != (participants > 0))
		BROKEN(s, "%u of %u on %u", owners, participants, lan);
}

static const struct director *find_owner(const struct sim *s, unsigned lan)
{
	for (unsigned i = 0; i < s->script->n_directors; i++)
		if (s->directors[i].running && s->directors[i].nics[lan].vips)
			return &s->directors[i];
	return NULL;
}

/* Whether it is a Backup that would take over from one of lower priority. */
static bool is_eager(const struct sim *s, const struct director *d, unsigned lan)
{
	if (state_of(d, lan) != VRRP_BACKUP)
		return false;
	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++) {
		const struct router *r = director_router(d, i);
		if (r && !r->vrrp.config.preempt)
			return false;
	}
	return true;
}

static void the_best_of_those_that_preempt_is_the_owner(struct sim *s, unsigned lan)
{
	const struct director *owner = find_owner(s, lan);
	const struct router *best = owner ? director_router(owner, lan) : NULL;

	for (unsigned i = 0; best && i < s->script->n_directors; i++) {
		const struct director *d = &s->directors[i];
		if (is_eager(s, d, lan) &&
			director_router(d, lan)->vrrp.config.priority > best->vrrp.config.priority)
			BROKEN(s, "%u should be the owner on %u", i, lan);
	}
}

/* Where directors are in maintenance but serve for want of others, nobody is who could serve. */
static void standby_serves_alone(struct sim *s, unsigned lan)
{
	const struct director *owner = find_owner(s, lan);

	for (unsigned i = 0;
		owner && owner->maintenance == MAINTENANCE_STANDBY && i < s->script->n_directors;
		i++)
		if (s->directors[i].maintenance == MAINTENANCE_OFF &&
			is_eager(s, &s->directors[i], lan) &&
			own_priority(s, &s->directors[i], lan) > HANDOVER_PRIORITY &&
			director_router(&s->directors[i], lan)->handover.state == HANDOVER_NONE)
			BROKEN(s, "%u on %u, and %u is there", owner->number, lan, i);
}

/* The members of a sync group have one owner. */
static void a_group_has_one_owner(struct sim *s)
{
	const struct director *first = find_owner(s, 0);

	for (unsigned lan = 1; lan < s->script->n_lans; lan++) {
		const struct director *owner = find_owner(s, lan);
		if (first && owner && owner != first)
			BROKEN(s, "%u on 0, %u on %u", first->number, owner->number, lan);
	}
}

/* Who is to leave for maintenance gives a peer four of its intervals to come first; and then
 * leaves, peer or not. */
static void who_is_in_maintenance_is_never_active(
	struct sim *s, const struct director *d, unsigned lan)
{
	if (d->maintenance == MAINTENANCE_ON && state_of(d, lan) == VRRP_ACTIVE &&
		instant_between_us(d->maintained, s->now) > handover_us(s, d, lan) + LATE_MAX_US &&
		instant_between_us(d->awake_since, s->now) > LATE_MAX_US)
		BROKEN(s, "%u on %u, after %" PRIu64 " us", d->number, lan,
			instant_between_us(d->maintained, s->now));
}

/* While a place is offered on a calm LAN, and a peer is there that takes such offers, somebody has
 * the addresses all the time; ... */
static void a_switchover_leaves_nobody_without_the_address(struct sim *s, unsigned lan)
{
	if (!instant_is_never(s->lans[lan].offered) && count_owners(s, lan) == 0)
		BROKEN(s, "on %u", lan);
}

/* ... and in the end a peer is Active. */
static void a_switchover_ends_with_a_peer_active(struct sim *s, unsigned lan)
{
	const struct lan *l = &s->lans[lan];
	uint64_t bound_us;

	if (instant_is_never(l->offered))
		return;
	bound_us = handover_us(s, &s->directors[l->offered_by], lan) + LATE_MAX_US + DELAY_MAX_US;
	if (instant_between_us(l->offered, s->now) > bound_us &&
		state_of(&s->directors[l->offered_by], lan) == VRRP_ACTIVE)
		BROKEN(s, "%u has it on %u", l->offered_by, lan);
}

/* Whoever listens to announcements sends to the owner: with the next periodic one at the latest,
 * for one that was Active behind a partition may have left without a word. */
static void the_owner_was_the_last_to_announce(struct sim *s, unsigned lan)
{
	const struct director *owner = find_owner(s, lan);

	if (instant_between_us(s->stepped, s->now) <= settling_us(s) + REFRESH_US + LATE_MAX_US ||
		instant_between_us(s->faulted, s->now) <= settling_us(s) + REFRESH_US + LATE_MAX_US)
		return;
	for (unsigned vip = 0; owner && vip < VIPS; vip++)
		if (owner->nics[lan].vips & 1u << vip && s->lans[lan].learned[vip] != owner->number)
			BROKEN(s, "address %u on %u belongs to %u, and %u announced it", vip, lan,
				owner->number, s->lans[lan].learned[vip]);
}

static void check_calm_lan(struct sim *s, unsigned lan)
{
	who_can_takes_part(s, lan);
	a_healed_lan_has_exactly_one_owner(s, lan);
	the_best_of_those_that_preempt_is_the_owner(s, lan);
	standby_serves_alone(s, lan);
	the_owner_was_the_last_to_announce(s, lan);
}

static void check_router(struct sim *s, struct director *d, unsigned lan)
{
	the_machine_and_the_host_agree(s, d, lan);
	the_record_and_the_machine_agree(s, d, lan);
	who_hears_a_rival_announces_himself(s, d, lan);
	who_is_in_fault_is_never_active(s, d, lan);
	version_2_learns_no_interval(s, d, lan);
}

/* What is true of all that share a state: a router, or a group. */
static void check_election(struct sim *s, struct director *d, unsigned lan)
{
	silence_is_believed(s, d, lan);
	who_is_in_maintenance_is_never_active(s, d, lan);
}

static void check_lan(struct sim *s, unsigned lan)
{
	never_two_owners_longer_than_news_travels(s, lan);
	a_resignation_is_followed_within_one_delay(s, lan);
	for (unsigned i = 0; i < s->script->n_directors; i++)
		if (director_is_awake(&s->directors[i]))
			check_router(s, &s->directors[i], lan);
	a_switchover_leaves_nobody_without_the_address(s, lan);
	a_switchover_ends_with_a_peer_active(s, lan);
}

/* A LAN on which it takes part in an election, if there is one. */
static unsigned present_on(const struct sim *s, const struct director *d, unsigned lan)
{
	unsigned i = first_of(s, lan);

	while (i < end_of(s, lan) && !director_router(d, i))
		i++;
	return i < end_of(s, lan) ? i : lan;
}

/* Of one election: of a LAN, or of all LANs of groups. */
static void check_whole_election(struct sim *s, unsigned lan)
{
	for (unsigned i = 0; i < s->script->n_directors; i++)
		if (director_is_awake(&s->directors[i]))
			check_election(s, &s->directors[i], present_on(s, &s->directors[i], lan));
	if (!is_calm(s, lan))
		return;
	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++)
		check_calm_lan(s, i);
}

static void check_groups(struct sim *s)
{
	for (unsigned i = 0; i < s->script->n_directors; i++) {
		if (!director_is_awake(&s->directors[i]))
			continue;
		a_group_is_active_together_or_nowhere(s, &s->directors[i]);
		a_group_resigns_as_a_whole_or_not_at_all(s, &s->directors[i]);
	}
	if (is_calm(s, 0))
		a_group_has_one_owner(s);
}

void rules_check(struct sim *s)
{
	for (unsigned lan = 0; lan < s->script->n_lans; lan++)
		check_lan(s, lan);
	for (unsigned lan = 0; lan < s->script->n_lans; lan = end_of(s, lan))
		check_whole_election(s, lan);
	if (s->script->grouped)
		check_groups(s);
}

/* Nobody who may have been succeeded speaks before he has listened. */
static void who_was_silent_too_long_does_not_speak_as_active(
	struct sim *s, const struct director *d, unsigned lan)
{
	const struct nic *nic = &d->nics[lan];
	struct instant last = nic->claimed.us > nic->spoke.us ? nic->claimed : nic->spoke;
	uint64_t silent_us = instant_between_us(last, s->now);

	if (nic->spoke_interval_cs &&
		silent_us >= vrrp_shortest_down_us(nic->spoke_interval_cs, VRRP_DOWN_INTERVALS))
		BROKEN(s, "%u on %u, after %" PRIu64 " us", d->number, lan, silent_us);
}

/* What tracking takes from the priority is not in the adverts, nor what an operator gave away. */
static void words_are_of_the_priority_that_is_left(
	struct sim *s, const struct director *d, unsigned lan, uint8_t priority)
{
	unsigned left = own_priority(s, d, lan);

	if (d->maintenance != MAINTENANCE_OFF)
		left = HANDOVER_PRIORITY;
	if (d->in_force[lan].takes_part && priority != left && priority != VRRP_PRIORITY_RESIGN &&
		priority != VRRP_PRIORITY_LEAST)
		BROKEN(s, "%u says %u on %u, and has %u", d->number, priority, lan, left);
}

/* Addresses are gone before anybody is invited to take them, and there before anybody is told. */
static void words_follow_deeds(
	struct sim *s, const struct director *d, unsigned lan, uint8_t priority)
{
	const struct nic *nic = &d->nics[lan];

	if (priority == VRRP_PRIORITY_RESIGN && nic->vips)
		BROKEN(s, "%u resigns on %u and has addresses", d->number, lan);
	if (priority != VRRP_PRIORITY_RESIGN && !nic->vips && state_of(d, lan) == VRRP_ACTIVE &&
		instant_is_never(nic->robbed))
		BROKEN(s, "%u speaks on %u and has no address", d->number, lan);
}

void rules_on_send(struct sim *s, struct director *d, unsigned lan, uint8_t priority)
{
	words_follow_deeds(s, d, lan, priority);
	words_are_of_the_priority_that_is_left(s, d, lan, priority);
	if (priority == VRRP_PRIORITY_RESIGN)
		d->nics[lan].resigned = s->now;
	else
		who_was_silent_too_long_does_not_speak_as_active(s, d, lan);
}

static void no_address_is_on_a_host_unrecorded(struct sim *s, struct director *d, unsigned lan)
{
	const struct state_router *record = director_record(d, lan);

	if (d->nics[lan].vips && !(record && record->active && record->ifindex[MOVED_HOME]))
		BROKEN(s, "%u on %u has %x", d->number, lan, d->nics[lan].vips);
}

void rules_on_change(struct sim *s, struct director *d, unsigned lan)
{
	no_address_is_on_a_host_unrecorded(s, d, lan);
}

void rules_on_death(struct sim *s, struct director *d)
{
	s->stepped = s->now;
	for (unsigned lan = 0; lan < s->script->n_lans; lan++) {
		d->nics[lan].robbed = INSTANT_NEVER;
		/* It may have been the one to take over. */
		s->lans[lan].none_since = INSTANT_NEVER;
		no_address_is_on_a_host_unrecorded(s, d, lan);
	}
}

static void nothing_changes_without_a_cause(
	struct sim *s, const struct director *d, unsigned lan, enum vrrp_state old_state)
{
	if (is_calm(s, lan))
		BROKEN(s, "%u on %u was %s", d->number, lan, vrrp_state_name(old_state));
}

static void every_claim_has_a_release(
	struct sim *s, const struct director *d, unsigned lan, enum vrrp_state old_state)
{
	bool active = state_of(d, lan) == VRRP_ACTIVE;

	if (!active && d->nics[lan].vips)
		BROKEN(s, "%u on %u keeps %x", d->number, lan, d->nics[lan].vips);
	if (active && d->nics[lan].vips != d->settings[lan].vips)
		BROKEN(s, "%u on %u has %x of %x, and was %s", d->number, lan, d->nics[lan].vips,
			d->settings[lan].vips, vrrp_state_name(old_state));
}

/* In a group that takes over because the Active director resigned on one LAN, the other members
 * have not heard of it yet. */
static bool moves_with_a_resignation(const struct sim *s, const struct director *d, unsigned lan)
{
	if (!s->script->grouped || director_router(d, lan)->vrrp.reason != VRRP_REASON_GROUP)
		return false;
	for (unsigned i = 0; i < s->script->n_lans; i++) {
		const struct router *r = director_router(d, i);
		if (r && r->vrrp.reason == VRRP_REASON_PEER_RESIGNED)
			return true;
	}
	return false;
}

/* A Backup that has heard of somebody whom it does not preempt waits: for Active_Down_Interval, or
 * until that one resigns. */
static void nobody_takes_over_from_one_who_is_heard(
	struct sim *s, const struct director *d, unsigned lan, enum vrrp_state old_state)
{
	const struct heard *heard = &d->nics[lan].heard;
	const struct vrrp *v = &director_router(d, lan)->vrrp;
	uint16_t own_cs = v->config.interval_cs;
	uint16_t learned_cs = v->active_interval_cs < own_cs ? v->active_interval_cs : own_cs;
	uint16_t interval_cs = heard->interval_cs < learned_cs ? heard->interval_cs : learned_cs;

	if (!heard->known || old_state != VRRP_BACKUP || v->state != VRRP_ACTIVE ||
		moves_with_a_resignation(s, d, lan) ||
		((v->config.preempt || v->config.priority == VRRP_PRIORITY_OWNER) &&
			v->config.priority > heard->priority))
		return;
	if (instant_between_us(heard->at, s->now) <
		vrrp_shortest_down_us(interval_cs, VRRP_DOWN_INTERVALS))
		BROKEN(s, "%u on %u, %" PRIu64 " us after %u was heard", d->number, lan,
			instant_between_us(heard->at, s->now), heard->source - 1u);
}

/* Signatures are demanded: nothing else makes a difference, not to a timer either. */
static void forged_and_replayed_adverts_move_nothing(
	struct sim *s, const struct director *d, unsigned lan)
{
	BROKEN(s, "%u on %u", d->number, lan);
}

/* On a LAN of unicast, nobody but a configured peer is heard, nor is the group. */
static void strangers_move_nothing(struct sim *s, const struct director *d, unsigned lan)
{
	BROKEN(s, "%u on %u", d->number, lan);
}

static void version_2_heeds_no_other_interval(struct sim *s, const struct director *d, unsigned lan)
{
	BROKEN(s, "%u on %u", d->number, lan);
}

void rules_on_moved(struct sim *s, const struct director *d, unsigned lan, enum unheard why)
{
	switch (why) {
	case UNHEARD_STRANGE:
		strangers_move_nothing(s, d, lan);
		return;
	case UNHEARD_INTERVAL:
		version_2_heeds_no_other_interval(s, d, lan);
		return;
	case UNHEARD_FORGED:
		forged_and_replayed_adverts_move_nothing(s, d, lan);
		return;
	case HEARD:
		return;
	}
}

/* Whether somebody of lower priority is heard, so that taking over from him is to preempt him. */
static bool preempts(const struct sim *s, const struct director *d, unsigned lan)
{
	const struct heard *heard = &d->nics[lan].heard;
	const struct vrrp *v = &director_router(d, lan)->vrrp;
	uint16_t own_cs = v->config.interval_cs;
	uint16_t learned_cs = v->active_interval_cs < own_cs ? v->active_interval_cs : own_cs;
	uint16_t interval_cs = heard->interval_cs < learned_cs ? heard->interval_cs : learned_cs;

	return heard->known && v->config.priority != VRRP_PRIORITY_OWNER &&
	       instant_between_us(heard->at, s->now) <
		       vrrp_shortest_down_us(interval_cs, VRRP_DOWN_INTERVALS);
}

/* ... which one does not that is to wait: for preempt_delay since it heard of him. Who asks to be
 * succeeded is not waited for. */
static void nobody_preempts_before_his_delay(
	struct sim *s, const struct director *d, unsigned lan, enum vrrp_state old_state)
{
	const struct nic *nic = &d->nics[lan];

	if (old_state != VRRP_BACKUP || state_of(d, lan) != VRRP_ACTIVE ||
		moves_with_a_resignation(s, d, lan) || !preempts(s, d, lan) ||
		nic->heard.priority == VRRP_PRIORITY_LEAST)
		return;
	if (!instant_is_never(nic->patient_until) && s->now.us < nic->patient_until.us)
		BROKEN(s, "%u on %u, %" PRIu64 " us too soon", d->number, lan,
			instant_between_us(s->now, nic->patient_until));
}

/* ... nor one whose director is not ready, and was not waited for long enough. */
static void who_is_not_ready_preempts_nobody(
	struct sim *s, const struct director *d, unsigned lan, enum vrrp_state old_state)
{
	if (old_state == VRRP_BACKUP && state_of(d, lan) == VRRP_ACTIVE &&
		s->now.us < d->held_until.us && !moves_with_a_resignation(s, d, lan) &&
		preempts(s, d, lan))
		BROKEN(s, "%u on %u", d->number, lan);
}

/* As core/vrrp counts it: from the first advert of lower priority. */
static void note_patience(const struct sim *s, struct director *d, unsigned lan, uint8_t priority)
{
	struct nic *nic = &d->nics[lan];
	uint64_t delay_us = d->settings[lan].preempt_delay_cs * UINT64_C(10000);

	if (state_of(d, lan) != VRRP_BACKUP || priority == VRRP_PRIORITY_RESIGN)
		return;
	if (priority >= director_router(d, lan)->vrrp.config.priority)
		nic->patient_until = INSTANT_NEVER;
	else if (instant_is_never(nic->patient_until))
		nic->patient_until = instant_add(s->now, delay_us);
}

/* A member of a group that hears adverts decides by them, and for the others. */
static bool misses_adverts_everywhere(const struct sim *s, const struct director *d, unsigned lan)
{
	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++) {
		const struct router *r = director_router(d, i);
		if (r && instant_between_us(d->nics[i].listened, s->now) <
				 UINT64_C(20000) * r->vrrp.config.interval_cs)
			return false;
	}
	return true;
}

/* On all LANs that it is Active on as one, unless it has just been told of others. */
static bool is_active_everywhere(const struct sim *s, const struct director *d, unsigned lan)
{
	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++)
		if (state_of(d, i) != VRRP_ACTIVE)
			return false;
	return true;
}

/* Nobody becomes a second Active router behind a LAN that does not carry adverts, while the link
 * passes and the first is there. */
static void the_peer_is_believed(
	struct sim *s, const struct director *d, unsigned lan, enum vrrp_state old_state)
{
	const struct director *peer = peer_of(s, d);
	const struct vrrp *v = &director_router(d, lan)->vrrp;
	const struct teller *t = peer ? &s->tellers[peer->number] : NULL;
	uint64_t known_us = LINK_SET_UP_US + LINK_STATE_US + OPINION_LASTS_MAX_US;

	if (!peer || old_state != VRRP_BACKUP || v->state != VRRP_ACTIVE ||
		v->reason == VRRP_REASON_PEER_RESIGNED || moves_with_a_resignation(s, d, lan) ||
		!is_active_everywhere(s, peer, lan))
		return;
	if (!t->passes || instant_between_us(t->turned, s->now) < known_us ||
		instant_between_us(t->said[lan].at, s->now) < known_us)
		return;
	if (misses_adverts_everywhere(s, d, lan))
		BROKEN(s, "%u on %u, beside %u", d->number, lan, peer->number);
}

/* Of one who resigned, nothing is known any more. */
void rules_on_hearing(struct sim *s, struct director *d, unsigned lan, const struct heard *heard)
{
	struct nic *nic = &d->nics[lan];

	nic->listened = s->now;
	if (director_router(d, lan))
		nic->contested = director_router(d, lan)->vrrp.config.priority;
	note_patience(s, d, lan, heard->priority);
	if (state_of(d, lan) == VRRP_ACTIVE && instant_is_never(nic->rival_heard))
		nic->rival_heard = s->now;
	if (heard->priority != VRRP_PRIORITY_RESIGN)
		nic->heard = *heard;
	else if (nic->heard.source == heard->source)
		nic->heard.known = false;
}

/* By priority; of two with the same, by address (6.4.3): IPv6's are in the opposite order here. */
static bool outranks(const struct sim *s, const struct director *d, unsigned lan,
	const struct heard *heard, unsigned priority)
{
	unsigned own = d->number + 1;

	if (heard->priority != priority)
		return heard->priority > priority;
	return lan_is(s->script->ipv6, lan) ? heard->source < own : heard->source > own;
}

/* Of two that are Active, the better one stays, ... */
static void who_yields_was_outranked(struct sim *s, const struct director *d, unsigned lan)
{
	const struct nic *nic = &d->nics[lan];

	if (director_router(d, lan)->vrrp.reason == VRRP_REASON_BETTER_ADVERT &&
		!outranks(s, d, lan, &nic->heard, nic->contested))
		BROKEN(s, "%u on %u, to %u", d->number, lan, nic->heard.source - 1u);
}

/* ... and the other one goes. In a group, the first LAN decides between equals. */
static void who_is_outranked_yields(
	struct sim *s, const struct director *d, unsigned lan, const struct heard *heard)
{
	unsigned own = d->nics[lan].contested;

	if (state_of(d, lan) == VRRP_ACTIVE && heard->priority != VRRP_PRIORITY_RESIGN &&
		!(heard->priority == own && s->script->grouped && lan > 0) &&
		outranks(s, d, lan, heard, own))
		BROKEN(s, "%u on %u, to %u", d->number, lan, heard->source - 1u);
}

void rules_after_hearing(
	struct sim *s, const struct director *d, unsigned lan, const struct heard *heard)
{
	who_is_outranked_yields(s, d, lan, heard);
}

/* One that does not preempt offers nothing, since it could not take the place back: it resigns. */
static bool makes_offers(const struct sim *s, const struct director *d, unsigned lan)
{
	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++)
		if (!d->in_force[i].preempt)
			return false;
	return true;
}

/* Who can take the place back offers it, and keeps it when nobody comes; but for an operator who
 * insists, until maintenance ends. */
static void nobody_gives_up_what_is_not_wanted(
	struct sim *s, const struct director *d, unsigned lan)
{
	if (director_router(d, lan)->vrrp.reason == VRRP_REASON_YIELDED && !d->insisted &&
		makes_offers(s, d, lan))
		BROKEN(s, "%u on %u", d->number, lan);
}

static void nobody_becomes_active_in_maintenance(
	struct sim *s, const struct director *d, unsigned lan)
{
	if (d->maintenance == MAINTENANCE_ON && state_of(d, lan) == VRRP_ACTIVE)
		BROKEN(s, "%u on %u", d->number, lan);
}

static bool follows(
	const struct sim *s, const struct director *d, const struct director *leaving, unsigned lan)
{
	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++) {
		struct addr own = director_addr(s, leaving->number, i);
		const struct router *r = director_router(d, i);
		if (!d->running || !r || r->vrrp.state != VRRP_BACKUP ||
			!addr_equal(&r->vrrp.peer, &own))
			return false;
	}
	return true;
}

/* Whether another follows the one that leaves, on all LANs that it leaves together. */
static bool is_followed(const struct sim *s, const struct director *leaving, unsigned lan)
{
	for (unsigned i = 0; i < s->script->n_directors; i++)
		if (i != leaving->number && follows(s, &s->directors[i], leaving, lan))
			return true;
	return false;
}

/* An advert that the word of parting overtakes would speak of a ghost. */
static bool was_heard(const struct sim *s, const struct director *d, unsigned lan)
{
	for (unsigned i = first_of(s, lan); i < end_of(s, lan); i++)
		if (instant_between_us(d->nics[i].spoke, s->now) <= DELAY_MAX_US)
			return false;
	return true;
}

/* Who leaves the place to others by priority 0 is succeeded. */
static void expect_a_successor(
	struct sim *s, const struct director *d, unsigned lan, enum vrrp_state old_state)
{
	enum vrrp_reason reason = director_router(d, lan)->vrrp.reason;

	if (old_state == VRRP_ACTIVE &&
		(reason == VRRP_REASON_YIELDED || reason == VRRP_REASON_FAULT) &&
		count_owners(s, lan) == 0 && is_followed(s, d, lan) && was_heard(s, d, lan) &&
		is_whole(s, lan))
		s->lans[lan].none_since = s->now;
}

/* A peer that would take an offer. */
static bool has_an_heir(const struct sim *s, const struct director *d, unsigned lan)
{
	for (unsigned i = 0; i < s->script->n_directors; i++)
		if (i != d->number && follows(s, &s->directors[i], d, lan) &&
			is_eager(s, &s->directors[i], lan) &&
			director_router(&s->directors[i], lan)->vrrp.config.priority >
				HANDOVER_PRIORITY)
			return true;
	return false;
}

void rules_before_switchover(struct sim *s, const struct director *d)
{
	for (unsigned lan = 0; lan < s->script->n_lans; lan++) {
		if (state_of(d, lan) != VRRP_ACTIVE || !is_calm(s, lan) ||
			!makes_offers(s, d, lan) || !has_an_heir(s, d, lan))
			continue;
		s->lans[lan].offered = s->now;
		s->lans[lan].offered_by = d->number;
	}
}

void rules_on_transition(struct sim *s, struct director *d, unsigned lan, enum vrrp_state old_state)
{
	nothing_changes_without_a_cause(s, d, lan, old_state);
	every_claim_has_a_release(s, d, lan, old_state);
	nobody_takes_over_from_one_who_is_heard(s, d, lan, old_state);
	the_peer_is_believed(s, d, lan, old_state);
	nobody_preempts_before_his_delay(s, d, lan, old_state);
	who_is_not_ready_preempts_nobody(s, d, lan, old_state);
	nobody_becomes_active_in_maintenance(s, d, lan);
	if (old_state == VRRP_ACTIVE)
		who_yields_was_outranked(s, d, lan);
	if (old_state == VRRP_ACTIVE)
		nobody_gives_up_what_is_not_wanted(s, d, lan);
	expect_a_successor(s, d, lan, old_state);
	d->nics[lan].patient_until = INSTANT_NEVER;
	/* One who gives up for a reason of its own listens anew. */
	if (director_router(d, lan)->vrrp.reason != VRRP_REASON_BETTER_ADVERT)
		d->nics[lan].heard.known = false;
}

void rules_before_stop(struct sim *s, struct director *d)
{
	for (unsigned lan = 0; lan < s->script->n_lans; lan++) {
		bool hands_over = state_of(d, lan) == VRRP_ACTIVE && count_owners(s, lan) == 1 &&
				  is_followed(s, d, lan);
		d->resigns[lan] = hands_over && was_heard(s, d, lan) && is_whole(s, lan);
	}
}

static void who_leaves_takes_everything_along(struct sim *s, struct director *d, unsigned lan)
{
	const struct state_router *record = director_record(d, lan);

	if (d->nics[lan].vips || (record && record->active))
		BROKEN(s, "%u left %x on %u", d->number, d->nics[lan].vips, lan);
}

void rules_on_stop(struct sim *s, struct director *d)
{
	for (unsigned lan = 0; lan < s->script->n_lans; lan++)
		who_leaves_takes_everything_along(s, d, lan);
}

void rules_after_stop(struct sim *s, struct director *d)
{
	for (unsigned lan = 0; lan < s->script->n_lans; lan++)
		if (d->resigns[lan])
			s->lans[lan].none_since = s->now;
}
