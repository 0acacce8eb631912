/* From configuration to rules, and from rules to libnftables' JSON. */
#include "director/forward/ruleset.h"
#include "director/forward/wanted_rules.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct nft_mark marks[2];
static struct nft_fullnat fullnats[3];
static struct nft_local locals[3];
static struct nft_rules rules;
static json_t *commands;

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static void set_up(void)
{
	marks[0] = (struct nft_mark){address("192.0.2.100"), address("192.0.2.103"), IPPROTO_TCP,
		8000, 8010, 0x74640001};
	marks[1] = (struct nft_mark){address("2001:db8::100"), address("2001:db8::100"),
		IPPROTO_UDP, 53, 53, 0x74640001};
	fullnats[0] = (struct nft_fullnat){
		0, address("192.0.2.100"), IPPROTO_TCP, 80, address("10.0.0.11")};
	fullnats[1] = (struct nft_fullnat){
		0, address("192.0.2.100"), IPPROTO_TCP, 80, address("10.0.0.12")};
	fullnats[2] = (struct nft_fullnat){
		0, address("192.0.2.101"), IPPROTO_UDP, 0, address("10.0.0.11")};
	locals[0] = (struct nft_local){0, address("10.9.0.200")};
	locals[1] = (struct nft_local){0, address("10.9.0.205")};
	rules = (struct nft_rules){.marks = marks,
		.n_marks = 2,
		.fullnats = fullnats,
		.n_fullnats = 3,
		.locals = locals,
		.n_locals = 2};
	commands = NULL;
}

static void tear_down(void)
{
	json_decref(commands);
}

static void build(void)
{
	commands = ruleset_replace(&rules);
	ck_assert_ptr_nonnull(commands);
}

static json_t *command(size_t i)
{
	return json_array_get(json_object_get(commands, "nftables"), i);
}

static size_t n_commands(void)
{
	return json_array_size(json_object_get(commands, "nftables"));
}

/* What is added of a kind, by the value of a member; NULL when it is not. */
static json_t *added(const char *kind, const char *member, const char *value)
{
	for (size_t i = 0; i < n_commands(); i++) {
		json_t *object = json_object_get(json_object_get(command(i), "add"), kind);
		const char *text = json_string_value(json_object_get(object, member));

		if (text && strcmp(text, value) == 0)
			return object;
	}
	return NULL;
}

static void assert_json(const json_t *value, const char *expected)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	ck_assert_str_eq(text, expected);
	free(text);
}

static json_t *last_expression(const char *chain)
{
	json_t *expressions = json_object_get(added("rule", "chain", chain), "expr");

	return json_array_get(expressions, json_array_size(expressions) - 1);
}

START_TEST(the_table_is_replaced_in_one_transaction)
{
	build();
	assert_json(command(0), "{\"add\":{\"table\":{\"family\":\"inet\",\"name\":\"tandem\"}}}");
	assert_json(
		command(1), "{\"delete\":{\"table\":{\"family\":\"inet\",\"name\":\"tandem\"}}}");
	assert_json(command(2), "{\"add\":{\"table\":{\"family\":\"inet\",\"name\":\"tandem\"}}}");
}
END_TEST

START_TEST(without_rules_no_table_is_left)
{
	rules = (struct nft_rules){0};
	build();
	ck_assert_uint_eq(n_commands(), 2);
	ck_assert_ptr_nonnull(json_object_get(command(1), "delete"));
}
END_TEST

START_TEST(marks_need_no_translation)
{
	rules.n_fullnats = rules.n_locals = 0;
	build();
	ck_assert_ptr_null(added("chain", "type", "nat"));
	ck_assert_ptr_null(added("chain", "name", "untrack"));
	assert_json(json_object_get(added("map", "name", "marks4"), "elem"),
		"[[{\"concat\":[{\"range\":[\"192.0.2.100\",\"192.0.2.103\"]},\"tcp\","
		"{\"range\":[8000,8010]}]},1952710657]]");
	assert_json(json_object_get(added("map", "name", "marks6"), "elem"),
		"[[{\"concat\":[\"2001:db8::100\",\"udp\",53]},1952710657]]");
	ck_assert_str_eq(
		json_string_value(json_object_get(added("chain", "name", "marks_out"), "type")),
		"route");
	ck_assert_ptr_nonnull(added("rule", "chain", "marks_in"));
	ck_assert_ptr_nonnull(added("rule", "chain", "marks_out"));
}
END_TEST

START_TEST(a_check_through_a_service_keeps_its_mark)
{
	const json_t *rule;

	build();
	rule = added("rule", "chain", "marks_out");
	assert_json(json_array_get(json_object_get(rule, "expr"), 0),
		"{\"match\":{\"op\":\"!=\",\"left\":{\"meta\":{\"key\":\"mark\"}},"
		"\"right\":{\"range\":[1962934272,1979711487]}}}");
}
END_TEST

START_TEST(fullnat_is_for_what_ipvs_sent_to_a_server)
{
	rules.n_marks = 0;
	build();
	ck_assert_ptr_null(added("map", "name", "marks4"));
	assert_json(json_object_get(added("set", "name", "fullnat4_0"), "elem"),
		"[{\"concat\":[\"192.0.2.100\",\"tcp\",80,\"10.0.0.11\"]},"
		"{\"concat\":[\"192.0.2.100\",\"tcp\",80,\"10.0.0.12\"]}]");
	assert_json(json_object_get(added("set", "name", "fullnat4_0_any"), "elem"),
		"[{\"concat\":[\"192.0.2.101\",\"udp\",\"10.0.0.11\"]}]");
	ck_assert_ptr_null(added("set", "name", "fullnat6_0"));
}
END_TEST

START_TEST(both_directors_choose_the_same_address_of_a_pool)
{
	build();
	assert_json(last_expression("source"),
		"{\"snat\":{\"family\":\"ip\",\"addr\":{\"map\":{\"key\":{\"jhash\":{\"mod\":2,"
		"\"seed\":7627885,\"expr\":{\"concat\":[{\"payload\":{\"protocol\":\"ip\","
		"\"field\":\"saddr\"}},{\"payload\":{\"protocol\":\"ip\",\"field\":\"daddr\"}},"
		"{\"payload\":{\"protocol\":\"th\",\"field\":\"sport\"}}]}}},\"data\":{\"set\":"
		"[[0,\"10.9.0.200\"],[1,\"10.9.0.205\"]]}}}}}");
}
END_TEST

START_TEST(a_pool_of_one_address_needs_no_choice)
{
	rules.n_locals = 1;
	build();
	assert_json(last_expression("source"),
		"{\"snat\":{\"family\":\"ip\",\"addr\":\"10.9.0.200\"}}");
}
END_TEST

START_TEST(virtual_addresses_and_pools_are_protected_and_only_pools_guarded)
{
	build();
	assert_json(json_object_get(added("set", "name", "local4"), "elem"),
		"[\"10.9.0.200\",\"10.9.0.205\",\"192.0.2.100\",\"192.0.2.101\"]");
	assert_json(json_object_get(added("set", "name", "pools4"), "elem"),
		"[\"10.9.0.200\",\"10.9.0.205\"]");
	assert_json(last_expression("untrack"), "{\"notrack\":null}");
	assert_json(last_expression("untrack_out"), "{\"notrack\":null}");
	assert_json(last_expression("guard"), "{\"drop\":null}");
	ck_assert_ptr_null(added("set", "name", "pools6"));
}
END_TEST

static json_t *listed(const char *text)
{
	json_t *list = json_loads(text, 0, NULL);

	ck_assert_ptr_nonnull(list);
	ruleset_normalize(list);
	return list;
}

START_TEST(two_lists_of_one_table_are_equal_and_others_are_not)
{
	json_t *one = listed("{\"nftables\":[{\"metainfo\":{\"version\":\"1.0.6\"}},"
			     "{\"set\":{\"name\":\"s\",\"handle\":4,\"elem\":[\"b\",\"a\"]}},"
			     "{\"rule\":{\"handle\":7,\"expr\":[{\"drop\":null}]}}]}");
	json_t *same = listed("{\"nftables\":[{\"set\":{\"name\":\"s\",\"handle\":9,"
			      "\"elem\":[\"a\",\"b\"]}},"
			      "{\"rule\":{\"handle\":12,\"expr\":[{\"drop\":null}]}}]}");
	json_t *less = listed("{\"nftables\":[{\"set\":{\"name\":\"s\",\"elem\":[\"a\"]}},"
			      "{\"rule\":{\"expr\":[{\"drop\":null}]}}]}");
	json_t *other = listed("{\"nftables\":[{\"set\":{\"name\":\"s\",\"elem\":[\"a\",\"b\"]}},"
			       "{\"rule\":{\"expr\":[{\"accept\":null}]}}]}");

	ck_assert(json_equal(one, same));
	ck_assert(!json_equal(one, less));
	ck_assert(!json_equal(one, other));
	json_decref(one);
	json_decref(same);
	json_decref(less);
	json_decref(other);
}
END_TEST

START_TEST(no_process_may_send_to_the_reserved_interface)
{
	struct nft_rules only = {.reserved = "tandem-sync"};
	json_t *list = ruleset_replace(&only);
	char *text = json_dumps(list, JSON_COMPACT);

	ck_assert(!nft_rules_empty(&only));
	ck_assert_ptr_nonnull(strstr(text, "\"hook\":\"output\""));
	ck_assert_ptr_nonnull(strstr(text,
		"[{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"oifname\"}},\"right\":"
		"\"tandem-sync\"}},{\"match\":{\"op\":\">=\",\"left\":{\"meta\":{\"key\":"
		"\"skuid\"}},\"right\":0}},{\"drop\":null}]"));
	free(text);
	json_decref(list);
}
END_TEST

/* Of a configuration */

static struct conf *conf;
static struct nft_rules wanted;

static void load(const char *services)
{
	char text[2048];
	struct conf_errors errors = {0};

	(void)snprintf(text, sizeof(text),
		"{\"nodes\": {\"lb1\": {}}, \"virtual_routers\": {\"front\": {\"interface\": "
		"\"eth0\", \"vrid\": 51, \"addresses\": [\"192.0.2.100/24\"], "
		"\"excluded_addresses\": [\"2001:db8::100/64\"], \"snat_addresses\": "
		"[\"10.9.0.205/24\", \"10.9.0.200/24\", \"2001:db8:9::200/64\"]}}, \"pools\": {"
		"\"web\": {\"fallback\": \"sorry\", \"servers\": {"
		"\"rs1\": {\"address\": \"10.0.0.11\"}, "
		"\"rs2\": {\"address\": \"10.0.0.12\", \"forward\": \"nat\"}}}, "
		"\"sorry\": {\"servers\": {\"s\": {\"address\": \"10.0.0.99\"}}}, "
		"\"six\": {\"servers\": {\"rs6\": {\"address\": \"2001:db8:1::16\"}}}, "
		"\"any\": {\"servers\": {\"rs4\": {\"address\": \"10.0.0.14\"}, "
		"\"rs6\": {\"address\": \"2001:db8:1::16\"}}}}, "
		"\"services\": {%s}}",
		services);
	conf = conf_load_text(text, strlen(text), "lb1", &errors);
	for (size_t i = 0; i < errors.n; i++)
		ck_abort_msg("%s: %s", errors.items[i].pointer, errors.items[i].text);
	conf_errors_done(&errors);
	ck_assert_int_eq(wanted_rules_build(conf, &wanted), 0);
}

static void unload(void)
{
	wanted_rules_done(&wanted);
	conf_free(conf);
}

#define WEB                                                                                        \
	"\"web\": {\"listen\": \"192.0.2.100\", \"port\": [80, 81], \"forward\": \"fullnat\", "    \
	"\"pool\": \"web\"}"

START_TEST(a_closed_address_lets_its_services_through)
{
	load("\"web\": {\"listen\": \"192.0.2.100\", \"port\": [80, 81], "
	     "\"forward\": \"nat\", \"pool\": \"web\"}, \"marked\": {\"mark\": 9, "
	     "\"family\": \"ipv4\", \"forward\": \"nat\", \"pool\": \"web\"}");
	ck_assert_uint_eq(wanted.n_closed, 0);
	ck_assert(nft_rules_empty(&wanted));
	wanted_rules_done(&wanted);
	conf->routers[0].accept = false;
	ck_assert_int_eq(wanted_rules_build(conf, &wanted), 0);
	ck_assert_uint_eq(wanted.n_closed, 2);
	ck_assert_uint_eq(wanted.n_opens, 2);
	ck_assert_uint_eq(wanted.opens[1].port, 81);
	ck_assert_uint_eq(wanted.n_open_marks, 1);
	rules = wanted;
	build();
	assert_json(json_object_get(added("set", "name", "closed4"), "elem"), "[\"192.0.2.100\"]");
	assert_json(
		json_object_get(added("set", "name", "closed6"), "elem"), "[\"2001:db8::100\"]");
	assert_json(json_object_get(added("set", "name", "open4"), "elem"),
		"[{\"concat\":[\"192.0.2.100\",\"tcp\",80]},{\"concat\":[\"192.0.2.100\",\"tcp\","
		"81]}]");
	assert_json(json_object_get(added("set", "name", "open_marks"), "elem"), "[9]");
	ck_assert_ptr_null(added("set", "name", "open6"));
	ck_assert_ptr_nonnull(added("chain", "name", "closed"));
}
END_TEST

START_TEST(the_owner_of_the_addresses_accepts)
{
	load(WEB);
	wanted_rules_done(&wanted);
	conf->routers[0].accept = false;
	conf->routers[0].priority[0] = 255;
	ck_assert_int_eq(wanted_rules_build(conf, &wanted), 0);
	ck_assert_uint_eq(wanted.n_closed, 0);
}
END_TEST

START_TEST(servers_by_fullnat_count_and_those_of_the_fallback_too)
{
	struct addr *vips;

	load(WEB);
	ck_assert(wanted_rules_fullnat(conf));
	ck_assert_uint_eq(wanted.n_fullnats, 4);
	ck_assert_uint_eq(wanted.fullnats[0].server.bytes[3], 11);
	ck_assert_uint_eq(wanted.fullnats[1].server.bytes[3], 99);
	ck_assert_uint_eq(wanted.fullnats[2].port, 81);
	ck_assert_uint_eq(wanted.n_locals, 2); /* nothing of IPv6 */
	ck_assert_uint_eq(wanted.locals[0].addr.bytes[3], 200);
	ck_assert_int_eq(wanted_rules_vips(conf, 0, &vips), 1);
	ck_assert_uint_eq(vips[0].bytes[3], 100);
	free(vips);
	unload();
}
END_TEST

START_TEST(both_families_have_a_pool_each)
{
	struct addr *vips;

	load(WEB ", \"six\": {\"listen\": \"2001:db8::100\", \"port\": 80, \"forward\": "
		 "\"fullnat\", \"pool\": \"six\"}");
	ck_assert_uint_eq(wanted.n_fullnats, 5);
	ck_assert_uint_eq(wanted.n_locals, 3);
	ck_assert_int_eq(wanted_rules_vips(conf, 0, &vips), 2);
	free(vips);
	unload();
}
END_TEST

START_TEST(other_services_ask_for_nothing)
{
	load("\"web\": {\"listen\": \"192.0.2.100\", \"port\": 80, \"forward\": \"nat\", "
	     "\"pool\": \"web\"}, \"mark\": {\"mark\": 7, \"forward\": \"nat\", \"pool\": "
	     "\"web\"}");
	ck_assert(nft_rules_empty(&wanted));
	ck_assert(!wanted_rules_fullnat(conf));
	unload();
}
END_TEST

START_TEST(a_mark_of_ours_is_set_for_each_address_and_port)
{
	load("\"web\": {\"mark\": \"auto\", \"listen\": [\"192.0.2.100-192.0.2.103\", "
	     "\"2001:db8::100\"], \"port\": [80, \"8000-8010\"], \"protocol\": \"udp\", "
	     "\"forward\": \"tunnel\", \"pool\": \"any\"}");
	ck_assert_uint_eq(wanted.n_marks, 4);
	ck_assert_uint_eq(wanted.marks[0].mark, conf->definitions[0].mark);
	ck_assert_uint_eq(wanted.marks[0].protocol, IPPROTO_UDP);
	ck_assert_uint_eq(wanted.marks[0].last.bytes[3], 103);
	ck_assert_uint_eq(wanted.marks[1].last_port, 8010);
	ck_assert_uint_eq(wanted.marks[3].first.family, AF_INET6);
	unload();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ruleset");
	TCase *tests = tcase_create("ruleset");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, the_table_is_replaced_in_one_transaction);
	tcase_add_test(tests, without_rules_no_table_is_left);
	tcase_add_test(tests, marks_need_no_translation);
	tcase_add_test(tests, a_check_through_a_service_keeps_its_mark);
	tcase_add_test(tests, fullnat_is_for_what_ipvs_sent_to_a_server);
	tcase_add_test(tests, both_directors_choose_the_same_address_of_a_pool);
	tcase_add_test(tests, a_pool_of_one_address_needs_no_choice);
	tcase_add_test(tests, virtual_addresses_and_pools_are_protected_and_only_pools_guarded);
	tcase_add_test(tests, two_lists_of_one_table_are_equal_and_others_are_not);
	tcase_add_test(tests, no_process_may_send_to_the_reserved_interface);
	tcase_add_test(tests, a_closed_address_lets_its_services_through);
	tcase_add_test(tests, the_owner_of_the_addresses_accepts);
	tcase_add_test(tests, servers_by_fullnat_count_and_those_of_the_fallback_too);
	tcase_add_test(tests, both_families_have_a_pool_each);
	tcase_add_test(tests, other_services_ask_for_nothing);
	tcase_add_test(tests, a_mark_of_ours_is_set_for_each_address_and_port);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
