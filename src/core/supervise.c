/* A dead helper is started again at once, one that keeps dying after growing pauses. A helper that
 * leaves a heartbeat unanswered is killed; but when the director's own loop was late, the silence
 * was the director's, and the helper gets another chance. One that got no processor would not have
 * one after a restart either: it has as long again, and no more, since somebody has to act. */
#include "core/supervise.h"

#include <assert.h>

/* To be executed, lock its memory and read its configuration takes a process longer than to answer
 * in the middle of its life. Whoever it replaces is waited for no longer than back_us says. */
#define START_SILENCE_US UINT64_C(2000000)
#define PAUSE_FIRST_US UINT64_C(100000)
#define PAUSE_MAX_US UINT64_C(5000000)
/* One that ran for so much of the time had time to answer. */
#define RAN_SHARE 4

const char *supervise_state_name(enum supervise_state state)
{
	static const char *const names[SUPERVISE_STATE_MAX_] = {
		[SUPERVISE_STOPPED] = "stopped",
		[SUPERVISE_WAITING] = "waiting",
		[SUPERVISE_STARTING] = "starting",
		[SUPERVISE_UP] = "up",
		[SUPERVISE_DYING] = "dying",
	};

	assert(state < SUPERVISE_STATE_MAX_);
	return names[state];
}

/* 0, 100 ms, 200 ms ... 5 s. */
static uint64_t pause_us(unsigned failures)
{
	uint64_t us = PAUSE_FIRST_US;

	if (failures == 0)
		return 0;
	while (--failures > 0 && us < PAUSE_MAX_US)
		us *= 2;
	return us < PAUSE_MAX_US ? us : PAUSE_MAX_US;
}

static uint64_t patience_us(const struct supervise *s)
{
	bool starting = s->state == SUPERVISE_STARTING;

	return starting && s->settings.silence_us < START_SILENCE_US ? START_SILENCE_US
								     : s->settings.silence_us;
}

bool supervise_is_starved(const struct supervise_sight *before, const struct supervise_sight *now,
	uint64_t silence_us)
{
	return now->is_runnable && now->ran_us >= before->ran_us &&
	       now->ran_us - before->ran_us < silence_us / RAN_SHARE;
}

static unsigned beat(struct supervise *s, struct instant now)
{
	s->beat_at = instant_add(now, s->settings.beat_us);
	if (!instant_is_never(s->silent_at))
		return SUPERVISE_DO_BEAT;
	s->silent_at = instant_add(now, patience_us(s));
	return SUPERVISE_DO_BEAT | SUPERVISE_DO_REMEMBER;
}

static unsigned start(struct supervise *s, struct instant now)
{
	s->state = SUPERVISE_STARTING;
	s->started_at = now;
	s->start_at = INSTANT_NEVER;
	s->silent_at = INSTANT_NEVER;
	s->starved = false;
	return SUPERVISE_DO_START | beat(s, now);
}

static void stop_clocks(struct supervise *s)
{
	s->start_at = s->beat_at = s->silent_at = INSTANT_NEVER;
}

static unsigned on_exited(struct supervise *s, struct instant now)
{
	bool lasted = instant_between_us(s->started_at, now) >= SUPERVISE_STABLE_US;

	if (s->state == SUPERVISE_UP || s->state == SUPERVISE_DYING)
		if (!s->missing) {
			s->missing = true;
			s->missing_since = now;
		}
	s->failures = lasted ? 0 : s->failures + 1;
	s->restarts++;
	stop_clocks(s);
	s->state = SUPERVISE_WAITING;
	/* The first early death may be an accident; from the second on it is a habit. */
	s->start_at = instant_add(now, pause_us(s->failures > 0 ? s->failures - 1 : 0));
	return instant_reached(s->start_at, now) ? start(s, now) : 0;
}

static unsigned kill_it(struct supervise *s)
{
	s->state = SUPERVISE_DYING;
	stop_clocks(s);
	return SUPERVISE_DO_KILL;
}

static bool is_abandoned(const struct supervise *s, struct instant now)
{
	return s->missing && s->settings.back_us &&
	       instant_reached(instant_add(s->missing_since, s->settings.back_us), now);
}

/* Nobody else may hold what the missing process held while it is given away: one that is about to
 * come back is killed first, and the question asked again when it is gone. */
static unsigned abandon(struct supervise *s)
{
	if (s->state == SUPERVISE_STARTING)
		return kill_it(s);
	s->missing = false;
	return SUPERVISE_DO_ABANDON;
}

static unsigned on_timer(struct supervise *s, struct instant now)
{
	bool late = instant_between_us(s->deadline, now) > s->settings.beat_us;

	if (is_abandoned(s, now) && s->state != SUPERVISE_DYING)
		return abandon(s);
	if (s->state == SUPERVISE_WAITING && instant_reached(s->start_at, now))
		return start(s, now);
	if (instant_reached(s->silent_at, now) && !late)
		return SUPERVISE_DO_LOOK;
	if (late)
		s->silent_at = INSTANT_NEVER;
	if (instant_reached(s->beat_at, now))
		return beat(s, now);
	return 0;
}

static bool is_silent(const struct supervise *s, struct instant now)
{
	return (s->state == SUPERVISE_STARTING || s->state == SUPERVISE_UP) &&
	       instant_reached(s->silent_at, now);
}

static unsigned on_silent(struct supervise *s, struct instant now)
{
	if (!is_silent(s, now))
		return 0;
	s->hung = true;
	return kill_it(s);
}

static unsigned on_starved(struct supervise *s, struct instant now)
{
	if (s->starved || !is_silent(s, now))
		return on_silent(s, now);
	s->starved = true;
	s->silent_at = instant_add(now, s->settings.silence_us);
	return SUPERVISE_DO_REMEMBER;
}

static struct instant next_deadline(const struct supervise *s)
{
	struct instant t = instant_min(s->start_at, instant_min(s->beat_at, s->silent_at));

	if (s->missing && s->settings.back_us && s->state != SUPERVISE_DYING)
		t = instant_min(t, instant_add(s->missing_since, s->settings.back_us));
	return t;
}

static unsigned handle(struct supervise *s, enum supervise_event event, struct instant now)
{
	switch (event) {
	case SUPERVISE_EV_WANTED:
		return s->state == SUPERVISE_STOPPED ? start(s, now) : 0;
	case SUPERVISE_EV_UNWANTED:
		s->state = SUPERVISE_STOPPED;
		s->missing = false;
		stop_clocks(s);
		return 0;
	case SUPERVISE_EV_ANSWER:
		if (s->state != SUPERVISE_STARTING && s->state != SUPERVISE_UP)
			return 0;
		s->state = SUPERVISE_UP;
		s->missing = false;
		s->hung = s->starved = false;
		s->silent_at = INSTANT_NEVER;
		return 0;
	case SUPERVISE_EV_EXITED:
		return s->state == SUPERVISE_STOPPED ? 0 : on_exited(s, now);
	case SUPERVISE_EV_TIMER:
		return s->state == SUPERVISE_STOPPED ? 0 : on_timer(s, now);
	case SUPERVISE_EV_STARVED:
		return on_starved(s, now);
	case SUPERVISE_EV_SILENT:
		return on_silent(s, now);
	}
	return 0;
}

unsigned supervise_step(struct supervise *s, enum supervise_event event, struct instant now)
{
	unsigned effects = handle(s, event, now);

	s->deadline = s->state == SUPERVISE_STOPPED ? INSTANT_NEVER : next_deadline(s);
	return effects;
}
