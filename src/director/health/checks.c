/* The checker's side: what to check, and what came out. */
#include "director/state.h"

#include "base/cleanup.h"
#include "base/writer.h"
#include "director/health/check_wire.h"
#include "io/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PERCENT_MAX 1000 /* that a check may ask for */
#define TOLD_AT_ONCE 256 /* targets, in a message to the checker */
#define UNANSWERED_MAX 2 /* such messages: it reads one while the next is made */

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

static void send_targets(struct director *d, const char *method, size_t to)
{
	bool last = to == d->targets.n;
	struct writer w = {0};
	auto_free char *text = NULL;

	writer_object(&w, NULL);
	writer_text(&w, "method", method);
	writer_object(&w, "parameters");
	writer_number(&w, "generation", d->generation);
	if (last)
		writer_bool(&w, "standby", is_standby(d));
	if (d->checks.same)
		writer_bool(&w, "same_targets", true);
	else
		targets_write(&d->targets, d->checks.next, to, &w);
	writer_end_object(&w);
	writer_end_object(&w);
	text = writer_take(&w);
	if (text)
		process_send_text(&d->helpers[HELPER_CHECKER], text);
}

static void stop_telling(struct checks *c)
{
	c->telling = false;
	(void)sd_event_source_set_enabled(c->turn, SD_EVENT_OFF);
}

static void tell_last(struct director *d)
{
	struct checks *c = &d->checks;

	send_targets(d, "Configure", d->targets.n);
	c->standby = is_standby(d);
	c->known = c->known && c->same;
	c->same = false; /* whoever is started anew is told everything */
	stop_telling(c);
}

/* Fifty thousand targets are megabytes, and longer in the making and in the reading than a loop may
 * be held up: so many in a turn. And no more than the checker keeps up with, on a busy machine too:
 * what is queued for it, its heartbeats wait behind. */
static int on_turn(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;
	struct checks *c = &d->checks;

	(void)source;
	if (d->targets.n - c->next <= TOLD_AT_ONCE) {
		tell_last(d);
		return 0;
	}
	send_targets(d, "Part", c->next + TOLD_AT_ONCE);
	c->next += TOLD_AT_ONCE;
	if (++c->unanswered == UNANSWERED_MAX)
		(void)sd_event_source_set_enabled(c->turn, SD_EVENT_OFF);
	return 0;
}

static void on_part(struct director *d, const json_t *parameters)
{
	struct checks *c = &d->checks;

	if (!c->telling || c->unanswered == 0 ||
		json_integer_value(json_object_get(parameters, "generation")) != d->generation)
		return;
	c->unanswered--;
	(void)sd_event_source_set_enabled(c->turn, SD_EVENT_ON);
}

/* What it has already is not sent at all. */
void checks_configure(struct director *d)
{
	struct checks *c = &d->checks;

	c->next = c->unanswered = 0;
	if (c->same || d->targets.n <= TOLD_AT_ONCE) {
		tell_last(d);
		return;
	}
	c->telling = true;
	(void)sd_event_source_set_enabled(c->turn, SD_EVENT_ON);
}

void checks_forget(struct director *d)
{
	d->checks.known = d->checks.same = false;
	stop_telling(&d->checks);
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
	stop_telling(&d->checks); /* it is configured anew right after */
	d->checks.same = d->checks.known && targets_same(&d->targets, targets);
}

void checks_configured(struct director *d, const json_t *parameters)
{
	if (json_integer_value(json_object_get(parameters, "generation")) == d->generation)
		d->checks.known = json_array_size(json_object_get(parameters, "errors")) == 0;
}

int checks_init(struct director *d)
{
	struct checks *c = &d->checks;
	int r = sd_event_add_defer(d->loop, &c->turn, on_turn, d);

	if (r >= 0)
		r = sd_event_source_set_priority(c->turn, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->turn, SD_EVENT_OFF);
	if (r < 0)
		return r;
	d->exec_checks = exec_checks_new(d);
	return d->exec_checks ? 0 : -ENOMEM;
}

void checks_done(struct director *d)
{
	sd_event_source_disable_unref(d->checks.turn);
	exec_checks_free(d->exec_checks);
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
	peer_touch(d);
	roles_look_ready(d);
}

void checks_message(struct director *d, const char *method, const json_t *parameters)
{
	if (strcmp(method, "Verdict") == 0)
		on_verdict(d, parameters);
	else if (strcmp(method, "Part") == 0)
		on_part(d, parameters);
	else if (strcmp(method, "Targets") == 0)
		server_view_targets(d, parameters);
	else
		exec_checks_message(d->exec_checks, method, parameters);
}
