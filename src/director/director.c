/* Start, reload, stop. The election comes first in everything: the elector is configured before
 * IPVS is touched, and at the end it leaves before anything else is taken down. */
#include "director/director.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "director/restart.h"
#include "director/state.h"
#include "io/clock.h"
#include "io/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define STOP_TIMEOUT_US UINT64_C(2000000)
#define TEXT_MAX 8192 /* of a message or a field: the longest are errors of a configuration */

void director_log(struct director *d, enum event event, const char *message, json_t *fields)
{
	uint64_t now_unix_us = drains_now().unix_us;
	char line[TEXT_MAX];

	message = text_line(line, sizeof(line), message);
	events_keep(&d->events, now_unix_us, event, message, fields);
	why_note(d, now_unix_us, event, message, fields);
	journal_write(d->options->journal, event, message, fields);
}

void director_event(struct director *d, enum event event, const char *message, ...)
{
	json_t *fields = json_object();
	char text[TEXT_MAX];
	const char *key;
	va_list ap;

	va_start(ap, message);
	while ((key = va_arg(ap, const char *)))
		(void)json_object_set_new(fields, key,
			json_string(text_line(text, sizeof(text), va_arg(ap, const char *))));
	va_end(ap);
	director_log(d, event, message, fields);
	json_decref(fields);
}

static bool may_change(const struct control_call *call)
{
	return control_caller(call) == 0 || control_caller(call) == geteuid();
}

static void serve_status(struct director *d, struct control_call *call, const json_t *parameters)
{
	(void)parameters;
	status_request(d, call);
}

static void serve_reload(struct director *d, struct control_call *call, const json_t *parameters)
{
	reload_request(d, call, json_is_true(json_object_get(parameters, "yes")));
}

static void serve_events(struct director *d, struct control_call *call, const json_t *parameters)
{
	const char *router = json_string_value(json_object_get(parameters, "router"));

	if (router && !roles_is_router(d, router))
		operators_refuse_router(d, call, router);
	else
		control_reply(
			call, json_pack("{s:o}", "events", events_to_json(&d->events, router)));
}

static const struct method {
	const char *name;
	bool changes; /* only for those who may change something */
	void (*serve)(struct director *d, struct control_call *call, const json_t *parameters);
} methods[] = {
	{"Status", false, serve_status},
	{"Events", false, serve_events},
	{"Reload", true, serve_reload},
	{"Plan", true, plan_request},
	{"Repair", true, work_repair},
	{"Server", false, operators_server},
	{"Drain", true, operators_drain},
	{"Ready", true, operators_ready},
	{"Weight", true, operators_weight},
	{"Fail", true, operators_fail},
	{"Switchover", true, switchover_request},
	{"Maintenance", true, maintenance_request},
	{"Resync", true, resync_request},
	{"Push", true, push_request},
	{"Why", false, why_request},
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

static void on_call(
	struct control_call *call, const char *method, const json_t *parameters, void *userdata)
{
	const struct method *m = find_method(method);
	const char *wrong = control_wrong_parameter(parameters);
	struct director *d = userdata;

	if (d->stopping)
		control_error(call, "Stopping", NULL);
	else if (!m)
		control_no_method(call, method);
	else if (m->changes && !may_change(call))
		control_error(call, "PermissionDenied", NULL);
	else if (wrong)
		control_error(call, "InvalidParameter", json_pack("{s:s}", "parameter", wrong));
	else
		m->serve(d, call, parameters);
}

static int on_stop_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	(void)usec;
	(void)sd_event_exit(d->loop, 0); /* director_free() kills what is left */
	return 0;
}

/* systemd says SIGTERM for a restart too; who else supervises us says SIGUSR1. */
static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	if (d->stopping)
		return 0;
	d->stopping = true;
	d->restarting = si->ssi_signo == SIGUSR1 || systemd_is_restarting();
	if (d->restarting && !restart_mark(d->options->runtime_dir))
		d->restarting = false;
	helpers_leave(d);
	reload_stop(d);
	work_stop(d);
	switchover_done(d);
	resync_done(d);
	push_stop(d);
	(void)sd_notify(0, "STOPPING=1");
	director_event(d, EVENT_STOPPING,
		d->restarting ? "asked to restart: the addresses stay for the successor"
			      : "asked to stop: leaving the election",
		NULL);
	(void)sd_event_add_time_relative(d->loop, &d->stop_timeout, CLOCK_BOOTTIME, STOP_TIMEOUT_US,
		1000, on_stop_timeout, d);
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	(void)si;
	if (!d->stopping)
		reload_request(d, NULL, false);
	return 0;
}

static int set_up_loop(struct director *d)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1};
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	r = sd_event_new(&d->loop);
	if (r >= 0)
		r = sd_event_set_watchdog(d->loop, true);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGTERM, on_terminate, d);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGINT, on_terminate, d);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGUSR1, on_terminate, d);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGHUP, on_hangup, d);
	if (r >= 0)
		r = reload_init(d);
	return r < 0 ? r : 0;
}

/* One director for each runtime directory. */
int director_lock(const char *runtime_dir, bool create)
{
	char path[PATH_MAX];
	auto_close int fd = -1;

	if (create && mkdir(runtime_dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s/tandemd.lock", runtime_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return take_fd(&fd);
}

static int set_up(struct director *d)
{
	int r = d->lock_fd = director_lock(d->options->runtime_dir, true);

	if (r < 0)
		return r;
	(void)restart_unmark(d->options->runtime_dir);
	maintenance_init(d);
	why_init(d);
	r = set_up_loop(d);
	if (r >= 0)
		r = apply_init(d);
	if (r >= 0)
		r = shares_init(d);
	if (r >= 0)
		r = drains_init(d);
	if (r >= 0)
		r = push_init(d);
	if (r >= 0)
		r = conntrack_sync_init(d);
	if (r >= 0)
		r = peer_init(d);
	if (r >= 0)
		r = checks_init(d);
	if (r >= 0)
		r = track_init(d);
	if (r >= 0)
		r = notify_init(d);
	if (r >= 0)
		r = control_new(d->loop, d->options->runtime_dir, on_call, d, &d->control);
	if (r >= 0)
		r = runtime_dir_init(d);
	return r;
}

static void director_free(struct director *d)
{
	runtime_dir_done(d);
	status_done(d);
	server_view_done(d);
	control_free(d->control);
	helpers_done(d);
	if (d->loop)
		apply_done(d);
	checks_done(d);
	notify_done(d);
	track_done(d);
	drains_done(d);
	peer_done(d);
	conntrack_sync_done(d);
	link_done(d);
	shares_done(d);
	sd_event_source_disable_unref(d->stop_timeout);
	devices_done(d);
	why_done(d);
	reload_done(d);
	sd_event_unref(d->loop);
	roles_done(&d->roles);
	events_done(&d->events);
	if (d->lock_fd >= 0)
		(void)close(d->lock_fd);
}

static void tidy_up(struct director *d)
{
	process_done(&d->helpers[HELPER_ELECTOR]);
	if (d->restarting)
		return;
	roles_abandon(d); /* nothing to do unless the elector could not leave in order */
	if (d->conf->on_stop == CONF_ON_STOP_REMOVE)
		apply_remove_all(d);
}

void director_fail(struct director *d, const char *what, int error)
{
	char message[300];

	(void)snprintf(message, sizeof(message), "%s: %s", what,
		error == -EBUSY ? "another tandemd runs with this runtime directory"
				: strerror(-error));
	director_event(d, EVENT_ERROR, message, NULL);
}

/* sd_event_loop(), and how long a turn of it kept others waiting at most. */
static int loop(struct director *d)
{
	struct instant begun;
	uint64_t took_us;
	int r = 0;

	while (r >= 0 && sd_event_get_state(d->loop) != SD_EVENT_FINISHED) {
		r = sd_event_prepare(d->loop);
		if (r == 0)
			r = sd_event_wait(d->loop, UINT64_MAX);
		if (r <= 0)
			continue;
		begun = clock_now();
		r = sd_event_dispatch(d->loop);
		took_us = instant_between_us(begun, clock_now());
		if (took_us > d->loop_longest_us)
			d->loop_longest_us = took_us;
	}
	return r < 0 ? r : 0;
}

/* Takes conf. Runs until the loop ends; *ret_failed says what went wrong when it returns -errno.
 * NULL: that was told. */
static int run(struct director *d, struct conf *conf, const char **ret_failed)
{
	int r = helpers_check(d, conf);

	*ret_failed = NULL;
	if (r < 0) {
		conf_free(conf);
		return r;
	}
	r = set_up(d);

	if (r < 0) {
		conf_free(conf);
		*ret_failed = d->options->runtime_dir;
		return r;
	}
	*ret_failed = "cannot start";
	r = reload_adopt(d, conf);
	if (r < 0)
		return r;
	reload_begin(d, NULL);
	r = helpers_start(d);
	if (r < 0)
		return r;
	work_begin(d, TASK_WHOLE, NULL);
	*ret_failed = "the event loop failed";
	r = loop(d);
	if (r >= 0)
		tidy_up(d);
	return r;
}

int director_run(const struct director_options *options)
{
	struct director d = {.options = options,
		.started = clock_now(),
		.lock_fd = -1,
		.link = {.device = -1, .page = -1}};
	struct conf *conf = reload_load(&d);
	const char *failed;
	int r;

	if (!conf) {
		json_decref(d.rejected);
		return EXIT_FAILURE;
	}
	r = run(&d, conf, &failed);
	if (r < 0 && failed)
		director_fail(&d, failed, r);
	director_free(&d);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
