/* addr, duration, frame, event: what knows nothing. */
#include "base/addr.h"
#include "base/duration.h"
#include "base/event.h"
#include "base/frame.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(addresses_are_read_strictly_and_written_back)
{
	static const char *good[] = {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::"};
	static const char *bad[] = {
		"", "192.0.2", "192.0.2.256", "192.0.2.1 ", "lb1", "1:2", "192.0.2.01x"};
	struct addr a;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert(addr_parse(good[i], &a));
		ck_assert_str_eq(addr_format(&a, text), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!addr_parse(bad[i], &a), "%s", bad[i]);
}
END_TEST

START_TEST(a_prefix_is_a_whole_address_unless_it_says_otherwise)
{
	struct addr_prefix p;
	char text[ADDR_PREFIX_TEXT_MAX];

	ck_assert(addr_prefix_parse("192.0.2.1", &p));
	ck_assert_str_eq(addr_prefix_format(&p, text), "192.0.2.1/32");
	ck_assert(addr_prefix_parse("2001:db8::1/64", &p));
	ck_assert_str_eq(addr_prefix_format(&p, text), "2001:db8::1/64");
	ck_assert(!addr_prefix_parse("192.0.2.1/33", &p));
	ck_assert(!addr_prefix_parse("192.0.2.1/", &p));
	ck_assert(!addr_prefix_parse("192.0.2.1/+4", &p));
	ck_assert(!addr_prefix_parse("192.0.2.1/24x", &p));
}
END_TEST

START_TEST(addresses_order_by_family_then_number)
{
	struct addr a, b, v6;

	ck_assert(addr_parse("9.0.0.1", &a));
	ck_assert(addr_parse("10.0.0.1", &b));
	ck_assert(addr_parse("::1", &v6));
	ck_assert_int_lt(addr_compare(&a, &b), 0);
	ck_assert_int_gt(addr_compare(&v6, &b), 0);
	ck_assert(addr_equal(&a, &a));
}
END_TEST

START_TEST(durations_need_a_unit_and_are_exact)
{
	static const struct {
		const char *text;
		uint64_t us;
	} good[] = {{"0", 0}, {"0s", 0}, {"100ms", 100000}, {"3s", 3000000}, {"1.5s", 1500000},
		{"0.25ms", 250}, {"5m", 300000000}, {"2h", UINT64_C(7200000000)},
		{"1d", UINT64_C(86400000000)}};
	static const char *bad[] = {
		"", "3", "s", "-1s", "3 s", "1.s", "3sec", "1001d", "99999999999999999999s"};
	uint64_t us;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert(duration_parse(good[i].text, &us));
		ck_assert_uint_eq(us, good[i].us);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!duration_parse(bad[i], &us), "%s", bad[i]);
}
END_TEST

START_TEST(durations_are_written_in_their_largest_whole_unit)
{
	char text[DURATION_TEXT_MAX];

	ck_assert_str_eq(duration_format(1500000, text), "1500ms");
	ck_assert_str_eq(duration_format(300000000, text), "5m");
	ck_assert_str_eq(duration_format(0, text), "0s");
}
END_TEST

static void feed(struct frame_reader *r, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t room;
		char *p = frame_room(r, &room);
		size_t n = len < room ? len : room;

		ck_assert_ptr_nonnull(p);
		memcpy(p, bytes, n);
		frame_received(r, n);
		bytes += n;
		len -= n;
	}
}

START_TEST(frames_come_out_whole_however_the_bytes_arrive)
{
	struct frame_reader r = {0};
	static const char bytes[] = "{\"a\":1}\0{}\0{\"b\"";

	for (size_t i = 0; i < 8; i++) {
		ck_assert_ptr_null(frame_next(&r));
		feed(&r, bytes + i, 1);
	}
	ck_assert_str_eq(frame_next(&r), "{\"a\":1}");
	ck_assert_ptr_null(frame_next(&r));
	feed(&r, bytes + 8, sizeof(bytes) - 1 - 8);
	ck_assert_str_eq(frame_next(&r), "{}");
	ck_assert_ptr_null(frame_next(&r));
	feed(&r, ":2}", 4);
	ck_assert_str_eq(frame_next(&r), "{\"b\":2}");
	frame_done(&r);
}
END_TEST

START_TEST(a_frame_may_be_larger_than_the_first_buffer)
{
	struct frame_reader r = {0};
	char *big = malloc(100001);

	memset(big, 'x', 100000);
	big[100000] = '\0';
	feed(&r, big, 100001);
	ck_assert_str_eq(frame_next(&r), big);
	free(big);
	frame_done(&r);
}
END_TEST

START_TEST(every_event_has_a_name_and_an_id_of_its_own)
{
	for (enum event e = 0; e < EVENT_MAX_; e++) {
		ck_assert_uint_eq(strlen(event_message_id(e)), 32);
		ck_assert_int_eq(event_by_name(event_name(e)), e);
		for (enum event f = 0; f < e; f++)
			ck_assert_str_ne(event_message_id(e), event_message_id(f));
	}
	ck_assert_int_eq(event_by_name("no-such-event"), EVENT_MAX_);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base");
	TCase *tc = tcase_create("base");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, addresses_are_read_strictly_and_written_back);
	tcase_add_test(tc, a_prefix_is_a_whole_address_unless_it_says_otherwise);
	tcase_add_test(tc, addresses_order_by_family_then_number);
	tcase_add_test(tc, durations_need_a_unit_and_are_exact);
	tcase_add_test(tc, durations_are_written_in_their_largest_whole_unit);
	tcase_add_test(tc, frames_come_out_whole_however_the_bytes_arrive);
	tcase_add_test(tc, a_frame_may_be_larger_than_the_first_buffer);
	tcase_add_test(tc, every_event_has_a_name_and_an_id_of_its_own);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
