/* link/resync, feeder and coverage: two directors on one virtual clock, with a stream that has
 * latency and breaks, and kernels whose sockets overflow. */
#include "link/coverage.h"
#include "link/resync.h"
#include "link/shadow.h"

#include "core/bulk_message.h"
#include "io/udp_queue.h"
#include "synced.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000u
#define SECOND 1000000ull
#define ACCOUNTED(len) ((len) + 900)

/* What is on its way to a host. */
struct parcel {
	struct parcel *next;
	uint64_t due;
	enum stream_type type;
	size_t len;
	uint8_t bytes[];
};

/* A kernel's table is a shadow in which what comes later wins. */
struct kernel {
	struct shadow *table;
	bool listens;
	size_t room, waiting; /* of the socket */
	uint64_t drops;
	struct parcel *first, **last;
	unsigned per_ms; /* messages that the daemon reads */
};

struct host {
	struct host *peer;
	struct shadow *shadow;
	struct resync *resync;
	struct coverage *coverage;
	struct kernel kernel;
	struct parcel *first, **last; /* of the stream, to here */
	size_t on_stream;             /* bytes from here */
	bool full;                    /* nothing can be sent */
	uint64_t records;             /* sent from here */
	uint64_t offset;              /* of this host's clock */
	struct resync_report report;
	unsigned changes;
	struct coverage_report covered;
	unsigned comparisons;
	size_t n_services;
};

static struct host a, b;
static uint64_t clock_us, latency_us;
static bool is_open;

static struct instant now_of(const struct host *h)
{
	return (struct instant){clock_us + h->offset};
}

static void append(
	struct parcel ***last, uint64_t due, enum stream_type type, const void *bytes, size_t len)
{
	struct parcel *p = malloc(sizeof(*p) + len);

	ck_assert_ptr_nonnull(p);
	*p = (struct parcel){.due = due, .type = type, .len = len};
	memcpy(p->bytes, bytes, len);
	**last = p;
	*last = &p->next;
}

static bool on_send(enum stream_type type, const void *data, size_t len, void *userdata)
{
	struct host *h = userdata;

	if (!is_open || h->full)
		return false;
	append(&h->peer->last, clock_us + latency_us, type, data, len);
	h->on_stream += len;
	if (type == STREAM_RECORDS) {
		struct bulk_reader in;

		ck_assert_int_eq(bulk_reader_open(&in, data, len), SYNC_OK);
		h->records += in.records.left;
	}
	return true;
}

static size_t on_queued(void *userdata)
{
	return ((struct host *)userdata)->on_stream;
}

static int on_inject(const void *message, size_t len, void *userdata)
{
	struct kernel *k = &((struct host *)userdata)->kernel;

	ck_assert_uint_le(len, 1400);
	if (!k->listens)
		return 0; /* nobody there: the device takes it all the same */
	if (k->waiting + ACCOUNTED(len) > k->room) {
		k->drops++;
		return 0;
	}
	append(&k->last, 0, 0, message, len);
	k->waiting += ACCOUNTED(len);
	return 0;
}

static int on_kernel_queue(struct udp_queue *ret, void *userdata)
{
	const struct kernel *k = &((struct host *)userdata)->kernel;

	if (!k->listens)
		return -ENOENT;
	*ret = (struct udp_queue){1, k->waiting, k->drops};
	return 0;
}

static void on_changed(const struct resync_report *report, void *userdata)
{
	struct host *h = userdata;

	h->report = *report;
	h->changes++;
}

static void on_compared(const struct coverage_report *report, void *userdata)
{
	struct host *h = userdata;

	h->covered = *report;
	h->n_services = report->n_services;
	h->comparisons++;
}

static void kernel_hears(struct kernel *k, const struct parcel *p)
{
	struct sync_reader r;
	struct sync_record record;
	bool more;

	ck_assert_int_eq(sync_reader_open(&r, p->bytes, p->len), SYNC_OK);
	ck_assert_uint_eq(r.sync_id, 9);
	for (;;) {
		ck_assert_int_eq(sync_reader_next(&r, &record, &more), SYNC_OK);
		if (!more)
			return;
		ck_assert(shadow_take(k->table, &record, SHADOW_OWN, (struct instant){clock_us}));
	}
}

static void kernel_reads(struct kernel *k)
{
	for (unsigned i = 0; i < k->per_ms && k->first; i++) {
		struct parcel *p = k->first;

		k->first = p->next;
		if (!k->first)
			k->last = &k->first;
		kernel_hears(k, p);
		k->waiting -= ACCOUNTED(p->len);
		free(p);
	}
}

static void drop_all(struct parcel **first, struct parcel ***last)
{
	while (*first) {
		struct parcel *p = *first;

		*first = p->next;
		free(p);
	}
	*last = first;
}

static void deliver(struct host *h)
{
	while (h->first && h->first->due <= clock_us) {
		struct parcel *p = h->first;

		h->first = p->next;
		if (!h->first)
			h->last = &h->first;
		h->peer->on_stream -= p->len;
		if (p->type == STREAM_DIGEST)
			ck_assert(coverage_message(h->coverage, p->bytes, p->len, now_of(h)));
		else
			ck_assert(resync_message(h->resync, p->type, p->bytes, p->len, now_of(h)));
		free(p);
	}
}

static void host_init(struct host *h, struct host *peer, uint64_t process, uint64_t offset)
{
	struct resync_settings settings = {.process = process, .sync_id = 9, .message_max = 1400};
	struct resync_world world = {on_send, on_queued, on_inject, on_kernel_queue, on_changed, h};
	struct coverage_world coverage_world = {on_send, on_compared, h};
	struct coverage_settings coverage_settings = {0};

	*h = (struct host){.peer = peer, .offset = offset};
	h->last = &h->first;
	h->kernel = (struct kernel){.listens = true, .room = 212992, .per_ms = 10};
	h->kernel.last = &h->kernel.first;
	ck_assert_int_eq(shadow_new(100000, &h->shadow), 0);
	ck_assert_int_eq(shadow_new(100000, &h->kernel.table), 0);
	ck_assert_int_eq(resync_new(h->shadow, &settings, &world, &h->resync), 0);
	ck_assert_int_eq(coverage_new(h->shadow, h->resync, &coverage_settings, &coverage_world,
				 &h->coverage),
		0);
}

static void host_done(struct host *h)
{
	drop_all(&h->first, &h->last);
	drop_all(&h->kernel.first, &h->kernel.last);
	coverage_free(h->coverage);
	resync_free(h->resync);
	shadow_free(h->kernel.table);
	shadow_free(h->shadow);
}

static void setup(void)
{
	clock_us = 1000 * SECOND;
	latency_us = 2 * MS;
	is_open = false;
	host_init(&a, &b, 11, 5000 * SECOND);
	host_init(&b, &a, 22, 0);
}

static void teardown(void)
{
	host_done(&a);
	host_done(&b);
}

static void open_stream(void)
{
	is_open = true;
	resync_opened(a.resync, now_of(&a));
	resync_opened(b.resync, now_of(&b));
}

static void break_stream(void)
{
	is_open = false;
	drop_all(&a.first, &a.last);
	drop_all(&b.first, &b.last);
	a.on_stream = b.on_stream = 0;
	resync_closed(a.resync, now_of(&a));
	resync_closed(b.resync, now_of(&b));
	coverage_closed(a.coverage);
	coverage_closed(b.coverage);
}

static void step(struct host *h)
{
	deliver(h);
	kernel_reads(&h->kernel);
	(void)resync_step(h->resync, now_of(h));
	(void)coverage_step(h->coverage, now_of(h));
}

static void run_ms(unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		clock_us += MS;
		step(&a);
		step(&b);
	}
}

/* Where nothing is in a hurry. */
static void run_s(unsigned s)
{
	for (unsigned i = 0; i < s * 20; i++) {
		clock_us += 49 * MS;
		run_ms(1);
	}
}

static bool both_done(void)
{
	return a.report.state == RESYNC_DONE && b.report.state == RESYNC_DONE;
}

static void run_until_done(unsigned max_ms)
{
	for (unsigned i = 0; i < max_ms && !both_done(); i++)
		run_ms(1);
	ck_assert_msg(both_done(), "a %s, b %s after %u ms", resync_state_name(a.report.state),
		resync_state_name(b.report.state), max_ms);
	run_ms(50); /* acknowledgements and kernels */
}

static void has(struct host *h, unsigned first, unsigned n, uint64_t age_us)
{
	for (unsigned i = first; i < first + n; i++) {
		struct sync_record r = synced_record(i);

		ck_assert(shadow_take(
			h->shadow, &r, SHADOW_OWN, (struct instant){now_of(h).us - age_us}));
	}
}

/* All of one table is in the other, the same. */
static void assert_within(const struct shadow *part, const struct shadow *whole)
{
	struct shadow_walk walk = {0};
	struct sync_record r, other;
	enum shadow_origin origin;
	struct instant said;

	while (shadow_next(part, &walk, &r, &origin, &said)) {
		uint64_t place = shadow_find(whole, &r);

		ck_assert(place != SHADOW_NONE);
		ck_assert(shadow_get(whole, place, &other, &origin, &said));
		ck_assert(synced_equal(&r, &other));
	}
}

START_TEST(a_director_that_joins_gets_everything)
{
	has(&a, 0, 20000, 100 * SECOND);
	open_stream();
	run_until_done(3000);
	ck_assert_uint_eq(shadow_count(b.shadow), 20000);
	assert_within(a.shadow, b.shadow);
	assert_within(a.shadow, b.kernel.table);
	ck_assert_uint_eq(b.report.records, 20000);
	ck_assert_uint_eq(b.report.news, 20000);
	ck_assert_uint_eq(b.report.injected, 20000);
	ck_assert_uint_eq(b.report.drops, 0);
	ck_assert_uint_eq(a.kernel.drops, 0);
	ck_assert_uint_eq(shadow_count(a.kernel.table), 0);
	ck_assert_uint_eq(resync_sent(a.resync), 20000);
}
END_TEST

START_TEST(both_get_what_the_other_has)
{
	has(&a, 0, 6000, 100 * SECOND);
	has(&b, 3000, 6000, 50 * SECOND);
	open_stream();
	run_until_done(3000);
	ck_assert_uint_eq(shadow_count(a.shadow), 9000);
	assert_within(a.shadow, b.shadow);
	assert_within(b.shadow, a.shadow);
	/* Each kernel has what it did not say itself, and nothing that it had newer. */
	ck_assert_uint_eq(shadow_count(b.kernel.table), 3000);
	ck_assert_uint_ge(shadow_count(a.kernel.table), 6000);
}
END_TEST

START_TEST(two_empty_tables_are_soon_the_same)
{
	open_stream();
	run_until_done(100);
	ck_assert_uint_eq(b.report.records, 0);
}
END_TEST

/* The daemon's socket has room for a few messages, less than what may wait: some are lost, counted
 * and given again. */
START_TEST(what_the_kernel_drops_is_given_again)
{
	b.kernel.room = 20000;
	b.kernel.per_ms = 2;
	has(&a, 0, 10000, 100 * SECOND);
	open_stream();
	run_until_done(20000);
	ck_assert_uint_gt(b.kernel.drops, 0);
	ck_assert_uint_eq(b.report.drops, b.kernel.drops);
	ck_assert_uint_gt(b.report.injected, 10000);
	assert_within(a.shadow, b.kernel.table);
}
END_TEST

/* A change that a's kernel tells: at once in a's table, soon at b, which injects it unasked. */
static void live(struct synced_random *random, unsigned n)
{
	struct sync_record r = synced_record(synced_random(random, n));
	uint8_t buffer[200];
	struct sync_writer w;
	size_t len;

	r.server_port = (uint16_t)(1 + synced_random(random, 60000));
	if (synced_random(random, 2))
		r.flags |= SYNC_FLAG_INACTIVE;
	ck_assert(shadow_take(a.shadow, &r, SHADOW_OWN, now_of(&a)));
	clock_us += 300;
	ck_assert(shadow_take(b.shadow, &r, SHADOW_PEER, now_of(&b)));
	sync_writer_begin(&w, buffer, sizeof(buffer), 9);
	ck_assert(sync_writer_add(&w, &r));
	len = sync_writer_end(&w);
	(void)on_inject(buffer, len, &b);
}

/* However slow the stream and full the kernel's socket: in the end b's kernel has the newest. */
START_TEST(live_changes_win_over_what_comes_in_bulk)
{
	struct synced_random random = {(uint64_t)_i};

	latency_us = _i % 2 ? 80 * MS : MS;
	b.kernel.room = _i % 3 ? 212992 : 24000;
	b.kernel.per_ms = 3;
	has(&a, 0, 8000, 100 * SECOND);
	open_stream();
	for (unsigned i = 0; i < 1500; i++) {
		live(&random, 8000);
		live(&random, 8000);
		run_ms(1);
	}
	run_until_done(20000);
	run_s(6); /* the last look for drops, and the search for them */
	assert_within(a.shadow, b.shadow);
	assert_within(a.shadow, b.kernel.table);
}
END_TEST

START_TEST(a_broken_stream_goes_on_where_it_was)
{
	b.kernel.per_ms = 2;
	has(&a, 0, 20000, 100 * SECOND);
	for (unsigned i = 0; i < 5; i++) {
		open_stream();
		run_ms(40);
		ck_assert_int_eq(b.report.state, RESYNC_RUNNING);
		break_stream();
		ck_assert_int_eq(b.report.state, RESYNC_FAILED);
		ck_assert_str_eq(b.report.reason, "the stream to the peer broke");
		run_ms(20);
	}
	open_stream();
	run_until_done(5000);
	assert_within(a.shadow, b.kernel.table);
	/* Each break costs a window at most. */
	ck_assert_uint_le(a.records, 20000 + 5 * 16 * SYNC_RECORDS_MAX);
	ck_assert_uint_le(b.report.news, 20000);
}
END_TEST

START_TEST(a_peer_that_was_restarted_begins_again)
{
	has(&a, 0, 20000, 100 * SECOND);
	open_stream();
	run_ms(30);
	break_stream();
	host_done(&a);
	host_init(&a, &b, 12, 7 * SECOND);
	has(&a, 10000, 20000, 10 * SECOND);
	open_stream();
	run_until_done(5000);
	assert_within(a.shadow, b.shadow);
	assert_within(a.shadow, b.kernel.table);
	/* Not again what b had from the one before. */
	ck_assert_uint_eq(a.records, 20000);
}
END_TEST

START_TEST(known_records_are_not_given_to_the_kernel_again_unless_forced)
{
	has(&a, 0, 3000, 100 * SECOND);
	open_stream();
	run_until_done(2000);
	shadow_free(b.kernel.table);
	ck_assert_int_eq(shadow_new(100000, &b.kernel.table), 0);
	ck_assert(resync_ask(b.resync, false, now_of(&b)));
	run_until_done(2000);
	ck_assert_uint_eq(b.report.records, 3000);
	ck_assert_uint_eq(b.report.news, 0);
	ck_assert_uint_eq(shadow_count(b.kernel.table), 0);
	ck_assert(resync_ask(b.resync, true, now_of(&b)));
	run_until_done(2000);
	assert_within(a.shadow, b.kernel.table);
}
END_TEST

START_TEST(without_a_daemon_it_fails_and_is_tried_again)
{
	has(&a, 0, 3000, 100 * SECOND);
	b.kernel.listens = false;
	open_stream();
	run_s(9);
	ck_assert_int_eq(b.report.state, RESYNC_RUNNING);
	run_s(2);
	ck_assert_int_eq(b.report.state, RESYNC_FAILED);
	ck_assert_str_eq(b.report.reason, "the kernel's sync daemon does not listen");
	b.kernel.listens = true;
	run_until_done(7000);
	assert_within(a.shadow, b.kernel.table);
}
END_TEST

START_TEST(what_was_said_while_the_daemon_was_away_is_given_when_it_is_back)
{
	struct synced_random random = {3};

	has(&a, 0, 3000, 100 * SECOND);
	open_stream();
	run_until_done(2000);
	b.kernel.listens = false;
	run_s(3);
	for (unsigned i = 0; i < 500; i++)
		live(&random, 3000);
	run_s(3);
	b.kernel.listens = true;
	run_s(3);
	assert_within(a.shadow, b.kernel.table);
}
END_TEST

START_TEST(who_asks_waits_until_the_table_is_read)
{
	has(&a, 0, 1000, 100 * SECOND);
	resync_table_ready(a.resync, false, false);
	open_stream();
	run_s(3);
	ck_assert_int_eq(b.report.state, RESYNC_RUNNING);
	ck_assert_uint_eq(b.report.records, 0);
	has(&a, 1000, 1000, 100 * SECOND);
	resync_table_ready(a.resync, true, false);
	run_until_done(1000);
	ck_assert_uint_eq(b.report.records, 2000);
	ck_assert(b.report.incomplete);
	ck_assert(!a.report.incomplete);
}
END_TEST

START_TEST(a_full_stream_is_waited_for)
{
	has(&a, 0, 5000, 100 * SECOND);
	open_stream();
	run_ms(5);
	a.full = b.full = true;
	run_ms(500);
	ck_assert_int_eq(b.report.state, RESYNC_RUNNING);
	a.full = b.full = false;
	run_until_done(3000);
	assert_within(a.shadow, b.kernel.table);
}
END_TEST

START_TEST(a_peer_that_falls_silent_is_asked_again)
{
	has(&a, 0, 100, 100 * SECOND);
	resync_table_ready(a.resync, false, false);
	open_stream();
	run_s(119);
	ck_assert_int_eq(b.report.state, RESYNC_RUNNING);
	run_s(2);
	ck_assert_int_eq(b.report.state, RESYNC_FAILED);
	ck_assert_str_eq(b.report.reason, "the peer does not go on");
	resync_table_ready(a.resync, true, true);
	run_until_done(6000);
}
END_TEST

START_TEST(messages_against_the_rules_are_refused)
{
	uint8_t message[64] = {1, 0, 0, 0, 0, 0, 0, 1};
	struct bulk_ack ack = {.messages = 1};

	open_stream();
	run_until_done(100);
	ck_assert(!resync_message(a.resync, STREAM_RECORDS, message, 64, now_of(&a)));
	ck_assert(!resync_message(a.resync, STREAM_RESYNC_ASK, message, 31, now_of(&a)));
	ck_assert(!resync_message(a.resync, STREAM_RESYNC_DONE, message, 15, now_of(&a)));
	bulk_ack_build(&ack, message); /* of a message that was never sent */
	ck_assert(!resync_message(a.resync, STREAM_RECORDS_ACK, message, BULK_ACK_LEN, now_of(&a)));
	ck_assert(!resync_message(a.resync, STREAM_DIGEST, message, 64, now_of(&a)));
}
END_TEST

static void open_coverage(void)
{
	coverage_opened(a.coverage, now_of(&a));
	coverage_opened(b.coverage, now_of(&b));
}

START_TEST(equal_tables_cover_each_other)
{
	has(&a, 0, 5000, 100 * SECOND);
	open_stream();
	run_until_done(2000);
	open_coverage();
	ck_assert(coverage_ask(a.coverage, now_of(&a)));
	run_ms(20);
	ck_assert_uint_eq(a.comparisons, 1);
	ck_assert_uint_eq(b.comparisons, 1);
	ck_assert(a.covered.exact);
	ck_assert_uint_eq(a.covered.own, 5000);
	ck_assert_uint_eq(a.covered.peer, 5000);
	ck_assert_uint_eq(a.covered.missing, 0);
	ck_assert_uint_eq(a.covered.per_10000, 10000);
	ck_assert_uint_gt(a.n_services, 3);
}
END_TEST

START_TEST(a_few_missing_ones_are_named_and_pushed)
{
	has(&a, 0, 5000, 100 * SECOND);
	open_stream();
	run_until_done(2000);
	has(&a, 5000, 50, 60 * SECOND); /* never told */
	open_coverage();
	ck_assert(coverage_ask(b.coverage, now_of(&b)));
	run_ms(20);
	ck_assert_uint_eq(a.covered.missing, 50);
	ck_assert_uint_eq(a.covered.per_10000, 5000 * 10000 / 5050);
	ck_assert_uint_eq(b.covered.missing, 0);
	ck_assert_uint_eq(b.covered.surplus, 50);
	run_ms(100);
	assert_within(a.shadow, b.kernel.table);
	ck_assert(coverage_ask(b.coverage, now_of(&b)));
	run_ms(20);
	ck_assert_uint_eq(a.covered.per_10000, 10000);
	ck_assert_uint_eq(b.changes, 2); /* running, done: no second resync for this */
}
END_TEST

START_TEST(what_is_young_or_about_to_end_is_not_missing)
{
	has(&a, 0, 1000, 100 * SECOND);
	open_stream();
	run_until_done(2000);
	has(&a, 1008, 1, 2 * SECOND);
	has(&a, 1009, 1, 897 * SECOND);
	has(&a, 1010, 1, 100 * SECOND);
	open_coverage();
	ck_assert(coverage_ask(b.coverage, now_of(&b)));
	run_ms(20);
	ck_assert_uint_eq(a.covered.missing, 1);
	ck_assert_uint_ge(a.covered.lag_us, 2 * SECOND);
	ck_assert_uint_lt(a.covered.lag_us, 3 * SECOND);
}
END_TEST

START_TEST(too_little_coverage_starts_a_resync)
{
	has(&a, 0, 5000, 100 * SECOND);
	open_stream();
	run_until_done(2000);
	has(&a, 5000, 20000, 100 * SECOND);
	open_coverage();
	run_ms(5100); /* the first comparison comes by itself */
	ck_assert_uint_ge(a.comparisons, 1);
	ck_assert(!a.covered.exact);
	ck_assert_uint_ge(a.covered.missing, 20000);
	ck_assert_uint_ge(b.changes, 3); /* it was asked again */
	run_until_done(5000);
	assert_within(a.shadow, b.kernel.table);
	run_s(61); /* and every minute */
	ck_assert_uint_ge(a.comparisons, 2);
	ck_assert_uint_eq(a.covered.per_10000, 10000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resync");
	TCase *tc = tcase_create("resync");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_director_that_joins_gets_everything);
	tcase_add_test(tc, both_get_what_the_other_has);
	tcase_add_test(tc, two_empty_tables_are_soon_the_same);
	tcase_add_test(tc, what_the_kernel_drops_is_given_again);
	tcase_add_loop_test(tc, live_changes_win_over_what_comes_in_bulk, 0, 6);
	tcase_add_test(tc, a_broken_stream_goes_on_where_it_was);
	tcase_add_test(tc, a_peer_that_was_restarted_begins_again);
	tcase_add_test(tc, known_records_are_not_given_to_the_kernel_again_unless_forced);
	tcase_add_test(tc, without_a_daemon_it_fails_and_is_tried_again);
	tcase_add_test(tc, what_was_said_while_the_daemon_was_away_is_given_when_it_is_back);
	tcase_add_test(tc, who_asks_waits_until_the_table_is_read);
	tcase_add_test(tc, a_full_stream_is_waited_for);
	tcase_add_test(tc, a_peer_that_falls_silent_is_asked_again);
	tcase_add_test(tc, messages_against_the_rules_are_refused);
	tcase_add_test(tc, equal_tables_cover_each_other);
	tcase_add_test(tc, a_few_missing_ones_are_named_and_pushed);
	tcase_add_test(tc, what_is_young_or_about_to_end_is_not_missing);
	tcase_add_test(tc, too_little_coverage_starts_a_resync);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
