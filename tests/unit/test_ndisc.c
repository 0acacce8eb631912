/* Unsolicited Neighbour Advertisements, byte by byte. */
#include "io/ndisc.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mac[NDISC_MAC_LEN] = {2, 0, 0, 0, 0, 1};

/* 2001:db8::a0 is at 02:00:00:00:00:01, to all nodes, from a host that forwards. */
static const uint8_t known[NDISC_PACKET_LEN] = {
	0x60,
	0x00,
	0x00,
	0x00,
	0x00,
	0x20,
	0x3a,
	0xff,
	0x20,
	0x01,
	0x0d,
	0xb8,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0xa0,
	0xff,
	0x02,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x01,
	0x88,
	0x00,
	0x77,
	0xec,
	0xa0,
	0x00,
	0x00,
	0x00,
	0x20,
	0x01,
	0x0d,
	0xb8,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0x00,
	0xa0,
	0x02,
	0x01,
	0x02,
	0x00,
	0x00,
	0x00,
	0x00,
	0x01,
};

static void build(uint8_t ret[static NDISC_PACKET_LEN], bool router)
{
	struct addr addr;

	ck_assert(addr_parse("2001:db8::a0", &addr));
	ndisc_build(ret, mac, router, &addr);
}

START_TEST(the_known_packet_is_built_byte_by_byte)
{
	uint8_t packet[NDISC_PACKET_LEN];

	build(packet, true);
	ck_assert_mem_eq(packet, known, sizeof(known));
}
END_TEST

START_TEST(a_host_that_does_not_forward_says_so)
{
	uint8_t router[NDISC_PACKET_LEN], host[NDISC_PACKET_LEN];

	build(router, true);
	build(host, false);
	ck_assert_uint_eq(router[44], 0xa0); /* router, override */
	ck_assert_uint_eq(host[44], 0x20);
	ck_assert_uint_eq(host[42], 0xf7); /* its checksum is another */
	ck_assert_uint_eq(host[43], 0xec);
}
END_TEST

START_TEST(an_interface_that_does_not_exist_forwards_nothing)
{
	ck_assert(!ndisc_is_router("no-such-if"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ndisc");
	TCase *tc = tcase_create("ndisc");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, the_known_packet_is_built_byte_by_byte);
	tcase_add_test(tc, a_host_that_does_not_forward_says_so);
	tcase_add_test(tc, an_interface_that_does_not_exist_forwards_nothing);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
