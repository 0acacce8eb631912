/* tandemctl switchover: what the elector is asked, and how it went. The elector does it; whoever
 * asked waits here until every router that was Active has been given to a peer, or has been kept.
 */
#include "director/state.h"

#include "io/clock.h"

#include <stdlib.h>
#include <string.h>

/* The longest time that an elector takes to find that no peer comes: four of the longest intervals,
 * and some. */
#define ANSWER_US UINT64_C(180000000)
/* How long tandem-link may take to compare the tables before that. */
#define COMPARE_US UINT64_C(3000000)

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
	free(s->router);
	s->router = NULL;
	s->comparing = false;
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

	if (!d->switchover.call || d->switchover.comparing)
		return;
	json_object_foreach (d->switchover.asked, name, before)
		if (!is_decided(d, name, before))
			return;
	finish(d);
}

static void begin(struct director *d, bool insist)
{
	struct switchover *s = &d->switchover;

	s->comparing = false;
	(void)sd_event_source_set_time_relative(s->timeout, ANSWER_US);
	(void)sd_event_source_set_enabled(s->timeout, SD_EVENT_ONESHOT);
	process_call(&d->helpers[HELPER_ELECTOR], "Switchover",
		json_pack("{s:s?, s:b}", "name", s->router, "insist", insist));
}

static void refuse_peer(struct director *d, enum peer_trouble trouble)
{
	control_error(d->switchover.call, "PeerNotReady",
		json_pack(
			"{s:s, s:s}", "peer", peer_name(d), "trouble", peer_trouble_name(trouble)));
	forget(&d->switchover);
}

/* Why the peer would do worse than we do. Where this kernel has no IPVS either, nobody is served by
 * it now, and one without it does no worse. */
static enum peer_trouble trouble_of_peer(const struct director *d)
{
	enum peer_trouble trouble = peer_trouble_there(d);

	return trouble == PEER_NO_IPVS && d->ipvs_missing ? PEER_FINE : trouble;
}

/* What is known of the peer now decides. */
static void decide(struct director *d)
{
	enum peer_trouble trouble = trouble_of_peer(d);

	if (trouble == PEER_FINE)
		begin(d, false);
	else
		refuse_peer(d, trouble);
}

void switchover_coverage(struct director *d)
{
	if (d->switchover.call && d->switchover.comparing)
		decide(d);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	(void)usec;
	if (d->switchover.comparing) /* the last comparison has to do */
		decide(d);
	else
		finish(d);
	return 0;
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

/* Whoever insists does not care how the peer is. */
static void look_at_peer(struct director *d, bool insist)
{
	if (insist || !peer_is_wanted(d)) {
		begin(d, insist);
		return;
	}
	if (trouble_of_peer(d) != PEER_FINE) {
		decide(d);
		return;
	}
	d->switchover.comparing = true;
	process_call(&d->helpers[HELPER_LINK], "Coverage", json_object());
}

void switchover_request(struct director *d, struct control_call *call, const json_t *parameters)
{
	const char *router = json_string_value(json_object_get(parameters, "router"));
	struct switchover *s = &d->switchover;

	if (router && !roles_is_router(d, router)) {
		operators_refuse_router(d, call, router);
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
	s->router = router ? strdup(router) : NULL;
	if ((router && !s->router) ||
		sd_event_add_time_relative(d->loop, &s->timeout, CLOCK_BOOTTIME, COMPARE_US, 1000,
			on_timeout, d) < 0) {
		forget(s);
		control_error(call, "OutOfMemory", NULL);
		return;
	}
	s->call = call;
	look_at_peer(d, json_is_true(json_object_get(parameters, "insist")));
}

void switchover_done(struct director *d)
{
	if (d->switchover.call)
		control_error(d->switchover.call, "Stopping", NULL);
	forget(&d->switchover);
}
