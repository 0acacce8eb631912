/* The commands about the election: switchover, maintenance, and what happened. */
#include "ctl/caller.h"
#include "ctl/command.h"
#include "ctl/peer_trouble.h"
#include "ctl/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "";
}

static int fail_by_error(const struct caller_answer *a)
{
	char error[400];

	if (strcmp(a->error, "NotActive") == 0)
		return ctl_fail("this director is not Active there: nothing to give away");
	if (strcmp(a->error, "Busy") == 0)
		return ctl_fail("another switchover is under way");
	if (strcmp(a->error, "PermissionDenied") == 0)
		return ctl_fail("only root may do that");
	if (strcmp(a->error, "PeerNotReady") == 0) {
		(void)snprintf(error, sizeof(error),
			"nothing was given away, since %.64s is not ready: %s; --force does it all "
			"the same",
			text(a->parameters, "peer"),
			peer_trouble_words(text(a->parameters, "trouble")));
		return ctl_fail(error);
	}
	if (strcmp(a->error, "NoSuchRouter") == 0)
		return ctl_fail_router(a->parameters);
	if (strcmp(a->error, "NotRecorded") == 0) {
		(void)snprintf(error, sizeof(error),
			"nothing was done, since it cannot be kept in %.200s: %.100s",
			text(a->parameters, "path"), text(a->parameters, "reason"));
		return ctl_fail(error);
	}
	return ctl_fail(a->error);
}

static void print_names(FILE *f, const json_t *names, const char *what)
{
	json_t *name;
	size_t i;

	json_array_foreach (names, i, name)
		(void)fprintf(f, "%s: %s\n", json_string_value(name), what);
}

static int print_switchover(const struct ctl *c, const json_t *parameters)
{
	const json_t *kept = json_object_get(parameters, "kept");

	if (c->json) {
		ctl_print_json(parameters);
	} else {
		print_names(stdout, json_object_get(parameters, "given"), "not Active any more");
		print_names(stderr, kept, "still Active: no peer took over");
	}
	return json_array_size(kept) > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int command_switchover(struct ctl *c, int argc, char **argv)
{
	bool force = false;
	const struct ctl_option options[] = {{"force", NULL, &force}};
	char **arguments = ctl_arguments(c, argc, argv, options, 1, 0, 1);
	struct caller_answer answer;
	int status;

	if (!arguments)
		return EXIT_FAILURE;
	if (caller_call(c->runtime_dir, "Switchover",
		    json_pack("{s:s?, s:b}", "router", arguments[0], "insist", force), &answer) < 0)
		return ctl_fail(answer.text);
	status = answer.error ? fail_by_error(&answer) : print_switchover(c, answer.parameters);
	caller_answer_done(&answer);
	return status;
}

int command_events(struct ctl *c, int argc, char **argv)
{
	char **arguments = ctl_arguments(c, argc, argv, NULL, 0, 0, 1);
	struct caller_answer answer;
	int status = EXIT_SUCCESS;

	if (!arguments)
		return EXIT_FAILURE;
	if (caller_call(c->runtime_dir, "Events", json_pack("{s:s?}", "router", arguments[0]),
		    &answer) < 0)
		return ctl_fail(answer.text);
	if (answer.error)
		status = fail_by_error(&answer);
	else if (c->json)
		ctl_print_json(answer.parameters);
	else
		print_events(stdout, answer.parameters);
	caller_answer_done(&answer);
	return status;
}

int command_maintenance(struct ctl *c, int argc, char **argv)
{
	char **arguments = ctl_arguments(c, argc, argv, NULL, 0, 1, 1);
	struct caller_answer answer;
	int status = EXIT_SUCCESS;

	if (!arguments)
		return EXIT_FAILURE;
	if (strcmp(arguments[0], "on") != 0 && strcmp(arguments[0], "standby") != 0 &&
		strcmp(arguments[0], "off") != 0)
		return ctl_fail("maintenance is on, standby or off");
	if (caller_call(c->runtime_dir, "Maintenance", json_pack("{s:s}", "mode", arguments[0]),
		    &answer) < 0)
		return ctl_fail(answer.text);
	if (answer.error)
		status = fail_by_error(&answer);
	else if (c->json)
		ctl_print_json(answer.parameters);
	else
		(void)printf("maintenance: %s\n", text(answer.parameters, "mode"));
	caller_answer_done(&answer);
	return status;
}
