/* Taking a configuration: at the start, and at each reload. Validated whole and aside, then put in
 * the place of what ran; the change is over when every helper has said that it is configured, or
 * has had time enough to say so. */
#include "director/state.h"

#include "director/config/error_list.h"
#include "director/config/load.h"
#include "director/heard.h"
#include "io/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <systemd/sd-daemon.h>

#define CHANGE_TIMEOUT_US UINT64_C(5000000)
#define TARGETS_PER_STEP 4096 /* that inherit: 2 ms */

static void note_rejected(struct director *d, const struct conf_errors *errors)
{
	json_t *text;
	size_t i;

	json_decref(d->rejected);
	d->rejected = errors->n > 0 ? error_list(errors) : NULL;
	json_array_foreach (d->rejected, i, text)
		director_event(d, EVENT_CONFIG_REJECTED, json_string_value(text), NULL);
}

struct conf *reload_load(struct director *d)
{
	struct conf_errors errors = {0};
	struct conf *conf = conf_load(d->options->config, d->options->node, &errors);

	if (conf && !conf_read_secrets(conf, &errors)) {
		conf_free(conf);
		conf = NULL;
	}
	if (conf)
		(void)conf_hide_secrets(conf);
	note_rejected(d, &errors);
	conf_errors_done(&errors);
	return conf;
}

void candidate_free(struct candidate *c)
{
	if (!c)
		return;
	services_done(&c->services);
	heritage_done(&c->heritage);
	roles_done(&c->roles);
	pools_done(&c->pools);
	targets_done(&c->targets);
	conf_free(c->conf);
	free(c->told_later.items);
	free(c);
}

static void tell_later(enum pool_news news, size_t view, void *userdata)
{
	struct candidate *c = userdata;
	struct told_later *later = &c->told_later;
	size_t size = later->size ? 2 * later->size : 16;
	struct told_news *items = later->items;

	if (later->n == later->size) {
		items = reallocarray(items, size, sizeof(*items));
		if (!items) {
			c->stale = true; /* it is evaluated once more */
			return;
		}
		later->items = items;
		later->size = size;
	}
	items[later->n++] = (struct told_news){news, view};
}

static void ignore_change(size_t view, void *userdata)
{
	(void)view;
	(void)userdata;
}

/* Its shares as they would be; what would be news is told when it is adopted. */
static int evaluate(const struct director *d, struct candidate *c)
{
	const struct pools_listener listener = {tell_later, ignore_change, c};
	struct pools_input in = shares_input(d, c->conf, &c->targets);

	if (pools_evaluate_some(&c->pools, &in, clock_now(), &listener, POOLS_AT_ONCE))
		c->stage = CANDIDATE_COMPLETE;
	return 0;
}

struct candidate *candidate_prepare(struct conf *conf)
{
	struct candidate *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		conf_free(conf);
		return NULL;
	}
	c->conf = conf;
	r = services_prepare(conf, &c->services);
	if (r >= 0)
		r = targets_build(conf, &c->targets);
	if (r < 0) {
		candidate_free(c);
		return NULL;
	}
	return c;
}

/* Verdicts of its targets. */
static int inherit(struct director *d, struct candidate *c)
{
	int r = 0;

	if (c->heritage.next == 0)
		c->outdated = false;
	if (d->conf)
		r = heritage_step(&c->heritage, &c->targets, &d->targets, TARGETS_PER_STEP);
	if (r > 0)
		return 0;
	heritage_done(&c->heritage);
	c->stage = CANDIDATE_SHARES;
	return r;
}

static int prepare_shares(struct director *d, struct candidate *c)
{
	int r;

	c->stale = false;
	c->told_later.n = 0;
	pools_done(&c->pools);
	roles_done(&c->roles);
	r = shares_prepare(d, c->conf, &c->targets, &c->pools);
	if (r >= 0)
		r = roles_prepare(d, c->conf, &c->roles);
	c->stage = CANDIDATE_EVALUATE;
	return r;
}

int candidate_step(struct director *d, struct candidate *c)
{
	switch (c->stage) {
	case CANDIDATE_INHERIT:
		return inherit(d, c);
	case CANDIDATE_SHARES:
		return prepare_shares(d, c);
	case CANDIDATE_EVALUATE:
		return evaluate(d, c);
	case CANDIDATE_COMPLETE:
		break;
	}
	return 0;
}

void candidate_begin_anew(struct candidate *c)
{
	heritage_done(&c->heritage);
	c->stage = c->outdated ? CANDIDATE_INHERIT : CANDIDATE_SHARES;
}

/* At once, but for the evaluation of its shares, which follows when it is adopted. */
static int complete(struct director *d, struct candidate *c)
{
	int r = 0;

	while (r >= 0 && c->stage < CANDIDATE_EVALUATE)
		r = candidate_step(d, c);
	return r;
}

/* In the place of what ran, which becomes the candidate's. */
static void exchange(struct director *d, struct candidate *c)
{
	const struct candidate before = {
		.conf = d->conf, .targets = d->targets, .pools = d->pools, .roles = d->roles};

	checks_adopt(d, &c->targets);
	apply_forget(d, &c->services);
	d->conf = c->conf;
	d->targets = c->targets;
	d->pools = c->pools;
	d->roles = c->roles;
	*c = before;
}

static void adopt(struct director *d, struct candidate *c)
{
	exchange(d, c);
	roles_done(&c->roles);
	load_release(c);
	d->generation++;
	exec_checks_adopt(d->exec_checks, &d->targets);
	track_configure(d);
	notify_configure(d);
}

/* Put `conf` in the place of what ran; takes it. Nothing has changed when it fails. */
int reload_adopt(struct director *d, struct conf *conf)
{
	struct candidate *c = candidate_prepare(conf);

	if (!c || complete(d, c) < 0) {
		candidate_free(c);
		return -ENOMEM;
	}
	adopt(d, c);
	return 0;
}

static void begin_reload(struct director *d, struct control_call *call, bool may_delete);

static void log_change(struct director *d)
{
	const struct change *c = &d->change;
	char message[200], generation[16];
	json_t *text;
	size_t i;

	(void)snprintf(generation, sizeof(generation), "%d", d->generation);
	(void)snprintf(message, sizeof(message),
		"configuration %.12s is in force: %zu operations, %zu problems", d->conf->digest,
		c->operations, json_array_size(c->errors));
	director_event(d, d->generation == 1 ? EVENT_STARTED : EVENT_RELOADED, message,
		"TANDEM_GENERATION", generation, "TANDEM_NODE", d->conf->nodes[d->conf->self].name,
		NULL);
	json_array_foreach (c->errors, i, text)
		director_event(d, EVENT_ERROR, json_string_value(text), NULL);
}

bool reload_next(struct director *d)
{
	struct control_call *caller = d->reload_caller;

	if (!d->reload_again || reload_is_under_way(d) || d->stopping)
		return false;
	d->reload_again = false;
	d->reload_caller = NULL;
	begin_reload(d, caller, d->reload_again_may_delete);
	return true;
}

static void finish_change(struct director *d)
{
	struct change *c = &d->change;

	c->under_way = false;
	(void)sd_event_source_set_enabled(c->timeout, SD_EVENT_OFF);
	log_change(d);
	if (!d->stopping)
		(void)sd_notify(0, "READY=1");
	if (c->call)
		control_reply(c->call,
			json_pack("{s:i, s:I, s:O}", "generation", d->generation, "operations",
				(json_int_t)c->operations, "errors", c->errors));
	c->call = NULL;
	push_reloaded(d, c->errors);
	json_decref(c->errors);
	c->errors = NULL;
	peer_touch(d);
	if (!reload_next(d))
		work_next(d);
}

static int on_change_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	char text[80];

	(void)source;
	(void)usec;
	for (enum helper_index i = 0; i < HELPER_MAX_; i++) {
		if (!(d->change.waiting & 1U << i))
			continue;
		d->change.waiting &= ~(1U << i);
		(void)snprintf(text, sizeof(text), "%s has not taken the configuration yet",
			d->helpers[i].kind->program);
		(void)json_array_append_new(d->change.errors, json_string(text));
	}
	if (d->change.waiting == 0) /* a large table has all the time it takes */
		finish_change(d);
	return 0;
}

void reload_begin(struct director *d, struct control_call *call)
{
	struct change *c = &d->change;

	c->under_way = true;
	c->waiting = CHANGE_TABLE | (CHANGE_TABLE - 1);
	c->operations = 0;
	c->errors = json_array();
	c->call = call;
	(void)sd_event_source_set_time(c->timeout, instant_add(clock_now(), CHANGE_TIMEOUT_US).us);
	(void)sd_event_source_set_enabled(c->timeout, SD_EVENT_ONESHOT);
}

void reload_configured(struct director *d, enum helper_index from, const json_t *parameters)
{
	struct change *c = &d->change;

	if (!c->under_way ||
		json_integer_value(json_object_get(parameters, "generation")) != d->generation)
		return;
	if (c->waiting & 1U << from)
		heard_errors(c->errors, json_object_get(parameters, "errors"));
	c->waiting &= ~(1U << from);
	if (c->waiting == 0)
		finish_change(d);
}

void reload_applied(struct director *d, size_t operations)
{
	struct change *c = &d->change;
	json_t *errors;

	if (!c->under_way || !(c->waiting & CHANGE_TABLE))
		return;
	c->operations = operations;
	errors = apply_errors(d);
	(void)json_array_extend(c->errors, errors);
	json_decref(errors);
	c->waiting &= ~CHANGE_TABLE;
	if (c->waiting == 0)
		finish_change(d);
}

/* systemd wants CLOCK_MONOTONIC here. */
static void notify_reloading(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		(uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

static void refuse_reload(struct director *d, struct control_call *call)
{
	if (call)
		control_error(call, "ReloadFailed", json_pack("{s:O}", "errors", d->rejected));
}

static void reject(struct director *d, struct control_call *call)
{
	if (!d->rejected)
		d->rejected = json_pack("[s]", "out of memory");
	refuse_reload(d, call);
	push_reloaded(d, d->rejected);
	(void)sd_notify(0, "READY=1");
}

static void on_loaded(struct candidate *candidate, const struct conf_errors *errors, void *userdata)
{
	struct director *d = userdata;
	struct control_call *call = d->load_caller;

	d->load = NULL;
	d->load_caller = NULL;
	note_rejected(d, errors);
	if (!candidate) {
		reject(d, call);
		work_next(d); /* who waits for his turn has it */
		return;
	}
	reload_begin(d, call);
	work_begin(d, TASK_RELOAD, candidate);
}

static void begin_reload(struct director *d, struct control_call *call, bool may_delete)
{
	const struct load_request request = {
		.path = d->options->config, .node = d->options->node, .secrets = true};

	notify_reloading();
	d->reload_may_delete = may_delete;
	if (load_begin(d->loop, &request, on_loaded, d, &d->load) == 0) {
		d->load_caller = call;
		return;
	}
	json_decref(d->rejected);
	d->rejected = NULL;
	reject(d, call);
}

bool reload_is_under_way(const struct director *d)
{
	return d->change.under_way || d->load;
}

#define GUARD_FROM 10 /* so many may always be deleted */

static bool is_too_many(size_t deleted, size_t of, uint8_t percent)
{
	return deleted > GUARD_FROM && deleted * 100 > of * percent;
}

json_t *reload_guard(const struct conf *conf, const struct job_counts *counts)
{
	char text[300];

	if (!is_too_many(
		    counts->delete_services, counts->own_services, conf->ipvs.max_delete_percent) &&
		!is_too_many(
			counts->delete_servers, counts->own_servers, conf->ipvs.max_delete_percent))
		return NULL;
	(void)snprintf(text, sizeof(text),
		"this would delete %zu of %zu services and %zu of %zu servers, more than %u "
		"percent "
		"(max_delete); \"tandemctl reload --yes\" does it",
		counts->delete_services, counts->own_services, counts->delete_servers,
		counts->own_servers, conf->ipvs.max_delete_percent);
	return json_pack("[s]", text);
}

static void refuse_candidate(struct director *d, json_t *errors)
{
	struct change *c = &d->change;

	json_decref(d->rejected);
	d->rejected = errors;
	director_event(
		d, EVENT_CONFIG_REJECTED, json_string_value(json_array_get(errors, 0)), NULL);
	c->under_way = false;
	(void)sd_event_source_set_enabled(c->timeout, SD_EVENT_OFF);
	json_decref(c->errors);
	c->errors = NULL;
	reject(d, c->call); /* who waits for his turn has it when the job is over */
	c->call = NULL;
}

/* What it follows from is otherwise than when it was made or evaluated. */
static int renew(struct director *d, struct candidate *c)
{
	if (candidate_is_current(c))
		return 0;
	candidate_begin_anew(c);
	return complete(d, c);
}

bool candidate_is_current(const struct candidate *c)
{
	return c->stage == CANDIDATE_COMPLETE && !c->outdated && !c->stale;
}

void reload_give_up(struct director *d)
{
	candidate_free(d->candidate);
	d->candidate = NULL;
	refuse_candidate(d, json_pack("[s]", "out of memory"));
}

bool reload_decide(struct director *d, const struct job_counts *counts)
{
	struct candidate *candidate = d->candidate;
	struct told_later news;
	json_t *errors =
		counts && !d->reload_may_delete ? reload_guard(candidate->conf, counts) : NULL;

	if (errors) {
		refuse_candidate(d, errors);
		return false;
	}
	if (renew(d, candidate) < 0) {
		reload_give_up(d);
		return false;
	}
	d->candidate = NULL;
	d->reload_steps = d->work.candidate_steps;
	news = candidate->told_later;
	candidate->told_later = (struct told_later){0};
	adopt(d, candidate);
	shares_tell(d, &news);
	free(news.items);
	shares_settle(d);
	apply_pending_forget(d);
	helpers_configure(d);
	return true;
}

/* One more waits for the one under way; it serves every wish that came meanwhile. */
void reload_request(struct director *d, struct control_call *call, bool may_delete)
{
	if (!reload_is_under_way(d)) {
		begin_reload(d, call, may_delete);
		return;
	}
	if (d->reload_caller && call) {
		control_error(call, "Busy", NULL);
		return;
	}
	d->reload_again_may_delete = may_delete || (d->reload_again && d->reload_again_may_delete);
	d->reload_again = true;
	if (call)
		d->reload_caller = call;
}

void reload_stop(struct director *d)
{
	load_cancel(d->load);
	d->load = NULL;
	if (d->load_caller)
		control_error(d->load_caller, "Stopping", NULL);
	d->load_caller = NULL;
	if (d->change.call)
		control_error(d->change.call, "Stopping", NULL);
	if (d->reload_caller)
		control_error(d->reload_caller, "Stopping", NULL);
	d->change.call = d->reload_caller = NULL;
	d->reload_again = false;
}

int reload_init(struct director *d)
{
	int r = sd_event_add_time(d->loop, &d->change.timeout, CLOCK_BOOTTIME, UINT64_MAX, 1000,
		on_change_timeout, d);

	return r < 0 ? r : sd_event_source_set_enabled(d->change.timeout, SD_EVENT_OFF);
}

void reload_done(struct director *d)
{
	load_cancel(d->load);
	d->load = NULL;
	sd_event_source_disable_unref(d->change.timeout);
	json_decref(d->change.errors);
	json_decref(d->rejected);
	targets_done(&d->targets);
	conf_free(d->conf);
}
