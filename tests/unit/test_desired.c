/* From configuration, roles and verdicts to the IPVS table that should be. */
#include "director/desired.h"
#include "director/targets.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char pool_name[] = "web", rs1[] = "rs1", rs2[] = "rs2", front[] = "front", web[] = "web",
	    web2[] = "web2";
static struct conf_server servers[2];
static struct conf_pool pools[1];
static struct conf_router routers[1];
static struct conf_service services[2];
static struct conf conf;
static struct targets targets;
static bool active[1];
static struct ipvs_table table;

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static void set_up(void)
{
	servers[0] =
		(struct conf_server){.name = rs1, .address = address("192.0.2.11"), .weight = 1};
	servers[1] =
		(struct conf_server){.name = rs2, .address = address("192.0.2.12"), .weight = 5};
	pools[0] = (struct conf_pool){.name = pool_name,
		.has_check = true,
		.check = {.interval_us = 2000000, .timeout_us = 1000000, .rise = 2, .fall = 3},
		.servers = servers,
		.n_servers = 2};
	routers[0] = (struct conf_router){.name = front};
	services[0] = (struct conf_service){.name = web,
		.key = {address("192.0.2.100"), 80, IPPROTO_TCP, 0},
		.check_port = 80,
		.scheduler = "wlc",
		.forward = CONF_FORWARD_DIRECT,
		.router = 0};
	services[1] = services[0];
	services[1].name = web2;
	services[1].key.addr = address("192.0.2.99");
	conf = (struct conf){.routers = routers,
		.n_routers = 1,
		.pools = pools,
		.n_pools = 1,
		.services = services,
		.n_services = 1};
	active[0] = false;
	ck_assert_int_eq(targets_build(&conf, NULL, &targets), 0);
}

static void tear_down(void)
{
	desired_done(&table);
	targets_done(&targets);
}

static void build(const bool *only)
{
	struct desired_input in = {
		.conf = &conf, .targets = &targets, .router_active = active, .only = only};

	desired_done(&table);
	ck_assert_int_eq(desired_build(&in, &table), 0);
}

static void rebuild_targets(void)
{
	struct targets next;

	ck_assert_int_eq(targets_build(&conf, &targets, &next), 0);
	targets_done(&targets);
	targets = next;
}

static struct target *target(size_t service, size_t server)
{
	const struct target *t = targets_of(&targets, service, server);

	ck_assert_ptr_nonnull(t);
	return targets_find(&targets, t->id);
}

START_TEST(a_server_that_was_never_checked_gets_nothing)
{
	build(NULL);
	ck_assert_uint_eq(table.n_services, 1);
	ck_assert_uint_eq(table.n_dests, 2);
	ck_assert_uint_eq(table.dests[0].weight, 0);
	ck_assert_uint_eq(table.dests[1].weight, 0);
}
END_TEST

START_TEST(unless_the_check_says_that_servers_begin_up)
{
	pools[0].check.initial_up = true;
	build(NULL);
	ck_assert_uint_eq(table.dests[0].weight, 1);
	ck_assert_uint_eq(table.dests[1].weight, 5);
}
END_TEST

START_TEST(a_server_without_a_check_is_up)
{
	pools[0].has_check = false;
	rebuild_targets();
	build(NULL);
	ck_assert_uint_eq(table.dests[1].weight, 5);
}
END_TEST

START_TEST(a_server_that_is_down_drains_or_goes_as_the_pool_says)
{
	target(0, 0)->verdict = VERDICT_UP;
	target(0, 1)->verdict = VERDICT_DOWN;
	build(NULL);
	ck_assert_uint_eq(table.dests[0].weight, 1);
	ck_assert_uint_eq(table.dests[1].weight, 0);
	pools[0].on_failure = CONF_ON_FAILURE_REMOVE;
	build(NULL);
	ck_assert_uint_eq(table.n_dests, 1);
	ck_assert(addr_equal(&table.dests[0].key.addr, &servers[0].address));
}
END_TEST

START_TEST(a_service_for_the_active_follows_its_router)
{
	services[0].program = CONF_PROGRAM_ACTIVE;
	build(NULL);
	ck_assert_uint_eq(table.n_services, 0);
	active[0] = true;
	build(NULL);
	ck_assert_uint_eq(table.n_services, 1);
}
END_TEST

START_TEST(a_part_of_the_table_is_just_the_services_named)
{
	bool only[2] = {false, true};

	conf.n_services = 2;
	rebuild_targets();
	build(only);
	ck_assert_uint_eq(table.n_services, 1);
	ck_assert(addr_equal(&table.services[0].key.addr, &services[1].key.addr));
}
END_TEST

START_TEST(the_table_is_sorted_whatever_the_order_of_the_file)
{
	conf.n_services = 2;
	rebuild_targets();
	build(NULL);
	ck_assert(addr_equal(&table.services[0].key.addr, &services[1].key.addr));
}
END_TEST

START_TEST(two_services_share_the_check_of_one_endpoint)
{
	conf.n_services = 2;
	rebuild_targets();
	ck_assert_uint_eq(targets.n, 2);
	ck_assert_ptr_eq(target(0, 1), target(1, 1));
}
END_TEST

START_TEST(a_service_on_another_port_has_checks_of_its_own)
{
	conf.n_services = 2;
	services[1].key.port = services[1].check_port = 81;
	rebuild_targets();
	ck_assert_uint_eq(targets.n, 4);
}
END_TEST

static void assert_users(size_t service, size_t server, size_t n, size_t first, size_t last)
{
	size_t n_users;
	const size_t *users = targets_users(&targets, target(service, server), &n_users);

	ck_assert_uint_eq(n_users, n);
	ck_assert_uint_eq(users[0], first);
	ck_assert_uint_eq(users[n - 1], last);
}

START_TEST(a_target_knows_the_services_that_depend_on_it)
{
	conf.n_services = 2;
	rebuild_targets();
	assert_users(0, 0, 2, 0, 1);
	assert_users(1, 1, 2, 0, 1);
	services[1].key.port = services[1].check_port = 81;
	rebuild_targets();
	assert_users(0, 0, 1, 0, 0);
	assert_users(0, 1, 1, 0, 0);
	assert_users(1, 0, 1, 1, 1);
	assert_users(1, 1, 1, 1, 1);
}
END_TEST

START_TEST(a_verdict_survives_a_reload_with_other_check_settings)
{
	target(0, 1)->verdict = VERDICT_UP;
	pools[0].check.interval_us = 5000000;
	rebuild_targets();
	ck_assert_int_eq(target(0, 1)->verdict, VERDICT_UP);
	ck_assert_int_eq(target(0, 0)->verdict, VERDICT_UNKNOWN);
}
END_TEST

START_TEST(a_server_with_a_weight_in_the_table_found_is_believed_up)
{
	struct ipvs_dest dests[2] = {
		{.key = {servers[0].address, 80}, .weight = 0},
		{.key = {servers[1].address, 80}, .weight = 3},
	};
	struct ipvs_service service = {.key = services[0].key, .n_dests = 2};
	struct ipvs_table have = {&service, 1, dests, 2};

	targets_adopt(&targets, &conf, &have);
	ck_assert_int_eq(target(0, 0)->verdict, VERDICT_UNKNOWN);
	ck_assert_int_eq(target(0, 1)->verdict, VERDICT_UP);
}
END_TEST

START_TEST(what_a_server_says_of_its_forwarding_replaces_what_the_service_says)
{
	services[0].forward = CONF_FORWARD_FULLNAT;
	servers[0].upper = 100;
	servers[0].lower = 80;
	servers[1].has_forward = servers[1].has_tunnel = true;
	servers[1].forward = CONF_FORWARD_TUNNEL;
	servers[1].tunnel = (struct conf_tunnel){IPVS_TUNNEL_GUE, 6080, IPVS_TUNNEL_CHECKSUM};
	build(NULL);
	ck_assert_uint_eq(table.dests[0].forward, IPVS_FORWARD_NAT); /* all that the kernel has */
	ck_assert_uint_eq(table.dests[0].upper, 100);
	ck_assert_uint_eq(table.dests[0].lower, 80);
	ck_assert_uint_eq(table.dests[0].tun_type, 0);
	ck_assert_uint_eq(table.dests[1].forward, IPVS_FORWARD_TUNNEL);
	ck_assert_uint_eq(table.dests[1].tun_type, IPVS_TUNNEL_GUE);
	ck_assert_uint_eq(table.dests[1].tun_port, 6080);
	ck_assert_uint_eq(table.dests[1].tun_flags, IPVS_TUNNEL_CHECKSUM);
}
END_TEST

START_TEST(a_service_whose_connections_expire_has_no_server_that_is_down)
{
	services[0].expire = true;
	target(0, 0)->verdict = VERDICT_DOWN;
	target(0, 1)->verdict = VERDICT_UP;
	build(NULL);
	ck_assert_uint_eq(table.services[0].n_dests, 1);
	ck_assert_uint_eq(table.dests[0].weight, 5);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("desired");
	TCase *tc = tcase_create("desired");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_server_that_was_never_checked_gets_nothing);
	tcase_add_test(tc, unless_the_check_says_that_servers_begin_up);
	tcase_add_test(tc, a_server_without_a_check_is_up);
	tcase_add_test(tc, a_server_that_is_down_drains_or_goes_as_the_pool_says);
	tcase_add_test(tc, a_service_for_the_active_follows_its_router);
	tcase_add_test(tc, a_part_of_the_table_is_just_the_services_named);
	tcase_add_test(tc, the_table_is_sorted_whatever_the_order_of_the_file);
	tcase_add_test(tc, two_services_share_the_check_of_one_endpoint);
	tcase_add_test(tc, a_service_on_another_port_has_checks_of_its_own);
	tcase_add_test(tc, a_target_knows_the_services_that_depend_on_it);
	tcase_add_test(tc, a_verdict_survives_a_reload_with_other_check_settings);
	tcase_add_test(tc, a_server_with_a_weight_in_the_table_found_is_believed_up);
	tcase_add_test(tc, what_a_server_says_of_its_forwarding_replaces_what_the_service_says);
	tcase_add_test(tc, a_service_whose_connections_expire_has_no_server_that_is_down);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
