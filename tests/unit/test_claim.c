/* Who else says that an address is his, and how often that is told. */
#include "core/claim.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

static const uint8_t request[28] = {0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 192, 0,
	2, 100, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1};
static const uint8_t advert[32] = {136, 0, 0, 0, 0x20, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0x64, 2, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56};

START_TEST(who_asks_and_who_answers_claims_the_address_he_does_it_from)
{
	char text[CLAIM_TEXT_MAX];
	uint8_t packet[28];
	struct claim c;

	ck_assert(claim_parse_arp(request, sizeof(request), &c));
	ck_assert_str_eq(claim_text(&c, text), "192.0.2.100 is at 52:54:00:12:34:56");
	memcpy(packet, request, sizeof(packet));
	packet[7] = 2;
	ck_assert(claim_parse_arp(packet, sizeof(packet), &c));
}
END_TEST

START_TEST(an_advertisement_claims_its_target)
{
	char text[CLAIM_TEXT_MAX];
	struct claim c;

	ck_assert(claim_parse_na(advert, sizeof(advert), &c));
	ck_assert_str_eq(claim_text(&c, text), "2001:db8::64 is at 52:54:00:12:34:56");
}
END_TEST

/* A byte that makes it something else. */
static const struct {
	size_t at;
	uint8_t value;
} others[] = {{0, 1}, {1, 6}, {2, 0x86}, {3, 1}, {4, 8}, {5, 16}, {7, 3}, {6, 1}};

START_TEST(what_is_no_claim_of_ethernet_and_ipv4_is_passed_over)
{
	uint8_t packet[28];
	struct claim c = {.mac = {7}};

	memcpy(packet, request, sizeof(packet));
	packet[others[_i].at] = others[_i].value;
	ck_assert(!claim_parse_arp(packet, sizeof(packet), &c));
	ck_assert_uint_eq(c.mac[0], 7);
}
END_TEST

START_TEST(a_probe_claims_nothing)
{
	uint8_t packet[28];
	struct claim c;

	memcpy(packet, request, sizeof(packet));
	memset(packet + 14, 0, 4);
	ck_assert(!claim_parse_arp(packet, sizeof(packet), &c));
}
END_TEST

START_TEST(what_is_cut_short_is_passed_over)
{
	struct claim c;

	for (size_t len = 0; len < sizeof(request); len++)
		ck_assert(!claim_parse_arp(request, len, &c));
	for (size_t len = 0; len < sizeof(advert); len++)
		ck_assert(!claim_parse_na(advert, len, &c));
}
END_TEST

START_TEST(options_are_walked_and_one_without_a_length_ends_it)
{
	uint8_t longer[48] = {0};
	struct claim c;

	memcpy(longer, advert, 24);
	longer[24] = 14; /* a nonce comes first */
	longer[25] = 2;
	memcpy(longer + 40, advert + 24, 8);
	ck_assert(claim_parse_na(longer, sizeof(longer), &c));
	ck_assert_uint_eq(c.mac[0], 0x52);
	longer[25] = 0;
	ck_assert(!claim_parse_na(longer, sizeof(longer), &c));
	longer[25] = 3; /* beyond the end */
	ck_assert(!claim_parse_na(longer, sizeof(longer), &c));
	memcpy(longer, advert, 32);
	longer[0] = 135; /* a solicitation */
	ck_assert(!claim_parse_na(longer, 32, &c));
	longer[0] = 136;
	longer[1] = 1;
	ck_assert(!claim_parse_na(longer, 32, &c));
}
END_TEST

START_TEST(it_is_told_once_a_minute_and_fresh_for_five)
{
	struct claim_watch w = {0};
	struct claim c;
	struct instant t = {5 * SECOND};

	ck_assert(!claim_is_fresh(&w, t));
	ck_assert(claim_parse_arp(request, sizeof(request), &c));
	ck_assert(claim_heard(&w, &c, t));
	ck_assert(!claim_heard(&w, &c, instant_add(t, 60 * SECOND - 1)));
	ck_assert(claim_heard(&w, &c, instant_add(t, 60 * SECOND)));
	ck_assert_uint_eq(w.heard, 3);
	ck_assert(claim_is_fresh(&w, instant_add(t, 360 * SECOND - 1)));
	ck_assert(!claim_is_fresh(&w, instant_add(t, 360 * SECOND)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("claim");
	TCase *tc = tcase_create("claim");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, who_asks_and_who_answers_claims_the_address_he_does_it_from);
	tcase_add_test(tc, an_advertisement_claims_its_target);
	tcase_add_loop_test(tc, what_is_no_claim_of_ethernet_and_ipv4_is_passed_over, 0,
		sizeof(others) / sizeof(others[0]));
	tcase_add_test(tc, a_probe_claims_nothing);
	tcase_add_test(tc, what_is_cut_short_is_passed_over);
	tcase_add_test(tc, options_are_walked_and_one_without_a_length_ends_it);
	tcase_add_test(tc, it_is_told_once_a_minute_and_fresh_for_five);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
