/* What the effects of core/vrrp do. The order here is what other hosts see: the record before the
 * addresses, the addresses before the advert, everything before a word to the operator. */
#include "elector/router.h"

#include "core/second_opinion.h"
#include "elector/group.h"
#include "elector/holding.h"
#include "elector/wire.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIVAL_EVENT_INTERVAL_US UINT64_C(60000000)
#define OPINION_EVENT_INTERVAL_US UINT64_C(60000000)
#define LOOK_INTERVAL_US UINT64_C(1000000)
#define HANDOVER_SLACK_US UINT64_C(100000)

void router_say(const struct router *r, enum event event, const char *message)
{
	r->world.ops->event(r->world.io, event, r, message);
}

void router_say_failure(const struct router *r, const char *what, int error)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%s: %s: %s", r->config.name, what, strerror(-error));
	router_say(r, EVENT_ERROR, text);
}

static void send_advert(struct router *r, uint8_t priority, struct instant now)
{
	wire_send(r, priority, r->config.interval_cs, now);
}

/* In the order of the configuration, but for those that go elsewhere: what is at home comes first.
 */
void router_put_addresses(const struct router_config *c, struct vrrp_advert *advert)
{
	for (int home = 1; home >= 0; home--)
		for (size_t i = 0; i < c->n_moved && advert->n_addrs < c->n_advertised; i++)
			if (c->moved[i].advertised && (c->moved[i].place == MOVED_HOME) == home)
				advert->addrs[advert->n_addrs++] = c->moved[i].address.prefix.addr;
}

/* Whether an effect is to be carried out now. What can take longer is begun before. */
static bool take(struct router *r, unsigned effect)
{
	bool wanted = r->todo & effect;

	r->todo &= ~effect;
	return wanted;
}

static struct port *device_of(const struct router *r)
{
	struct port *port = router_mac_port(r);

	return port && port->ifindex ? port : NULL;
}

static void set_up(struct router *r, bool up)
{
	const struct port *port = device_of(r);
	int error = port ? r->world.ops->set_up(r->world.io, port, up) : -ENODEV;

	r->raised = up && error == 0;
	if (error < 0 && error != -ENODEV)
		router_say_failure(r,
			up ? "the device with the virtual MAC could not be brought up"
			   : "the device with the virtual MAC could not be brought down",
			error);
}

void router_raise(struct router *r)
{
	if (device_of(r))
		set_up(r, true);
}

/* Nobody else's switch may learn the MAC from us when it is another's. */
static void fall_silent(struct router *r)
{
	if (r->raised)
		set_up(r, false);
}

/* Lowest bit first, as core/vrrp.h has it. */
void router_work(struct router *r, struct instant now)
{
	if ((r->todo & VRRP_DO_RELEASE) && !holding_release(r))
		return;
	r->todo &= ~(unsigned)VRRP_DO_RELEASE;
	if (take(r, VRRP_DO_RESIGN))
		send_advert(r, VRRP_PRIORITY_RESIGN, now);
	if ((r->todo & VRRP_DO_CLAIM) && !holding_claim(r))
		return;
	r->todo &= ~(unsigned)VRRP_DO_CLAIM;
	if (take(r, VRRP_DO_ADVERT))
		send_advert(r, r->vrrp.config.priority, now);
	if (r->vrrp.state != VRRP_ACTIVE) /* the last word is said */
		fall_silent(r);
	if (take(r, VRRP_DO_ANNOUNCE))
		holding_announce(r, now);
	if ((r->todo & HOLDING_REPAIR) && !holding_repair(r, now))
		return;
	r->todo &= ~HOLDING_REPAIR;
}

void router_finish(struct router *r, struct instant now)
{
	size_t left = r->world.pace->left;

	r->world.pace->left = SIZE_MAX;
	router_work(r, now);
	r->world.pace->left = left;
}

/* An advert that is due does not wait for a long list, only the first one does. */
void router_carry_out(struct router *r, unsigned effects, struct instant now)
{
	if (effects & VRRP_DO_PREPARE) { /* by others, while this goes on */
		effects &= ~(unsigned)VRRP_DO_PREPARE;
		r->prepares++;
		r->world.ops->prepare(r->world.io, r);
	}
	if ((r->todo & VRRP_DO_CLAIM) && effects == VRRP_DO_ADVERT) {
		r->todo &= ~(unsigned)VRRP_DO_ADVERT;
		send_advert(r, r->vrrp.config.priority, now);
		return;
	}
	if (effects & VRRP_DO_RELEASE) {
		r->todo = VRRP_DO_RELEASE;
		holding_begin_release(r);
	}
	if ((effects & VRRP_DO_RELEASE) && (effects & VRRP_DO_CLAIM)) { /* one after the other */
		router_finish(r, now);
		effects &= ~(unsigned)VRRP_DO_RELEASE;
	}
	if (effects & VRRP_DO_CLAIM) {
		r->todo &= ~(VRRP_DO_RELEASE | VRRP_DO_RESIGN | HOLDING_REPAIR);
		holding_begin_claim(r);
	}
	r->todo |= effects;
	router_work(r, now);
}

static struct track_score score_of_config(const struct router_config *c)
{
	return track_score(c->priority, c->causes.list, c->causes.n);
}

/* Until the director knows, what the predecessor knew. */
uint8_t router_score(const struct router *r)
{
	return !r->config.causes.known && r->inherited ? r->inherited
						       : score_of_config(&r->config).priority;
}

uint8_t router_own_priority(const struct router *r)
{
	return handover_priority(&r->handover, router_score(r));
}

/* One that is held, as the director is not ready, preempts nobody. */
static struct vrrp_config election_of(const struct router *r)
{
	const struct router_config *config = &r->config;

	return (struct vrrp_config){
		.primary = config->source.family ? config->source : router_voice(r)->primary,
		.version = config->format.version,
		.priority = r->group ? group_priority(r->group) : router_own_priority(r),
		.interval_cs = config->interval_cs,
		.preempt = config->preempt && !r->held,
		.preempt_delay_us = config->preempt_delay_us,
		.settle_us = config->settle_us,
		.down_intervals = config->down_intervals,
		.fast_failover = config->fast_failover,
		.grouped = r->group != NULL,
		.prepare_us = config->prepare_us,
	};
}

unsigned router_follow(struct router *r, struct instant now)
{
	struct vrrp_config election = election_of(r);

	r->record->given = r->handover.state == HANDOVER_GIVEN;
	if (election.priority == r->vrrp.config.priority)
		return 0;
	return vrrp_reconfigure(&r->vrrp, &election, now);
}

unsigned router_became(struct router *r, const struct vrrp *before, struct instant now)
{
	bool active = r->vrrp.state == VRRP_ACTIVE;

	if ((before->state == VRRP_ACTIVE) == active)
		return 0;
	handover_became(&r->handover, active);
	return router_follow(r, now);
}

static void say_opinion(struct router *r)
{
	char text[240];

	(void)snprintf(text, sizeof(text),
		r->vrrp.vouched
			? "%s: adverts are missing, and the peer says over the link that it is "
			  "Active: stays Backup"
			: "%s: the peer's adverts are heard again",
		r->config.name);
	router_say(r, r->vrrp.vouched ? EVENT_TAKEOVER_WITHHELD : EVENT_ADVERTS_BACK, text);
	r->opinion_told = r->vrrp.vouched;
}

/* Where adverts get lost now and then this comes and goes: once a minute is enough to look after
 * it. The end that is a takeover tells itself. */
static void tell_opinion(struct router *r, const struct vrrp *before, struct instant now)
{
	bool vouched = r->vrrp.vouched;

	if (vouched == before->vouched)
		return;
	r->counters.withheld += vouched;
	if (vouched && instant_reached(r->next_opinion_event, now)) {
		r->next_opinion_event = instant_add(now, OPINION_EVENT_INTERVAL_US);
		say_opinion(r);
	} else if (!vouched && r->opinion_told && r->vrrp.state == VRRP_BACKUP) {
		say_opinion(r);
	}
	r->opinion_told &= vouched;
	r->world.ops->changed(r->world.io, r);
}

bool router_tell(struct router *r, const struct vrrp *before, struct instant now)
{
	tell_opinion(r, before, now);
	if (before->state == r->vrrp.state && before->since.us == r->vrrp.since.us)
		return false;
	r->counters.transitions++;
	r->counters.transitions_for[r->vrrp.reason]++;
	r->old_state = before->state;
	if (r->vrrp.reason == VRRP_REASON_LATE)
		r->counters.late++;
	r->world.ops->transition(r->world.io, r, before->state);
	return true;
}

/* Effects first: what the operator is told can wait. */
static void conclude_alone(
	struct router *r, const struct vrrp *before, unsigned effects, struct instant now)
{
	router_carry_out(r, effects | router_became(r, before, now), now);
	if (router_tell(r, before, now))
		router_leave_for_maintenance(r, now);
}

/* ... and the others of its group follow before that. */
static void conclude(
	struct router *r, const struct vrrp *before, unsigned effects, struct instant now)
{
	router_carry_out(r, effects | router_became(r, before, now), now);
	if (r->group)
		group_follow(r->group, now);
	if (router_tell(r, before, now))
		router_leave_for_maintenance(r, now);
}

static void step_event(struct router *r, const struct vrrp_event *event, struct instant now)
{
	struct vrrp before = r->vrrp;
	unsigned effects;

	if (r->group) {
		group_step(r->group, r->place, event, now);
		return;
	}
	effects = vrrp_step(&r->vrrp, event, now);
	conclude(r, &before, effects, now);
}

static void step(struct router *r, enum vrrp_event_kind kind, struct instant now)
{
	struct vrrp_event event = {.kind = kind};

	step_event(r, &event, now);
}

/* How long the peer's word counts. */
static uint64_t opinion_lasts_us(const struct router *r)
{
	uint16_t interval_cs = r->config.interval_cs;
	uint64_t lasts_us;

	if (r->vrrp.active_interval_cs < interval_cs) /* a dead peer's adverts end sooner, too */
		interval_cs = r->vrrp.active_interval_cs;
	lasts_us = second_opinion_lasts_us(interval_cs, r->config.down_intervals);
	return r->vrrp.vouched && lasts_us < SECOND_OPINION_WITHHELD_US ? SECOND_OPINION_WITHHELD_US
									: lasts_us;
}

/* Until when the peer says over the link that it is Active; {0}: it does not. */
static struct instant ask_peer(const struct router *r, struct instant now)
{
	struct peer_news news;

	if (!r->world.ops->ask_peer(r->world.io, r->config.name, &news))
		return (struct instant){0};
	return second_opinion_until(&news, opinion_lasts_us(r), now);
}

static bool peer_is_dead(const struct router *r, struct instant now)
{
	struct peer_news news;

	return r->world.ops->ask_peer(r->world.io, r->config.name, &news) &&
	       second_opinion_dead(&news, now);
}

static void step_timer(struct router *r, struct instant now)
{
	struct vrrp_event event = {.kind = VRRP_EV_TIMER};

	if (r->vrrp.state == VRRP_BACKUP) {
		event.vouched = ask_peer(r, now);
		event.dead = r->config.fast_failover && peer_is_dead(r, now);
	}
	step_event(r, &event, now);
}

static void set_ports(struct router *r, const struct router_ports *ports)
{
	r->home = ports->home;
	for (size_t i = 0; i < MOVED_PLACES_MAX; i++)
		r->sites[i].port = ports->places[i];
}

void router_init(struct router *r, const struct router_config *config,
	const struct router_ports *ports, struct state_router *record, size_t first,
	const struct router_world *world, struct instant now)
{
	struct vrrp_config election;

	*r = (struct router){.config = *config, .record = record, .first = first, .world = *world};
	set_ports(r, ports);
	handover_init(&r->handover);
	if (record->given)
		handover_give(&r->handover);
	election = election_of(r);
	vrrp_init(&r->vrrp, &election, now);
	announce_init(&r->announce, &config->announce);
}

void router_done(struct router *r)
{
	causes_done(&r->config.causes);
	free(r->auth);
	r->auth = NULL;
}

bool router_can_adopt(const struct router *r, struct instant now)
{
	return r->record->election == router_home(r)->ifindex &&
	       state_router_is_fresh(r->record, now);
}

void router_prepare(struct router *r, bool adopt, struct instant now)
{
	struct vrrp_config election;

	r->inherited = adopt ? r->record->priority : 0;
	election = election_of(r);
	(void)vrrp_reconfigure(&r->vrrp, &election, now); /* in Initialize it has no effects */
	if (adopt) {
		holding_remove_unwanted(r);
		return;
	}
	holding_remove_leftovers(r);
	r->raised = true; /* as far as we know: a predecessor may have left it so */
	fall_silent(r);
	holding_record(r);
}

void router_begin(struct router *r, struct instant now)
{
	bool adopt = router_can_adopt(r, now);

	router_prepare(r, adopt, now);
	step(r, adopt ? VRRP_EV_ADOPT : VRRP_EV_STARTUP, now);
}

void router_hold(struct router *r, bool held, struct instant now)
{
	if (r->held == held)
		return;
	r->held = held;
	router_readdress(r, now);
}

void router_ungroup(struct router *r)
{
	r->group = NULL;
}

void router_disown(struct router *r)
{
	if (r->vrrp.state == VRRP_INITIALIZE && r->record->used && r->record->active)
		holding_remove_leftovers(r);
}

void router_link_down(struct router *r, struct instant now)
{
	step(r, VRRP_EV_LINK_DOWN, now);
}

void router_no_address(struct router *r, struct instant now)
{
	step(r, VRRP_EV_NO_ADDRESS, now);
}

void router_part(struct router *r, struct instant now)
{
	step(r, VRRP_EV_GROUP_LOSE, now);
}

void router_leave(struct router *r, struct instant now)
{
	step(r, VRRP_EV_SHUTDOWN, now);
}

uint64_t router_patience_us(const struct router *r)
{
	return (r->config.down_intervals + UINT64_C(1)) * r->config.interval_cs * 10000 +
	       r->config.prepare_us + HANDOVER_SLACK_US;
}

static void apply_handover(struct router *r, struct instant now)
{
	struct vrrp before = r->vrrp;

	conclude(r, &before, router_follow(r, now), now);
	r->world.ops->changed(r->world.io, r);
}

static void say_handover(const struct router *r, enum event event, const char *what)
{
	char text[200];

	(void)snprintf(text, sizeof(text), "%s: %s", r->config.name, what);
	router_say(r, event, text);
}

/* Nobody preempts there: the place is left empty for a peer to find. */
static void give(struct router *r, struct instant now)
{
	handover_give(&r->handover);
	say_handover(r, EVENT_SWITCHOVER, "given up for a peer, by an operator");
	step(r, VRRP_EV_YIELD, now);
}

void router_switchover(struct router *r, bool insist, struct instant now)
{
	r->counters.switchovers++;
	if (r->vrrp.state != VRRP_ACTIVE) {
		r->world.ops->changed(r->world.io, r);
		return;
	}
	if (!r->config.preempt) {
		give(r, now);
		return;
	}
	handover_offer(&r->handover, insist,
		r->group ? group_patience_us(r->group) : router_patience_us(r), now);
	say_handover(r, EVENT_SWITCHOVER, "offered to a peer, by an operator");
	apply_handover(r, now);
}

static void end_handover(struct router *r, struct instant now)
{
	switch (handover_timer(&r->handover, now)) {
	case HANDOVER_GOES_ON:
		return;
	case HANDOVER_REFUSED:
		say_handover(r, EVENT_SWITCHOVER_FAILED, "offered, and no peer took over: stays");
		apply_handover(r, now);
		return;
	case HANDOVER_FORCED:
		if (r->handover.maintenance == MAINTENANCE_ON)
			router_leave_for_maintenance(r, now);
		else
			give(r, now);
	}
}

/* One who is to go gives a peer the time to come first. */
void router_leave_for_maintenance(struct router *r, struct instant now)
{
	if (r->handover.maintenance == MAINTENANCE_ON && r->handover.state != HANDOVER_OFFERED &&
		r->vrrp.state != VRRP_INITIALIZE)
		step(r, VRRP_EV_FAULT, now);
}

void router_maintain(struct router *r, enum maintenance maintenance, struct instant now)
{
	if (r->handover.maintenance == maintenance)
		return;
	handover_maintain(&r->handover, maintenance);
	if (maintenance != MAINTENANCE_OFF && r->vrrp.state == VRRP_ACTIVE)
		router_switchover(r, maintenance == MAINTENANCE_ON, now);
	else
		apply_handover(r, now);
	router_leave_for_maintenance(r, now);
}

bool router_has_device(const struct router *r)
{
	const struct port *port = router_mac_port(r);

	return !port ||
	       (port->ifindex &&
		       port->voices[r->config.format.family == AF_INET6 ? VOICE_IPV6 : VOICE_IPV4]
			       .ready);
}

bool router_is_ready(const struct router *r)
{
	return router_voice(r)->ready && router_has_device(r) &&
	       r->handover.maintenance != MAINTENANCE_ON && !router_has_fault(r);
}

void router_pause(struct router *r, struct instant now)
{
	uint16_t interval_cs = r->config.interval_cs;

	if (r->config.format.version == 3) /* others refuse an interval that is not theirs */
		interval_cs = vrrp_patience_cs(interval_cs);
	if (r->vrrp.state != VRRP_ACTIVE)
		return;
	wire_send(r, r->vrrp.config.priority, interval_cs, now);
}

void router_readdress(struct router *r, struct instant now)
{
	struct vrrp_config election = election_of(r);
	struct vrrp before = r->vrrp;
	unsigned effects = vrrp_reconfigure(&r->vrrp, &election, now);

	if (r->vrrp.state == VRRP_ACTIVE)
		holding_record(r);
	conclude(r, &before, effects, now);
}

static void say_score(const struct router *r)
{
	char score[TRACK_SCORE_TEXT_MAX], text[STATE_NAME_MAX + 2 + TRACK_SCORE_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%s: %s", r->config.name,
		track_score_text(
			r->config.priority, r->config.causes.list, r->config.causes.n, score));
	router_say(r, EVENT_PRIORITY, text);
}

void router_weigh(struct router *r, const struct causes *causes, struct instant now)
{
	struct causes before = r->config.causes;
	bool same = track_causes_equal(before.list, before.n, causes->list, causes->n);

	r->inherited = 0;
	r->config.causes = *causes;
	causes_done(&before);
	router_readdress(r, now);
	if (same)
		return;
	say_score(r);
	r->world.ops->changed(r->world.io, r);
}

bool router_has_fault(const struct router *r)
{
	return score_of_config(&r->config).fault;
}

void router_fault(struct router *r, struct instant now)
{
	step(r, VRRP_EV_FAULT, now);
}

static bool same_device(const struct router_config *a, const struct router_config *b)
{
	return a->virtual_mac == b->virtual_mac &&
	       strcmp(a->places[MOVED_HOME], b->places[MOVED_HOME]) == 0;
}

void router_reconfigure(struct router *r, const struct router_config *wanted,
	const struct router_ports *ports, size_t first, struct instant now)
{
	r->moved = !holding_same(&r->config, wanted);
	r->weighed = !track_causes_equal(
		r->config.causes.list, r->config.causes.n, wanted->causes.list, wanted->causes.n);
	if (!same_device(&r->config, wanted))
		fall_silent(r);
	causes_done(&r->config.causes);
	r->config = *wanted;
	r->first = first;
	if (wanted->causes.known)
		r->inherited = 0;
	set_ports(r, ports);
	announce_reconfigure(&r->announce, &wanted->announce, now);
}

void router_go_on(struct router *r, struct instant now)
{
	struct vrrp_config election = election_of(r);
	struct vrrp before = r->vrrp;
	unsigned effects = vrrp_reconfigure(&r->vrrp, &election, now);

	if (r->vrrp.state == VRRP_ACTIVE) {
		if (r->moved)
			effects |= VRRP_DO_CLAIM | VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE;
		holding_record(r);
	}
	conclude_alone(r, &before, effects, now);
	if (r->weighed)
		say_score(r);
	r->moved = r->weighed = false;
}

void router_restore(struct router *r, struct instant now)
{
	if (r->vrrp.state != VRRP_ACTIVE) {
		holding_forget(r);
		return;
	}
	if (!holding_is_robbed(r) || (r->todo & (VRRP_DO_RELEASE | VRRP_DO_CLAIM | HOLDING_REPAIR)))
		return;
	holding_begin_repair(r);
	r->todo |= HOLDING_REPAIR;
	router_work(r, now);
}

/* 7.1: an address list that is not ours is somebody's mistake, not a reason to discard. */
static bool same_list(const struct router *r, const struct vrrp_advert *advert)
{
	struct vrrp_advert ours = {.n_addrs = 0};

	router_put_addresses(&r->config, &ours);
	if (advert->n_addrs != ours.n_addrs)
		return false;
	for (size_t i = 0; i < advert->n_addrs; i++) {
		bool found = false;
		for (size_t k = 0; !found && k < ours.n_addrs; k++)
			found = addr_equal(&advert->addrs[i], &ours.addrs[k]);
		if (!found)
			return false;
	}
	return true;
}

/* What is known of a router that we have just succeeded is no news. */
static bool is_settled(const struct router *r, struct instant now)
{
	return r->vrrp.state == VRRP_ACTIVE &&
	       instant_between_us(r->vrrp.since, now) >=
		       vrrp_shortest_down_us(r->config.interval_cs, r->config.down_intervals);
}

static void say_rival(struct router *r, const char *text, struct instant now)
{
	if (!instant_reached(r->next_rival_event, now))
		return;
	r->next_rival_event = instant_add(now, RIVAL_EVENT_INTERVAL_US);
	router_say(r, EVENT_RIVAL, text);
}

/* One that outranks us has made a transition. */
static void note_rival(struct router *r, const struct vrrp_advert *advert, struct instant now)
{
	char text[160], peer[ADDR_TEXT_MAX];

	r->counters.rivals++;
	if (!is_settled(r, now))
		return;
	(void)snprintf(text, sizeof(text), "%s: %s is Active too, with priority %u", r->config.name,
		addr_format(&advert->source, peer), advert->priority);
	say_rival(r, text, now);
}

/* Not when it has just come: its predecessor may have spoken last. */
void router_claimed(struct router *r, const struct claim *claim, struct instant now)
{
	char text[200], what[CLAIM_TEXT_MAX];

	if (!is_settled(r, now) || !claim_heard(&r->claims, claim, now))
		return;
	(void)snprintf(text, sizeof(text),
		"%s: another host has an address of this one: it says that %s", r->config.name,
		claim_text(claim, what));
	router_say(r, EVENT_ADDRESS_CLAIMED, text);
}

/* Two that do not hear each other's adverts know of each other by the link at least. */
static void look_for_split(struct router *r, struct instant now)
{
	char text[200];

	if (!is_settled(r, now) || !instant_reached(r->next_look, now))
		return;
	r->next_look = instant_add(now, LOOK_INTERVAL_US);
	if (instant_reached(ask_peer(r, now), now))
		return;
	r->counters.split++;
	(void)snprintf(text, sizeof(text),
		"%s: the peer says over the link that it is Active too, and its adverts are not "
		"heard",
		r->config.name);
	say_rival(r, text, now);
}

void router_hear(struct router *r, const struct vrrp_advert *advert, struct instant now)
{
	struct vrrp_heard heard = {advert->source, advert->priority, advert->interval_cs};
	struct vrrp_event event = {.kind = VRRP_EV_ADVERT, .advert = &heard};
	struct vrrp before = r->vrrp;

	if (before.state == VRRP_INITIALIZE)
		return;
	r->counters.adverts_received++;
	if (!same_list(r, advert))
		r->counters.address_mismatches++;
	if (before.state == VRRP_BACKUP && handover_heard(&r->handover, advert->priority))
		apply_handover(r, now);
	step_event(r, &event, now);
	if (before.state == VRRP_ACTIVE && advert->priority != VRRP_PRIORITY_RESIGN)
		note_rival(r, advert, now);
}

void router_prepared(struct router *r, uint32_t number, struct instant now)
{
	if (number == r->prepares)
		step(r, VRRP_EV_PREPARED, now);
}

void router_timer(struct router *r, struct instant now)
{
	if (instant_reached(vrrp_next(&r->vrrp), now)) {
		holding_try_again(r);
		step_timer(r, now);
		router_restore(r, now);
		look_for_split(r, now);
	}
	end_handover(r, now);
	holding_send_announcements(r, now);
}

struct instant router_deadline(const struct router *r)
{
	return instant_min(
		r->handover.deadline, instant_min(vrrp_next(&r->vrrp), r->announce.deadline));
}
