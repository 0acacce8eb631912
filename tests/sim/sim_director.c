/* A host and the elector on it: what elector_ops do to a host that is a few bits. */
#include "sim.h"

#include "base/byteorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MISSING 76 /* number of a peer that does not exist */

/* Records are taken from the first on. */
static struct state_router records[DIRECTORS_MAX][STATE_ROUTERS_MAX];
static struct moved recorded[DIRECTORS_MAX][4 * LANS_MAX * VIPS];

struct addr director_addr(const struct sim *s, unsigned number, unsigned lan)
{
	uint8_t host = (uint8_t)(number + 1);

	if (lan_is(s->script->ipv6, lan))
		return (struct addr){.family = AF_INET6,
			.bytes = {0xfe, 0x80, [8] = (uint8_t)(255 - host), [14] = (uint8_t)lan,
				[15] = host}};
	return (struct addr){.family = AF_INET, .bytes = {10, 0, (uint8_t)lan, host}};
}

struct addr director_missing_peer(const struct sim *s, unsigned lan)
{
	return director_addr(s, MISSING, lan);
}

static struct addr_prefix own_prefix(const struct director *d, unsigned lan)
{
	struct addr addr = director_addr(d->sim, d->number, lan);

	return (struct addr_prefix){addr, addr.family == AF_INET6 ? 64 : 24};
}

static struct addr_prefix vip_prefix(const struct sim *s, unsigned lan, unsigned vip)
{
	struct addr addr = director_addr(s, 100 + vip, lan);

	if (addr.family == AF_INET)
		return (struct addr_prefix){addr, 24};
	addr.bytes[0] = 0xfd;
	addr.bytes[1] = 0;
	return (struct addr_prefix){addr, 64};
}

static unsigned mask_of(const struct moved *items, size_t n)
{
	unsigned mask = 0;

	for (size_t i = 0; i < n; i++)
		mask |= 1u << (lan_host(&items[i].address.prefix.addr) - 101);
	return mask;
}

static unsigned lan_of(int ifindex)
{
	return (unsigned)ifindex - 1;
}

const struct router *director_find_router(const struct director *d, unsigned lan)
{
	for (size_t i = 0; i < d->elector.n_routers; i++)
		if (d->elector.routers[i]->config.vrid == lan + 1)
			return d->elector.routers[i];
	return NULL;
}

struct state_router *director_record(struct director *d, unsigned lan)
{
	for (unsigned i = 0; i < LANS_MAX; i++)
		if (d->state.routers[i].used && d->state.routers[i].vrid == lan + 1)
			return &d->state.routers[i];
	return NULL;
}

/* Death */

/* What it wrote until now is what a successor finds. */
static void die(struct director *d)
{
	d->dead = true;
	d->crash_in = 0;
	memcpy(d->at_death, d->state.routers, sizeof(d->at_death));
}

/* Returns false when it is killed instead of doing something. */
static bool lives_on(struct director *d)
{
	if (!d->dead && d->crash_in > 0 && --d->crash_in == 0)
		die(d);
	return !d->dead;
}

static void bury(struct director *d)
{
	memcpy(d->state.routers, d->at_death, sizeof(d->at_death));
	elector_done(&d->elector);
	d->settled = false;
	d->dead = d->running = d->frozen = false;
	d->n_news = 0;
	d->overrun = false;
	d->armed = INSTANT_NEVER;
	rules_on_death(d->sim, d);
	sim_trace(d->sim, "%u is dead", d->number);
}

/* After each call of the elector. */
static void settle(struct director *d)
{
	if (d->dead)
		bury(d);
}

/* Operations */

static int open_port(void *io, struct port *port, uint16_t family)
{
	struct director *d = io;

	if (!lives_on(d))
		return -EIO;
	port_voice(port, family)->fd = port->ifindex;
	d->nics[lan_of(port->ifindex)].port = port;
	return 0;
}

static void close_port(void *io, struct port *port, uint16_t family)
{
	struct director *d = io;

	for (unsigned lan = 0; lan < LANS_MAX; lan++)
		if (d->nics[lan].port == port)
			d->nics[lan].port = NULL;
	port_voice(port, family)->fd = -1;
}

static int send_packet(void *io, const struct port *port, const struct addr *source,
	const struct addr *destination, const uint8_t *packet, size_t len)
{
	struct director *d = io;
	unsigned lan =
		lan_of(port->voices[source->family == AF_INET6 ? VOICE_IPV6 : VOICE_IPV4].fd);

	if (!lives_on(d))
		return 0;
	sim_trace(d->sim, "%u says %u on %u", d->number, packet[2], lan);
	rules_on_send(d->sim, d, lan, packet[2]);
	if (packet[2] != VRRP_PRIORITY_RESIGN)
		d->nics[lan].spoke = d->sim->now;
	d->nics[lan].spoke_interval_cs = lan_interval_cs(d->sim, lan, packet);
	if (!d->nics[lan].up)
		return -ENETDOWN;
	return lan_send(d->sim, d->number, lan, source, destination, packet, len);
}

static int count(unsigned mask)
{
	return __builtin_popcount(mask);
}

static void tell_of_vips(struct director *d, unsigned lan, unsigned mask, bool present)
{
	for (unsigned vip = 0; vip < VIPS; vip++)
		if (mask & 1u << vip)
			director_add_news(d, NEWS_VIP, lan, vip, present);
}

static int add_addresses(
	void *io, int ifindex, const struct moved *items, size_t n, size_t *ret_changed)
{
	struct director *d = io;
	unsigned lan = lan_of(ifindex);
	struct nic *nic = &d->nics[lan];
	unsigned added = mask_of(items, n) & ~nic->vips;

	if (!lives_on(d))
		return 0;
	if (!nic->vips)
		nic->claimed = d->sim->now;
	nic->vips |= added;
	*ret_changed = (size_t)count(added);
	tell_of_vips(d, lan, added, true);
	sim_trace(d->sim, "%u has %x on %u", d->number, nic->vips, lan);
	rules_on_change(d->sim, d, lan);
	return 0;
}

static int remove_addresses(
	void *io, int ifindex, const struct moved *items, size_t n, size_t *ret_changed)
{
	struct director *d = io;
	unsigned lan = lan_of(ifindex);
	struct nic *nic = &d->nics[lan];
	unsigned removed = mask_of(items, n) & nic->vips;

	if (!lives_on(d))
		return 0;
	rules_on_change(d->sim, d, lan);
	nic->vips &= ~removed;
	*ret_changed = (size_t)count(removed);
	tell_of_vips(d, lan, removed, false);
	if (removed)
		sim_trace(d->sim, "%u has %x on %u", d->number, nic->vips, lan);
	return 0;
}

static void announce(
	void *io, const struct port *port, unsigned forms, const struct moved *items, size_t n)
{
	struct director *d = io;
	unsigned lan = lan_of(port->ifindex), mask = mask_of(items, n);

	(void)forms;
	if (!lives_on(d))
		return;
	d->nics[lan].rival_heard = INSTANT_NEVER;
	if (!d->nics[lan].up)
		return;
	for (unsigned vip = 0; vip < VIPS; vip++)
		if (mask & 1u << vip)
			d->sim->lans[lan].learned[vip] = d->number;
}

static void resign_for(
	struct director *d, const struct state_router *record, const struct moved *items)
{
	struct vrrp_advert advert = {
		.vrid = record->vrid,
		.priority = VRRP_PRIORITY_RESIGN,
		.interval_cs = record->interval_cs,
		.n_addrs = (uint8_t)record->list.n,
	};
	uint8_t packet[VRRP_PACKET_MAX];
	size_t len;

	for (size_t i = 0; i < advert.n_addrs; i++)
		advert.addrs[i] = items[i].address.prefix.addr;
	len = vrrp_packet_build(&record->format, &advert, packet);
	if (record->has_will) {
		memcpy(packet + len, record->will, VRRP_TRAILER_LEN);
		len += VRRP_TRAILER_LEN;
	}
	for (size_t i = 0; i < vrrp_peers_destinations(&record->peers); i++) {
		struct addr to = vrrp_peers_destination(&record->peers, record->format.family, i);
		vrrp_packet_seal(&record->format, &record->source, &to, packet, len);
		(void)lan_send(
			d->sim, d->number, record->vrid - 1u, &record->source, &to, packet, len);
	}
}

/* As leftovers_tidy(). */
static int tidy(void *io, struct state_router *record, size_t *ret_removed)
{
	struct director *d = io;
	struct nic *nic = &d->nics[record->vrid - 1u];
	const struct moved *items = state_file_list(&d->state, record);
	int r = remove_addresses(
		d, record->ifindex[MOVED_HOME], items, record->list.n, ret_removed);

	if (r < 0 || !lives_on(d))
		return r;
	if (nic->up && record->list.n)
		resign_for(d, record, items);
	record->active = false;
	return 0;
}

static void dump_lan(struct director *d, unsigned lan)
{
	const struct nic *nic = &d->nics[lan];
	const uint8_t mac[PORT_MAC_LEN] = {2, 0, 0, 0, (uint8_t)lan, (uint8_t)d->number};
	const struct addr_prefix own = own_prefix(d, lan);
	char name[STATE_INTERFACE_MAX];

	(void)snprintf(name, sizeof(name), "eth%u", lan);
	elector_link(&d->elector, (int)lan + 1, name, nic->up, mac);
	for (unsigned vip = 0; vip < VIPS; vip++) {
		struct addr_prefix prefix = vip_prefix(d->sim, lan, vip);
		if (nic->vips & 1u << vip)
			elector_addr(&d->elector, (int)lan + 1, &prefix, true);
	}
	if (nic->addressed)
		elector_addr(&d->elector, (int)lan + 1, &own, true);
}

static int dump(void *io)
{
	struct director *d = io;

	for (unsigned lan = 0; lan < d->sim->script->n_lans; lan++)
		dump_lan(d, lan);
	return 0;
}

static bool ask_peer(void *io, const char *name, struct peer_news *ret)
{
	struct director *d = io;

	return link_ask(d->sim, d->number, (unsigned)(name[2] - '0'), ret);
}

static uint64_t wall_us(void *io)
{
	struct director *d = io;

	return d->sim->now.us + d->ahead_us;
}

static void arm(void *io, struct instant deadline)
{
	struct director *d = io;

	d->armed = instant_add(
		deadline, sim_noise(d->sim, 't', d->number, deadline.us) % (LATE_MAX_US + 1));
}

static void transition(void *io, const struct router *router, enum vrrp_state old_state)
{
	struct director *d = io;

	if (d->dead)
		return;
	sim_trace(d->sim, "%u on %u: %s to %s, %s", d->number, router->config.vrid - 1u,
		vrrp_state_name(old_state), vrrp_state_name(router->vrrp.state),
		vrrp_reason_name(router->vrrp.reason));
	rules_on_transition(d->sim, d, router->config.vrid - 1u, old_state);
}

static void prepare(void *io, const struct router *router)
{
	(void)io; /* its routers have nothing to prepare */
	(void)router;
}

static void changed(void *io, const struct router *router)
{
	(void)io;
	(void)router;
}

static void event(void *io, enum event what, const struct router *router, const char *message)
{
	struct director *d = io;

	(void)what;
	(void)router;
	if (!d->dead)
		sim_trace(d->sim, "%u: %s", d->number, message);
}

static const struct elector_ops operations = {
	.open_port = open_port,
	.close_port = close_port,
	.send = send_packet,
	.add = add_addresses,
	.remove = remove_addresses,
	.announce = announce,
	.tidy = tidy,
	.dump = dump,
	.ask_peer = ask_peer,
	.wall_us = wall_us,
	.arm = arm,
	.transition = transition,
	.prepare = prepare,
	.changed = changed,
	.event = event,
};

/* What happens to it */

void director_init(struct sim *s, unsigned number)
{
	struct director *d = &s->directors[number];

	*d = (struct director){
		.sim = s, .number = number, .armed = INSTANT_NEVER, .maintained = INSTANT_NEVER};
	d->state.routers = records[number];
	d->state.moved = recorded[number];
	d->state.n_moved = sizeof(recorded[number]) / sizeof(recorded[number][0]);
	memset(d->state.routers, 0, LANS_MAX * sizeof(d->state.routers[0]));
	for (unsigned lan = 0; lan < LANS_MAX; lan++) {
		d->nics[lan] = (struct nic){.up = true,
			.addressed = true,
			.robbed = INSTANT_NEVER,
			.rival_heard = INSTANT_NEVER,
			.patient_until = INSTANT_NEVER};
		d->settings[lan] = (struct settings){
			.takes_part = lan < s->script->n_lans,
			.priority = 100,
			.preempt = true,
			.interval_cs = lan_is(s->script->version_2, lan) ? 100 : 20,
			.vips = 3,
		};
	}
}

void director_done(struct director *d)
{
	d->dead = true;
	elector_done(&d->elector);
}

/* The one that is missing is the first of them, or the last. */
static void put_peers(const struct director *d, unsigned lan, struct vrrp_peers *ret)
{
	struct addr missing = director_missing_peer(d->sim, lan);
	bool first = sim_noise(d->sim, 'p', d->number, lan) & 1;

	if (!lan_is(d->sim->script->unicast, lan))
		return;
	if (first)
		ret->list[ret->n++] = missing;
	for (unsigned i = 0; i < d->sim->script->n_directors; i++)
		if (i != d->number && !lan_is(d->settings[lan].strangers, i))
			ret->list[ret->n++] = director_addr(d->sim, i, lan);
	if (!first)
		ret->list[ret->n++] = missing;
}

static void make_config(const struct director *d, unsigned lan, struct router_config *ret)
{
	static struct moved lists[LANS_MAX][VIPS];
	static struct vrrp_auth_key key = {.id = 1};
	static struct track_cause causes[LANS_MAX][2];
	const struct settings *settings = &d->settings[lan];

	memset(ret, 0, sizeof(*ret));
	(void)snprintf(ret->name, sizeof(ret->name), "on%u", lan);
	(void)snprintf(ret->interface, sizeof(ret->interface), "eth%u", lan);
	ret->vrid = (uint8_t)(lan + 1);
	ret->priority = settings->priority;
	ret->interval_cs = settings->interval_cs;
	ret->preempt = settings->preempt;
	ret->preempt_delay_us = settings->preempt_delay_cs * UINT64_C(10000);
	ret->settle_us = settings->settle_cs * UINT64_C(10000);
	ret->causes = (struct causes){.known = true, .list = causes[lan]};
	if (settings->burden)
		causes[lan][ret->causes.n++] =
			(struct track_cause){.text = "burden", .weight = -(int)settings->burden};
	if (settings->fault)
		causes[lan][ret->causes.n++] = (struct track_cause){.text = "fault", .fault = true};
	ret->down_intervals = VRRP_DOWN_INTERVALS;
	ret->format = lan_format(d->sim, lan, settings->interval_cs);
	put_peers(d, lan, &ret->peers);
	if (d->sim->script->grouped)
		(void)snprintf(ret->group, sizeof(ret->group), "all");
	if (d->sim->script->signs) {
		hmac_sha256_init(&key.hmac, "a key of thirty-two bytes, or so.", 32);
		ret->format.takes_trailer = true;
		ret->auth = (struct vrrp_auth_config){.mode = VRRP_AUTH_ENFORCE,
			.window_s = AUTH_WINDOW_S,
			.n_keys = 1,
			.keys = &key};
	}
	ret->announce =
		(struct announce_config){d->sim->script->announcements, 20000, REFRESH_US, 0};
	ret->moved = lists[lan];
	for (unsigned vip = 0; vip < VIPS; vip++)
		if (settings->vips & 1u << vip)
			lists[lan][ret->n_moved++] = (struct moved){.kind = MOVED_ADDRESS,
				.place = MOVED_HOME,
				.advertised = true,
				.address.prefix = vip_prefix(d->sim, lan, vip)};
	ret->n_advertised = ret->n_moved;
}

static void configure(struct director *d)
{
	static struct router_config wanted[LANS_MAX];
	size_t n = 0;

	for (unsigned lan = 0; lan < d->sim->script->n_lans; lan++) {
		d->in_force[lan] = d->settings[lan];
		if (d->settings[lan].takes_part) {
			make_config(d, lan, &wanted[n++]);
			continue;
		}
		memset(d->stamps[lan], 0, sizeof(d->stamps[lan]));
		d->counted[lan].len = 0;
	}
	d->settled = false;
	(void)elector_configure(&d->elector, wanted, n, d->sim->now);
	for (unsigned lan = 0; lan < LANS_MAX; lan++)
		d->routers[lan] = director_find_router(d, lan);
	d->settled = true;
	settle(d);
}

void director_configure(struct director *d)
{
	if (director_is_awake(d))
		configure(d);
}

void director_start(struct director *d)
{
	if (d->running || d->suspended)
		return;
	d->running = true;
	d->awake_since = d->sim->now;
	elector_init(&d->elector, &operations, d, &d->state);
	d->held_until = (struct instant){0};
	memset(d->stamps, 0, sizeof(d->stamps));
	memset(d->counted, 0, sizeof(d->counted));
	if (d->sim->script->hold_cs) {
		uint64_t hold_us = d->sim->script->hold_cs * UINT64_C(10000);
		d->held_until = instant_add(d->sim->now, hold_us);
		elector_hold(&d->elector, hold_us, d->sim->now);
	}
	elector_maintain(&d->elector, d->maintenance, d->sim->now);
	configure(d);
}

void director_ready(struct director *d)
{
	if (!director_is_awake(d))
		return;
	d->held_until = (struct instant){0};
	elector_ready(&d->elector, d->sim->now);
	settle(d);
}

static void end(struct director *d)
{
	if (!d->dead)
		die(d);
	bury(d);
}

void director_stop(struct director *d)
{
	bool in_order;

	if (!director_is_awake(d))
		return;
	rules_before_stop(d->sim, d);
	elector_leave(&d->elector, d->sim->now);
	in_order = !d->dead;
	if (in_order)
		rules_on_stop(d->sim, d);
	end(d);
	if (in_order)
		rules_after_stop(d->sim, d);
}

void director_kill(struct director *d)
{
	if (d->running)
		end(d);
}

void director_hand_on(struct director *d)
{
	if (!director_is_awake(d))
		return;
	elector_pause(&d->elector, d->sim->now);
	end(d);
}

void director_clean_up(struct director *d)
{
	size_t removed;

	if (d->running || d->suspended)
		return;
	for (unsigned i = 0; i < LANS_MAX; i++)
		if (d->state.routers[i].used && d->state.routers[i].active)
			(void)tidy(d, &d->state.routers[i], &removed);
}

void director_reboot(struct director *d)
{
	director_kill(d);
	d->suspended = false;
	memset(d->state.routers, 0, LANS_MAX * sizeof(d->state.routers[0]));
	for (unsigned lan = 0; lan < LANS_MAX; lan++)
		d->nics[lan].vips = 0;
}

void director_switchover(struct director *d, bool insist)
{
	if (!director_is_awake(d))
		return;
	d->insisted |= insist;
	elector_switchover(&d->elector, NULL, insist, d->sim->now);
	settle(d);
}

void director_maintain(struct director *d, enum maintenance maintenance)
{
	if (d->frozen || d->suspended)
		return;
	if (maintenance != d->maintenance) {
		d->insisted = maintenance == MAINTENANCE_ON;
		d->maintained = d->insisted ? d->sim->now : INSTANT_NEVER;
	}
	d->maintenance = maintenance;
	if (!d->running)
		return;
	elector_maintain(&d->elector, maintenance, d->sim->now);
	settle(d);
}

/* Whether nobody else can have sent this, nor has it been heard before. */
static bool is_genuine(struct director *d, const struct packet *p)
{
	size_t signed_len = VRRP_HEADER_LEN + addr_len(&p->source) * p->bytes[3] + VRRP_TRAILER_LEN;
	uint64_t stamp, *last = &d->stamps[p->lan][lan_host(&p->source)];

	if (p->len != signed_len)
		return false;
	stamp = be64_get(p->bytes + p->len - VRRP_TRAILER_LEN + 4);
	if (stamp <= *last)
		return false;
	*last = stamp;
	d->counted[p->lan] = *p;
	return true;
}

static bool is_peer(const struct director *d, const struct packet *p)
{
	for (unsigned i = 0; i < d->sim->script->n_directors; i++) {
		struct addr addr = director_addr(d->sim, i, p->lan);
		if (i != d->number && addr_equal(&addr, &p->source))
			return !lan_is(d->in_force[p->lan].strangers, i);
	}
	return false;
}

/* Whether it has to count, and why not. */
static enum unheard judge(struct director *d, const struct packet *p)
{
	const struct sim *s = d->sim;
	bool unicast = lan_is(s->script->unicast, p->lan);

	if (addr_is_multicast(&p->destination) == unicast || (unicast && !is_peer(d, p)))
		return UNHEARD_STRANGE;
	if (lan_is(s->script->version_2, p->lan) &&
		lan_interval_cs(s, p->lan, p->bytes) != d->in_force[p->lan].interval_cs)
		return UNHEARD_INTERVAL;
	return s->script->signs && !is_genuine(d, p) ? UNHEARD_FORGED : HEARD;
}

/* IPv4 comes with its header. */
static void give(struct director *d, const struct packet *p)
{
	struct port *port = d->nics[p->lan].port;
	uint8_t bytes[DATAGRAM_MAX] = {0x45, [8] = VRRP_TTL, [9] = VRRP_PROTOCOL};
	struct vrrp_datagram datagram = {p->source, p->destination, VRRP_TTL, p->bytes, p->len};

	if (p->source.family == AF_INET) {
		be16_put(bytes + 2, (uint16_t)(IP_HEADER_LEN + p->len));
		memcpy(bytes + 12, p->source.bytes, 4);
		memcpy(bytes + 16, p->destination.bytes, 4);
		memcpy(bytes + IP_HEADER_LEN, p->bytes, p->len);
		datagram = (struct vrrp_datagram){.bytes = bytes, .len = IP_HEADER_LEN + p->len};
	}
	elector_hear(&d->elector, port, &datagram, 1, d->sim->now);
}

/* What does not count, and must not. */
static void hear_in_vain(struct director *d, const struct packet *p, enum unheard why)
{
	const struct router *r = director_router(d, p->lan);
	struct vrrp before = r ? r->vrrp : (struct vrrp){0};

	give(d, p);
	if (r && !d->dead && memcmp(&before, &r->vrrp, sizeof(before)) != 0)
		rules_on_moved(d->sim, d, p->lan, why);
	settle(d);
}

void director_hear(struct director *d, const struct packet *p)
{
	struct heard heard = {
		.known = true,
		.source = (uint8_t)lan_host(&p->source),
		.priority = p->bytes[2],
		.interval_cs = lan_interval_cs(d->sim, p->lan, p->bytes),
		.at = d->sim->now,
	};
	enum unheard why;

	if (!d->nics[p->lan].port)
		return;
	why = judge(d, p);
	if (why != HEARD) {
		hear_in_vain(d, p, why);
		return;
	}
	rules_on_hearing(d->sim, d, p->lan, &heard);
	give(d, p);
	if (!d->dead)
		rules_after_hearing(d->sim, d, p->lan, &heard);
	settle(d);
}

void director_hear_again(struct director *d, unsigned lan)
{
	struct packet again = d->counted[lan];

	if (director_is_awake(d) && again.len > 0)
		director_hear(d, &again);
}

void director_timer(struct director *d)
{
	d->armed = INSTANT_NEVER;
	elector_timer(&d->elector, d->sim->now);
	settle(d);
}

/* News */

void director_add_news(
	struct director *d, enum news_kind kind, unsigned lan, unsigned vip, bool present)
{
	struct sim *s = d->sim;
	uint64_t late_us = 1 + sim_noise(s, 'n', d->number, s->now.us) % NEWS_MAX_US;

	if (!d->running)
		return;
	if (d->n_news == NEWS_MAX) {
		d->overrun = true;
		return;
	}
	d->news[d->n_news++] = (struct news){instant_add(s->now, late_us), kind, lan, vip, present};
}

struct instant director_next_news(const struct director *d)
{
	if (d->overrun)
		return d->sim->now;
	return d->n_news > 0 ? d->news[0].at : INSTANT_NEVER;
}

static void tell(struct director *d, const struct news *news)
{
	int ifindex = (int)news->lan + 1;
	const uint8_t mac[PORT_MAC_LEN] = {2, 0, 0, 0, (uint8_t)news->lan, (uint8_t)d->number};
	struct addr_prefix addr = own_prefix(d, news->lan);
	char name[STATE_INTERFACE_MAX];

	switch (news->kind) {
	case NEWS_LINK:
		(void)snprintf(name, sizeof(name), "eth%u", news->lan);
		elector_link(&d->elector, ifindex, name, news->present, mac);
		return;
	case NEWS_VIP:
		addr = vip_prefix(d->sim, news->lan, news->vip);
		elector_addr(&d->elector, ifindex, &addr, news->present);
		return;
	case NEWS_OWN_ADDRESS:
		elector_addr(&d->elector, ifindex, &addr, news->present);
		return;
	}
}

/* In order; those that make news of their own are told of that the next time. */
void director_read_news(struct director *d)
{
	struct news due[NEWS_MAX];
	size_t n = 0;

	while (n < d->n_news && instant_reached(d->news[n].at, d->sim->now)) {
		due[n] = d->news[n];
		n++;
	}
	d->n_news -= n;
	memmove(d->news, d->news + n, d->n_news * sizeof(d->news[0]));
	for (size_t i = 0; i < n; i++)
		tell(d, &due[i]);
	if (d->overrun)
		elector_news_lost(&d->elector, d->sim->now);
	else
		elector_settle(&d->elector, d->sim->now);
	d->overrun = false;
	settle(d);
}
