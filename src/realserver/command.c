/* The verbs of tandemctl realserver: plan, apply, undo and check. All begin with the same look at
 * the configuration, the host and the record; undo needs the record alone. */
#include "realserver/command.h"

#include "base/cleanup.h"
#include "core/realserver_check.h"
#include "realserver/deeds.h"
#include "realserver/host.h"
#include "realserver/wanted.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_SOMETHING 2 /* plan: steps; check: findings */

struct options {
	const char *config, *server, *state_dir;
	bool json;
};

/* What the verbs work on. */
struct job {
	struct options options;
	struct conf *conf;
	struct realserver_have have;
	struct record record;
	struct realserver_want want;
	struct realserver_item *items;
	size_t n_items;
	struct realserver_step *steps;
	size_t n_steps;
	json_t *findings, *done; /* of the answer as JSON */
	size_t n_wrong;
};

static int fail(const char *what, int error)
{
	(void)fprintf(stderr, "tandemctl: %s: %s\n", what, strerror(-error));
	return EXIT_FAILURE;
}

static void job_done(struct job *j)
{
	free(j->steps);
	free(j->items);
	wanted_done(&j->want);
	record_done(&j->record);
	host_done(&j->have);
	conf_free(j->conf);
	json_decref(j->findings);
	json_decref(j->done);
}

/* --- The look --- */

static bool load_conf(struct job *j)
{
	struct conf_errors errors = {0};
	char text[1024];

	j->conf = conf_load_elsewhere(j->options.config, &errors);
	for (size_t i = 0; i < errors.n; i++)
		(void)fprintf(
			stderr, "%s\n", conf_error_format(&errors.items[i], text, sizeof(text)));
	conf_errors_done(&errors);
	return j->conf != NULL;
}

static bool load_record(struct job *j)
{
	int r = record_load(j->options.state_dir, &j->record);
	char what[320];

	if (r == 0)
		return true;
	(void)snprintf(what, sizeof(what), "%s/realserver.json", j->options.state_dir);
	if (r == -EBADMSG)
		(void)fprintf(stderr,
			"tandemctl: %s is not a record of what was changed here; look at it, and "
			"remove it\n",
			what);
	else
		(void)fail(what, r);
	return false;
}

static bool read_host(struct job *j)
{
	int r;

	host_done(&j->have);
	r = host_read(&j->have);
	if (r < 0)
		(void)fail("cannot read this host's links and addresses", r);
	return r == 0;
}

static bool build_want(struct job *j)
{
	struct wanted_who who = {.named = j->options.server, .have = &j->have};
	auto_free char *error = NULL;

	if (wanted_build(j->conf, &who, &j->want, &error))
		return true;
	(void)fprintf(stderr, "tandemctl: %s: %s\n", j->options.config, error);
	return false;
}

/* `n` may be 0. */
static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (!p)
		abort();
	return p;
}

static void build_items(struct job *j)
{
	const struct realserver_record record = record_view(&j->record);

	free(j->items);
	j->items = allocate(realserver_items_max(&j->want), sizeof(*j->items));
	j->n_items = realserver_items(&j->want, &j->have, &record, j->items);
}

static void build_steps(struct job *j)
{
	const struct realserver_record record = record_view(&j->record);

	build_items(j);
	j->steps = allocate(j->n_items + record.n, sizeof(*j->steps));
	j->n_steps = realserver_plan(j->items, j->n_items, &j->have, &record, j->steps);
	for (size_t i = 0; i < j->n_steps; i++)
		deeds_look(&j->steps[i]);
}

static bool look(struct job *j)
{
	return load_conf(j) && load_record(j) && read_host(j) && build_want(j);
}

/* --- Answers --- */

static void tell_step(struct job *j, const struct realserver_step *step)
{
	char text[REALSERVER_TEXT_MAX];
	json_t *object;

	(void)realserver_step_format(step, text);
	if (!j->options.json) {
		(void)puts(text);
		return;
	}
	object = record_item_to_json(&step->item);
	(void)json_object_set_new(object, "undo", json_boolean(step->undo));
	(void)json_object_set_new(object, "text", json_string(text));
	(void)json_array_append_new(j->done, object);
}

static void found(const struct realserver_finding *finding, void *userdata)
{
	struct job *j = userdata;

	j->n_wrong += !finding->note;
	(void)json_array_append_new(
		j->findings, json_pack("{s:b, s:s}", "note", finding->note, "text", finding->text));
}

static void check_host(struct job *j)
{
	j->n_wrong = 0;
	realserver_check(&j->want, &j->have, j->items, j->n_items, found, j);
}

/* Notes are for those who ask. */
static void print_findings(const struct job *j, FILE *f, bool notes)
{
	json_t *finding;
	size_t i;

	json_array_foreach (j->findings, i, finding) {
		bool note = json_is_true(json_object_get(finding, "note"));

		if (note && !notes)
			continue;
		(void)fprintf(f, "%s%s\n", note ? "note: " : "",
			json_string_value(json_object_get(finding, "text")));
	}
}

static void print_json(const struct job *j, bool steps, bool findings)
{
	json_t *answer = json_object();

	if (steps)
		(void)json_object_set(answer, "steps", j->done);
	if (findings)
		(void)json_object_set(answer, "findings", j->findings);
	ctl_print_json(answer);
	json_decref(answer);
}

/* --- Verbs --- */

static bool carry_out(struct job *j)
{
	for (size_t i = 0; i < j->n_steps; i++) {
		char text[REALSERVER_TEXT_MAX];
		const char *hint = NULL;
		int r = deeds_do(&j->record, &j->steps[i], &hint);

		if (r < 0) {
			(void)fprintf(stderr, "tandemctl: cannot %s: %s\n",
				realserver_step_format(&j->steps[i], text),
				hint ? hint : strerror(-r));
			return false;
		}
		tell_step(j, &j->steps[i]);
	}
	return true;
}

static int plan(struct job *j)
{
	if (!look(j))
		return EXIT_FAILURE;
	build_steps(j);
	for (size_t i = 0; i < j->n_steps; i++)
		tell_step(j, &j->steps[i]);
	if (j->options.json)
		print_json(j, true, false);
	return j->n_steps ? EXIT_SOMETHING : EXIT_SUCCESS;
}

static int apply(struct job *j)
{
	bool ok;

	if (!look(j))
		return EXIT_FAILURE;
	build_steps(j);
	ok = carry_out(j);
	if (ok && read_host(j)) {
		build_items(j);
		check_host(j);
	}
	if (j->options.json)
		print_json(j, true, true);
	else
		print_findings(j, stderr, false);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int undo(struct job *j)
{
	struct realserver_record record;
	bool ok;

	if (!load_record(j))
		return EXIT_FAILURE;
	record = record_view(&j->record);
	j->steps = allocate(record.n, sizeof(*j->steps));
	j->n_steps = realserver_undo(&record, j->steps);
	ok = carry_out(j);
	if (j->options.json)
		print_json(j, true, false);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int check(struct job *j)
{
	if (!look(j))
		return EXIT_FAILURE;
	build_items(j);
	check_host(j);
	if (j->options.json)
		print_json(j, false, true);
	else
		print_findings(j, stdout, true);
	return j->n_wrong ? EXIT_SOMETHING : EXIT_SUCCESS;
}

static const struct {
	const char *name;
	int (*run)(struct job *j);
} verbs[] = {{"plan", plan}, {"apply", apply}, {"undo", undo}, {"check", check}};

static int run(const char *verb, const struct options *options)
{
	struct job j = {.options = *options, .findings = json_array(), .done = json_array()};
	int status = EXIT_FAILURE;
	size_t i, n = sizeof(verbs) / sizeof(verbs[0]);

	for (i = 0; i < n && strcmp(verbs[i].name, verb) != 0; i++)
		;
	if (i < n)
		status = verbs[i].run(&j);
	else
		(void)fprintf(stderr,
			"tandemctl: realserver: no verb \"%s\": plan, apply, undo or check\n",
			verb);
	job_done(&j);
	return status;
}

int command_realserver(struct ctl *c, int argc, char **argv)
{
	struct options o = {
		.config = TANDEM_SYSCONFDIR "/tandem/tandem.json", .state_dir = "/var/lib/tandem"};
	const struct ctl_option own[] = {
		{"config", &o.config, NULL},
		{"server", &o.server, NULL},
		{"state-dir", &o.state_dir, NULL},
	};
	char **arguments = ctl_arguments(c, argc, argv, own, sizeof(own) / sizeof(own[0]), 1, 1);

	if (!arguments)
		return EXIT_FAILURE;
	o.json = c->json;
	return run(arguments[0], &o);
}
