/* The checker's side: what to check, and what came out. */
#include "director/state.h"

#include "base/cleanup.h"
#include "base/writer.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

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
	if (d->checks.same)
		writer_bool(&w, "same_targets", true);
	else
		targets_write(&d->targets, &w);
	writer_end_object(&w);
	writer_end_object(&w);
	d->checks.known = d->checks.known && d->checks.same;
	d->checks.same = false; /* whoever is started anew is told everything */
	text = writer_take(&w);
	if (text)
		process_send_text(&d->helpers[HELPER_CHECKER], text);
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

static void tell(struct director *d, const struct target *t, const char *reason)
{
	char server[160], message[400];

	(void)snprintf(server, sizeof(server), "%s/%s", t->pool, t->server);
	(void)snprintf(message, sizeof(message), "server %s is %s: %s", server,
		verdict_name(t->verdict), reason);
	director_event(d, t->verdict == VERDICT_UP ? EVENT_SERVER_UP : EVENT_SERVER_DOWN, message,
		"TANDEM_SERVER", server, "TANDEM_TARGET", t->id, "TANDEM_REASON", reason, NULL);
}

static void on_verdict(struct director *d, const json_t *parameters)
{
	const char *id = json_string_value(json_object_get(parameters, "id"));
	const char *state = json_string_value(json_object_get(parameters, "state"));
	const char *reason = json_string_value(json_object_get(parameters, "reason"));
	struct target *t = id ? targets_find(&d->targets, id) : NULL;
	enum verdict verdict = state ? verdict_by_name(state) : VERDICT_MAX_;

	if (!t || verdict == VERDICT_MAX_ || verdict == t->verdict)
		return;
	targets_set_verdict(t, verdict, clock_now());
	work_disturb(d);
	tell(d, t, reason ? reason : "");
	shares_touch_target(d, t);
	peer_touch(d);
	roles_look_ready(d);
}

void checks_message(struct director *d, const char *method, const json_t *parameters)
{
	if (strcmp(method, "Verdict") == 0)
		on_verdict(d, parameters);
}
