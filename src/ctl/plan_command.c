/* tandemctl plan: what a reload would do, operation by operation. */
#include "base/cleanup.h"
#include "ctl/caller.h"
#include "ctl/command.h"
#include "ctl/print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_CHANGES 2

/* The file's text as the call's parameters, or NULL with the reason printed. */
static json_t *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	auto_free char *text = NULL;
	json_t *parameters = NULL;
	size_t size = 0;
	ssize_t len = -1;

	if (f) {
		errno = 0;
		len = getdelim(&text, &size, '\0', f);
		if (len < 0 && errno == 0)
			len = 0; /* an empty file */
		(void)fclose(f);
	}
	if (len < 0) {
		(void)fprintf(stderr, "tandemctl: %s: %s\n", path, strerror(errno));
		return NULL;
	}
	parameters = json_pack("{s:s%}", "text", text ? text : "", (size_t)len);
	if (!parameters)
		(void)fprintf(stderr, "tandemctl: %s: the text is not UTF-8\n", path);
	return parameters;
}

/* The director knows no name for a text. */
static void print_file_errors(const char *path, const json_t *parameters)
{
	static const char nameless[] = "<text>";
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(parameters, "errors"), i, item) {
		const char *text = json_string_value(item);
		size_t skip = strncmp(text, nameless, sizeof(nameless) - 1) == 0
				      ? sizeof(nameless) - 1
				      : 0;

		(void)fprintf(stderr, "%s%s\n", skip && path ? path : "", text + (path ? skip : 0));
	}
}

static const char *words_for(const char *error)
{
	if (strcmp(error, "IpvsFailed") == 0)
		return "the kernel's table cannot be read; tandemctl status says why";
	if (strcmp(error, "PlanFailed") == 0)
		return "this configuration would be refused";
	if (strcmp(error, "Busy") == 0)
		return "another plan is being made";
	if (strcmp(error, "Interrupted") == 0)
		return "a reload came between; ask again";
	if (strcmp(error, "PermissionDenied") == 0)
		return "only root may do that";
	return error;
}

static int tell(const struct ctl *c, const char *path, const struct caller_answer *answer)
{
	if (answer->error) {
		print_file_errors(path, answer->parameters);
		return ctl_fail(words_for(answer->error));
	}
	if (c->json)
		ctl_print_json(answer->parameters);
	else
		print_plan(stdout, answer->parameters);
	return json_is_true(json_object_get(answer->parameters, "changes")) ? EXIT_CHANGES
									    : EXIT_SUCCESS;
}

int command_plan(struct ctl *c, int argc, char **argv)
{
	char **files = ctl_arguments(c, argc, argv, NULL, 0, 0, 1);
	json_t *parameters = NULL;
	struct caller_answer answer;
	int status;

	if (!files)
		return EXIT_FAILURE;
	if (files[0] && !(parameters = read_file(files[0])))
		return EXIT_FAILURE;
	if (caller_call(c->runtime_dir, "Plan", parameters, &answer) < 0)
		return ctl_fail(answer.text);
	status = tell(c, files[0], &answer);
	caller_answer_done(&answer);
	return status;
}
