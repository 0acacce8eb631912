/* tandemctl switchover: what the elector is asked, and how it went. The elector does it; whoever
 * asked waits here until every router that was Active has been given to a peer, or has been kept.
 */
#include "director/state.h"

#include "conf/suggest.h"
#include "io/clock.h"

#include <string.h>

/* The longest time that an elector takes to find that no peer comes: four of the longest intervals,
 * and some. */
#define ANSWER_US UINT64_C(180000000)

static bool is_active(const struct director *d, const char *name)
{
	const json_t *said = json_object_get(d->roles.said, name);
	const char *state = json_string_value(json_object_get(said, "state"));

	return state && strcmp(state, "active") == 0;
}

static json_int_t switchovers_of(const struct director *d, const char *name)
{
	const json_t *said = json_object_get(d->roles.said, name);

	return json_integer_value(json_object_get(said, "switchovers"));
}

/* What the elector said before it was asked is no answer. */
static bool is_decided(const struct director *d, const char *name, const json_t *before)
{
	const json_t *said = json_object_get(d->roles.said, name);
	const char *handover = json_string_value(json_object_get(said, "handover"));

	if (!is_active(d, name))
		return true;
	return switchovers_of(d, name) != json_integer_value(before) && handover &&
	       strcmp(handover, "offered") != 0;
}

static void forget(struct switchover *s)
{
	s->call = NULL;
	json_decref(s->asked);
	s->asked = NULL;
	s->timeout = sd_event_source_disable_unref(s->timeout);
}

static void finish(struct director *d)
{
	json_t *given = json_array(), *kept = json_array(), *before;
	const char *name;

	json_object_foreach (d->switchover.asked, name, before)
		(void)json_array_append_new(is_active(d, name) ? kept : given, json_string(name));
	control_reply(d->switchover.call, json_pack("{s:o, s:o}", "given", given, "kept", kept));
	forget(&d->switchover);
}

void switchover_look(struct director *d)
{
	const char *name;
	json_t *before;

	if (!d->switchover.call)
		return;
	json_object_foreach (d->switchover.asked, name, before)
		if (!is_decided(d, name, before))
			return;
	finish(d);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	finish(userdata);
	return 0;
}

static void refuse_router(struct director *d, struct control_call *call, const char *name)
{
	struct suggest s = suggest_begin(name);

	for (size_t i = 0; i < d->conf->n_routers; i++)
		suggest_offer(&s, d->conf->routers[i].name);
	control_error(call, "NoSuchRouter",
		json_pack("{s:s, s:s?}", "name", name, "nearest", suggest_result(&s)));
}

static json_t *active_routers(const struct director *d, const char *router)
{
	json_t *asked = json_object();

	for (size_t i = 0; i < d->conf->n_routers; i++) {
		const char *name = d->conf->routers[i].name;
		if (is_active(d, name) && (!router || strcmp(name, router) == 0))
			(void)json_object_set_new(
				asked, name, json_integer(switchovers_of(d, name)));
	}
	return asked;
}

void switchover_request(struct director *d, struct control_call *call, const json_t *parameters)
{
	const char *router = json_string_value(json_object_get(parameters, "router"));
	struct switchover *s = &d->switchover;

	if (router && !roles_is_router(d, router)) {
		refuse_router(d, call, router);
		return;
	}
	if (s->call) {
		control_error(call, "Busy", NULL);
		return;
	}
	s->asked = active_routers(d, router);
	if (json_object_size(s->asked) == 0) {
		forget(s);
		control_error(call, "NotActive", NULL);
		return;
	}
	if (sd_event_add_time_relative(
		    d->loop, &s->timeout, CLOCK_BOOTTIME, ANSWER_US, 1000, on_timeout, d) < 0) {
		forget(s);
		control_error(call, "OutOfMemory", NULL);
		return;
	}
	s->call = call;
	process_call(&d->helpers[HELPER_ELECTOR], "Switchover",
		json_pack("{s:s?, s:b}", "name", router, "insist",
			json_is_true(json_object_get(parameters, "insist"))));
}

void switchover_done(struct director *d)
{
	if (d->switchover.call)
		control_error(d->switchover.call, "Stopping", NULL);
	forget(&d->switchover);
}
