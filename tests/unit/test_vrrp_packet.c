/* The VRRPv3 codec: bytes known from elsewhere, each reason for a rejection, and what a parse
 * leaves alone. */
#include "core/vrrp_packet.h"

#include "base/byteorder.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define IP_LEN 20

/* VRID 51, priority 100, 192.0.2.100, 1 s, from 198.51.100.10: the words 3133 6401 0064 c000 0264
 * add up to 1_57fc, folded 57fd, complement a802. */
static const uint8_t known_datagram[] = {
	0x45, 0xc0, 0x00, 0x20, 0x12, 0x34, 0x40, 0x00, 0xff, 0x70, 0x00, 0x00, /* IP */
	198, 51, 100, 10, 224, 0, 0, 18,                                        /* addresses */
	0x31, 51, 100, 1, 0x00, 0x64, 0xa8, 0x02, 192, 0, 2, 100,               /* VRRP */
};

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static void seal(uint8_t *packet, size_t len)
{
	uint32_t sum = 0;

	be16_put(packet + 6, 0);
	for (size_t i = 0; i < len; i += 2)
		sum += be16_get(packet + i);
	sum = (sum & 0xffff) + (sum >> 16);
	be16_put(packet + 6, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
}

START_TEST(a_known_datagram_is_read)
{
	struct vrrp_advert a;
	struct addr source = address("198.51.100.10"), vip = address("192.0.2.100");

	ck_assert_int_eq(vrrp_datagram_parse(known_datagram, sizeof(known_datagram), &a), VRRP_OK);
	ck_assert_uint_eq(a.vrid, 51);
	ck_assert_uint_eq(a.priority, 100);
	ck_assert_uint_eq(a.interval_cs, 100);
	ck_assert_uint_eq(a.n_addrs, 1);
	ck_assert(addr_equal(&a.source, &source));
	ck_assert(addr_equal(&a.addrs[0], &vip));
}
END_TEST

START_TEST(the_known_packet_is_built_byte_by_byte)
{
	struct vrrp_advert a = {.vrid = 51, .priority = 100, .interval_cs = 100, .n_addrs = 1};
	uint8_t packet[VRRP_PACKET_MAX];

	a.addrs[0] = address("192.0.2.100");
	ck_assert_uint_eq(vrrp_packet_build(&a, packet), 12);
	ck_assert_mem_eq(packet, known_datagram + IP_LEN, 12);
}
END_TEST

START_TEST(what_is_built_is_parsed_back_for_every_count_of_addresses)
{
	struct addr source = address("198.51.100.10");

	for (unsigned n = 1; n <= VRRP_ADDRS_MAX; n++) {
		struct vrrp_advert in = {.vrid = (uint8_t)n, .priority = 0, .n_addrs = (uint8_t)n};
		struct vrrp_advert out;
		uint8_t packet[VRRP_PACKET_MAX];
		size_t len;

		in.interval_cs = (uint16_t)(n * 16);
		for (unsigned i = 0; i < n; i++) {
			in.addrs[i] = address("10.0.0.0");
			in.addrs[i].bytes[3] = (uint8_t)i;
		}
		len = vrrp_packet_build(&in, packet);
		ck_assert_int_eq(vrrp_packet_parse(&source, 255, packet, len, &out), VRRP_OK);
		ck_assert_uint_eq(out.vrid, in.vrid);
		ck_assert_uint_eq(out.interval_cs, in.interval_cs);
		ck_assert_uint_eq(out.n_addrs, n);
		ck_assert(addr_equal(&out.addrs[n - 1], &in.addrs[n - 1]));
	}
}
END_TEST

/* One byte changed, checksum right or wrong: the reason. */
static const struct {
	size_t at;
	uint8_t value;
	bool seal;
	enum vrrp_reject expected;
} changes[] = {
	{0, 0x65, false, VRRP_REJECT_IP},          /* IPv6 */
	{0, 0x44, false, VRRP_REJECT_IP},          /* header shorter than a header */
	{0, 0x4f, false, VRRP_REJECT_IP},          /* header longer than the datagram */
	{3, 0x21, false, VRRP_REJECT_IP},          /* total length beyond what arrived */
	{3, 0x13, false, VRRP_REJECT_IP},          /* total length within the header */
	{6, 0x20, false, VRRP_REJECT_IP},          /* more fragments */
	{7, 0x01, false, VRRP_REJECT_IP},          /* not the first fragment */
	{9, 17, false, VRRP_REJECT_IP},            /* UDP */
	{8, 254, false, VRRP_REJECT_TTL},          /* came through a router */
	{3, 0x1b, false, VRRP_REJECT_SHORT},       /* seven bytes of VRRP */
	{IP_LEN, 0x21, true, VRRP_REJECT_VERSION}, /* version 2 */
	{IP_LEN, 0x41, true, VRRP_REJECT_VERSION}, /* version 4 */
	{IP_LEN, 0x32, true, VRRP_REJECT_TYPE},    /* type 2 */
	{IP_LEN + 3, 0, true, VRRP_REJECT_COUNT},  /* no address */
	{IP_LEN + 3, 2, true, VRRP_REJECT_LENGTH}, /* fewer addresses than counted */
	{IP_LEN + 5, 0, true, VRRP_REJECT_INTERVAL},
	{IP_LEN + 6, 0xa9, false, VRRP_REJECT_CHECKSUM},
	{IP_LEN + 11, 101, false, VRRP_REJECT_CHECKSUM},
	{IP_LEN + 4, 0xf0, true, VRRP_OK}, /* reserved bits are ignored (5.2.6) */
	{0, 0x45, false, VRRP_OK},
};

START_TEST(each_rejection_has_its_reason_and_leaves_the_result_alone)
{
	uint8_t bytes[sizeof(known_datagram)];
	struct vrrp_advert a, untouched;

	memcpy(bytes, known_datagram, sizeof(bytes));
	bytes[changes[_i].at] = changes[_i].value;
	if (changes[_i].seal)
		seal(bytes + IP_LEN, sizeof(bytes) - IP_LEN);
	memset(&a, 0x5a, sizeof(a));
	memset(&untouched, 0x5a, sizeof(untouched));
	ck_assert_str_eq(vrrp_reject_name(vrrp_datagram_parse(bytes, sizeof(bytes), &a)),
		vrrp_reject_name(changes[_i].expected));
	if (changes[_i].expected != VRRP_OK)
		ck_assert_mem_eq(&a, &untouched, sizeof(a));
	else
		ck_assert_uint_eq(a.interval_cs, 100);
}
END_TEST

START_TEST(more_addresses_than_counted_are_rejected)
{
	uint8_t bytes[sizeof(known_datagram) + 4] = {0};
	struct vrrp_advert a;

	memcpy(bytes, known_datagram, sizeof(known_datagram));
	be16_put(bytes + 2, sizeof(bytes));
	ck_assert_int_eq(vrrp_datagram_parse(bytes, sizeof(bytes), &a), VRRP_REJECT_LENGTH);
}
END_TEST

START_TEST(padding_of_a_short_ethernet_frame_is_ignored)
{
	uint8_t bytes[46];
	struct vrrp_advert a;

	memset(bytes, 0xee, sizeof(bytes));
	memcpy(bytes, known_datagram, sizeof(known_datagram));
	ck_assert_int_eq(vrrp_datagram_parse(bytes, sizeof(bytes), &a), VRRP_OK);
	ck_assert_uint_eq(a.n_addrs, 1);
}
END_TEST

START_TEST(ip_options_are_skipped)
{
	uint8_t bytes[sizeof(known_datagram) + 4] = {0};
	struct vrrp_advert a;

	memcpy(bytes, known_datagram, IP_LEN);
	memcpy(bytes + IP_LEN + 4, known_datagram + IP_LEN, sizeof(known_datagram) - IP_LEN);
	bytes[0] = 0x46;
	be16_put(bytes + 2, sizeof(bytes));
	ck_assert_int_eq(vrrp_datagram_parse(bytes, sizeof(bytes), &a), VRRP_OK);
}
END_TEST

START_TEST(every_truncation_is_rejected)
{
	struct vrrp_advert a;

	for (size_t len = 0; len < sizeof(known_datagram); len++) {
		uint8_t *bytes = malloc(len ? len : 1); /* so that a read beyond is seen */
		memcpy(bytes, known_datagram, len);
		ck_assert_int_eq(vrrp_datagram_parse(bytes, len, &a), VRRP_REJECT_IP);
		free(bytes);
	}
}
END_TEST

START_TEST(every_reason_has_a_name_of_its_own)
{
	for (enum vrrp_reject i = 0; i < VRRP_REJECT_MAX_; i++)
		for (enum vrrp_reject k = 0; k < i; k++)
			ck_assert_str_ne(vrrp_reject_name(i), vrrp_reject_name(k));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vrrp_packet");
	TCase *tc = tcase_create("vrrp_packet");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, a_known_datagram_is_read);
	tcase_add_test(tc, the_known_packet_is_built_byte_by_byte);
	tcase_add_test(tc, what_is_built_is_parsed_back_for_every_count_of_addresses);
	tcase_add_loop_test(tc, each_rejection_has_its_reason_and_leaves_the_result_alone, 0,
		sizeof(changes) / sizeof(changes[0]));
	tcase_add_test(tc, more_addresses_than_counted_are_rejected);
	tcase_add_test(tc, padding_of_a_short_ethernet_frame_is_ignored);
	tcase_add_test(tc, ip_options_are_skipped);
	tcase_add_test(tc, every_truncation_is_rejected);
	tcase_add_test(tc, every_reason_has_a_name_of_its_own);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
