/* What the director makes of the elector's word, over reloads. */
#include "director/state.h"
#include "elector/leftovers.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char front[] = "front", back[] = "back", edge[] = "edge", eth0[] = "eth0", eth1[] = "eth1",
	    web[] = "web";
static struct conf_router old_routers[2], new_routers[2];
static struct conf_service services[1];
static struct conf old_conf, new_conf;
static struct director d;
static unsigned applied; /* times that the service was brought to the kernel */
static char *told;       /* the last parameters sent to the elector */
static size_t told_router;
static bool told_active; /* what forwarding was told last */

void process_call(struct process *p, const char *method, json_t *parameters)
{
	(void)p;
	(void)method;
	free(told);
	told = json_dumps(parameters, JSON_COMPACT);
	json_decref(parameters);
}

void director_event(struct director *director, enum event event, const char *message, ...)
{
	(void)director;
	(void)event;
	(void)message;
}

void apply_service(struct director *director, size_t service)
{
	(void)director;
	ck_assert_uint_eq(service, 0);
	applied++;
}

void forwarding_role(struct director *director, size_t router, bool active)
{
	(void)director;
	told_router = router;
	told_active = active;
}

void switchover_look(struct director *director)
{
	(void)director;
}

static enum peer_trouble trouble; /* of the link */

enum peer_trouble peer_trouble_here(const struct director *director)
{
	(void)director;
	return trouble;
}

void peer_touch(struct director *director)
{
	(void)director;
}

void peer_role_changed(struct director *director)
{
	(void)director;
}

bool targets_all_checked(const struct targets *t)
{
	return t->n == 0 || t->items[0].verdict != VERDICT_UNKNOWN;
}

json_t *track_causes(const struct director *director, const struct conf_router *router)
{
	(void)director;
	(void)router;
	return NULL;
}

void notify_router(struct director *director, size_t router, const json_t *said)
{
	(void)director;
	(void)router;
	(void)said;
}

static size_t prepared_router;

void notify_prepare(struct director *director, size_t router, const json_t *asked)
{
	prepared_router = router;
	roles_prepared(director, director->conf->routers[router].name,
		json_integer_value(json_object_get(asked, "number")));
}

void devices_message(struct director *director, const json_t *said)
{
	(void)director;
	(void)said;
}

void checks_role(struct director *director)
{
	ck_assert_ptr_eq(director, &d);
}

void work_disturb(struct director *director)
{
	(void)director;
}

void apply_pending_now(struct director *director)
{
	(void)director;
}

int leftovers_remove(const char *runtime_dir, enum leftovers_which which,
	void (*removed)(const char *name, size_t n_addresses, void *userdata), void *userdata)
{
	(void)runtime_dir;
	(void)which;
	(void)removed;
	(void)userdata;
	return 0;
}

static void set_up(void)
{
	static const struct director_options options = {.runtime_dir = "/nowhere"};

	old_routers[0] = (struct conf_router){
		.name = front, .interface = eth0, .vrid = 51, .group = CONF_NONE};
	old_routers[1] = (struct conf_router){
		.name = back, .interface = eth1, .vrid = 51, .group = CONF_NONE};
	services[0] =
		(struct conf_service){.name = web, .program = CONF_PROGRAM_ACTIVE, .router = 0};
	old_conf = (struct conf){
		.routers = old_routers, .n_routers = 2, .services = services, .n_services = 1};
	memcpy(new_routers, old_routers, sizeof(new_routers));
	new_conf = old_conf;
	new_conf.routers = new_routers;
	d = (struct director){
		.options = &options,
		.conf = &old_conf,
	};
	ck_assert_int_eq(roles_prepare(&d, &old_conf, &d.roles), 0);
	d.conf = &old_conf;
	applied = 0;
}

static void tear_down(void)
{
	roles_done(&d.roles);
	free(told);
	told = NULL;
}

static void elector_says(const char *name, const char *state)
{
	json_t *said = json_pack("{s:s, s:s}", "name", name, "state", state);

	roles_message(&d, "Router", said);
	json_decref(said);
}

static void reload(void)
{
	struct roles roles;

	ck_assert_int_eq(roles_prepare(&d, &new_conf, &roles), 0);
	roles_done(&d.roles);
	d.roles = roles;
	d.conf = &new_conf;
}

static struct addr_prefix prefix(const char *text)
{
	struct addr_prefix p;

	ck_assert(addr_prefix_parse(text, &p));
	return p;
}

START_TEST(the_elector_is_told_every_address_and_where_it_goes)
{
	struct conf_address vip = {.prefix = prefix("192.0.2.100/24")};
	struct conf_address excluded = {
		.prefix = prefix("2001:db8::100/64"), .scope = 253, .interface = "eth3"};
	struct addr_prefix snat[] = {prefix("10.9.0.200/24"), prefix("10.9.0.201/24")};

	old_routers[0].priority[0] = 150;
	old_routers[0].addresses = &vip;
	old_routers[0].n_addresses = 1;
	old_routers[0].excluded = &excluded;
	old_routers[0].n_excluded = 1;
	old_routers[0].snat = snat;
	old_routers[0].n_snat = 2;
	old_routers[0].snat_interface = eth1;
	old_conf.n_routers = 1;
	roles_configure(&d);
	ck_assert_ptr_nonnull(strstr(told, "\"addresses\":[\"192.0.2.100/24\"],"
					   "\"excluded\":[{\"address\":\"2001:db8::100/64\","
					   "\"interface\":\"eth3\",\"scope\":253}],"
					   "\"snat\":[\"10.9.0.200/24\",\"10.9.0.201/24\"],"
					   "\"snat_interface\":\"eth1\""));
	old_routers[0].snat_interface = NULL;
	roles_configure(&d);
	ck_assert_ptr_nonnull(strstr(told, "\"snat_interface\":\"eth0\""));
}
END_TEST

static struct pair_key pair_key(uint8_t first)
{
	uint8_t bytes[PAIR_KEY_LEN] = {first, 2, 3};
	struct pair_key key;

	pair_key_make(bytes, &key);
	return key;
}

START_TEST(the_keys_of_the_link_sign_the_first_one_at_that)
{
	const struct pair_key keys[] = {pair_key(1), pair_key(9)};
	char hex[2 * PAIR_KEY_LEN + 1], wanted[200];
	uint8_t derived[PAIR_KEY_LEN];
	const char *at;

	old_conf.n_routers = 1;
	old_routers[0].version = 3;
	old_routers[0].auth.type = CONF_AUTH_LINK;
	old_conf.link.keys = (struct pair_keys){.items = {keys[0], keys[1]}, .n = 2};
	roles_configure(&d);
	(void)snprintf(wanted, sizeof(wanted),
		"\"auth\":{\"mode\":\"enforce\",\"window_s\":5,\"active_key\":%d,\"keys\":[",
		1 + keys[0].id[0] % 255);
	at = strstr(told, wanted);
	ck_assert_ptr_nonnull(at);
	for (size_t i = 0; i < 2; i++) {
		pair_key_for_adverts(&keys[i], derived);
		for (size_t k = 0; k < sizeof(derived); k++)
			(void)snprintf(hex + 2 * k, 3, "%02x", derived[k]);
		(void)snprintf(wanted, sizeof(wanted), "{\"id\":%d,\"key\":\"%s\"}",
			1 + keys[i].id[0] % 255, hex);
		at = strstr(at, wanted);
		ck_assert_ptr_nonnull(at);
	}
}
END_TEST

START_TEST(keys_of_the_link_that_were_not_read_sign_nothing)
{
	old_conf.n_routers = 1;
	old_routers[0].auth.type = CONF_AUTH_LINK;
	roles_configure(&d);
	ck_assert_ptr_null(strstr(told, "\"auth\""));
}
END_TEST

START_TEST(heartbeats_come_often_enough_for_the_shortest_interval)
{
	old_conf.link.heartbeat_us = 80000;
	for (size_t i = 0; i < old_conf.n_routers; i++) {
		old_conf.routers[i].advert_interval_cs = 100;
		old_conf.routers[i].down_intervals = 3;
	}
	ck_assert_uint_eq(roles_heartbeat_us(&old_conf), 80000);
	old_conf.routers[1].advert_interval_cs = 10;
	ck_assert_uint_eq(roles_heartbeat_us(&old_conf), 50000);
	old_conf.routers[1].down_intervals = 1; /* asks nobody */
	ck_assert_uint_eq(roles_heartbeat_us(&old_conf), 80000);
}
END_TEST

START_TEST(services_follow_their_router)
{
	elector_says("back", "active");
	ck_assert_uint_eq(applied, 0);
	elector_says("front", "active");
	elector_says("front", "active");
	ck_assert_uint_eq(applied, 1);
	ck_assert(d.roles.active[0]);
	ck_assert_uint_eq(told_router, 0);
	ck_assert(told_active);
	elector_says("front", "backup");
	ck_assert_uint_eq(told_router, 0);
	ck_assert(!told_active);
}
END_TEST

START_TEST(a_new_order_of_routers_changes_no_role)
{
	elector_says("front", "active");
	elector_says("back", "backup");
	new_routers[0] = old_routers[1];
	new_routers[1] = old_routers[0];
	reload();
	ck_assert(!d.roles.active[0]);
	ck_assert(d.roles.active[1]);
}
END_TEST

START_TEST(a_router_keeps_its_role_under_a_new_name)
{
	elector_says("front", "active");
	new_routers[0].name = edge;
	reload();
	ck_assert(d.roles.active[0]);
	ck_assert_ptr_nonnull(json_object_get(d.roles.said, "edge"));
	elector_says("edge", "active");
	ck_assert_uint_eq(applied, 1);
}
END_TEST

START_TEST(a_router_with_another_vrid_begins_anew)
{
	elector_says("front", "active");
	new_routers[0].vrid = 52;
	reload();
	ck_assert(!d.roles.active[0]);
}
END_TEST

START_TEST(the_last_word_of_a_removed_router_is_nobodys)
{
	elector_says("front", "active");
	elector_says("back", "active");
	new_conf.n_routers = 1;
	reload();
	elector_says("back", "initialize");
	ck_assert_uint_eq(json_object_size(d.roles.said), 1);
	ck_assert(d.roles.active[0]);
}
END_TEST

START_TEST(nobody_is_active_when_the_elector_is_given_up)
{
	elector_says("front", "active");
	roles_abandon(&d);
	ck_assert(!d.roles.active[0]);
	ck_assert_uint_eq(applied, 2);
}
END_TEST

START_TEST(ready_is_said_once_when_table_checks_and_link_are)
{
	struct target target = {.verdict = VERDICT_UNKNOWN};

	d.targets = (struct targets){.items = &target, .n = 1};
	trouble = PEER_RESYNC_RUNNING;
	roles_look_ready(&d);
	d.applied = true;
	roles_look_ready(&d);
	target.verdict = VERDICT_DOWN;
	roles_look_ready(&d);
	ck_assert_ptr_null(told);
	ck_assert(!d.ready);
	trouble = PEER_FINE;
	roles_look_ready(&d);
	ck_assert_str_eq(told, "{}");
	ck_assert(d.ready);
	free(told);
	told = NULL;
	roles_look_ready(&d);
	ck_assert_ptr_null(told);
	d.targets = (struct targets){0};
}
END_TEST

START_TEST(what_a_takeover_waits_for_is_answered_by_name_and_number)
{
	json_t *asked = json_pack("{s:s, s:i}", "name", old_conf.routers[1].name, "number", 7);
	char *answer = NULL;

	prepared_router = CONF_NONE;
	roles_message(&d, "Prepare", asked);
	ck_assert_uint_eq(prepared_router, 1);
	ck_assert_int_ge(
		asprintf(&answer, "{\"name\":\"%s\",\"number\":7}", old_conf.routers[1].name), 0);
	ck_assert_str_eq(told, answer);
	free(answer);
	(void)json_object_set_new(asked, "name", json_string("gone"));
	prepared_router = CONF_NONE;
	roles_message(&d, "Prepare", asked);
	ck_assert_uint_eq(prepared_router, CONF_NONE);
	json_decref(asked);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("roles");
	TCase *tc = tcase_create("roles");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_elector_is_told_every_address_and_where_it_goes);
	tcase_add_test(tc, the_keys_of_the_link_sign_the_first_one_at_that);
	tcase_add_test(tc, keys_of_the_link_that_were_not_read_sign_nothing);
	tcase_add_test(tc, heartbeats_come_often_enough_for_the_shortest_interval);
	tcase_add_test(tc, services_follow_their_router);
	tcase_add_test(tc, a_new_order_of_routers_changes_no_role);
	tcase_add_test(tc, a_router_keeps_its_role_under_a_new_name);
	tcase_add_test(tc, a_router_with_another_vrid_begins_anew);
	tcase_add_test(tc, the_last_word_of_a_removed_router_is_nobodys);
	tcase_add_test(tc, nobody_is_active_when_the_elector_is_given_up);
	tcase_add_test(tc, ready_is_said_once_when_table_checks_and_link_are);
	tcase_add_test(tc, what_a_takeover_waits_for_is_answered_by_name_and_number);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
