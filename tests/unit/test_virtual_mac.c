/* RFC 9568, 7.3. */
#include "core/virtual_mac.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
	uint16_t family;
	uint8_t vrid;
	uint8_t mac[VIRTUAL_MAC_LEN];
} cases[] = {
	{AF_INET, 1, {0x00, 0x00, 0x5e, 0x00, 0x01, 0x01}},
	{AF_INET, 255, {0x00, 0x00, 0x5e, 0x00, 0x01, 0xff}},
	{AF_INET6, 51, {0x00, 0x00, 0x5e, 0x00, 0x02, 0x33}},
};

START_TEST(the_mac_has_the_family_and_the_vrid_in_it)
{
	uint8_t mac[VIRTUAL_MAC_LEN];

	virtual_mac(cases[_i].family, cases[_i].vrid, mac);
	ck_assert_mem_eq(mac, cases[_i].mac, sizeof(mac));
	ck_assert(virtual_mac_equal(mac, cases[_i].mac));
	mac[5] ^= 1;
	ck_assert(!virtual_mac_equal(mac, cases[_i].mac));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtual_mac");
	TCase *tcase = tcase_create("virtual_mac");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, the_mac_has_the_family_and_the_vrid_in_it, 0,
		sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
