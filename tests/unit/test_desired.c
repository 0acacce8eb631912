/* From configuration, roles and verdicts to the IPVS table that should be. */
#include "director/health/pools.h"
#include "director/health/targets.h"
#include "director/table/desired.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char pool_name[] = "web", rs1[] = "rs1", rs2[] = "rs2", front[] = "front", web[] = "web",
	    web2[] = "web2";
static char sorry_name[] = "sorry", sorry1[] = "sorry1";
static struct conf_server servers[2], sorry_servers[1];
static struct conf_pool pools[2];
static struct conf_router routers[1];
static struct conf_service services[2];
static struct conf conf;
static struct targets targets;
static struct overrides overrides;
static struct conf_check check;
static struct pools states;
static bool active[1];
static const struct instant now = {UINT64_C(1000000000)};
static struct ipvs_table table;

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static void set_up(void)
{
	check = (struct conf_check){
		.interval_us = 2000000, .timeout_us = 1000000, .rise = 2, .fall = 3};
	servers[0] =
		(struct conf_server){.name = rs1, .address = address("192.0.2.11"), .weight = 1};
	servers[1] =
		(struct conf_server){.name = rs2, .address = address("192.0.2.12"), .weight = 5};
	pools[0] = (struct conf_pool){.name = pool_name,
		.check = &check,
		.quorum = 1,
		.max_ejected_percent = 100,
		.fallback = CONF_NONE,
		.servers = servers,
		.n_servers = 2};
	sorry_servers[0] =
		(struct conf_server){.name = sorry1, .address = address("192.0.2.90"), .weight = 3};
	pools[1] = (struct conf_pool){.name = sorry_name,
		.quorum = 1,
		.max_ejected_percent = 100,
		.fallback = CONF_NONE,
		.servers = sorry_servers,
		.n_servers = 1};
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
		.n_pools = 2,
		.services = services,
		.n_services = 1};
	active[0] = false;
	ck_assert_int_eq(targets_build(&conf, &targets), 0);
}

static void tear_down(void)
{
	desired_done(&table);
	pools_done(&states);
	targets_done(&targets);
}

static void ignore_news(enum pool_news news, size_t view, void *userdata)
{
	(void)news;
	(void)view;
	(void)userdata;
}

static void ignore_change(size_t view, void *userdata)
{
	(void)view;
	(void)userdata;
}

static struct pools_input pools_input(void)
{
	return (struct pools_input){.conf = &conf, .targets = &targets, .overrides = &overrides};
}

/* The pools begin anew with each call, except for what a test has put into the targets. */
static void evaluate(void)
{
	const struct pools_listener listener = {ignore_news, ignore_change, NULL};
	struct pools_input in = pools_input();

	pools_done(&states);
	ck_assert_int_eq(pools_build(&in, NULL, NULL, &states), 0);
	pools_evaluate(&states, &in, now, &listener);
}

static void build_only(const size_t *only, size_t n_only)
{
	struct desired_input in = {.conf = &conf,
		.targets = &targets,
		.pools = &states,
		.router_active = active,
		.only = only,
		.n_only = n_only};

	desired_done(&table);
	ck_assert_int_eq(desired_build(&in, &table), 0);
}

static void build(const size_t *only, size_t n_only)
{
	evaluate();
	build_only(only, n_only);
}

static void rebuild_targets(void)
{
	struct targets next;

	ck_assert_int_eq(targets_build(&conf, &next), 0);
	ck_assert_int_eq(targets_inherit(&next, &targets), 0);
	targets_done(&targets);
	targets = next;
}

static struct target *target(size_t service, size_t server)
{
	size_t n;
	const size_t *of = targets_of(&targets, targets.views.of_service[service], server, &n);

	ck_assert_uint_gt(n, 0);
	return &targets.items[of[0]];
}

START_TEST(a_server_that_was_never_checked_gets_nothing)
{
	build(NULL, 0);
	ck_assert_uint_eq(table.n_services, 1);
	ck_assert_uint_eq(table.n_dests, 2);
	ck_assert_uint_eq(table.dests[0].weight, 0);
	ck_assert_uint_eq(table.dests[1].weight, 0);
}
END_TEST

START_TEST(unless_the_check_says_that_servers_begin_up)
{
	check.initial_up = true;
	build(NULL, 0);
	ck_assert_uint_eq(table.dests[0].weight, 1);
	ck_assert_uint_eq(table.dests[1].weight, 5);
}
END_TEST

START_TEST(a_server_without_a_check_is_up)
{
	pools[0].check = NULL;
	rebuild_targets();
	build(NULL, 0);
	ck_assert_uint_eq(table.dests[1].weight, 5);
}
END_TEST

START_TEST(a_server_that_is_down_drains_or_goes_as_the_pool_says)
{
	target(0, 0)->verdict = VERDICT_UP;
	target(0, 1)->verdict = VERDICT_DOWN;
	build(NULL, 0);
	ck_assert_uint_eq(table.dests[0].weight, 1);
	ck_assert_uint_eq(table.dests[1].weight, 0);
	pools[0].on_failure = CONF_ON_FAILURE_REMOVE;
	build(NULL, 0);
	ck_assert_uint_eq(table.n_dests, 1);
	ck_assert(addr_equal(&table.dests[0].key.addr, &servers[0].address));
}
END_TEST

START_TEST(a_service_for_the_active_follows_its_router)
{
	services[0].program = CONF_PROGRAM_ACTIVE;
	build(NULL, 0);
	ck_assert_uint_eq(table.n_services, 0);
	active[0] = true;
	build(NULL, 0);
	ck_assert_uint_eq(table.n_services, 1);
}
END_TEST

START_TEST(a_part_of_the_table_is_just_the_services_named)
{
	size_t only[1] = {1};

	conf.n_services = 2;
	rebuild_targets();
	build(only, 1);
	ck_assert_uint_eq(table.n_services, 1);
	ck_assert(addr_equal(&table.services[0].key.addr, &services[1].key.addr));
}
END_TEST

START_TEST(the_table_is_sorted_whatever_the_order_of_the_file)
{
	conf.n_services = 2;
	rebuild_targets();
	build(NULL, 0);
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
	size_t n_views, n_users = 0, seen_first = CONF_NONE, seen_last = 0;
	const size_t *views = targets_users(&targets, target(service, server), &n_views);

	for (size_t i = 0; i < n_views; i++) {
		size_t m;
		const size_t *users = lists_of(&targets.views.users, views[i], &m);

		n_users += m;
		seen_first = seen_first == CONF_NONE ? users[0] : seen_first;
		seen_last = users[m - 1];
	}
	ck_assert_uint_eq(n_users, n);
	ck_assert_uint_eq(seen_first, first);
	ck_assert_uint_eq(seen_last, last);
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

START_TEST(services_share_a_view_unless_the_servers_are_checked_on_their_ports)
{
	conf.n_services = 2;
	rebuild_targets();
	ck_assert_uint_eq(targets.views.n, 1);
	services[1].check_port = 81;
	rebuild_targets();
	ck_assert_uint_eq(targets.views.n, 2);
	check.port = 8080;
	rebuild_targets();
	ck_assert_uint_eq(targets.views.n, 1);
}
END_TEST

START_TEST(the_servers_of_a_fallback_are_checked_too)
{
	pools[0].fallback = 1;
	pools[1].check = pools[0].check;
	rebuild_targets();
	ck_assert_uint_eq(targets.n, 3);
	ck_assert_uint_eq(targets.views.n, 2);
	ck_assert_uint_eq(targets.views.items[0].fallback, 1);
	assert_users(0, 0, 1, 0, 0);
}
END_TEST

static const struct ipvs_dest *dest_at(const char *text)
{
	struct addr a = address(text);

	for (size_t i = 0; i < table.services[0].n_dests; i++)
		if (addr_equal(&table.dests[table.services[0].first_dest + i].key.addr, &a))
			return &table.dests[table.services[0].first_dest + i];
	return NULL;
}

START_TEST(without_quorum_the_fallback_serves_and_the_others_are_quiet)
{
	pools[0].fallback = 1;
	pools[0].quorum = 5;
	rebuild_targets();
	target(0, 0)->verdict = VERDICT_UP;
	target(0, 1)->verdict = VERDICT_UP;
	build(NULL, 0);
	ck_assert_uint_eq(table.n_dests, 2);
	target(0, 1)->verdict = VERDICT_DOWN;
	build(NULL, 0);
	ck_assert_uint_eq(table.n_dests, 3);
	ck_assert_uint_eq(dest_at("192.0.2.90")->weight, 3);
	ck_assert_uint_eq(dest_at("192.0.2.11")->weight, 0);
	ck_assert_uint_eq(dest_at("192.0.2.12")->weight, 0);
}
END_TEST

START_TEST(a_server_that_is_in_pool_and_fallback_serves_where_it_is_wanted)
{
	pools[0].fallback = 1;
	pools[0].quorum = 5;
	sorry_servers[0].address = servers[0].address;
	rebuild_targets();
	target(0, 0)->verdict = VERDICT_UP;
	target(0, 1)->verdict = VERDICT_DOWN;
	build(NULL, 0);
	ck_assert_uint_eq(table.services[0].n_dests, 2);
	ck_assert_uint_eq(dest_at("192.0.2.11")->weight, 3);
}
END_TEST

/* From the fallback back to the pool. */
static void return_from_fallback(void)
{
	const struct pools_listener listener = {ignore_news, ignore_change, NULL};
	struct pools_input in = pools_input();

	pools[0].fallback = 1;
	rebuild_targets();
	target(0, 0)->verdict = target(0, 1)->verdict = VERDICT_DOWN;
	evaluate();
	ck_assert(pools_uses_fallback(&states, 0));
	target(0, 0)->verdict = VERDICT_UP;
	pools_touch(&states, 0);
	pools_evaluate(&states, &in, now, &listener);
	build_only(NULL, 0);
}

START_TEST(a_fallback_that_is_not_needed_any_more_leaves_slowly)
{
	return_from_fallback();
	ck_assert_uint_eq(dest_at("192.0.2.11")->weight, 1);
	ck_assert_ptr_nonnull(dest_at("192.0.2.90"));
	ck_assert_uint_eq(dest_at("192.0.2.90")->weight, 0);
}
END_TEST

START_TEST(with_a_scheduler_that_refuses_at_weight_0_it_leaves_at_once)
{
	strcpy(services[0].scheduler, "sh");
	return_from_fallback();
	ck_assert_ptr_null(dest_at("192.0.2.90"));
}
END_TEST

START_TEST(weights_of_a_pool_with_slow_start_are_ten_times_as_large)
{
	pools[0].slow_start_us = 90000000;
	target(0, 0)->verdict = target(0, 1)->verdict = VERDICT_UP;
	target(0, 1)->up_at = now;
	build(NULL, 0);
	ck_assert_uint_eq(table.dests[0].weight, 10);
	ck_assert_uint_eq(table.dests[1].weight, 5); /* a tenth of 50 */
	strcpy(services[0].scheduler, "ovf");        /* its weights are numbers of connections */
	build(NULL, 0);
	ck_assert_uint_eq(table.dests[0].weight, 1);
	ck_assert_uint_eq(table.dests[1].weight, 1);
}
END_TEST

START_TEST(only_a_server_that_was_down_or_came_with_a_reload_starts_slowly)
{
	struct target *t = target(0, 0);

	targets_set_verdict(t, VERDICT_UP, now);
	ck_assert_uint_eq(t->up_at.us, 0); /* the first verdict after a start */
	targets_set_verdict(t, VERDICT_DOWN, instant_add(now, 1));
	ck_assert_uint_eq(t->failed_at.us, now.us + 1);
	targets_set_verdict(t, VERDICT_UP, instant_add(now, 2));
	ck_assert_uint_eq(t->up_at.us, now.us + 2);
	servers[1].address = address("192.0.2.13");
	rebuild_targets();
	ck_assert_uint_eq(target(0, 0)->up_at.us, now.us + 2); /* what stays goes on */
	targets_set_verdict(target(0, 1), VERDICT_UP, instant_add(now, 3));
	ck_assert_uint_eq(target(0, 1)->up_at.us, now.us + 3);
}
END_TEST

START_TEST(a_verdict_survives_a_reload_with_other_check_settings)
{
	target(0, 1)->verdict = VERDICT_UP;
	check.interval_us = 5000000;
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
	build(NULL, 0);
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
	build(NULL, 0);
	ck_assert_uint_eq(table.services[0].n_dests, 1);
	ck_assert_uint_eq(table.dests[0].weight, 5);
}
END_TEST

/* Service 0 is checked through: services 1 and 2 are the paths to its two servers. */
static struct conf_service with_paths[3];

static void add_paths(enum conf_forward forward)
{
	check.through_service = true;
	with_paths[0] = services[0];
	with_paths[0].forward = forward;
	with_paths[0].first_path = 1;
	for (size_t i = 0; i < 2; i++) {
		with_paths[1 + i] = with_paths[0];
		with_paths[1 + i].key =
			ipvs_service_key_of_mark(AF_INET, CONF_PATH_MARK + 1 + (uint32_t)i);
		with_paths[1 + i].first_path = 0;
		with_paths[1 + i].is_path = true;
		with_paths[1 + i].path_of = 0;
		with_paths[1 + i].path_server = i;
		with_paths[1 + i].path_addr = with_paths[0].key.addr;
		with_paths[1 + i].path_port = 80;
	}
	conf.services = with_paths;
	conf.n_services = 3;
	rebuild_targets();
}

static enum health_state health(size_t server)
{
	return targets_health(&targets, &conf, targets.views.of_service[0], server).state;
}

static struct target *nth_target(size_t server, size_t i, size_t of)
{
	size_t n;
	const size_t *list = targets_of(&targets, targets.views.of_service[0], server, &n);

	ck_assert_uint_eq(n, of);
	return &targets.items[list[i]];
}

START_TEST(a_path_leads_to_its_server_whatever_becomes_of_it)
{
	const struct ipvs_service *path;

	add_paths(CONF_FORWARD_DIRECT);
	servers[1].upper = 100;
	target(0, 1)->verdict = VERDICT_DOWN;
	build(NULL, 0);
	ck_assert_uint_eq(table.n_services, 3);
	path = ipvs_table_find(&table, &with_paths[2].key);
	ck_assert_ptr_nonnull(path);
	ck_assert_uint_eq(path->n_dests, 1);
	ck_assert(addr_equal(&table.dests[path->first_dest].key.addr, &servers[1].address));
	ck_assert_uint_eq(table.dests[path->first_dest].key.port, 80);
	ck_assert_uint_eq(table.dests[path->first_dest].weight, 1);
	ck_assert_uint_eq(table.dests[path->first_dest].upper, 0);
	ck_assert_int_eq(table.dests[path->first_dest].forward, IPVS_FORWARD_DIRECT);
}
END_TEST

START_TEST(a_server_is_up_when_it_answers_both_ways_and_keeps_silent_by_arp)
{
	add_paths(CONF_FORWARD_DIRECT);
	ck_assert_int_eq(health(1), HEALTH_UNKNOWN);
	nth_target(1, 0, 3)->verdict = VERDICT_UP;
	ck_assert_int_eq(health(1), HEALTH_UNKNOWN);
	nth_target(1, 1, 3)->verdict = VERDICT_UP;
	ck_assert_int_eq(health(1), HEALTH_UNKNOWN);
	nth_target(1, 2, 3)->verdict = VERDICT_UP;
	ck_assert_int_eq(health(1), HEALTH_UP);
	for (size_t i = 0; i < 3; i++) {
		nth_target(1, i, 3)->verdict = VERDICT_DOWN;
		ck_assert_int_eq(health(1), HEALTH_DOWN);
		nth_target(1, i, 3)->verdict = VERDICT_UP;
	}
	ck_assert_int_eq(health(0), HEALTH_UNKNOWN);
}
END_TEST

START_TEST(a_path_goes_to_the_virtual_address_with_its_mark)
{
	const struct target *t;

	add_paths(CONF_FORWARD_NAT);
	t = nth_target(1, 1, 2);
	ck_assert(addr_equal(&t->addr, &services[0].key.addr));
	ck_assert(addr_equal(&t->end, &servers[1].address));
	ck_assert_ptr_eq(t->path, &with_paths[2]);
	ck_assert_uint_eq(t->port, 80);
	ck_assert_ptr_eq(&targets.items[t->direct], nth_target(1, 0, 2));
	ck_assert_str_ne(t->id, nth_target(0, 1, 2)->id);
}
END_TEST

START_TEST(a_verdict_of_a_path_is_not_taken_over_from_another)
{
	add_paths(CONF_FORWARD_NAT);
	nth_target(0, 1, 2)->verdict = VERDICT_UP;
	nth_target(1, 1, 2)->verdict = VERDICT_DOWN;
	rebuild_targets();
	ck_assert_int_eq(nth_target(0, 1, 2)->verdict, VERDICT_UP);
	ck_assert_int_eq(nth_target(1, 1, 2)->verdict, VERDICT_DOWN);
	check.interval_us = 5000000; /* another check, of the same virtual address */
	rebuild_targets();
	ck_assert_int_eq(nth_target(1, 1, 2)->verdict, VERDICT_UNKNOWN);
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
	tcase_add_test(tc, services_share_a_view_unless_the_servers_are_checked_on_their_ports);
	tcase_add_test(tc, the_servers_of_a_fallback_are_checked_too);
	tcase_add_test(tc, without_quorum_the_fallback_serves_and_the_others_are_quiet);
	tcase_add_test(tc, a_server_that_is_in_pool_and_fallback_serves_where_it_is_wanted);
	tcase_add_test(tc, a_fallback_that_is_not_needed_any_more_leaves_slowly);
	tcase_add_test(tc, with_a_scheduler_that_refuses_at_weight_0_it_leaves_at_once);
	tcase_add_test(tc, weights_of_a_pool_with_slow_start_are_ten_times_as_large);
	tcase_add_test(tc, only_a_server_that_was_down_or_came_with_a_reload_starts_slowly);
	tcase_add_test(tc, a_verdict_survives_a_reload_with_other_check_settings);
	tcase_add_test(tc, a_server_with_a_weight_in_the_table_found_is_believed_up);
	tcase_add_test(tc, what_a_server_says_of_its_forwarding_replaces_what_the_service_says);
	tcase_add_test(tc, a_service_whose_connections_expire_has_no_server_that_is_down);
	tcase_add_test(tc, a_path_leads_to_its_server_whatever_becomes_of_it);
	tcase_add_test(tc, a_server_is_up_when_it_answers_both_ways_and_keeps_silent_by_arp);
	tcase_add_test(tc, a_path_goes_to_the_virtual_address_with_its_mark);
	tcase_add_test(tc, a_verdict_of_a_path_is_not_taken_over_from_another);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
