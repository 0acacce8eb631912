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

static bool is_whole(const struct sim *s, unsigned lan)
{
	return instant_between_us(s->faulted, s->now) > settling_us(s) && lan_is_whole(s, lan);
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

/* Whoever heard no advert for Active_Down_Interval, and nothing over the link that contradicts
 * that, is Active: nobody waits for the dead. */
static void silence_is_believed(struct sim *s, const struct director *d, unsigned lan)
{
	const struct router *r = director_router(d, lan);
	const struct vrrp *v = r ? &r->vrrp : NULL;
	struct instant due;

	if (!v || v->state != VRRP_BACKUP)
		return;
	due = instant_add(v->mark, UINT64_C(10000) * VRRP_DOWN_INTERVALS * v->active_interval_cs +
					   UINT64_C(10000) * v->active_interval_cs *
						   (256u - v->config.priority) / 256);
	due = instant_max(due, unvouched_since(s, d, lan, v));
	due = instant_max(due, d->awake_since);
	due = instant_max(due, instant_add(v->joined, v->config.settle_us));
	/* What may have moved the time to before now. */
	due = instant_max(due, instant_max(s->stepped, d->nics[lan].listened));
	if (instant_between_us(due, s->now) > LATE_MAX_US)
		BROKEN(s, "%u waits on %u, since %" PRIu64 " us", d->number, lan,
			instant_between_us(due, s->now));
}

static unsigned count_participants(const struct sim *s, unsigned lan)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->script->n_directors; i++)
		n += state_of(&s->directors[i], lan) != VRRP_INITIALIZE;
	return n;
}

static bool should_take_part(const struct director *d, unsigned lan)
{
	return d->running && d->settings[lan].takes_part && !d->settings[lan].fault &&
	       d->elector.maintenance != MAINTENANCE_ON;
}

static void who_can_takes_part(struct sim *s, unsigned lan)
{
	for (unsigned i = 0; i < s->script->n_directors; i++) {
		const struct director *d = &s->directors[i];
		if (should_take_part(d, lan) != (state_of(d, lan) != VRRP_INITIALIZE))
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

static void the_best_of_those_that_preempt_is_the_owner(struct sim *s, unsigned lan)
{
	const struct director *owner = find_owner(s, lan);
	const struct router *best = owner ? director_router(owner, lan) : NULL;

	for (unsigned i = 0; best && i < s->script->n_directors; i++) {
		const struct director *d = &s->directors[i];
		const struct router *r = d->running ? director_router(d, lan) : NULL;
		if (r && r->vrrp.state == VRRP_BACKUP && r->vrrp.config.preempt &&
			r->vrrp.config.priority > best->vrrp.config.priority)
			BROKEN(s, "%u should be the owner on %u", i, lan);
	}
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

static void check_lan(struct sim *s, unsigned lan)
{
	never_two_owners_longer_than_news_travels(s, lan);
	a_resignation_is_followed_within_one_delay(s, lan);
	for (unsigned i = 0; i < s->script->n_directors; i++) {
		if (!director_is_awake(&s->directors[i]))
			continue;
		the_machine_and_the_host_agree(s, &s->directors[i], lan);
		the_record_and_the_machine_agree(s, &s->directors[i], lan);
		who_hears_a_rival_announces_himself(s, &s->directors[i], lan);
		silence_is_believed(s, &s->directors[i], lan);
		who_is_in_fault_is_never_active(s, &s->directors[i], lan);
	}
	if (!is_calm(s, lan))
		return;
	who_can_takes_part(s, lan);
	a_healed_lan_has_exactly_one_owner(s, lan);
	the_best_of_those_that_preempt_is_the_owner(s, lan);
	the_owner_was_the_last_to_announce(s, lan);
}

void rules_check(struct sim *s)
{
	for (unsigned lan = 0; lan < s->script->n_lans; lan++)
		check_lan(s, lan);
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
	const struct settings *settings = &d->settings[lan];
	unsigned left = settings->priority;

	if (left != VRRP_PRIORITY_OWNER)
		left = left > settings->burden ? left - settings->burden : 1;
	if (settings->takes_part && priority != left && priority != VRRP_PRIORITY_RESIGN &&
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
	if (priority != VRRP_PRIORITY_RESIGN)
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

void rules_on_moved_by_forgery(struct sim *s, const struct director *d, unsigned lan)
{
	forged_and_replayed_adverts_move_nothing(s, d, lan);
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

	if (old_state != VRRP_BACKUP || state_of(d, lan) != VRRP_ACTIVE || !preempts(s, d, lan) ||
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
		s->now.us < d->held_until.us && preempts(s, d, lan))
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
		v->reason == VRRP_REASON_PEER_RESIGNED || state_of(peer, lan) != VRRP_ACTIVE)
		return;
	if (!t->passes || instant_between_us(t->turned, s->now) < known_us ||
		instant_between_us(t->said[lan].at, s->now) < known_us)
		return;
	if (instant_between_us(d->nics[lan].listened, s->now) >=
		UINT64_C(20000) * v->config.interval_cs)
		BROKEN(s, "%u on %u, beside %u", d->number, lan, peer->number);
}

/* Of one who resigned, nothing is known any more. */
void rules_on_hearing(struct sim *s, struct director *d, unsigned lan, const struct heard *heard)
{
	struct nic *nic = &d->nics[lan];

	nic->listened = s->now;
	note_patience(s, d, lan, heard->priority);
	if (state_of(d, lan) == VRRP_ACTIVE && instant_is_never(nic->rival_heard))
		nic->rival_heard = s->now;
	if (heard->priority != VRRP_PRIORITY_RESIGN)
		nic->heard = *heard;
	else if (nic->heard.source == heard->source)
		nic->heard.known = false;
}

void rules_on_transition(struct sim *s, struct director *d, unsigned lan, enum vrrp_state old_state)
{
	nothing_changes_without_a_cause(s, d, lan, old_state);
	every_claim_has_a_release(s, d, lan, old_state);
	nobody_takes_over_from_one_who_is_heard(s, d, lan, old_state);
	the_peer_is_believed(s, d, lan, old_state);
	nobody_preempts_before_his_delay(s, d, lan, old_state);
	who_is_not_ready_preempts_nobody(s, d, lan, old_state);
	d->nics[lan].patient_until = INSTANT_NEVER;
	/* One who gives up for a reason of its own listens anew. */
	if (director_router(d, lan)->vrrp.reason != VRRP_REASON_BETTER_ADVERT)
		d->nics[lan].heard.known = false;
}

/* Whether another follows the one that leaves. */
static bool is_followed(const struct sim *s, const struct director *leaving, unsigned lan)
{
	struct addr own = director_addr(leaving->number, lan);

	for (unsigned i = 0; i < s->script->n_directors; i++) {
		const struct director *d = &s->directors[i];
		if (d != leaving && state_of(d, lan) == VRRP_BACKUP &&
			addr_equal(&director_router(d, lan)->vrrp.peer, &own))
			return true;
	}
	return false;
}

void rules_before_stop(struct sim *s, struct director *d)
{
	for (unsigned lan = 0; lan < s->script->n_lans; lan++) {
		bool hands_over = state_of(d, lan) == VRRP_ACTIVE && count_owners(s, lan) == 1 &&
				  is_followed(s, d, lan);
		/* An advert that the word of parting overtakes would speak of a ghost. */
		bool heard = instant_between_us(d->nics[lan].spoke, s->now) > DELAY_MAX_US;
		d->resigns[lan] = hands_over && heard && is_whole(s, lan);
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
