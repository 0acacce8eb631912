/* Two or three directors that run core/vrrp on one virtual clock and one LAN. A seed makes a script
 * of starts, stops, kills, pauses, partitions and losses; named invariants are checked after each
 * thing that happens. Hours pass in milliseconds.
 *
 * usage: sim_vrrp [FIRST_SEED [N_SEEDS]] */
#include "core/vrrp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES_MAX 3
#define FLYING_MAX 512
#define SEEDS 2000
#define DELAY_MIN_US 50
#define DELAY_MAX_US 1000
#define WAKE_UP_MAX_US 200 /* how late a timer is on a healthy host */
#define SCRIPT_STEPS 40

struct node {
	struct vrrp vrrp;
	struct vrrp_config config;
	bool running;
	bool paused;
	bool owns;            /* the addresses are on this host */
	struct instant wake;  /* when its timer really fires */
	struct instant spoke; /* its last advert */
	unsigned reachable;   /* bit mask of nodes that hear it */
};

struct packet {
	bool flying;
	unsigned to;
	struct instant at;
	struct vrrp_heard advert;
};

struct sim {
	uint64_t seed, random;
	struct instant now;
	struct node nodes[NODES_MAX];
	unsigned n_nodes;
	struct packet packets[FLYING_MAX];
	unsigned loss_percent;
	bool faulty; /* this seed's script may break the LAN and the hosts */
	struct instant
		two_since; /* since when there are two owners, INSTANT_NEVER: there are not */
	struct instant none_since; /* since when an owner that resigned has no successor */
};

__attribute__((noreturn, format(printf, 2, 3))) static void fail(
	const struct sim *s, const char *format, ...)
{
	va_list ap;

	(void)printf("FAIL: seed %" PRIu64 " at %" PRIu64 " us: ", s->seed, s->now.us);
	va_start(ap, format);
	(void)vprintf(format, ap);
	va_end(ap);
	(void)printf("\n");
	for (unsigned i = 0; i < s->n_nodes; i++)
		(void)printf("  node %u: %s%s %s (%s) priority %u, owns %d\n", i,
			s->nodes[i].running ? "running" : "stopped",
			s->nodes[i].paused ? " paused" : "",
			vrrp_state_name(s->nodes[i].vrrp.state),
			vrrp_reason_name(s->nodes[i].vrrp.reason), s->nodes[i].config.priority,
			s->nodes[i].owns);
	exit(EXIT_FAILURE);
}

/* xorshift64*: the same everywhere for the same seed. */
static uint64_t draw(struct sim *s)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return s->random * UINT64_C(2685821657736338717);
}

static unsigned pick(struct sim *s, unsigned n)
{
	return (unsigned)((draw(s) >> 33) % n);
}

/* Invariants */

static unsigned count_owners(const struct sim *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_nodes; i++)
		n += s->nodes[i].owns;
	return n;
}

/* On a whole LAN of healthy hosts two directors own the addresses for one propagation delay at
 * most: until the advert of the better one has arrived; a third may join just before it hears of
 * the second, and adds another. One that was killed cannot let go; it counts again when it is
 * restarted, and if it adopts, has missed the adverts meanwhile: it learns by the answer to its
 * own. */
static void never_two_owners_longer_than_news_travels(struct sim *s)
{
	unsigned owners = 0, delays = s->n_nodes - 1;

	for (unsigned i = 0; i < s->n_nodes; i++) {
		const struct node *n = &s->nodes[i];
		if (!n->owns || !n->running)
			continue;
		owners++;
		if (n->vrrp.reason == VRRP_REASON_ADOPTED)
			delays = s->n_nodes;
	}
	if (owners < 2) {
		s->two_since = INSTANT_NEVER;
		return;
	}
	if (instant_is_never(s->two_since))
		s->two_since = s->now;
	if (!s->faulty &&
		instant_between_us(s->two_since, s->now) > delays * (uint64_t)DELAY_MAX_US)
		fail(s, "two owners since %" PRIu64 " us", s->two_since.us);
}

/* ... and when the owner resigns, a Backup that hears it is the owner after one delay. */
static void a_resignation_is_followed_within_one_delay(struct sim *s)
{
	if (count_owners(s) > 0)
		s->none_since = INSTANT_NEVER;
	if (!s->faulty && instant_between_us(s->none_since, s->now) > DELAY_MAX_US)
		fail(s, "nobody took over since %" PRIu64 " us", s->none_since.us);
}

static void claims_and_releases_alternate(const struct sim *s, const struct node *n, bool claim)
{
	bool adopted = n->vrrp.reason == VRRP_REASON_ADOPTED;

	if (claim == n->owns && !(claim && adopted))
		fail(s, "%s twice", claim ? "claimed" : "released");
}

/* Nobody who may have been succeeded speaks before he has listened. */
static void who_was_silent_too_long_does_not_speak_as_active(
	const struct sim *s, const struct node *n, unsigned effects)
{
	if (effects & (VRRP_DO_CLAIM | VRRP_DO_RESIGN) || !(effects & VRRP_DO_ADVERT))
		return;
	if (instant_between_us(n->spoke, s->now) >= vrrp_shortest_down_us(n->config.interval_cs, VRRP_DOWN_INTERVALS))
		fail(s, "spoke after %" PRIu64 " us", instant_between_us(n->spoke, s->now));
}

static void the_machine_and_the_host_agree(const struct sim *s)
{
	for (unsigned i = 0; i < s->n_nodes; i++) {
		const struct node *n = &s->nodes[i];
		if (n->running && n->owns != (n->vrrp.state == VRRP_ACTIVE))
			fail(s, "node %u owns without being Active, or the reverse", i);
	}
}

/* Some time after the last fault exactly one director is the owner: with preemption the best. */
static void a_healed_lan_has_exactly_one_owner(const struct sim *s)
{
	unsigned running = 0;
	const struct node *owner = NULL;

	for (unsigned i = 0; i < s->n_nodes; i++) {
		running += s->nodes[i].running;
		if (s->nodes[i].owns)
			owner = &s->nodes[i];
	}
	if (count_owners(s) != (running > 0))
		fail(s, "%u owners among %u", count_owners(s), running);
	for (unsigned i = 0; owner && i < s->n_nodes; i++) {
		const struct node *n = &s->nodes[i];
		if (n->running && n->config.preempt && n->config.priority > owner->config.priority)
			fail(s, "node %u should be the owner", i);
	}
}

static void check(struct sim *s)
{
	never_two_owners_longer_than_news_travels(s);
	a_resignation_is_followed_within_one_delay(s);
	the_machine_and_the_host_agree(s);
}

/* The LAN */

static void send_to(struct sim *s, const struct node *from, unsigned to, uint8_t priority)
{
	struct packet *p = s->packets;

	if (!(from->reachable & 1u << to) || pick(s, 100) < s->loss_percent)
		return;
	while (p < s->packets + FLYING_MAX && p->flying)
		p++;
	if (p == s->packets + FLYING_MAX)
		fail(s, "a storm of adverts");
	*p = (struct packet){
		.flying = true,
		.to = to,
		.at = instant_add(s->now, DELAY_MIN_US + pick(s, DELAY_MAX_US - DELAY_MIN_US + 1)),
		.advert = {from->config.primary, priority, from->config.interval_cs},
	};
}

static void send_advert(struct sim *s, struct node *n, uint8_t priority)
{
	for (unsigned i = 0; i < s->n_nodes; i++)
		if (&s->nodes[i] != n)
			send_to(s, n, i, priority);
	n->spoke = s->now;
}

/* A director */

static void carry_out(struct sim *s, struct node *n, unsigned effects)
{
	who_was_silent_too_long_does_not_speak_as_active(s, n, effects);
	if (effects & VRRP_DO_RELEASE) {
		claims_and_releases_alternate(s, n, false);
		n->owns = false;
	}
	if (effects & VRRP_DO_RESIGN)
		send_advert(s, n, 0);
	if (effects & VRRP_DO_CLAIM) {
		claims_and_releases_alternate(s, n, true);
		n->owns = true;
	}
	if (effects & VRRP_DO_ADVERT)
		send_advert(s, n, n->config.priority);
	n->wake = instant_add(n->vrrp.deadline, pick(s, WAKE_UP_MAX_US + 1));
}

static void tell(struct sim *s, struct node *n, enum vrrp_event_kind kind)
{
	struct vrrp_event event = {.kind = kind};

	carry_out(s, n, vrrp_step(&n->vrrp, &event, s->now));
}

static void deliver(struct sim *s, struct packet *p)
{
	struct node *n = &s->nodes[p->to];
	struct vrrp_event event = {.kind = VRRP_EV_ADVERT, .advert = &p->advert};

	p->flying = false;
	if (n->running)
		carry_out(s, n, vrrp_step(&n->vrrp, &event, s->now));
}

static bool another_backup_listens(const struct sim *s, const struct node *leaving)
{
	for (unsigned i = 0; i < s->n_nodes; i++) {
		const struct node *n = &s->nodes[i];
		if (n != leaving && n->running && n->vrrp.state == VRRP_BACKUP &&
			addr_equal(&n->vrrp.peer, &leaving->config.primary))
			return true;
	}
	return false;
}

static void start(struct sim *s, struct node *n)
{
	vrrp_init(&n->vrrp, &n->config, s->now);
	n->running = true;
	n->owns = false; /* leftovers are removed first */
	tell(s, n, VRRP_EV_STARTUP);
}

static void stop(struct sim *s, struct node *n)
{
	bool handover = n->owns && count_owners(s) == 1 && another_backup_listens(s, n);

	tell(s, n, VRRP_EV_SHUTDOWN);
	n->running = false;
	s->none_since = handover ? s->now : INSTANT_NEVER;
}

/* A successor within the shortest Active_Down_Interval adopts, a later one starts anew. */
static void restart(struct sim *s, struct node *n)
{
	bool adopts = n->owns && instant_between_us(n->spoke, s->now) <
					 vrrp_shortest_down_us(n->config.interval_cs, VRRP_DOWN_INTERVALS);

	if (!adopts) {
		start(s, n);
		return;
	}
	vrrp_init(&n->vrrp, &n->config, s->now);
	n->running = true;
	tell(s, n, VRRP_EV_ADOPT);
}

static void reconfigure(struct sim *s, struct node *n)
{
	n->config.priority = (uint8_t)(1 + pick(s, 254));
	carry_out(s, n, vrrp_reconfigure(&n->vrrp, &n->config, s->now));
}

/* Time */

static struct packet *next_packet(struct sim *s)
{
	struct packet *next = NULL;

	for (struct packet *p = s->packets; p < s->packets + FLYING_MAX; p++)
		if (p->flying && !s->nodes[p->to].paused && (!next || p->at.us < next->at.us))
			next = p;
	return next;
}

static struct node *next_timer(struct sim *s)
{
	struct node *next = NULL;

	for (unsigned i = 0; i < s->n_nodes; i++) {
		struct node *n = &s->nodes[i];
		if (n->running && !n->paused && (!next || n->wake.us < next->wake.us))
			next = n;
	}
	return next;
}

static void advance_to(struct sim *s, struct instant t)
{
	if (t.us > s->now.us)
		s->now = t;
}

/* Everything up to `end`, in order; a packet goes before a timer of the same moment, and what
 * waited for a paused host happens as soon as it wakes. */
static void run_until(struct sim *s, struct instant end)
{
	for (;;) {
		struct packet *p = next_packet(s);
		struct node *n = next_timer(s);
		struct instant packet_at = p ? p->at : INSTANT_NEVER;
		struct instant timer_at = n ? n->wake : INSTANT_NEVER;

		if (instant_min(packet_at, timer_at).us > end.us)
			break;
		advance_to(s, instant_min(packet_at, timer_at));
		check(s);
		if (packet_at.us <= timer_at.us || packet_at.us <= s->now.us)
			deliver(s, p);
		else
			tell(s, n, VRRP_EV_TIMER);
		check(s);
	}
	advance_to(s, end);
	check(s);
}

/* Scripts */

static uint64_t interval_us(const struct sim *s)
{
	return s->nodes[0].config.interval_cs * UINT64_C(10000);
}

static void quick_restart(struct sim *s, struct node *n)
{
	n->running = false;
	s->none_since = INSTANT_NEVER; /* it may have been the one to take over */
	run_until(s, instant_add(s->now, pick(s, (unsigned)interval_us(s))));
	restart(s, n);
}

static void healthy_step(struct sim *s, struct node *n)
{
	if (!n->running)
		start(s, n);
	else if (pick(s, 3) == 0)
		stop(s, n);
	else if (pick(s, 2) == 0)
		quick_restart(s, n);
	else
		reconfigure(s, n);
}

static void faulty_step(struct sim *s, struct node *n)
{
	switch (pick(s, 6)) {
	case 0: /* its packets reach whom chance has it */
		n->reachable = pick(s, 1u << s->n_nodes);
		break;
	case 1:
		s->loss_percent = pick(s, 60);
		break;
	case 2:
		n->paused = !n->paused;
		break;
	case 3:
		n->running = false; /* killed: addresses stay */
		n->paused = false;
		break;
	default:
		if (n->paused)
			n->paused = false;
		else if (!n->running)
			restart(s, n);
		else
			healthy_step(s, n);
	}
}

static void heal(struct sim *s)
{
	s->loss_percent = 0;
	for (unsigned i = 0; i < s->n_nodes; i++) {
		struct node *n = &s->nodes[i];
		n->reachable = ~0u;
		n->paused = false;
		if (!n->running)
			restart(s, n);
	}
}

static void set_up(struct sim *s, uint64_t seed)
{
	static const uint16_t intervals_cs[] = {5, 20, 100};

	*s = (struct sim){
		.seed = seed,
		.random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15),
		.now = {1000000},
		.two_since = INSTANT_NEVER,
		.none_since = INSTANT_NEVER,
		.faulty = seed % 2,
	};
	s->n_nodes = 2 + pick(s, NODES_MAX - 1);
	for (unsigned i = 0; i < s->n_nodes; i++) {
		s->nodes[i].config = (struct vrrp_config){
			.primary = {.family = AF_INET, .bytes = {192, 0, 2, (uint8_t)(i + 1)}},
			.priority = (uint8_t)(100 + 50 * pick(s, 3)),
			.preempt = pick(s, 3) != 0,
			.down_intervals = VRRP_DOWN_INTERVALS,
		};
		s->nodes[i].reachable = ~0u;
	}
	for (unsigned i = 0, choice = pick(s, 3); i < s->n_nodes; i++)
		s->nodes[i].config.interval_cs = intervals_cs[choice];
	for (unsigned i = 0; i < s->n_nodes; i++)
		start(s, &s->nodes[i]);
}

static void run_seed(struct sim *s, uint64_t seed)
{
	set_up(s, seed);
	for (int i = 0; i < SCRIPT_STEPS; i++) {
		struct node *n = &s->nodes[pick(s, s->n_nodes)];
		if (s->faulty)
			faulty_step(s, n);
		else
			healthy_step(s, n);
		check(s);
		run_until(s, instant_add(s->now, pick(s, (unsigned)(6 * interval_us(s)))));
	}
	heal(s);
	run_until(s, instant_add(s->now, 10 * interval_us(s)));
	a_healed_lan_has_exactly_one_owner(s);
}

int main(int argc, char **argv)
{
	static struct sim s;
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : SEEDS;

	for (uint64_t seed = first; seed < first + n; seed++)
		run_seed(&s, seed);
	(void)printf(
		"seeds %" PRIu64 " to %" PRIu64 ": every invariant held\n", first, first + n - 1);
	return EXIT_SUCCESS;
}
