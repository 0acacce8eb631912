/* Taking a configuration: at the start, and at each reload. Validated whole and aside, then put in
 * the place of what ran; the change is over when every helper has said that it is configured, or
 * has had time enough to say so. */
#include "director/state.h"

#include "io/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <systemd/sd-daemon.h>

#define CHANGE_TIMEOUT_US UINT64_C(5000000)

static json_t *errors_to_json(const struct conf_errors *errors)
{
	json_t *array = json_array();
	char text[1024];

	for (size_t i = 0; i < errors->n; i++)
		(void)json_array_append_new(array,
			json_string(conf_error_format(&errors->items[i], text, sizeof(text))));
	return array;
}

/* NULL, with d->rejected set and logged, when the file is refused. */
struct conf *reload_load(struct director *d)
{
	struct conf_errors errors = {0};
	struct conf *conf = conf_load(d->options->config, d->options->node, &errors);
	json_t *text;
	size_t i;

	json_decref(d->rejected);
	d->rejected = NULL;
	if (!conf) {
		d->rejected = errors_to_json(&errors);
		json_array_foreach (d->rejected, i, text)
			director_event(d, EVENT_CONFIG_REJECTED, json_string_value(text), NULL);
	}
	conf_errors_done(&errors);
	return conf;
}

/* Put `conf` in the place of what ran; takes it. Nothing has changed when it fails. */
int reload_adopt(struct director *d, struct conf *conf)
{
	struct targets targets = {0};
	struct pools pools = {0};
	struct roles roles = {0};
	bool *pending = apply_prepare(conf);
	int r = pending ? 0 : -ENOMEM;

	if (r >= 0)
		r = targets_build(conf, d->conf ? &d->targets : NULL, &targets);
	if (r >= 0)
		r = shares_prepare(d, conf, &targets, &pools);
	if (r >= 0)
		r = roles_prepare(d, conf, &roles);
	if (r < 0) {
		pools_done(&pools);
		targets_done(&targets);
		free(pending);
		conf_free(conf);
		return r;
	}
	pools_done(&d->pools);
	d->pools = pools;
	targets_done(&d->targets);
	d->targets = targets;
	roles_done(&d->roles);
	d->roles = roles;
	apply_forget(d, pending);
	conf_free(d->conf);
	d->conf = conf;
	d->generation++;
	return 0;
}

static void begin_reload(struct director *d, struct control_call *call);

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
	json_decref(c->errors);
	c->errors = NULL;
	if (d->reload_again) {
		struct control_call *caller = d->reload_caller;

		d->reload_again = false;
		d->reload_caller = NULL;
		begin_reload(d, caller);
	}
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
		(void)snprintf(text, sizeof(text), "%s has not taken the configuration yet",
			d->helpers[i].kind->program);
		(void)json_array_append_new(d->change.errors, json_string(text));
	}
	finish_change(d);
	return 0;
}

void reload_begin(struct director *d, struct control_call *call)
{
	struct change *c = &d->change;

	c->under_way = true;
	c->waiting = (1U << HELPER_MAX_) - 1;
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
		(void)json_array_extend(c->errors, json_object_get(parameters, "errors"));
	c->waiting &= ~(1U << from);
	if (c->waiting == 0)
		finish_change(d);
}

void reload_apply(struct director *d)
{
	json_t *text;
	size_t i;

	d->change.operations = apply_all(d);
	json_array_foreach (d->ipvs_errors, i, text)
		(void)json_array_append(d->change.errors, text);
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

static void begin_reload(struct director *d, struct control_call *call)
{
	struct conf *conf;

	notify_reloading();
	conf = reload_load(d);
	if (!conf || reload_adopt(d, conf) < 0) {
		if (!d->rejected)
			d->rejected = json_pack("[s]", "out of memory");
		refuse_reload(d, call);
		(void)sd_notify(0, "READY=1");
		return;
	}
	reload_begin(d, call);
	helpers_configure(d);
	reload_apply(d);
}

/* One more waits for the one under way; it serves every wish that came meanwhile. */
void reload_request(struct director *d, struct control_call *call)
{
	if (!d->change.under_way) {
		begin_reload(d, call);
		return;
	}
	d->reload_again = true;
	if (d->reload_caller && call)
		control_error(call, "ReloadFailed",
			json_pack("{s:[s]}", "errors", "another reload is waiting already"));
	else if (call)
		d->reload_caller = call;
}

void reload_stop(struct director *d)
{
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
	sd_event_source_disable_unref(d->change.timeout);
	json_decref(d->change.errors);
	json_decref(d->rejected);
	targets_done(&d->targets);
	conf_free(d->conf);
}
