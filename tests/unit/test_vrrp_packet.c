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

static const struct vrrp_format v3 = {AF_INET, .version = 3, .min_ttl = 255};
static const struct vrrp_format v3_pseudo = {
	AF_INET, .version = 3, .pseudo_header = true, .min_ttl = 255};
static const struct vrrp_format v3_ipv6 = {AF_INET6, .version = 3, .min_ttl = 255};
static const struct vrrp_format v2 = {AF_INET, .version = 2, .min_ttl = 255, .interval_cs = 100};
static const struct vrrp_format v2_password = {AF_INET, .version = 2, .min_ttl = 255,
	.has_password = true, .password = "secret", .interval_cs = 100};

/* An IPv4 datagram, header and all. */
static enum vrrp_reject read_v4(
	const struct vrrp_format *format, const uint8_t *bytes, size_t len, struct vrrp_advert *ret)
{
	struct vrrp_datagram datagram;
	enum vrrp_reject why = vrrp_datagram_parse(bytes, len, &datagram);

	return why == VRRP_OK ? vrrp_packet_parse(format, &datagram, ret) : why;
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

	ck_assert_int_eq(read_v4(&v3, known_datagram, sizeof(known_datagram), &a), VRRP_OK);
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
	ck_assert_uint_eq(vrrp_packet_build(&v3, &a, packet), 12);
	vrrp_packet_seal(&v3, &a.source, &a.source, packet, 12);
	ck_assert_mem_eq(packet, known_datagram + IP_LEN, 12);
}
END_TEST

static const struct vrrp_format *const formats[] = {&v3, &v3_pseudo, &v3_ipv6, &v2, &v2_password};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* The datagram of a packet, sealed, between two hosts of the format's family. */
static struct vrrp_datagram sent(const struct vrrp_format *format, uint8_t *packet, size_t len)
{
	bool ipv6 = format->family == AF_INET6;
	struct vrrp_datagram d = {
		.source = address(ipv6 ? "fe80::10" : "198.51.100.10"),
		.destination = address(ipv6 ? "ff02::12" : "224.0.0.18"),
		.ttl = 255,
		.bytes = packet,
		.len = len,
	};

	vrrp_packet_seal(format, &d.source, &d.destination, packet, len);
	return d;
}

START_TEST(what_is_built_is_parsed_back_for_every_count_of_addresses)
{
	const struct vrrp_format *format = formats[_i];

	for (unsigned n = 1; n <= VRRP_ADDRS_MAX; n++) {
		struct vrrp_advert in = {.vrid = (uint8_t)n, .priority = 0, .n_addrs = (uint8_t)n};
		struct vrrp_advert out;
		struct vrrp_datagram datagram;
		uint8_t packet[VRRP_PACKET_MAX];

		in.interval_cs = format->version == 2 ? 100 : (uint16_t)(n * 16);
		for (unsigned i = 0; i < n; i++) {
			in.addrs[i] =
				address(format->family == AF_INET6 ? "2001:db8::" : "10.0.0.0");
			in.addrs[i].bytes[3] = (uint8_t)i;
		}
		datagram = sent(format, packet, vrrp_packet_build(format, &in, packet));
		ck_assert_uint_eq(datagram.len, vrrp_packet_len(format, in.n_addrs));
		ck_assert_int_eq(vrrp_packet_parse(format, &datagram, &out), VRRP_OK);
		ck_assert_uint_eq(out.vrid, in.vrid);
		ck_assert_uint_eq(out.interval_cs, in.interval_cs);
		ck_assert_uint_eq(out.n_addrs, n);
		ck_assert_uint_eq(out.packet_len, datagram.len);
		ck_assert(addr_equal(&out.source, &datagram.source));
		ck_assert(addr_equal(&out.addrs[n - 1], &in.addrs[n - 1]));
	}
}
END_TEST

/* What one end says to another one that is set up otherwise: rows speak, columns listen. */
static const enum vrrp_reject between[FORMATS][FORMATS] = {
	{VRRP_OK, VRRP_REJECT_CHECKSUM_FORM, VRRP_REJECT_LENGTH, VRRP_REJECT_VERSION,
		VRRP_REJECT_VERSION},
	{VRRP_REJECT_CHECKSUM_FORM, VRRP_OK, VRRP_REJECT_LENGTH, VRRP_REJECT_VERSION,
		VRRP_REJECT_VERSION},
	{VRRP_REJECT_LENGTH, VRRP_REJECT_LENGTH, VRRP_OK, VRRP_REJECT_VERSION, VRRP_REJECT_VERSION},
	{VRRP_REJECT_VERSION, VRRP_REJECT_VERSION, VRRP_REJECT_VERSION, VRRP_OK,
		VRRP_REJECT_AUTH_TYPE},
	{VRRP_REJECT_VERSION, VRRP_REJECT_VERSION, VRRP_REJECT_VERSION, VRRP_REJECT_AUTH_TYPE,
		VRRP_OK},
};

START_TEST(ends_that_differ_are_told_in_what)
{
	struct vrrp_advert in = {.vrid = 1, .priority = 100, .interval_cs = 100, .n_addrs = 1}, out;
	uint8_t packet[VRRP_PACKET_MAX];
	struct vrrp_datagram datagram;

	in.addrs[0] = address(formats[_i]->family == AF_INET6 ? "fe80::1" : "10.0.0.1");
	datagram = sent(formats[_i], packet, vrrp_packet_build(formats[_i], &in, packet));
	for (size_t k = 0; k < FORMATS; k++)
		ck_assert_str_eq(vrrp_reject_name(vrrp_packet_parse(formats[k], &datagram, &out)),
			vrrp_reject_name(between[_i][k]));
}
END_TEST

START_TEST(the_known_ipv6_packet_is_built_byte_by_byte)
{
	static const uint8_t expected[] = {0x31, 0x33, 0xc8, 0x01, 0x00, 0x64, 0, 0, 0xfe, 0x80};
	struct vrrp_advert a = {.vrid = 51, .priority = 200, .interval_cs = 100, .n_addrs = 1};
	struct addr from = address("fe80::10"), to = address("fe80::20");
	uint8_t packet[VRRP_PACKET_MAX];

	a.addrs[0] = address("fe80::100");
	ck_assert_uint_eq(vrrp_packet_build(&v3_ipv6, &a, packet), 24);
	ck_assert_mem_eq(packet, expected, 10);
	ck_assert_uint_eq(packet[22], 1);
	vrrp_packet_seal(&v3_ipv6, &from, &to, packet, 24);
	/* The words 3133 c801 0064 fe80 0100, those of the two hosts, fe80 0010 and fe80 0020, and
	 * 24 and 112 add up to 3_f6d0, folded f6d3. */
	ck_assert_uint_eq(be16_get(packet + 6), 0x092c);
}
END_TEST

START_TEST(version_2_wants_the_same_password_and_interval)
{
	struct vrrp_advert in = {.vrid = 1, .priority = 100, .interval_cs = 100, .n_addrs = 1}, out;
	struct vrrp_format other = v2_password;
	uint8_t packet[VRRP_PACKET_MAX];
	struct vrrp_datagram datagram;

	in.addrs[0] = address("10.0.0.1");
	datagram = sent(&v2_password, packet, vrrp_packet_build(&v2_password, &in, packet));
	ck_assert_uint_eq(datagram.len, 8 + 4 + 8);
	ck_assert_mem_eq(packet + 12, "secret\0\0", 8);
	other.password[7] = 'x';
	ck_assert_int_eq(vrrp_packet_parse(&other, &datagram, &out), VRRP_REJECT_PASSWORD);
	other = v2_password;
	other.interval_cs = 200;
	ck_assert_int_eq(vrrp_packet_parse(&other, &datagram, &out), VRRP_REJECT_INTERVAL_MISMATCH);
}
END_TEST

START_TEST(a_ttl_below_the_least_is_too_far_away)
{
	struct vrrp_advert in = {.vrid = 1, .priority = 100, .interval_cs = 100, .n_addrs = 1}, out;
	struct vrrp_format routed = v3_ipv6;
	uint8_t packet[VRRP_PACKET_MAX];
	struct vrrp_datagram datagram;

	in.addrs[0] = address("fe80::1");
	routed.min_ttl = 250;
	datagram = sent(&v3_ipv6, packet, vrrp_packet_build(&v3_ipv6, &in, packet));
	datagram.ttl = 250;
	ck_assert_int_eq(vrrp_packet_parse(&v3_ipv6, &datagram, &out), VRRP_REJECT_TTL);
	ck_assert_int_eq(vrrp_packet_parse(&routed, &datagram, &out), VRRP_OK);
	datagram.ttl = 249;
	ck_assert_int_eq(vrrp_packet_parse(&routed, &datagram, &out), VRRP_REJECT_TTL);
}
END_TEST

START_TEST(a_trailer_is_for_those_with_a_key)
{
	struct vrrp_advert in = {.vrid = 1, .priority = 100, .interval_cs = 100, .n_addrs = 1}, out;

	for (size_t i = 0; i < FORMATS; i++) {
		struct vrrp_format format = *formats[i];
		uint8_t packet[VRRP_PACKET_MAX];
		struct vrrp_datagram datagram;
		size_t len;

		in.addrs[0] = address(format.family == AF_INET6 ? "fe80::1" : "10.0.0.1");
		len = vrrp_packet_build(&format, &in, packet);
		memset(packet + len, 0x77, VRRP_TRAILER_LEN);
		datagram = sent(&format, packet, len + VRRP_TRAILER_LEN);
		ck_assert_int_eq(vrrp_packet_parse(&format, &datagram, &out), VRRP_REJECT_SIGNED);
		format.takes_trailer = true;
		ck_assert_int_eq(vrrp_packet_parse(&format, &datagram, &out), VRRP_OK);
		ck_assert_uint_eq(out.packet_len, len);
	}
}
END_TEST

START_TEST(peers_are_heard_and_nobody_else)
{
	struct vrrp_peers nobody = {0}, peers = {2, {address("10.0.0.1"), address("10.0.0.2")}};
	struct vrrp_datagram d = {address("10.0.0.2"), address("224.0.0.18"), 255, NULL, 0};
	struct addr group6 = address("ff02::12"),
		    group = vrrp_peers_destination(&nobody, AF_INET6, 0);

	ck_assert_int_eq(vrrp_peers_check(&nobody, &d), VRRP_OK);
	ck_assert_int_eq(vrrp_peers_check(&peers, &d), VRRP_REJECT_DESTINATION);
	d.destination = address("10.0.0.9");
	ck_assert_int_eq(vrrp_peers_check(&nobody, &d), VRRP_REJECT_DESTINATION);
	ck_assert_int_eq(vrrp_peers_check(&peers, &d), VRRP_OK);
	d.source = address("10.0.0.3");
	ck_assert_int_eq(vrrp_peers_check(&peers, &d), VRRP_REJECT_PEER);
	ck_assert(addr_equal(&group, &group6));
	ck_assert_uint_eq(vrrp_peers_destinations(&nobody), 1);
	ck_assert_uint_eq(vrrp_peers_destinations(&peers), 2);
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
	ck_assert_str_eq(vrrp_reject_name(read_v4(&v3, bytes, sizeof(bytes), &a)),
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
	ck_assert_int_eq(read_v4(&v3, bytes, sizeof(bytes), &a), VRRP_REJECT_LENGTH);
}
END_TEST

START_TEST(padding_of_a_short_ethernet_frame_is_ignored)
{
	uint8_t bytes[46];
	struct vrrp_advert a;

	memset(bytes, 0xee, sizeof(bytes));
	memcpy(bytes, known_datagram, sizeof(known_datagram));
	ck_assert_int_eq(read_v4(&v3, bytes, sizeof(bytes), &a), VRRP_OK);
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
	ck_assert_int_eq(read_v4(&v3, bytes, sizeof(bytes), &a), VRRP_OK);
}
END_TEST

START_TEST(every_truncation_is_rejected)
{
	struct vrrp_advert a;

	for (size_t len = 0; len < sizeof(known_datagram); len++) {
		uint8_t *bytes = malloc(len ? len : 1); /* so that a read beyond is seen */
		memcpy(bytes, known_datagram, len);
		ck_assert_int_eq(read_v4(&v3, bytes, len, &a), VRRP_REJECT_IP);
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
	tcase_add_loop_test(
		tc, what_is_built_is_parsed_back_for_every_count_of_addresses, 0, (int)FORMATS);
	tcase_add_loop_test(tc, ends_that_differ_are_told_in_what, 0, (int)FORMATS);
	tcase_add_test(tc, the_known_ipv6_packet_is_built_byte_by_byte);
	tcase_add_test(tc, version_2_wants_the_same_password_and_interval);
	tcase_add_test(tc, a_ttl_below_the_least_is_too_far_away);
	tcase_add_test(tc, a_trailer_is_for_those_with_a_key);
	tcase_add_test(tc, peers_are_heard_and_nobody_else);
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
