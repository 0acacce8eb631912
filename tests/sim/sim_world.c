/* The clock, the order of things, and what the steps of a script do. */
#include "sim.h"

#include <inttypes.h>
#include <string.h>

#define START_US 100000000
#define PATIENCE_MAX_CS 100 /* vrrp_patience_cs() */

/* splitmix64 over the arguments. */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t sim_noise(const struct sim *s, uint64_t a, uint64_t b, uint64_t c)
{
	return mix(mix(s->script->noise ^ a << 56 ^ b << 48) ^ c);
}

void sim_trace(const struct sim *s, const char *format, ...)
{
	va_list ap;

	if (!s->trace)
		return;
	(void)printf("%10.3f  ", (double)(s->now.us - START_US) / 1000);
	va_start(ap, format);
	(void)vprintf(format, ap);
	va_end(ap);
	(void)printf("\n");
}

/* Steps */

static void set_delay(struct sim *s, unsigned lan, unsigned delay_us)
{
	s->lans[lan].delay_us = delay_us;
	if (delay_us > s->delay_us)
		s->delay_us = delay_us;
}

static void resume(struct sim *s, struct director *d)
{
	d->frozen = d->suspended = false;
	d->awake_since = s->now;
	for (unsigned lan = 0; lan < LANS_MAX; lan++)
		if (!instant_is_never(d->nics[lan].robbed))
			d->nics[lan].robbed = s->now;
}

static void set_link(struct director *d, unsigned lan, bool up)
{
	if (d->nics[lan].up == up)
		return;
	d->nics[lan].up = up;
	director_add_news(d, NEWS_LINK, lan, 0, up);
}

static void set_address(struct director *d, unsigned lan, bool present)
{
	if (d->nics[lan].addressed == present)
		return;
	d->nics[lan].addressed = present;
	director_add_news(d, NEWS_OWN_ADDRESS, lan, 0, present);
}

static void rob(struct director *d, unsigned lan, unsigned vip)
{
	if (!(d->nics[lan].vips & 1u << vip))
		return;
	d->nics[lan].vips &= ~(1u << vip);
	director_add_news(d, NEWS_VIP, lan, vip, false);
}

/* How long Backups may have learned to wait: for the interval itself, for the patience that a
 * director asks for when it hands on, and for ten times their own when somebody forged it. */
static void learn(struct sim *s, unsigned interval_cs)
{
	if (interval_cs > s->patience_cs)
		s->patience_cs = interval_cs;
}

static void put_off(struct sim *s, unsigned wait_cs)
{
	if (wait_cs > s->wait_cs)
		s->wait_cs = wait_cs;
}

static void learn_of_settings(struct sim *s)
{
	for (unsigned i = 0; i < s->script->n_directors; i++) {
		for (unsigned lan = 0; lan < s->script->n_lans; lan++) {
			struct nic *nic = &s->directors[i].nics[lan];
			unsigned own_cs = s->directors[i].settings[lan].interval_cs;
			unsigned trusted_cs = VRRP_INTERVAL_TRUST * own_cs;
			learn(s, trusted_cs < s->forged_cs ? trusted_cs : s->forged_cs);
			learn(s, own_cs);
			if (own_cs > nic->longest_cs)
				nic->longest_cs = own_cs;
		}
	}
}

static void heal(struct sim *s)
{
	for (unsigned lan = 0; lan < s->script->n_lans; lan++) {
		struct lan *l = &s->lans[lan];
		l->loss_percent = l->repeat_percent = 0;
		l->delay_us = DELAY_MAX_US;
		memset(l->cut, 0, sizeof(l->cut));
	}
	for (unsigned i = 0; i < DIRECTORS_MAX; i++)
		s->tellers[i].parted = false;
	for (unsigned i = 0; i < s->script->n_directors; i++) {
		struct director *d = &s->directors[i];
		if (d->frozen || d->suspended)
			resume(s, d);
		d->crash_in = 0;
		for (unsigned lan = 0; lan < s->script->n_lans; lan++) {
			d->settings[lan].takes_part = true;
			d->settings[lan].fault = false;
			d->settings[lan].strangers = 0;
			if (lan_is(s->script->version_2, lan))
				d->settings[lan].interval_cs =
					s->directors[0].settings[lan].interval_cs;
			set_link(d, lan, true);
			set_address(d, lan, true);
		}
		learn_of_settings(s);
		director_maintain(d, MAINTENANCE_OFF);
		director_configure(d);
		director_start(d);
	}
}

static bool is_fault(enum step_kind kind)
{
	static const bool faults[STEP_KIND_MAX_] = {
		[STEP_FREEZE] = true,
		[STEP_SUSPEND] = true,
		[STEP_RESUME] = true,
		[STEP_CUT] = true,
		[STEP_LOSS] = true,
		[STEP_DELAY] = true,
		[STEP_REPEAT] = true,
		[STEP_LINK] = true,
		[STEP_ADDRESS] = true,
		[STEP_FORGE] = true,
		[STEP_HEAL] = true,
	};

	return faults[kind];
}

static void perform_on_lan(struct sim *s, const struct step *step)
{
	const unsigned *a = step->args;

	switch ((int)step->kind) {
	case STEP_LOSS:
		s->lans[a[0]].loss_percent = a[1];
		return;
	case STEP_REPEAT:
		s->lans[a[0]].repeat_percent = a[1];
		return;
	case STEP_DELAY:
		set_delay(s, a[0], a[1]);
		return;
	case STEP_FORGE:
		if (a[2] > s->forged_cs && !s->script->signs)
			s->forged_cs = a[2];
		learn_of_settings(s);
		lan_forge(s, a[0], (uint8_t)a[1], (uint16_t)a[2]);
		return;
	case STEP_HEAL:
		heal(s);
		return;
	}
}

static void perform_on_settings(struct sim *s, const struct step *step, struct director *d)
{
	const unsigned *a = step->args;
	struct settings *settings = &d->settings[a[1]];

	switch ((int)step->kind) {
	case STEP_PRIORITY:
		settings->priority = (uint8_t)a[2];
		break;
	case STEP_PREEMPT:
		settings->preempt = a[2];
		break;
	case STEP_INTERVAL:
		settings->interval_cs = (uint16_t)a[2];
		if (lan_is(s->script->version_2, a[1])) /* whole seconds */
			settings->interval_cs = (uint16_t)(a[2] < 100 ? 100 : a[2] / 100 * 100);
		learn_of_settings(s);
		break;
	case STEP_VIPS:
		settings->vips = a[2];
		break;
	case STEP_TAKE_PART:
		settings->takes_part = a[2];
		break;
	case STEP_PREEMPT_DELAY:
		settings->preempt_delay_cs = a[2];
		put_off(s, a[2]);
		break;
	case STEP_SETTLE_TIME:
		settings->settle_cs = a[2];
		put_off(s, a[2]);
		break;
	case STEP_WEIGH:
		settings->burden = a[2];
		break;
	case STEP_FAULT:
		settings->fault = a[2];
		break;
	case STEP_FORGET:
		settings->strangers |= 1u << a[2];
		break;
	}
	director_configure(d);
}

static void perform_on_director(struct sim *s, const struct step *step, struct director *d)
{
	const unsigned *a = step->args;

	switch (step->kind) {
	case STEP_START:
		director_start(d);
		return;
	case STEP_STOP:
		director_stop(d);
		return;
	case STEP_KILL:
		director_kill(d);
		return;
	case STEP_CRASH:
		d->crash_in = a[1];
		return;
	case STEP_HAND_ON:
		learn(s, PATIENCE_MAX_CS);
		director_hand_on(d);
		return;
	case STEP_CLEAN_UP:
		director_clean_up(d);
		return;
	case STEP_REBOOT:
		director_reboot(d);
		return;
	case STEP_FREEZE:
		d->frozen = d->running;
		return;
	case STEP_SUSPEND:
		d->suspended = true;
		return;
	case STEP_RESUME:
		resume(s, d);
		return;
	case STEP_CUT:
		s->lans[a[2]].cut[a[0]][a[1]] = true;
		return;
	case STEP_LINK:
		set_link(d, a[1], a[2]);
		return;
	case STEP_ADDRESS:
		set_address(d, a[1], a[2]);
		return;
	case STEP_ROB:
		rob(d, a[1], a[2]);
		return;
	case STEP_OVERRUN:
		d->overrun = d->running;
		d->n_news = 0;
		return;
	case STEP_SWITCHOVER:
		director_switchover(d, a[1]);
		return;
	case STEP_MAINTAIN:
		director_maintain(d, (enum maintenance)a[1]);
		return;
	case STEP_CLOCK:
		d->ahead_us += a[1] * UINT64_C(1000000);
		return;
	case STEP_REPLAY:
		director_hear_again(d, a[1]);
		return;
	case STEP_READY:
		director_ready(d);
		return;
	case STEP_PART:
		s->tellers[a[0]].parted = a[1];
		return;
	case STEP_PRIORITY:
	case STEP_PREEMPT:
	case STEP_INTERVAL:
	case STEP_VIPS:
	case STEP_TAKE_PART:
	case STEP_PREEMPT_DELAY:
	case STEP_SETTLE_TIME:
	case STEP_WEIGH:
	case STEP_FAULT:
	case STEP_FORGET:
		perform_on_settings(s, step, d);
		return;
	case STEP_LOSS:
	case STEP_DELAY:
	case STEP_REPEAT:
	case STEP_FORGE:
	case STEP_HEAL:
	case STEP_KIND_MAX_:
		return;
	}
}

static bool is_on_lan(enum step_kind kind)
{
	return kind == STEP_LOSS || kind == STEP_DELAY || kind == STEP_REPEAT ||
	       kind == STEP_FORGE || kind == STEP_HEAL;
}

static bool is_at_odds(const struct sim *s)
{
	for (unsigned lan = 0; lan < s->script->n_lans; lan++)
		if (lan_is_at_odds(s, lan))
			return true;
	return false;
}

static void perform(struct sim *s, const struct step *step)
{
	bool at_odds = is_at_odds(s);

	if (s->trace) {
		(void)printf("%10.3f  --- ", (double)(s->now.us - START_US) / 1000);
		step_print(step, stdout);
	}
	for (unsigned lan = 0; lan < s->script->n_lans; lan++) /* the successor may leave */
		s->lans[lan].none_since = s->lans[lan].offered = INSTANT_NEVER;
	if (step->kind == STEP_SWITCHOVER)
		rules_before_switchover(s, &s->directors[step->args[0]]);
	s->stepped = s->now;
	if (is_fault(step->kind))
		s->faulted = s->now;
	if (is_on_lan(step->kind))
		perform_on_lan(s, step);
	else
		perform_on_director(s, step, &s->directors[step->args[0]]);
	if (at_odds || is_at_odds(s))
		s->faulted = s->now;
}

/* The order of things */

/* What comes first: what a director does when several things wait for it is a packet, then news,
 * then what it is armed for. */
enum next_kind { NEXT_NOTHING, NEXT_PACKET, NEXT_NEWS, NEXT_TIMER };

struct next {
	enum next_kind kind;
	struct instant at;
	struct packet *packet;
	struct director *director;
};

static void consider(struct next *next, enum next_kind kind, struct director *d, struct instant at,
	struct instant now)
{
	if (at.us < now.us)
		at = now;
	if (at.us < next->at.us)
		*next = (struct next){kind, at, next->packet, d};
}

static struct next find_next(struct sim *s)
{
	struct next next = {.at = INSTANT_NEVER};
	struct instant at;

	next.packet = lan_next(s, &at);
	if (next.packet)
		consider(&next, NEXT_PACKET, NULL, at, s->now);
	for (unsigned i = 0; i < s->script->n_directors; i++)
		if (director_is_awake(&s->directors[i]))
			consider(&next, NEXT_NEWS, &s->directors[i],
				director_next_news(&s->directors[i]), s->now);
	for (unsigned i = 0; i < s->script->n_directors; i++)
		if (director_is_awake(&s->directors[i]))
			consider(
				&next, NEXT_TIMER, &s->directors[i], s->directors[i].armed, s->now);
	return next;
}

static void happen(struct sim *s, const struct next *next)
{
	switch (next->kind) {
	case NEXT_PACKET:
		lan_deliver(s, next->packet);
		break;
	case NEXT_NEWS:
		director_read_news(next->director);
		break;
	case NEXT_TIMER:
		director_timer(next->director);
		break;
	case NEXT_NOTHING:
		break;
	}
	link_look(s);
}

static void run_until(struct sim *s, struct instant end)
{
	while (!s->rule) {
		struct next next = find_next(s);
		if (next.at.us > end.us)
			break;
		s->now = next.at;
		rules_check(s); /* what was wrong until now */
		happen(s, &next);
		rules_check(s);
	}
	if (!s->rule) {
		s->now = end;
		rules_check(s);
	}
}

static void set_up(struct sim *s, const struct script *script, bool trace)
{
	memset(s, 0, sizeof(*s));
	s->script = script;
	s->began = s->now = s->faulted = s->stepped = (struct instant){START_US};
	s->delay_us = DELAY_MAX_US;
	s->trace = trace;
	for (unsigned lan = 0; lan < LANS_MAX; lan++) {
		s->lans[lan].two_since = s->lans[lan].none_since = s->lans[lan].offered =
			INSTANT_NEVER;
		s->lans[lan].delay_us = DELAY_MAX_US;
		for (unsigned vip = 0; vip < VIPS; vip++)
			s->lans[lan].learned[vip] = DIRECTORS_MAX;
	}
	for (unsigned i = 0; i < script->n_directors; i++)
		director_init(s, i);
	learn_of_settings(s);
	put_off(s, script->hold_cs);
}

bool sim_run(struct sim *s, const struct script *script, bool trace)
{
	set_up(s, script, trace);
	for (size_t i = 0; i < script->n_steps && !s->rule; i++) {
		run_until(s, instant_add((struct instant){START_US}, script->steps[i].at.us));
		if (s->rule)
			break;
		perform(s, &script->steps[i]);
		link_look(s);
		rules_check(s);
	}
	if (!s->rule)
		run_until(s, instant_add((struct instant){START_US}, script->end.us));
	for (unsigned i = 0; i < script->n_directors; i++)
		director_done(&s->directors[i]);
	return !s->rule;
}
