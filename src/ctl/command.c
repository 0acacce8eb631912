/* Command lines of single commands, by getopt_long(3) with the shared options added. */
#include "ctl/command.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPTION_RUNTIME_DIR, OPTION_JSON, OPTION_OWN /* and those that follow */ };

int ctl_fail(const char *error)
{
	(void)fprintf(stderr, "tandemctl: %s\n", error);
	return EXIT_FAILURE;
}

int ctl_fail_router(const json_t *parameters)
{
	const char *name = json_string_value(json_object_get(parameters, "name"));
	const char *nearest = json_string_value(json_object_get(parameters, "nearest"));
	char error[200];

	(void)snprintf(error, sizeof(error), "no virtual router is called \"%.64s\"%s%.64s%s",
		name ? name : "", nearest ? ", did you mean \"" : "", nearest ? nearest : "",
		nearest ? "\"?" : "");
	return ctl_fail(error);
}

void ctl_print_json(const json_t *value)
{
	(void)json_dumpf(value, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
}

static void build_table(const struct ctl_option *options, size_t n,
	struct option ret[static OPTION_OWN + CTL_OPTIONS_MAX + 1])
{
	assert(n <= CTL_OPTIONS_MAX);
	ret[0] = (struct option){"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR};
	ret[1] = (struct option){"json", no_argument, NULL, OPTION_JSON};
	for (size_t i = 0; i < n; i++)
		ret[OPTION_OWN + i] = (struct option){options[i].name,
			options[i].argument ? required_argument : no_argument, NULL,
			OPTION_OWN + (int)i};
	ret[OPTION_OWN + n] = (struct option){0};
}

static void take(struct ctl *c, const struct ctl_option *options, int code, const char *argument)
{
	const struct ctl_option *own;

	if (code == OPTION_RUNTIME_DIR) {
		c->runtime_dir = argument;
		return;
	}
	if (code == OPTION_JSON) {
		c->json = true;
		return;
	}
	own = &options[code - OPTION_OWN];
	if (own->argument)
		*own->argument = argument;
	if (own->given)
		*own->given = true;
}

char **ctl_arguments(struct ctl *c, int argc, char **argv, const struct ctl_option *options,
	size_t n_options, int min, int max)
{
	struct option table[OPTION_OWN + CTL_OPTIONS_MAX + 1];
	char text[120];
	int code;

	build_table(options, n_options, table);
	optind = 0; /* begin anew: main() has parsed what is before the command */
	while ((code = getopt_long(argc, argv, "", table, NULL)) >= 0) {
		if (code == '?')
			return NULL;
		take(c, options, code, optarg);
	}
	if (argc - optind >= min && argc - optind <= max)
		return argv + optind;
	(void)snprintf(text, sizeof(text), "%.60s: %s; see tandemctl --help", argv[0],
		argc - optind < min ? "an argument is missing" : "too many arguments");
	(void)ctl_fail(text);
	return NULL;
}
