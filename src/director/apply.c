/* Bringing the kernel to what it should be: at the start, after a reload, on a change of role or of
 * a verdict, when the sync interface changes, and again after a failure. */
#include "director/state.h"

#include "base/cleanup.h"
#include "director/desired.h"
#include "director/settings.h"
#include "io/clock.h"
#include "io/sysctl.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_US UINT64_C(1000000)
#define RETRY_MAX_US UINT64_C(30000000)
#define ERRORS_LOGGED 5

/* How often the kernel's table is held against what should be. A look at a large table takes time:
 * at most a fiftieth of it is spent looking. */
#define LOOK_EVERY_US UINT64_C(5000000)
#define LOOK_SHARE 50

static int on_defer(sd_event_source *source, void *userdata)
{
	(void)source;
	apply_pending_now(userdata);
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	(void)apply_all(userdata);
	return 0;
}

static void look_later(struct director *d, uint64_t took_us)
{
	uint64_t us = LOOK_SHARE * took_us;

	if (us < LOOK_EVERY_US)
		us = LOOK_EVERY_US;
	(void)sd_event_source_set_time(d->pending.look, instant_add(clock_now(), us).us);
	(void)sd_event_source_set_enabled(d->pending.look, SD_EVENT_ONESHOT);
}

/* IPVS tells nobody of changes: what somebody else did to our services is found by looking. */
static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	struct instant begun = clock_now();
	char message[120], count[24];
	size_t n;

	(void)source;
	(void)usec;
	/* What is pending or failed is ours to do, and no drift. */
	n = !d->pending.any && d->pending.retries == 0 ? apply_all(d) : 0;
	if (n > 0) {
		d->drift_total += n;
		(void)snprintf(count, sizeof(count), "%zu", n);
		(void)snprintf(message, sizeof(message),
			"the table was not as it should be: %zu operations mend it", n);
		director_event(d, EVENT_IPVS_DRIFT, message, "TANDEM_OPERATIONS", count, NULL);
	}
	look_later(d, instant_between_us(begun, clock_now()));
	return 0;
}

int apply_init(struct director *d)
{
	struct pending *p = &d->pending;
	int r = balancer_init(&d->balancer, d->options->runtime_dir);

	d->ipvs_errors = json_array();
	if (r >= 0)
		r = sd_event_add_defer(d->loop, &p->defer, on_defer, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->defer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &p->retry, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_retry, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->retry, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &p->look, CLOCK_BOOTTIME, UINT64_MAX, 100000, on_look, d);
	if (r >= 0)
		look_later(d, 0);
	return r < 0 ? r : 0;
}

void apply_done(struct director *d)
{
	sd_event_source_disable_unref(d->pending.defer);
	sd_event_source_disable_unref(d->pending.retry);
	sd_event_source_disable_unref(d->pending.look);
	free(d->pending.services);
	json_decref(d->ipvs_errors);
	balancer_done(&d->balancer);
}

bool *apply_prepare(const struct conf *conf)
{
	return calloc(conf->n_services + 1, sizeof(bool));
}

void apply_forget(struct director *d, bool *services)
{
	free(d->pending.services);
	d->pending.services = services;
	d->pending.any = false;
}

static void retry_later(struct director *d)
{
	uint64_t us = RETRY_FIRST_US << (d->pending.retries < 5 ? d->pending.retries : 5);
	int armed = SD_EVENT_OFF;

	/* The next retry does everything: another failure meanwhile must not put it off. */
	(void)sd_event_source_get_enabled(d->pending.retry, &armed);
	if (armed != SD_EVENT_OFF)
		return;
	d->pending.retries++;
	if (us > RETRY_MAX_US)
		us = RETRY_MAX_US;
	(void)sd_event_source_set_time(d->pending.retry, instant_add(clock_now(), us).us);
	(void)sd_event_source_set_enabled(d->pending.retry, SD_EVENT_ONESHOT);
}

static bool is_in(const json_t *array, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach (array, i, item)
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

/* Log and remember what went wrong; the same problem met again is not news. */
static void note_errors(struct director *d, const struct balance *b, json_t *errors)
{
	for (size_t i = 0; i < b->n_errors; i++) {
		bool known = is_in(d->ipvs_errors, b->errors[i]);

		if (!is_in(errors, b->errors[i]))
			(void)json_array_append_new(errors, json_string(b->errors[i]));
		if (i < ERRORS_LOGGED && !known)
			director_event(d, EVENT_IPVS_FAILED, b->errors[i], NULL);
	}
}

static void note_operations(
	struct director *d, const struct balance *b, const char *what, struct instant begun)
{
	uint64_t elapsed_us = instant_between_us(begun, clock_now());
	char message[120], count[24], elapsed[24];

	if (b->operations == 0)
		return;
	d->operations_last = b->operations;
	d->apply_last_us = elapsed_us;
	d->operations_total += b->operations;
	(void)snprintf(count, sizeof(count), "%zu", b->operations);
	(void)snprintf(elapsed, sizeof(elapsed), "%" PRIu64, elapsed_us);
	(void)snprintf(message, sizeof(message),
		"%s operations for %s in %" PRIu64 ".%03u ms, %zu failed", count, what,
		elapsed_us / 1000, (unsigned)(elapsed_us % 1000), b->failures);
	director_event(d, EVENT_IPVS_APPLIED, message, "TANDEM_OPERATIONS", count,
		"TANDEM_ELAPSED_US", elapsed, NULL);
}

static struct desired_input desired_input(const struct director *d, const bool *only)
{
	return (struct desired_input){.conf = d->conf,
		.targets = &d->targets,
		.pools = &d->pools,
		.router_active = d->roles.active,
		.only = only};
}

static int apply_table(struct director *d, const bool *only, const struct ipvs_service_key *keys,
	size_t n_keys, struct balance *ret)
{
	struct desired_input in = desired_input(d, only);
	struct ipvs_table want;
	int r = desired_build(&in, &want);

	if (r < 0)
		return r;
	r = balancer_apply(&d->balancer, &want, keys, n_keys, ret);
	desired_done(&want);
	return r;
}

static struct ipvs_sync sync_of(const struct conf_link *link, enum ipvs_sync_role role)
{
	struct ipvs_sync sync = {.role = role,
		.sync_id = link->sync_id,
		/* What we receive may be longer than what we send. */
		.maxlen = role == IPVS_SYNC_MASTER ? link->maxlen : 0,
		.group = link->group,
		.port = link->port,
		.ttl = link->ttl};

	(void)snprintf(sync.interface, sizeof(sync.interface), "%s", link->interface);
	return sync;
}

static int apply_sync(struct director *d, struct balance *ret)
{
	const struct conf_link *link = &d->conf->link;
	unsigned ifindex = link->enabled ? if_nametoindex(link->interface) : 0;
	struct ipvs_sync want[2];
	int r;

	*ret = (struct balance){0};
	if (!link->enabled)
		return balancer_sync(&d->balancer, NULL, 0, 0, ret);
	if (ifindex == 0) {
		ret->failures = ret->n_errors = 1;
		(void)snprintf(ret->errors[0], sizeof(ret->errors[0]),
			"nothing is synced: the link interface %s does not exist", link->interface);
		return -ENODEV;
	}
	want[0] = sync_of(link, IPVS_SYNC_MASTER);
	want[1] = sync_of(link, IPVS_SYNC_BACKUP);
	r = balancer_sync(&d->balancer, want, 2, ifindex, ret);
	if (r >= 0 && ret->operations > 0)
		director_event(d, EVENT_SYNC_STARTED, "the kernel's sync daemons were started",
			"INTERFACE", link->interface, NULL);
	return r;
}

static void on_setting_failed(const char *name, const char *value, int error, void *userdata)
{
	char message[200];

	(void)snprintf(message, sizeof(message), "cannot set %s to \"%s\": %s", name, value,
		strerror(-error));
	director_event(userdata, EVENT_SYSCTL_FAILED, message, "TANDEM_SYSCTL", name, NULL);
}

static void apply_settings(struct director *d)
{
	auto_free char *record = NULL;

	if (asprintf(&record, "%s/sysctl.json", d->options->runtime_dir) < 0) {
		record = NULL;
		return;
	}
	(void)settings_apply(d->conf, record, on_setting_failed, d);
}

static bool uses_ipvs(const struct director *d)
{
	return d->conf->n_services > 0 || d->conf->link.enabled || balancer_has_own(&d->balancer);
}

/* Sync daemons come after the services: a synced connection is bound to its service only if that is
 * there before it. Settings come before both. */
size_t apply_all(struct director *d)
{
	struct instant begun = clock_now();
	json_t *errors = json_array();
	struct balance table = {0}, sync = {0};
	int r, r_sync;

	shares_settle(d);
	memset(d->pending.services, 0, d->conf->n_services * sizeof(*d->pending.services));
	d->pending.any = false;
	(void)sd_event_source_set_enabled(d->pending.defer, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(d->pending.retry, SD_EVENT_OFF);
	if (!uses_ipvs(d)) { /* an election alone needs no IPVS in the kernel */
		json_decref(d->ipvs_errors);
		d->ipvs_errors = errors;
		return 0;
	}
	r = balancer_open(&d->balancer);
	d->ipvs_available = r >= 0;
	if (d->ipvs_available) /* else half of them do not exist, at each attempt */
		apply_settings(d);
	r = apply_table(d, NULL, NULL, 0, &table);
	r_sync = d->ipvs_available ? apply_sync(d, &sync) : 0;
	note_errors(d, &table, errors);
	note_errors(d, &sync, errors);
	table.operations += sync.operations;
	table.failures += sync.failures;
	note_operations(d, &table, "the whole table", begun);
	json_decref(d->ipvs_errors);
	d->ipvs_errors = errors;
	if (r < 0 || r_sync < 0)
		retry_later(d);
	else
		d->pending.retries = 0;
	return table.operations;
}

void apply_service(struct director *d, size_t service)
{
	d->pending.services[service] = true;
	d->pending.any = true;
	(void)sd_event_source_set_enabled(d->pending.defer, SD_EVENT_ONESHOT);
}

void apply_pending_now(struct director *d)
{
	auto_free struct ipvs_service_key *keys = NULL;
	struct instant begun = clock_now();
	struct balance result;
	size_t n = 0;

	if (!d->pending.any)
		return;
	d->pending.any = false;
	keys = calloc(d->conf->n_services, sizeof(*keys));
	if (!keys) {
		retry_later(d);
		return;
	}
	for (size_t i = 0; i < d->conf->n_services; i++)
		if (d->pending.services[i])
			keys[n++] = d->conf->services[i].key;
	if (apply_table(d, d->pending.services, keys, n, &result) < 0)
		retry_later(d);
	memset(d->pending.services, 0, d->conf->n_services * sizeof(*d->pending.services));
	note_errors(d, &result, d->ipvs_errors);
	note_operations(d, &result, "changed services", begun);
}

void apply_sync_changed(struct director *d)
{
	struct instant begun = clock_now();
	struct balance result;

	if (!d->ipvs_available)
		return;
	if (apply_sync(d, &result) < 0)
		retry_later(d);
	note_errors(d, &result, d->ipvs_errors);
	note_operations(d, &result, "the sync daemons", begun);
}

void apply_adopt(struct director *d)
{
	struct ipvs_table have;

	if (!uses_ipvs(d) || balancer_dump_own(&d->balancer, &have) < 0)
		return;
	targets_adopt(&d->targets, d->conf, &have);
	shares_adopt(d, &have);
	ipvs_table_done(&have);
}

void apply_remove_all(struct director *d)
{
	struct instant begun = clock_now();
	struct balance result;
	auto_free char *record = NULL;

	if (balancer_remove_all(&d->balancer, &result) < 0)
		note_errors(d, &result, d->ipvs_errors);
	note_operations(d, &result, "leaving", begun);
	if (asprintf(&record, "%s/sysctl.json", d->options->runtime_dir) < 0)
		record = NULL;
	if (record && sysctl_restore(record) < 0) {
		director_event(d, EVENT_SYSCTL_FAILED, "not every setting could be restored", NULL);
		(void)json_array_append_new(
			d->ipvs_errors, json_string("not every setting could be restored"));
	}
}

/* The link's side, while it is the kernel's sync. */
void link_configure(struct director *d)
{
	const struct conf_link *link = &d->conf->link;
	char group[ADDR_TEXT_MAX];
	json_t *parameters;

	if (link->enabled)
		parameters = json_pack("{s:i, s:s, s:s, s:s, s:i, s:i}", "generation",
			d->generation, "mode", "kernel", "interface", link->interface, "group",
			addr_format(&link->group, group), "port", (int)link->port, "sync_id",
			(int)link->sync_id);
	else
		parameters = json_pack("{s:i, s:s}", "generation", d->generation, "mode", "off");
	process_call(&d->helpers[HELPER_LINK], "Configure", parameters);
}

void link_message(struct director *d, const char *method, const json_t *parameters)
{
	bool present = json_is_true(json_object_get(parameters, "present"));

	if (strcmp(method, "Interface") != 0 || !d->conf->link.enabled)
		return;
	if (!present)
		director_event(d, EVENT_SYNC_LOST, "the link interface is gone: nothing is synced",
			"INTERFACE", d->conf->link.interface, NULL);
	else
		apply_sync_changed(d);
}
