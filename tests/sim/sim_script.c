/* Scripts: made from a seed, printed and read as text, a line for each step. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LEN 200
#define MAKE_STEPS 24

/* What the arguments of a step are. */
enum arg { ARG_NONE, ARG_DIRECTOR, ARG_LAN, ARG_NUMBER };

static const struct step_form {
	const char *name;
	enum arg args[3];
} forms[STEP_KIND_MAX_] = {
	[STEP_START] = {"start", {ARG_DIRECTOR}},
	[STEP_STOP] = {"stop", {ARG_DIRECTOR}},
	[STEP_KILL] = {"kill", {ARG_DIRECTOR}},
	[STEP_CRASH] = {"crash", {ARG_DIRECTOR, ARG_NUMBER}},
	[STEP_HAND_ON] = {"hand-on", {ARG_DIRECTOR}},
	[STEP_CLEAN_UP] = {"clean-up", {ARG_DIRECTOR}},
	[STEP_REBOOT] = {"reboot", {ARG_DIRECTOR}},
	[STEP_FREEZE] = {"freeze", {ARG_DIRECTOR}},
	[STEP_SUSPEND] = {"suspend", {ARG_DIRECTOR}},
	[STEP_RESUME] = {"resume", {ARG_DIRECTOR}},
	[STEP_CUT] = {"cut", {ARG_DIRECTOR, ARG_DIRECTOR, ARG_LAN}},
	[STEP_LOSS] = {"loss", {ARG_LAN, ARG_NUMBER}},
	[STEP_DELAY] = {"delay", {ARG_LAN, ARG_NUMBER}},
	[STEP_REPEAT] = {"repeat", {ARG_LAN, ARG_NUMBER}},
	[STEP_LINK] = {"link", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_ADDRESS] = {"address", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_ROB] = {"rob", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_OVERRUN] = {"overrun", {ARG_DIRECTOR}},
	[STEP_FORGE] = {"forge", {ARG_LAN, ARG_NUMBER, ARG_NUMBER}},
	[STEP_PRIORITY] = {"priority", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_PREEMPT] = {"preempt", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_INTERVAL] = {"interval", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_VIPS] = {"vips", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_TAKE_PART] = {"take-part", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_SWITCHOVER] = {"switchover", {ARG_DIRECTOR, ARG_NUMBER}},
	[STEP_MAINTAIN] = {"maintain", {ARG_DIRECTOR, ARG_NUMBER}},
	[STEP_PART] = {"part", {ARG_DIRECTOR, ARG_NUMBER}},
	[STEP_PREEMPT_DELAY] = {"preempt-delay", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_SETTLE_TIME] = {"settle-time", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_WEIGH] = {"weigh", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_FAULT] = {"fault", {ARG_DIRECTOR, ARG_LAN, ARG_NUMBER}},
	[STEP_READY] = {"ready", {ARG_DIRECTOR}},
	[STEP_CLOCK] = {"clock", {ARG_DIRECTOR, ARG_NUMBER}},
	[STEP_REPLAY] = {"replay", {ARG_DIRECTOR, ARG_LAN}},
	[STEP_FORGET] = {"forget", {ARG_DIRECTOR, ARG_LAN, ARG_DIRECTOR}},
	[STEP_HEAL] = {"heal", {ARG_NONE}},
};

/* Text */

void step_print(const struct step *step, FILE *to)
{
	const struct step_form *form = &forms[step->kind];

	(void)fprintf(to, "%" PRIu64 " %s", step->at.us, form->name);
	for (int i = 0; i < 3 && form->args[i] != ARG_NONE; i++)
		(void)fprintf(to, " %u", step->args[i]);
	(void)fprintf(to, "\n");
}

void script_print(const struct script *script, FILE *to)
{
	(void)fprintf(to,
		"noise %" PRIu64 "\ndirectors %u\nlans %u\nannouncements %u\nlinked %u\n"
		"hold %u\nsigns %u\ngrouped %u\nipv6 %u\nversion-2 %u\nunicast %u\n",
		script->noise, script->n_directors, script->n_lans, script->announcements,
		script->linked, script->hold_cs, script->signs, script->grouped, script->ipv6,
		script->version_2, script->unicast);
	for (size_t i = 0; i < script->n_steps; i++)
		step_print(&script->steps[i], to);
	(void)fprintf(to, "%" PRIu64 " end\n", script->end.us);
}

static bool read_head(struct script *s, const char *line)
{
	return sscanf(line, "noise %" SCNu64, &s->noise) == 1 ||
	       sscanf(line, "directors %u", &s->n_directors) == 1 ||
	       sscanf(line, "lans %u", &s->n_lans) == 1 ||
	       sscanf(line, "announcements %u", &s->announcements) == 1 ||
	       sscanf(line, "linked %u", &s->linked) == 1 ||
	       sscanf(line, "hold %u", &s->hold_cs) == 1 ||
	       sscanf(line, "signs %u", &s->signs) == 1 ||
	       sscanf(line, "grouped %u", &s->grouped) == 1 ||
	       sscanf(line, "ipv6 %u", &s->ipv6) == 1 ||
	       sscanf(line, "version-2 %u", &s->version_2) == 1 ||
	       sscanf(line, "unicast %u", &s->unicast) == 1;
}

static bool arg_is_sound(const struct script *s, enum arg arg, unsigned value)
{
	switch (arg) {
	case ARG_NONE:
		return true;
	case ARG_DIRECTOR:
		return value < s->n_directors;
	case ARG_LAN:
		return value < s->n_lans;
	case ARG_NUMBER:
		return value <= 10000000;
	}
	return false;
}

static int count_args(const struct step_form *form)
{
	int n = 0;

	while (n < 3 && form->args[n] != ARG_NONE)
		n++;
	return n;
}

static bool read_step(struct script *s, const char *line)
{
	struct step step = {0};
	char name[20];
	int n = sscanf(line, "%" SCNu64 " %19s %u %u %u", &step.at.us, name, &step.args[0],
		&step.args[1], &step.args[2]);

	if (n == 2 && strcmp(name, "end") == 0) {
		s->end = step.at;
		return true;
	}
	while (n >= 2 && step.kind < STEP_KIND_MAX_ && strcmp(name, forms[step.kind].name) != 0)
		step.kind++;
	if (n < 2 || step.kind == STEP_KIND_MAX_ || n != 2 + count_args(&forms[step.kind]) ||
		s->n_steps == STEPS_MAX)
		return false;
	for (int i = 0; i < 3; i++)
		if (!arg_is_sound(s, forms[step.kind].args[i], step.args[i]))
			return false;
	s->steps[s->n_steps++] = step;
	return true;
}

static bool is_sound(const struct script *s)
{
	return s->n_directors >= 1 && s->n_directors <= DIRECTORS_MAX && s->n_lans >= 1 &&
	       s->n_lans <= LANS_MAX && (!s->linked || s->n_directors == 2) && s->end.us > 0 &&
	       !(s->version_2 & s->ipv6) && !(s->version_2 && s->signs);
}

bool script_read(struct script *ret, FILE *from, const char *name)
{
	char line[LINE_LEN];

	memset(ret, 0, sizeof(*ret));
	for (unsigned n = 1; fgets(line, sizeof(line), from); n++) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (!read_head(ret, line) && !read_step(ret, line)) {
			(void)fprintf(stderr, "%s:%u: not a line of a script: %s", name, n, line);
			return false;
		}
	}
	if (!is_sound(ret))
		(void)fprintf(stderr, "%s: not a script\n", name);
	return is_sound(ret);
}

/* From a seed */

struct maker {
	struct script *script;
	uint64_t random;
	struct instant at;
	unsigned interval_cs; /* what the LANs' intervals are about */
	bool forged;
	unsigned wait_cs; /* the longest that settings put off a takeover by */
	/* What a script is about besides, from a source of its own. */
	bool patient, tracked, planned;
	bool twins; /* all have one priority, and each is the better one on one LAN of two */
};

/* xorshift64*: the same everywhere for the same seed. */
static unsigned pick(struct maker *m, unsigned n)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return (unsigned)((m->random * UINT64_C(2685821657736338717) >> 33) % n);
}

static void add(struct maker *m, enum step_kind kind, unsigned a, unsigned b, unsigned c)
{
	if (m->script->n_steps < STEPS_MAX)
		m->script->steps[m->script->n_steps++] = (struct step){m->at, kind, {a, b, c}};
}

static unsigned any_director(struct maker *m)
{
	return pick(m, m->script->n_directors);
}

static unsigned any_lan(struct maker *m)
{
	return pick(m, m->script->n_lans);
}

/* Compilers differ in the order in which they evaluate arguments, and a seed is to be one script:
 * what picks for itself is never beside another argument that does. These pick after their
 * arguments. */
static void add_for_any(struct maker *m, enum step_kind kind, unsigned b)
{
	add(m, kind, any_director(m), b, 0);
}

static void add_for_any_lan(struct maker *m, enum step_kind kind, unsigned b, unsigned c)
{
	add(m, kind, any_lan(m), b, c);
}

static void add_on_any_lan(struct maker *m, enum step_kind kind, unsigned d, unsigned c)
{
	add(m, kind, d, any_lan(m), c);
}

/* Up to so many intervals. */
static void wait(struct maker *m, unsigned intervals)
{
	m->at = instant_add(m->at, 1 + pick(m, intervals * m->interval_cs * 10000));
}

static unsigned any_priority(struct maker *m)
{
	static const uint8_t usual[] = {50, 100, 100, 150, 254, 255};

	if (m->twins)
		return 100;
	return pick(m, 3) ? usual[pick(m, sizeof(usual))] : 1 + pick(m, 254);
}

static unsigned any_interval(struct maker *m)
{
	return m->interval_cs << pick(m, 3);
}

/* A time that a setting puts a takeover off by. */
static unsigned any_wait(struct maker *m)
{
	unsigned wait_cs = pick(m, 3) ? pick(m, 12) * m->interval_cs : 0;

	if (wait_cs > m->wait_cs)
		m->wait_cs = wait_cs;
	return wait_cs;
}

static void change_waits(struct maker *m, unsigned d)
{
	unsigned wait_cs = any_wait(m), lan = any_lan(m);

	add(m, pick(m, 2) ? STEP_PREEMPT_DELAY : STEP_SETTLE_TIME, d, lan, wait_cs);
}

static void track(struct maker *m, unsigned d)
{
	unsigned lan = any_lan(m);

	if (pick(m, 2)) {
		add(m, STEP_WEIGH, d, lan, pick(m, 3) ? pick(m, 120) : 0);
		return;
	}
	add(m, STEP_FAULT, d, lan, 1);
	if (pick(m, 3) == 0)
		return;
	wait(m, 8);
	add(m, STEP_FAULT, d, lan, 0);
}

/* Somebody without the key, and clocks that differ by less than the window in the end. */
static void try_signatures(struct maker *m, unsigned d)
{
	unsigned interval_cs;

	switch (pick(m, 3)) {
	case 0:
		add(m, STEP_CLOCK, d, 1 + pick(m, 3), 0);
		return;
	case 1:
		add(m, STEP_REPLAY, d, any_lan(m), 0);
		return;
	default:
		interval_cs = 1 + pick(m, 4095);
		add_for_any_lan(m, STEP_FORGE, pick(m, 256), interval_cs);
	}
}

/* In version 2 all mostly change together. */
static void change_interval(struct maker *m, unsigned d, unsigned lan)
{
	unsigned interval_cs = any_interval(m);

	if (!lan_is(m->script->version_2, lan) || pick(m, 4) == 0) {
		add(m, STEP_INTERVAL, d, lan, interval_cs);
		return;
	}
	for (unsigned i = 0; i < m->script->n_directors; i++)
		add(m, STEP_INTERVAL, i, lan, interval_cs);
}

static void change_settings(struct maker *m, unsigned d)
{
	unsigned lan = any_lan(m);

	switch (pick(m, 6)) {
	case 0:
		add(m, STEP_PREEMPT, d, lan, pick(m, 2));
		return;
	case 1:
		change_interval(m, d, lan);
		return;
	case 2:
		add(m, STEP_VIPS, d, lan, 1 + pick(m, (1 << VIPS) - 1));
		return;
	case 3:
		add(m, STEP_TAKE_PART, d, lan, 0);
		wait(m, 6);
		add(m, STEP_TAKE_PART, d, lan, 1);
		return;
	default:
		add(m, STEP_PRIORITY, d, lan, any_priority(m));
	}
}

static void die_and_return(struct maker *m, unsigned d)
{
	static const enum step_kind deaths[] = {
		STEP_KILL, STEP_STOP, STEP_HAND_ON, STEP_REBOOT, STEP_CRASH};
	enum step_kind kind = deaths[pick(m, 5)];

	add(m, kind, d, kind == STEP_CRASH ? 1 + pick(m, 6) : 0, 0);
	if (kind == STEP_CRASH && pick(m, 2)) /* to be in the middle of it */
		add_on_any_lan(m, STEP_INTERVAL, d, any_interval(m));
	wait(m, pick(m, 2) ? 1 : 6);
	if (pick(m, 3) == 0)
		add(m, STEP_CLEAN_UP, d, 0, 0);
	add(m, STEP_START, d, 0, 0);
}

/* Nothing here is a reason for two owners. */
static void orderly(struct maker *m, unsigned d)
{
	switch (pick(m, 8)) {
	case 0:
		add(m, STEP_STOP, d, 0, 0);
		return;
	case 1:
	case 2:
		die_and_return(m, d);
		return;
	case 3:
		add(m, STEP_SWITCHOVER, d, pick(m, 2), 0);
		return;
	case 4:
		add(m, STEP_MAINTAIN, d, pick(m, MAINTENANCE_MAX_), 0);
		return;
	case 5:
		add_on_any_lan(m, STEP_ROB, d, pick(m, VIPS));
		if (pick(m, 3) == 0)
			add(m, STEP_OVERRUN, d, 0, 0);
		return;
	default:
		change_settings(m, d);
	}
}

static void cut_off(struct maker *m, unsigned d)
{
	unsigned lan = any_lan(m), which = 1 + pick(m, 3);

	for (unsigned i = 0; i < m->script->n_directors; i++) {
		if (i == d || pick(m, 4) == 0)
			continue;
		if (which & 1)
			add(m, STEP_CUT, d, i, lan);
		if (which & 2)
			add(m, STEP_CUT, i, d, lan);
	}
}

/* The LANs do not carry adverts, one way or both, for long, and the link may not pass either, from
 * some time on, or for some time. */
static void split(struct maker *m, unsigned d)
{
	unsigned which = 1 + pick(m, 3);

	for (unsigned lan = 0; lan < m->script->n_lans; lan++) {
		if (which & 1)
			add(m, STEP_CUT, d, 1 - d, lan);
		if (which & 2)
			add(m, STEP_CUT, 1 - d, d, lan);
	}
	wait(m, 12);
	which = pick(m, 4);
	for (unsigned i = 0; i < 2; i++)
		if (which & 1u << i)
			add(m, STEP_PART, i, 1, 0);
	wait(m, 12);
	for (unsigned i = 0; i < 2; i++)
		if (which & 1u << i && pick(m, 2))
			add(m, STEP_PART, i, 0, 0);
	if (pick(m, 3) == 0)
		add(m, STEP_KILL, pick(m, 2), 0, 0);
	wait(m, 12);
}

static void fault(struct maker *m, unsigned d)
{
	unsigned interval_us = m->interval_cs * 10000, what, lan;

	if ((m->script->linked || m->twins) && pick(m, 3) == 0) {
		split(m, d);
		return;
	}
	switch (pick(m, 10)) {
	case 0:
	case 1:
		cut_off(m, d);
		return;
	case 2:
		add_for_any_lan(m, STEP_LOSS, pick(m, 60), 0);
		return;
	case 3:
		add_for_any_lan(m, STEP_DELAY, 1000 + pick(m, 2 * interval_us), 0);
		return;
	case 4:
		add_for_any_lan(m, STEP_REPEAT, pick(m, 60), 0);
		return;
	case 5:
	case 6:
		add(m, pick(m, 2) ? STEP_FREEZE : STEP_SUSPEND, d, 0, 0);
		wait(m, 8);
		add(m, STEP_RESUME, d, 0, 0);
		return;
	case 7:
		what = pick(m, 2);
		lan = any_lan(m);
		add(m, pick(m, 2) ? STEP_LINK : STEP_ADDRESS, d, lan, what);
		return;
	case 8:
		m->forged = m->script->noise % 4 == 0;
		if (!m->forged)
			return;
		what = 1 + pick(m, 4095);
		add_for_any_lan(m, STEP_FORGE, any_priority(m), what);
		return;
	default:
		add(m, STEP_KILL, d, 0, 0);
	}
}

/* As long as sim_rules.c waits before it calls a LAN calm, and longer. */
static void calm_down(struct maker *m, uint64_t longer_us)
{
	unsigned longest_cs = m->interval_cs << 2,
		 patience_cs = longest_cs > 100 ? longest_cs : 100;

	if (m->forged)
		patience_cs = VRRP_INTERVAL_TRUST * longest_cs;
	patience_cs += (m->wait_cs + 11) / 12;
	m->at = instant_add(m->at, patience_cs * UINT64_C(120000) + longer_us);
}

/* ... until the next announcement. */
static void heal_and_settle(struct maker *m)
{
	add(m, STEP_HEAL, 0, 0, 0);
	calm_down(m, REFRESH_US + 1000000);
}

/* What an operator does on a calm day: when packets that were delayed have arrived. */
static void plan(struct maker *m)
{
	uint64_t delayed_us = 4 * m->interval_cs * UINT64_C(10000) + 300000;
	unsigned n = 1 + pick(m, 2);

	add(m, STEP_HEAL, 0, 0, 0);
	calm_down(m, delayed_us);
	while (n-- > 0) {
		if (pick(m, 3))
			add_for_any(m, STEP_SWITCHOVER, pick(m, 2));
		else
			add_for_any(m, STEP_MAINTAIN, pick(m, MAINTENANCE_MAX_));
		if (pick(m, 3) == 0)
			calm_down(m, delayed_us);
		else
			wait(m, pick(m, 2) ? 40 : 4);
	}
}

static void forget(struct maker *m, unsigned peer)
{
	unsigned lan = any_lan(m);

	add(m, STEP_FORGET, any_director(m), lan, peer);
}

static void set_up(struct maker *m)
{
	for (unsigned d = 0; d < m->script->n_directors; d++) {
		bool preempt = pick(m, 3) != 0;
		for (unsigned lan = 0; lan < m->script->n_lans; lan++) {
			add(m, STEP_PRIORITY, d, lan, any_priority(m));
			add(m, STEP_INTERVAL, d, lan, m->interval_cs);
			add(m, STEP_PREEMPT, d, lan, preempt);
		}
	}
	for (unsigned d = 0; d < m->script->n_directors; d++) {
		wait(m, 2);
		add(m, STEP_START, d, 0, 0);
	}
}

static unsigned any_lans(struct maker *own, unsigned seldom)
{
	return pick(own, seldom) ? 0 : 1 + pick(own, (1u << LANS_MAX) - 1);
}

static void choose_network(struct maker *m, struct maker *own)
{
	struct script *script = m->script;

	script->grouped = pick(own, 8) == 0;
	if (script->grouped)
		script->n_lans = LANS_MAX;
	m->twins = script->grouped && script->n_directors == 2 && pick(own, 3) == 0;
	script->ipv6 = m->twins ? 1 + pick(own, 2) : any_lans(own, 3);
	script->unicast = any_lans(own, 5);
	script->version_2 = any_lans(own, 6) & ~script->ipv6;
	if (script->signs)
		script->version_2 = 0;
}

/* Each in some scripts, so that most have few at once. */
static void choose_themes(struct maker *m, uint64_t seed)
{
	struct maker own = {
		.script = m->script, .random = (seed + 1) * UINT64_C(0xd1342543de82ef95) + 1};

	m->patient = pick(&own, 4) == 0;
	m->tracked = pick(&own, 4) == 0;
	if (pick(&own, 6) == 0)
		m->script->hold_cs = (1 + pick(&own, 20)) * m->interval_cs;
	m->wait_cs = m->script->hold_cs;
	m->script->signs = pick(&own, 24) == 0; /* they take time to compute */
	choose_network(m, &own);
	m->planned = pick(&own, 5) == 0;
}

void script_make(struct script *ret, uint64_t seed)
{
	static const unsigned intervals_cs[] = {5, 20, 100};
	struct maker m = {.script = ret, .random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15)};
	unsigned more;

	memset(ret, 0, sizeof(*ret));
	ret->noise = seed;
	more = pick(&m, 3) == 0;
	ret->n_directors = 2 + more * (1 + pick(&m, DIRECTORS_MAX - 2));
	ret->n_lans = 1 + (pick(&m, 4) == 0) * (LANS_MAX - 1);
	ret->announcements = 1 + pick(&m, 5);
	ret->linked = ret->n_directors == 2 && pick(&m, 2);
	m.interval_cs = intervals_cs[pick(&m, 3)];
	choose_themes(&m, seed);
	if (ret->version_2) /* whole seconds */
		m.interval_cs = 100;
	set_up(&m);
	for (int i = 0; i < MAKE_STEPS; i++) {
		wait(&m, pick(&m, 3) ? 6 : 1);
		if (m.patient && pick(&m, 6) == 0)
			change_waits(&m, any_director(&m));
		if (m.tracked && pick(&m, 4) == 0)
			track(&m, any_director(&m));
		if (ret->signs && pick(&m, 4) == 0)
			try_signatures(&m, any_director(&m));
		if (ret->unicast && pick(&m, 8) == 0)
			forget(&m, any_director(&m));
		if (m.planned && !m.forged && pick(&m, 10) == 0)
			plan(&m);
		if (ret->hold_cs && pick(&m, 6) == 0)
			add(&m, STEP_READY, any_director(&m), 0, 0);
		if (seed % 3 != 0 && pick(&m, 2))
			fault(&m, any_director(&m));
		else
			orderly(&m, any_director(&m));
		if (pick(&m, 16) == 0)
			heal_and_settle(&m);
	}
	heal_and_settle(&m);
	ret->end = m.at;
}
