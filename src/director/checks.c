/* The checker's side: what to check, and what came out. */
#include "director/state.h"

#include "base/cleanup.h"
#include "base/writer.h"
#include "director/check_wire.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

/* Where no virtual router is Active the verdicts are not needed now. Without virtual routers they
 * are, always. */
static bool is_standby(const struct director *d)
{
	for (size_t i = 0; i < d->conf->n_routers; i++)
		if (d->roles.active[i])
			return false;
	return d->conf->n_routers > 0;
}

void checks_role(struct director *d)
{
	bool standby = is_standby(d);

	if (standby == d->checks.standby)
		return;
	d->checks.standby = standby;
	process_call(
		&d->helpers[HELPER_CHECKER], "Standby", json_pack("{s:b}", "standby", standby));
}

/* Fifty thousand targets are a message of megabytes, whose reading costs the checker more than its
 * writing costs us: what it has already is not sent. */
void checks_configure(struct director *d)
{
	struct writer w = {0};
	auto_free char *text = NULL;

	writer_object(&w, NULL);
	writer_text(&w, "method", "Configure");
	writer_object(&w, "parameters");
	writer_number(&w, "generation", d->generation);
	writer_bool(&w, "standby", is_standby(d));
	if (d->checks.same)
		writer_bool(&w, "same_targets", true);
	else
		targets_write(&d->targets, &w);
	writer_end_object(&w);
	writer_end_object(&w);
	d->checks.standby = is_standby(d);
	d->checks.known = d->checks.known && d->checks.same;
	d->checks.same = false; /* whoever is started anew is told everything */
	text = writer_take(&w);
	if (text)
		process_send_text(&d->helpers[HELPER_CHECKER], text);
}

void checks_forget(struct director *d)
{
	d->checks.known = d->checks.same = false;
}

uint64_t checks_capabilities(const struct director *d)
{
	uint64_t capabilities = 0;

	for (size_t i = 0; i < d->targets.n; i++)
		capabilities |= check_capabilities(d->targets.items[i].check);
	return capabilities;
}

void checks_adopt(struct director *d, const struct targets *targets)
{
	d->checks.same = d->checks.known && targets_same(&d->targets, targets);
}

void checks_configured(struct director *d, const json_t *parameters)
{
	if (json_integer_value(json_object_get(parameters, "generation")) == d->generation)
		d->checks.known = json_array_size(json_object_get(parameters, "errors")) == 0;
}

static enum health_state health_of_first(const struct director *d, const struct target *t)
{
	return targets_health(&d->targets, d->conf, t->view, t->index).said;
}

/* What became of the first server that has this check; it may have others that keep it as it is. */
static void tell(
	struct director *d, const struct target *t, enum health_state before, const char *reason)
{
	enum health_state now = health_of_first(d, t);
	char server[160], message[400];

	if (now == before || now == HEALTH_UNKNOWN)
		return;
	(void)snprintf(server, sizeof(server), "%s/%s", t->pool, t->server);
	(void)snprintf(message, sizeof(message), "server %s is %s: %s", server,
		health_state_name(now), reason);
	director_event(d, now == HEALTH_UP ? EVENT_SERVER_UP : EVENT_SERVER_DOWN, message,
		"TANDEM_SERVER", server, "TANDEM_TARGET", t->id, "TANDEM_REASON", reason, NULL);
}

static void on_verdict(struct director *d, const json_t *parameters)
{
	const char *id = json_string_value(json_object_get(parameters, "id"));
	const char *state = json_string_value(json_object_get(parameters, "state"));
	const char *reason = json_string_value(json_object_get(parameters, "reason"));
	struct target *t = id ? targets_find(&d->targets, id) : NULL;
	enum verdict verdict = state ? verdict_by_name(state) : VERDICT_MAX_;
	enum health_state before;

	if (!t || verdict == VERDICT_MAX_ || verdict == t->verdict)
		return;
	before = health_of_first(d, t);
	targets_set_verdict(t, verdict, clock_now());
	work_disturb(d);
	tell(d, t, before, reason ? reason : "");
	shares_touch_target(d, t);
	roles_look_ready(d);
}

void checks_message(struct director *d, const char *method, const json_t *parameters)
{
	if (strcmp(method, "Verdict") == 0)
		on_verdict(d, parameters);
	else if (strcmp(method, "Targets") == 0)
		server_view_targets(d, parameters);
}
