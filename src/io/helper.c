/* The part that every helper program shares. A helper is told what to do on descriptor 3 and says
 * what happened there; it has no other way to be commanded, and it does not outlive the director.
 */
#include "io/helper.h"

#include "io/json_memory.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTOR_FD 3
#define LAST_WORDS_US 100000

struct helper {
	const struct helper_program *program;
	void *userdata;
	sd_event *loop;
	struct channel *director;
	bool leaving;
};

static void leave(struct helper *h, enum helper_leave why)
{
	if (h->leaving)
		return;
	h->leaving = true;
	if (h->program->leave)
		h->program->leave(h, why, h->userdata);
	(void)sd_event_exit(h->loop, 0);
}

/* Answered from a fixed buffer: a heartbeat costs no allocation. */
static void answer_heartbeat(struct helper *h, const json_t *parameters)
{
	char text[80];

	(void)snprintf(text, sizeof(text),
		"{\"method\":\"Heartbeat\",\"parameters\":{\"seq\":%lld}}",
		(long long)json_integer_value(json_object_get(parameters, "seq")));
	channel_send_text(h->director, text);
}

static void on_configure(struct helper *h, const json_t *parameters)
{
	json_t *errors = json_array();
	json_t *generation = json_object_get(parameters, "generation");

	if (h->program->configure(h, parameters, errors, h->userdata))
		helper_configured(h, generation, errors);
	else
		json_decref(errors);
}

static void on_report(struct helper *h, const json_t *parameters)
{
	json_t *report = json_object();
	json_t *seq = json_object_get(parameters, "seq");

	(void)json_object_set(report, "seq", seq ? seq : json_null());
	h->program->report(h, report, h->userdata);
	helper_send(h, "Report", report);
}

static void on_message(struct channel *c, json_t *message, void *userdata)
{
	struct helper *h = userdata;
	const char *method = json_string_value(json_object_get(message, "method"));
	const json_t *parameters = json_object_get(message, "parameters");

	(void)c;
	if (!method)
		return;
	if (strcmp(method, "Heartbeat") == 0)
		answer_heartbeat(h, parameters);
	else if (strcmp(method, "Configure") == 0)
		on_configure(h, parameters);
	else if (strcmp(method, "Report") == 0)
		on_report(h, parameters);
	else if (strcmp(method, "Shutdown") == 0)
		leave(h, json_is_true(json_object_get(parameters, "restart")) ? HELPER_LEAVE_RESTART
									      : HELPER_LEAVE_STOP);
	else if (h->program->message)
		h->program->message(h, method, parameters, h->userdata);
}

static void on_closed(struct channel *c, int reason, void *userdata)
{
	(void)c;
	(void)reason;
	leave(userdata, HELPER_LEAVE_LOST);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	(void)source;
	(void)si;
	leave(userdata, HELPER_LEAVE_STOP);
	return 0;
}

static int block_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	return 0;
}

static int set_up(struct helper *h)
{
	static const struct channel_handler handler = {.message = on_message, .closed = on_closed};
	int r = block_signals();

	if (r < 0)
		return r;
	r = sd_event_new(&h->loop);
	if (r < 0)
		return r;
	r = sd_event_add_signal(h->loop, NULL, SIGTERM, on_signal, h);
	if (r >= 0)
		r = sd_event_add_signal(h->loop, NULL, SIGINT, on_signal, h);
	if (r < 0)
		return r;
	return channel_new(h->loop, DIRECTOR_FD, &handler, h, &h->director);
}

int helper_new(const struct helper_program *program, void *userdata, struct helper **ret)
{
	struct helper *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->program = program;
	h->userdata = userdata;
	r = set_up(h);
	if (r < 0) {
		helper_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

int helper_run(struct helper *h)
{
	int r = sd_event_loop(h->loop);

	channel_flush(h->director, LAST_WORDS_US);
	return r;
}

void helper_free(struct helper *h)
{
	if (!h)
		return;
	channel_free(h->director);
	sd_event_unref(h->loop);
	free(h);
}

sd_event *helper_loop(struct helper *h)
{
	return h->loop;
}

void helper_configured(struct helper *h, json_t *generation, json_t *errors)
{
	helper_send(h, "Configured",
		json_pack("{s:O?, s:o}", "generation", generation, "errors", errors));
}

void helper_send(struct helper *h, const char *method, json_t *parameters)
{
	channel_call(h->director, method, parameters);
}

void helper_event(struct helper *h, enum event event, const char *message, ...)
{
	json_t *fields = json_object();
	const char *key;
	va_list ap;

	va_start(ap, message);
	while ((key = va_arg(ap, const char *)))
		(void)json_object_set_new(fields, key, json_string(va_arg(ap, const char *)));
	va_end(ap);
	helper_send(h, "Event",
		json_pack("{s:s, s:s, s:o}", "event", event_name(event), "message", message,
			"fields", fields));
}

/* NULL after having printed what was asked for or the usage; *ret_status is then the exit status.
 */
static const char *runtime_dir_of(int argc, char **argv, const char *name, int *ret_status)
{
	static const struct option options[] = {
		{"runtime-dir", required_argument, NULL, 'r'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *dir = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'r') {
			dir = optarg;
		} else if (option == 'V') {
			(void)printf("%s %s\n", name, TANDEM_VERSION);
			*ret_status = EXIT_SUCCESS;
			return NULL;
		} else {
			dir = NULL;
			break;
		}
	}
	if (!dir || optind != argc) {
		(void)fprintf(stderr, "usage: %s --runtime-dir DIR\n%s is started by tandemd(8).\n",
			name, name);
		*ret_status = EXIT_FAILURE;
		return NULL;
	}
	return dir;
}

int helper_main(int argc, char **argv, const char *name, int (*run)(const char *runtime_dir))
{
	int status, r;
	const char *dir;

	json_memory_init();
	dir = runtime_dir_of(argc, argv, name, &status);
	if (!dir)
		return status;
	r = run(dir);
	if (r < 0)
		(void)fprintf(stderr, "%s: %s\n", name, strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
