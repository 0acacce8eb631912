/* What fullnat needs of connection tracking, on both directors: a connection that moves is
 * translated on with the address and port that it had. The one that is Active for a virtual router
 * tells what the kernel tracks for its addresses as it happens, and all of it when the peer asks by
 * its state; the other one enters it into its own kernel. tandem-link passes it on, and does not
 * look at it. */
#include "director/state.h"

#include "base/cleanup.h"
#include "core/tracked_order.h"
#include "director/forward/wanted_rules.h"
#include "io/clock.h"
#include "io/conntrack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#define MESSAGE_MAX (TRACKED_HEADER_LEN + TRACKED_MAX * TRACKED_V6_LEN)
#define CREATE_US UINT64_C(20000) /* of one turn of the loop */
#define PAUSE_US UINT64_C(5000)
#define INCOMING_MAX                                                                               \
	((size_t)1 << 20) /* entries that wait for our kernel; what is more is missed */
#define BATCH_MIN 64u     /* entries that go in one send: there is always time for them */
/* Pieces of a bulk that are on their way: connections have their share of the stream. */
#define BULK_WINDOW 4u
/* Without an acknowledgement they are sent again, so many times. */
#define BULK_AGAIN_US UINT64_C(2000000)
#define BULK_TRIES 15u
#define ASK_AGAIN_US UINT64_C(10000000)
/* Reading all that the kernel tracks takes a while: not more often, whoever asks. */
#define READ_AGAIN_US UINT64_C(1000000)
#define ORDER_SLOTS 262144u /* 4 MiB: so many connections with news while a bulk is on its way */

/* All that there was when it was read, for the peer; piece i, from 1, has the entries from
 * (i - 1) * TRACKED_MAX on. */
struct bulk_out {
	struct tracked *items;
	size_t n, size;
	struct tracked_header header;
	uint32_t pieces, sent, acked;
	unsigned tries; /* without an acknowledgement */
};

/* An entry of the peer that waits for its turn. */
struct waiting {
	struct tracked entry;
	struct tracked_header header;
	bool ends_piece; /* there is no entry: what came before is to be acknowledged */
};

struct queue {
	struct waiting *items;
	size_t n, size, next;
};

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
	uint64_t process, order; /* of what we tell: the last one given */
	struct bulk_out bulk;
	struct instant read_at; /* for it, the last time; {0}: never */
	bool lost;              /* something live was not sent: everything is to be */
	struct queue incoming;
	struct tracked_order known;
	struct tracked_order_slot *slots; /* of it */
	struct tracked batch[TRACKED_MAX];
	size_t batch_max; /* entries that there was time for lately */
	bool missed;      /* something of the peer was: it is to be asked */
	struct instant asked_at;
	uint64_t asked;  /* our wish for everything, as the state has it: another number, another
			    wish */
	uint64_t served; /* the peer's that was served last */
	uint64_t sent, received, created, renewed, refused, stale, again;
};

/* Room for one more; NULL when there is none. `items` is an array of such. */
static void *make_room(void *items, size_t n, size_t *size, size_t item_size)
{
	size_t more = *size ? 2 * *size : 256;

	if (n < *size)
		return items;
	items = reallocarray(items, more, item_size);
	if (items)
		*size = more;
	return items;
}

static bool queue_add(struct queue *q, const struct waiting *item)
{
	struct waiting *items =
		q->n < INCOMING_MAX ? make_room(q->items, q->n, &q->size, sizeof(*items)) : NULL;

	if (!items)
		return false;
	q->items = items;
	q->items[q->n++] = *item;
	return true;
}

static void queue_forget(struct queue *q)
{
	free(q->items);
	*q = (struct queue){0};
}

static void bulk_forget(struct bulk_out *b)
{
	free(b->items);
	*b = (struct bulk_out){0};
}

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

static void tell(struct director *d, struct tracked_writer *w, const struct tracked_header *header)
{
	size_t len = tracked_writer_end(w, header);
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

static void tell_live(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;

	if (s->writer.n > 0)
		tell(d, &s->writer,
			&(struct tracked_header){TRACKED_LIVE, s->process, ++s->order, 0});
}

static int on_flush(sd_event_source *source, void *userdata)
{
	(void)source;
	tell_live(userdata);
	return 0;
}

static void on_event(const struct tracked *entry, void *userdata)
{
	struct director *d = userdata;
	struct conntrack_sync *s = d->conntrack_sync;

	if (!d->peer.stream || !is_of_router(d, &entry->service, true))
		return;
	if (!tracked_writer_add(&s->writer, entry)) {
		tell_live(d);
		(void)tracked_writer_add(&s->writer, entry);
	}
	(void)sd_event_source_set_enabled(s->flush, SD_EVENT_ONESHOT);
}

static void on_dumped(const struct tracked *entry, void *userdata)
{
	struct bulk_out *b = userdata;
	struct tracked *items = tracked_is_entry(entry)
					? make_room(b->items, b->n, &b->size, sizeof(*items))
					: NULL;

	if (!items)
		return;
	b->items = items;
	b->items[b->n++] = *entry;
}

static void arm(sd_event_source *timer, uint64_t us)
{
	(void)sd_event_source_set_time(timer, instant_add(clock_now(), us).us);
	(void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void send_piece(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;
	struct bulk_out *b = &s->bulk;
	size_t at = (size_t)b->sent * TRACKED_MAX;

	tell_live(d); /* the buffer is one */
	while (at < b->n && tracked_writer_add(&s->writer, &b->items[at]))
		at++;
	b->header.piece = ++b->sent;
	tell(d, &s->writer, &b->header);
}

static void send_pieces(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;
	struct bulk_out *b = &s->bulk;

	while (b->sent < b->pieces && b->sent - b->acked < BULK_WINDOW)
		send_piece(d);
	arm(s->bulk_timer, BULK_AGAIN_US);
}

/* False: later, by on_bulk(). */
static bool may_read(struct conntrack_sync *s)
{
	struct instant when = instant_add(s->read_at, READ_AGAIN_US), now = clock_now();

	if (s->read_at.us == 0 || instant_reached(when, now)) {
		s->read_at = now;
		return true;
	}
	s->lost = true;
	arm(s->bulk_timer, instant_between_us(now, when));
	return false;
}

/* Everything of the routers that are Active here. What happened before it is read goes first, and
 * counts for less; what happens later counts for more. */
static void begin_bulk(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;
	struct bulk_out *b = &s->bulk;

	tell_live(d);
	bulk_forget(b);
	if (!may_read(s))
		return;
	s->lost = false;
	b->header = (struct tracked_header){TRACKED_BULK, s->process, s->order, 0};
	for (size_t i = 0; i < s->n_vips; i++) {
		int r = d->roles.active[s->vips[i].router]
				? conntrack_dump(&s->vips[i].addr, 1, on_dumped, b)
				: 0;

		if (r < 0)
			director_event(d, EVENT_ERROR,
				"tracked connections cannot be read for the peer", "ERRNO",
				strerror(-r), NULL);
	}
	b->pieces = (uint32_t)((b->n + TRACKED_MAX - 1) / TRACKED_MAX);
	if (b->pieces > 0)
		send_pieces(d);
}

/* No acknowledgement for a while, or everything is wanted again. A stream that is new is asked over
 * for everything anyway. */
static int on_bulk(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	struct conntrack_sync *s = d->conntrack_sync;
	struct bulk_out *b = &s->bulk;

	(void)source;
	(void)usec;
	if (!d->peer.stream || ++b->tries > BULK_TRIES) {
		bulk_forget(b);
		return 0;
	}
	if (b->acked < b->pieces) {
		s->again += b->sent - b->acked;
		b->sent = b->acked;
		send_pieces(d);
	} else if (s->lost) {
		begin_bulk(d);
	}
	return 0;
}

/* The peer's kernel has it. */
static void on_ack(struct director *d, const struct tracked_header *ack)
{
	struct conntrack_sync *s = d->conntrack_sync;
	struct bulk_out *b = &s->bulk;

	if (ack->process != s->process || ack->order != b->header.order || ack->piece <= b->acked ||
		ack->piece > b->sent)
		return; /* of another one, or said before */
	b->acked = ack->piece;
	b->tries = 0;
	if (b->acked < b->pieces) {
		send_pieces(d);
		return;
	}
	bulk_forget(b);
	if (s->lost)
		begin_bulk(d);
}

void conntrack_sync_lost(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;

	s->lost = true;
	if (s->bulk.pieces == 0) {
		s->bulk.tries = 0;
		arm(s->bulk_timer, BULK_AGAIN_US);
	}
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

static void send_ack(struct director *d, const struct tracked_header *piece)
{
	struct tracked_header ack = *piece;
	uint8_t bytes[TRACKED_HEADER_LEN];
	struct tracked_writer w;

	ack.kind = TRACKED_ACK;
	tracked_writer_begin(&w, bytes, sizeof(bytes));
	tell(d, &w, &ack);
}

/* The next ones; what something newer came about is as good as gone. Returns how many. */
static size_t take_batch(struct conntrack_sync *s)
{
	const struct queue *q = &s->incoming;
	size_t n = q->n - q->next < s->batch_max ? q->n - q->next : s->batch_max;

	for (size_t i = 0; i < n; i++) {
		const struct waiting *w = &q->items[q->next + i];

		s->batch[i] = w->entry;
		if (w->ends_piece || !tracked_order_holds(&s->known, &w->header, &w->entry))
			s->batch[i].gone = true;
	}
	return n;
}

static void batch_done(struct director *d, size_t n)
{
	struct queue *q = &d->conntrack_sync->incoming;

	for (size_t i = 0; i < n; i++)
		if (q->items[q->next + i].ends_piece)
			send_ack(d, &q->items[q->next + i].header);
	q->next += n;
}

/* Not again and again: what is missed once is missed twice, when there is that much. */
static void ask_for_missed(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;
	struct instant when = instant_add(s->asked_at, ASK_AGAIN_US), now = clock_now();

	if (!s->missed)
		return;
	if (instant_reached(when, now))
		conntrack_sync_ask(d);
	else
		arm(s->create_timer, instant_between_us(now, when));
}

static int on_create(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	struct conntrack_sync *s = d->conntrack_sync;
	struct conntrack_created made = {0};
	size_t n = take_batch(s);
	int r = n > 0 ? conntrack_create(s->batch, n, CREATE_US, &made) : 0;

	(void)source;
	(void)usec;
	s->created += made.created;
	s->renewed += made.renewed;
	s->refused += made.refused;
	/* What there was no time for is made again, fewer at a time: which of them were made is not
	 * known, and what is there already is renewed. */
	if (r != -ETIME) {
		batch_done(d, n);
		s->batch_max = s->batch_max < TRACKED_MAX / 2 ? 2 * s->batch_max : TRACKED_MAX;
	} else {
		s->batch_max = n / 2 > BATCH_MIN ? n / 2 : BATCH_MIN;
	}
	if (s->incoming.next < s->incoming.n) {
		arm(s->create_timer, PAUSE_US);
	} else {
		queue_forget(&s->incoming);
		ask_for_missed(d);
	}
	return 0;
}

/* Also when it is deleted: what is older must not come back. Those deleted go with their connection
 * of IPVS. */
static void take_entry(
	struct director *d, const struct tracked_header *header, const struct tracked *entry)
{
	struct conntrack_sync *s = d->conntrack_sync;

	s->received++;
	if (!is_of_router(d, &entry->service, false))
		return;
	switch (tracked_order_take(&s->known, header, entry)) {
	case TRACKED_NEW:
		if (!entry->gone &&
			!queue_add(&s->incoming, &(struct waiting){*entry, *header, false}))
			s->missed = true;
		break;
	case TRACKED_STALE:
		s->stale++;
		break;
	case TRACKED_UNSURE:
		s->missed = true;
		break;
	}
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
	if (!s->slots || !bytes || !tracked_reader_open(&reader, bytes, len))
		return;
	if (reader.header.kind == TRACKED_ACK) {
		on_ack(d, &reader.header);
		return;
	}
	while (tracked_reader_next(&reader, &entry))
		take_entry(d, &reader.header, &entry);
	if (reader.header.kind == TRACKED_BULK)
		(void)queue_add(&s->incoming, &(struct waiting){{0}, reader.header, true});
	if (s->incoming.next < s->incoming.n || s->missed)
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
	d->conntrack_sync->asked_at = clock_now();
	d->conntrack_sync->missed = false;
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
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sent", (json_int_t)s->sent,
		"received", (json_int_t)s->received, "created", (json_int_t)s->created, "renewed",
		(json_int_t)s->renewed, "refused", (json_int_t)s->refused, "stale",
		(json_int_t)s->stale, "sent_again", (json_int_t)s->again);
}

static void stop(struct conntrack_sync *s)
{
	s->io = sd_event_source_disable_unref(s->io);
	conntrack_events_close(s->events);
	s->events = NULL;
	bulk_forget(&s->bulk);
	queue_forget(&s->incoming);
	free(s->slots);
	s->slots = NULL;
	s->lost = s->missed = false;
	(void)sd_event_source_set_enabled(s->bulk_timer, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(s->create_timer, SD_EVENT_OFF);
}

static int start(struct director *d)
{
	struct conntrack_sync *s = d->conntrack_sync;
	uint64_t random[2];
	int r;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	s->slots = calloc(ORDER_SLOTS, sizeof(*s->slots));
	if (!s->slots)
		return -ENOMEM;
	s->process = random[0] | 1; /* not 0 */
	tracked_order_init(&s->known, s->slots, ORDER_SLOTS, random[1]);
	r = conntrack_events_open(&s->events);
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
	s->batch_max = TRACKED_MAX;
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
