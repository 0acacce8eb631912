/* service_model: order, search and text of IPVS tables. */
#include "core/service_model.h"

#include <check.h>
#include <stdlib.h>

static struct addr addr_of(const char *text)
{
	struct addr a = {0};

	ck_assert(addr_parse(text, &a));
	return a;
}

static struct ipvs_service_key service_key(const char *addr, uint16_t port, uint8_t protocol)
{
	return (struct ipvs_service_key){addr_of(addr), port, protocol, 0};
}

START_TEST(services_order_by_address_then_port_then_protocol)
{
	const struct ipvs_service_key ascending[] = {
		service_key("9.0.0.1", 443, IPPROTO_UDP),
		service_key("10.0.0.1", 80, IPPROTO_TCP),
		service_key("10.0.0.1", 443, IPPROTO_TCP),
		service_key("10.0.0.1", 443, IPPROTO_UDP),
		service_key("2001:db8::1", 1, IPPROTO_TCP),
	};
	const size_t n = sizeof(ascending) / sizeof(ascending[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			int order = ipvs_service_key_compare(&ascending[i], &ascending[j]);

			ck_assert_int_eq((order > 0) - (order < 0), (i > j) - (i < j));
		}
}
END_TEST

START_TEST(services_of_any_order_are_sorted_and_repetitions_dropped)
{
	struct ipvs_service services[500] = {0};
	size_t n;

	srand((unsigned)_i);
	for (size_t i = 0; i < 500; i++)
		services[i].key = service_key("10.0.0.1", (uint16_t)(rand() % 300), IPPROTO_TCP);
	n = ipvs_services_sort(services, (size_t)_i * 20);
	for (size_t i = 1; i < n; i++)
		ck_assert_uint_lt(services[i - 1].key.port, services[i].key.port);
	if (_i > 1)
		ck_assert_uint_gt(n, 1);
}
END_TEST

START_TEST(sorting_a_table_keeps_the_servers_with_their_service)
{
	struct ipvs_dest dests[] = {
		{.key = {addr_of("10.0.1.2"), 80}, .weight = 2},
		{.key = {addr_of("10.0.1.1"), 80}, .weight = 1},
		{.key = {addr_of("10.0.2.1"), 80}, .weight = 3},
		{.key = {addr_of("10.0.2.1"), 80}, .weight = 3},
	};
	struct ipvs_service services[] = {
		{.key = service_key("10.0.0.2", 80, IPPROTO_TCP), .first_dest = 0, .n_dests = 2},
		{.key = service_key("10.0.0.1", 80, IPPROTO_TCP), .first_dest = 2, .n_dests = 2},
		{.key = service_key("10.0.0.3", 80, IPPROTO_TCP)},
	};
	struct ipvs_table t = {services, 3, dests, 4};
	const struct ipvs_service *s;

	ipvs_table_sort(&t);
	s = ipvs_table_find(
		&t, &(struct ipvs_service_key){addr_of("10.0.0.2"), 80, IPPROTO_TCP, 0});
	ck_assert_ptr_eq(s, &services[1]);
	ck_assert_uint_eq(s->n_dests, 2);
	ck_assert_uint_eq(t.dests[s->first_dest].weight, 1);
	ck_assert_uint_eq(t.dests[s->first_dest + 1].weight, 2);
	s = ipvs_table_find(
		&t, &(struct ipvs_service_key){addr_of("10.0.0.1"), 80, IPPROTO_TCP, 0});
	ck_assert_ptr_eq(s, &services[0]);
	ck_assert_uint_eq(s->n_dests, 1);
	ck_assert_uint_eq(t.dests[s->first_dest].weight, 3);
}
END_TEST

START_TEST(what_comes_in_its_order_stays_and_repetitions_go)
{
	static const uint16_t ports[] = {80, 81, 81, 82, 83, 83};
	struct ipvs_dest dests[6] = {0};

	for (size_t i = 0; i < 6; i++)
		dests[i].key = (struct ipvs_dest_key){addr_of("10.0.0.1"), ports[i]};
	ck_assert_uint_eq(ipvs_dests_sort(dests, 6), 4);
	for (uint16_t i = 0; i < 4; i++)
		ck_assert_uint_eq(dests[i].key.port, 80 + i);
	/* Only the last is out of its order. */
	dests[3].key.port = 1;
	ck_assert_uint_eq(ipvs_dests_sort(dests, 4), 4);
	ck_assert_uint_eq(dests[0].key.port, 1);
	ck_assert_uint_eq(dests[3].key.port, 82);
	ck_assert_uint_eq(ipvs_dests_sort(dests, 1), 1);
	ck_assert_uint_eq(ipvs_dests_sort(dests, 0), 0);
}
END_TEST

START_TEST(a_service_is_found_only_by_its_whole_key)
{
	struct ipvs_service services[100] = {0};
	struct ipvs_table t = {.services = services, .n_services = 100}, empty = {0};
	struct ipvs_service_key key;

	for (uint16_t i = 0; i < 100; i++)
		services[i].key = service_key("10.0.0.1", (uint16_t)(2 * i), IPPROTO_TCP);
	for (uint16_t i = 0; i < 200; i++) {
		key = service_key("10.0.0.1", i, IPPROTO_TCP);
		if (i % 2 == 0)
			ck_assert_ptr_eq(ipvs_table_find(&t, &key), &services[i / 2]);
		else
			ck_assert_ptr_null(ipvs_table_find(&t, &key));
		key.protocol = IPPROTO_UDP;
		ck_assert_ptr_null(ipvs_table_find(&t, &key));
		ck_assert_ptr_null(ipvs_table_find(&empty, &key));
	}
}
END_TEST

START_TEST(keys_read_as_operators_write_them)
{
	struct ipvs_service_key key = service_key("192.0.2.100", 80, IPPROTO_TCP);
	struct ipvs_dest_key dest = {addr_of("2001:db8::2"), 8080};
	char text[IPVS_KEY_TEXT_MAX];

	ck_assert_str_eq(ipvs_service_key_format(&key, text), "tcp 192.0.2.100:80");
	key = service_key("192.0.2.100", 0, IPPROTO_SCTP);
	ck_assert_str_eq(ipvs_service_key_format(&key, text), "sctp 192.0.2.100:0");
	key = service_key("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535, 255);
	ck_assert_str_eq(ipvs_service_key_format(&key, text),
		"protocol-255 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	ck_assert_str_eq(ipvs_dest_key_format(&dest, text), "[2001:db8::2]:8080");
	key = ipvs_service_key_of_mark(AF_INET6, 4294967295u);
	ck_assert_str_eq(ipvs_service_key_format(&key, text), "mark 4294967295 ipv6");
}
END_TEST

START_TEST(a_foreign_forwarding_method_has_a_name_too)
{
	ck_assert_str_eq(ipvs_forward_name(IPVS_FORWARD_DIRECT), "direct");
	ck_assert_str_eq(ipvs_forward_name((enum ipvs_forward)4), "other");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service_model");
	TCase *tests = tcase_create("service_model");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, services_order_by_address_then_port_then_protocol);
	tcase_add_loop_test(tests, services_of_any_order_are_sorted_and_repetitions_dropped, 0, 26);
	tcase_add_test(tests, what_comes_in_its_order_stays_and_repetitions_go);
	tcase_add_test(tests, sorting_a_table_keeps_the_servers_with_their_service);
	tcase_add_test(tests, a_service_is_found_only_by_its_whole_key);
	tcase_add_test(tests, keys_read_as_operators_write_them);
	tcase_add_test(tests, a_foreign_forwarding_method_has_a_name_too);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
