/* link/shadow: against a table that is too simple to be wrong. */
#include "link/shadow.h"

#include "core/sync_digest.h"
#include "synced.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_US 60000000ull
#define T0 (60 * MINUTE_US)

static struct shadow *shadow;

static void setup(void)
{
	ck_assert_int_eq(shadow_new(1000, &shadow), 0);
}

static void teardown(void)
{
	shadow_free(shadow);
}

static struct instant at(uint64_t us)
{
	return (struct instant){us};
}

static bool known(const struct sync_record *wanted, struct sync_record *ret, uint64_t *ret_said)
{
	enum shadow_origin origin;
	struct instant said;
	uint64_t place = shadow_find(shadow, wanted);

	if (place == SHADOW_NONE || !shadow_get(shadow, place, ret, &origin, &said))
		return false;
	*ret_said = said.us;
	return true;
}

START_TEST(a_record_comes_back_as_it_was)
{
	uint8_t sequences[26] = {1, 24, 9};
	struct sync_record got;
	uint64_t said;

	for (unsigned i = 0; i < 64; i++) {
		struct sync_record r = synced_record(i);

		if (i % 5 == 0 && !r.options) {
			r.options = sequences;
			r.options_len = sizeof(sequences);
		}
		r.mark = i * 77;
		ck_assert(shadow_take(shadow, &r, SHADOW_OWN, at(T0 + i)));
		ck_assert(known(&r, &got, &said));
		ck_assert(synced_equal(&r, &got));
		ck_assert_uint_eq(said, T0 + i);
	}
	ck_assert_uint_eq(shadow_count(shadow), 64);
}
END_TEST

START_TEST(newest_wins)
{
	struct sync_record r = synced_record(1), later = r, got;
	uint64_t said;

	later.flags |= SYNC_FLAG_INACTIVE;
	later.state = 4;
	ck_assert(shadow_take(shadow, &later, SHADOW_OWN, at(T0 + 1)));
	ck_assert(!shadow_take(shadow, &r, SHADOW_PEER, at(T0)));
	ck_assert(known(&r, &got, &said));
	ck_assert(synced_equal(&got, &later));
	/* At the same time: whoever comes later. */
	ck_assert(shadow_take(shadow, &r, SHADOW_PEER, at(T0 + 1)));
	ck_assert(known(&r, &got, &said));
	ck_assert(synced_equal(&got, &r));
	ck_assert_uint_eq(shadow_count(shadow), 1);
}
END_TEST

START_TEST(an_age_may_reach_back_before_the_clock_began)
{
	struct sync_record r = synced_record(1);
	uint64_t early = UINT64_C(5) - 600000000; /* ten minutes before the clock showed 5 us */
	struct shadow_walk walk = {0};
	enum shadow_origin origin;
	struct instant said;

	ck_assert(shadow_take(shadow, &r, SHADOW_PEER, at(early)));
	ck_assert(!shadow_take(shadow, &r, SHADOW_PEER, at(early - 1)));
	ck_assert(shadow_next(shadow, &walk, &r, &origin, &said));
	ck_assert_uint_eq(UINT64_C(5) - said.us, 600000000);
	(void)shadow_expire(shadow, at(299000000));
	ck_assert_uint_eq(shadow_count(shadow), 1);
	for (unsigned i = 0; i < 400; i++)
		(void)shadow_expire(shadow, at(301000000));
	ck_assert_uint_eq(shadow_count(shadow), 0);
}
END_TEST

START_TEST(what_is_no_connection_is_refused)
{
	struct sync_record r = synced_record(1);

	r.server = synced_record(7).server;
	ck_assert(!shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	r = synced_record(1);
	r.client.family = r.service.family = r.server.family = 0;
	ck_assert(!shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	r = synced_record(1);
	r.state = 32;
	ck_assert(!shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	ck_assert_uint_eq(shadow_find(shadow, &r), SHADOW_NONE);
	ck_assert_uint_eq(shadow_count(shadow), 0);
}
END_TEST

START_TEST(a_full_table_takes_changes_and_nothing_new)
{
	struct sync_record r;
	unsigned i;

	for (i = 0; i < 1000; i++) {
		r = synced_record(i);
		ck_assert(shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	}
	r = synced_record(i);
	ck_assert(!shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	ck_assert_uint_eq(shadow_refused(shadow), 1);
	r = synced_record(0);
	ck_assert(shadow_take(shadow, &r, SHADOW_OWN, at(T0 + 1)));
	while (shadow_count(shadow) > 900)
		(void)shadow_expire(shadow, at(T0 + 16 * MINUTE_US));
	r = synced_record(i);
	ck_assert(shadow_take(shadow, &r, SHADOW_OWN, at(T0 + 16 * MINUTE_US)));
}
END_TEST

START_TEST(the_same_client_may_have_several_templates)
{
	static const uint8_t other[] = {2, 4, 'b', 'a', 'l', 'l', 3, 3, 's', 'i', 'p'};
	struct sync_record r = synced_record(3);

	ck_assert(shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	r.options = other;
	ck_assert(shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	r.flags &= ~SYNC_FLAG_TEMPLATE;
	ck_assert(shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	ck_assert_uint_eq(shadow_count(shadow), 3);
}
END_TEST

START_TEST(without_a_timeout_it_is_the_kernels)
{
	struct sync_record r = synced_record(1);

	r.timeout_s = 0;
	ck_assert_uint_eq(shadow_timeout_s(&r), 900);
	r.state = 6;
	ck_assert_uint_eq(shadow_timeout_s(&r), 10);
	r.flags |= SYNC_FLAG_TEMPLATE;
	ck_assert_uint_eq(shadow_timeout_s(&r), 180);
	r.timeout_s = 7;
	ck_assert_uint_eq(shadow_timeout_s(&r), 7);
}
END_TEST

/* Just before its time, at it. Until it is swept it is not shown. */
START_TEST(a_connection_times_out_to_the_microsecond)
{
	struct sync_record r = synced_record(1), got;
	uint64_t said, end = T0 + 900 * UINT64_C(1000000);

	ck_assert(shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	ck_assert_uint_gt(shadow_expire(shadow, at(end - 1)).us, end - 1);
	ck_assert(known(&r, &got, &said));
	(void)shadow_expire(shadow, at(end));
	ck_assert(!known(&r, &got, &said));
	ck_assert_uint_eq(shadow_count(shadow), 0);
	ck_assert(instant_is_never(shadow_expire(shadow, at(end))));
}
END_TEST

#define MODEL_N 700
struct model {
	bool there;
	struct sync_record record;
	uint64_t said;
};

static bool in_time(const struct model *m, uint64_t now)
{
	return m->there && m->said + (uint64_t)m->record.timeout_s * 1000000 > now;
}

static void take_one(struct model *model, struct synced_random *random, uint64_t now)
{
	unsigned n = synced_random(random, MODEL_N);
	struct model *m = &model[n];
	struct sync_record r = synced_record(n);
	uint64_t said = now - synced_random(random, 20000000);

	r.timeout_s = 1 + synced_random(random, 100);
	r.server_port = (uint16_t)synced_random(random, 3);
	if (synced_random(random, 2))
		r.flags |= SYNC_FLAG_INACTIVE;
	/* What has timed out may have been swept or not: newer than that it is taken for sure. */
	if (m->there && !in_time(m, now) && said < m->said)
		return;
	ck_assert_int_eq(
		shadow_take(shadow, &r, SHADOW_PEER, at(said)), !m->there || said >= m->said);
	if (!m->there || said >= m->said)
		*m = (struct model){true, r, said};
}

/* All of the model is in the walk, once, and the digest is that of what is in the table. */
static void compare(const struct model *model, uint64_t now)
{
	static struct sync_digest digest;
	struct shadow_walk walk = {0};
	struct sync_record r;
	enum shadow_origin origin;
	struct instant said;
	size_t seen = 0, wanted = 0;

	digest = (struct sync_digest){0};
	for (size_t i = 0; i < MODEL_N; i++)
		wanted += in_time(&model[i], now);
	while (shadow_next(shadow, &walk, &r, &origin, &said)) {
		unsigned n = 0;

		while (n < MODEL_N &&
			!(in_time(&model[n], now) && synced_equal(&model[n].record, &r)))
			n++;
		ck_assert_uint_lt(n, MODEL_N);
		ck_assert_uint_eq(model[n].said, said.us);
		ck_assert_uint_eq(shadow_find(shadow, &r), shadow_walk_place(&walk));
		sync_digest_add(&digest, sync_digest_element(&r));
		seen++;
	}
	ck_assert_uint_eq(seen, wanted);
	if (shadow_count(shadow) == wanted)
		ck_assert_int_eq(memcmp(&digest, shadow_digest(shadow), sizeof(digest)), 0);
}

START_TEST(random_operations_as_in_a_simple_table)
{
	static struct model model[MODEL_N];
	struct synced_random random = {(uint64_t)_i};
	uint64_t now = T0;

	memset(model, 0, sizeof(model));
	for (unsigned round = 0; round < 25; round++) {
		for (unsigned i = 0; i < 200; i++) {
			now += synced_random(&random, 30000);
			take_one(model, &random, now);
		}
		now += synced_random(&random, 10000000);
		for (unsigned i = 0; i < 1 + synced_random(&random, 400); i++)
			(void)shadow_expire(shadow, at(now));
		(void)shadow_expire(shadow, at(now));
		compare(model, now);
	}
}
END_TEST

/* Those that stay are seen once, whatever comes and goes meanwhile. */
START_TEST(a_walk_goes_on_while_the_table_changes)
{
	struct shadow_walk walk = {0};
	unsigned seen[500] = {0};
	struct sync_record r;
	enum shadow_origin origin;
	struct instant said;
	unsigned more = 500;

	for (unsigned i = 0; i < 500; i++) {
		r = synced_record(i);
		if (i % 3 == 0)
			r.timeout_s = 5;
		ck_assert(shadow_take(shadow, &r, SHADOW_OWN, at(T0)));
	}
	while (shadow_next(shadow, &walk, &r, &origin, &said)) {
		for (unsigned i = 0; i < 500; i++) {
			struct sync_record wanted = synced_record(i);

			if (i % 3 != 0 && synced_equal(&wanted, &r))
				seen[i]++;
		}
		(void)shadow_expire(shadow, at(T0 + 6000000));
		r = synced_record(more++);
		(void)shadow_take(shadow, &r, SHADOW_OWN, at(T0 + 6000000));
	}
	for (unsigned i = 0; i < 500; i++)
		ck_assert_uint_eq(seen[i], i % 3 != 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shadow");
	TCase *tc = tcase_create("shadow");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_record_comes_back_as_it_was);
	tcase_add_test(tc, newest_wins);
	tcase_add_test(tc, an_age_may_reach_back_before_the_clock_began);
	tcase_add_test(tc, what_is_no_connection_is_refused);
	tcase_add_test(tc, a_full_table_takes_changes_and_nothing_new);
	tcase_add_test(tc, the_same_client_may_have_several_templates);
	tcase_add_test(tc, without_a_timeout_it_is_the_kernels);
	tcase_add_test(tc, a_connection_times_out_to_the_microsecond);
	tcase_add_loop_test(tc, random_operations_as_in_a_simple_table, 1, 6);
	tcase_add_test(tc, a_walk_goes_on_while_the_table_changes);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
