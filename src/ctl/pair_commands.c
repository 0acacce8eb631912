/* The commands about the pair: resync, push. */
#include "ctl/caller.h"
#include "ctl/command.h"
#include "ctl/peer_trouble.h"

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

	if (strcmp(a->error, "NoPeer") == 0)
		return ctl_fail("there is no peer: the configuration has no link, or one in kernel "
				"mode");
	if (strcmp(a->error, "Busy") == 0)
		return ctl_fail("another one, or a reload, is under way");
	if (strcmp(a->error, "PermissionDenied") == 0)
		return ctl_fail("only root may do that");
	if (strcmp(a->error, "PeerNotReady") == 0) {
		(void)snprintf(error, sizeof(error), "%.64s: %s", text(a->parameters, "peer"),
			peer_trouble_words(text(a->parameters, "trouble")));
		return ctl_fail(error);
	}
	return ctl_fail(a->error);
}

static int print_resync(const struct ctl *c, const json_t *answer)
{
	long long took_us = json_integer_value(json_object_get(answer, "took_us"));
	char error[300];

	if (strcmp(text(answer, "state"), "failed") == 0) {
		(void)snprintf(
			error, sizeof(error), "the resync failed: %.200s", text(answer, "reason"));
		return ctl_fail(error);
	}
	if (c->json)
		ctl_print_json(answer);
	else if (strcmp(text(answer, "state"), "done") == 0)
		(void)printf("resync: %lld connections in %lld.%03lld s\n",
			(long long)json_integer_value(json_object_get(answer, "records")),
			took_us / 1000000, took_us / 1000 % 1000);
	else
		(void)printf("the resync goes on; see tandemctl status\n");
	return EXIT_SUCCESS;
}

int command_resync(struct ctl *c, int argc, char **argv)
{
	struct caller_answer answer;
	int status;

	if (!ctl_arguments(c, argc, argv, NULL, 0, 0, 0))
		return EXIT_FAILURE;
	if (caller_call(c->runtime_dir, "Resync", NULL, &answer) < 0)
		return ctl_fail(answer.text);
	status = answer.error ? fail_by_error(&answer) : print_resync(c, answer.parameters);
	caller_answer_done(&answer);
	return status;
}

static int fail_to_push(const struct caller_answer *a)
{
	char error[200];
	json_t *line;
	size_t i;

	if (strcmp(a->error, "PushFailed") != 0)
		return fail_by_error(a);
	json_array_foreach (json_object_get(a->parameters, "errors"), i, line)
		(void)fprintf(
			stderr, "%s: %s\n", text(a->parameters, "node"), json_string_value(line));
	(void)snprintf(error, sizeof(error), "%.64s does not take the configuration",
		text(a->parameters, "node"));
	return ctl_fail(error);
}

static int print_pushed(const struct ctl *c, const json_t *answer)
{
	json_t *node;
	size_t i;

	if (c->json) {
		ctl_print_json(answer);
		return EXIT_SUCCESS;
	}
	json_array_foreach (json_object_get(answer, "applied"), i, node)
		(void)printf("%s: in force\n", json_string_value(node));
	return EXIT_SUCCESS;
}

int command_push(struct ctl *c, int argc, char **argv)
{
	bool yes = false;
	const struct ctl_option options[] = {{"yes", NULL, &yes}};
	struct caller_answer answer;
	int status;

	if (!ctl_arguments(c, argc, argv, options, 1, 0, 0))
		return EXIT_FAILURE;
	if (caller_call(c->runtime_dir, "Push", json_pack("{s:b}", "yes", yes), &answer) < 0)
		return ctl_fail(answer.text);
	status = answer.error ? fail_to_push(&answer) : print_pushed(c, answer.parameters);
	caller_answer_done(&answer);
	return status;
}
