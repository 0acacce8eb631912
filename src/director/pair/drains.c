/* Drains under way: their connections are counted once a second, by looking at the services that
 * have the server, and nowhere else: once for all drains of a pool, and in turns of the loop. */
#include "director/state.h"

#include "base/cleanup.h"
#include "io/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* At most a fiftieth of the time is spent counting. */
#define COUNT_EVERY_US UINT64_C(1000000)
#define COUNT_SHARE 50
#define TURN_US UINT64_C(5000) /* or the time that the services of one pool take */

/* What the kernel has of the services of one pool. */
struct pool_table {
	size_t pool; /* CONF_NONE: nothing was dumped yet */
	bool known;
	struct ipvs_table have;
};

struct overrides_now drains_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (struct overrides_now){
		clock_now(), (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000};
}

bool drains_find(
	const struct director *d, const char *pool, const char *server, struct server_place *ret)
{
	for (size_t i = 0; i < d->conf->n_pools; i++) {
		const struct conf_pool *p = &d->conf->pools[i];

		for (size_t j = 0; strcmp(p->name, pool) == 0 && j < p->n_servers; j++)
			if (strcmp(p->servers[j].name, server) == 0) {
				*ret = (struct server_place){i, j};
				return true;
			}
	}
	return false;
}

/* Whether a service has the servers of a pool, as its own or as its fallback's. */
static bool has_pool(const struct director *d, size_t service, size_t pool)
{
	size_t own = d->conf->services[service].pool;

	if (conf_is_path(&d->conf->services[service]))
		return false; /* its connections are ours */
	return own == pool || d->conf->pools[own].fallback == pool;
}

static void count_in(const struct director *d, const struct server_place *place, size_t service,
	const struct ipvs_table *have, struct drain_count *count)
{
	const struct conf_service *s = &d->conf->services[service];
	const struct conf_server *server = &d->conf->pools[place->pool].servers[place->server];
	struct ipvs_dest_key key = {server->address, server_port(s, server)};
	const struct ipvs_service *found = ipvs_table_find(have, &s->key);

	for (uint32_t i = 0; found && i < found->n_dests; i++) {
		const struct ipvs_dest *dest = &have->dests[found->first_dest + i];

		if (ipvs_dest_key_compare(&dest->key, &key) != 0)
			continue;
		count->active += dest->active;
		count->inactive += dest->inactive;
	}
}

static int dump_pool(struct director *d, size_t pool, struct ipvs_table *ret)
{
	auto_free struct ipvs_service_key *keys = calloc(d->conf->n_services + 1, sizeof(*keys));
	size_t n = 0;
	int r = keys ? balancer_open(&d->balancer) : -ENOMEM;

	if (r < 0)
		return r;
	for (size_t i = 0; i < d->conf->n_services; i++)
		if (has_pool(d, i, pool))
			keys[n++] = d->conf->services[i].key;
	return ipvs_dump_some(d->balancer.ipvs, keys, n, ret);
}

static void pool_table_done(struct pool_table *t)
{
	if (t->known)
		ipvs_table_done(&t->have);
	*t = (struct pool_table){.pool = CONF_NONE};
}

static struct drain_count count_at(
	struct director *d, const struct server_place *place, struct pool_table *t)
{
	struct drain_count count = {.known = true};

	if (t->pool != place->pool) {
		pool_table_done(t);
		t->known = dump_pool(d, place->pool, &t->have) >= 0;
		t->pool = place->pool;
	}
	if (!t->known)
		return (struct drain_count){.known = false};
	for (size_t i = 0; i < d->conf->n_services; i++)
		if (has_pool(d, i, place->pool))
			count_in(d, place, i, &t->have, &count);
	return count;
}

struct drain_count drains_count(struct director *d, const struct server_place *place)
{
	struct pool_table table = {.pool = CONF_NONE};
	struct drain_count count = count_at(d, place, &table);

	pool_table_done(&table);
	return count;
}

void drains_tell(struct director *d, enum event event, const char *pool, const char *server,
	const char *what)
{
	char name[160], message[480];

	(void)snprintf(name, sizeof(name), "%s/%s", pool, server);
	(void)snprintf(message, sizeof(message), "server %s %s", name, what);
	director_event(d, event, message, "TANDEM_SERVER", name, NULL);
}

static void tell_end(struct director *d, const struct override *o, const struct drain_count *count)
{
	char what[160];

	if (o->decision.drain.state == DRAIN_DRAINED) {
		drains_tell(d, EVENT_DRAIN_DONE, o->pool, o->server,
			"is drained: its last connection has ended");
		return;
	}
	if (count->known)
		(void)snprintf(what, sizeof(what),
			"is taken out at the deadline of its drain, with %" PRIu64
			" active and %" PRIu64 " inactive connections",
			count->active, count->inactive);
	else
		(void)snprintf(what, sizeof(what),
			"is taken out at the deadline of its drain; the kernel does not tell its "
			"connections");
	drains_tell(d, EVENT_DRAIN_FORCED, o->pool, o->server, what);
}

static bool is_under_way(const struct override *o)
{
	return o->decision.kind == DECISION_DRAIN && !drain_is_over(&o->decision.drain);
}

/* Returns whether it came to its end, which it does when neither of the pair has connections left:
 * what one has not been told of yet the other still serves. A server that the configuration does
 * not name waits for one that does. */
static bool look_at(struct director *d, struct override *o, struct pool_table *table)
{
	struct server_place place;
	struct drain_count count = {.known = true}; /* of none that is not named here */
	bool named = drains_find(d, o->pool, o->server, &place);

	if (!is_under_way(o))
		return false;
	if (named)
		count = count_at(d, &place, table);
	replicate_counted(d, o, &count);
	count = replicate_count(d, o);
	if (!replicate_is_counted_there(d, o))
		count.known = false;
	if (!named || !drain_step(&o->decision.drain, &count, clock_now()))
		return false;
	tell_end(d, o, &count);
	shares_touch_server(d, o->pool, o->server);
	return true;
}

static void save(struct director *d)
{
	char message[300];
	int r = overrides_save(&d->overrides, drains_now());

	if (r >= 0)
		return;
	(void)snprintf(
		message, sizeof(message), "cannot write %s: %s", d->overrides.path, strerror(-r));
	director_event(d, EVENT_ERROR, message, NULL);
}

/* Of one that the configuration does not name nothing follows from that; at the start there is none
 * yet, and a second later all are looked at. */
static struct instant deadline_of(const struct director *d, const struct override *o)
{
	struct server_place place;

	return d->conf && drains_find(d, o->pool, o->server, &place)
		       ? drain_next(&o->decision.drain)
		       : INSTANT_NEVER;
}

void drains_schedule(struct director *d, uint64_t took_us)
{
	uint64_t wait_us =
		COUNT_SHARE * took_us > COUNT_EVERY_US ? COUNT_SHARE * took_us : COUNT_EVERY_US;
	struct instant next = INSTANT_NEVER, look = instant_add(clock_now(), wait_us);

	for (size_t i = 0; i < d->overrides.n; i++)
		if (is_under_way(&d->overrides.items[i])) {
			next = instant_min(next, look);
			next = instant_min(next, deadline_of(d, &d->overrides.items[i]));
		}
	(void)sd_event_source_set_time(d->drains_timer, next.us);
	(void)sd_event_source_set_enabled(
		d->drains_timer, instant_is_never(next) ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* From where the last turn ended, until the time of this one is over. Returns whether one came to
 * its end. */
static bool look_at_some(struct director *d)
{
	struct instant until = instant_add(clock_now(), TURN_US);
	struct pool_table table = {.pool = CONF_NONE};
	bool ended = false;

	do {
		if (d->drains_next >= d->overrides.n)
			break;
		ended = look_at(d, &d->overrides.items[d->drains_next++], &table) || ended;
	} while (!instant_reached(until, clock_now()));
	pool_table_done(&table);
	return ended;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	struct instant begun = clock_now();

	(void)usec;
	if (look_at_some(d))
		save(d);
	d->drains_took_us += instant_between_us(begun, clock_now());
	if (d->drains_next < d->overrides.n) { /* the loop turns first */
		(void)sd_event_source_set_time(source, clock_now().us);
		(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		return 0;
	}
	drains_schedule(d, d->drains_took_us);
	d->drains_next = 0;
	d->drains_took_us = 0;
	return 0;
}

int drains_init(struct director *d)
{
	char message[300];
	int r = overrides_load(&d->overrides, d->options->state_dir, drains_now());

	if (r < 0) {
		(void)snprintf(message, sizeof(message),
			r == -EBADMSG
				? "%s is not what tandem writes: it was renamed to .bad, and no "
				  "decision of operators counts"
				: "cannot read %s: no decision of operators counts",
			d->overrides.path ? d->overrides.path : d->options->state_dir);
		director_event(d, EVENT_ERROR, message, "ERRNO", strerror(-r), NULL);
	}
	r = sd_event_add_time(
		d->loop, &d->drains_timer, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_timer, d);
	if (r >= 0)
		drains_schedule(d, 0);
	return r < 0 ? r : 0;
}

void drains_done(struct director *d)
{
	sd_event_source_disable_unref(d->drains_timer);
	overrides_done(&d->overrides);
}
