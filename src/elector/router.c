/* What the effects of core/vrrp do. The order here is what other hosts see: the record before the
 * addresses, the addresses before the advert, everything before a word to the operator. */
#include "elector/router.h"

#include <stdio.h>
#include <string.h>

#define RIVAL_EVENT_INTERVAL_US UINT64_C(60000000)

static void say(const struct router *r, enum event event, const char *message)
{
	r->ops->event(r->io, event, r, message);
}

static void say_failure(const struct router *r, const char *what, int error)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%s: %s: %s", r->config.name, what, strerror(-error));
	say(r, EVENT_ERROR, text);
}

static void write_record(struct router *r)
{
	struct state_router *s = r->record;

	s->vrid = r->config.vrid;
	s->priority = r->config.priority;
	s->family = AF_INET;
	s->interval_cs = r->config.interval_cs;
	s->ifindex = r->port->ifindex;
	s->source = r->port->primary;
	memcpy(s->name, r->config.name, sizeof(s->name));
	memcpy(s->interface, r->config.interface, sizeof(s->interface));
	memcpy(s->addrs, r->config.addrs, r->config.n_addrs * sizeof(s->addrs[0]));
	s->n_addrs = (uint16_t)r->config.n_addrs;
	s->used = true;
}

static void send_advert(struct router *r, uint8_t priority, struct instant now)
{
	struct vrrp_advert advert = {
		.vrid = r->config.vrid,
		.priority = priority,
		.interval_cs = r->config.interval_cs,
		.n_addrs = (uint8_t)r->config.n_addrs,
	};
	uint8_t packet[VRRP_PACKET_MAX];
	int error;

	for (size_t i = 0; i < r->config.n_addrs; i++)
		advert.addrs[i] = r->config.addrs[i].addr;
	error = r->ops->send(r->io, r->port, &r->vrrp.config.primary, packet,
		vrrp_packet_build(&advert, packet));
	if (error < 0) {
		r->counters.send_errors++;
		if (!r->send_failed)
			say_failure(r, "an advert could not be sent", error);
	} else {
		r->counters.adverts_sent++;
		r->record->spoke = now;
	}
	r->send_failed = error < 0;
}

static void claim(struct router *r)
{
	size_t changed;
	int error;

	write_record(r);
	r->record->active = true;
	error = r->ops->add(r->io, r->port->ifindex, r->config.addrs, r->config.n_addrs, &changed);
	if (error < 0 && !r->claim_failed)
		say_failure(r, "an address could not be added", error);
	r->claim_failed = error < 0;
}

static void release(struct router *r)
{
	size_t changed;
	int error = 0;

	announce_stop(&r->announce);
	r->claim_failed = false;
	r->robbed = false;
	if (r->port->ifindex)
		error = r->ops->remove(
			r->io, r->port->ifindex, r->config.addrs, r->config.n_addrs, &changed);
	if (error < 0)
		say_failure(r, "an address could not be removed", error);
	r->record->active = false;
}

static void send_announcements(struct router *r, struct instant now)
{
	for (unsigned rounds = announce_due(&r->announce, now); rounds > 0; rounds--)
		r->ops->announce(r->io, r->port, r->config.addrs, r->config.n_addrs);
}

/* Lowest bit first, as core/vrrp.h has it. */
static void carry_out(struct router *r, unsigned effects, struct instant now)
{
	if (effects & VRRP_DO_RELEASE)
		release(r);
	if (effects & VRRP_DO_RESIGN)
		send_advert(r, VRRP_PRIORITY_RESIGN, now);
	if (effects & VRRP_DO_CLAIM)
		claim(r);
	if (effects & VRRP_DO_ADVERT)
		send_advert(r, r->config.priority, now);
	if (effects & VRRP_DO_ANNOUNCE) {
		announce_start(&r->announce, now);
		send_announcements(r, now);
	}
}

/* Effects first: what the operator is told can wait. */
static void conclude(
	struct router *r, const struct vrrp *before, unsigned effects, struct instant now)
{
	carry_out(r, effects, now);
	if (before->state == r->vrrp.state && before->since.us == r->vrrp.since.us)
		return;
	r->counters.transitions++;
	if (r->vrrp.reason == VRRP_REASON_LATE)
		r->counters.late++;
	r->ops->transition(r->io, r, before->state);
}

static void step(struct router *r, enum vrrp_event_kind kind, struct instant now)
{
	struct vrrp before = r->vrrp;
	struct vrrp_event event = {.kind = kind};
	unsigned effects = vrrp_step(&r->vrrp, &event, now);

	conclude(r, &before, effects, now);
}

static struct vrrp_config election_of(const struct router_config *config, const struct port *port)
{
	return (struct vrrp_config){
		.primary = port->primary,
		.priority = config->priority,
		.interval_cs = config->interval_cs,
		.preempt = config->preempt,
	};
}

void router_init(struct router *r, const struct router_config *config, struct port *port,
	struct state_router *record, const struct elector_ops *ops, void *io, struct instant now)
{
	struct vrrp_config election = election_of(config, port);

	*r = (struct router){
		.config = *config,
		.port = port,
		.record = record,
		.ops = ops,
		.io = io,
	};
	vrrp_init(&r->vrrp, &election, now);
	announce_init(&r->announce, &config->announce);
}

static bool lists_address(const struct addr_prefix *addrs, size_t n, const struct addr_prefix *a)
{
	for (size_t i = 0; i < n; i++)
		if (addrs[i].prefix_len == a->prefix_len && addr_equal(&addrs[i].addr, &a->addr))
			return true;
	return false;
}

bool router_has_address(const struct router *r, const struct addr *addr)
{
	for (size_t i = 0; i < r->config.n_addrs; i++)
		if (addr_equal(&r->config.addrs[i].addr, addr))
			return true;
	for (size_t i = 0; r->record->used && i < r->record->n_addrs; i++)
		if (addr_equal(&r->record->addrs[i].addr, addr))
			return true;
	return false;
}

/* Take from the interface what is in `had` and not in `has`. */
static void remove_difference(const struct router *r, const struct addr_prefix *had, size_t n_had,
	const struct addr_prefix *has, size_t n_has)
{
	struct addr_prefix gone[STATE_ADDRS_MAX];
	size_t n = 0, changed;
	int error;

	for (size_t i = 0; i < n_had; i++)
		if (!lists_address(has, n_has, &had[i]))
			gone[n++] = had[i];
	if (n == 0 || !r->port->ifindex)
		return;
	error = r->ops->remove(r->io, r->port->ifindex, gone, n, &changed);
	if (error < 0)
		say_failure(r, "an address could not be removed", error);
}

static bool can_adopt(const struct router *r, struct instant now)
{
	return r->record->ifindex == r->port->ifindex && state_router_is_fresh(r->record, now);
}

static void remove_leftovers(struct router *r)
{
	size_t recorded = 0, found = 0;
	char text[160];
	int error = 0;

	if (r->record->used && r->record->active)
		error = r->ops->tidy(r->io, r->record, &recorded);
	if (error == 0 && r->port->ifindex)
		error = r->ops->remove(
			r->io, r->port->ifindex, r->config.addrs, r->config.n_addrs, &found);
	if (error < 0)
		say_failure(r, "what an earlier run left could not be removed", error);
	if (recorded + found == 0)
		return;
	(void)snprintf(text, sizeof(text), "%s: removed %zu addresses of an earlier run",
		r->config.name, recorded + found);
	say(r, EVENT_LEFTOVER_REMOVED, text);
}

void router_begin(struct router *r, struct instant now)
{
	struct vrrp_config election = election_of(&r->config, r->port);

	(void)vrrp_reconfigure(&r->vrrp, &election, now); /* in Initialize it has no effects */
	if (can_adopt(r, now)) {
		remove_difference(r, r->record->addrs, r->record->n_addrs, r->config.addrs,
			r->config.n_addrs);
		step(r, VRRP_EV_ADOPT, now);
		return;
	}
	remove_leftovers(r);
	write_record(r);
	step(r, VRRP_EV_STARTUP, now);
}

void router_disown(struct router *r)
{
	if (r->vrrp.state == VRRP_INITIALIZE && r->record->used && r->record->active)
		remove_leftovers(r);
}

void router_link_down(struct router *r, struct instant now)
{
	step(r, VRRP_EV_LINK_DOWN, now);
}

void router_no_address(struct router *r, struct instant now)
{
	step(r, VRRP_EV_NO_ADDRESS, now);
}

void router_leave(struct router *r, struct instant now)
{
	step(r, VRRP_EV_SHUTDOWN, now);
}

void router_readdress(struct router *r, struct instant now)
{
	router_reconfigure(r, &r->config, now);
}

void router_drop_addresses(struct router *r, const struct router_config *wanted)
{
	if (r->vrrp.state == VRRP_ACTIVE)
		remove_difference(
			r, r->config.addrs, r->config.n_addrs, wanted->addrs, wanted->n_addrs);
}

static bool same_addresses(const struct router_config *a, const struct router_config *b)
{
	if (a->n_addrs != b->n_addrs)
		return false;
	for (size_t i = 0; i < a->n_addrs; i++)
		if (!lists_address(b->addrs, b->n_addrs, &a->addrs[i]))
			return false;
	return true;
}

void router_reconfigure(struct router *r, const struct router_config *wanted, struct instant now)
{
	struct vrrp_config election = election_of(wanted, r->port);
	struct vrrp before = r->vrrp;
	bool moved = !same_addresses(&r->config, wanted);
	unsigned effects;

	if (wanted != &r->config)
		r->config = *wanted;
	announce_reconfigure(&r->announce, &wanted->announce, now);
	effects = vrrp_reconfigure(&r->vrrp, &election, now);
	if (r->vrrp.state == VRRP_ACTIVE) {
		if (moved)
			effects |= VRRP_DO_CLAIM | VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE;
		write_record(r);
	}
	conclude(r, &before, effects, now);
}

/* 7.1: an address list that is not ours is somebody's mistake, not a reason to discard. */
static bool same_list(const struct router *r, const struct vrrp_advert *advert)
{
	if (advert->n_addrs != r->config.n_addrs)
		return false;
	for (size_t i = 0; i < advert->n_addrs; i++) {
		bool found = false;
		for (size_t k = 0; !found && k < r->config.n_addrs; k++)
			found = addr_equal(&advert->addrs[i], &r->config.addrs[k].addr);
		if (!found)
			return false;
	}
	return true;
}

/* The last advert of a router that we have just succeeded is no news, and one that outranks us has
 * made a transition. */
static void note_rival(struct router *r, const struct vrrp_advert *advert, struct instant now)
{
	char text[160], peer[ADDR_TEXT_MAX];
	uint64_t settled_us = vrrp_shortest_down_us(r->config.interval_cs);

	r->counters.rivals++;
	if (r->vrrp.state != VRRP_ACTIVE || instant_between_us(r->vrrp.since, now) < settled_us ||
		!instant_reached(r->next_rival_event, now))
		return;
	r->next_rival_event = instant_add(now, RIVAL_EVENT_INTERVAL_US);
	(void)snprintf(text, sizeof(text), "%s: %s is Active too, with priority %u", r->config.name,
		addr_format(&advert->source, peer), advert->priority);
	say(r, EVENT_RIVAL, text);
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
	conclude(r, &before, vrrp_step(&r->vrrp, &event, now), now);
	if (before.state == VRRP_ACTIVE && advert->priority != VRRP_PRIORITY_RESIGN)
		note_rival(r, advert, now);
}

void router_timer(struct router *r, struct instant now)
{
	bool retry = r->claim_failed;

	if (instant_reached(r->vrrp.deadline, now)) {
		step(r, VRRP_EV_TIMER, now);
		if (retry && r->claim_failed)
			claim(r);
	}
	send_announcements(r, now);
}

struct instant router_deadline(const struct router *r)
{
	return instant_min(r->vrrp.deadline, r->announce.deadline);
}

void router_address_gone(struct router *r, const struct addr_prefix *addr)
{
	if (r->vrrp.state == VRRP_ACTIVE && lists_address(r->config.addrs, r->config.n_addrs, addr))
		r->robbed = true;
}

void router_restore(struct router *r, struct instant now)
{
	char text[160];
	size_t changed;
	int error;

	if (!r->robbed || r->vrrp.state != VRRP_ACTIVE)
		return;
	r->robbed = false;
	error = r->ops->add(r->io, r->port->ifindex, r->config.addrs, r->config.n_addrs, &changed);
	if (error < 0) {
		say_failure(r, "removed addresses could not be put back", error);
		r->claim_failed = true;
		return;
	}
	if (changed == 0)
		return; /* news of our own doing, overtaken by a later addition */
	announce_start(&r->announce, now);
	send_announcements(r, now);
	r->counters.addresses_restored += changed;
	(void)snprintf(text, sizeof(text), "%s: somebody removed addresses: %zu are back",
		r->config.name, changed);
	say(r, EVENT_ADDRESS_RESTORED, text);
}
