/* What tandem-link decides without a kernel: following an interface, counting what is heard. */
#include "core/link_watch.h"
#include "core/traffic.h"

#include <check.h>
#include <stdlib.h>

static const struct instant t0 = {1000};

static struct addr sender(unsigned n)
{
	return addr_v4((struct in_addr){htonl(0x0a000000 + n)});
}

START_TEST(an_interface_is_followed_by_name_through_all_that_happens_to_it)
{
	struct link_watch w = {.name = "eth1"};

	ck_assert(!link_watch_seen(&w, 2, "eth0", true));
	ck_assert(link_watch_seen(&w, 3, "eth1", false));
	ck_assert(!link_watch_seen(&w, 3, "eth1", false));
	ck_assert(link_watch_seen(&w, 3, "eth1", true));
	ck_assert(!link_watch_gone(&w, 2));
	ck_assert(link_watch_gone(&w, 3));
	ck_assert_int_eq(w.ifindex, 0);
	ck_assert(!w.up);
	ck_assert(link_watch_seen(&w, 4, "eth1", true));
	ck_assert_int_eq(w.ifindex, 4);
}
END_TEST

START_TEST(a_rename_is_a_departure_and_an_arrival)
{
	struct link_watch w = {.name = "eth1"};

	ck_assert(link_watch_seen(&w, 3, "eth1", true));
	ck_assert(link_watch_seen(&w, 3, "old1", true));
	ck_assert_int_eq(w.ifindex, 0);
	ck_assert(link_watch_seen(&w, 7, "eth1", true));
	/* What happens to the renamed one is no longer our business. */
	ck_assert(!link_watch_gone(&w, 3));
	ck_assert_int_eq(w.ifindex, 7);
}
END_TEST

START_TEST(an_interface_missing_from_a_dump_has_gone)
{
	struct link_watch w = {.name = "eth1"};

	link_watch_dump_begins(&w);
	ck_assert(!link_watch_dump_ends(&w));
	link_watch_dump_begins(&w);
	ck_assert(link_watch_seen(&w, 3, "eth1", true));
	ck_assert(!link_watch_dump_ends(&w));
	link_watch_dump_begins(&w);
	ck_assert(!link_watch_seen(&w, 2, "eth0", true));
	ck_assert(link_watch_dump_ends(&w));
	ck_assert_int_eq(w.ifindex, 0);
}
END_TEST

START_TEST(datagrams_bytes_and_senders_are_counted)
{
	struct traffic t = {0};
	struct addr a = sender(1), b = sender(2);

	traffic_heard(&t, &a, 100, t0);
	traffic_heard(&t, &b, 20, instant_add(t0, 1));
	traffic_heard(&t, &a, 3, instant_add(t0, 2));
	ck_assert_uint_eq(t.datagrams, 3);
	ck_assert_uint_eq(t.bytes, 123);
	ck_assert_uint_eq(t.last_heard.us, t0.us + 2);
	ck_assert_uint_eq(t.n_senders, 2);
	ck_assert(addr_equal(&t.senders[0].addr, &a));
	ck_assert_uint_eq(t.senders[0].last_heard.us, t0.us + 2);
}
END_TEST

START_TEST(a_flood_of_invented_senders_does_not_hide_the_one_that_goes_on)
{
	struct traffic t = {0};
	struct addr peer = sender(1);
	bool found = false;

	for (unsigned i = 0; i < 1000; i++) {
		struct addr invented = sender(100 + i);
		traffic_heard(&t, &invented, 1, instant_add(t0, 2 * i));
		if (i % TRAFFIC_SENDERS_MAX == 0)
			traffic_heard(&t, &peer, 1, instant_add(t0, 2 * i + 1));
	}
	ck_assert_uint_eq(t.n_senders, TRAFFIC_SENDERS_MAX);
	for (size_t i = 0; i < t.n_senders; i++)
		found = found || addr_equal(&t.senders[i].addr, &peer);
	ck_assert(found);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link");
	TCase *tc = tcase_create("link");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, an_interface_is_followed_by_name_through_all_that_happens_to_it);
	tcase_add_test(tc, a_rename_is_a_departure_and_an_arrival);
	tcase_add_test(tc, an_interface_missing_from_a_dump_has_gone);
	tcase_add_test(tc, datagrams_bytes_and_senders_are_counted);
	tcase_add_test(tc, a_flood_of_invented_senders_does_not_hide_the_one_that_goes_on);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
