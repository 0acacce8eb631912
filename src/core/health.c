/* Health of one target. Decides what its results mean and when to ask again; how a result comes
 * about, and what a verdict does to the balancing, is for others. */
#include "core/health.h"

#include <string.h>

static const char *const state_names[] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_UP] = "up",
	[HEALTH_DOWN] = "down",
};

const char *health_state_name(enum health_state state)
{
	return state_names[state];
}

bool health_state_by_name(const char *name, enum health_state *ret)
{
	for (enum health_state s = HEALTH_UNKNOWN; s <= HEALTH_DOWN; s++) {
		if (strcmp(name, state_names[s]) == 0) {
			*ret = s;
			return true;
		}
	}
	return false;
}

static void change(struct health *h, enum health_state state, struct instant now)
{
	h->state = state;
	h->against = 0;
	h->since = now;
}

bool health_step(struct health *h, const struct health_rule *rule, bool passed, struct instant now)
{
	enum health_state seen = passed ? HEALTH_UP : HEALTH_DOWN;

	if (seen == h->state) {
		h->against = 0;
		return false;
	}
	h->against++;
	if (h->state != HEALTH_UNKNOWN && h->against < (passed ? rule->rise : rule->fall))
		return false;
	change(h, seen, now);
	return true;
}

uint64_t health_interval_us(const struct health *h, const struct health_rule *rule, bool standby)
{
	uint64_t special_us = h->against > 0            ? rule->fail_interval_us
			      : h->state == HEALTH_DOWN ? rule->down_interval_us
							: 0;
	uint64_t interval_us = special_us ? special_us : rule->interval_us;

	if (standby && h->against == 0 && interval_us < rule->standby_interval_us)
		return rule->standby_interval_us;
	return interval_us;
}

/* The finaliser of splitmix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t health_seed(const char *id)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
	return mix(hash);
}

static uint64_t jitter_us(const struct health_schedule *s, const struct health_rule *rule)
{
	unsigned percent = rule->jitter_percent < HEALTH_JITTER_MAX_PERCENT
				   ? rule->jitter_percent
				   : HEALTH_JITTER_MAX_PERCENT;
	uint64_t draw = mix(s->seed + s->turn * UINT64_C(0x9e3779b97f4a7c15));

	return draw % (rule->interval_us / 100 * percent + 1);
}

void health_schedule_start(struct health_schedule *s, const struct health_rule *rule, uint64_t seed,
	struct instant now)
{
	uint64_t window_us = rule->interval_us < HEALTH_FIRST_WINDOW_US ? rule->interval_us
									: HEALTH_FIRST_WINDOW_US;

	*s = (struct health_schedule){
		.seed = seed,
		.place = instant_add(now, seed % rule->interval_us),
		.due = instant_add(now, seed % window_us),
	};
}

/* The first point of the grid through `place` that is not before `earliest`. */
static struct instant grid_from(struct instant place, struct instant earliest, uint64_t interval_us)
{
	uint64_t past_us = instant_between_us(place, earliest) % interval_us;
	uint64_t ahead_us = instant_between_us(earliest, place) % interval_us;

	return instant_add(earliest, past_us ? interval_us - past_us : ahead_us);
}

void health_schedule_next(struct health_schedule *s, const struct health_rule *rule,
	struct instant started, struct instant now)
{
	uint64_t interval_us = rule->interval_us;
	struct instant earliest = instant_add(started, interval_us / 4);

	/* An attempt that took the whole interval does not cost the next one its place, unless that
	 * lies so far back that the one after it is nearer. */
	if (instant_between_us(earliest, now) > interval_us / 2)
		earliest = (struct instant){now.us - interval_us / 2};
	s->turn++;
	s->place = grid_from(s->place, earliest, interval_us);
	s->due = instant_add(s->place, jitter_us(s, rule));
	if (s->due.us < now.us)
		s->due = now;
}
