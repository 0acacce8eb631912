/* The three helper processes: who they are, what they are told, and who listens to what they say.
 */
#include "director/state.h"

#include "director/heard.h"
#include "io/clock.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The link's word delays or allows a takeover, and a late heartbeat is no word. */
#define LINK_NICE (-10)

/* A failover of all virtual routers is some thousand events at once. */
static const struct allowance_settings events_allowed = {.n = 8192, .us = 10000000};

static const struct process_kind kinds[HELPER_MAX_] = {
	[HELPER_ELECTOR] = {.name = "elector", .program = "tandem-elector"},
	[HELPER_CHECKER] = {.name = "checker", .program = "tandem-checker", .user = "tandem"},
	[HELPER_LINK] = {.name = "link", .program = "tandem-link", .nice = LINK_NICE},
};

/* One that is to be started again is configured then. */
static void configure_checker(struct director *d)
{
	struct process *p = &d->helpers[HELPER_CHECKER];

	if (!process_set_capabilities(p, checks_capabilities(d)))
		checks_configure(d);
	else
		checks_forget(d);
}

static void configure(struct director *d, enum helper_index helper)
{
	switch (helper) {
	case HELPER_ELECTOR:
		roles_configure(d);
		break;
	case HELPER_CHECKER:
		configure_checker(d);
		break;
	case HELPER_LINK:
		link_configure(d);
		break;
	case HELPER_MAX_:
		break;
	}
}

static enum helper_index index_of(const struct director *d, const struct process *p)
{
	return (enum helper_index)(p - d->helpers);
}

static void on_started(struct process *p, void *userdata)
{
	struct director *d = userdata;
	char message[80], pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", p->pid);
	(void)snprintf(message, sizeof(message), "%s started", p->kind->program);
	director_event(d, EVENT_HELPER_STARTED, message, "TANDEM_HELPER", p->kind->name,
		"TANDEM_PID", pid, NULL);
	if (index_of(d, p) == HELPER_CHECKER)
		checks_started(d);
	configure(d, index_of(d, p));
}

static void tell_refused(struct director *d, enum helper_index from, uint64_t n)
{
	char message[120];

	if (n == 0)
		return;
	(void)snprintf(message, sizeof(message),
		"%s asked for more than can be logged: %" PRIu64 " events are missing",
		kinds[from].program, n);
	director_event(d, EVENT_ERROR, message, "TANDEM_HELPER", kinds[from].name, NULL);
}

/* What a helper asks to be logged: its word for what happened, our severity and id for it. */
static void on_event(struct director *d, enum helper_index from, const json_t *parameters)
{
	struct allowance *heard = &d->heard[from];
	struct instant now = clock_now();
	struct heard_event said;

	tell_refused(d, from, allowance_refused(heard, &events_allowed, now));
	if (!allowance_take(heard, &events_allowed, now))
		return;
	heard_event_read(from, parameters, &said);
	director_log(d, said.event, said.message, said.fields);
	json_decref(said.fields);
}

static void on_message(
	struct process *p, const char *method, const json_t *parameters, void *userdata)
{
	struct director *d = userdata;
	enum helper_index from = index_of(d, p);

	if (strcmp(method, "Event") == 0) {
		on_event(d, from, parameters);
		return;
	}
	if (strcmp(method, "Configured") == 0) {
		if (from == HELPER_CHECKER)
			checks_configured(d, parameters);
		reload_configured(d, from, parameters);
		return;
	}
	if (strcmp(method, "Report") == 0) {
		status_report(d, from, parameters);
		return;
	}
	switch (from) {
	case HELPER_ELECTOR:
		roles_message(d, method, parameters);
		break;
	case HELPER_CHECKER:
		checks_message(d, method, parameters);
		break;
	case HELPER_LINK:
		link_message(d, method, parameters);
		break;
	case HELPER_MAX_:
		break;
	}
}

static void on_died(struct process *p, const char *how, bool hung, void *userdata)
{
	struct director *d = userdata;
	char message[PROCESS_DEATH_MAX + 80];

	(void)snprintf(message, sizeof(message),
		hung ? "%s did not answer its heartbeat and %s" : "%s %s", p->kind->program, how);
	director_event(d, hung ? EVENT_HELPER_HUNG : EVENT_HELPER_DIED, message, "TANDEM_HELPER",
		p->kind->name, NULL);
	if (index_of(d, p) == HELPER_LINK)
		link_died(d);
}

static void on_abandoned(struct process *p, void *userdata)
{
	struct director *d = userdata;

	if (index_of(d, p) == HELPER_ELECTOR)
		roles_abandon(d);
}

/* The last one to leave ends the loop. */
void helpers_leave_if_alone(struct director *d)
{
	for (enum helper_index i = 0; i < HELPER_MAX_; i++)
		if (process_is_running(&d->helpers[i]))
			return;
	if (notify_is_busy(d))
		return;
	(void)sd_event_exit(d->loop, 0);
}

static void on_left(struct process *p, void *userdata)
{
	(void)p;
	helpers_leave_if_alone(userdata);
}

static bool is_needed(const struct conf *conf, enum helper_index helper)
{
	switch (helper) {
	case HELPER_ELECTOR:
		return conf->n_routers > 0;
	case HELPER_CHECKER:
		return conf->n_pools > 0;
	case HELPER_LINK:
		return conf->link.enabled;
	case HELPER_MAX_:
		break;
	}
	return false;
}

/* An installation that is broken is better told of at once than found out in a status. Once a
 * director runs, what it has goes on serving, and a helper that cannot be started again is a
 * problem there. */
int helpers_check(struct director *d, const struct conf *conf)
{
	char path[PATH_MAX], message[PATH_MAX + 80];
	int r = 0;

	for (enum helper_index i = 0; i < HELPER_MAX_; i++) {
		int error = is_needed(conf, i)
				    ? process_find(&kinds[i], d->options->libexec_dir, path)
				    : 0;

		if (error >= 0)
			continue;
		r = error;
		(void)snprintf(message, sizeof(message),
			"the configuration needs %s, which cannot be run: %s", path,
			strerror(-error));
		director_event(d, EVENT_ERROR, message, "TANDEM_HELPER", kinds[i].name, NULL);
	}
	return r;
}

int helpers_start(struct director *d)
{
	static const struct process_handler handler = {.started = on_started,
		.message = on_message,
		.died = on_died,
		.left = on_left,
		.abandoned = on_abandoned};
	struct supervise_settings supervision = roles_supervision(d->conf);
	int r;

	for (enum helper_index i = 0; i < HELPER_MAX_; i++) {
		r = process_init(&d->helpers[i], d->loop, &kinds[i], &handler, d,
			d->options->libexec_dir, d->options->runtime_dir);
		if (r < 0)
			return r;
	}
	r = link_init(d);
	if (r < 0)
		return r;
	r = link_prepare(d);
	if (r < 0)
		director_event(d, EVENT_ERROR,
			"the device " LINK_DEVICE " cannot be made: nothing is synced", "ERRNO",
			strerror(-r), NULL);
	process_start(&d->helpers[HELPER_ELECTOR], &supervision);
	return 0;
}

/* The checker is told what the table already says: what serves goes on serving. */
void helpers_start_rest(struct director *d)
{
	static const struct supervise_settings relaxed = {
		.beat_us = 1000000, .silence_us = 5000000};

	if (d->stopping)
		return;
	(void)process_set_capabilities(&d->helpers[HELPER_CHECKER], checks_capabilities(d));
	process_start(&d->helpers[HELPER_CHECKER], &relaxed);
	process_start(&d->helpers[HELPER_LINK], &relaxed);
}

void helpers_configure(struct director *d)
{
	struct supervise_settings supervision = roles_supervision(d->conf);

	(void)link_prepare(d); /* what fails is told, and tried again, with the table */
	process_set(&d->helpers[HELPER_ELECTOR], &supervision);
	for (enum helper_index i = 0; i < HELPER_MAX_; i++)
		configure(d, i);
}

void helpers_leave(struct director *d)
{
	for (enum helper_index i = 0; i < HELPER_MAX_; i++)
		process_leave(&d->helpers[i], d->restarting);
	helpers_leave_if_alone(d);
}

void helpers_done(struct director *d)
{
	for (enum helper_index i = 0; i < HELPER_MAX_; i++)
		if (d->helpers[i].kind)
			process_done(&d->helpers[i]);
}
