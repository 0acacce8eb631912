/* What a router holds. The order here is what other hosts see: what is at home comes last and goes
 * first, and the record of a thing is there before it and after it. Long lists go in pieces, so
 * that adverts of other routers, and of this one, do not wait for them. */
#include "elector/holding.h"

#include "elector/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* So much in one message to the kernel. */
#define BATCH 32

#define CONTEST_US UINT64_C(60000000)
#define CONTEST_TOLD 5 /* restorations in that time that are told one by one */

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

	s->vrid = r->config.vrid;
	s->priority = router_score(r);
	if (!s->active)
		record_silence(s, r->config.interval_cs);
	s->format = r->config.format;
	s->peers = r->config.peers;
	s->down_intervals = vrrp_silence_intervals(&r->vrrp.config);
	s->election = r->home->ifindex;
	for (size_t i = 0; i < MOVED_PLACES_MAX; i++)
		s->ifindex[i] = r->sites[i].port ? r->sites[i].port->ifindex : 0;
	s->source = r->vrrp.config.primary;
	memcpy(s->name, r->config.name, sizeof(s->name));
	memcpy(s->interface, r->config.interface, sizeof(s->interface));
	memset(s->mac_device, 0, sizeof(s->mac_device));
	if (r->config.virtual_mac)
		memcpy(s->mac_device, r->config.places[MOVED_HOME], sizeof(s->mac_device));
	state_file_record(r->world.state, s, r->first, r->config.moved, r->config.n_moved);
	s->used = true;
	wire_leave_will(r, s->interval_cs); /* who dies before the next advert has one too */
}

/* --- To and from the kernel --- */

static const char *noun_of(const struct moved *what)
{
	switch ((enum moved_kind)what->kind) {
	case MOVED_ROUTE:
		return "a route";
	case MOVED_RULE:
		return "a rule";
	case MOVED_ADDRESS:
	case MOVED_KIND_MAX_:
		break;
	}
	return "an address";
}

static const char *why_not_added(const struct moved *what, int error)
{
	if (error == -ENODEV)
		return "there is no such interface";
	if (error == -EACCES && what->kind == MOVED_ADDRESS)
		return "IPv6 is disabled there";
	return strerror(-error);
}

static void say_not_added(const struct router *r, const struct moved *what, int error)
{
	const struct port *port = r->sites[what->place].port;
	char text[200];

	(void)snprintf(text, sizeof(text), "%s: %s could not be added%s%s: %s", r->config.name,
		noun_of(what), port ? " to " : "", port ? port->interface : "",
		why_not_added(what, error));
	router_say(r, EVENT_ERROR, text);
}

static int add(struct router *r, const struct moved *items, size_t n, size_t *ret_added)
{
	uint8_t place = items->place;
	int ifindex = 0;

	*ret_added = 0;
	if (place != MOVED_ANYWHERE) {
		ifindex = r->sites[place].port->ifindex;
		r->record->ifindex[place] = ifindex;
		if (!ifindex)
			return -ENODEV;
	}
	return r->world.ops->add(r->world.io, ifindex, items, n, ret_added);
}

/* Add what is missing of a run; what cannot be added is told once. */
static void add_run(struct router *r, const struct moved *items, size_t n)
{
	struct site *site = &r->sites[items->place];
	size_t added;
	int error = add(r, items, n, &added);

	if (error >= 0) {
		r->added |= added > 0;
		if (items->kind != MOVED_ADDRESS)
			r->n_rerouted += site->missed ? 0 : (unsigned)added;
		else
			site->restored += (unsigned)added;
		return;
	}
	/* An interface that nobody has looked for is not missing yet: it is told of when found. */
	if (!site->told && (!site->port || site->port->known)) {
		site->told = true;
		say_not_added(r, items, error);
	}
	site->failed = true;
}

static int take(const struct router *r, const struct moved *items, size_t n, size_t *ret_removed)
{
	int ifindex = 0;

	*ret_removed = 0;
	if (items->place != MOVED_ANYWHERE) {
		ifindex = r->sites[items->place].port->ifindex;
		if (!ifindex)
			return 0;
	}
	return r->world.ops->remove(r->world.io, ifindex, items, n, ret_removed);
}

static void say_not_removed(const struct router *r, const struct moved *what, int error)
{
	char text[60];

	(void)snprintf(text, sizeof(text), "%s could not be removed", noun_of(what));
	router_say_failure(r, text, error);
}

/* --- Passes --- */

static size_t breath(const struct router *r)
{
	size_t left = r->world.pace->left;

	return left < BATCH ? left : BATCH;
}

static void begin_pass(struct router *r)
{
	for (size_t i = 0; i <= MOVED_ANYWHERE; i++) {
		struct site *site = &r->sites[i];
		if (!site->due)
			continue;
		site->missed = site->failed;
		site->failed = site->robbed = false;
		site->restored = 0;
	}
	r->progress = 0;
	r->added = false;
	r->n_rerouted = 0;
}

void holding_begin_claim(struct router *r)
{
	holding_record(r);
	r->record->active = true;
	router_raise(r);
	for (size_t i = 0; i <= MOVED_ANYWHERE; i++)
		r->sites[i].due = true;
	begin_pass(r);
}

/* Routes may have gone with anything: with an address that was their source, or a link. */
void holding_begin_repair(struct router *r)
{
	for (size_t i = 0; i <= MOVED_ANYWHERE; i++)
		r->sites[i].due = r->sites[i].robbed;
	if (r->sites[MOVED_HOME].due)
		router_raise(r);
	begin_pass(r);
}

static bool is_due(const struct router *r, const struct moved *what)
{
	return r->sites[what->place].due || what->kind != MOVED_ADDRESS;
}

static bool add_some(struct router *r)
{
	const struct router_config *c = &r->config;

	while (r->progress < c->n_moved && breath(r) > 0) {
		const struct moved *items = &c->moved[r->progress];
		size_t n = moved_run(c->moved, c->n_moved, r->progress, breath(r));

		if (is_due(r, items)) {
			add_run(r, items, n);
			r->world.pace->left -= n;
		}
		r->progress += n;
	}
	return r->progress == c->n_moved;
}

static void end_pass(struct router *r)
{
	for (size_t i = 0; i <= MOVED_ANYWHERE; i++) {
		r->sites[i].due = false;
		if (!r->sites[i].failed)
			r->sites[i].told = false;
	}
}

bool holding_claim(struct router *r)
{
	if (!add_some(r))
		return false;
	end_pass(r);
	return true;
}

void holding_begin_release(struct router *r)
{
	announce_stop(&r->announce);
	r->progress = 0;
}

bool holding_release(struct router *r)
{
	const struct router_config *c = &r->config;

	while (r->progress < c->n_moved && breath(r) > 0) {
		size_t left = c->n_moved - r->progress, removed;
		size_t n = moved_run_before(c->moved, left, breath(r));
		const struct moved *items = &c->moved[left - n];
		int error = take(r, items, n, &removed);

		if (error < 0)
			say_not_removed(r, items, error);
		r->world.pace->left -= n;
		r->progress += n;
	}
	if (r->progress < c->n_moved)
		return false;
	for (size_t i = 0; i <= MOVED_ANYWHERE; i++)
		r->sites[i].failed = r->sites[i].told = false;
	holding_forget(r);
	r->record->active = false;
	return true;
}

/* --- Repair --- */

void holding_try_again(struct router *r)
{
	for (size_t i = 0; i <= MOVED_ANYWHERE; i++)
		r->sites[i].robbed |= r->sites[i].failed;
}

bool holding_is_robbed(const struct router *r)
{
	for (size_t i = 0; i <= MOVED_ANYWHERE; i++)
		if (r->sites[i].robbed)
			return true;
	return false;
}

void holding_suspect(struct router *r)
{
	for (size_t i = 0; i <= MOVED_ANYWHERE; i++)
		r->sites[i].robbed = true;
}

void holding_forget(struct router *r)
{
	for (size_t i = 0; i <= MOVED_ANYWHERE; i++)
		r->sites[i].robbed = r->sites[i].returned = false;
}

/* False when the operator knows enough of it. In the next minute what was not told is. */
static bool is_worth_telling(struct router *r, uint64_t things, struct instant now)
{
	struct contest *c = &r->contest;
	char text[200];

	if (c->times > 0 && instant_between_us(c->since, now) >= CONTEST_US) {
		if (c->times > CONTEST_TOLD) {
			(void)snprintf(text, sizeof(text),
				"%s: somebody goes on removing what this host holds: %u times in a "
				"minute, %" PRIu64 " addresses, routes and rules put back",
				r->config.name, c->times, c->things);
			router_say(r, EVENT_ADDRESS_CONTESTED, text);
		}
		c->times = 0;
	}
	if (c->times == 0)
		*c = (struct contest){.since = now};
	c->times++;
	c->things += things;
	return c->times <= CONTEST_TOLD;
}

static void say_restored(struct router *r, const struct site *site, struct instant now)
{
	char text[160];

	if (!is_worth_telling(r, site->restored, now))
		return;
	(void)snprintf(text, sizeof(text), "%s: somebody removed addresses from %s: %u are back",
		r->config.name, site->port->interface, site->restored);
	router_say(r, EVENT_ADDRESS_RESTORED, text);
}

static void say_rerouted(struct router *r, struct instant now)
{
	char text[160];

	if (!is_worth_telling(r, r->n_rerouted, now))
		return;
	(void)snprintf(text, sizeof(text), "%s: somebody removed routes or rules: %u are back",
		r->config.name, r->n_rerouted);
	router_say(r, EVENT_ADDRESS_RESTORED, text);
}

/* What was never there is not restored: its interface has come, or the cause of an error has gone.
 * Nothing missing is news of our own doing, overtaken by a later addition. */
bool holding_repair(struct router *r, struct instant now)
{
	bool returned = false;

	if (!add_some(r))
		return false;
	for (size_t i = 0; i < MOVED_PLACES_MAX; i++) {
		returned |= r->sites[i].due && r->sites[i].returned;
		r->sites[i].returned &= !r->sites[i].due;
	}
	if (r->added || returned)
		holding_announce(r, now);
	for (size_t i = 0; i < MOVED_PLACES_MAX; i++) {
		struct site *site = &r->sites[i];
		if (!site->due || site->missed || site->restored == 0)
			continue;
		r->counters.addresses_restored += site->restored;
		say_restored(r, site, now);
	}
	if (r->n_rerouted > 0) {
		r->counters.routes_restored += r->n_rerouted;
		say_rerouted(r, now);
	}
	end_pass(r);
	return true;
}

static bool is_at(const struct router *r, const struct moved *what, const struct port *port)
{
	return r->sites[what->place].port == port;
}

static bool is_that(const struct moved *ours, const struct moved *what)
{
	switch ((enum moved_kind)what->kind) {
	case MOVED_ADDRESS:
		return moved_equal(ours, what);
	/* The kernel tells of them in its own words. */
	case MOVED_ROUTE:
		return ours->kind == MOVED_ROUTE && ours->route.table == what->route.table &&
		       ours->route.to.prefix_len == what->route.to.prefix_len &&
		       addr_equal(&ours->route.to.addr, &what->route.to.addr);
	case MOVED_RULE:
		return ours->kind == MOVED_RULE && ours->rule.family == what->rule.family &&
		       ours->rule.priority == what->rule.priority;
	case MOVED_KIND_MAX_:
		break;
	}
	return false;
}

void holding_gone(struct router *r, const struct port *port, const struct moved *what)
{
	for (size_t i = 0; i < r->config.n_moved; i++) {
		const struct moved *ours = &r->config.moved[i];
		if (is_that(ours, what) && (what->kind != MOVED_ADDRESS || is_at(r, ours, port)))
			r->sites[ours->place].robbed = true;
	}
}

static bool has_at(const struct router *r, const struct port *port)
{
	for (size_t i = 0; i < MOVED_PLACES_MAX; i++)
		if (r->sites[i].port == port)
			return true;
	return false;
}

void holding_port_changed(struct router *r, const struct port *port, bool up)
{
	if (!has_at(r, port) || port == r->home)
		return;
	for (size_t i = 0; i < MOVED_PLACES_MAX; i++)
		if (r->sites[i].port == port) {
			r->sites[i].robbed = true;
			r->sites[i].returned |= up;
		}
}

/* --- Announcements --- */

/* The addresses that are announced: those at home first. */
struct audience {
	size_t n, n_elsewhere;
};

static struct audience audience_of(const struct router_config *c)
{
	struct audience a = {0, 0};

	while (a.n < c->n_moved && c->moved[a.n].kind == MOVED_ADDRESS)
		a.n++;
	while (a.n_elsewhere < a.n && c->moved[a.n_elsewhere].place != MOVED_HOME)
		a.n_elsewhere++;
	return a;
}

static void announce_some(struct router *r, const struct audience *a, size_t first, size_t n)
{
	size_t n_home = a->n - a->n_elsewhere;

	while (n > 0) {
		bool home = first < n_home;
		size_t at = home ? a->n_elsewhere + first : first - n_home;
		size_t run = moved_run(r->config.moved, home ? a->n : a->n_elsewhere, at, n);
		const struct port *port = r->sites[r->config.moved[at].place].port;

		if (port->ifindex)
			r->world.ops->announce(
				r->world.io, port, r->config.arp_forms, &r->config.moved[at], run);
		first += run;
		n -= run;
	}
}

void holding_send_announcements(struct router *r, struct instant now)
{
	struct audience a = audience_of(&r->config);
	unsigned left = ANNOUNCE_PIECE, first, n;

	while (left > 0 && (n = announce_due(&r->announce, (unsigned)a.n, left, now, &first)) > 0) {
		announce_some(r, &a, first, n);
		left -= n;
	}
	if (left == 0)
		announce_pause(&r->announce, now);
}

void holding_announce(struct router *r, struct instant now)
{
	announce_start(&r->announce, now);
	holding_send_announcements(r, now);
}

/* --- What is ours, and what is not --- */

static bool has_address(const struct moved *items, size_t n, const struct addr *addr)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].kind == MOVED_ADDRESS &&
			addr_equal(&items[i].address.prefix.addr, addr))
			return true;
	return false;
}

bool holding_has(const struct router *r, const struct addr *addr)
{
	return has_address(r->config.moved, r->config.n_moved, addr) ||
	       (r->record->used && has_address(state_file_list(r->world.state, r->record),
					   r->record->list.n, addr));
}

/* Things that go, one after the other, gathered to batches. */
struct removal {
	const struct router *router;
	int ifindex; /* of what is gathered */
	struct moved items[BATCH];
	size_t n;
};

static void removal_flush(struct removal *b)
{
	const struct router *r = b->router;
	size_t removed;
	int error;

	if (b->n == 0)
		return;
	error = r->world.ops->remove(r->world.io, b->ifindex, b->items, b->n, &removed);
	if (error < 0)
		say_not_removed(r, b->items, error);
	b->n = 0;
}

static void removal_add(struct removal *b, int ifindex, const struct moved *what)
{
	if (what->place != MOVED_ANYWHERE && !ifindex)
		return;
	if (b->n > 0 && (b->n == BATCH || b->ifindex != ifindex || b->items[0].kind != what->kind))
		removal_flush(b);
	b->ifindex = ifindex;
	b->items[b->n++] = *what;
}

/* Where a list of things is. */
struct whereabouts {
	const struct moved *items;
	size_t n;
	int ifindex[MOVED_ANYWHERE + 1];
};

static bool is_among(const struct whereabouts *has, const struct moved *what, int ifindex)
{
	for (size_t i = 0; i < has->n; i++)
		if (has->ifindex[has->items[i].place] == ifindex &&
			moved_equal(&has->items[i], what))
			return true;
	return false;
}

/* Take what is in `had` and not in `has`, the last first. Batches are in the order of addition. */
static void remove_difference(
	const struct router *r, const struct whereabouts *had, const struct whereabouts *has)
{
	struct removal batch = {.router = r};
	size_t end = had->n;

	while (end > 0) {
		size_t run = moved_run_before(had->items, end, BATCH);
		for (size_t i = end - run; i < end; i++) {
			int ifindex = had->ifindex[had->items[i].place];
			if (!is_among(has, &had->items[i], ifindex))
				removal_add(&batch, ifindex, &had->items[i]);
		}
		removal_flush(&batch);
		end -= run;
	}
}

static struct whereabouts whereabouts_of(const struct router *r)
{
	struct whereabouts w = {.items = r->config.moved, .n = r->config.n_moved};

	for (size_t i = 0; i < MOVED_PLACES_MAX; i++)
		w.ifindex[i] = r->sites[i].port ? r->sites[i].port->ifindex : 0;
	return w;
}

static int take_all(struct router *r, size_t *ret_removed)
{
	const struct router_config *c = &r->config;
	size_t total = 0;

	for (size_t left = c->n_moved, n; left > 0; left -= n) {
		size_t removed;
		int error;

		n = moved_run_before(c->moved, left, BATCH);
		error = take(r, &c->moved[left - n], n, &removed);
		if (error < 0)
			return error;
		total += removed;
	}
	*ret_removed = total;
	return 0;
}

void holding_remove_leftovers(struct router *r)
{
	size_t recorded = 0, ours = 0;
	char text[160];
	int error = 0;

	if (r->record->used && r->record->active)
		error = r->world.ops->tidy(r->world.io, r->record, &recorded);
	if (error == 0)
		error = take_all(r, &ours);
	if (error < 0)
		router_say_failure(r, "what an earlier run left could not be removed", error);
	if (recorded + ours == 0)
		return;
	(void)snprintf(text, sizeof(text),
		"%s: removed %zu addresses, routes and rules of an "
		"earlier run",
		r->config.name, recorded + ours);
	router_say(r, EVENT_LEFTOVER_REMOVED, text);
}

/* What the predecessor had, and where, may not be what we are to have. */
void holding_remove_unwanted(struct router *r)
{
	struct whereabouts had = {
		.items = state_file_list(r->world.state, r->record), .n = r->record->list.n};
	struct whereabouts has = whereabouts_of(r);

	memcpy(had.ifindex, r->record->ifindex, sizeof(r->record->ifindex));
	remove_difference(r, &had, &has);
}

static const char *interface_at(const struct router_config *c, size_t place)
{
	return place == MOVED_HOME && !*c->places[place] ? c->interface : c->places[place];
}

/* What is wanted at interfaces that we know; elsewhere it cannot be yet. */
void holding_drop(struct router *r, const struct router_config *wanted)
{
	struct whereabouts had = whereabouts_of(r), has = {wanted->moved, wanted->n_moved, {0}};

	if (r->vrrp.state != VRRP_ACTIVE)
		return;
	for (size_t i = 0; i < MOVED_PLACES_MAX; i++) {
		has.ifindex[i] = -1;
		for (size_t k = 0; k < MOVED_PLACES_MAX; k++)
			if (r->sites[k].port &&
				strcmp(r->sites[k].port->interface, interface_at(wanted, i)) == 0)
				has.ifindex[i] = r->sites[k].port->ifindex;
	}
	remove_difference(r, &had, &has);
}

static bool has_same(
	const struct router_config *c, const struct router_config *other, const struct moved *what)
{
	for (size_t i = 0; i < other->n_moved; i++) {
		const struct moved *m = &other->moved[i];
		if (m->advertised == what->advertised && moved_equal(m, what) &&
			(what->place == MOVED_ANYWHERE
					? m->place == MOVED_ANYWHERE
					: m->place != MOVED_ANYWHERE &&
						  strcmp(interface_at(other, m->place),
							  interface_at(c, what->place)) == 0))
			return true;
	}
	return false;
}

bool holding_same(const struct router_config *a, const struct router_config *b)
{
	if (a->n_moved != b->n_moved || a->n_advertised != b->n_advertised)
		return false;
	for (size_t i = 0; i < a->n_moved; i++)
		if (!has_same(a, b, &a->moved[i]))
			return false;
	return true;
}

void holding_vacate(struct router *r, const struct port *port)
{
	struct whereabouts had = whereabouts_of(r), has = had;

	if (r->vrrp.state != VRRP_ACTIVE || port == r->home)
		return;
	for (size_t i = 0; i < MOVED_PLACES_MAX; i++)
		if (r->sites[i].port == port) {
			struct site *site = &r->sites[i];
			has.ifindex[i] = -1;
			site->failed = site->told = site->robbed = false;
		}
	remove_difference(r, &had, &has);
}
