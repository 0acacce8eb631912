/* Two counts that are made at different moments differ by what happened between: only what is seen
 * twice in a row is believed, and what an attempt left is not tried again before long, unless it
 * grows. */
#include "core/table_watch.h"

#define SLACK 20u

void table_sum_add(struct table_sum *sum, const struct table_count *c)
{
	uint64_t slack = c->young ? 1 + c->kernel / SLACK : 0;

	sum->kernel += c->kernel;
	sum->known += c->known;
	if (c->kernel > c->known + slack)
		sum->missing += c->kernel - c->known;
	if (c->known > c->kernel + c->young)
		sum->surplus += c->known - c->kernel;
}

static void act(struct table_side *s, struct instant now)
{
	uint64_t wait_us = s->tried ? 2 * s->wait_us : TABLE_WATCH_WAIT_US;

	s->wait_us = wait_us < TABLE_WATCH_WAIT_MAX_US ? wait_us : TABLE_WATCH_WAIT_MAX_US;
	s->sightings = 0;
	s->tried = true;
	s->left = UINT64_MAX;
	s->soonest = instant_add(now, TABLE_WATCH_GAP_US);
	s->again = instant_add(now, s->wait_us);
}

static bool step(struct table_side *s, uint64_t n, struct instant now)
{
	if (n == 0) {
		*s = (struct table_side){.soonest = s->soonest};
		return false;
	}
	if (++s->sightings < TABLE_WATCH_SIGHTINGS)
		return false;
	if (s->tried && s->left == UINT64_MAX)
		s->left = n;
	if (!instant_reached(s->soonest, now) ||
		(s->tried && n <= s->left && !instant_reached(s->again, now)))
		return false;
	act(s, now);
	return true;
}

struct table_action table_watch_step(
	struct table_watch *w, const struct table_sum *sum, bool dropped, struct instant now)
{
	struct table_action a = {
		.read = step(&w->missing, sum->missing, now),
		.feed = step(&w->surplus, sum->surplus, now),
	};

	w->dropped |= dropped;
	if (w->dropped && !a.read && instant_reached(w->missing.soonest, now)) {
		act(&w->missing, now);
		a.read = true;
	}
	if (a.read)
		w->dropped = false;
	return a;
}

void table_watch_read(struct table_watch *w, uint64_t took_us, struct instant now)
{
	w->missing.soonest =
		instant_max(w->missing.soonest, instant_add(now, TABLE_WATCH_SHARE * took_us));
}
