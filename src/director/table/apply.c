/* Bringing single services to the kernel, at once: a verdict, a change of role, a drain. And what
 * goes along with the table: settings, sync daemons. The whole table is work.c's. */
#include "director/state.h"

#include "base/cleanup.h"
#include "director/table/desired.h"
#include "io/clock.h"
#include "io/tun.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_US UINT64_C(1000000)
#define RETRY_MAX_US UINT64_C(30000000)
#define ERRORS_LOGGED 5

/* Services at once, and for how long in one turn of the loop. */
#define SERVICES_AT_ONCE 8
#define TURN_US UINT64_C(5000)

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
	work_whole_soon(userdata);
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
		r = trouble_init(d);
	if (r >= 0)
		r = work_init(d);
	return r < 0 ? r : forwarding_init(d);
}

void apply_done(struct director *d)
{
	work_done(d);
	sd_event_source_disable_unref(d->pending.defer);
	sd_event_source_disable_unref(d->pending.retry);
	sd_event_source_disable_unref(d->pending.cure);
	services_done(&d->services);
	json_decref(d->ipvs_errors);
	forwarding_done(d);
	balancer_done(&d->balancer);
}

int services_prepare(const struct conf *conf, struct services *ret)
{
	struct services s = {.n = conf->n_services,
		.order = desired_order(conf),
		.pending = calloc(conf->n_services + 1, sizeof(*s.pending)),
		.list = calloc(conf->n_services + 1, sizeof(*s.list)),
		.troubles = calloc(conf->n_services + 1, sizeof(*s.troubles))};

	if (!s.order || !s.pending || !s.list || !s.troubles) {
		services_done(&s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void services_done(struct services *s)
{
	for (size_t i = 0; s->n_troubles > 0 && i < s->n; i++)
		free(s->troubles[i].text);
	free(s->order);
	free(s->pending);
	free(s->list);
	free(s->troubles);
	*s = (struct services){0};
}

void apply_forget(struct director *d, struct services *services)
{
	services_done(&d->services);
	d->services = *services;
	*services = (struct services){0};
	(void)sd_event_source_set_enabled(d->pending.defer, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(d->pending.cure, SD_EVENT_OFF);
}

void apply_retry_later(struct director *d)
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

bool apply_is_told(const json_t *array, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach (array, i, item)
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

void apply_note_errors(struct director *d, const struct balance *b, json_t *errors)
{
	for (size_t i = 0; i < b->n_errors; i++) {
		bool known = apply_is_told(d->ipvs_errors, b->errors[i]);

		if (!apply_is_told(errors, b->errors[i]))
			(void)json_array_append_new(errors, json_string(b->errors[i]));
		if (i < ERRORS_LOGGED && !known)
			director_event(d, EVENT_IPVS_FAILED, b->errors[i], NULL);
	}
}

void apply_note_operations(
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

struct desired_input apply_input(const struct director *d)
{
	return (struct desired_input){.conf = d->conf,
		.targets = &d->targets,
		.pools = &d->pools,
		.router_active = d->roles.active};
}

json_t *apply_errors(const struct director *d)
{
	json_t *errors = json_copy(d->ipvs_errors);

	for (size_t i = 0; d->services.n_troubles > 0 && i < d->services.n; i++)
		if (d->services.troubles[i].text)
			(void)json_array_append_new(
				errors, json_string(d->services.troubles[i].text));
	return errors;
}

static struct ipvs_sync sync_of(const struct conf *conf, enum ipvs_sync_role role)
{
	const struct conf_link *link = &conf->link;
	struct ipvs_sync sync = {.role = role,
		.sync_id = link->sync_id,
		/* What we receive may be longer than what we send. */
		.maxlen = role == IPVS_SYNC_MASTER ? link->maxlen : 0,
		.group = link_is_tandem(conf) ? tun_group(&link->group) : link->group,
		.port = link->port,
		.ttl = link->ttl};

	(void)snprintf(sync.interface, sizeof(sync.interface), "%s", link_sync_interface(conf));
	return sync;
}

/* In tandem mode a pair that balances nothing has nothing to sync. */
static bool is_synced(const struct conf *conf)
{
	return conf->link.enabled && (!link_is_tandem(conf) || conf->n_services > 0);
}

int apply_sync(struct director *d, struct balance *ret)
{
	const char *interface = d->conf->link.enabled ? link_sync_interface(d->conf) : NULL;
	struct ipvs_sync want[2];
	unsigned ifindex;
	int r = link_prepare(d);

	*ret = (struct balance){0};
	if (!is_synced(d->conf))
		return balancer_sync(&d->balancer, NULL, 0, 0, ret);
	ifindex = if_nametoindex(interface);
	if (r < 0 || ifindex == 0) {
		balance_error(ret,
			r < 0 ? "nothing is synced: the device %s cannot be made: %s"
			      : "nothing is synced: the link interface %s does not exist",
			interface, strerror(-r));
		return r < 0 ? r : -ENODEV;
	}
	want[0] = sync_of(d->conf, IPVS_SYNC_MASTER);
	want[1] = sync_of(d->conf, IPVS_SYNC_BACKUP);
	r = balancer_sync(&d->balancer, want, 2, ifindex, ret);
	if (r >= 0 && ret->operations > 0)
		director_event(d, EVENT_SYNC_STARTED, "the kernel's sync daemons were started",
			"INTERFACE", interface, NULL);
	return r;
}

/* The settings and rules around the table. Returns how many were not as they should be; what is to
 * be tried again is noted. */
size_t apply_forwarding(struct director *d)
{
	size_t changed = 0;
	int r = d->ipvs_available ? forwarding_apply(d, d->work.errors, &changed)
				  : forwarding_apply_without_ipvs(d, d->work.errors, &changed);

	if (r < 0)
		d->work.forwarding_failed = true;
	return changed;
}

bool apply_uses_ipvs(const struct director *d, const struct conf *conf)
{
	return conf->n_services > 0 || is_synced(conf) || balancer_has_own(&d->balancer);
}

void apply_service(struct director *d, size_t service)
{
	struct services *s = &d->services;

	if (s->pending[service])
		return;
	if (s->next == s->n_pending)
		s->next = s->n_pending = 0;
	if (s->next > 0 && s->n_pending == s->n) { /* there is room before those that wait */
		memmove(s->list, &s->list[s->next], (s->n_pending - s->next) * sizeof(*s->list));
		s->n_pending -= s->next;
		s->next = 0;
	}
	s->pending[service] = true;
	s->list[s->n_pending++] = service;
	(void)sd_event_source_set_enabled(d->pending.defer, SD_EVENT_ONESHOT);
}

void apply_pending_forget(struct director *d)
{
	struct services *s = &d->services;

	while (s->next < s->n_pending)
		s->pending[s->list[s->next++]] = false;
	(void)sd_event_source_set_enabled(d->pending.defer, SD_EVENT_OFF);
}

/* The troubles and cures among the services just tried. */
static void note_outcome(struct director *d, const size_t *list, size_t n, const struct balance *b)
{
	for (size_t i = 0; i < n; i++) {
		const struct ipvs_service_key *key = &d->conf->services[list[i]].key;
		const char *text = balance_trouble_of(b, key);

		if (text)
			trouble_note(d, list[i], text);
		else
			trouble_over(d, list[i]);
	}
}

/* Some services, made so. Returns -errno when they could not be tried. */
static int apply_some(struct director *d, const size_t *list, size_t n, struct balance *total)
{
	struct desired_input in = apply_input(d);
	struct ipvs_service_key keys[SERVICES_AT_ONCE];
	struct balance b = {0};
	struct ipvs_table want;
	int r;

	in.only = list;
	in.n_only = n;
	for (size_t i = 0; i < n; i++)
		keys[i] = d->conf->services[list[i]].key;
	r = desired_build(&in, &want);
	if (r < 0)
		return r;
	r = balancer_apply(&d->balancer, &want, keys, n, &b);
	desired_done(&want);
	total->operations += b.operations;
	total->failures += b.failures;
	if (r < 0 && !b.of_services) {
		apply_note_errors(d, &b, d->ipvs_errors);
		return r;
	}
	note_outcome(d, list, n, &b);
	for (size_t i = 0; i < n; i++)
		work_service_done(d, list[i]);
	return 0;
}

/* All names at once: a file is written for them. */
static int record_pending(struct director *d)
{
	struct services *s = &d->services;
	struct desired_input in = apply_input(d);
	auto_free struct ipvs_service_key *keys = calloc(s->n_pending - s->next + 1, sizeof(*keys));
	struct balance b = {0};
	size_t n = 0;
	int r;

	if (!keys)
		return -ENOMEM;
	for (size_t i = s->next; i < s->n_pending; i++)
		if (desired_is_programmed(&in, s->list[i]))
			keys[n++] = d->conf->services[s->list[i]].key;
	r = balancer_record(&d->balancer, keys, n, &b);
	apply_note_errors(d, &b, d->ipvs_errors);
	return r;
}

static bool next_pending(struct director *d, struct balance *total)
{
	struct services *s = &d->services;
	size_t list[SERVICES_AT_ONCE], n = 0;

	while (n < SERVICES_AT_ONCE && s->next < s->n_pending) {
		list[n++] = s->list[s->next++];
		s->pending[list[n - 1]] = false;
	}
	return n > 0 && apply_some(d, list, n, total) == 0;
}

void apply_pending_now(struct director *d)
{
	struct services *s = &d->services;
	struct instant begun = clock_now(), end = instant_add(begun, TURN_US);
	struct balance total = {0};
	bool good;

	if (s->next == s->n_pending)
		return;
	good = record_pending(d) == 0;
	while (good && s->next < s->n_pending) {
		good = next_pending(d, &total);
		if (instant_reached(end, clock_now()))
			break;
	}
	apply_note_operations(d, &total, "changed services", begun);
	if (!good) {
		apply_pending_forget(d);
		apply_retry_later(d);
	} else if (s->next < s->n_pending) {
		(void)sd_event_source_set_enabled(d->pending.defer, SD_EVENT_ONESHOT);
	}
}

void apply_sync_changed(struct director *d)
{
	struct instant begun = clock_now();
	struct balance result;

	if (!d->ipvs_available)
		return;
	if (apply_sync(d, &result) < 0)
		apply_retry_later(d);
	apply_note_errors(d, &result, d->ipvs_errors);
	apply_note_operations(d, &result, "the sync daemons", begun);
}

void apply_adopt(struct director *d, const struct ipvs_table *have)
{
	struct ipvs_table own = *have;
	auto_free struct ipvs_service *services = calloc(have->n_services + 1, sizeof(*services));

	if (!services)
		return;
	own.services = services;
	own.n_services = 0;
	for (size_t i = 0; i < have->n_services; i++)
		if (record_has(&d->balancer.record, &have->services[i].key))
			services[own.n_services++] = have->services[i];
	targets_adopt(&d->targets, d->conf, &own);
	shares_adopt(d, &own);
}

void apply_remove_all(struct director *d)
{
	struct instant begun = clock_now();
	struct balance result;

	if (balancer_remove_all(&d->balancer, &result) < 0)
		apply_note_errors(d, &result, d->ipvs_errors);
	apply_note_operations(d, &result, "leaving", begun);
	link_remove_device(d);
	forwarding_remove(d);
}
