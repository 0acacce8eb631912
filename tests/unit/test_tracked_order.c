/* core/tracked_order: whichever way entries come, the newest state wins. */
#include "core/tracked_order.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>

#define SLOTS 64u

static struct tracked_order_slot slots[SLOTS];
static struct tracked_order order;

static void set_up(void)
{
	tracked_order_init(&order, slots, SLOTS, 99);
}

static struct tracked connection(uint16_t port)
{
	return (struct tracked){.protocol = IPPROTO_TCP,
		.client = addr_v4((struct in_addr){htonl(0xc0000201)}),
		.service = addr_v4((struct in_addr){htonl(0xc0000264)}),
		.client_port = port,
		.service_port = 80};
}

static enum tracked_verdict take(enum tracked_kind kind, uint64_t at, uint16_t port)
{
	const struct tracked_header header = {kind, 7, at, kind == TRACKED_LIVE ? 0 : 1};
	const struct tracked entry = connection(port);

	return tracked_order_take(&order, &header, &entry);
}

static bool holds(enum tracked_kind kind, uint64_t at, uint16_t port)
{
	const struct tracked_header header = {kind, 7, at, kind == TRACKED_LIVE ? 0 : 1};
	const struct tracked entry = connection(port);

	return tracked_order_holds(&order, &header, &entry);
}

START_TEST(a_bulk_does_not_undo_what_happened_since_it_was_read)
{
	ck_assert_int_eq(take(TRACKED_LIVE, 5, 1000), TRACKED_NEW); /* before the reading */
	ck_assert_int_eq(take(TRACKED_LIVE, 6, 1001), TRACKED_NEW); /* after it, maybe deleted */
	ck_assert_int_eq(take(TRACKED_BULK, 5, 1000), TRACKED_NEW);
	ck_assert_int_eq(take(TRACKED_BULK, 5, 1001), TRACKED_STALE);
	ck_assert_int_eq(take(TRACKED_BULK, 5, 1002), TRACKED_NEW);
}
END_TEST

START_TEST(a_datagram_that_was_repaired_does_not_undo_later_ones)
{
	ck_assert_int_eq(take(TRACKED_LIVE, 8, 1000), TRACKED_NEW);
	ck_assert_int_eq(take(TRACKED_LIVE, 7, 1000), TRACKED_STALE);
	ck_assert_int_eq(take(TRACKED_LIVE, 7, 1001), TRACKED_NEW);
	ck_assert_int_eq(take(TRACKED_LIVE, 8, 1000), TRACKED_NEW); /* the same again */
	ck_assert_int_eq(take(TRACKED_LIVE, 9, 1000), TRACKED_NEW);
}
END_TEST

START_TEST(what_is_in_bulk_is_not_remembered_as_news)
{
	ck_assert_int_eq(take(TRACKED_BULK, 9, 1000), TRACKED_NEW);
	ck_assert_int_eq(take(TRACKED_LIVE, 9, 1000), TRACKED_NEW);
	ck_assert_int_eq(take(TRACKED_BULK, 9, 1000), TRACKED_NEW); /* a piece sent again */
}
END_TEST

START_TEST(what_waited_is_given_up_when_something_newer_came)
{
	ck_assert_int_eq(take(TRACKED_BULK, 5, 1000), TRACKED_NEW);
	ck_assert(holds(TRACKED_BULK, 5, 1000));
	ck_assert_int_eq(take(TRACKED_LIVE, 6, 1000), TRACKED_NEW);
	ck_assert(!holds(TRACKED_BULK, 5, 1000));
	ck_assert(holds(TRACKED_LIVE, 6, 1000));
	ck_assert(holds(TRACKED_BULK, 5, 1001));
}
END_TEST

START_TEST(another_process_begins_anew)
{
	const struct tracked_header header = {TRACKED_LIVE, 8, 1, 0};
	const struct tracked entry = connection(1000);

	ck_assert_int_eq(take(TRACKED_LIVE, 900, 1000), TRACKED_NEW);
	ck_assert_int_eq(tracked_order_take(&order, &header, &entry), TRACKED_NEW);
	ck_assert(!holds(TRACKED_LIVE, 900, 1000)); /* of the process before */
	ck_assert(tracked_order_holds(&order, &header, &entry));
}
END_TEST

START_TEST(connections_differ_by_each_part_of_what_the_client_sees)
{
	struct tracked_header header = {TRACKED_LIVE, 7, 10, 0};
	struct tracked e[5];

	ck_assert_int_eq(take(TRACKED_LIVE, 20, 1000), TRACKED_NEW);
	for (size_t i = 0; i < 5; i++)
		e[i] = connection(1000);
	e[0].protocol = IPPROTO_UDP;
	e[1].client.bytes[3]++;
	e[2].service.bytes[3]++;
	e[3].service_port++;
	e[4].client_port++;
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(tracked_order_take(&order, &header, &e[i]), TRACKED_NEW);
	e[0] = connection(1000);
	e[0].server_port = 1; /* what it is translated to is no part of it */
	ck_assert_int_eq(tracked_order_take(&order, &header, &e[0]), TRACKED_STALE);
}
END_TEST

START_TEST(what_was_forgotten_is_not_guessed)
{
	unsigned unsure = 0;

	for (uint16_t i = 1; i <= 10 * SLOTS; i++)
		ck_assert_int_eq(take(TRACKED_LIVE, 100u + i, i), TRACKED_NEW);
	for (uint16_t i = 1; i <= 10 * SLOTS; i++) { /* all are older than what was heard */
		enum tracked_verdict v = take(TRACKED_BULK, 100, i);

		ck_assert_int_ne(v, TRACKED_NEW);
		unsure += v == TRACKED_UNSURE;
	}
	ck_assert_uint_eq(unsure, 9 * SLOTS);
	/* One that is read now is above the floor. */
	ck_assert_int_eq(take(TRACKED_BULK, 100 + 10 * SLOTS, 1), TRACKED_NEW);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tracked_order");
	TCase *tc = tcase_create("tracked_order");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, a_bulk_does_not_undo_what_happened_since_it_was_read);
	tcase_add_test(tc, a_datagram_that_was_repaired_does_not_undo_later_ones);
	tcase_add_test(tc, what_is_in_bulk_is_not_remembered_as_news);
	tcase_add_test(tc, what_waited_is_given_up_when_something_newer_came);
	tcase_add_test(tc, another_process_begins_anew);
	tcase_add_test(tc, connections_differ_by_each_part_of_what_the_client_sees);
	tcase_add_test(tc, what_was_forgotten_is_not_guessed);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
