/* Echo requests and replies of both families. */
#include "core/echo_message.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SECRET UINT64_C(0x0123456789abcdef)

static uint8_t bytes[ECHO_MESSAGE_MAX];

static size_t reply(uint16_t family, uint16_t seq)
{
	size_t len = echo_request_build(family, 0x4321, seq, SECRET, ECHO_DATA_DEFAULT, bytes);

	bytes[0] = family == AF_INET6 ? 129 : 0;
	return len;
}

START_TEST(a_request_has_its_type_sequence_and_size)
{
	ck_assert_uint_eq(echo_request_build(AF_INET, 0x4321, 0x1234, SECRET, 1000, bytes), 1008);
	ck_assert_uint_eq(bytes[0], 8);
	ck_assert_uint_eq(bytes[4], 0x43);
	ck_assert_uint_eq(bytes[6], 0x12);
	ck_assert_uint_eq(bytes[7], 0x34);
	ck_assert_uint_eq(echo_request_build(AF_INET6, 1, 1, SECRET, ECHO_DATA_MIN, bytes), 16);
	ck_assert_uint_eq(bytes[0], 128);
}
END_TEST

START_TEST(the_sum_over_a_request_is_zero)
{
	for (size_t data = ECHO_DATA_MIN; data < ECHO_DATA_MIN + 2; data++) {
		size_t len = echo_request_build(AF_INET, 0xfffe, 0xffff, SECRET, data, bytes);
		uint32_t sum = 0;

		bytes[len] = 0;
		for (size_t i = 0; i < len; i += 2)
			sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
		ck_assert_uint_eq((sum & 0xffff) + (sum >> 16), 0xffff);
	}
}
END_TEST

START_TEST(a_reply_says_to_which_request)
{
	static const uint16_t families[] = {AF_INET, AF_INET6};
	uint16_t seq = 0;

	for (size_t i = 0; i < 2; i++) {
		size_t len = reply(families[i], 0xfffe);

		ck_assert(echo_reply_parse(families[i], SECRET, bytes, len, &seq));
		ck_assert_uint_eq(seq, 0xfffe);
	}
}
END_TEST

START_TEST(what_is_not_ours_is_not_read)
{
	size_t len = reply(AF_INET, 7);
	uint16_t seq = 99;

	ck_assert(!echo_reply_parse(AF_INET, SECRET + 1, bytes, len, &seq));
	ck_assert(!echo_reply_parse(AF_INET6, SECRET, bytes, len, &seq));
	ck_assert(!echo_reply_parse(AF_INET, SECRET, bytes, 15, &seq));
	bytes[0] = 8; /* a request: our own, on a host that talks to itself */
	ck_assert(!echo_reply_parse(AF_INET, SECRET, bytes, len, &seq));
	ck_assert_uint_eq(seq, 99);
}
END_TEST

START_TEST(a_request_that_comes_back_is_known_by_its_header)
{
	uint16_t seq = 0;

	(void)echo_request_build(AF_INET6, 1, 513, SECRET, ECHO_DATA_MIN, bytes);
	ck_assert(echo_returned_parse(AF_INET6, bytes, ECHO_HEADER_LEN, &seq));
	ck_assert_uint_eq(seq, 513);
	ck_assert(!echo_returned_parse(AF_INET6, bytes, ECHO_HEADER_LEN - 1, &seq));
	ck_assert(!echo_returned_parse(AF_INET, bytes, ECHO_HEADER_LEN, &seq));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("echo_message");
	TCase *c = tcase_create("messages");
	SRunner *runner;
	int failed;

	tcase_add_test(c, a_request_has_its_type_sequence_and_size);
	tcase_add_test(c, the_sum_over_a_request_is_zero);
	tcase_add_test(c, a_reply_says_to_which_request);
	tcase_add_test(c, what_is_not_ours_is_not_read);
	tcase_add_test(c, a_request_that_comes_back_is_known_by_its_header);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
