/* tandemctl: what an operator asks of the director, over the control socket. Each command is a row
 * of the table; each prints what it got in words, or as JSON. */
#include "base/cleanup.h"
#include "ctl/caller.h"
#include "ctl/print.h"
#include "io/clock.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
	const char *runtime_dir;
	bool json;
};

static int fail(const char *error)
{
	(void)fprintf(stderr, "tandemctl: %s\n", error);
	return EXIT_FAILURE;
}

static int show_status(const struct arguments *a)
{
	struct caller_answer answer;
	int status = EXIT_SUCCESS;

	if (caller_call(a->runtime_dir, "Status", &answer) < 0)
		return fail(answer.text);
	if (answer.error)
		status = fail(answer.error);
	else if (a->json)
		(void)json_dumpf(answer.parameters, stdout, JSON_INDENT(2));
	else
		print_status(stdout, answer.parameters, clock_now());
	if (a->json && !answer.error)
		(void)fputc('\n', stdout);
	caller_answer_done(&answer);
	return status;
}

static size_t print_errors(const json_t *parameters)
{
	json_t *text;
	size_t i;

	json_array_foreach (json_object_get(parameters, "errors"), i, text)
		(void)fprintf(stderr, "%s\n", json_string_value(text));
	return i;
}

static int reload(const struct arguments *a)
{
	struct caller_answer answer;
	bool ok;

	if (caller_call(a->runtime_dir, "Reload", &answer) < 0)
		return fail(answer.text);
	ok = !answer.error && print_errors(answer.parameters) == 0;
	if (answer.error && print_errors(answer.parameters) == 0)
		(void)fail(answer.error);
	else if (answer.error)
		(void)fail("the configuration was refused; what ran before goes on");
	else if (!ok)
		(void)fail("the new configuration is in force, but not all of it could be carried "
			   "out");
	else if (a->json)
		(void)json_dumpf(answer.parameters, stdout, JSON_INDENT(2));
	else
		(void)printf("reloaded: generation %lld, %lld IPVS operations\n",
			(long long)json_integer_value(
				json_object_get(answer.parameters, "generation")),
			(long long)json_integer_value(
				json_object_get(answer.parameters, "operations")));
	caller_answer_done(&answer);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static const struct {
	const char *name;
	int (*run)(const struct arguments *a);
	const char *what;
} commands[] = {
	{"status", show_status, "role, routers, services, servers, checks and sync"},
	{"reload", reload, "read the configuration again and make it so"},
};

static int usage(FILE *f, int status)
{
	(void)fputs("usage: tandemctl [--runtime-dir DIR] [--json] COMMAND\n\n", f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		(void)fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].what);
	return status;
}

static int run(const char *name, const struct arguments *a)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(a);
	(void)fprintf(stderr, "tandemctl: no command \"%s\"\n", name);
	return usage(stderr, EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"runtime-dir", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct arguments a = {.runtime_dir = "/run/tandem"};
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (code) {
		case 'r':
			a.runtime_dir = optarg;
			break;
		case 'j':
			a.json = true;
			break;
		case 'V':
			return printf("tandemctl %s\n", TANDEM_VERSION) < 0;
		case 'h':
			return usage(stdout, EXIT_SUCCESS);
		default:
			return usage(stderr, EXIT_FAILURE);
		}
	}
	if (optind != argc - 1)
		return usage(stderr, EXIT_FAILURE);
	return run(argv[optind], &a);
}
