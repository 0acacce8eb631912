/* What happened, as far as it may say why a virtual router moved, and the answer to "why?". It is
 * kept over restarts and reboots: whoever asks comes after them. The journal has more, and more of
 * it. */
#include "director/state.h"

#include "base/cleanup.h"
#include "core/explain.h"
#include "io/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HAPPENED_MAX 4096 /* all routers may move at once: 1,024 of them */
#define LEADS_MAX 1024u   /* that no transition came of yet: they must not push out transitions */
#define FILE_MAX ((size_t)8 << 20)
#define SAVE_AFTER_US 1000000 /* a failover has more than one transition */
#define LAST_DEFAULT 3        /* transitions of each router */

/* Member of what happened <- journal field of the event. */
static const struct {
	const char *member, *field;
	bool number;
} members[] = {
	{"router", "TANDEM_INSTANCE", false},
	{"group", "TANDEM_GROUP", false},
	{"old_state", "TANDEM_STATE_OLD", false},
	{"state", "TANDEM_STATE_NEW", false},
	{"reason", "TANDEM_REASON", false},
	{"score", "TANDEM_SCORE", false},
	{"peer", "TANDEM_PEER", false},
	{"peer_priority", "TANDEM_PEER_PRIORITY", true},
	{"silence_us", "TANDEM_SILENCE_US", true},
};

static void path_of(const struct director *d, char ret[static PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/transitions.json", d->options->state_dir);
}

static const char *text(const json_t *happened, const char *key)
{
	const char *value = json_string_value(json_object_get(happened, key));

	return value ? value : "";
}

static enum event event_of(const json_t *happened)
{
	return event_by_name(text(happened, "event"));
}

static uint64_t at_unix_us(const json_t *happened)
{
	return (uint64_t)json_integer_value(json_object_get(happened, "at_unix_us"));
}

static bool is_sound(const json_t *happened)
{
	return event_of(happened) != EVENT_MAX_ &&
	       json_is_integer(json_object_get(happened, "at_unix_us")) &&
	       json_is_string(json_object_get(happened, "message"));
}

static void complain(struct director *d, const char *what, const char *why)
{
	char path[PATH_MAX], message[PATH_MAX + 200];

	path_of(d, path);
	(void)snprintf(message, sizeof(message), "%s %s: %s", what, path, why);
	director_event(d, EVENT_ERROR, message, NULL);
}

void why_init(struct director *d)
{
	char path[PATH_MAX];
	auto_free char *file = NULL;
	json_t *happened, *item;
	size_t i;

	path_of(d, path);
	file = file_read(path, FILE_MAX);
	if (!file) {
		if (errno != ENOENT)
			complain(d, "what happened before is forgotten: cannot read",
				strerror(errno));
		return;
	}
	happened = json_loads(file, 0, NULL);
	json_array_foreach (happened, i, item)
		if (!is_sound(item))
			break;
	if (!json_is_array(happened) || i < json_array_size(happened)) {
		complain(d, "what happened before is forgotten:", "not written by tandemd");
		json_decref(happened);
		return;
	}
	/* What the start itself had to say came before this. */
	if (d->why.happened)
		(void)json_array_extend(happened, d->why.happened);
	json_decref(d->why.happened);
	d->why.happened = happened;
}

/* A file that cannot be written is told of once. */
static void save(struct director *d)
{
	char path[PATH_MAX];
	int r;

	path_of(d, path);
	r = file_replace_json(path, d->why.happened, JSON_COMPACT);
	d->why.unsaved = false;
	if (r < 0 && !d->why.failed)
		complain(d, "cannot write", strerror(-r));
	d->why.failed = r < 0;
}

static int on_save(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	save(userdata);
	return 0;
}

static void save_soon(struct director *d)
{
	if (d->why.unsaved)
		return;
	d->why.unsaved = true;
	d->why.timer = sd_event_source_disable_unref(d->why.timer);
	(void)sd_event_add_time_relative(
		d->loop, &d->why.timer, CLOCK_BOOTTIME, SAVE_AFTER_US, 0, on_save, d);
}

/* What led to no transition in time is worth nothing, and may come every minute for years. */
static void forget(json_t *happened, uint64_t now_unix_us)
{
	size_t i = json_array_size(happened);

	while (i > 0 && !explain_is_transition(event_of(json_array_get(happened, i - 1))))
		i--;
	while (i < json_array_size(happened) &&
		at_unix_us(json_array_get(happened, i)) + EXPLAIN_WINDOW_US < now_unix_us)
		(void)json_array_remove(happened, i);
	while (json_array_size(happened) - i >= LEADS_MAX)
		(void)json_array_remove(happened, i);
	while (json_array_size(happened) >= HAPPENED_MAX)
		(void)json_array_remove(happened, 0);
}

void why_note(struct director *d, uint64_t now_unix_us, enum event event, const char *message,
	const json_t *fields)
{
	json_t *o;

	if (!explain_is_transition(event) && !explain_may_lead(event))
		return;
	o = json_pack("{s:I, s:s, s:s}", "at_unix_us", (json_int_t)now_unix_us, "event",
		event_name(event), "message", message);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *value = text(fields, members[i].field);

		if (*value)
			(void)json_object_set_new(o, members[i].member,
				members[i].number ? json_integer(atoll(value))
						  : json_string(value));
	}
	if (!d->why.happened)
		d->why.happened = json_array();
	forget(d->why.happened, now_unix_us);
	(void)json_array_append_new(d->why.happened, o);
	if (explain_is_transition(event))
		save_soon(d);
}

/* NULL when memory is out. */
static struct explain_event *describe(const struct director *d)
{
	size_t n = json_array_size(d->why.happened);
	struct explain_event *events = calloc(n + 1, sizeof(*events));

	for (size_t i = 0; events && i < n; i++) {
		const json_t *o = json_array_get(d->why.happened, i);

		events[i] = (struct explain_event){.event = event_of(o),
			.at_unix_us = at_unix_us(o),
			.router = text(o, "router"),
			.group = text(o, "group")};
	}
	return events;
}

static json_t *explain(const struct director *d, const struct explain_event *events, size_t i)
{
	json_t *o = json_copy(json_array_get(d->why.happened, i)), *leads = json_array();
	size_t found[EXPLAIN_MAX], n = explain_transition(events, i, found);

	for (size_t j = 0; j < n; j++)
		(void)json_array_append(leads, json_array_get(d->why.happened, found[j]));
	(void)json_object_set_new(o, "before", leads);
	return o;
}

static json_t *explain_router(const struct director *d, const struct explain_event *events,
	const struct conf_router *router, json_int_t last)
{
	const json_t *said = json_object_get(d->roles.said, router->name);
	json_t *transitions = json_array();

	for (size_t i = json_array_size(d->why.happened);
		i-- > 0 && json_array_size(transitions) < (size_t)last;)
		if (explain_is_transition(events[i].event) &&
			strcmp(events[i].router, router->name) == 0)
			(void)json_array_append_new(transitions, explain(d, events, i));
	return json_pack("{s:s, s:s, s:o}", "name", router->name, "state",
		said ? text(said, "state") : "initialize", "transitions", transitions);
}

void why_request(struct director *d, struct control_call *call, const json_t *parameters)
{
	const char *name = json_string_value(json_object_get(parameters, "router"));
	const json_t *asked = json_object_get(parameters, "last");
	json_int_t last = json_is_integer(asked) ? json_integer_value(asked) : LAST_DEFAULT;
	auto_free struct explain_event *events = NULL;
	json_t *routers;

	if (last < 1 || last > HAPPENED_MAX) {
		control_error(call, "InvalidParameter", json_pack("{s:s}", "parameter", "last"));
		return;
	}
	if (name && !roles_is_router(d, name)) {
		operators_refuse_router(d, call, name);
		return;
	}
	events = describe(d);
	routers = json_array();
	for (size_t i = 0; events && i < d->conf->n_routers; i++)
		if (!name || strcmp(d->conf->routers[i].name, name) == 0)
			(void)json_array_append_new(
				routers, explain_router(d, events, &d->conf->routers[i], last));
	control_reply(call, json_pack("{s:o}", "routers", routers));
}

void why_done(struct director *d)
{
	if (d->why.unsaved)
		save(d);
	sd_event_source_disable_unref(d->why.timer);
	json_decref(d->why.happened);
	d->why = (struct why){0};
}
