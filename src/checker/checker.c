/* Which target is checked when, and who hears of the result. One timer serves all: a heap holds for
 * each target either the start of its next attempt or the end of the running one. How an attempt is
 * made is the probe's business, what its result means is core/health's. */
#include "checker/checker.h"

#include "base/duration.h"
#include "checker/change.h"
#include "core/delays.h"
#include "io/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define TARGETS_MAX 50000
#define TIMER_ACCURACY_US 2000 /* what may be served together */
#define STARTS_PER_TURN 64     /* then the loop looks at answers and at the director */
#define CHANGES_PER_TURN 512   /* of targets, when a configuration is put in force */
#define POSTPONE_US 200000     /* until an attempt that lacked something is tried again */
#define LATE_US 250000         /* less is the common lateness of a busy loop */
#define COMPLAINT_US 60000000  /* between two events about such attempts */
#define ERROR_TEXT_MAX 256
#define TOLD_AT_ONCE 256        /* of targets, in a message: the director's loop reads it whole */
#define HISTORIES_TOLD_MAX 1000 /* of targets, in a report of all: more would be a flood */
#define DESCRIPTORS_MIN 8
#define DESCRIPTORS_RESERVED 64 /* for everything but attempts */

/* One that comes in parts, waits until the one before is in force, or is being put in force. */
struct configuration {
	json_t *generation; /* the director's; NULL: none */
	struct target_list list;
	json_t *errors;    /* array of text */
	const char *fault; /* why the whole cannot be had; NULL: it can */
	bool complete;     /* nothing more comes */
};

struct checker {
	struct helper *helper;
	sd_event_source *timer;
	struct prober **probers;    /* by type; NULL until a target needs it */
	struct slots slots;         /* for attempts under way */
	struct delays delays;       /* of their starts */
	uint64_t waited;            /* attempts that had to wait for a slot */
	struct target_list targets; /* in force */
	struct configuration *coming;
	struct configuration *taken; /* on its way into force; NULL: none is */
	struct change change;        /* ... and how */
	unsigned change_turns;       /* of the loop, that the last one took */
	struct target_queue rubbish; /* never came into force, and is to be released */
	sd_event_source *turn;       /* for some of these targets */
	struct reasons *reasons;     /* of all histories */
	struct deadline_heap heap;
	size_t heap_max;
	uint64_t postponed; /* attempts that this host could not make */
	struct instant next_complaint;
	bool standby;  /* the other director serves */
	bool starting; /* those that waited are being started */
};

static void arm_timer(struct checker *c)
{
	const struct deadline *first = deadline_first(&c->heap);

	if (first)
		(void)sd_event_source_set_time(c->timer, first->at.us);
	(void)sd_event_source_set_enabled(c->timer, first ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void complain(struct checker *c, const char *what, const char *reason, struct instant now)
{
	char message[ERROR_TEXT_MAX];

	if (!instant_reached(c->next_complaint, now))
		return;
	c->next_complaint = instant_add(now, COMPLAINT_US);
	(void)snprintf(message, sizeof(message), "Health checks are %s, their verdicts stay: %s",
		what, reason);
	helper_event(c->helper, EVENT_ERROR, message, "TANDEM_REASON", reason, NULL);
}

/* The attempt says nothing about the target. */
static void postpone(struct checker *c, struct target *t, const char *reason, struct instant now)
{
	c->postponed++;
	deadline_set(&c->heap, &t->deadline,
		instant_add(now, POSTPONE_US + t->schedule.seed % POSTPONE_US));
	complain(c, "put off", reason, now);
}

static void schedule_next(struct checker *c, struct target *t, struct instant now)
{
	struct health_rule rule = t->rule;

	rule.interval_us = health_interval_us(&t->health, &t->rule, c->standby);
	/* A server that may have died is known to be dead within fall intervals, and not later by
	 * the jitter of the last. */
	if (t->health.against > 0)
		rule.jitter_percent = 0;
	health_schedule_next(&t->schedule, &rule, t->started, now);
	deadline_set(&c->heap, &t->deadline, t->schedule.due);
}

static void note_reason(struct target *t, const struct probe_result *result)
{
	char latency[DURATION_TEXT_MAX + 4] = "";

	if (result->timed)
		(void)snprintf(latency, sizeof(latency), " in %" PRIu64 ".%" PRIu64 " ms",
			t->latency_us / 1000, t->latency_us / 100 % 10);
	(void)snprintf(t->reason, sizeof(t->reason), "%.*s%s",
		(int)(sizeof(t->reason) - 1 - strlen(latency)), result->reason, latency);
}

/* A check through a service failed. Whether the server or the way is to blame is known from who
 * asks the server itself: its last result, since of both the same is asked. */
static void blame(const struct checker *c, const struct target *t, struct probe_result *result)
{
	const struct target *direct = target_list_find(&c->targets, t->direct);
	char reason[PROBE_REASON_MAX];
	bool answers = direct && direct->health.state == HEALTH_UP && direct->health.against == 0;

	memcpy(reason, result->reason, sizeof(reason));
	(void)probe_result_set(result, result->outcome, "%s: %s",
		answers ? "answers directly, not through the service" : "through the service",
		reason);
}

static void conclude(
	struct checker *c, struct target *t, const struct probe_result *result, struct instant now)
{
	bool passed = result->outcome == PROBE_PASSED;
	bool changed = health_step(&t->health, &t->rule, passed, now);

	changed = target_take_wishes(t, result) || changed;

	t->checks++;
	t->failures += !passed;
	t->latency_us = instant_between_us(t->started, now);
	note_reason(t, result);
	history_add(&t->history, c->reasons,
		&(struct history_result){now, passed, t->latency_us, result->reason});
	schedule_next(c, t, now);
	/* The first result that agrees with what the director believes is told as well: it has
	 * the reason. */
	if (changed || (!t->told && t->health.against == 0)) {
		t->told = true;
		helper_send(c->helper, "Verdict", target_verdict(t));
	}
}

static void conclude_path(
	struct checker *c, struct target *t, const struct probe_result *result, struct instant now)
{
	struct probe_result blamed = *result;

	blame(c, t, &blamed);
	conclude(c, t, &blamed, now);
}

static void start_attempt(struct checker *c, struct target *t, struct instant now);

static struct target *target_of_wait(struct slot_wait *w)
{
	return (struct target *)(void *)((char *)w - offsetof(struct target, wait));
}

/* Not from within the end of an attempt that ended at once: who starts the next one is there. */
static void start_waiting(struct checker *c)
{
	struct slot_wait *w;

	if (c->starting)
		return;
	c->starting = true;
	while ((w = slots_next(&c->slots)))
		start_attempt(c, target_of_wait(w), clock_now());
	c->starting = false;
}

static void end_attempt(struct checker *c, struct target *t, const struct probe_result *result)
{
	struct instant now = clock_now();

	t->running = false;
	slots_give(&c->slots, t->type_index);
	if (result->outcome == PROBE_POSTPONED)
		postpone(c, t, result->reason, now);
	else if (result->outcome == PROBE_FAILED && t->direct)
		conclude_path(c, t, result, now);
	else
		conclude(c, t, result, now);
	start_waiting(c);
}

static void on_ended(void *target, const struct probe_result *result)
{
	struct target *t = target;
	struct checker *c = t->owner;

	end_attempt(c, t, result);
	arm_timer(c);
}

/* There is room for it. */
static void start_attempt(struct checker *c, struct target *t, struct instant now)
{
	struct probe_result result;

	probe_result_init(&result);
	t->started = now;
	t->running = true;
	delays_add(&c->delays, instant_between_us(t->schedule.due, now));
	deadline_set(&c->heap, &t->deadline, instant_add(now, t->rule.timeout_us));
	if (t->type->start(t->probe, &result) != PROBE_RUNNING)
		end_attempt(c, t, &result);
}

/* It is due: now, or when there is room. */
static void begin_attempt(struct checker *c, struct target *t, struct instant now)
{
	char reason[80];

	if (slots_take(&c->slots, t->type_index)) {
		start_attempt(c, t, now);
		return;
	}
	deadline_clear(&c->heap, &t->deadline);
	slots_wait(&c->slots, &t->wait, t->type_index, now);
	c->waited++;
	(void)snprintf(reason, sizeof(reason), "%zu wait for a place among those of type %s",
		c->slots.n_waiting, t->type->name);
	complain(c, "late", reason, now);
}

/* A deadline noticed as late as that means that this process did not run (a machine suspended, a
 * host out of breath), and that the answer may have been lost for that reason. */
static bool did_not_run(const struct target *t, struct instant now)
{
	uint64_t late_us = instant_between_us(t->deadline.at, now);

	return late_us > LATE_US && late_us > t->rule.timeout_us;
}

static void time_out(struct checker *c, struct target *t, struct instant now)
{
	struct probe_result result;
	const char *phase = t->type->abandon(t->probe);
	char timeout[DURATION_TEXT_MAX];

	probe_result_init(&result);
	if (did_not_run(t, now))
		(void)probe_result_set(&result, PROBE_POSTPONED, "the checker woke too late");
	else
		(void)probe_result_set(&result, PROBE_FAILED, "%s: timed out after %s", phase,
			duration_format(t->rule.timeout_us, timeout));
	end_attempt(c, t, &result);
}

static struct target *target_of(struct deadline *d)
{
	return (struct target *)(void *)((char *)d - offsetof(struct target, deadline));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct checker *c = userdata;
	struct instant now = clock_now();

	(void)source;
	(void)usec;
	for (unsigned i = 0; i < STARTS_PER_TURN; i++) {
		struct deadline *first = deadline_first(&c->heap);
		struct target *t;

		if (!first || !instant_reached(first->at, now))
			break;
		t = target_of(first);
		if (t->running)
			time_out(c, t, now);
		else
			begin_attempt(c, t, now);
	}
	arm_timer(c);
	return 0;
}

static struct prober *prober_of(void *owner, const char *type_name, unsigned *ret_type_index)
{
	struct checker *c = owner;
	const struct probe_host host = {helper_loop(c->helper), on_ended, c->helper, target_id};
	unsigned i = 0;

	while (i < n_probe_types && strcmp(probe_types[i]->name, type_name) != 0)
		i++;
	if (i == n_probe_types ||
		(!c->probers[i] && probe_types[i]->open(&host, &c->probers[i]) < 0))
		return NULL;
	*ret_type_index = i;
	return c->probers[i];
}

static void add_error(json_t *errors, const char *text)
{
	(void)json_array_append_new(errors, json_string(text));
}

/* Of targets with one id the first stays. */
static void add_target(struct configuration *conf, struct target *t)
{
	char error[ERROR_TEXT_MAX];

	if (target_list_add(&conf->list, t))
		return;
	(void)snprintf(error, sizeof(error), "target %s: named twice", t->id);
	add_error(conf->errors, error);
	target_free(t);
}

/* Adds what is wanted to the list. NULL, or what is wrong with all of it. */
static const char *read_part(struct checker *c, const json_t *wanted, struct configuration *conf)
{
	size_t n = json_array_size(wanted);
	struct instant now = clock_now();
	char error[ERROR_TEXT_MAX];

	if (!json_is_array(wanted) || n > TARGETS_MAX - conf->list.n)
		return "targets: not an array, or more than 50000";
	for (size_t i = 0; i < n; i++) {
		struct target *t = target_new(
			json_array_get(wanted, i), prober_of, c, now, error, sizeof(error));
		if (t)
			add_target(conf, t);
		else
			add_error(conf->errors, error);
	}
	return NULL;
}

/* The heap holds no more than one deadline per target, of the old and the new list together. */
static int grow_heap(struct checker *c, size_t max)
{
	struct deadline **items;

	if (max <= c->heap_max)
		return 0;
	items = realloc(c->heap.items, max * sizeof(*items));
	if (!items)
		return -ENOMEM;
	c->heap.items = items;
	c->heap_max = max;
	return 0;
}

static void drop_target(struct checker *c, struct target *t)
{
	deadline_clear(&c->heap, &t->deadline);
	history_done(&t->history, c->reasons);
	slots_leave(&c->slots, &t->wait);
	if (t->running)
		slots_give(&c->slots, t->type_index);
	target_free(t);
}

static void reschedule(struct checker *c, struct target *t)
{
	if (!t->running && !t->wait.waiting && t->checks > 0)
		schedule_next(c, t, clock_now());
}

static void set_standby(struct checker *c, bool standby)
{
	struct target *t;

	if (c->standby == standby)
		return;
	c->standby = standby;
	TAILQ_FOREACH (t, &c->targets.all, link)
		if (t->rule.standby_interval_us)
			reschedule(c, t);
	arm_timer(c);
}

static void on_keep(struct target *old, struct target *wanted, void *userdata)
{
	struct checker *c = userdata;
	uint64_t before_us = health_interval_us(&old->health, &old->rule, c->standby);

	old->rule = wanted->rule;
	target_free(wanted);
	if (before_us != health_interval_us(&old->health, &old->rule, c->standby))
		reschedule(c, old);
}

static void on_add(struct target *t, void *userdata)
{
	struct checker *c = userdata;

	deadline_set(&c->heap, &t->deadline, t->schedule.due);
}

static void on_drop(struct target *t, void *userdata)
{
	drop_target(userdata, t);
}

static struct configuration *configuration_new(json_t *generation)
{
	struct configuration *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	if (target_list_init(&conf->list) < 0) {
		free(conf);
		return NULL;
	}
	conf->generation = json_incref(generation);
	conf->errors = json_array();
	return conf;
}

/* Its targets, if any are left, go in turns to come. */
static void configuration_free(struct checker *c, struct configuration *conf)
{
	if (!conf)
		return;
	TAILQ_CONCAT(&c->rubbish, &conf->list.all, link);
	target_list_done(&conf->list);
	json_decref(conf->generation);
	json_decref(conf->errors);
	free(conf);
}

static void take_turn(struct checker *c)
{
	if (c->taken || !TAILQ_EMPTY(&c->rubbish))
		(void)sd_event_source_set_enabled(c->turn, SD_EVENT_ONESHOT);
}

static void forget_coming(struct checker *c)
{
	configuration_free(c, c->coming);
	c->coming = NULL;
	take_turn(c);
}

/* Parts of one configuration have one generation; of another one nothing more comes. False: out of
 * memory. */
static bool take_part(struct checker *c, const json_t *parameters)
{
	json_t *generation = json_object_get(parameters, "generation");
	struct configuration *coming = c->coming;

	if (!coming || coming->complete ||
		json_integer_value(coming->generation) != json_integer_value(generation)) {
		forget_coming(c);
		coming = c->coming = configuration_new(generation);
	}
	if (coming && !coming->fault)
		coming->fault = read_part(c, json_object_get(parameters, "targets"), coming);
	return coming != NULL;
}

/* The director waits for that with the next one. */
static void answer_part(struct checker *c, const json_t *parameters)
{
	(void)take_part(c, parameters);
	helper_send(c->helper, "Part",
		json_pack("{s:O?}", "generation", json_object_get(parameters, "generation")));
}

static void end_change(struct checker *c)
{
	helper_configured(c->helper, c->taken->generation, json_incref(c->taken->errors));
	configuration_free(c, c->taken);
	c->taken = NULL;
}

/* What is complete has its turn when the one before it is in force: who waits for that one hears of
 * it. One that waits itself is nobody's wish any more when the next one is complete. */
static void begin_change(struct checker *c)
{
	static const struct change_handler handler = {on_keep, on_add, on_drop};

	if (c->taken || !c->coming || !c->coming->complete)
		return;
	c->taken = c->coming;
	c->coming = NULL;
	if (grow_heap(c, c->targets.n + c->taken->list.n) < 0) {
		add_error(c->taken->errors, "targets: out of memory");
		end_change(c);
		return;
	}
	c->change_turns = 0;
	c->change = change_begin(&c->targets, &c->taken->list, &handler, c);
}

static void release_rubbish(struct checker *c, size_t max)
{
	struct target *t;

	for (; max > 0 && (t = TAILQ_FIRST(&c->rubbish)); max--) {
		TAILQ_REMOVE(&c->rubbish, t, link);
		target_free(t);
	}
}

static void go_on_with_change(struct checker *c)
{
	c->change_turns++;
	if (change_step(&c->change, CHANGES_PER_TURN))
		end_change(c);
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct checker *c = userdata;

	(void)source;
	if (!c->taken)
		release_rubbish(c, CHANGES_PER_TURN);
	else
		go_on_with_change(c);
	arm_timer(c);
	begin_change(c);
	take_turn(c);
	return 0;
}

bool checker_configure(struct checker *c, const json_t *parameters, json_t *errors)
{
	set_standby(c, json_is_true(json_object_get(parameters, "standby")));
	if (json_is_true(json_object_get(parameters, "same_targets"))) {
		forget_coming(c);
		return true;
	}
	if (!take_part(c, parameters) || c->coming->fault) {
		add_error(errors, c->coming ? c->coming->fault : "targets: out of memory");
		forget_coming(c);
		return true;
	}
	c->coming->complete = true;
	begin_change(c);
	take_turn(c);
	return false;
}

static json_t *report_with_history(const struct checker *c, const struct target *t)
{
	json_t *report = target_report(t);

	(void)json_object_set_new(report, "history", history_to_json(&t->history, c->reasons));
	return report;
}

/* All but the last part say that there is more. */
static void send_part(const struct checker *c, const json_t *report, json_t *targets)
{
	helper_send(c->helper, "Report",
		json_pack("{s:O, s:b, s:o}", "seq", json_object_get(report, "seq"), "more", 1,
			"targets", targets));
}

void checker_report(const struct checker *c, json_t *report)
{
	json_t *targets = json_array();
	const struct target *t;

	TAILQ_FOREACH (t, &c->targets.all, link) {
		if (json_array_size(targets) == TOLD_AT_ONCE) {
			send_part(c, report, targets);
			targets = json_array();
		}
		(void)json_array_append_new(targets, c->targets.n <= HISTORIES_TOLD_MAX
							     ? report_with_history(c, t)
							     : target_report(t));
	}
	(void)json_object_set_new(report, "targets", targets);
	(void)json_object_set_new(report, "postponed", json_integer((json_int_t)c->postponed));
	(void)json_object_set_new(report, "change_turns", json_integer(c->change_turns));
	(void)json_object_set_new(report, "starts",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)c->delays.n,
			"waiting", (json_int_t)c->slots.n_waiting, "waited", (json_int_t)c->waited,
			"delay_p50_us", (json_int_t)delays_permille(&c->delays, 500),
			"delay_p99_us", (json_int_t)delays_permille(&c->delays, 990),
			"delay_max_us", (json_int_t)c->delays.max_us));
}

/* Somebody asks for some targets with all that is known of them. */
static void tell_targets(struct checker *c, const json_t *parameters)
{
	json_t *targets = json_array(), *id;
	size_t i;

	json_array_foreach (json_object_get(parameters, "ids"), i, id) {
		const char *text = json_string_value(id);
		const struct target *t = text ? target_list_find(&c->targets, text) : NULL;

		if (t)
			(void)json_array_append_new(targets, report_with_history(c, t));
	}
	helper_send(c->helper, "Targets",
		json_pack("{s:O?, s:o}", "seq", json_object_get(parameters, "seq"), "targets",
			targets));
}

void checker_message(struct checker *c, const char *method, const json_t *parameters)
{
	if (strcmp(method, "Standby") == 0)
		set_standby(c, json_is_true(json_object_get(parameters, "standby")));
	else if (strcmp(method, "Targets") == 0)
		tell_targets(c, parameters);
	else if (strcmp(method, "Part") == 0)
		answer_part(c, parameters);
	for (size_t i = 0; i < n_probe_types; i++)
		if (c->probers[i] && probe_types[i]->message)
			probe_types[i]->message(c->probers[i], method, parameters);
}

/* Some are for everything but attempts. */
static unsigned descriptors_max(void)
{
	struct rlimit limit;
	rlim_t max = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > DESCRIPTORS_RESERVED)
		max = limit.rlim_cur - DESCRIPTORS_RESERVED;
	return max < DESCRIPTORS_MIN ? DESCRIPTORS_MIN : max < INT_MAX ? (unsigned)max : INT_MAX;
}

static int init_types(struct checker *c)
{
	int r = slots_init(&c->slots, (unsigned)n_probe_types, descriptors_max());

	c->probers = calloc(n_probe_types, sizeof(struct prober *));
	c->reasons = reasons_new();
	if (r < 0 || target_list_init(&c->targets) < 0 || !c->probers || !c->reasons)
		return -ENOMEM;
	for (size_t i = 0; i < n_probe_types; i++) {
		c->slots.types[i].descriptors = probe_types[i]->descriptors;
		c->slots.types[i].running_max = probe_types[i]->slots;
	}
	return 0;
}

static int add_sources(struct checker *c, sd_event *loop)
{
	int r = sd_event_add_time(
		loop, &c->timer, CLOCK_BOOTTIME, 0, TIMER_ACCURACY_US, on_timer, c);

	if (r >= 0)
		r = sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(c->timer, PROBE_TIMER_PRIORITY);
	if (r >= 0)
		r = sd_event_add_defer(loop, &c->turn, on_turn, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->turn, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(c->turn, PROBE_TIMER_PRIORITY);
	return r;
}

static void free_targets(struct checker *c)
{
	struct target *t;

	configuration_free(c, c->coming);
	configuration_free(c, c->taken);
	while ((t = TAILQ_FIRST(&c->targets.all))) {
		target_list_remove(&c->targets, t);
		drop_target(c, t);
	}
	target_list_done(&c->targets);
	release_rubbish(c, SIZE_MAX);
}

int checker_new(struct helper *helper, struct checker **ret)
{
	struct checker *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->helper = helper;
	TAILQ_INIT(&c->targets.all);
	TAILQ_INIT(&c->rubbish);
	r = init_types(c);
	if (r >= 0)
		r = add_sources(c, helper_loop(helper));
	if (r < 0) {
		checker_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void checker_free(struct checker *c)
{
	if (!c)
		return;
	free_targets(c);
	for (size_t i = 0; c->probers && i < n_probe_types; i++)
		if (c->probers[i])
			probe_types[i]->close(c->probers[i]);
	free(c->probers);
	slots_done(&c->slots);
	sd_event_source_disable_unref(c->timer);
	sd_event_source_disable_unref(c->turn);
	reasons_free(c->reasons);
	free(c->heap.items);
	free(c);
}
