/* The commands about the director as a whole: how it is, and that it read its configuration again.
 */
#include "ctl/caller.h"
#include "ctl/command.h"
#include "ctl/print.h"
#include "io/clock.h"
#include "web/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_status(struct ctl *c, int argc, char **argv)
{
	struct caller_answer answer;
	int status = EXIT_SUCCESS;

	if (!ctl_arguments(c, argc, argv, NULL, 0, 0, 0))
		return EXIT_FAILURE;
	if (caller_call(c->runtime_dir, "Status", NULL, &answer) < 0)
		return ctl_fail(answer.text);
	if (answer.error)
		status = ctl_fail(answer.error);
	else if (c->json)
		ctl_print_json(answer.parameters);
	else
		print_status(stdout, answer.parameters, clock_now());
	caller_answer_done(&answer);
	return status;
}

/* Whoever collects the text and not the exit status shall see that no director answers. */
int command_metrics(struct ctl *c, int argc, char **argv)
{
	struct caller_answer answer = {0};
	const char *wrong = NULL;
	int status = EXIT_SUCCESS;

	if (!ctl_arguments(c, argc, argv, NULL, 0, 0, 0))
		return EXIT_FAILURE;
	if (caller_call(c->runtime_dir, "Status", NULL, &answer) < 0)
		wrong = answer.text;
	else if (answer.error)
		wrong = answer.error;
	if (wrong)
		status = ctl_fail(wrong);
	if (!metrics_print(stdout, wrong ? NULL : answer.parameters, clock_now()))
		status = ctl_fail("out of memory");
	caller_answer_done(&answer);
	return status;
}

static const char *words_for(const char *error)
{
	if (strcmp(error, "PermissionDenied") == 0)
		return "only root may do that";
	if (strcmp(error, "Stopping") == 0)
		return "the director is stopping";
	return error;
}

static size_t print_errors(const json_t *parameters)
{
	json_t *text;
	size_t i;

	json_array_foreach (json_object_get(parameters, "errors"), i, text)
		(void)fprintf(stderr, "%s\n", json_string_value(text));
	return i;
}

static void print_reloaded(const struct ctl *c, const json_t *parameters)
{
	if (c->json)
		ctl_print_json(parameters);
	else
		(void)printf("reloaded: generation %lld, %lld IPVS operations\n",
			(long long)json_integer_value(json_object_get(parameters, "generation")),
			(long long)json_integer_value(json_object_get(parameters, "operations")));
}

int command_reload(struct ctl *c, int argc, char **argv)
{
	bool yes = false;
	const struct ctl_option options[] = {{"yes", NULL, &yes}};
	struct caller_answer answer;
	size_t n_errors;
	int status = EXIT_SUCCESS;

	if (!ctl_arguments(c, argc, argv, options, 1, 0, 0))
		return EXIT_FAILURE;
	if (caller_call(c->runtime_dir, "Reload", json_pack("{s:b}", "yes", yes), &answer) < 0)
		return ctl_fail(answer.text);
	n_errors = print_errors(answer.parameters);
	if (answer.error && strcmp(answer.error, "Busy") == 0)
		status = ctl_fail("another reload is waiting already, and will read what is there "
				  "then; nothing was refused");
	else if (answer.error && n_errors == 0)
		status = ctl_fail(words_for(answer.error));
	else if (answer.error)
		status = ctl_fail("the configuration was refused; what ran before goes on");
	else if (n_errors > 0)
		status = ctl_fail(
			"the new configuration is in force, but not all of it could be carried "
			"out");
	else
		print_reloaded(c, answer.parameters);
	caller_answer_done(&answer);
	return status;
}

int command_repair(struct ctl *c, int argc, char **argv)
{
	struct caller_answer answer;
	int status = EXIT_SUCCESS;

	if (!ctl_arguments(c, argc, argv, NULL, 0, 0, 0))
		return EXIT_FAILURE;
	if (caller_call(c->runtime_dir, "Repair", NULL, &answer) < 0)
		return ctl_fail(answer.text);
	if (answer.error)
		status = ctl_fail(words_for(answer.error));
	else if (c->json)
		ctl_print_json(answer.parameters);
	else
		(void)printf("%lld operations mended the table\n",
			(long long)json_integer_value(
				json_object_get(answer.parameters, "operations")));
	if (!answer.error && print_errors(answer.parameters) > 0)
		status = ctl_fail("not all of it could be mended");
	caller_answer_done(&answer);
	return status;
}
