/* A program that is run again and again. The next run begins an interval after the last one began,
 * and never before that one is over. */
#include "director/watch/run.h"
#include "director/watch/watch.h"
#include "io/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct script {
	struct run *run; /* NULL: none is under way */
	struct run_user user;
	sd_event_source *timer;
	struct instant begun;
};

static void plan_next(struct script *s, const struct conf_track *conf)
{
	struct instant next = instant_add(s->begun, conf->interval_us);

	(void)sd_event_source_set_time(s->timer, next.us);
	(void)sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static void on_done(const struct run_result *result, void *userdata)
{
	struct watch *w = userdata;
	struct script *s = w->own;
	char reason[WATCH_REASON_MAX];

	s->run = NULL;
	plan_next(s, w->conf);
	watch_result(w, result->end == RUN_EXITED && result->status == 0,
		run_describe(result, reason, sizeof(reason)));
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch *w = userdata;
	struct script *s = w->own;
	char why[RUN_WHY_MAX];
	const struct run_command command = {.argv = w->conf->command.argv,
		.shell = w->conf->command.shell,
		.user = &s->user,
		.timeout_us = w->conf->command.timeout_us};

	(void)source;
	(void)usec;
	s->begun = clock_now();
	if (run_start(w->all->loop, &command, on_done, w, &s->run, why) < 0) {
		plan_next(s, w->conf);
		watch_trouble(w, why);
		watch_result(w, false, why);
		return 0;
	}
	watch_trouble(w, "");
	return 0;
}

static int start(struct watch *w)
{
	struct script *s = w->own = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = run_user_find(w->conf->command.user, &s->user);
	if (r == 0)
		r = sd_event_add_time(w->all->loop, &s->timer, CLOCK_BOOTTIME, 0, 1000, on_turn, w);
	return r < 0 ? r : 0;
}

static void stop(struct watch *w)
{
	struct script *s = w->own;

	if (!s)
		return;
	run_cancel(s->run);
	sd_event_source_disable_unref(s->timer);
	free(s);
}

const struct watch_kind watch_script = {start, stop};
