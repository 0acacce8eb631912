/* The elector's messages: what the director may send, and what it gets. */
#include "elector/message.h"

#include "io/arp.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define ROUTER(fields)                                                                             \
	"{\"routers\":[{\"name\":\"front\",\"interface\":\"eth0\",\"priority\":100,"               \
	"\"preempt\":true," fields "}]}"
#define ANNOUNCE "\"announce\":{\"repeat\":5,\"interval_us\":0,\"refresh_us\":60000000}"
#define GOOD "\"vrid\":51,\"advert_interval_cs\":100,\"addresses\":[\"192.0.2.100/24\"]," ANNOUNCE

static int read_text(
	const char *text, struct router_config **ret, size_t *ret_n, size_t *ret_errors)
{
	json_t *parameters = json_loads(text, 0, NULL), *errors = json_array();
	int r;

	ck_assert_ptr_nonnull(parameters);
	r = message_read_configure(parameters, errors, ret, ret_n);
	*ret_errors = json_array_size(errors);
	json_decref(errors);
	json_decref(parameters);
	return r;
}

START_TEST(a_whole_configuration_is_read)
{
	struct router_config *configs;
	size_t n, errors;

	ck_assert_int_eq(read_text(ROUTER(GOOD), &configs, &n, &errors), 0);
	ck_assert_uint_eq(errors, 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(configs[0].name, "front");
	ck_assert_str_eq(configs[0].interface, "eth0");
	ck_assert_uint_eq(configs[0].vrid, 51);
	ck_assert_uint_eq(configs[0].priority, 100);
	ck_assert_uint_eq(configs[0].interval_cs, 100);
	ck_assert(configs[0].preempt);
	ck_assert_uint_eq(configs[0].n_advertised, 1);
	ck_assert_uint_eq(configs[0].n_moved, 1);
	ck_assert(configs[0].moved[0].advertised);
	ck_assert_uint_eq(configs[0].moved[0].address.prefix.prefix_len, 24);
	ck_assert_uint_eq(configs[0].arp_forms, ARP_REQUEST);
	ck_assert_uint_eq(configs[0].announce.repeat, 5);
	ck_assert_uint_eq(configs[0].announce.refresh_us, 60000000);
	message_free_configs(configs, n);
}
END_TEST

START_TEST(policy_is_read_and_has_defaults)
{
	struct router_config *c;
	size_t n, errors;

	ck_assert_int_eq(read_text(ROUTER(GOOD), &c, &n, &errors), 0);
	ck_assert_uint_eq(c->down_intervals, 3);
	ck_assert_uint_eq(c->preempt_delay_us, 0);
	ck_assert_uint_eq(c->settle_us, 0);
	ck_assert_str_eq(c->group, "");
	message_free_configs(c, n);
	ck_assert_int_eq(read_text(ROUTER(GOOD ",\"down_intervals\":100,\"preempt_delay_us\":5,"
					       "\"settle_us\":6,\"group\":\"edge\""),
				 &c, &n, &errors),
		0);
	ck_assert_uint_eq(c->down_intervals, 100);
	ck_assert_uint_eq(c->preempt_delay_us, 5);
	ck_assert_uint_eq(c->settle_us, 6);
	ck_assert_str_eq(c->group, "edge");
	message_free_configs(c, n);
}
END_TEST

START_TEST(no_routers_are_a_configuration_too)
{
	struct router_config *configs;
	size_t n, errors;

	ck_assert_int_eq(read_text("{\"routers\":[]}", &configs, &n, &errors), 0);
	ck_assert_uint_eq(n, 0);
	message_free_configs(configs, n);
}
END_TEST

START_TEST(addresses_are_sorted_by_where_they_go)
{
	struct router_config *c;
	size_t n, errors;

	ck_assert_int_eq(
		read_text(ROUTER(GOOD ",\"excluded\":[\"2001:db8::1/64\",\"192.0.2.9/24\"],"
				      "\"snat\":[\"10.9.0.200/24\"],\"snat_interface\":\"eth2\""),
			&c, &n, &errors),
		0);
	ck_assert_uint_eq(c->n_advertised, 1);
	ck_assert_uint_eq(c->n_moved, 4);
	ck_assert_uint_eq(c->moved[0].address.prefix.addr.bytes[3], 200);
	ck_assert_str_eq(c->places[c->moved[0].place], "eth2");
	ck_assert(c->moved[1].advertised);
	ck_assert_uint_eq(c->moved[1].place, MOVED_HOME);
	ck_assert_int_eq(c->moved[2].address.prefix.addr.family, AF_INET6);
	ck_assert_uint_eq(c->moved[3].address.prefix.addr.bytes[3], 9);
	message_free_configs(c, n);
}
END_TEST

START_TEST(an_address_may_have_terms)
{
	struct router_config *c;
	size_t n, errors;

	ck_assert_int_eq(read_text(ROUTER(GOOD ",\"excluded\":[{\"address\":\"10.1.0.1/24\","
					       "\"label\":\"eth3:vip\",\"scope\":253,"
					       "\"interface\":\"eth3\"},"
					       "{\"address\":\"10.2.0.1/24\"}]"),
				 &c, &n, &errors),
		0);
	ck_assert_uint_eq(c->n_moved, 3);
	ck_assert_str_eq(c->moved[0].address.label, "eth3:vip");
	ck_assert_uint_eq(c->moved[0].address.scope, 253);
	ck_assert_str_eq(c->places[c->moved[0].place], "eth3");
	ck_assert_uint_eq(c->moved[2].place, MOVED_HOME);
	message_free_configs(c, n);
}
END_TEST

START_TEST(routes_and_rules_come_after_addresses)
{
	struct router_config *c;
	size_t n, errors;

	ck_assert_int_eq(
		read_text(ROUTER(GOOD
				  ",\"rules\":[{\"family\":\"ipv4\",\"from\":\"192.0.2.100/32\","
				  "\"fwmark\":7,\"iif\":\"eth9\",\"table\":100,\"priority\":900}],"
				  "\"routes\":[{\"to\":\"0.0.0.0/"
				  "0\",\"via\":\"192.0.2.1\",\"dev\":\"eth5\","
				  "\"src\":\"192.0.2.100\",\"table\":100,\"metric\":5,\"onlink\":"
				  "true},"
				  "{\"to\":\"2001:db8:9::/"
				  "48\",\"table\":254,\"type\":\"blackhole\"}]"),
			&c, &n, &errors),
		0);
	ck_assert_uint_eq(c->n_moved, 4);
	ck_assert_int_eq(c->moved[0].kind, MOVED_ADDRESS);
	ck_assert_int_eq(c->moved[1].kind, MOVED_ROUTE);
	ck_assert_str_eq(c->places[c->moved[1].place], "eth5");
	ck_assert(c->moved[1].route.onlink);
	ck_assert_uint_eq(c->moved[1].route.table, 100);
	ck_assert_uint_eq(c->moved[1].route.metric, 5);
	ck_assert_uint_eq(c->moved[1].route.src.bytes[3], 100);
	ck_assert_int_eq(c->moved[2].route.type, MOVED_BLACKHOLE);
	ck_assert_uint_eq(c->moved[2].place, MOVED_ANYWHERE);
	ck_assert_int_eq(c->moved[3].kind, MOVED_RULE);
	ck_assert_uint_eq(c->moved[3].rule.mark, 7);
	ck_assert_uint_eq(c->moved[3].rule.priority, 900);
	ck_assert_str_eq(c->moved[3].rule.iif, "eth9");
	message_free_configs(c, n);
}
END_TEST

static const char *const at_home[] = {
	ROUTER(GOOD ",\"snat\":[\"10.9.0.200/24\"]"),
	ROUTER(GOOD ",\"snat\":[\"10.9.0.200/24\"],\"snat_interface\":\"eth0\""),
	ROUTER(GOOD ",\"excluded\":[\"10.9.0.200/24\"],\"snat\":[],\"snat_interface\":\"eth2\""),
};

START_TEST(without_another_interface_nothing_is_away)
{
	struct router_config *c;
	size_t n, errors;

	ck_assert_int_eq(read_text(at_home[_i], &c, &n, &errors), 0);
	ck_assert_uint_eq(c->n_moved, 2);
	for (size_t i = 0; i < c->n_moved; i++)
		ck_assert_uint_eq(c->moved[i].place, MOVED_HOME);
	for (size_t i = 0; i < MOVED_PLACES_MAX; i++)
		ck_assert_str_eq(c->places[i], "");
	message_free_configs(c, n);
}
END_TEST

static const char *const bad[] = {
	"{}",
	"{\"routers\":{}}",
	"{\"routers\":[7]}",
	ROUTER("\"vrid\":0,\"advert_interval_cs\":100,\"addresses\":[\"192.0.2.1\"]," ANNOUNCE),
	ROUTER("\"vrid\":256,\"advert_interval_cs\":100,\"addresses\":[\"192.0.2.1\"]," ANNOUNCE),
	ROUTER("\"vrid\":1,\"advert_interval_cs\":0,\"addresses\":[\"192.0.2.1\"]," ANNOUNCE),
	ROUTER("\"vrid\":1,\"advert_interval_cs\":4096,\"addresses\":[\"192.0.2.1\"]," ANNOUNCE),
	ROUTER("\"vrid\":1,\"advert_interval_cs\":100,\"addresses\":[]," ANNOUNCE),
	ROUTER("\"vrid\":1,\"advert_interval_cs\":100,\"addresses\":[\"2001:db8::1\",\"192.0.2.1\"]"
	       "," ANNOUNCE),
	ROUTER(GOOD ",\"wire\":{\"version\":3}"),
	ROUTER(GOOD ",\"wire\":{\"version\":4,\"pseudo_header\":false,\"min_ttl\":255}"),
	ROUTER(GOOD ",\"wire\":{\"version\":3,\"pseudo_header\":false,\"min_ttl\":0}"),
	ROUTER(GOOD ",\"wire\":{\"version\":3,\"pseudo_header\":false,\"min_ttl\":255,"
		    "\"peers\":[\"fe80::1\"]}"),
	ROUTER(GOOD ",\"wire\":{\"version\":3,\"pseudo_header\":false,\"min_ttl\":255,"
		    "\"password\":\"x\"}"),
	ROUTER("\"vrid\":1,\"advert_interval_cs\":100,\"addresses\":[5]," ANNOUNCE),
	ROUTER("\"vrid\":1,\"advert_interval_cs\":100,\"addresses\":[\"192.0.2.1\"]"),
	ROUTER("\"vrid\":1,\"advert_interval_cs\":100,\"addresses\":[\"192.0.2.1\"],"
	       "\"announce\":{\"repeat\":-1,\"interval_us\":0,\"refresh_us\":0}"),
	ROUTER(GOOD ",\"down_intervals\":0"),
	ROUTER(GOOD ",\"down_intervals\":101"),
	ROUTER(GOOD ",\"preempt_delay_us\":-1"),
	ROUTER(GOOD ",\"settle_us\":\"1s\""),
	ROUTER(GOOD ",\"group\":7"),
	ROUTER(GOOD ",\"excluded\":7"),
	ROUTER(GOOD ",\"excluded\":[\"no address\"]"),
	ROUTER(GOOD ",\"snat\":[1]"),
	ROUTER(GOOD ",\"snat\":[\"10.9.0.200/24\"],\"snat_interface\":\"a-name-of-16-byte\""),
	ROUTER(GOOD ",\"excluded\":[{\"label\":\"x\"}]"),
	ROUTER(GOOD ",\"excluded\":[{\"address\":\"10.0.0.1\",\"scope\":256}]"),
	ROUTER(GOOD ",\"routes\":[{\"to\":\"10.0.0.0/8\",\"via\":\"2001:db8::1\"}]"),
	ROUTER(GOOD ",\"routes\":[{\"to\":\"10.0.0.0/8\",\"type\":\"nat\"}]"),
	ROUTER(GOOD ",\"routes\":[{\"via\":\"10.0.0.1\"}]"),
	ROUTER(GOOD ",\"rules\":[{\"from\":\"10.0.0.1\",\"table\":1}]"),
	ROUTER(GOOD ",\"rules\":{}"),
	ROUTER(GOOD ",\"excluded\":["
		    "{\"address\":\"10.0.0.1\",\"interface\":\"a1\"},"
		    "{\"address\":\"10.0.0.2\",\"interface\":\"a2\"},"
		    "{\"address\":\"10.0.0.3\",\"interface\":\"a3\"},"
		    "{\"address\":\"10.0.0.4\",\"interface\":\"a4\"},"
		    "{\"address\":\"10.0.0.5\",\"interface\":\"a5\"},"
		    "{\"address\":\"10.0.0.6\",\"interface\":\"a6\"},"
		    "{\"address\":\"10.0.0.7\",\"interface\":\"a7\"},"
		    "{\"address\":\"10.0.0.8\",\"interface\":\"a8\"}]"),
};

START_TEST(a_configuration_that_does_not_fit_is_refused_whole)
{
	struct router_config *configs = NULL;
	size_t n = 99, errors;

	ck_assert_int_eq(read_text(bad[_i], &configs, &n, &errors), -EINVAL);
	ck_assert_uint_eq(errors, 1);
	ck_assert_ptr_null(configs);
	ck_assert_uint_eq(n, 99);
}
END_TEST

START_TEST(causes_are_read_and_told_alike)
{
	static const char text[] =
		"[{\"text\": \"ping\", \"weight\": -60}, {\"text\": \"eth2\", \"fault\": true}]";
	json_t *wanted = json_loads(text, 0, NULL);
	json_t *message = json_pack("{s:s, s:O}", "name", "front", "causes", wanted);
	const char *name;
	struct causes causes;
	json_t *got;

	ck_assert(message_read_causes(message, &name, &causes));
	ck_assert_str_eq(name, "front");
	ck_assert(causes.known);
	ck_assert_uint_eq(causes.n, 2);
	got = causes_to_json(&causes);
	causes_done(&causes);
	ck_assert(json_equal(got, wanted));
	json_decref(got);
	json_decref(message);
	json_decref(wanted);
}
END_TEST

static const char *const bad_causes[] = {
	"{\"name\": \"front\"}",
	"{\"causes\": []}",
	"{\"name\": \"front\", \"causes\": {}}",
	"{\"name\": \"front\", \"causes\": [7]}",
	"{\"name\": \"front\", \"causes\": [{\"text\": \"a\"}]}",
	"{\"name\": \"front\", \"causes\": [{\"weight\": 1}]}",
	"{\"name\": \"front\", \"causes\": [{\"text\": \"a\", \"weight\": 255}]}",
	"{\"name\": \"front\", \"causes\": [{\"text\": \"a\", \"weight\": -255}]}",
};

START_TEST(causes_that_do_not_fit_are_none)
{
	json_t *message = json_loads(bad_causes[_i], 0, NULL);
	const char *name;
	struct causes causes;

	ck_assert_ptr_nonnull(message);
	ck_assert(!message_read_causes(message, &name, &causes));
	json_decref(message);
}
END_TEST

START_TEST(a_router_is_told_by_its_tokens)
{
	struct router r = {.config = {.name = "front", .priority = 100}, .old_state = VRRP_ACTIVE};
	json_t *json;

	r.vrrp = (struct vrrp){.state = VRRP_BACKUP,
		.reason = VRRP_REASON_BETTER_ADVERT,
		.since = {7},
		.peer = {.family = AF_INET, .bytes = {192, 0, 2, 3}}};
	json = message_router(&r);
	ck_assert_str_eq(json_string_value(json_object_get(json, "state")), "backup");
	ck_assert_str_eq(json_string_value(json_object_get(json, "old_state")), "active");
	ck_assert_str_eq(json_string_value(json_object_get(json, "reason")), "better-advert");
	ck_assert_str_eq(json_string_value(json_object_get(json, "peer")), "192.0.2.3");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "since_us")), 7);
	json_decref(json);
	r.vrrp.peer.family = 0;
	json = message_router(&r);
	ck_assert_str_eq(json_string_value(json_object_get(json, "peer")), "");
	json_decref(json);
}
END_TEST

START_TEST(what_keeps_a_router_from_joining_is_named)
{
	struct router r = {.config = {.name = "front", .priority = 100}};
	struct port home = {.up = false};
	struct track_cause cause = {.text = "ping 192.0.2.1", .fault = true};

	r.config.format.family = AF_INET;
	r.vrrp.state = VRRP_INITIALIZE;
	ck_assert_str_eq(message_reason(&r), "link-down");
	r.home = &home;
	ck_assert_str_eq(message_reason(&r), "link-down");
	home.up = true;
	ck_assert_str_eq(message_reason(&r), "no-address");
	home.voices[VOICE_IPV4].primary.family = AF_INET;
	ck_assert_str_eq(message_reason(&r), "none");
	r.vrrp.reason = VRRP_REASON_FAULT;
	ck_assert_str_eq(message_reason(&r), "fault");
	r.handover.maintenance = MAINTENANCE_ON;
	ck_assert_str_eq(message_reason(&r), "maintenance");
	r.config.causes.list = &cause;
	r.config.causes.n = 1;
	ck_assert_str_eq(message_reason(&r), "fault");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elector_message");
	TCase *tc = tcase_create("elector_message");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, a_whole_configuration_is_read);
	tcase_add_test(tc, policy_is_read_and_has_defaults);
	tcase_add_test(tc, no_routers_are_a_configuration_too);
	tcase_add_test(tc, addresses_are_sorted_by_where_they_go);
	tcase_add_test(tc, an_address_may_have_terms);
	tcase_add_test(tc, routes_and_rules_come_after_addresses);
	tcase_add_loop_test(tc, without_another_interface_nothing_is_away, 0,
		sizeof(at_home) / sizeof(at_home[0]));
	tcase_add_loop_test(tc, a_configuration_that_does_not_fit_is_refused_whole, 0,
		sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, causes_are_read_and_told_alike);
	tcase_add_loop_test(
		tc, causes_that_do_not_fit_are_none, 0, sizeof(bad_causes) / sizeof(bad_causes[0]));
	tcase_add_test(tc, a_router_is_told_by_its_tokens);
	tcase_add_test(tc, what_keeps_a_router_from_joining_is_named);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
