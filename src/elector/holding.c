/* What a router holds. The order here is what other hosts see: what is at home comes last and goes
 * first, and the record of an address is there before it and after it. */
#include "elector/holding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Until an advert says something else, the Backups wait for what the last one said: see
 * send_advert(). Before the first, a successor has nothing to go on with. */
static void record_silence(struct state_router *s, uint16_t interval_cs)
{
	s->interval_cs = interval_cs;
	s->spoke = (struct instant){0};
}

void holding_record(struct router *r)
{
	struct state_router *s = r->record;
	const struct port *away = r->sites[STATE_AWAY].port;

	s->vrid = r->config.vrid;
	s->priority = r->config.priority;
	if (!s->active)
		record_silence(s, r->config.interval_cs);
	s->format = r->config.format;
	s->peers = r->config.peers;
	s->down_intervals = r->config.down_intervals;
	s->ifindex[STATE_HOME] = router_home(r)->ifindex;
	s->ifindex[STATE_AWAY] = away ? away->ifindex : 0;
	s->source = r->vrrp.config.primary;
	memcpy(s->name, r->config.name, sizeof(s->name));
	memcpy(s->interface, r->config.interface, sizeof(s->interface));
	s->addrs = r->config.addrs;
	s->used = true;
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
	router_say(r, EVENT_ERROR, text);
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
void holding_claim(struct router *r)
{
	holding_record(r);
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
		router_say_failure(r, "an address could not be removed", error);
}

void holding_release(struct router *r)
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

void holding_send_announcements(struct router *r, struct instant now)
{
	for (unsigned rounds = announce_due(&r->announce, now); rounds > 0; rounds--) {
		announce_at(r, STATE_HOME);
		announce_at(r, STATE_AWAY);
	}
}

void holding_announce(struct router *r, struct instant now)
{
	announce_start(&r->announce, now);
	holding_send_announcements(r, now);
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

bool holding_has(const struct router *r, const struct addr *addr)
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
		router_say_failure(r, "an address could not be removed", error);
}

void holding_remove_leftovers(struct router *r)
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
		router_say_failure(r, "what an earlier run left could not be removed", error);
	if (recorded + home + away == 0)
		return;
	(void)snprintf(text, sizeof(text), "%s: removed %zu addresses of an earlier run",
		r->config.name, recorded + home + away);
	router_say(r, EVENT_LEFTOVER_REMOVED, text);
}

/* What the predecessor had, and where, may not be what we are to have. */
void holding_remove_unwanted(struct router *r)
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

static bool same_snat_interface(const struct router_config *a, const struct router_config *b)
{
	return strcmp(a->snat_interface, b->snat_interface) == 0;
}

void holding_drop(struct router *r, const struct router_config *wanted)
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

struct state_slice holding_advertised(const struct router_config *c)
{
	return (struct state_slice){c->addrs.list, c->addrs.n_advertised};
}

bool holding_same(const struct router_config *a, const struct router_config *b)
{
	if (!same_slice(holding_advertised(a), holding_advertised(b)) || !same_snat_interface(a, b))
		return false;
	for (enum state_place place = 0; place < STATE_PLACES; place++)
		if (!same_slice(state_addrs_at(&a->addrs, place), state_addrs_at(&b->addrs, place)))
			return false;
	return true;
}

bool holding_misses_any(const struct router *r)
{
	return r->sites[STATE_HOME].failed || r->sites[STATE_AWAY].failed;
}

void holding_try_again(struct router *r, struct instant now)
{
	size_t added = 0;

	for (enum state_place place = 0; place < STATE_PLACES; place++)
		if (r->sites[place].failed)
			added += fill(r, place);
	if (added > 0)
		announce_start(&r->announce, now);
}

void holding_address_gone(struct router *r, const struct port *port, const struct addr_prefix *addr)
{
	for (enum state_place place = 0; place < STATE_PLACES; place++)
		if (r->sites[place].port == port &&
			lists_address(state_addrs_at(&r->config.addrs, place), addr))
			r->sites[place].robbed = true;
}

void holding_port_changed(struct router *r, const struct port *port)
{
	if (r->sites[STATE_AWAY].port == port)
		r->sites[STATE_AWAY].robbed = true;
}

void holding_vacate(struct router *r, const struct port *port)
{
	if (r->vrrp.state == VRRP_ACTIVE && r->sites[STATE_AWAY].port == port)
		release_at(r, STATE_AWAY);
}

void holding_suspect(struct router *r)
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
	holding_announce(r, now);
	if (missed)
		return;
	r->counters.addresses_restored += added;
	(void)snprintf(text, sizeof(text), "%s: somebody removed addresses from %s: %zu are back",
		r->config.name, r->sites[place].port->interface, added);
	router_say(r, EVENT_ADDRESS_RESTORED, text);
}

void holding_restore(struct router *r, struct instant now)
{
	for (enum state_place place = 0; place < STATE_PLACES; place++) {
		bool robbed = r->sites[place].robbed;

		r->sites[place].robbed = false;
		if (robbed && r->vrrp.state == VRRP_ACTIVE)
			restore_at(r, place, now);
	}
}
