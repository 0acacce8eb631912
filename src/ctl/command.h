/* What the commands of tandemctl share: a row of the table in main.c each, options of their own
 * beside those that every command has, one way to fail. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The options that may stand before or after every command. */
struct ctl {
	const char *runtime_dir;
	bool json;
};

/* Gets the command line from its own name on; returns the exit status. */
typedef int (*ctl_handler)(struct ctl *c, int argc, char **argv);

/* An option of one command. */
struct ctl_option {
	const char *name;      /* without the dashes */
	const char **argument; /* takes one, which goes there; NULL: takes none */
	bool *given;           /* NULL: nobody asks */
};
#define CTL_OPTIONS_MAX 8

/* Takes the options out of argv and returns what is left, NULL-terminated: between `min` and `max`
 * arguments. NULL when the line is wrong; what is wrong with it was printed then. */
char **ctl_arguments(struct ctl *c, int argc, char **argv, const struct ctl_option *options,
	size_t n_options, int min, int max);

/* Prints the error; returns EXIT_FAILURE. */
int ctl_fail(const char *error);
/* The error NoSuchRouter, by its parameters. */
int ctl_fail_router(const json_t *parameters);
/* As JSON, with a newline. */
void ctl_print_json(const json_t *value);

int command_status(struct ctl *c, int argc, char **argv);
int command_metrics(struct ctl *c, int argc, char **argv);
int command_why(struct ctl *c, int argc, char **argv);
int command_events(struct ctl *c, int argc, char **argv);
int command_reload(struct ctl *c, int argc, char **argv);
int command_plan(struct ctl *c, int argc, char **argv);
int command_repair(struct ctl *c, int argc, char **argv);
int command_server(struct ctl *c, int argc, char **argv);
int command_drain(struct ctl *c, int argc, char **argv);
int command_ready(struct ctl *c, int argc, char **argv);
int command_weight(struct ctl *c, int argc, char **argv);
int command_fail(struct ctl *c, int argc, char **argv);
int command_switchover(struct ctl *c, int argc, char **argv);
int command_resync(struct ctl *c, int argc, char **argv);
int command_push(struct ctl *c, int argc, char **argv);
int command_maintenance(struct ctl *c, int argc, char **argv);
int command_keygen(struct ctl *c, int argc, char **argv);
