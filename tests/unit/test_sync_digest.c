/* core/sync_digest: two tables compared without showing them. */
#include "core/sync_digest.h"

#include "synced.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct sync_digest own, peer;
static struct sync_differences differences;

static void setup(void)
{
	own = peer = (struct sync_digest){0};
	differences = (struct sync_differences){0};
}

static uint64_t element(unsigned n)
{
	struct sync_record r = synced_record(n);
	return sync_digest_element(&r);
}

static void fill(struct sync_digest *d, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		sync_digest_add(d, element(i));
}

START_TEST(tables_of_the_same_are_equal_in_any_order)
{
	for (unsigned i = 0; i < 20000; i++)
		sync_digest_add(&own, element(i));
	for (unsigned i = 20000; i-- > 0;)
		sync_digest_add(&peer, element(i));
	ck_assert_int_eq(memcmp(&own, &peer, sizeof(own)), 0);
	sync_digest_compare(&own, &peer, &differences);
	ck_assert(differences.exact);
	ck_assert_uint_eq(differences.at_least, 0);
}
END_TEST

START_TEST(what_came_and_went_leaves_nothing)
{
	fill(&own, 0, 5000);
	for (unsigned i = 0; i < 5000; i++)
		sync_digest_remove(&own, element(i));
	ck_assert_int_eq(memcmp(&own, &peer, sizeof(own)), 0);
}
END_TEST

START_TEST(any_one_that_is_missing_is_named)
{
	for (unsigned missing = 0; missing < 300; missing++) {
		setup();
		fill(&own, 0, 300);
		fill(&peer, 0, 300);
		sync_digest_remove(&peer, element(missing));
		sync_digest_compare(&own, &peer, &differences);
		ck_assert(differences.exact);
		ck_assert_uint_eq(differences.n_own, 1);
		ck_assert_uint_eq(differences.n_peer, 0);
		ck_assert_uint_eq(differences.own[0], element(missing));
		ck_assert(sync_differences_has_own(&differences, element(missing)));
		ck_assert(!sync_differences_has_own(&differences, element(missing + 1)));
	}
}
END_TEST

/* Each field that makes another connection of it, or another server of the same. */
START_TEST(any_difference_that_matters_is_seen)
{
	struct sync_record base = synced_record(1), r[8];
	uint64_t seen[8];

	for (size_t i = 0; i < 8; i++)
		r[i] = base;
	r[1].server.bytes[3] ^= 1;
	r[2].server_port ^= 1;
	r[3].flags |= SYNC_FLAG_INACTIVE;
	r[4].flags |= SYNC_FLAG_TEMPLATE;
	r[5].client_port ^= 1;
	r[6].service.bytes[3] ^= 1;
	r[7].protocol = 17;
	for (size_t i = 0; i < 8; i++) {
		seen[i] = sync_digest_element(&r[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(seen[i], seen[j]);
	}
}
END_TEST

START_TEST(states_and_times_do_not_matter)
{
	struct sync_record a = synced_record(1), b = a;

	b.timeout_s = 3;
	b.mark = 9;
	ck_assert_uint_eq(sync_digest_element(&a), sync_digest_element(&b));
}
END_TEST

/* 200,000 entries, of which many differ in both directions. */
START_TEST(thousands_of_differences_are_named)
{
	fill(&own, 0, 200000);
	fill(&peer, 2000, 200000);
	sync_digest_compare(&own, &peer, &differences);
	ck_assert(differences.exact);
	ck_assert_uint_eq(differences.n_own, 2000);
	ck_assert_uint_eq(differences.n_peer, 2000);
	for (unsigned i = 0; i < 2000; i++)
		ck_assert(sync_differences_has_own(&differences, element(i)));
	for (unsigned i = 1; i < 2000; i++)
		ck_assert_uint_lt(differences.peer[i - 1], differences.peer[i]);
}
END_TEST

START_TEST(too_many_differences_are_told_to_be_too_many)
{
	fill(&own, 0, 50000);
	fill(&peer, 30000, 50000);
	sync_digest_compare(&own, &peer, &differences);
	ck_assert(!differences.exact);
	ck_assert_uint_ge(differences.at_least, 2000);
	setup();
	fill(&own, 0, 100000);
	sync_digest_compare(&own, &peer, &differences);
	ck_assert(!differences.exact);
	ck_assert_uint_ge(differences.at_least, 100000);
}
END_TEST

START_TEST(a_digest_travels)
{
	static uint8_t message[SYNC_DIGEST_MESSAGE_LEN];
	struct sync_digest_header header = {.answer_wanted = true, .clock_us = 1234567890123},
				  got = {0};

	fill(&own, 0, 1000);
	sync_digest_build(&own, &header, message);
	ck_assert(sync_digest_parse(message, sizeof(message), &got, &peer));
	ck_assert_int_eq(memcmp(&own, &peer, sizeof(own)), 0);
	ck_assert(got.answer_wanted);
	ck_assert_uint_eq(got.clock_us, header.clock_us);
	ck_assert(!sync_digest_parse(message, sizeof(message) - 1, &got, &peer));
	for (size_t i = 0; i < 4; i++) {
		message[i] ^= 0x40;
		ck_assert(!sync_digest_parse(message, sizeof(message), &got, &peer));
		message[i] ^= 0x40;
	}
}
END_TEST

/* What is no digest of anything must end, too. */
START_TEST(garbage_is_compared_in_bounded_time)
{
	struct synced_random random = {7};

	for (size_t i = 0; i < SYNC_DIGEST_CELLS; i++)
		peer.cells[i] = (struct sync_digest_cell){.sum = synced_random(&random, 1U << 31),
			.mark = synced_random(&random, 1U << 31),
			.count = (int32_t)synced_random(&random, 3) - 1};
	fill(&own, 0, 4000);
	sync_digest_compare(&own, &peer, &differences);
	ck_assert(!differences.exact);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync_digest");
	TCase *tc = tcase_create("sync_digest");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, tables_of_the_same_are_equal_in_any_order);
	tcase_add_test(tc, what_came_and_went_leaves_nothing);
	tcase_add_test(tc, any_one_that_is_missing_is_named);
	tcase_add_test(tc, any_difference_that_matters_is_seen);
	tcase_add_test(tc, states_and_times_do_not_matter);
	tcase_add_test(tc, thousands_of_differences_are_named);
	tcase_add_test(tc, too_many_differences_are_told_to_be_too_many);
	tcase_add_test(tc, a_digest_travels);
	tcase_add_test(tc, garbage_is_compared_in_bounded_time);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
