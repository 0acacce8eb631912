/* core/bulk_message and core/tracked: their bytes, as tandem-link(7) has them, and back. */
#include "core/bulk_message.h"
#include "core/tracked.h"

#include "synced.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

START_TEST(an_ask_has_the_known_bytes)
{
	static const uint8_t known[BULK_ASK_LEN] = {1, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1, 2,
		0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 5, 6};
	struct bulk_ask ask = {7, 0x102, true, 0x304, 0x506}, got;
	uint8_t bytes[BULK_ASK_LEN];

	bulk_ask_build(&ask, bytes);
	ck_assert_mem_eq(bytes, known, sizeof(known));
	ck_assert(bulk_ask_parse(bytes, sizeof(bytes), &got));
	ck_assert_uint_eq(got.id, 7);
	ck_assert(got.resume);
	ck_assert_uint_eq(got.cursor, 0x506);
	bytes[7] = 0;
	ck_assert(!bulk_ask_parse(bytes, sizeof(bytes), &got));
}
END_TEST

START_TEST(ack_and_done_have_the_known_bytes)
{
	static const uint8_t ack_known[BULK_ACK_LEN] = {
		1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 5, 6};
	static const uint8_t done_known[BULK_DONE_LEN] = {
		1, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1, 2};
	struct bulk_ack ack = {0x102, 0x304, 0x506}, ack_got;
	struct bulk_done done = {7, true, 0x102}, done_got;
	uint8_t bytes[BULK_ACK_LEN];

	bulk_ack_build(&ack, bytes);
	ck_assert_mem_eq(bytes, ack_known, sizeof(ack_known));
	ck_assert(bulk_ack_parse(bytes, BULK_ACK_LEN, &ack_got));
	ck_assert_uint_eq(ack_got.messages, 0x304);
	bulk_done_build(&done, bytes);
	ck_assert_mem_eq(bytes, done_known, sizeof(done_known));
	ck_assert(bulk_done_parse(bytes, BULK_DONE_LEN, &done_got));
	ck_assert(done_got.incomplete);
	ck_assert(!bulk_done_parse(bytes, BULK_DONE_LEN - 1, &done_got));
}
END_TEST

static size_t build_records(struct bulk_writer *w, unsigned n)
{
	struct bulk_header header = {7, 1, 2, 3, 4};

	bulk_writer_begin(w);
	for (unsigned i = 0; i < n; i++) {
		struct sync_record r = synced_record(i);

		ck_assert(bulk_writer_add(w, &r, i * 1000));
	}
	ck_assert_uint_eq(bulk_writer_count(w), n);
	return bulk_writer_end(w, &header);
}

START_TEST(records_come_back_with_their_ages)
{
	static struct bulk_writer w;
	size_t len = build_records(&w, 100);
	struct sync_record got;
	struct bulk_reader r;
	uint32_t age_ms;
	bool more;

	ck_assert_int_eq(bulk_reader_open(&r, w.bytes, len), SYNC_OK);
	ck_assert_uint_eq(r.header.id, 7);
	ck_assert_uint_eq(r.header.clock_us, 1);
	ck_assert_uint_eq(r.header.echo_us, 2);
	ck_assert_uint_eq(r.header.process, 3);
	ck_assert_uint_eq(r.header.cursor, 4);
	for (unsigned i = 0; i < 100; i++) {
		struct sync_record wanted = synced_record(i);

		ck_assert_int_eq(bulk_reader_next(&r, &got, &age_ms, &more), SYNC_OK);
		ck_assert(more && synced_equal(&got, &wanted));
		ck_assert_uint_eq(age_ms, i * 1000);
	}
	ck_assert_int_eq(bulk_reader_next(&r, &got, &age_ms, &more), SYNC_OK);
	ck_assert(!more);
}
END_TEST

/* The kernel's part of the message begins at 40; the first record's protocol is its byte 9. */
START_TEST(a_record_that_is_skipped_takes_its_age_along)
{
	static struct bulk_writer w;
	size_t len = build_records(&w, 2);
	struct sync_record got;
	struct bulk_reader r;
	uint32_t age_ms = 9;
	bool more;

	w.bytes[40 + 9] = 99;
	ck_assert_int_eq(bulk_reader_open(&r, w.bytes, len), SYNC_OK);
	ck_assert_int_eq(bulk_reader_next(&r, &got, &age_ms, &more), SYNC_UNKNOWN_RECORD);
	ck_assert_uint_eq(age_ms, 9);
	ck_assert_int_eq(bulk_reader_next(&r, &got, &age_ms, &more), SYNC_OK);
	ck_assert_uint_eq(age_ms, 1000);
}
END_TEST

START_TEST(records_of_another_shape_are_refused)
{
	static struct bulk_writer w;
	size_t len = build_records(&w, 3);
	struct bulk_reader r;

	for (size_t i = 0; i < len; i++)
		ck_assert_int_ne(bulk_reader_open(&r, w.bytes, i), SYNC_OK);
	ck_assert_int_eq(bulk_reader_open(&r, w.bytes, len + 1), SYNC_TRAILING);
	w.bytes[3]--; /* one age less than records */
	ck_assert_int_eq(bulk_reader_open(&r, w.bytes, len - 4), SYNC_BAD_RECORD);
	w.bytes[3]++;
	w.bytes[0] = 2;
	ck_assert_int_eq(bulk_reader_open(&r, w.bytes, len), SYNC_NOT_VERSION_1);
}
END_TEST

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static struct tracked entry(bool v6)
{
	return (struct tracked){.protocol = IPPROTO_TCP,
		.tcp_state = 3,
		.assured = true,
		.timeout_s = 0x01020304,
		.mark = 5,
		.client = address(v6 ? "2001:db8::1" : "198.51.100.7"),
		.service = address(v6 ? "2001:db8::2" : "192.0.2.100"),
		.server = address(v6 ? "2001:db8::3" : "10.9.0.11"),
		.local = address(v6 ? "2001:db8::4" : "10.9.0.200"),
		.client_port = 40000,
		.service_port = 80,
		.server_port = 8080,
		.local_port = 5000};
}

START_TEST(a_tracked_entry_has_the_known_bytes)
{
	static const uint8_t known[] = {2, 1, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0,
		0, 0, 1, 2, 2, 6, 3, 0, 1, 2, 3, 4, 0, 0, 0, 5, 0x9c, 0x40, 0, 80, 0x1f, 0x90, 0x13,
		0x88, 198, 51, 100, 7, 192, 0, 2, 100, 10, 9, 0, 11, 10, 9, 0, 200};
	static const struct tracked_header header = {
		TRACKED_BULK, UINT64_C(0x0102030405060708), 0x102, 3};
	struct tracked e = entry(false);
	struct tracked_writer w;
	uint8_t bytes[84];

	tracked_writer_begin(&w, bytes, sizeof(bytes));
	ck_assert_uint_eq(tracked_writer_end(&w, &header), 0);
	ck_assert(tracked_writer_add(&w, &e));
	ck_assert_uint_eq(tracked_writer_end(&w, &header), sizeof(known));
	ck_assert_mem_eq(bytes, known, sizeof(known));
	ck_assert(!tracked_writer_add(&w, &e)); /* no room */
}
END_TEST

START_TEST(an_ack_of_tracked_entries_has_none)
{
	static const struct tracked_header header = {TRACKED_ACK, 5, 6, 7};
	uint8_t bytes[TRACKED_HEADER_LEN];
	struct tracked_writer w;
	struct tracked_reader r;
	struct tracked got;

	tracked_writer_begin(&w, bytes, sizeof(bytes));
	ck_assert_uint_eq(tracked_writer_end(&w, &header), sizeof(bytes));
	ck_assert(tracked_reader_open(&r, bytes, sizeof(bytes)));
	ck_assert_int_eq(r.header.kind, TRACKED_ACK);
	ck_assert_uint_eq(r.header.process, 5);
	ck_assert_uint_eq(r.header.order, 6);
	ck_assert_uint_eq(r.header.piece, 7);
	ck_assert(!tracked_reader_next(&r, &got));
	bytes[1] = TRACKED_ACK + 1; /* no such kind */
	ck_assert(!tracked_reader_open(&r, bytes, sizeof(bytes)));
	bytes[1] = TRACKED_BULK; /* has entries */
	ck_assert(!tracked_reader_open(&r, bytes, sizeof(bytes)));
}
END_TEST

START_TEST(tracked_entries_come_back_and_nothing_else_is_taken)
{
	struct tracked e[3] = {entry(false), entry(true), entry(false)}, got;
	struct tracked_reader r;
	struct tracked_writer w;
	uint8_t bytes[512];
	size_t len;

	e[2].gone = true;
	e[2].assured = false;
	e[2].protocol = IPPROTO_UDP;
	e[2].tcp_state = 0;
	tracked_writer_begin(&w, bytes, sizeof(bytes));
	for (size_t i = 0; i < 3; i++)
		ck_assert(tracked_writer_add(&w, &e[i]));
	got = e[0];
	got.server = e[1].server;
	ck_assert(!tracked_writer_add(&w, &got));
	got = e[0];
	got.tcp_state = TRACKED_TCP_STATES;
	ck_assert(!tracked_writer_add(&w, &got));
	len = tracked_writer_end(&w, &(struct tracked_header){.kind = TRACKED_LIVE});
	for (size_t i = 0; i < len; i++)
		ck_assert(!tracked_reader_open(&r, bytes, i));
	ck_assert(!tracked_reader_open(&r, bytes, len + 1));
	ck_assert(tracked_reader_open(&r, bytes, len));
	for (size_t i = 0; i < 3; i++) {
		ck_assert(tracked_reader_next(&r, &got));
		ck_assert(addr_equal(&got.local, &e[i].local) &&
			  addr_equal(&got.client, &e[i].client));
		ck_assert_uint_eq(got.local_port, 5000);
		ck_assert_uint_eq(got.timeout_s, 0x01020304);
		ck_assert_int_eq(got.gone, e[i].gone);
		ck_assert_int_eq(got.assured, e[i].assured);
	}
	ck_assert(!tracked_reader_next(&r, &got));
	bytes[TRACKED_HEADER_LEN] |= 8; /* a flag that is none */
	ck_assert(!tracked_reader_open(&r, bytes, len));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bulk_message");
	TCase *tc = tcase_create("bulk_message");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, an_ask_has_the_known_bytes);
	tcase_add_test(tc, ack_and_done_have_the_known_bytes);
	tcase_add_test(tc, records_come_back_with_their_ages);
	tcase_add_test(tc, a_record_that_is_skipped_takes_its_age_along);
	tcase_add_test(tc, records_of_another_shape_are_refused);
	tcase_add_test(tc, a_tracked_entry_has_the_known_bytes);
	tcase_add_test(tc, an_ack_of_tracked_entries_has_none);
	tcase_add_test(tc, tracked_entries_come_back_and_nothing_else_is_taken);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
