/* What goes over the TUN device: telling a sync message from noise, and packets for the kernel. */
#include "io/tun.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct tun_flow flow;
static uint8_t packet[TUN_OVERHEAD + 8];

static void setup(void)
{
	flow = (struct tun_flow){.group = {htonl(0xe0000051)}, .port = 8848};
	tun_packet_head(packet, &flow, 8);
	memcpy(packet + TUN_OVERHEAD, "message", 8);
}

static int parse(size_t len)
{
	const uint8_t *message;

	return tun_packet_parse(packet, len, &flow, &message);
}

START_TEST(a_packet_is_built_byte_by_byte)
{
	static const uint8_t want[TUN_OVERHEAD] = {0x45, 0, 0, 36, 0, 0, 0, 0, 1, 17, 0xd9, 0x78, 0,
		0, 0, 0, 224, 0, 0, 81, 0x22, 0x90, 0x22, 0x90, 0, 16, 0, 0};

	ck_assert_mem_eq(packet, want, sizeof(want));
}
END_TEST

START_TEST(what_was_built_is_read)
{
	const uint8_t *message = NULL;

	ck_assert_int_eq(tun_packet_parse(packet, sizeof(packet), &flow, &message), 8);
	ck_assert_ptr_eq(message, packet + TUN_OVERHEAD);
}
END_TEST

START_TEST(options_of_ipv4_are_skipped)
{
	uint8_t longer[sizeof(packet) + 4] = {0};
	const uint8_t *message;

	memcpy(longer, packet, 20);
	memcpy(longer + 24, packet + 20, sizeof(packet) - 20);
	longer[0] = 0x46;
	longer[3] = sizeof(longer);
	ck_assert_int_eq(tun_packet_parse(longer, sizeof(longer), &flow, &message), 8);
	ck_assert_str_eq((const char *)message, "message");
}
END_TEST

START_TEST(noise_is_not_a_message)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{0, 0x60},  /* IPv6 */
		{0, 0x44},  /* a header that is too short */
		{0, 0x4f},  /* ... longer than the packet */
		{3, 35},    /* a length that is not the packet's */
		{6, 0x20},  /* a fragment */
		{7, 1},     /* ... its rest */
		{9, 2},     /* IGMP */
		{19, 22},   /* another group */
		{23, 0x91}, /* another port */
		{25, 15},   /* a UDP length that is not the rest */
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t kept = packet[changes[i].at];
		packet[changes[i].at] = changes[i].value;
		ck_assert_msg(parse(sizeof(packet)) == -EBADMSG, "change %zu", i);
		packet[changes[i].at] = kept;
	}
	for (size_t len = 0; len < sizeof(packet); len++)
		ck_assert_int_eq(parse(len), -EBADMSG);
	ck_assert_int_eq(parse(sizeof(packet)), 8);
}
END_TEST

START_TEST(the_device_is_ipv4_whatever_the_link_is)
{
	struct addr ours, theirs, given, expected;

	ck_assert(addr_parse("224.0.0.99", &ours));
	given = tun_group(&ours);
	ck_assert(addr_equal(&given, &ours));
	ck_assert(addr_parse("ff02::81", &theirs) && addr_parse("224.0.0.81", &expected));
	given = tun_group(&theirs);
	ck_assert(addr_equal(&given, &expected));
}
END_TEST

START_TEST(a_descriptor_of_something_else_is_no_tun_device)
{
	ck_assert(!tun_is_one(0));
	ck_assert(!tun_is_one(-1));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tun");
	TCase *t = tcase_create("tun");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_packet_is_built_byte_by_byte);
	tcase_add_test(t, what_was_built_is_read);
	tcase_add_test(t, options_of_ipv4_are_skipped);
	tcase_add_test(t, noise_is_not_a_message);
	tcase_add_test(t, the_device_is_ipv4_whatever_the_link_is);
	tcase_add_test(t, a_descriptor_of_something_else_is_no_tun_device);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
