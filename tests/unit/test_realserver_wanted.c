/* What a configuration says of one real server. */
#include "realserver/wanted.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct conf *conf;
static struct realserver_address own;
static struct realserver_have have = {.addresses = &own, .n_addresses = 1};
static struct realserver_want want;

#define HEAD                                                                                       \
	"{ \"nodes\": { \"lb1\": {}, \"lb2\": {} },"                                               \
	"\"virtual_routers\": { \"front\": { \"interface\": \"eth0\", \"vrid\": 51,"               \
	"  \"priority\": { \"lb1\": 150, \"lb2\": 100 }, \"addresses\": [ \"192.0.2.100/24\" ],"   \
	"  \"excluded_addresses\": [ \"2001:db8::100/64\" ] } },"                                  \
	"\"pools\": { \"web\": { \"servers\": { \"rs1\": { \"address\": \"192.0.2.11\" },"         \
	"    \"rs2\": { \"address\": \"192.0.2.12\", \"forward\": \"tunnel\","                     \
	"      \"encapsulation\": \"gue\", \"encapsulation_port\": 6080 } }, \"fallback\": "       \
	"\"sorry\" },"                                                                             \
	"  \"sorry\": { \"servers\": { \"rs9\": { \"address\": \"192.0.2.19\" } } },"              \
	"  \"idle\": { \"servers\": { \"rs7\": { \"address\": \"192.0.2.17\" } } } },"             \
	"\"services\": {"

static void load(const char *services)
{
	struct conf_errors errors;
	char *text, line[512];

	ck_assert_int_gt(asprintf(&text, "%s%s}}", HEAD, services), 0);
	conf = conf_load_text(text, strlen(text), "lb1", &errors);
	if (!conf)
		ck_abort_msg("%s", conf_error_format(&errors.items[0], line, sizeof(line)));
	conf->self = CONF_NONE;
	free(text);
}

static void teardown(void)
{
	wanted_done(&want);
	conf_free(conf);
	conf = NULL;
}

static void be(const char *address)
{
	ck_assert(addr_prefix_parse(address, &own.addr));
}

static void build(const char *named)
{
	struct wanted_who who = {.named = named, .have = &have};
	char *error = NULL;

	if (!wanted_build(conf, &who, &want, &error))
		ck_abort_msg("%s", error);
}

static void assert_error(const char *named, const char *expected)
{
	struct wanted_who who = {.named = named, .have = &have};
	char *error = NULL;

	ck_assert(!wanted_build(conf, &who, &want, &error));
	ck_assert_str_eq(error, expected);
	free(error);
}

static void assert_use(size_t i, enum realserver_way way, const char *vip)
{
	char text[ADDR_TEXT_MAX];

	ck_assert_uint_lt(i, want.n_uses);
	ck_assert_int_eq(want.uses[i].way, way);
	ck_assert_str_eq(addr_format(&want.uses[i].vip, text), vip);
}

#define DIRECT                                                                                     \
	"\"a\": { \"listen\": [ \"192.0.2.100-192.0.2.101\", \"192.0.2.110\" ], \"port\": [ 80, "  \
	"81 ],"                                                                                    \
	"  \"protocol\": \"tcp\", \"forward\": \"direct\", \"pool\": \"web\" }"

START_TEST(each_address_is_one_use_whatever_the_ports)
{
	load(DIRECT);
	be("192.0.2.11/24");
	build(NULL);
	ck_assert_uint_eq(want.n_uses, 3);
	assert_use(0, REALSERVER_DIRECT, "192.0.2.100");
	assert_use(1, REALSERVER_DIRECT, "192.0.2.101");
	assert_use(2, REALSERVER_DIRECT, "192.0.2.110");
	ck_assert_str_eq(want.uses[0].service, "a");
	ck_assert_str_eq(want.uses[0].pool, "web");
	ck_assert_str_eq(want.uses[0].server, "rs1");
	ck_assert_uint_eq(want.n_floating, 2);
	ck_assert_str_eq(want.floating[1].router, "front");
	ck_assert(!want.director);
}
END_TEST

START_TEST(what_a_server_says_of_itself_counts)
{
	load(DIRECT);
	be("192.0.2.12/24");
	build(NULL);
	ck_assert_uint_eq(want.n_uses, 3);
	assert_use(0, REALSERVER_TUNNEL, "192.0.2.100");
	ck_assert_int_eq(want.uses[0].tunnel, IPVS_TUNNEL_GUE);
	ck_assert_uint_eq(want.uses[0].port, 6080);
}
END_TEST

START_TEST(a_server_of_the_fallback_is_reached_as_well)
{
	load(DIRECT);
	be("192.0.2.19/24");
	build(NULL);
	ck_assert_uint_eq(want.n_uses, 3);
	assert_use(0, REALSERVER_DIRECT, "192.0.2.100");
}
END_TEST

START_TEST(a_server_of_no_service_has_nothing_to_do)
{
	load(DIRECT);
	be("192.0.2.17/24");
	build(NULL);
	ck_assert_uint_eq(want.n_uses, 0);
}
END_TEST

START_TEST(a_name_counts_whatever_the_addresses)
{
	load(DIRECT);
	be("10.0.0.1/24");
	build("web/rs1");
	assert_use(0, REALSERVER_DIRECT, "192.0.2.100");
	wanted_done(&want);
	assert_error(NULL,
		"no address of this host is one of a server in the configuration; --server "
		"POOL/NAME says which one it is");
	assert_error("web/rs3", "there is no server \"web/rs3\" in the configuration");
	assert_error("web", "there is no server \"web\" in the configuration");
	assert_error("we/b/rs1", "there is no server \"we/b/rs1\" in the configuration");
}
END_TEST

START_TEST(nat_is_one_use_without_an_address)
{
	load("\"a\": { \"listen\": [ \"192.0.2.100-192.0.2.109\" ], \"port\": 80, \"protocol\": "
	     "\"tcp\", \"forward\": \"nat\", \"pool\": \"web\" }");
	be("192.0.2.11/24");
	build(NULL);
	ck_assert_uint_eq(want.n_uses, 1);
	assert_use(0, REALSERVER_NAT, "0.0.0.0");
}
END_TEST

START_TEST(a_mark_has_the_addresses_that_it_says)
{
	load("\"a\": { \"mark\": 7, \"protocol\": \"tcp\", \"forward\": \"direct\", \"pool\": "
	     "\"web\" }, \"b\": { \"mark\": 8, \"listen\": \"192.0.2.105\", \"port\": 80, "
	     "\"protocol\": "
	     "\"tcp\", \"forward\": \"direct\", \"pool\": \"web\" }");
	be("192.0.2.11/24");
	build(NULL);
	ck_assert_uint_eq(want.n_uses, 2);
	assert_use(0, REALSERVER_DIRECT, "0.0.0.0");
	ck_assert_str_eq(want.uses[0].service, "a");
	assert_use(1, REALSERVER_DIRECT, "192.0.2.105");
}
END_TEST

START_TEST(there_are_4096_addresses_at_most)
{
	load("\"a\": { \"mark\": \"auto\", \"listen\": \"198.18.0.0-198.18.15.255\", \"port\": 80, "
	     "\"protocol\": \"tcp\", \"forward\": \"direct\", \"pool\": \"web\" }");
	be("192.0.2.11/24");
	build(NULL);
	ck_assert_uint_eq(want.n_uses, REALSERVER_USES_MAX);
	assert_use(4095, REALSERVER_DIRECT, "198.18.15.255");
	teardown();
	load("\"a\": { \"mark\": \"auto\", \"listen\": \"198.18.0.0-198.18.16.0\", \"port\": 80, "
	     "\"protocol\": \"tcp\", \"forward\": \"direct\", \"pool\": \"web\" }");
	assert_error(NULL, "more than 4096 virtual addresses for one host");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("realserver_wanted");
	TCase *t = tcase_create("wanted");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, each_address_is_one_use_whatever_the_ports);
	tcase_add_test(t, what_a_server_says_of_itself_counts);
	tcase_add_test(t, a_server_of_the_fallback_is_reached_as_well);
	tcase_add_test(t, a_server_of_no_service_has_nothing_to_do);
	tcase_add_test(t, a_name_counts_whatever_the_addresses);
	tcase_add_test(t, nat_is_one_use_without_an_address);
	tcase_add_test(t, a_mark_has_the_addresses_that_it_says);
	tcase_add_test(t, there_are_4096_addresses_at_most);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
