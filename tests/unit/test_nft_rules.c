/* nft_rules, port_use: one order for what is meant alike; source ports counted. */
#include "core/nft_rules.h"
#include "core/port_use.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

START_TEST(the_order_of_the_file_does_not_matter)
{
	struct nft_mark marks[] = {
		{address("192.0.2.9"), address("192.0.2.9"), IPPROTO_UDP, 53, 53, 8},
		{address("192.0.2.1"), address("192.0.2.3"), IPPROTO_TCP, 443, 443, 7},
		{address("192.0.2.1"), address("192.0.2.3"), IPPROTO_TCP, 80, 90, 7},
		{address("192.0.2.9"), address("192.0.2.9"), IPPROTO_UDP, 53, 53, 8},
	};
	struct nft_fullnat fullnats[] = {
		{1, address("192.0.2.101"), IPPROTO_TCP, 80, address("10.0.0.11")},
		{0, address("192.0.2.100"), IPPROTO_TCP, 80, address("10.0.0.12")},
		{0, address("192.0.2.100"), IPPROTO_TCP, 80, address("10.0.0.11")},
		{0, address("192.0.2.100"), IPPROTO_TCP, 80, address("10.0.0.12")},
	};
	struct nft_local locals[] = {
		{1, address("10.9.0.210")},
		{0, address("10.9.0.201")},
		{0, address("10.9.0.200")},
		{0, address("10.9.0.201")},
	};
	struct nft_rules r = {.marks = marks,
		.n_marks = 4,
		.fullnats = fullnats,
		.n_fullnats = 4,
		.locals = locals,
		.n_locals = 4};

	nft_rules_sort(&r);
	ck_assert_uint_eq(r.n_marks, 3);
	ck_assert_uint_eq(r.marks[0].first_port, 80);
	ck_assert_uint_eq(r.marks[1].first_port, 443);
	ck_assert_uint_eq(r.marks[2].mark, 8);
	ck_assert_uint_eq(r.n_fullnats, 3);
	ck_assert_uint_eq(r.fullnats[0].server.bytes[3], 11);
	ck_assert_uint_eq(r.fullnats[1].server.bytes[3], 12);
	ck_assert_uint_eq(r.fullnats[2].pool, 1);
	ck_assert_uint_eq(r.n_locals, 3);
	ck_assert_uint_eq(r.locals[0].addr.bytes[3], 200);
}
END_TEST

START_TEST(a_pool_has_its_addresses_together_and_by_family)
{
	struct nft_fullnat fullnats[] = {
		{3, address("192.0.2.100"), IPPROTO_TCP, 80, address("10.0.0.11")},
		{3, address("2001:db8::100"), IPPROTO_TCP, 80, address("2001:db8:1::11")},
	};
	struct nft_local locals[] = {
		{3, address("2001:db8:9::200")},
		{3, address("10.9.0.201")},
		{3, address("10.9.0.200")},
	};
	struct nft_rules r = {
		.fullnats = fullnats, .n_fullnats = 2, .locals = locals, .n_locals = 3};
	size_t n, first;

	nft_rules_sort(&r);
	first = nft_rules_pool(&r, 3, AF_INET, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(r.locals[first].addr.bytes[3], 200);
	first = nft_rules_pool(&r, 3, AF_INET6, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(r.locals[first].addr.family, AF_INET6);
	(void)nft_rules_pool(&r, 4, AF_INET, &n);
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(a_pool_that_nothing_uses_is_dropped)
{
	struct nft_fullnat fullnats[] = {
		{0, address("192.0.2.100"), IPPROTO_TCP, 80, address("10.0.0.11")}};
	struct nft_local locals[] = {{0, address("10.9.0.200")}, {0, address("2001:db8::200")},
		{1, address("10.9.0.201")}};
	struct nft_rules r = {
		.fullnats = fullnats, .n_fullnats = 1, .locals = locals, .n_locals = 3};

	nft_rules_sort(&r);
	ck_assert_uint_eq(r.n_locals, 1);
	ck_assert(!nft_rules_empty(&r));
	r.n_fullnats = 0;
	nft_rules_sort(&r);
	ck_assert_uint_eq(r.n_locals, 0);
	ck_assert(nft_rules_empty(&r));
}
END_TEST

START_TEST(nothing_at_all_is_in_order)
{
	struct nft_rules r = {0};

	nft_rules_sort(&r);
	ck_assert(nft_rules_empty(&r));
	ck_assert_uint_eq(port_use_merge(NULL, 0), 0);
	ck_assert_ptr_null(port_use_busiest(NULL, 0, &r));
}
END_TEST

static struct nft_local use_locals[3];
static const struct nft_rules use_rules = {.locals = use_locals, .n_locals = 3};

static void set_up(void)
{
	use_locals[0] = (struct nft_local){0, address("10.9.0.200")};
	use_locals[1] = (struct nft_local){1, address("10.9.0.210")};
	use_locals[2] = (struct nft_local){1, address("10.9.0.211")};
}

START_TEST(services_with_one_server_share_its_ports)
{
	struct port_use uses[] = {
		{0, IPPROTO_TCP, address("10.0.0.11"), 80, 40000},
		{0, IPPROTO_TCP, address("10.0.0.12"), 80, 30000},
		{0, IPPROTO_TCP, address("10.0.0.11"), 80, 20000},
		{0, IPPROTO_UDP, address("10.0.0.11"), 80, 50000},
	};
	size_t n = port_use_merge(uses, 4);
	const struct port_use *busiest = port_use_busiest(uses, n, &use_rules);

	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(busiest->connections, 60000);
	ck_assert_uint_eq(busiest->protocol, IPPROTO_TCP);
	ck_assert_uint_eq(busiest->server.bytes[3], 11);
	ck_assert(port_use_is_full(busiest, &use_rules));
}
END_TEST

START_TEST(twice_the_addresses_have_twice_the_ports)
{
	struct port_use uses[] = {
		{1, IPPROTO_TCP, address("10.0.0.11"), 80, 70000},
		{0, IPPROTO_TCP, address("10.0.0.11"), 80, 36000},
	};
	size_t n = port_use_merge(uses, 2);
	const struct port_use *busiest = port_use_busiest(uses, n, &use_rules);

	ck_assert_uint_eq(busiest->pool, 0);
	ck_assert_uint_eq(port_use_capacity(&uses[0], &use_rules), 64512);
	ck_assert_uint_eq(port_use_capacity(&uses[1], &use_rules), 2 * 64512);
	ck_assert(!port_use_is_full(&uses[0], &use_rules));
}
END_TEST

START_TEST(full_begins_at_nine_tenths)
{
	struct port_use use = {0, IPPROTO_TCP, address("10.0.0.11"), 80, 58000};

	ck_assert(!port_use_is_full(&use, &use_rules));
	use.connections = 58061;
	ck_assert(port_use_is_full(&use, &use_rules));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nft_rules");
	TCase *tests = tcase_create("nft_rules");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, the_order_of_the_file_does_not_matter);
	tcase_add_test(tests, a_pool_has_its_addresses_together_and_by_family);
	tcase_add_test(tests, a_pool_that_nothing_uses_is_dropped);
	tcase_add_test(tests, nothing_at_all_is_in_order);
	tcase_add_test(tests, services_with_one_server_share_its_ports);
	tcase_add_test(tests, twice_the_addresses_have_twice_the_ports);
	tcase_add_test(tests, full_begins_at_nine_tenths);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
