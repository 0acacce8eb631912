/* What fullnat needs of connection tracking, on both directors: a connection that moves is
 * translated on with the address and port that it had. The one that is Active for a virtual router
 * tells what the kernel tracks for its addresses as it happens, and all of it when the peer asks by
 * its state; the other one enters it into its own kernel. tandem-link passes it on, and does not
 * look at it. */
#include "director/state.h"

#include "base/cleanup.h"
#include "director/tracked_queue.h"
#include "director/wanted_rules.h"
#include "io/clock.h"
#include "io/conntrack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define MESSAGE_MAX (TRACKED_HEADER_LEN + TRACKED_MAX * TRACKED_V6_LEN)
#define CREATE_US UINT64_C(20000) /* of one turn of the loop */
#define PAUSE_US UINT64_C(5000)
/* Between two messages of a bulk: the stream has room for one at any time, and connections have
 * their share of it. */
#define BULK_PAUSE_US UINT64_C(50000)
#define INCOMING_MAX ((size_t)1 << 20) /* that wait for our kernel; then all is asked for again */

/* A virtual address that services by fullnat listen on. */
struct vip {
	struct addr addr;
	size_t router; /* by index in conf->routers */
};

struct conntrack_sync {
	struct vip *vips; /* of the configuration in force, sorted */
	size_t n_vips;
	struct conntrack_events *events; /* NULL: nothing is told */
	sd_event_source *io, *flush, *bulk_timer, *create_timer;
	struct tracked_writer writer;
	uint8_t buffer[MESSAGE_MAX];
	struct tracked_queue bulk, incoming;
	bool missed;     /* some found no room in `incoming` */
	uint64_t asked;  /* our wish for everything, as the state has it: another number, another
			    wish */
	uint64_t served; /* the peer's that was served last */
	uint64_t sent, received, created, renewed, refused;
};

static int compare_places(const void *x, const void *y)
{
	const struct vip *a = x, *b = y;

	return addr_compare(&a->addr, &b->addr);
}

static void learn_vips(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;

	free(s->vips);
	s->vips = NULL;
	s->n_vips = 0;
	for (size_t i = 0; i < d->conf->n_routers; i++) {
		auto_free struct addr *addrs = NULL;
		ssize_t n = wanted_rules_vips(d->conf, i, &addrs);
		struct vip *vips =
			n > 0 ? realloc(s->vips, (s->n_vips + (size_t)n) * sizeof(*vips)) : NULL;

		if (!vips)
			continue;
		s->vips = vips;
		for (ssize_t j = 0; j < n; j++)
			s->vips[s->n_vips++] = (struct vip){addrs[j], i};
	}
	if (s->n_vips > 0)
		qsort(s->vips, s->n_vips, sizeof(*s->vips), compare_places);
}

/* Whether it is an address of services by fullnat whose router is Active here, or is not. */
static bool is_of_router(const struct director *d, const struct addr *service, bool active)
{
	const struct conntrack_sync *s = d->conntrack_sync;
	const struct vip key = {.addr = *service};
	const struct vip *found =
		s->n_vips > 0 ? bsearch(&key, s->vips, s->n_vips, sizeof(*s->vips), compare_places)
			      : NULL;

	return found && d->roles.active[found->router] == active;
}

/* Sending */

static void tell(struct director *d, struct tracked_writer *w)
{
	size_t len = tracked_writer_end(w);
	auto_free char *hex = len ? malloc(2 * len + 1) : NULL;

	if (hex) {
		static const char digits[] = "0123456789abcdef";

		for (size_t i = 0; i < len; i++) {
			hex[2 * i] = digits[w->buffer[i] >> 4];
			hex[2 * i + 1] = digits[w->buffer[i] & 15];
		}
		hex[2 * len] = '\0';
		process_call(
			&d->helpers[HELPER_LINK], "Tracked", json_pack("{s:s}", "entries", hex));
		d->conntrack_sync->sent += w->n;
	}
	tracked_writer_begin(w, w->buffer, w->size);
}

static int on_flush(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;

	(void)source;
	tell(d, &d->conntrack_sync->writer);
	return 0;
}

static void on_event(const struct tracked *entry, void *userdata)
{
	struct director *d = userdata;
	struct conntrack_sync *s = d->conntrack_sync;

	if (!d->peer.stream || !is_of_router(d, &entry->service, true))
		return;
	if (!tracked_writer_add(&s->writer, entry)) {
		tell(d, &s->writer);
		(void)tracked_writer_add(&s->writer, entry);
	}
	(void)sd_event_source_set_enabled(s->flush, SD_EVENT_ONESHOT);
}

static void on_dumped(const struct tracked *entry, void *userdata)
{
	struct conntrack_sync *s = userdata;

	(void)tracked_queue_add(&s->bulk, entry);
}

static void arm(sd_event_source *timer, uint64_t us)
{
	(void)sd_event_source_set_time(timer, instant_add(clock_now(), us).us);
	(void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* Everything of the routers that are Active here. */
static void begin_bulk(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;

	tracked_queue_forget(&s->bulk);
	for (size_t i = 0; i < s->n_vips; i++) {
		int r = d->roles.active[s->vips[i].router]
				? conntrack_dump(&s->vips[i].addr, 1, on_dumped, s)
				: 0;

		if (r < 0)
			director_event(d, EVENT_ERROR,
				"tracked connections cannot be read for the peer", "ERRNO",
				strerror(-r), NULL);
	}
	arm(s->bulk_timer, 0);
}

static int on_bulk(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	struct conntrack_sync *s = d->conntrack_sync;
	const struct tracked *entries;
	size_t n, taken = 0;

	(void)source;
	(void)usec;
	tell(d, &s->writer); /* what happened before it was read goes first */
	n = tracked_queue_look(&s->bulk, &entries);
	while (taken < n && tracked_writer_add(&s->writer, &entries[taken]))
		taken++;
	if (n > 0 && taken == 0) /* one that no reader would take */
		taken++;
	tracked_queue_took(&s->bulk, taken);
	tell(d, &s->writer);
	if (tracked_queue_waiting(&s->bulk) > 0)
		arm(s->bulk_timer, BULK_PAUSE_US);
	else
		tracked_queue_forget(&s->bulk);
	return 0;
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct director *d = userdata;
	int r = conntrack_events_read(d->conntrack_sync->events, on_event, d);

	(void)source;
	(void)fd;
	(void)revents;
	if (r == -ENOBUFS) /* some are not known */
		begin_bulk(d);
	return 0;
}

/* Receiving */

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes, to be freed; NULL when it is no such text. */
static uint8_t *from_hex(const char *text, size_t *ret_len)
{
	size_t len = strlen(text) / 2;
	uint8_t *bytes = strlen(text) % 2 == 0 && len > 0 ? malloc(len) : NULL;

	for (size_t i = 0; bytes && i < len; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			free(bytes);
			return NULL;
		}
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_len = len;
	return bytes;
}

static int on_create(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	struct conntrack_sync *s = d->conntrack_sync;
	const struct tracked *entries;
	size_t n = tracked_queue_look(&s->incoming, &entries);
	struct conntrack_created made = {0};
	int r = n > 0 ? conntrack_create(entries, n, CREATE_US, &made) : 0;

	(void)source;
	(void)usec;
	s->created += made.created;
	s->renewed += made.renewed;
	s->refused += made.refused;
	/* What there was no time for is made again: what is there already is renewed. */
	tracked_queue_tried(&s->incoming, n, r != -ETIME);
	if (tracked_queue_waiting(&s->incoming) > 0) {
		arm(s->create_timer, PAUSE_US);
		return 0;
	}
	tracked_queue_forget(&s->incoming);
	if (s->missed)
		conntrack_sync_ask(d);
	s->missed = false;
	return 0;
}

void conntrack_sync_message(struct director *d, const json_t *parameters)
{
	struct conntrack_sync *s = d->conntrack_sync;
	const char *hex = json_string_value(json_object_get(parameters, "entries"));
	auto_free uint8_t *bytes = NULL;
	struct tracked_reader reader;
	struct tracked entry;
	size_t len = 0;

	bytes = hex ? from_hex(hex, &len) : NULL;
	if (!bytes || !tracked_reader_open(&reader, bytes, len))
		return;
	while (tracked_reader_next(&reader, &entry)) {
		s->received++;
		if (!entry.gone && is_of_router(d, &entry.service, false) &&
			!tracked_queue_add(&s->incoming, &entry))
			s->missed = true;
	}
	if (tracked_queue_waiting(&s->incoming) > 0)
		arm(s->create_timer, 0);
}

/* The two */

static bool is_wanted(const struct director *d)
{
	return peer_is_wanted(d) && wanted_rules_fullnat(d->conf);
}

void conntrack_sync_ask(struct director *d)
{
	if (!is_wanted(d))
		return;
	d->conntrack_sync->asked = drains_now().unix_us;
	peer_touch(d);
}

void conntrack_sync_heard(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;
	uint64_t asked =
		(uint64_t)json_integer_value(json_object_get(d->peer.state, "tracked_ask"));

	if (!is_wanted(d) || asked == 0 || asked == s->served)
		return;
	s->served = asked;
	begin_bulk(d);
}

void conntrack_sync_to_state(const struct director *d, json_t *state)
{
	if (is_wanted(d) && d->conntrack_sync->asked)
		(void)json_object_set_new(
			state, "tracked_ask", json_integer((json_int_t)d->conntrack_sync->asked));
}

json_t *conntrack_sync_to_json(const struct director *d)
{
	const struct conntrack_sync *s = d->conntrack_sync;

	if (!is_wanted(d))
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "sent", (json_int_t)s->sent, "received",
		(json_int_t)s->received, "created", (json_int_t)s->created, "renewed",
		(json_int_t)s->renewed, "refused", (json_int_t)s->refused);
}

static void stop(struct conntrack_sync *s)
{
	s->io = sd_event_source_disable_unref(s->io);
	conntrack_events_close(s->events);
	s->events = NULL;
	tracked_queue_forget(&s->bulk);
	tracked_queue_forget(&s->incoming);
	(void)sd_event_source_set_enabled(s->bulk_timer, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(s->create_timer, SD_EVENT_OFF);
}

static int start(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;
	int r = conntrack_events_open(&s->events);

	return r < 0 ? r
		     : sd_event_add_io(d->loop, &s->io, conntrack_events_fd(s->events), EPOLLIN,
			       on_events, d);
}

void conntrack_sync_configure(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;
	int r;

	learn_vips(d);
	if (is_wanted(d) == (s->events != NULL))
		return;
	if (!is_wanted(d)) {
		stop(s);
		return;
	}
	r = start(d);
	if (r < 0) {
		stop(s);
		director_event(d, EVENT_ERROR,
			"tracked connections cannot be watched: those by fullnat do not survive a "
			"failover",
			"ERRNO", strerror(-r), NULL);
	}
}

int conntrack_sync_init(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	tracked_writer_begin(&s->writer, s->buffer, sizeof(s->buffer));
	tracked_queue_init(&s->bulk, SIZE_MAX);
	tracked_queue_init(&s->incoming, INCOMING_MAX);
	r = sd_event_add_defer(d->loop, &s->flush, on_flush, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->flush, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &s->bulk_timer, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_bulk, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->bulk_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &s->create_timer, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_create, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->create_timer, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void conntrack_sync_done(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;

	if (!s)
		return;
	stop(s);
	free(s->vips);
	sd_event_source_disable_unref(s->flush);
	sd_event_source_disable_unref(s->bulk_timer);
	sd_event_source_disable_unref(s->create_timer);
	free(s);
	d->conntrack_sync = NULL;
}
