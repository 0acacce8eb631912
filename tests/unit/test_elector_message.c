/* The elector's messages: what the director may send, and what it gets. */
#include "elector/message.h"

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
	ck_assert_uint_eq(configs[0].addrs.n_advertised, 1);
	ck_assert_uint_eq(configs[0].addrs.list[0].prefix_len, 24);
	ck_assert_uint_eq(configs[0].announce.repeat, 5);
	ck_assert_uint_eq(configs[0].announce.refresh_us, 60000000);
	free(configs);
}
END_TEST

START_TEST(no_routers_are_a_configuration_too)
{
	struct router_config *configs;
	size_t n, errors;

	ck_assert_int_eq(read_text("{\"routers\":[]}", &configs, &n, &errors), 0);
	ck_assert_uint_eq(n, 0);
	free(configs);
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
	ck_assert_uint_eq(c->addrs.n_advertised, 1);
	ck_assert_uint_eq(c->addrs.n_home, 3);
	ck_assert_uint_eq(c->addrs.n, 4);
	ck_assert_int_eq(c->addrs.list[1].addr.family, AF_INET6);
	ck_assert_uint_eq(c->addrs.list[3].addr.bytes[3], 200);
	ck_assert_str_eq(c->snat_interface, "eth2");
	free(c);
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
	ck_assert_uint_eq(c->addrs.n_home, 2);
	ck_assert_uint_eq(c->addrs.n, 2);
	ck_assert_str_eq(c->snat_interface, "");
	free(c);
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
	ROUTER("\"vrid\":1,\"advert_interval_cs\":100,\"addresses\":[\"2001:db8::1\",\"192.0.2.1\"],"
	       ANNOUNCE),
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
	ROUTER(GOOD ",\"excluded\":7"),
	ROUTER(GOOD ",\"excluded\":[\"no address\"]"),
	ROUTER(GOOD ",\"snat\":[1]"),
	ROUTER(GOOD ",\"snat\":[\"10.9.0.200/24\"],\"snat_interface\":\"a-name-of-16-byte\""),
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

START_TEST(a_router_is_told_by_its_tokens)
{
	struct router r = {.config = {.name = "front", .priority = 100}};
	json_t *json;

	r.vrrp = (struct vrrp){.state = VRRP_BACKUP,
		.reason = VRRP_REASON_BETTER_ADVERT,
		.since = {7},
		.peer = {.family = AF_INET, .bytes = {192, 0, 2, 3}}};
	json = message_router(&r, VRRP_ACTIVE);
	ck_assert_str_eq(json_string_value(json_object_get(json, "state")), "backup");
	ck_assert_str_eq(json_string_value(json_object_get(json, "old_state")), "active");
	ck_assert_str_eq(json_string_value(json_object_get(json, "reason")), "better-advert");
	ck_assert_str_eq(json_string_value(json_object_get(json, "peer")), "192.0.2.3");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "since_us")), 7);
	json_decref(json);
	r.vrrp.peer.family = 0;
	json = message_router(&r, VRRP_ACTIVE);
	ck_assert_str_eq(json_string_value(json_object_get(json, "peer")), "");
	json_decref(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elector_message");
	TCase *tc = tcase_create("elector_message");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, a_whole_configuration_is_read);
	tcase_add_test(tc, no_routers_are_a_configuration_too);
	tcase_add_test(tc, addresses_are_sorted_by_where_they_go);
	tcase_add_loop_test(tc, without_another_interface_nothing_is_away, 0,
		sizeof(at_home) / sizeof(at_home[0]));
	tcase_add_loop_test(tc, a_configuration_that_does_not_fit_is_refused_whole, 0,
		sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, a_router_is_told_by_its_tokens);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
