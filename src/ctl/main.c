/* tandemctl: what an operator asks of the director, over the control socket. Each command is a row
 * of the table; its handler takes the rest of the command line, and prints what it got in words, or
 * as JSON. */
#include "conf/suggest.h"
#include "ctl/command.h"
#include "realserver/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	ctl_handler run;
	const char *synopsis; /* what may follow the name */
	const char *what;
} commands[] = {
	{"status", command_status, "", "role, routers, services, servers, checks and sync"},
	{"metrics", command_metrics, "", "the status as Prometheus reads it"},
	{"why", command_why, "[ROUTER] [--last N]",
		"why virtual routers moved: their last transitions, and what came before"},
	{"events", command_events, "[ROUTER]",
		"the last events, or those that concern a virtual router"},
	{"server", command_server, "POOL/SERVER",
		"all about one server: verdict, reasons, the last results, who decided"},
	{"reload", command_reload, "[--yes]", "read the configuration again and make it so"},
	{"plan", command_plan, "[FILE]", "what a reload would do: exit 0 nothing, 2 something"},
	{"repair", command_repair, "", "look at the kernel's table now and mend what differs"},
	{"drain", command_drain, "POOL/SERVER [--deadline TIME] [--wait]",
		"let a server's connections end, then take it out of the services"},
	{"ready", command_ready, "POOL/SERVER",
		"take back what was decided: configuration and checks count again"},
	{"weight", command_weight, "POOL/SERVER WEIGHT", "another weight than the configured one"},
	{"fail", command_fail, "POOL/SERVER", "take a server as down, whatever its check says"},
	{"switchover", command_switchover, "[ROUTER] [--force]",
		"let a peer become Active in this director's place"},
	{"resync", command_resync, "",
		"take over all connections of the peer again, and give it ours"},
	{"push", command_push, "[--yes]",
		"give this node's configuration file to the peer, and make it so on both"},
	{"maintenance", command_maintenance, "on|standby|off",
		"on: never Active; standby: only while nobody else is; kept over restarts"},
	{"keygen", command_keygen, "[--add|--activate|--drop|--list] [FILE|-]",
		"a new key of the pair, or the steps to exchange it"},
	{"realserver", command_realserver, "plan|apply|undo|check",
		"on a real server: what its forwarding method asks of it"},
};

static int usage(FILE *f, int status)
{
	(void)fputs("usage: tandemctl [--runtime-dir DIR] [--json] COMMAND\n\n", f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		(void)fprintf(f, "  %s%s%s\n        %s\n", commands[i].name,
			*commands[i].synopsis ? " " : "", commands[i].synopsis, commands[i].what);
	return status;
}

static int run(struct ctl *c, int argc, char **argv)
{
	struct suggest s = suggest_begin(argv[0]);
	const char *nearest;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].run(c, argc, argv);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		suggest_offer(&s, commands[i].name);
	nearest = suggest_result(&s);
	(void)fprintf(stderr, "tandemctl: no command \"%s\"%s%s%s\n", argv[0],
		nearest ? ", did you mean \"" : "; see tandemctl --help", nearest ? nearest : "",
		nearest ? "\"?" : "");
	return EXIT_FAILURE;
}

/* An answer that nobody could read was not given: the disk is full, say. */
static int flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)fprintf(stderr, "tandemctl: cannot write the answer: %s\n", strerror(errno));
	return EXIT_FAILURE;
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
	struct ctl c = {.runtime_dir = "/run/tandem"};
	int code;

	/* "+": what follows the command is the command's. */
	while ((code = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		switch (code) {
		case 'r':
			c.runtime_dir = optarg;
			break;
		case 'j':
			c.json = true;
			break;
		case 'V':
			return printf("tandemctl %s\n", TANDEM_VERSION) < 0;
		case 'h':
			return usage(stdout, EXIT_SUCCESS);
		default:
			return usage(stderr, EXIT_FAILURE);
		}
	}
	if (optind == argc)
		return usage(stderr, EXIT_FAILURE);
	return flushed(run(&c, argc - optind, argv + optind));
}
