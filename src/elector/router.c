/* What the effects of core/vrrp do. The order here is what other hosts see: the record before the
 * addresses, the addresses before the advert, everything before a word to the operator. */
#include "elector/router.h"

#include <errno.h>
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
	const struct port *away = r->sites[STATE_AWAY].port;

	s->vrid = r->config.vrid;
	s->priority = r->config.priority;
	s->family = AF_INET;
	s->interval_cs = r->config.interval_cs;
	s->ifindex[STATE_HOME] = router_home(r)->ifindex;
	s->ifindex[STATE_AWAY] = away ? away->ifindex : 0;
	s->source = router_home(r)->primary;
	memcpy(s->name, r->config.name, sizeof(s->name));
	memcpy(s->interface, r->config.interface, sizeof(s->interface));
	s->addrs = r->config.addrs;
	s->used = true;
}

static void send_advert(struct router *r, uint8_t priority, struct instant now)
{
	struct vrrp_advert advert = {
		.vrid = r->config.vrid,
		.priority = priority,
		.interval_cs = r->config.interval_cs,
		.n_addrs = (uint8_t)r->config.addrs.n_advertised,
	};
	uint8_t packet[VRRP_PACKET_MAX];
	int error;

	for (size_t i = 0; i < advert.n_addrs; i++)
		advert.addrs[i] = r->config.addrs.list[i].addr;
	error = r->ops->send(r->io, router_home(r), &r->vrrp.config.primary, packet,
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

static const char *why_not_added(int error)
{
	if (error == -ENODEV)
		return "there is no such interface";
	if (error == -EACCES)
		return "IPv6 is disabled there";
	return strerror(-error);
}

static void say_not_added(const struct router *r, const struct port *port, int error)
{
	char text[200];

	(void)snprintf(text, sizeof(text), "%s: an address could not be added to %s: %s",
		r->config.name, port->interface, why_not_added(error));
	say(r, EVENT_ERROR, text);
}

/* Add what is missing at one place; what cannot be added is told once. Returns how many addresses
 * were missing. */
static size_t fill(struct router *r, enum state_place place)
{
	struct state_slice wanted = state_addrs_at(&r->config.addrs, place);
	struct site *site = &r->sites[place];
	size_t added = 0;
	int error = 0;

	site->robbed = false;
	if (wanted.n > 0) {
		r->record->ifindex[place] = site->port->ifindex;
		error = site->port->ifindex ? r->ops->add(r->io, site->port->ifindex, wanted.addrs,
						      wanted.n, &added)
					    : -ENODEV;
	}
	/* An interface that nobody has looked for is not missing yet: it is told of when found. */
	if (error < 0 && !site->failed && site->port->known)
		say_not_added(r, site->port, error);
	site->failed = error < 0;
	return error < 0 ? 0 : added;
}

/* What is at home comes last and goes first: when it is there, the rest is. */
static void claim(struct router *r)
{
	write_record(r);
	r->record->active = true;
	(void)fill(r, STATE_AWAY);
	(void)fill(r, STATE_HOME);
}

static int take_from(const struct router *r, enum state_place place, size_t *ret_removed)
{
	struct state_slice ours = state_addrs_at(&r->config.addrs, place);
	const struct port *port = r->sites[place].port;

	*ret_removed = 0;
	if (ours.n == 0 || !port->ifindex)
		return 0;
	return r->ops->remove(r->io, port->ifindex, ours.addrs, ours.n, ret_removed);
}

static void release_at(struct router *r, enum state_place place)
{
	size_t removed;
	int error = take_from(r, place, &removed);

	r->sites[place].robbed = r->sites[place].failed = false;
	if (error < 0)
		say_failure(r, "an address could not be removed", error);
}

static void release(struct router *r)
{
	announce_stop(&r->announce);
	release_at(r, STATE_HOME);
	release_at(r, STATE_AWAY);
	r->record->active = false;
}

static void announce_at(const struct router *r, enum state_place place)
{
	struct state_slice ours = state_addrs_at(&r->config.addrs, place);
	const struct port *port = r->sites[place].port;

	if (ours.n > 0 && port->ifindex)
		r->ops->announce(r->io, port, ours.addrs, ours.n);
}

static void send_announcements(struct router *r, struct instant now)
{
	for (unsigned rounds = announce_due(&r->announce, now); rounds > 0; rounds--) {
		announce_at(r, STATE_HOME);
		announce_at(r, STATE_AWAY);
	}
}

static void announce_all(struct router *r, struct instant now)
{
	announce_start(&r->announce, now);
	send_announcements(r, now);
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
	if (effects & VRRP_DO_ANNOUNCE)
		announce_all(r, now);
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

static void set_ports(struct router *r, struct port *const ports[STATE_PLACES])
{
	for (enum state_place place = 0; place < STATE_PLACES; place++)
		r->sites[place].port = ports[place];
}

void router_init(struct router *r, const struct router_config *config,
	struct port *const ports[STATE_PLACES], struct state_router *record,
	const struct elector_ops *ops, void *io, struct instant now)
{
	struct vrrp_config election = election_of(config, ports[STATE_HOME]);

	*r = (struct router){
		.config = *config,
		.record = record,
		.ops = ops,
		.io = io,
	};
	set_ports(r, ports);
	vrrp_init(&r->vrrp, &election, now);
	announce_init(&r->announce, &config->announce);
}

static bool lists_address(struct state_slice slice, const struct addr_prefix *a)
{
	for (size_t i = 0; i < slice.n; i++)
		if (slice.addrs[i].prefix_len == a->prefix_len &&
			addr_equal(&slice.addrs[i].addr, &a->addr))
			return true;
	return false;
}

static bool has_address(const struct state_addrs *addrs, const struct addr *addr)
{
	for (size_t i = 0; i < addrs->n; i++)
		if (addr_equal(&addrs->list[i].addr, addr))
			return true;
	return false;
}

bool router_has_address(const struct router *r, const struct addr *addr)
{
	return has_address(&r->config.addrs, addr) ||
	       (r->record->used && has_address(&r->record->addrs, addr));
}

/* Take from an interface what is in `had` and not in `has`. */
static void remove_difference(
	const struct router *r, int ifindex, struct state_slice had, struct state_slice has)
{
	struct addr_prefix gone[STATE_MOVED_MAX];
	size_t n = 0, changed;
	int error;

	for (size_t i = 0; i < had.n; i++)
		if (!lists_address(has, &had.addrs[i]))
			gone[n++] = had.addrs[i];
	if (n == 0 || !ifindex)
		return;
	error = r->ops->remove(r->io, ifindex, gone, n, &changed);
	if (error < 0)
		say_failure(r, "an address could not be removed", error);
}

static bool can_adopt(const struct router *r, struct instant now)
{
	return r->record->ifindex[STATE_HOME] == router_home(r)->ifindex &&
	       state_router_is_fresh(r->record, now);
}

static void remove_leftovers(struct router *r)
{
	size_t recorded = 0, home = 0, away = 0;
	char text[160];
	int error = 0;

	if (r->record->used && r->record->active)
		error = r->ops->tidy(r->io, r->record, &recorded);
	if (error == 0)
		error = take_from(r, STATE_HOME, &home);
	if (error == 0)
		error = take_from(r, STATE_AWAY, &away);
	if (error < 0)
		say_failure(r, "what an earlier run left could not be removed", error);
	if (recorded + home + away == 0)
		return;
	(void)snprintf(text, sizeof(text), "%s: removed %zu addresses of an earlier run",
		r->config.name, recorded + home + away);
	say(r, EVENT_LEFTOVER_REMOVED, text);
}

/* What the predecessor had, and where, may not be what we are to have. */
static void remove_unwanted(struct router *r)
{
	static const struct state_slice nothing;

	for (enum state_place place = 0; place < STATE_PLACES; place++) {
		const struct port *port = r->sites[place].port;
		int ifindex = r->record->ifindex[place];
		bool same = port && port->ifindex == ifindex;

		remove_difference(r, ifindex, state_addrs_at(&r->record->addrs, place),
			same ? state_addrs_at(&r->config.addrs, place) : nothing);
	}
}

void router_begin(struct router *r, struct instant now)
{
	struct vrrp_config election = election_of(&r->config, router_home(r));

	(void)vrrp_reconfigure(&r->vrrp, &election, now); /* in Initialize it has no effects */
	if (can_adopt(r, now)) {
		remove_unwanted(r);
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
	struct port *const ports[STATE_PLACES] = {router_home(r), r->sites[STATE_AWAY].port};

	router_reconfigure(r, &r->config, ports, now);
}

static bool same_snat_interface(const struct router_config *a, const struct router_config *b)
{
	return strcmp(a->snat_interface, b->snat_interface) == 0;
}

void router_drop_addresses(struct router *r, const struct router_config *wanted)
{
	static const struct state_slice nothing;

	if (r->vrrp.state != VRRP_ACTIVE)
		return;
	for (enum state_place place = 0; place < STATE_PLACES; place++) {
		const struct port *port = r->sites[place].port;
		bool same = place == STATE_HOME || same_snat_interface(&r->config, wanted);

		if (port)
			remove_difference(r, port->ifindex, state_addrs_at(&r->config.addrs, place),
				same ? state_addrs_at(&wanted->addrs, place) : nothing);
	}
}

static bool same_slice(struct state_slice a, struct state_slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (!lists_address(b, &a.addrs[i]))
			return false;
	return true;
}

static struct state_slice advertised(const struct router_config *c)
{
	return (struct state_slice){c->addrs.list, c->addrs.n_advertised};
}

static bool same_addresses(const struct router_config *a, const struct router_config *b)
{
	if (!same_slice(advertised(a), advertised(b)) || !same_snat_interface(a, b))
		return false;
	for (enum state_place place = 0; place < STATE_PLACES; place++)
		if (!same_slice(state_addrs_at(&a->addrs, place), state_addrs_at(&b->addrs, place)))
			return false;
	return true;
}

void router_reconfigure(struct router *r, const struct router_config *wanted,
	struct port *const ports[STATE_PLACES], struct instant now)
{
	struct vrrp_config election = election_of(wanted, ports[STATE_HOME]);
	struct vrrp before = r->vrrp;
	bool moved = !same_addresses(&r->config, wanted);
	unsigned effects;

	if (wanted != &r->config)
		r->config = *wanted;
	set_ports(r, ports);
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
	struct state_slice ours = advertised(&r->config);

	if (advert->n_addrs != ours.n)
		return false;
	for (size_t i = 0; i < advert->n_addrs; i++) {
		bool found = false;
		for (size_t k = 0; !found && k < ours.n; k++)
			found = addr_equal(&advert->addrs[i], &ours.addrs[k].addr);
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

static bool misses_addresses(const struct router *r)
{
	return r->sites[STATE_HOME].failed || r->sites[STATE_AWAY].failed;
}

static void try_again(struct router *r, struct instant now)
{
	size_t added = 0;

	for (enum state_place place = 0; place < STATE_PLACES; place++)
		if (r->sites[place].failed)
			added += fill(r, place);
	if (added > 0)
		announce_start(&r->announce, now);
}

void router_timer(struct router *r, struct instant now)
{
	bool retry = misses_addresses(r);

	if (instant_reached(r->vrrp.deadline, now)) {
		step(r, VRRP_EV_TIMER, now);
		if (retry)
			try_again(r, now);
	}
	send_announcements(r, now);
}

struct instant router_deadline(const struct router *r)
{
	return instant_min(r->vrrp.deadline, r->announce.deadline);
}

void router_address_gone(struct router *r, const struct port *port, const struct addr_prefix *addr)
{
	for (enum state_place place = 0; place < STATE_PLACES; place++)
		if (r->sites[place].port == port &&
			lists_address(state_addrs_at(&r->config.addrs, place), addr))
			r->sites[place].robbed = true;
}

void router_port_changed(struct router *r, const struct port *port)
{
	if (r->sites[STATE_AWAY].port == port)
		r->sites[STATE_AWAY].robbed = true;
}

void router_vacate(struct router *r, const struct port *port)
{
	if (r->vrrp.state == VRRP_ACTIVE && r->sites[STATE_AWAY].port == port)
		release_at(r, STATE_AWAY);
}

void router_suspect(struct router *r)
{
	for (enum state_place place = 0; place < STATE_PLACES; place++)
		r->sites[place].robbed = true;
}

/* What was never there is not restored: its interface has come, or the cause of an error has gone.
 */
static void restore_at(struct router *r, enum state_place place, struct instant now)
{
	bool missed = r->sites[place].failed;
	size_t added = fill(r, place);
	char text[160];

	if (added == 0)
		return; /* news of our own doing, overtaken by a later addition */
	announce_all(r, now);
	if (missed)
		return;
	r->counters.addresses_restored += added;
	(void)snprintf(text, sizeof(text), "%s: somebody removed addresses from %s: %zu are back",
		r->config.name, r->sites[place].port->interface, added);
	say(r, EVENT_ADDRESS_RESTORED, text);
}

void router_restore(struct router *r, struct instant now)
{
	for (enum state_place place = 0; place < STATE_PLACES; place++) {
		bool robbed = r->sites[place].robbed;

		r->sites[place].robbed = false;
		if (robbed && r->vrrp.state == VRRP_ACTIVE)
			restore_at(r, place, now);
	}
}
