/* The whole table brought to what it should be: at the start, at a reload, after a failure, and
 * when a look finds that somebody else changed it. One job at a time, a few milliseconds of it in
 * each turn of the loop, after everything else that the turn has to do. */
#include "director/state.h"

#include "io/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_US UINT64_C(4000)
#define ROUNDS 3
#define RENEWALS_MAX 3 /* of a candidate, in turns of their own */
#define TOLD_MAX 5

/* A look at a large table takes time: at most a fiftieth of it is spent looking. */
#define LOOK_SHARE 50

static void finish(struct director *d, int error);

/* What the job works for: the candidate's table until it is adopted. */
static struct desired_input input_of(const struct director *d)
{
	const struct candidate *c = d->candidate;

	if (!c)
		return apply_input(d);
	return (struct desired_input){.conf = c->conf,
		.targets = &c->targets,
		.pools = &c->pools,
		.router_active = c->roles.active};
}

static struct job_input job_input_of(struct director *d)
{
	return (struct job_input){.desired = input_of(d),
		.order = d->candidate ? d->candidate->services.order : d->services.order,
		.quiet = d->work.task == TASK_LOOK || d->work.task == TASK_RELOAD};
}

static void on_planned(const struct ipvs_op *op, void *userdata)
{
	struct director *d = userdata;

	if (d->work.task == TASK_PLAN)
		plan_operation(d, op);
}

static void on_failed(size_t service, const struct ipvs_failure *failure, void *userdata)
{
	struct director *d = userdata;
	struct work *w = &d->work;
	char text[BALANCER_TEXT_MAX];

	if (job_is_stale(w->job) && w->rounds + 1 < ROUNDS)
		return; /* the next round knows better */
	(void)ipvs_failure_text(failure, text, sizeof(text));
	if (service != CONF_NONE)
		trouble_note(d, service, text);
	else if (json_array_size(w->errors) < BALANCER_ERRORS_MAX)
		(void)json_array_append_new(w->errors, json_string(text));
	if (service == CONF_NONE && w->told++ < TOLD_MAX)
		director_event(d, EVENT_IPVS_FAILED, text, NULL);
}

static void on_settled(size_t service, void *userdata)
{
	trouble_over(userdata, service);
}

static bool is_doubtful(size_t service, void *userdata)
{
	const struct director *d = userdata;

	return d->services.pending[service] || trouble_waits(d, service);
}

/* Whether what was brought to the kernel before can be believed to be there: it all succeeded, and
 * looks go on that find what somebody else does to it. What is nobody's is found by them only, so
 * that the first reload that wants it gone does look. */
static bool may_know(const struct director *d)
{
	const struct conf_ipvs *before, *now;

	if (d->work.task != TASK_RELOAD || !d->candidate)
		return false;
	before = &d->conf->ipvs;
	now = &d->candidate->conf->ipvs;
	return d->work.sure && d->work.rounds == 0 && d->pending.retries == 0 &&
	       before->drift_interval_us > 0 && now->drift_interval_us > 0 &&
	       (before->owned_table || !now->owned_table);
}

/* NULL: the kernel has to be dumped. */
static const struct known *known_of(struct director *d)
{
	if (!may_know(d))
		return NULL;
	d->work.known = (struct known){.before = apply_input(d),
		.order = d->services.order,
		.is_doubtful = is_doubtful,
		.userdata = d};
	return &d->work.known;
}

static int open_job(struct director *d)
{
	static const struct job_handler handler = {on_planned, on_failed, on_settled};
	struct work *w = &d->work;
	struct job_input in;
	int r = balancer_open(&d->balancer);

	in = job_input_of(d);
	in.known = known_of(d);
	d->ipvs_available = r >= 0;
	d->ipvs_missing = r == -ENOENT;
	if (r >= 0)
		r = job_new(&d->balancer, &in, &handler, d, &w->job);
	if (r < 0)
		return r;
	/* Who is in trouble has a clock of his own, unless everything is begun anew. */
	for (size_t i = 0; w->task == TASK_LOOK && d->services.n_troubles > 0 && i < d->services.n;
		i++)
		if (trouble_waits(d, i))
			job_leave_alone(w->job, i);
	(void)sd_event_source_set_enabled(w->turn, SD_EVENT_ON);
	return 0;
}

static void close_job(struct director *d)
{
	job_free(d->work.job);
	d->work.job = NULL;
	d->work.counted = false;
	(void)sd_event_source_set_enabled(d->work.turn, SD_EVENT_OFF);
}

/* In force from here on: settings come before services, services before sync daemons. */
static void go_on(struct director *d)
{
	struct job_input in = job_input_of(d);

	d->work.changed += apply_forwarding(d);
	if (d->work.job)
		job_go_on(d->work.job, &in);
}

static void end_task(struct director *d)
{
	close_job(d);
	d->work.task = TASK_NONE;
	candidate_free(d->candidate);
	d->candidate = NULL;
	work_next(d);
}

/* False when the task has come to its end with that. */
static bool counted(struct director *d, const struct job_counts *counts)
{
	struct work *w = &d->work;

	switch (w->task) {
	case TASK_PLAN:
		plan_finish(d, counts);
		end_task(d);
		return false;
	case TASK_RELOAD:
		if (d->candidate && !reload_decide(d, counts)) {
			end_task(d);
			return false;
		}
		break;
	case TASK_WHOLE:
	case TASK_LOOK:
	case TASK_NONE:
		break;
	}
	if (w->task != TASK_LOOK)
		w->sure = false; /* until it is done */
	/* What was looked at beside a candidate is not what is wanted any more. */
	if (w->disturbed && w->job) {
		w->disturbed = false;
		close_job(d);
		w->changed += apply_forwarding(d);
		if (open_job(d) < 0)
			finish(d, -EAGAIN);
		return true;
	}
	go_on(d);
	return true;
}

static void adopt_found(struct director *d)
{
	struct work *w = &d->work;

	if (!w->adopting)
		return;
	w->adopting = false;
	if (w->job)
		apply_adopt(d, job_have(w->job));
	helpers_start_rest(d);
	shares_settle(d);
	apply_pending_forget(d);
}

static void note_round(struct director *d)
{
	struct work *w = &d->work;

	if (!w->job)
		return;
	w->operations += job_operations(w->job);
	w->failures += job_failures(w->job);
}

static bool may_try_again(const struct director *d, int error)
{
	const struct work *w = &d->work;
	bool stale = error == -EAGAIN || error == -ENOBUFS ||
		     (error == 0 && w->job && job_is_stale(w->job));

	return stale && w->rounds + 1 < ROUNDS;
}

static void note_drift(struct director *d)
{
	struct work *w = &d->work;
	size_t n = w->operations - w->failures + w->changed;
	char message[120], count[24];

	if (w->task != TASK_LOOK || n == 0)
		return;
	d->drift_total += n;
	(void)snprintf(count, sizeof(count), "%zu", n);
	(void)snprintf(message, sizeof(message),
		"the table was not as it should be: %zu operations mend it", n);
	director_event(d, EVENT_IPVS_DRIFT, message, "TANDEM_OPERATIONS", count, NULL);
}

static void answer_repairs(struct director *d)
{
	struct work *w = &d->work;
	json_t *errors = apply_errors(d);

	for (size_t i = 0; i < w->n_callers; i++)
		control_reply(w->callers[i],
			json_pack("{s:I, s:O}", "operations",
				(json_int_t)(w->operations - w->failures + w->changed), "errors",
				errors));
	w->n_callers = 0;
	json_decref(errors);
}

static void note_end(struct director *d, const struct balance *sync, int error)
{
	struct work *w = &d->work;
	struct balance b = {.operations = w->operations + sync->operations,
		.failures = w->failures + sync->failures};

	if (error < 0)
		balance_ipvs_error(&b, error);
	apply_note_errors(d, &b, w->errors);
	apply_note_errors(d, sync, w->errors);
	apply_note_operations(d, &b, "the whole table", w->begun);
	d->apply_busy_us = w->busy_us;
	if (error >= 0)
		d->applied_at = clock_now();
	if (w->longest_us > d->apply_longest_us)
		d->apply_longest_us = w->longest_us;
	json_decref(d->ipvs_errors);
	d->ipvs_errors = w->errors;
	w->errors = NULL;
	if (error < 0 || w->forwarding_failed)
		apply_retry_later(d);
	else
		d->pending.retries = 0;
}

static void note_applied(struct director *d, int error)
{
	d->applied = d->applied || error == 0;
	roles_look_ready(d);
}

static void look_at(struct director *d, struct instant time)
{
	(void)sd_event_source_set_time(d->pending.look, time.us);
	(void)sd_event_source_set_enabled(d->pending.look,
		d->conf->ipvs.drift_interval_us > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* The end of a round; `error` when it could not be finished. */
static void finish(struct director *d, int error)
{
	struct work *w = &d->work;
	struct balance sync = {0};
	enum task task = w->task;
	bool unseen;
	int r = 0;

	note_round(d);
	if (may_try_again(d, error)) {
		w->rounds++;
		close_job(d);
		error = open_job(d);
		if (error == 0)
			return;
	}
	unseen = w->job && job_is_known(w->job);
	adopt_found(d); /* nothing was found */
	close_job(d);
	if (task == TASK_PLAN) {
		plan_cancel(d, "IpvsFailed");
		end_task(d);
		return;
	}
	if (task == TASK_RELOAD && d->candidate && !reload_decide(d, NULL)) {
		end_task(d);
		return;
	}
	if (d->ipvs_available)
		r = apply_sync(d, &sync);
	if (task != TASK_LOOK)
		w->sure = error == 0;
	note_drift(d);
	note_end(d, &sync, error < 0 ? error : r < 0 ? r : 0);
	answer_repairs(d);
	if (unseen) /* what was changed has not been looked at */
		look_at(d, clock_now());
	else
		work_look_later(d, w->busy_us);
	w->task = TASK_NONE;
	if (task == TASK_WHOLE || task == TASK_RELOAD)
		reload_applied(d, w->operations + w->changed + sync.operations);
	note_applied(d, error);
	work_next(d);
}

/* Without services and a link there is nothing to be done to IPVS, which need not exist then. */
static void finish_without_ipvs(struct director *d)
{
	static const struct job_counts nothing;
	struct work *w = &d->work;
	enum task task = w->task;
	size_t changed;

	adopt_found(d);
	if (!counted(d, &nothing))
		return;
	changed = apply_forwarding(d);
	json_decref(d->ipvs_errors);
	d->ipvs_errors = w->errors;
	w->errors = NULL;
	answer_repairs(d);
	work_look_later(d, 0);
	w->task = TASK_NONE;
	if (task == TASK_WHOLE || task == TASK_RELOAD)
		reload_applied(d, changed);
	note_applied(d, 0);
	work_next(d);
}

static const struct conf *conf_of(const struct director *d)
{
	return d->candidate ? d->candidate->conf : d->conf;
}

/* A verdict or an operator may have spoken since the services were last evaluated. */
static void settle(struct director *d)
{
	if (d->candidate || d->work.adopting)
		return;
	shares_settle(d);
	apply_pending_forget(d);
}

static void give_up_candidate(struct director *d)
{
	if (d->work.task == TASK_PLAN)
		plan_cancel(d, "OutOfMemory");
	else
		reload_give_up(d);
	end_task(d);
}

/* What follows from the candidate, a few milliseconds of it. */
static void go_on_with_candidate(struct director *d)
{
	d->work.candidate_steps += d->work.renewals == 0;
	if (candidate_step(d, d->candidate) < 0)
		give_up_candidate(d);
}

/* Whether the candidate can be decided about. When things are otherwise meanwhile, it follows them
 * in turns of its own; should they never rest, it does so at once in the end. */
static bool is_current(struct director *d)
{
	struct work *w = &d->work;

	if (w->task != TASK_RELOAD || !d->candidate || candidate_is_current(d->candidate) ||
		w->renewals == RENEWALS_MAX)
		return true;
	w->renewals++;
	candidate_begin_anew(d->candidate);
	return false;
}

/* What there is to be done, in a turn of its own: the next one begins with the table. */
static void prepare(struct director *d)
{
	struct work *w = &d->work;

	if (!is_current(d))
		return;
	w->prepared = true;
	w->disturbed = d->candidate && d->candidate->outdated;
	w->error = 0;
	if (!apply_uses_ipvs(d, conf_of(d))) {
		d->ipvs_missing = false;
		return;
	}
	if (w->task != TASK_PLAN && w->task != TASK_LOOK)
		settle(d);
	w->error = open_job(d);
}

/* What the kernel cannot be asked, or need not. */
static void go_without_job(struct director *d)
{
	struct work *w = &d->work;

	if (!is_current(d))
		return;
	(void)sd_event_source_set_enabled(w->turn, SD_EVENT_OFF);
	if (w->error < 0)
		finish(d, w->error);
	else
		finish_without_ipvs(d);
}

static void decide(struct director *d)
{
	struct work *w = &d->work;

	if (!is_current(d))
		return;
	w->counted = false;
	(void)counted(d, job_counts(w->job));
}

static void go_on_with_job(struct director *d)
{
	struct work *w = &d->work;
	struct instant begun = clock_now();
	int r = job_step(w->job, instant_add(begun, STEP_US));
	uint64_t took_us = instant_between_us(begun, clock_now());

	w->busy_us += took_us;
	if (took_us > w->longest_us)
		w->longest_us = took_us;
	if (r == JOB_DUMPED)
		adopt_found(d);
	else if (r != JOB_COUNTED && r != JOB_MORE)
		finish(d, r < 0 ? r : 0);
	if (r == JOB_COUNTED) {
		w->counted = true;
		decide(d);
	}
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	if (d->candidate && d->candidate->stage != CANDIDATE_COMPLETE)
		go_on_with_candidate(d);
	else if (!d->work.prepared)
		prepare(d);
	else if (d->work.counted)
		decide(d);
	else if (d->work.job)
		go_on_with_job(d);
	else
		go_without_job(d);
	return 0;
}

void work_begin(struct director *d, enum task task, struct candidate *candidate)
{
	struct work *w = &d->work;

	if (w->task == TASK_PLAN)
		plan_cancel(d, "Interrupted");
	close_job(d);
	candidate_free(d->candidate);
	d->candidate = candidate;
	json_decref(w->errors);
	w->task = task;
	w->begun = clock_now();
	w->errors = json_array();
	w->busy_us = w->longest_us = 0;
	w->operations = w->failures = w->changed = 0;
	w->forwarding_failed = false;
	w->rounds = w->told = w->renewals = w->candidate_steps = 0;
	w->disturbed = false;
	if (task != TASK_LOOK)
		w->whole = false;
	w->sure = w->sure && task != TASK_WHOLE;
	(void)sd_event_source_set_enabled(d->pending.retry, SD_EVENT_OFF);
	w->prepared = false;
	(void)sd_event_source_set_enabled(w->turn, SD_EVENT_ON);
}

void work_next(struct director *d)
{
	struct work *w = &d->work;

	if (w->task != TASK_NONE || d->stopping || reload_next(d))
		return;
	if (w->whole) {
		work_begin(d, TASK_WHOLE, NULL);
		return;
	}
	if (plan_waits(d))
		work_begin(d, TASK_PLAN, plan_begin(d));
	else if (w->n_callers > 0)
		work_begin(d, TASK_LOOK, NULL);
}

void work_whole_soon(struct director *d)
{
	d->work.whole = true;
	work_next(d);
}

void work_disturb(struct director *d)
{
	d->work.disturbed = d->candidate != NULL;
	if (d->candidate)
		d->candidate->outdated = true;
}

void work_service_done(struct director *d, size_t service)
{
	work_disturb(d);
	if (!d->candidate && d->work.job)
		job_leave_alone(d->work.job, service);
}

void work_repair(struct director *d, struct control_call *call, const json_t *parameters)
{
	struct work *w = &d->work;

	(void)parameters;
	if (w->n_callers == CONTROL_CALLERS_MAX) {
		control_error(call, "OutOfMemory", NULL);
		return;
	}
	w->callers[w->n_callers++] = call;
	work_next(d);
}

void work_look_later(struct director *d, uint64_t took_us)
{
	uint64_t us = LOOK_SHARE * took_us;
	uint64_t every_us = d->conf->ipvs.drift_interval_us;

	look_at(d, instant_add(clock_now(), us > every_us ? us : every_us));
}

/* IPVS tells nobody of changes: what somebody else did to our services is found by looking. What is
 * under way or failed as a whole finds it too. */
static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	(void)usec;
	if (d->work.task != TASK_NONE || d->pending.retries > 0 || d->stopping) {
		work_look_later(d, 0);
		return 0;
	}
	/* What is due or pending is ours to do, and no drift. */
	shares_settle(d);
	apply_pending_now(d);
	work_begin(d, TASK_LOOK, NULL);
	return 0;
}

int work_init(struct director *d)
{
	struct work *w = &d->work;
	int r = sd_event_add_defer(d->loop, &w->turn, on_turn, d);

	w->adopting = true;
	if (r >= 0)
		r = sd_event_source_set_priority(w->turn, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(w->turn, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &d->pending.look, CLOCK_BOOTTIME, UINT64_MAX, 100000, on_look, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(d->pending.look, SD_EVENT_OFF);
	return r;
}

void work_stop(struct director *d)
{
	struct work *w = &d->work;

	close_job(d);
	w->task = TASK_NONE;
	plan_cancel(d, "Stopping");
	for (size_t i = 0; i < w->n_callers; i++)
		control_error(w->callers[i], "Stopping", NULL);
	w->n_callers = 0;
	(void)sd_event_source_set_enabled(d->pending.look, SD_EVENT_OFF);
	candidate_free(d->candidate);
	d->candidate = NULL;
}

void work_done(struct director *d)
{
	struct work *w = &d->work;

	job_free(w->job);
	w->job = NULL;
	sd_event_source_disable_unref(w->turn);
	sd_event_source_disable_unref(d->pending.look);
	json_decref(w->errors);
	candidate_free(d->candidate);
	d->candidate = NULL;
}
