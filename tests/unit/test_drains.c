/* director/drains: how often the kernel is asked, and for how long at once. What it has is played
 * by the test: nothing. */
#include "director/state.h"

#include "io/clock.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_US 6000u /* longer than a turn */

static struct director d;
static struct director_options options;
static char dir[64];
static unsigned dumps, n_done;
static size_t keys_asked;
static uint64_t look_us;

void director_event(struct director *director, enum event event, const char *message, ...)
{
	(void)director;
	(void)message;
	ck_assert_int_eq(event, EVENT_DRAIN_DONE);
	n_done++;
}

int balancer_open(struct balancer *b)
{
	(void)b;
	return 0;
}

int ipvs_dump_some(
	struct ipvs *v, const struct ipvs_service_key *keys, size_t n_keys, struct ipvs_table *ret)
{
	struct instant until = instant_add(clock_now(), look_us);

	(void)v;
	(void)keys;
	while (!instant_reached(until, clock_now()))
		;
	dumps++;
	keys_asked += n_keys;
	*ret = (struct ipvs_table){0};
	return 0;
}

void ipvs_table_done(struct ipvs_table *t)
{
	ck_assert_uint_eq(t->n_services, 0);
}

uint16_t server_port(const struct conf_service *service, const struct conf_server *server)
{
	(void)server;
	return service->key.port;
}

void shares_touch_server(struct director *director, const char *pool, const char *server)
{
	(void)director;
	(void)pool;
	(void)server;
}

void replicate_counted(
	struct director *director, struct override *item, const struct drain_count *count)
{
	(void)director;
	item->counts_here = *count;
}

bool replicate_is_counted_there(const struct director *director, const struct override *item)
{
	(void)director;
	(void)item;
	return true;
}

struct drain_count replicate_count(const struct director *director, const struct override *item)
{
	(void)director;
	return item->counts_here;
}

static const char text[] =
	"{\"nodes\": {\"lb1\": {}}, \"pools\": {"
	"\"a\": {\"servers\": {\"x\": {\"address\": \"192.0.2.1\"}, \"y\": {\"address\": "
	"\"192.0.2.2\"}}},"
	"\"b\": {\"servers\": {\"x\": {\"address\": \"192.0.2.3\"}, \"y\": {\"address\": "
	"\"192.0.2.4\"}}},"
	"\"c\": {\"servers\": {\"x\": {\"address\": \"192.0.2.5\"}}}},"
	"\"services\": {"
	"\"s\": {\"listen\": \"192.0.2.100\", \"port\": 80, \"protocol\": \"tcp\", \"forward\": "
	"\"nat\", \"scheduler\": \"rr\", \"pool\": "
	"\"a\"},"
	"\"t\": {\"listen\": \"192.0.2.100\", \"port\": 81, \"protocol\": \"tcp\", \"forward\": "
	"\"nat\", \"scheduler\": \"rr\", \"pool\": "
	"\"a\"},"
	"\"u\": {\"listen\": \"192.0.2.100\", \"port\": 82, \"protocol\": \"tcp\", \"forward\": "
	"\"nat\", \"scheduler\": \"rr\", \"pool\": "
	"\"b\"},"
	"\"v\": {\"listen\": \"192.0.2.100\", \"port\": 83, \"protocol\": \"tcp\", \"forward\": "
	"\"nat\", \"scheduler\": \"rr\", \"pool\": "
	"\"c\"}}}";

static void set_up(void)
{
	struct conf_errors errors = {0};

	strcpy(dir, "/tmp/tandem-drains-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	d = (struct director){.options = &options};
	options.state_dir = dir;
	d.conf = conf_load_text(text, sizeof(text) - 1, "lb1", &errors);
	ck_assert_msg(d.conf != NULL, "%s", errors.n ? errors.items[0].text : "");
	ck_assert_int_ge(sd_event_new(&d.loop), 0);
	ck_assert_int_eq(drains_init(&d), 0);
	dumps = n_done = 0;
	keys_asked = 0;
	look_us = 0;
}

static void tear_down(void)
{
	char command[128];

	drains_done(&d);
	sd_event_unref(d.loop);
	conf_free(d.conf);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* Its deadline is now: it is looked at without a second's wait, and has ended in order. */
static void drain(const char *pool, const char *server)
{
	struct decision decision = {.kind = DECISION_DRAIN,
		.drain = {.requested_at = clock_now(), .deadline = clock_now()}};

	ck_assert_int_eq(overrides_set(&d.overrides, pool, server, &decision, (struct instant){0},
				 "lb1", drains_now()),
		0);
}

START_TEST(the_services_of_a_pool_are_asked_for_once_for_all_its_drains)
{
	drain("b", "y");
	drain("a", "x");
	drain("b", "x");
	drain("a", "y");
	drains_schedule(&d, 0);
	ck_assert_int_ge(sd_event_run(d.loop, UINT64_MAX), 0);
	ck_assert_uint_eq(n_done, 4);
	ck_assert_uint_eq(dumps, 2);
	ck_assert_uint_eq(keys_asked, 3);
}
END_TEST

START_TEST(the_loop_turns_between_pools_that_take_long)
{
	look_us = LOOK_US;
	drain("a", "x");
	drain("b", "x");
	drain("c", "x");
	drains_schedule(&d, 0);
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert_int_ge(sd_event_run(d.loop, UINT64_MAX), 0);
		ck_assert_uint_eq(dumps, i);
		ck_assert_uint_eq(n_done, i);
	}
}
END_TEST

START_TEST(a_server_that_the_configuration_does_not_name_waits_and_asks_nobody)
{
	drain("a", "gone");
	drain("c", "x");
	drains_schedule(&d, 0);
	while (n_done < 1)
		ck_assert_int_ge(sd_event_run(d.loop, UINT64_MAX), 0);
	for (int i = 0; i < 10; i++) /* a deadline that nothing follows from is no alarm */
		ck_assert_int_eq(sd_event_run(d.loop, 0), 0);
	ck_assert_uint_eq(dumps, 1);
	ck_assert_int_eq(
		overrides_find(&d.overrides, "a", "gone")->decision.drain.state, DRAIN_DRAINING);
}
END_TEST

/* Decisions are read before there is a configuration. */
START_TEST(a_drain_from_before_the_start_goes_on)
{
	struct conf *conf = d.conf;

	drain("a", "x");
	drains_done(&d);
	d.conf = NULL;
	ck_assert_int_eq(drains_init(&d), 0);
	d.conf = conf;
	while (n_done < 1)
		ck_assert_int_ge(sd_event_run(d.loop, UINT64_MAX), 0);
	ck_assert_uint_eq(dumps, 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("drains");
	TCase *tc = tcase_create("drains");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_services_of_a_pool_are_asked_for_once_for_all_its_drains);
	tcase_add_test(tc, the_loop_turns_between_pools_that_take_long);
	tcase_add_test(tc, a_server_that_the_configuration_does_not_name_waits_and_asks_nobody);
	tcase_add_test(tc, a_drain_from_before_the_start_goes_on);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
