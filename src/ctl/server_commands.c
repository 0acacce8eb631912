/* The commands about one server: server, drain, ready, weight, fail. Each is one call; a drain may
 * be waited for, which asks once a second. */
#include "base/duration.h"
#include "ctl/caller.h"
#include "ctl/command.h"
#include "ctl/print.h"
#include "io/clock.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXIT_FORCED 3 /* the deadline came before the last connection ended */

/* A director that restarts is back by then. */
#define UNANSWERED_MAX_S 30

/* {"pool", "server"} of "POOL/SERVER"; NULL, with the error printed, when it is not one. */
static json_t *parse_server(const char *text)
{
	const char *slash = strchr(text, '/');
	char error[200];

	if (slash && slash != text && slash[1] != '\0' && !strchr(slash + 1, '/'))
		return json_pack(
			"{s:s%, s:s}", "pool", text, (size_t)(slash - text), "server", slash + 1);
	(void)snprintf(error, sizeof(error), "\"%.100s\" is not POOL/SERVER", text);
	(void)ctl_fail(error);
	return NULL;
}

static const char *text(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "";
}

static int fail_by_name(const struct caller_answer *a)
{
	const char *nearest = text(a->parameters, "nearest");
	bool is_pool = strcmp(a->error, "NoSuchPool") == 0;
	char error[400];

	(void)snprintf(error, sizeof(error), "%s is called \"%.64s\"%s%.64s%s%s%.64s%s",
		is_pool ? "no pool" : "no server", text(a->parameters, "name"),
		is_pool ? "" : " in pool \"", is_pool ? "" : text(a->parameters, "pool"),
		is_pool ? "" : "\"", *nearest ? ", did you mean \"" : "", nearest,
		*nearest ? "\"?" : "");
	return ctl_fail(error);
}

static int fail_by_error(const struct caller_answer *a)
{
	char error[400];

	if (strcmp(a->error, "NoSuchPool") == 0 || strcmp(a->error, "NoSuchServer") == 0)
		return fail_by_name(a);
	if (strcmp(a->error, "PermissionDenied") == 0)
		return ctl_fail("only root may do that");
	if (strcmp(a->error, "NotRecorded") == 0) {
		(void)snprintf(error, sizeof(error),
			"nothing was done, since it cannot be kept in %.200s: %.100s",
			text(a->parameters, "path"), text(a->parameters, "reason"));
		return ctl_fail(error);
	}
	if (strcmp(a->error, "InvalidParameter") == 0) {
		(void)snprintf(error, sizeof(error), "the director does not take this %.60s",
			text(a->parameters, "parameter"));
		return ctl_fail(error);
	}
	return ctl_fail(a->error);
}

static void print_server(const struct ctl *c, const json_t *server)
{
	if (c->json)
		ctl_print_json(server);
	else
		print_decision(stdout, server, clock_now());
	(void)fflush(stdout);
}

static void warn_of_last(const json_t *server)
{
	const json_t *others = json_object_get(server, "others");

	if (json_is_integer(others) && json_integer_value(others) == 0)
		(void)fprintf(stderr, "tandemctl: warning: no other server of pool %s is in use\n",
			text(server, "pool"));
}

/* Takes parameters. */
static int call_and_print(struct ctl *c, const char *method, json_t *parameters, bool takes_out)
{
	struct caller_answer answer;
	int status = EXIT_SUCCESS;

	if (caller_call(c->runtime_dir, method, parameters, &answer) < 0)
		return ctl_fail(answer.text);
	if (answer.error) {
		status = fail_by_error(&answer);
	} else {
		print_server(c, answer.parameters);
		if (takes_out)
			warn_of_last(answer.parameters);
	}
	caller_answer_done(&answer);
	return status;
}

/* What a wait ends with; -1: it goes on. */
static int verdict_on(const json_t *server)
{
	if (strcmp(text(server, "decision"), "drain") != 0)
		return ctl_fail("the drain was taken back");
	if (strcmp(text(server, "drain"), "drained") == 0)
		return EXIT_SUCCESS;
	return strcmp(text(server, "drain"), "forced") == 0 ? EXIT_FORCED : -1;
}

static bool is_same_progress(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "active"), json_object_get(b, "active")) &&
	       json_equal(json_object_get(a, "inactive"), json_object_get(b, "inactive")) &&
	       json_equal(json_object_get(a, "peer"), json_object_get(b, "peer")) &&
	       json_equal(json_object_get(a, "drain"), json_object_get(b, "drain"));
}

/* Ask once, print what is new. -1: ask again. */
static int look(struct ctl *c, const json_t *parameters, json_t **last, unsigned *unanswered)
{
	struct caller_answer answer;
	int status = -1;

	if (caller_call(c->runtime_dir, "Server", json_deep_copy(parameters), &answer) < 0)
		return ++*unanswered > UNANSWERED_MAX_S ? ctl_fail(answer.text) : -1;
	*unanswered = 0;
	if (answer.error && strcmp(answer.error, "Stopping") != 0)
		status = fail_by_error(&answer);
	if (!answer.error) {
		if (!*last || !is_same_progress(*last, answer.parameters))
			print_server(c, answer.parameters);
		json_decref(*last);
		*last = json_incref(answer.parameters);
		status = verdict_on(answer.parameters);
	}
	caller_answer_done(&answer);
	return status;
}

static int wait_for_drain(struct ctl *c, const json_t *parameters)
{
	static const struct timespec second = {.tv_sec = 1};
	json_t *last = NULL;
	unsigned unanswered = 0;
	int status;

	while ((status = look(c, parameters, &last, &unanswered)) < 0)
		(void)nanosleep(&second, NULL);
	json_decref(last);
	return status;
}

static bool add_deadline(json_t *parameters, const char *deadline)
{
	uint64_t us;

	if (!deadline)
		return true;
	if (!duration_parse(deadline, &us)) {
		(void)ctl_fail("the deadline is not a duration (10m, 1h, ...)");
		return false;
	}
	return json_object_set_new(parameters, "deadline_us", json_integer((json_int_t)us)) == 0;
}

int command_drain(struct ctl *c, int argc, char **argv)
{
	const char *deadline = NULL;
	bool wait = false;
	const struct ctl_option options[] = {{"deadline", &deadline, NULL}, {"wait", NULL, &wait}};
	char **arguments = ctl_arguments(c, argc, argv, options, 2, 1, 1);
	json_t *parameters = arguments ? parse_server(arguments[0]) : NULL;
	int status = EXIT_FAILURE;

	if (parameters && add_deadline(parameters, deadline)) {
		status = call_and_print(c, "Drain", json_deep_copy(parameters), true);
		if (status == EXIT_SUCCESS && wait)
			status = wait_for_drain(c, parameters);
	}
	json_decref(parameters);
	return status;
}

int command_server(struct ctl *c, int argc, char **argv)
{
	char **arguments = ctl_arguments(c, argc, argv, NULL, 0, 1, 1);
	json_t *parameters = arguments ? parse_server(arguments[0]) : NULL;
	struct caller_answer answer;
	int status = EXIT_SUCCESS;

	if (!parameters)
		return EXIT_FAILURE;
	(void)json_object_set_new(parameters, "history", json_true());
	if (caller_call(c->runtime_dir, "Server", parameters, &answer) < 0)
		return ctl_fail(answer.text);
	if (answer.error)
		status = fail_by_error(&answer);
	else if (c->json)
		ctl_print_json(answer.parameters);
	else
		print_server_view(stdout, answer.parameters, clock_now());
	caller_answer_done(&answer);
	return status;
}

int command_ready(struct ctl *c, int argc, char **argv)
{
	char **arguments = ctl_arguments(c, argc, argv, NULL, 0, 1, 1);
	json_t *parameters = arguments ? parse_server(arguments[0]) : NULL;

	return parameters ? call_and_print(c, "Ready", parameters, false) : EXIT_FAILURE;
}

int command_fail(struct ctl *c, int argc, char **argv)
{
	char **arguments = ctl_arguments(c, argc, argv, NULL, 0, 1, 1);
	json_t *parameters = arguments ? parse_server(arguments[0]) : NULL;

	return parameters ? call_and_print(c, "Fail", parameters, true) : EXIT_FAILURE;
}

static bool parse_weight(const char *word, json_int_t *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(word, &end, 10);
	if (errno || end == word || *end != '\0' || value < 0 || value > UINT16_MAX) {
		(void)ctl_fail("a weight is a number from 0 to 65535");
		return false;
	}
	*ret = value;
	return true;
}

int command_weight(struct ctl *c, int argc, char **argv)
{
	char **arguments = ctl_arguments(c, argc, argv, NULL, 0, 2, 2);
	json_int_t weight;
	json_t *parameters;

	if (!arguments || !parse_weight(arguments[1], &weight))
		return EXIT_FAILURE;
	parameters = parse_server(arguments[0]);
	if (!parameters)
		return EXIT_FAILURE;
	(void)json_object_set_new(parameters, "weight", json_integer(weight));
	return call_and_print(c, "Weight", parameters, weight == 0);
}
