/* A burst is given, then the socket is looked at until the daemon has read most of it. The kernel
 * counts what it drops, not which: all of the burst is given again, from what is known by then, and
 * the next one is smaller. What the relay injected meanwhile may be among the lost, so a drop also
 * starts a search for what came over the link since the look before. */
#include "link/feeder.h"

#include "io/udp_queue.h"

#include <errno.h>

#define ROOM_DEFAULT ((size_t)100 * 1024)
#define ROOM_MIN ((size_t)8 * 1024)
#define POLL_US 1000u       /* while a burst is being read */
#define MISSING_US 100000u  /* while there is no daemon */
#define LOOK_US 1000000u    /* for drops, without a burst */
#define OVERLAP_US 1000000u /* a lost record may have been said so long before the look */
#define SEARCH_STEP 4096u   /* entries */
/* What the kernel accounts for a datagram: its buffer is rounded up, and has a header. */
#define ACCOUNTED(len) (2 * (len) + 512)

void feeder_init(struct feeder *f, struct shadow *shadow, const struct resync_settings *settings,
	const struct resync_world *world)
{
	size_t room = settings->kernel_room ? settings->kernel_room : ROOM_DEFAULT;

	*f = (struct feeder){
		.shadow = shadow,
		.world = world,
		.sync_id = settings->sync_id,
		.message_max = settings->message_max,
		.room = room,
		.room_good = room,
		.room_max = room,
	};
}

size_t feeder_free_places(const struct feeder *f)
{
	return FEEDER_MAX - (size_t)(f->queued - f->read);
}

uint64_t feeder_add(struct feeder *f, uint64_t place)
{
	f->places[f->queued % FEEDER_MAX] = place;
	return ++f->queued;
}

void feeder_clear(struct feeder *f)
{
	f->read = f->given = f->queued;
}

uint64_t feeder_missing_us(const struct feeder *f, struct instant now)
{
	return f->is_there || f->queued == f->read ? 0 : instant_between_us(f->missing, now);
}

static struct instant before(struct instant t)
{
	return (struct instant){t.us > OVERLAP_US ? t.us - OVERLAP_US : 0};
}

static void search_since(struct feeder *f, struct instant since)
{
	f->since = f->searches ? instant_min(f->since, before(since)) : before(since);
	f->walk = (struct shadow_walk){0};
	f->searches = true;
}

void feeder_not_injected(struct feeder *f, struct instant now)
{
	search_since(f, now);
}

void feeder_all(struct feeder *f)
{
	search_since(f, (struct instant){0});
}

static void daemon_missing(struct feeder *f, struct instant now)
{
	if (f->is_there || f->looked.us == 0)
		f->missing = now;
	f->is_there = false;
	f->looked = now;
	f->given = f->read;
}

/* It was started, or started again with another socket: what was said meanwhile it has not heard.
 */
static void daemon_appeared(struct feeder *f, uint64_t drops, struct instant now)
{
	if (f->looked.us != 0)
		search_since(f, f->is_there ? f->looked : f->missing);
	f->is_there = true;
	f->looked = now;
	f->known_drops = drops;
	f->given = f->read;
}

static size_t at_least_min(size_t room)
{
	return room > ROOM_MIN ? room : ROOM_MIN;
}

/* Up by steps to what was good, and beyond that hesitantly. */
static void grow_room(struct feeder *f)
{
	size_t wanted = f->room + f->room / 8;

	if (wanted >= f->room_good)
		f->room_good += f->room_good / 256;
	if (f->room_good > f->room_max)
		f->room_good = f->room_max;
	f->room = wanted < f->room_good ? wanted : f->room_good;
}

static void dropped(struct feeder *f, uint64_t n)
{
	f->drops += n;
	f->known_drops += n;
	if (instant_reached(before(f->looked), shadow_heard(f->shadow)))
		search_since(f, f->looked);
	if (f->given == f->read)
		return; /* it was not a burst of ours */
	f->given = f->read;
	f->room_good = at_least_min(f->room / 8 * 7);
	f->room = at_least_min(f->room / 2);
}

static bool is_drained(const struct feeder *f, uint64_t waiting)
{
	return waiting <= f->room / 4;
}

/* False while there is nobody to give to. */
static bool look(struct feeder *f, struct instant now)
{
	struct udp_queue q;

	if (f->world->kernel_queue(&q, f->world->userdata) < 0) {
		daemon_missing(f, now);
		return false;
	}
	if (!f->is_there || q.drops < f->known_drops)
		daemon_appeared(f, q.drops, now);
	else if (q.drops > f->known_drops)
		dropped(f, q.drops - f->known_drops);
	if (f->given != f->read && is_drained(f, q.waiting)) {
		f->read = f->given;
		grow_room(f);
	}
	f->waiting = q.waiting;
	f->looked = now;
	return true;
}

/* One message of what waits from *at on. Its length, 0: nothing of it is there any more. */
static size_t build(struct feeder *f, uint8_t *buffer, uint64_t *at, unsigned *ret_n)
{
	struct sync_writer w;

	sync_writer_begin(&w, buffer, f->message_max, f->sync_id);
	for (; *at < f->queued; ++*at) {
		enum shadow_origin origin;
		struct sync_record record;
		struct instant said;

		if (shadow_get(f->shadow, f->places[*at % FEEDER_MAX], &record, &origin, &said) &&
			!sync_writer_add(&w, &record) && w.n > 0)
			break; /* full */
	}
	*ret_n = w.n;
	return sync_writer_end(&w);
}

/* Returns when to go on. */
static struct instant give(struct feeder *f, struct instant now)
{
	uint8_t buffer[SYNC_MESSAGE_MAX];

	for (size_t used = 0; f->given < f->queued && used < f->room;) {
		uint64_t at = f->given;
		unsigned n;
		size_t len = build(f, buffer, &at, &n);
		int r = len ? f->world->inject(buffer, len, f->world->userdata) : 0;

		if (r == -EAGAIN)
			return instant_add(now, POLL_US);
		if (r < 0) {
			daemon_missing(f, now);
			return instant_add(now, MISSING_US);
		}
		f->given = at;
		f->records += n;
		used += ACCOUNTED(len);
	}
	return instant_add(now, POLL_US);
}

static void search(struct feeder *f)
{
	for (unsigned i = 0; i < SEARCH_STEP && f->queued - f->read < FEEDER_SEARCHED_MAX; i++) {
		enum shadow_origin origin;
		struct sync_record record;
		struct instant said;

		if (!shadow_next(f->shadow, &f->walk, &record, &origin, &said)) {
			f->searches = false;
			return;
		}
		if (origin == SHADOW_PEER && (int64_t)(said.us - f->since.us) >= 0)
			(void)feeder_add(f, shadow_walk_place(&f->walk));
	}
}

struct instant feeder_step(struct feeder *f, struct instant now)
{
	bool has_work = f->queued != f->read || f->searches;
	uint64_t pause_us = !has_work ? LOOK_US : f->is_there ? POLL_US : MISSING_US;
	struct instant next = instant_add(f->looked, pause_us);

	/* What is new does not wait for the look for drops. */
	if (f->looked.us != 0 && !instant_reached(next, now) &&
		!(has_work && f->is_there && f->given == f->read))
		return next;
	if (!look(f, now))
		return instant_add(now, MISSING_US);
	if (f->searches)
		search(f);
	if (f->given == f->read && f->given < f->queued && is_drained(f, f->waiting))
		return give(f, now);
	return f->searches && f->queued - f->read < FEEDER_SEARCHED_MAX
		       ? now
		       : instant_add(now, f->queued != f->read ? POLL_US : LOOK_US);
}
