/* Signed adverts: the vectors of draft-cassen-vrrp-auth-hmac, each reason for a rejection, and
 * clocks that jump. */
#include "core/vrrp_auth.h"

#include "base/byteorder.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_S UINT64_C(0x68000000)
#define S UINT64_C(1000000)

static const uint8_t signed_v4[] = {0x31, 0x33, 0xc8, 0x01, 0x00, 0x64, 0x44, 0x02, 0xc0, 0x00,
	0x02, 0x64, /* trailer */ 0x01, 0x01, 0x00, 0x00, 0x68, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00,
	0x00, 0x1b, 0x84, 0xbc, 0x4e, 0x8e, 0x43, 0x89, 0x2d, 0xc6, 0xd9, 0x84, 0x48, 0xf8, 0xee,
	0x22, 0x65};
static const uint8_t signed_v6[] = {0x31, 0x33, 0xc8, 0x01, 0x00, 0x64, 0xa2, 0xe9, 0xfe, 0x80,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
	/* trailer */ 0x01, 0x01, 0x00, 0x00, 0x68, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0xc8,
	0xc5, 0x61, 0x46, 0xeb, 0xfd, 0x66, 0xee, 0x10, 0xec, 0x4d, 0x81, 0x86, 0x46, 0x1b, 0x78};

static struct vrrp_auth sender, receiver;
static struct vrrp_auth_mark marks[VRRP_PEERS_MAX];
static struct vrrp_auth_key keys[3];
static struct vrrp_auth_config config;
static const struct vrrp_peers group;

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

/* The receiver has heard nothing. */
static void forget(void)
{
	memset(marks, 0, sizeof(marks));
	receiver = (struct vrrp_auth){.marks = marks, .n_marks = VRRP_PEERS_MAX};
}

/* The draft's key, and another one. */
static void set_up(void)
{
	uint8_t key[32];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	memset(&sender, 0, sizeof(sender));
	forget();
	config = (struct vrrp_auth_config){
		.mode = VRRP_AUTH_ENFORCE, .window_s = 5, .n_keys = 2, .keys = keys};
	keys[0].id = 1;
	keys[1].id = keys[2].id = 7;
	hmac_sha256_init(&config.keys[0].hmac, key, sizeof(key));
	key[0] = 0xff;
	hmac_sha256_init(&config.keys[1].hmac, key, sizeof(key));
	key[0] = 0xfe;
	hmac_sha256_init(&config.keys[2].hmac, key, sizeof(key));
}

static vrrp_stamp_t at(uint64_t after_us)
{
	return vrrp_stamp(UNIX_S * S + after_us);
}

static struct vrrp_datagram datagram(const uint8_t *bytes, size_t len)
{
	return (struct vrrp_datagram){.source = address("198.51.100.10"),
		.destination = address("224.0.0.18"),
		.ttl = 255,
		.bytes = bytes,
		.len = len};
}

static enum vrrp_reject hear(const uint8_t *bytes, size_t len, vrrp_stamp_t now)
{
	struct vrrp_datagram in = datagram(bytes, len);

	return vrrp_auth_check(&receiver, &config, &group, &in, 12, now);
}

/* One more advert of the sender's. */
static uint8_t *sign(vrrp_stamp_t now)
{
	static uint8_t packet[sizeof(signed_v4)];
	struct addr source = address("198.51.100.10");

	memcpy(packet, signed_v4, 12);
	vrrp_auth_sign(&sender, &config, &source, packet, 12, now);
	return packet;
}

#define HEARD(packet, now) vrrp_reject_name(hear((packet), sizeof(signed_v4), (now)))

START_TEST(the_drafts_ipv4_vector)
{
	static const struct vrrp_format format = {
		AF_INET, .version = 3, .min_ttl = 255, .takes_trailer = true};
	struct vrrp_datagram in = datagram(signed_v4, sizeof(signed_v4));
	struct vrrp_advert advert;

	ck_assert_mem_eq(sign(at(S / 2)), signed_v4, sizeof(signed_v4));
	ck_assert_int_eq(vrrp_packet_parse(&format, &in, &advert), VRRP_OK);
	ck_assert_uint_eq(advert.packet_len, 12);
	ck_assert_str_eq(HEARD(signed_v4, at(S)), "ok");
}
END_TEST

START_TEST(the_drafts_ipv6_vector)
{
	static const struct vrrp_format format = {
		AF_INET6, .version = 3, .min_ttl = 255, .takes_trailer = true};
	struct addr source = address("fe80::10"), to = address("fe80::20");
	struct vrrp_datagram in = {source, to, 255, signed_v6, sizeof(signed_v6)};
	struct vrrp_advert advert;
	uint8_t packet[sizeof(signed_v6)];

	memcpy(packet, signed_v6, 24);
	vrrp_auth_sign(&sender, &config, &source, packet, 24, at(S / 2));
	ck_assert_mem_eq(packet, signed_v6, sizeof(packet));
	memset(packet + 6, 0, 2);
	vrrp_packet_seal(&format, &source, &to, packet, sizeof(packet));
	ck_assert_msg(memcmp(packet, signed_v6, sizeof(packet)) == 0, "checksum %04x",
		be16_get(packet + 6));
	ck_assert_int_eq(vrrp_packet_parse(&format, &in, &advert), VRRP_OK);
	ck_assert_int_eq(vrrp_auth_check(&receiver, &config, &group, &in, advert.packet_len, at(S)),
		VRRP_OK);
}
END_TEST

/* One byte changed: the reason. */
static const struct {
	size_t at;
	uint8_t value;
	enum vrrp_reject expected;
} changes[] = {
	{12, 2, VRRP_REJECT_TRAILER},  /* another algorithm */
	{14, 1, VRRP_REJECT_TRAILER},  /* reserved */
	{15, 1, VRRP_REJECT_TRAILER},  /* reserved */
	{13, 9, VRRP_REJECT_KEY},      /* unknown id */
	{13, 7, VRRP_REJECT_HMAC},     /* known, but not signed with it */
	{16, 0x69, VRRP_REJECT_STALE}, /* half a year later */
	{22, 1, VRRP_REJECT_HMAC},     /* another counter */
	{2, 255, VRRP_REJECT_HMAC},    /* another priority */
	{4, 0x0f, VRRP_REJECT_HMAC},   /* another interval */
	{11, 0x65, VRRP_REJECT_HMAC},  /* another address */
	{39, 0x64, VRRP_REJECT_HMAC},  /* the last byte of all */
	{6, 0x45, VRRP_OK},            /* the checksum is not signed */
};

START_TEST(each_rejection_has_its_reason_and_leaves_no_mark)
{
	static const struct vrrp_auth_mark untouched[VRRP_PEERS_MAX];
	uint8_t bytes[sizeof(signed_v4)];

	memcpy(bytes, signed_v4, sizeof(bytes));
	bytes[changes[_i].at] = changes[_i].value;
	ck_assert_str_eq(HEARD(bytes, at(S)), vrrp_reject_name(changes[_i].expected));
	if (changes[_i].expected != VRRP_OK)
		ck_assert_mem_eq(marks, untouched, sizeof(untouched));
}
END_TEST

START_TEST(another_source_did_not_sign_it)
{
	struct vrrp_datagram in = datagram(signed_v4, sizeof(signed_v4));

	in.source = address("198.51.100.11");
	ck_assert_int_eq(
		vrrp_auth_check(&receiver, &config, &group, &in, 12, at(S)), VRRP_REJECT_HMAC);
}
END_TEST

START_TEST(who_enforces_hears_only_what_is_signed)
{
	ck_assert_int_eq(hear(signed_v4, 12, at(S)), VRRP_REJECT_UNSIGNED);
	config.mode = VRRP_AUTH_PERMISSIVE;
	ck_assert_int_eq(hear(signed_v4, 12, at(S)), VRRP_OK);
	config.mode = VRRP_AUTH_RECEIVE_ONLY;
	ck_assert_int_eq(hear(signed_v4, 12, at(S)), VRRP_OK);
	/* A signature that is there must be right in every mode. */
	ck_assert_int_eq(hear(signed_v4, sizeof(signed_v4), at(60 * S)), VRRP_REJECT_STALE);
	ck_assert_int_eq(hear(signed_v4, sizeof(signed_v4) - 1, at(S)), VRRP_REJECT_TRAILER);
}
END_TEST

START_TEST(the_window_has_two_edges)
{
	ck_assert_str_eq(HEARD(signed_v4, at(5 * S + S - 1)), "ok");
	forget();
	ck_assert_str_eq(HEARD(signed_v4, at(6 * S)), "stale");
	ck_assert_str_eq(HEARD(signed_v4, vrrp_stamp((UNIX_S - 5) * S)), "ok");
	forget();
	ck_assert_str_eq(HEARD(signed_v4, vrrp_stamp((UNIX_S - 6) * S)), "stale");
}
END_TEST

START_TEST(an_advert_is_heard_once)
{
	uint8_t first[sizeof(signed_v4)];

	memcpy(first, sign(at(0)), sizeof(first));
	ck_assert_str_eq(HEARD(first, at(0)), "ok");
	ck_assert_str_eq(HEARD(first, at(1)), "replay");
	ck_assert_str_eq(HEARD(sign(at(S)), at(S)), "ok");
	ck_assert_str_eq(HEARD(first, at(S)), "replay");
}
END_TEST

START_TEST(within_one_tick_of_the_clock_the_counter_tells_adverts_apart)
{
	for (int i = 0; i < 1000; i++)
		ck_assert_str_eq(HEARD(sign(at(0)), at(0)), "ok");
	ck_assert_uint_eq(sender.sent.value, vrrp_stamp(UNIX_S * S).value + 999);
}
END_TEST

START_TEST(a_small_step_back_of_the_senders_clock_is_bridged)
{
	ck_assert_str_eq(HEARD(sign(at(4 * S)), at(4 * S)), "ok");
	ck_assert_str_eq(HEARD(sign(at(1 * S)), at(4 * S)), "ok");
	ck_assert_uint_eq(sender.sent.value, at(4 * S).value + 1);
}
END_TEST

/* Both had a wrong clock, which is set right. */
START_TEST(after_a_large_step_back_both_begin_again)
{
	ck_assert_str_eq(HEARD(sign(at(3600 * S)), at(3600 * S)), "ok");
	ck_assert_str_eq(HEARD(sign(at(0)), at(0)), "ok");
	ck_assert_uint_eq(sender.sent.value, at(0).value);
	ck_assert_str_eq(HEARD(sign(at(0)), at(0)), "ok");
}
END_TEST

START_TEST(a_receiver_with_a_wrong_clock_is_deaf_until_it_is_right)
{
	ck_assert_str_eq(HEARD(sign(at(0)), at(3600 * S)), "stale");
	ck_assert_str_eq(HEARD(sign(at(S)), at(S)), "ok");
}
END_TEST

/* Seconds are 32 bits: they begin again in 2106. */
START_TEST(the_end_of_the_epoch_is_like_any_other_instant)
{
	const uint64_t end_us = (UINT64_C(1) << 32) * S;
	uint8_t last[sizeof(signed_v4)];

	memcpy(last, sign(vrrp_stamp(end_us - S)), sizeof(last));
	ck_assert_str_eq(HEARD(last, vrrp_stamp(end_us)), "ok");
	ck_assert_str_eq(HEARD(sign(vrrp_stamp(end_us)), vrrp_stamp(end_us)), "ok");
	ck_assert_str_eq(HEARD(last, vrrp_stamp(end_us)), "replay");
}
END_TEST

START_TEST(a_key_is_rotated_without_a_lost_advert)
{
	config.active = 1;
	ck_assert_uint_eq(sign(at(0))[13], 7);
	ck_assert_str_eq(HEARD(sign(at(0)), at(0)), "ok");
	config.active = 0;
	ck_assert_uint_eq(sign(at(0))[13], 1);
	ck_assert_str_eq(HEARD(sign(at(0)), at(0)), "ok");
	config.n_keys = 1;
	ck_assert_str_eq(HEARD(sign(at(0)), at(0)), "ok");
}
END_TEST

START_TEST(keys_of_one_id_are_tried_in_turn)
{
	const uint8_t *third;

	config.n_keys = 3;
	for (config.active = 1; config.active <= 2; config.active++) {
		ck_assert_uint_eq(sign(at(0))[13], 7);
		ck_assert_str_eq(HEARD(sign(at(0)), at(0)), "ok");
	}
	config.active = 2;
	third = sign(at(0));
	config.n_keys = 2;
	ck_assert_str_eq(HEARD(third, at(0)), "hmac");
}
END_TEST

static enum vrrp_reject hear_from(uint8_t host, const struct vrrp_peers *peers)
{
	uint8_t packet[sizeof(signed_v4)] = {0};
	struct vrrp_auth other = {0};
	struct vrrp_datagram in = datagram(packet, sizeof(packet));

	in.source.bytes[3] = host;
	memcpy(packet, signed_v4, 12);
	vrrp_auth_sign(&other, &config, &in.source, packet, 12, at(0));
	return vrrp_auth_check(&receiver, &config, peers, &in, 12, at(0));
}

START_TEST(a_group_remembers_the_last_four_and_unicast_every_peer)
{
	struct vrrp_peers peers = {.n = VRRP_PEERS_MAX};

	for (uint8_t host = 1; host <= 4; host++)
		ck_assert_int_eq(hear_from(host, &group), VRRP_OK);
	for (uint8_t host = 1; host <= 4; host++)
		ck_assert_int_eq(hear_from(host, &group), VRRP_REJECT_REPLAY);
	ck_assert_int_eq(hear_from(5, &group), VRRP_OK); /* in the place of the first */
	ck_assert_int_eq(hear_from(4, &group), VRRP_REJECT_REPLAY);
	ck_assert_int_eq(hear_from(1, &group), VRRP_OK);
	forget();
	for (uint8_t host = 1; host <= VRRP_PEERS_MAX; host++)
		ck_assert_int_eq(hear_from(host, &peers), VRRP_OK);
	for (uint8_t host = 1; host <= VRRP_PEERS_MAX; host++)
		ck_assert_int_eq(hear_from(host, &peers), VRRP_REJECT_REPLAY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vrrp_auth");
	TCase *tc = tcase_create("vrrp_auth");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, the_drafts_ipv4_vector);
	tcase_add_test(tc, the_drafts_ipv6_vector);
	tcase_add_loop_test(tc, each_rejection_has_its_reason_and_leaves_no_mark, 0,
		sizeof(changes) / sizeof(changes[0]));
	tcase_add_test(tc, another_source_did_not_sign_it);
	tcase_add_test(tc, who_enforces_hears_only_what_is_signed);
	tcase_add_test(tc, the_window_has_two_edges);
	tcase_add_test(tc, an_advert_is_heard_once);
	tcase_add_test(tc, within_one_tick_of_the_clock_the_counter_tells_adverts_apart);
	tcase_add_test(tc, a_small_step_back_of_the_senders_clock_is_bridged);
	tcase_add_test(tc, after_a_large_step_back_both_begin_again);
	tcase_add_test(tc, a_receiver_with_a_wrong_clock_is_deaf_until_it_is_right);
	tcase_add_test(tc, the_end_of_the_epoch_is_like_any_other_instant);
	tcase_add_test(tc, a_key_is_rotated_without_a_lost_advert);
	tcase_add_test(tc, keys_of_one_id_are_tried_in_turn);
	tcase_add_test(tc, a_group_remembers_the_last_four_and_unicast_every_peer);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
