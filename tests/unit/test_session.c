/* The session between two processes, and the relay on it: both sides here, the wire an array. */
#include "link/relay.h"
#include "link/session.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_MAX 5000u

struct sealed {
	size_t len;
	uint8_t bytes[SESSION_TEXT_MAX + SEAL_OVERHEAD];
};

struct side {
	const char *name;
	struct counts counts;
	struct session *session;
};

static struct side a, b;
static struct pair_key key_1, key_2;
static struct instant now;

static struct pair_key key_of(uint8_t n)
{
	uint8_t bytes[PAIR_KEY_LEN] = {n, 1, 2};
	struct pair_key key;

	pair_key_make(bytes, &key);
	return key;
}

static void start(struct side *s, const char *name)
{
	*s = (struct side){.name = name};
	ck_assert_int_eq(session_new(&s->counts, &s->session), 0);
}

static int hear_hello(struct side *s, const struct side *of, const struct pair_key *key)
{
	struct session_terms terms = {.key = key,
		.own_name = s->name,
		.peer_name = of->name,
		.peer_cipher = seal_preferred()};

	memcpy(terms.peer_nonce, session_nonce(of->session), sizeof(terms.peer_nonce));
	return session_agree(s->session, &terms);
}

static void agree(const struct pair_key *key)
{
	ck_assert_int_ge(hear_hello(&a, &b, key), 0);
	ck_assert_int_ge(hear_hello(&b, &a, key), 0);
	ck_assert(session_agreed(a.session, session_agreement(b.session)));
	ck_assert(session_agreed(b.session, session_agreement(a.session)));
}

static void setup(void)
{
	now = (struct instant){1000000};
	key_1 = key_of(1);
	key_2 = key_of(2);
	start(&a, "lb1");
	start(&b, "lb2");
}

static void teardown(void)
{
	session_free(a.session);
	session_free(b.session);
}

static struct sealed seal(struct side *s, const char *text)
{
	struct sealed d = {0};

	d.len = session_seal(s->session, text, strlen(text), d.bytes);
	return d;
}

static bool take(struct side *s, const struct sealed *d, unsigned way)
{
	uint8_t text[SESSION_TEXT_MAX + SEAL_OVERHEAD];
	size_t len;

	return session_open(s->session, d->bytes, d->len, way, now, text, &len);
}

START_TEST(nothing_is_sealed_before_the_peer_can_read_it)
{
	struct sealed d;

	ck_assert_uint_eq(seal(&a, "x").len, 0);
	ck_assert_int_eq(hear_hello(&a, &b, &key_1), SESSION_FRESH);
	ck_assert_uint_eq(seal(&a, "x").len, 0);
	ck_assert_int_eq(hear_hello(&b, &a, &key_1), SESSION_FRESH);
	ck_assert(session_agreed(a.session, session_agreement(b.session)));
	d = seal(&a, "x");
	ck_assert_uint_eq(d.len, 1 + SEAL_OVERHEAD);
	ck_assert_uint_eq(session_sent(a.session), 1);
	ck_assert(take(&b, &d, 0));
}
END_TEST

START_TEST(a_replayed_datagram_is_counted_and_one_of_another_way_is_a_duplicate)
{
	struct sealed d;

	agree(&key_1);
	d = seal(&a, "x");
	ck_assert(take(&b, &d, 0));
	ck_assert(!take(&b, &d, 1));
	ck_assert(!take(&b, &d, 1));
	ck_assert(!take(&b, &d, 0));
	ck_assert_uint_eq(b.counts.n[COUNT_RECEIVED], 1);
	ck_assert_uint_eq(b.counts.n[COUNT_DUPLICATE], 1);
	ck_assert_uint_eq(b.counts.n[COUNT_REPLAYED], 2);
}
END_TEST

START_TEST(one_that_is_changed_is_forged_and_its_number_stays_free)
{
	struct sealed d, changed;

	agree(&key_1);
	d = changed = seal(&a, "x");
	changed.bytes[changed.len - 1] ^= 1;
	ck_assert(!take(&b, &changed, 0));
	ck_assert_uint_eq(b.counts.n[COUNT_FORGED], 1);
	ck_assert(take(&b, &d, 0));
}
END_TEST

START_TEST(our_own_datagrams_are_of_no_session_that_we_read)
{
	struct sealed d;

	agree(&key_1);
	d = seal(&a, "x");
	ck_assert(!take(&a, &d, 0));
	ck_assert_uint_eq(a.counts.n[COUNT_UNKNOWN_SESSION], 1);
}
END_TEST

START_TEST(the_same_hello_again_changes_nothing)
{
	struct sealed d;

	agree(&key_1);
	d = seal(&a, "x");
	ck_assert(take(&b, &d, 0));
	ck_assert_int_eq(hear_hello(&b, &a, &key_1), SESSION_SAME);
	ck_assert(!take(&b, &d, 0));
	ck_assert_uint_eq(b.counts.n[COUNT_REPLAYED], 1);
	ck_assert_uint_eq(b.counts.n[COUNT_SESSIONS], 1);
}
END_TEST

START_TEST(another_key_goes_on_with_the_numbers_and_loses_nothing_on_the_way)
{
	struct sealed old, fresh;

	agree(&key_1);
	old = seal(&a, "x");
	ck_assert_int_eq(hear_hello(&b, &a, &key_2), SESSION_REKEYED);
	ck_assert_int_eq(hear_hello(&a, &b, &key_2), SESSION_REKEYED);
	ck_assert(take(&b, &old, 0));
	fresh = seal(&a, "still under the old key");
	ck_assert(take(&b, &fresh, 0));
	ck_assert(session_agreed(a.session, session_agreement(b.session)));
	fresh = seal(&a, "y");
	ck_assert(take(&b, &fresh, 0));
	ck_assert_uint_eq(session_sent(a.session), 3);
	ck_assert(!take(&b, &old, 0));
	ck_assert_uint_eq(b.counts.n[COUNT_REPLAYED], 1);
	ck_assert_uint_eq(b.counts.n[COUNT_RECEIVED], 3);
	ck_assert_mem_eq(session_key_id(b.session), key_2.id, PAIR_KEY_ID_LEN);
}
END_TEST

START_TEST(another_process_is_another_session_and_the_former_one_is_old)
{
	struct sealed old, fresh;

	agree(&key_1);
	old = seal(&a, "x");
	session_free(a.session);
	start(&a, "lb1");
	agree(&key_1);
	ck_assert_uint_eq(b.counts.n[COUNT_SESSIONS], 2);
	ck_assert_uint_eq(session_sent(b.session), 0);
	ck_assert(!take(&b, &old, 0));
	ck_assert_uint_eq(b.counts.n[COUNT_OLD_SESSION], 1);
	fresh = seal(&a, "x");
	ck_assert(take(&b, &fresh, 0));
}
END_TEST

START_TEST(a_key_that_is_not_accepted_any_more_ends_it)
{
	struct sealed d;

	agree(&key_1);
	d = seal(&a, "x");
	session_end(b.session);
	ck_assert(!session_is_known(b.session));
	ck_assert(!take(&b, &d, 0));
	ck_assert_uint_eq(b.counts.n[COUNT_OLD_SESSION], 1);
	ck_assert_uint_eq(seal(&b, "x").len, 0);
}
END_TEST

START_TEST(what_is_missing_is_asked_for_after_a_while_and_repaired_once)
{
	struct link_range ranges[4];
	struct sealed first, last;
	struct instant seen;
	size_t len;

	agree(&key_1);
	first = seal(&a, "1");
	(void)seal(&a, "2");
	(void)seal(&a, "3");
	last = seal(&a, "4");
	ck_assert(take(&b, &first, 0));
	ck_assert(instant_is_never(session_missing_at(b.session)));
	ck_assert(take(&b, &last, 0));
	ck_assert_uint_eq(session_missing_at(b.session).us, now.us + 20000);
	ck_assert_uint_eq(session_missing(b.session, instant_add(now, 19999), ranges, 4), 0);
	ck_assert_uint_eq(session_missing(b.session, instant_add(now, 20000), ranges, 4), 1);
	ck_assert_uint_eq(ranges[0].first, 2);
	ck_assert_uint_eq(ranges[0].last, 3);
	ck_assert_uint_eq(session_missing(b.session, instant_add(now, 500000), ranges, 4), 0);
	ck_assert_uint_eq(session_missing(b.session, instant_add(now, 520000), ranges, 4), 1);
	ck_assert_mem_eq(session_sent_text(a.session, 2, &len), "2", 1);
	ck_assert_uint_eq(len, 1);
	ck_assert(session_repaired(b.session, 2, instant_add(now, 600000), &seen));
	ck_assert_uint_eq(seen.us, now.us);
	ck_assert(!session_repaired(b.session, 2, now, &seen));
	ck_assert(session_repaired(b.session, 3, now, &seen));
	ck_assert(instant_is_never(session_missing_at(b.session)));
	ck_assert_uint_eq(b.counts.n[COUNT_REPAIRED], 2);
	ck_assert(!session_has_lost(b.session));
}
END_TEST

START_TEST(what_is_gone_is_lost_and_calls_for_a_resync_once)
{
	struct sealed d;

	agree(&key_1);
	(void)seal(&a, "1");
	d = seal(&a, "2");
	ck_assert(take(&b, &d, 0));
	session_gone(b.session, &(struct link_range){1, 1});
	ck_assert(session_has_lost(b.session));
	ck_assert(!session_has_lost(b.session));
	ck_assert_uint_eq(b.counts.n[COUNT_LOST], 1);
}
END_TEST

START_TEST(no_more_is_kept_than_the_ring_holds)
{
	size_t len;

	agree(&key_1);
	for (unsigned i = 0; i < SESSION_RING + 10; i++)
		(void)seal(&a, i % 2 ? "odd" : "even, which is longer");
	ck_assert_ptr_null(session_sent_text(a.session, 0, &len));
	ck_assert_ptr_null(session_sent_text(a.session, 10, &len));
	ck_assert_ptr_nonnull(session_sent_text(a.session, 11, &len));
	ck_assert_ptr_nonnull(session_sent_text(a.session, SESSION_RING + 10, &len));
	ck_assert_uint_eq(len, 3);
	ck_assert_ptr_null(session_sent_text(a.session, SESSION_RING + 11, &len));
}
END_TEST

/* Relay */

static struct sealed wire[WIRE_MAX];
static size_t n_wire;
static uint8_t injected[SYNC_MESSAGE_MAX];
static size_t injected_len, n_injected, n_items;

static void to_wire(const uint8_t *datagram, size_t len, void *userdata)
{
	(void)userdata;
	ck_assert_uint_lt(n_wire, WIRE_MAX);
	wire[n_wire].len = len;
	memcpy(wire[n_wire++].bytes, datagram, len);
}

static int to_kernel(const void *message, size_t len, void *userdata)
{
	(void)userdata;
	n_injected++;
	injected_len = len;
	memcpy(injected, message, len);
	return 0;
}

static void to_peer(const struct link_item *item, void *userdata)
{
	(void)item;
	(void)userdata;
	n_items++;
}

static const struct relay_world world = {.send = to_wire, .inject = to_kernel, .item = to_peer};

static struct relay relay_a, relay_b;
static struct shadow *shadow_a, *shadow_b;

static void setup_relay(void)
{
	setup();
	n_wire = n_injected = n_items = injected_len = 0;
	ck_assert_int_eq(shadow_new(10000, &shadow_a), 0);
	ck_assert_int_eq(shadow_new(10000, &shadow_b), 0);
	relay_init(&relay_a, a.session, shadow_a, &a.counts, &world);
	relay_init(&relay_b, b.session, shadow_b, &b.counts, &world);
	relay_set(&relay_a, 5, SESSION_TEXT_MAX + SEAL_OVERHEAD);
	relay_set(&relay_b, 5, SESSION_TEXT_MAX + SEAL_OVERHEAD);
	agree(&key_1);
}

static void teardown_relay(void)
{
	shadow_free(shadow_a);
	shadow_free(shadow_b);
	teardown();
}

static struct addr v4(uint32_t address)
{
	return addr_v4((struct in_addr){htonl(address)});
}

static struct sync_record record(unsigned n)
{
	return (struct sync_record){
		.protocol = IPPROTO_TCP,
		.state = 1,
		.flags = 0x83,
		.timeout_s = 900,
		.client = v4(0x0a000000 + n),
		.service = v4(0xc0000264),
		.server = v4(0x0a090001),
		.client_port = 1024,
		.service_port = 80,
		.server_port = 80,
	};
}

/* The kernel says one record. */
static void kernel_says(unsigned n, uint8_t sync_id)
{
	uint8_t message[100];
	struct sync_record r = record(n);
	struct sync_writer w;

	sync_writer_begin(&w, message, sizeof(message), sync_id);
	ck_assert(sync_writer_add(&w, &r));
	relay_from_kernel(&relay_a, message, sync_writer_end(&w), now);
}

static void deliver(size_t i)
{
	uint8_t text[SESSION_TEXT_MAX + SEAL_OVERHEAD];
	size_t len;

	if (session_open(b.session, wire[i].bytes, wire[i].len, 0, now, text, &len))
		relay_from_peer(&relay_b, text, len, now, false);
	relay_flush_in(&relay_b);
}

START_TEST(what_is_said_in_one_turn_is_one_datagram_and_one_message)
{
	for (unsigned i = 0; i < 20; i++)
		kernel_says(i, 5);
	ck_assert_uint_eq(n_wire, 0);
	relay_flush_out(&relay_a);
	ck_assert_uint_eq(n_wire, 1);
	deliver(0);
	ck_assert_uint_eq(n_injected, 1);
	ck_assert_uint_eq(injected_len, 8 + 20 * 36);
	ck_assert_uint_eq(shadow_count(shadow_a), 20);
	ck_assert_uint_eq(shadow_count(shadow_b), 20);
	ck_assert_uint_eq(b.counts.n[COUNT_INJECTED], 20);
}
END_TEST

START_TEST(no_datagram_is_longer_than_the_interfaces_take)
{
	relay_set(&relay_a, 5, 600);
	for (unsigned i = 0; i < 100; i++)
		kernel_says(i, 5);
	relay_flush_out(&relay_a);
	ck_assert_uint_eq(n_wire, 7); /* 15 records of 36 in each: 600 less 43 and 8 */
	for (size_t i = 0; i < n_wire; i++) {
		ck_assert_uint_le(wire[i].len, 600);
		deliver(i);
	}
	ck_assert_uint_eq(shadow_count(shadow_b), 100);
}
END_TEST

START_TEST(a_message_of_another_sync_id_or_none_at_all_goes_nowhere)
{
	kernel_says(1, 6);
	relay_from_kernel(&relay_a, "junk", 4, now);
	relay_flush_out(&relay_a);
	ck_assert_uint_eq(n_wire, 0);
	ck_assert_uint_eq(a.counts.n[COUNT_KERNEL_BAD], 2);
	ck_assert_uint_eq(shadow_count(shadow_a), 0);
}
END_TEST

START_TEST(what_is_known_better_is_not_told_the_kernel)
{
	struct sync_record newer = record(1);

	kernel_says(1, 5);
	relay_flush_out(&relay_a);
	newer.state = 4;
	ck_assert(shadow_take(shadow_b, &newer, SHADOW_PEER, instant_add(now, 1)));
	deliver(0);
	ck_assert_uint_eq(n_injected, 0);
	ck_assert_uint_eq(b.counts.n[COUNT_STALE], 1);
}
END_TEST

START_TEST(of_a_repair_only_the_records_count)
{
	uint8_t text[LINK_ITEM_HEAD + HEARTBEAT_LEN] = {0};

	link_item_head(text, LINK_ITEM_HEARTBEAT, HEARTBEAT_LEN);
	relay_from_peer(&relay_b, text, sizeof(text), now, true);
	ck_assert_uint_eq(n_items, 0);
	relay_from_peer(&relay_b, text, sizeof(text), now, false);
	ck_assert_uint_eq(n_items, 1);
	relay_from_peer(&relay_b, text, sizeof(text) - 1, now, false);
	ck_assert_uint_eq(n_items, 1);
	ck_assert_uint_eq(b.counts.n[COUNT_BAD_MESSAGE], 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("session");
	TCase *t = tcase_create("session"), *u = tcase_create("relay");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nothing_is_sealed_before_the_peer_can_read_it);
	tcase_add_test(t, a_replayed_datagram_is_counted_and_one_of_another_way_is_a_duplicate);
	tcase_add_test(t, one_that_is_changed_is_forged_and_its_number_stays_free);
	tcase_add_test(t, our_own_datagrams_are_of_no_session_that_we_read);
	tcase_add_test(t, the_same_hello_again_changes_nothing);
	tcase_add_test(t, another_key_goes_on_with_the_numbers_and_loses_nothing_on_the_way);
	tcase_add_test(t, another_process_is_another_session_and_the_former_one_is_old);
	tcase_add_test(t, a_key_that_is_not_accepted_any_more_ends_it);
	tcase_add_test(t, what_is_missing_is_asked_for_after_a_while_and_repaired_once);
	tcase_add_test(t, what_is_gone_is_lost_and_calls_for_a_resync_once);
	tcase_add_test(t, no_more_is_kept_than_the_ring_holds);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(u, setup_relay, teardown_relay);
	tcase_add_test(u, what_is_said_in_one_turn_is_one_datagram_and_one_message);
	tcase_add_test(u, no_datagram_is_longer_than_the_interfaces_take);
	tcase_add_test(u, a_message_of_another_sync_id_or_none_at_all_goes_nowhere);
	tcase_add_test(u, what_is_known_better_is_not_told_the_kernel);
	tcase_add_test(u, of_a_repair_only_the_records_count);
	suite_add_tcase(s, u);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
