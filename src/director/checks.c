/* The checker's side: what to check, and what came out. */
#include "director/state.h"

#include "base/cleanup.h"
#include "base/writer.h"
#include "director/check_wire.h"
#include "io/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PERCENT_MAX 1000 /* that a check may ask for */

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

int checks_init(struct director *d)
{
	d->exec_checks = exec_checks_new(d);
	return d->exec_checks ? 0 : -ENOMEM;
}

void checks_started(struct director *d)
{
	checks_forget(d);
	exec_checks_forget(d->exec_checks);
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

/* Weights change all the time, and are seen in the status. */
static void tell_wish(struct director *d, const struct target *t, const char *reason)
{
	static const char *const words[POOL_WISH_MAX_] = {
		[POOL_WISH_SERVE] = "wants to serve again",
		[POOL_WISH_DRAIN] = "wants no new connections",
		[POOL_WISH_MAINT] = "wants no connections",
	};
	char server[160], message[400];

	(void)snprintf(server, sizeof(server), "%s/%s", t->pool, t->server);
	(void)snprintf(message, sizeof(message), "server %s %s by its check: %s", server,
		words[t->wishes.wish], reason);
	director_event(d, EVENT_SERVER_WISH, message, "TANDEM_SERVER", server, "TANDEM_TARGET",
		t->id, "TANDEM_REASON", reason, NULL);
}

/* What is not said of it is as it was. */
static bool take_wishes(
	struct director *d, struct target *t, const json_t *parameters, const char *reason)
{
	const json_t *percent = json_object_get(parameters, "weight_percent");
	const char *name = json_string_value(json_object_get(parameters, "wish"));
	enum pool_wish wish = name ? pool_wish_by_name(name) : POOL_WISH_MAX_;
	struct pool_wishes before = t->wishes;

	if (json_is_integer(percent) && json_integer_value(percent) >= 0 &&
		json_integer_value(percent) <= PERCENT_MAX) {
		t->wishes.has_percent = true;
		t->wishes.percent = (unsigned)json_integer_value(percent);
	}
	if (wish != POOL_WISH_MAX_)
		t->wishes.wish = wish;
	if (t->wishes.wish != before.wish)
		tell_wish(d, t, reason);
	return t->wishes.wish != before.wish || t->wishes.percent != before.percent ||
	       t->wishes.has_percent != before.has_percent;
}

static bool take_verdict(
	struct director *d, struct target *t, enum verdict verdict, const char *reason)
{
	enum health_state before = health_of_first(d, t);

	if (verdict == t->verdict)
		return false;
	targets_set_verdict(t, verdict, clock_now());
	tell(d, t, before, reason);
	return true;
}

static void on_verdict(struct director *d, const json_t *parameters)
{
	const char *id = json_string_value(json_object_get(parameters, "id"));
	const char *state = json_string_value(json_object_get(parameters, "state"));
	const char *reason = json_string_value(json_object_get(parameters, "reason"));
	struct target *t = id ? targets_find(&d->targets, id) : NULL;
	enum verdict verdict = state ? verdict_by_name(state) : VERDICT_MAX_;
	bool changed;

	if (!t || verdict == VERDICT_MAX_)
		return;
	reason = reason ? reason : "";
	changed = take_wishes(d, t, parameters, reason);
	changed = take_verdict(d, t, verdict, reason) || changed;
	if (!changed)
		return;
	work_disturb(d);
	shares_touch_target(d, t);
	roles_look_ready(d);
}

void checks_message(struct director *d, const char *method, const json_t *parameters)
{
	if (strcmp(method, "Verdict") == 0)
		on_verdict(d, parameters);
	else if (strcmp(method, "Targets") == 0)
		server_view_targets(d, parameters);
	else
		exec_checks_message(d->exec_checks, method, parameters);
}
