/* tandemd: the command line. */
#include "conf/conf.h"
#include "director/director.h"
#include "director/restart.h"
#include "io/json_memory.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_CLEANUP,
	ACTION_CLEANUP_ALL,
	ACTION_VERSION,
	ACTION_HELP,
	ACTION_USAGE, /* the command line is wrong */
};

static const char usage_text[] =
	"usage: tandemd [--config FILE] [--node NAME] [--runtime-dir DIR] [--state-dir DIR]\n"
	"               [--libexec-dir DIR] [--log auto|journal|stderr]\n"
	"       tandemd --check [FILE] [--node NAME]\n"
	"       tandemd --cleanup[=all] [--runtime-dir DIR]\n"
	"       tandemd --version\n";

enum option_code {
	OPTION_CONFIG = 'c',
	OPTION_NODE = 'n',
	OPTION_RUNTIME_DIR = 'r',
	OPTION_STATE_DIR = 's',
	OPTION_LIBEXEC_DIR = 'l',
	OPTION_LOG = 'L',
	OPTION_CHECK = 'k',
	OPTION_CLEANUP = 'C',
	OPTION_VERSION = 'V',
	OPTION_HELP = 'h',
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"node", required_argument, NULL, OPTION_NODE},
	{"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
	{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
	{"libexec-dir", required_argument, NULL, OPTION_LIBEXEC_DIR},
	{"log", required_argument, NULL, OPTION_LOG},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"cleanup", optional_argument, NULL, OPTION_CLEANUP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

/* One option of the command line. */
static enum action take_option(
	int code, const char *argument, enum action action, struct director_options *o)
{
	switch (code) {
	case OPTION_CONFIG:
		o->config = argument;
		return action;
	case OPTION_NODE:
		o->node = argument;
		return action;
	case OPTION_RUNTIME_DIR:
		o->runtime_dir = argument;
		return action;
	case OPTION_STATE_DIR:
		o->state_dir = argument;
		return action;
	case OPTION_LIBEXEC_DIR:
		o->libexec_dir = argument;
		return action;
	case OPTION_LOG:
		return journal_target_parse(argument, &o->journal) < 0 ? ACTION_USAGE : action;
	case OPTION_CHECK:
		return ACTION_CHECK;
	case OPTION_CLEANUP:
		if (argument && strcmp(argument, "all") != 0)
			return ACTION_USAGE;
		return argument ? ACTION_CLEANUP_ALL : ACTION_CLEANUP;
	case OPTION_VERSION:
		return ACTION_VERSION;
	case OPTION_HELP:
		return ACTION_HELP;
	}
	return ACTION_USAGE;
}

static enum action parse(int argc, char **argv, struct director_options *o)
{
	enum action action = ACTION_RUN;
	int code;

	while (action != ACTION_USAGE && (code = getopt_long(argc, argv, "", options, NULL)) >= 0)
		action = take_option(code, optarg, action, o);
	if (action == ACTION_CHECK && optind == argc - 1)
		o->config = argv[optind++];
	return optind == argc ? action : ACTION_USAGE;
}

static void print_errors(const struct conf_errors *errors, const char *prefix)
{
	char text[1024];

	for (size_t i = 0; i < errors->n; i++)
		(void)fprintf(stderr, "%s%s\n", prefix,
			conf_error_format(&errors->items[i], text, sizeof(text)));
}

static int check(const struct director_options *o)
{
	struct conf_errors errors = {0};
	struct conf *conf = conf_load(o->config, o->node, &errors);

	if (conf && !conf_read_secrets(conf, &errors)) {
		conf_free(conf);
		conf = NULL;
	}
	print_errors(&errors, "");
	conf_errors_done(&errors);
	if (!conf)
		return EXIT_FAILURE;
	print_errors(&conf->warnings, "warning: ");
	(void)printf("%s: ok: %zu virtual routers, %zu pools, %zu services; this node is %s\n",
		o->config, conf->n_routers, conf->n_pools, conf->n_definitions,
		conf->nodes[conf->self].name);
	conf_free(conf);
	return EXIT_SUCCESS;
}

/* systemd runs ExecStopPost= before a restart too. A director that crashed, or said that it leaves
 * for a successor, comes back soon, finds its addresses and goes on: they are left to it for as
 * long as it can. */
static enum director_cleanup what_to_clean_up(const struct director_options *o)
{
	const char *result = getenv("SERVICE_RESULT");
	bool restarting = restart_unmark(o->runtime_dir);

	if (!result)
		return CLEANUP_ADDRESSES;
	return restarting || strcmp(result, "success") != 0 ? CLEANUP_STALE : CLEANUP_ADDRESSES;
}

#define TOP_PAD (1 << 20) /* asked of the kernel at a time */

/* A large file is a million pieces of memory, which come and go at once. malloc keeps freed ones
 * apart by size; to put those together again took a quarter of the time of reading. What it has for
 * each thread grows by pages, a system call each, and what one has freed no other uses: the thread
 * that reads is to take what those before it left. */
static void tune_malloc(void)
{
	(void)mallopt(M_MXFAST, 0);
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TOP_PAD, TOP_PAD);
}

int main(int argc, char **argv)
{
	struct director_options o = {
		.config = TANDEM_SYSCONFDIR "/tandem/tandem.json",
		.runtime_dir = "/run/tandem",
		.state_dir = "/var/lib/tandem",
		.libexec_dir = TANDEM_LIBEXECDIR,
	};
	enum action action = parse(argc, argv, &o);

	json_memory_init();
	tune_malloc();
	o.journal = journal_target_resolve(o.journal);
	switch (action) {
	case ACTION_RUN:
		return director_run(&o);
	case ACTION_CHECK:
		return check(&o);
	case ACTION_CLEANUP:
		return director_cleanup(&o, what_to_clean_up(&o));
	case ACTION_CLEANUP_ALL:
		return director_cleanup(&o, CLEANUP_ALL);
	case ACTION_VERSION:
		return printf("tandemd %s\n", TANDEM_VERSION) < 0;
	case ACTION_HELP:
		return fputs(usage_text, stdout) < 0;
	case ACTION_USAGE:
		(void)fputs(usage_text, stderr);
		return EXIT_FAILURE;
	}
	return EXIT_FAILURE;
}
