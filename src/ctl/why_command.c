/* tandemctl why: the last transitions of virtual routers in words, and what came before each. */
#include "ctl/caller.h"
#include "ctl/command.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LAST_MAX 4096

static const struct {
	const char *reason, *words;
} reasons[] = {
	{"startup", "the election begins here, and listens first"},
	{"owner", "the election begins here, with the priority of the addresses' owner"},
	{"adopted", "a restarted elector goes on with the addresses that it found"},
	{"active-down", "no advert was heard for as long as an Active router may be silent"},
	{"peer-dead", "an advert is missing, and the link says that the peer is dead"},
	{"peer-resigned", "the Active router gave up its place"},
	{"better-advert", "another Active router has the better claim"},
	{"late", "this host stood still for too long to be still Active"},
	{"link-down", "its interface is down, or is not there"},
	{"no-address", "its interface lost its own address"},
	{"yielded", "an operator gave the place to the peer"},
	{"fault", "something that it needs has failed"},
	{"group", "another member moved its sync group"},
	{"maintenance", "an operator put this host under maintenance"},
	{"shutdown", "tandemd was stopped"},
	{"elector-lost", "tandem-elector could not be restarted in time"},
};

static const char *text(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "";
}

static const char *words_for(const char *reason)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			return reasons[i].words;
	return reason;
}

/* Local time with milliseconds; the date, too, where it is another one than `*day`. */
static void print_time(const json_t *happened, struct tm *day)
{
	json_int_t at_us = json_integer_value(json_object_get(happened, "at_unix_us"));
	time_t at_s = (time_t)(at_us / 1000000);
	char date[16] = "", clock[16] = "";
	struct tm tm = {0};

	(void)localtime_r(&at_s, &tm);
	if (tm.tm_year != day->tm_year || tm.tm_yday != day->tm_yday)
		(void)strftime(date, sizeof(date), "%Y-%m-%d ", &tm);
	(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	(void)printf("%s%s.%03d", date, clock, (int)(at_us % 1000000 / 1000));
	*day = tm;
}

/* Who else was heard, and what the priority was made of. */
static void print_rivals(const json_t *t)
{
	const json_t *silence = json_object_get(t, "silence_us");
	const json_t *priority = json_object_get(t, "peer_priority");

	if (*text(t, "score"))
		(void)printf("    priority here: %s\n", text(t, "score"));
	if (!*text(t, "peer"))
		return;
	(void)printf("    peer %s", text(t, "peer"));
	if (priority)
		(void)printf(", priority %d", (int)json_integer_value(priority));
	if (silence)
		(void)printf(
			", last heard %.3f s before", (double)json_integer_value(silence) / 1e6);
	(void)putchar('\n');
}

static void print_transition(const json_t *t)
{
	struct tm day = {0};
	json_t *before;
	size_t i;

	(void)fputs("  ", stdout);
	print_time(t, &day);
	(void)printf("  %s to %s: %s (%s)\n", text(t, "old_state"), text(t, "state"),
		words_for(text(t, "reason")), text(t, "reason"));
	print_rivals(t);
	json_array_foreach (json_object_get(t, "before"), i, before) {
		(void)fputs("    ", stdout);
		print_time(before, &day);
		(void)printf("  %s\n", text(before, "message"));
	}
}

static void print_router(const json_t *router)
{
	const json_t *transitions = json_object_get(router, "transitions");
	json_t *transition;
	size_t i;

	(void)printf("router %s: %s\n", text(router, "name"), text(router, "state"));
	if (json_array_size(transitions) == 0)
		(void)puts("  no transition is known");
	json_array_foreach (transitions, i, transition)
		print_transition(transition);
}

static int fail_by_error(const struct caller_answer *a)
{
	return strcmp(a->error, "NoSuchRouter") == 0 ? ctl_fail_router(a->parameters)
						     : ctl_fail(a->error);
}

/* False, with the error printed, when it is no number of transitions. */
static bool parse_last(const char *argument, json_t *parameters)
{
	char *end = NULL;
	long last;

	errno = 0;
	last = strtol(argument, &end, 10);
	if (errno != 0 || end == argument || *end || last < 1 || last > LAST_MAX) {
		(void)ctl_fail("--last is a number of transitions, 1 to 4096");
		return false;
	}
	(void)json_object_set_new(parameters, "last", json_integer(last));
	return true;
}

static int ask(struct ctl *c, json_t *parameters)
{
	struct caller_answer answer;
	int status = EXIT_SUCCESS;
	json_t *router;
	size_t i;

	if (caller_call(c->runtime_dir, "Why", parameters, &answer) < 0)
		return ctl_fail(answer.text);
	if (answer.error)
		status = fail_by_error(&answer);
	else if (c->json)
		ctl_print_json(answer.parameters);
	else
		json_array_foreach (json_object_get(answer.parameters, "routers"), i, router)
			print_router(router);
	caller_answer_done(&answer);
	return status;
}

int command_why(struct ctl *c, int argc, char **argv)
{
	const char *last = NULL;
	const struct ctl_option options[] = {{"last", &last, NULL}};
	char **arguments = ctl_arguments(c, argc, argv, options, 1, 0, 1);
	json_t *parameters;

	if (!arguments)
		return EXIT_FAILURE;
	parameters = json_pack("{s:s?}", "router", arguments[0]);
	if (last && !parse_last(last, parameters)) {
		json_decref(parameters);
		return EXIT_FAILURE;
	}
	return ask(c, parameters);
}
