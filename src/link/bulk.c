/* resync and coverage say when they want to be called again; the earliest of that is one timer.
 * When it is at once, the rest of the loop still has its turn in between. */
#include "link/bulk.h"

#include "io/clock.h"
#include "io/conn_list.h"
#include "io/device_drops.h"
#include "io/service_list.h"
#include "io/tun.h"
#include "link/cold_start.h"
#include "link/coverage.h"
#include "link/kernel_count.h"
#include "link/relay.h"
#include "link/resync.h"
#include "link/timer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define TEXT_MAX 200
#define LOSS_MIN 16u
#define LOSS_SHARE 20u /* a twentieth of all */

/* What the kernel lost, and what was done about it. */
struct losses {
	struct table_watch watch;
	struct table_sum sum; /* of the last comparison */
	struct instant at;    /* of it; {0}: there was none yet */
	bool drops_known;
	struct device_drops before, drops; /* of the device: to look for news, and since we began */
	uint64_t reads, feeds;
	bool told;      /* what is being read for */
	size_t entries; /* in the shadow when reading began */
};

struct bulk {
	const struct bulk_world *world;
	struct resync_world resync_world;
	struct coverage_world coverage_world;
	struct resync *resync;
	struct coverage *coverage;
	struct cold_start_handler cold_handler;
	struct cold_start *cold; /* NULL: it is over, or was not wanted */
	struct kernel_count *kernel_count;
	struct losses losses;
	sd_event_source *timer;
	bool ask_again; /* something was lost while one ran: it may have passed by that already */
	bool is_open;
};

/* As soon as the loop is free. */
static void soon(struct bulk *b)
{
	timer_set(b->timer, clock_now());
}

/* What the kernel knew before we were there. */

static void on_read(const struct cold_start_report *report, void *userdata)
{
	struct bulk *b = userdata;

	resync_table_ready(b->resync, true, report->complete);
}

static const struct cold_start_handler *cold_handler(struct bulk *b)
{
	b->cold_handler = (struct cold_start_handler){.ended = on_read, .userdata = b};
	return &b->cold_handler;
}

static struct instant step_cold_start(struct bulk *b, struct instant now)
{
	struct instant next = cold_start_step(b->cold, now);

	if (!instant_is_never(next))
		return next;
	cold_start_free(b->cold);
	b->cold = NULL;
	return next;
}

static int start_in_the_cold(struct bulk *b)
{
	int r = cold_start_new(b->world->shadow, CONN_LIST_PATH, SERVICE_LIST_PATH, cold_handler(b),
		clock_now(), &b->cold);

	if (r >= 0)
		resync_table_ready(b->resync, false, false);
	return r;
}

/* What it lost since */

static void on_read_again(const struct cold_start_report *report, void *userdata)
{
	struct bulk *b = userdata;
	struct instant now = clock_now();
	char message[TEXT_MAX];
	size_t entries = shadow_count(b->world->shadow);

	table_watch_read(&b->losses.watch, report->took_us, now);
	(void)coverage_ask(b->coverage, now); /* what is news is pushed */
	if (!b->losses.told)
		return;
	b->losses.told = false;
	(void)snprintf(message, sizeof(message),
		"the kernel's table was read again%s: %" PRIu64
		" connections in %.2f s, %zu were not known",
		report->complete ? "" : " in part", report->read, (double)report->took_us / 1e6,
		entries > b->losses.entries ? entries - b->losses.entries : 0);
	helper_event(b->world->helper, EVENT_TABLE_READ, message, NULL);
}

/* One that runs already, or a resync that comes in at the moment, mends it as well. */
static void read_again(struct bulk *b, struct instant now)
{
	const struct cold_start_handler handler = {.ended = on_read_again, .userdata = b};

	if (b->cold || cold_start_new(b->world->shadow, CONN_LIST_PATH, SERVICE_LIST_PATH, &handler,
			       now, &b->cold) < 0)
		return;
	b->losses.entries = shadow_count(b->world->shadow);
	b->losses.reads++;
}

/* Since the look before, of the kernel's own messages. */
static uint64_t new_drops(struct losses *l)
{
	struct device_drops now;
	uint64_t n = 0;

	if (device_drops_read(LINK_DEVICE, &now) < 0)
		return 0;
	if (l->drops_known && now.sent >= l->before.sent && now.received >= l->before.received) {
		n = now.sent - l->before.sent;
		l->drops.sent += n;
		l->drops.received += now.received - l->before.received;
	}
	l->before = now;
	l->drops_known = true;
	return n;
}

static void tell_loss(struct bulk *b, const char *what, uint64_t n, const char *then)
{
	char message[TEXT_MAX], text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, n);
	(void)snprintf(message, sizeof(message), "%s %s: %s", text, what, then);
	helper_event(b->world->helper, EVENT_TABLE_DIFFERS, message, "TANDEM_COUNT", text, NULL);
}

/* The kernel tells of a connection with its third packet: idle ones that have had fewer are no
 * loss, and are mended without a word. */
static bool is_loss(uint64_t n, uint64_t kernel)
{
	return n >= LOSS_MIN && n * LOSS_SHARE > kernel;
}

static void on_counted(const struct table_sum *sum, struct instant now, void *userdata)
{
	struct bulk *b = userdata;
	struct losses *l = &b->losses;
	uint64_t dropped = new_drops(l);
	struct table_action action = table_watch_step(&l->watch, sum, dropped > 0, now);

	l->sum = *sum;
	l->at = now;
	if (dropped > 0) {
		l->told = true;
		tell_loss(b, "of the kernel's sync messages were dropped", dropped,
			"the kernel's table will be read");
	}
	if (action.read) {
		if (is_loss(sum->missing, sum->kernel)) {
			l->told = true;
			tell_loss(b, "connections of the kernel were never told", sum->missing,
				"the kernel's table is read");
		}
		read_again(b, now);
	}
	if (action.feed) {
		l->feeds++;
		if (is_loss(sum->surplus, sum->known))
			tell_loss(b, "connections are not in the kernel's table", sum->surplus,
				"all of the peer's are given to it again");
		resync_feed(b->resync);
	}
}

static json_t *losses_to_json(const struct losses *l)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "counted", l->at.us != 0,
		"kernel", (json_int_t)l->sum.kernel, "known", (json_int_t)l->sum.known, "missing",
		(json_int_t)l->sum.missing, "surplus", (json_int_t)l->sum.surplus, "reads",
		(json_int_t)l->reads, "feeds", (json_int_t)l->feeds, "dropped_out",
		(json_int_t)l->drops.sent, "dropped_in", (json_int_t)l->drops.received);
}

static bool is_running(const struct bulk *b)
{
	struct resync_report report;

	resync_report(b->resync, clock_now(), &report);
	return report.state == RESYNC_RUNNING;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct bulk *b = userdata;
	struct instant now = clock_now();
	struct instant next = shadow_expire(b->world->shadow, now);

	(void)source;
	(void)usec;
	next = instant_min(next, kernel_count_step(b->kernel_count, now));
	if (b->cold)
		next = instant_min(next, step_cold_start(b, now));
	next = instant_min(next, resync_step(b->resync, now));
	next = instant_min(next, coverage_step(b->coverage, now));
	if (b->ask_again && !is_running(b)) {
		bulk_ask(b, false);
		return 0;
	}
	timer_set(b->timer, next);
	return 0;
}

/* The world, passed on */

static bool send_message(enum stream_type type, const void *data, size_t len, void *userdata)
{
	struct bulk *b = userdata;

	return b->world->send(type, data, len, b->world->userdata);
}

static size_t queued(void *userdata)
{
	struct bulk *b = userdata;

	return b->world->queued(b->world->userdata);
}

static int inject(const void *message, size_t len, void *userdata)
{
	struct bulk *b = userdata;

	return b->world->inject(message, len, b->world->userdata);
}

static int kernel_queue(struct udp_queue *ret, void *userdata)
{
	struct bulk *b = userdata;

	return b->world->kernel_queue(ret, b->world->userdata);
}

/* What the director is told */

static json_t *resync_to_json(const struct resync_report *r)
{
	json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:s?}", "state",
		resync_state_name(r->state), "records", (json_int_t)r->records, "news",
		(json_int_t)r->news, "injected", (json_int_t)r->injected, "drops",
		(json_int_t)r->drops, "took_us", (json_int_t)r->took_us, "incomplete",
		r->incomplete, "reason", r->reason);

	return o;
}

static void on_resync(const struct resync_report *report, void *userdata)
{
	struct bulk *b = userdata;

	if (report->state == RESYNC_DONE && b->ask_again)
		soon(b);
	if (report->state != RESYNC_IDLE)
		helper_send(b->world->helper, "Resync", resync_to_json(report));
}

static json_t *coverage_to_json(const struct coverage_report *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:b}", "own", (json_int_t)c->own,
		"peer", (json_int_t)c->peer, "matching", (json_int_t)c->matching, "missing",
		(json_int_t)c->missing, "surplus", (json_int_t)c->surplus, "percent",
		(double)c->per_10000 / 100, "lag_us", (json_int_t)c->lag_us, "exact", c->exact);
}

static json_t *service_to_json(const struct coverage_service *s)
{
	char text[ADDR_TEXT_MAX];

	return json_pack("{s:i, s:s, s:i, s:I, s:I, s:I}", "protocol", (int)s->protocol, "address",
		addr_format(&s->address, text), "port", (int)s->port, "mark", (json_int_t)s->mark,
		"own", (json_int_t)s->own, "missing", (json_int_t)s->missing);
}

static void on_compared(const struct coverage_report *report, void *userdata)
{
	struct bulk *b = userdata;
	json_t *o = coverage_to_json(report), *services = json_array();

	for (size_t i = 0; i < report->n_services; i++)
		(void)json_array_append_new(services, service_to_json(&report->services[i]));
	(void)json_object_set_new(o, "services", services);
	helper_send(b->world->helper, "Coverage", o);
}

void bulk_report(const struct bulk *b, json_t *report)
{
	struct resync_report resync;
	struct coverage_report coverage;

	resync_report(b->resync, clock_now(), &resync);
	coverage_report(b->coverage, &coverage);
	(void)json_object_set_new(report, "resync", resync_to_json(&resync));
	(void)json_object_set_new(
		report, "resync_given", json_integer((json_int_t)resync_sent(b->resync)));
	(void)json_object_set_new(
		report, "coverage", coverage.at.us ? coverage_to_json(&coverage) : json_null());
	(void)json_object_set_new(report, "shadow",
		json_pack("{s:I, s:I, s:I}", "entries", (json_int_t)shadow_count(b->world->shadow),
			"bytes", (json_int_t)shadow_bytes(b->world->shadow), "refused",
			(json_int_t)shadow_refused(b->world->shadow)));
	(void)json_object_set_new(report, "kernel_table", losses_to_json(&b->losses));
}

/* What happens on the stream */

void bulk_opened(struct bulk *b)
{
	b->is_open = true;
	resync_opened(b->resync, clock_now());
	coverage_opened(b->coverage, clock_now());
	soon(b);
}

void bulk_closed(struct bulk *b)
{
	if (!b->is_open)
		return;
	b->is_open = false;
	resync_closed(b->resync, clock_now());
	coverage_closed(b->coverage);
	soon(b);
}

void bulk_drained(struct bulk *b)
{
	soon(b);
}

void bulk_not_injected(struct bulk *b)
{
	resync_not_injected(b->resync, clock_now());
	soon(b);
}

bool bulk_message(struct bulk *b, enum stream_type type, const uint8_t *data, size_t len)
{
	bool ok = type == STREAM_DIGEST ? coverage_message(b->coverage, data, len, clock_now())
					: resync_message(b->resync, type, data, len, clock_now());

	soon(b);
	return ok;
}

void bulk_ask(struct bulk *b, bool force)
{
	/* Loss that goes on must not start the same over and over. */
	b->ask_again = !force && is_running(b);
	if (b->ask_again)
		return;
	(void)resync_ask(b->resync, force, clock_now()); /* closed: asked when it opens */
	soon(b);
}

void bulk_ask_coverage(struct bulk *b)
{
	(void)coverage_ask(b->coverage, clock_now());
	soon(b);
}

/* Start and end */

static int set_up(struct bulk *b, uint8_t sync_id, bool is_first)
{
	struct resync_settings settings = {.sync_id = sync_id, .message_max = RELAY_MESSAGE_MAX};
	static const struct coverage_settings usual;
	const struct kernel_count_handler counting = {.counted = on_counted, .userdata = b};
	int r;

	if (getrandom(&settings.process, sizeof(settings.process), 0) !=
		(ssize_t)sizeof(settings.process))
		return -EIO;
	r = resync_new(b->world->shadow, &settings, &b->resync_world, &b->resync);
	if (r >= 0)
		r = coverage_new(
			b->world->shadow, b->resync, &usual, &b->coverage_world, &b->coverage);
	if (r >= 0)
		r = kernel_count_new(b->world->shadow, SERVICE_LIST_PATH, &counting, clock_now(),
			&b->kernel_count);
	if (r >= 0 && is_first)
		r = start_in_the_cold(b);
	if (r >= 0)
		r = timer_new(helper_loop(b->world->helper), on_timer, b, &b->timer);
	if (r >= 0)
		soon(b);
	return r;
}

int bulk_new(const struct bulk_world *world, uint8_t sync_id, bool is_first, struct bulk **ret)
{
	struct bulk *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->world = world;
	b->resync_world = (struct resync_world){.send = send_message,
		.queued = queued,
		.inject = inject,
		.kernel_queue = kernel_queue,
		.changed = on_resync,
		.userdata = b};
	b->coverage_world = (struct coverage_world){
		.send = send_message, .compared = on_compared, .userdata = b};
	r = set_up(b, sync_id, is_first);
	if (r < 0) {
		bulk_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

void bulk_free(struct bulk *b)
{
	if (!b)
		return;
	sd_event_source_disable_unref(b->timer);
	cold_start_free(b->cold);
	kernel_count_free(b->kernel_count);
	coverage_free(b->coverage);
	resync_free(b->resync);
	free(b);
}
