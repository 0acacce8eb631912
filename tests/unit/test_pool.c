/* What a pool makes of its servers: tables by hand, and random histories held against invariants.
 */
#include "core/pool.h"
#include "core/ramp.h"
#include "ipvs_tables.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define N_MAX 12
#define SECOND_US UINT64_C(1000000)

static const struct instant t0 = {UINT64_C(1000) * SECOND_US};
static struct pool_rule rule;
static struct pool_server servers[N_MAX];
static struct decision decisions[N_MAX];
static struct pool_state state;
static struct pool_share shares[N_MAX];
static size_t n;

static void set_up(void)
{
	rule = (struct pool_rule){.quorum = 1, .max_ejected_percent = 100};
	state = (struct pool_state){0};
	n = 4;
	for (size_t i = 0; i < N_MAX; i++) {
		decisions[i] = (struct decision){0};
		servers[i] = (struct pool_server){
			.health = HEALTH_UP, .weight = 1, .decision = &decisions[i]};
	}
}

static void evaluate(void)
{
	pool_evaluate(&rule, servers, n, t0, &state, shares);
}

static void goes_down(size_t server, uint64_t after_s)
{
	servers[server].health = HEALTH_DOWN;
	servers[server].failed_at = instant_add(t0, after_s * SECOND_US);
}

/* One letter for each server: what it is used as. */
static const char *uses(void)
{
	static char text[N_MAX + 1];

	for (size_t i = 0; i < n; i++)
		text[i] = "Sqdx"[shares[i].use];
	text[n] = '\0';
	return text;
}

START_TEST(servers_that_are_up_serve_with_their_weights)
{
	servers[1].weight = 7;
	evaluate();
	ck_assert_str_eq(uses(), "SSSS");
	ck_assert_uint_eq(pool_share_weight(&shares[0], 1), 1);
	ck_assert_uint_eq(pool_share_weight(&shares[1], 1), 7);
	ck_assert_uint_eq(state.usable_weight, 10);
	ck_assert_int_eq(state.quorum, POOL_QUORUM_UP);
	ck_assert(instant_is_never(state.next));
}
END_TEST

START_TEST(down_and_unchecked_servers_get_nothing)
{
	goes_down(0, 0);
	servers[1].health = HEALTH_UNKNOWN;
	evaluate();
	ck_assert_str_eq(uses(), "ddSS");
	ck_assert_int_eq(shares[0].reason, POOL_REASON_DOWN);
	ck_assert_int_eq(shares[1].reason, POOL_REASON_UNCHECKED);
	ck_assert_uint_eq(pool_share_weight(&shares[0], 10), 0);
}
END_TEST

START_TEST(a_server_that_the_peer_sees_up_is_kept_and_counts)
{
	rule.quorum = 4;
	servers[0].kept = servers[1].kept = true;
	servers[1].wishes = (struct pool_wishes){.wish = POOL_WISH_DRAIN};
	evaluate();
	ck_assert_str_eq(uses(), "SqSS");
	ck_assert_int_eq(shares[0].reason, POOL_REASON_DOWN_HERE);
	ck_assert_int_eq(shares[1].reason, POOL_REASON_CHECK_DRAIN);
	ck_assert_uint_eq(state.usable_weight, 3);
}
END_TEST

START_TEST(dead_servers_stay_in_the_table_unless_their_connections_expire)
{
	goes_down(0, 0);
	decisions[1].kind = DECISION_DRAIN;
	decisions[2] = (struct decision){.kind = DECISION_DRAIN, .drain.state = DRAIN_FORCED};
	evaluate();
	ck_assert_str_eq(uses(), "dqxS");
	ck_assert(pool_share_is_placed(&shares[0], false));
	ck_assert(!pool_share_is_placed(&shares[0], true));
	ck_assert(pool_share_is_placed(&shares[1], true));
	ck_assert(!pool_share_is_placed(&shares[2], false));
	ck_assert(pool_share_is_placed(&shares[3], true));
}
END_TEST

START_TEST(a_server_that_dies_while_it_drains_is_dead)
{
	decisions[0].kind = decisions[1].kind = DECISION_DRAIN;
	goes_down(0, 0);
	evaluate();
	ck_assert_str_eq(uses(), "dqSS");
	ck_assert_int_eq(shares[0].reason, POOL_REASON_DRAINING);
	decisions[0].drain.state = DRAIN_DRAINED;
	evaluate();
	ck_assert_str_eq(uses(), "xqSS");
}
END_TEST

START_TEST(quorum_moves_only_outside_its_hysteresis)
{
	/* Weight up, quorum expected; quorum 10, hysteresis 3, ten servers of weight 1 ... */
	static const struct {
		uint32_t weight;
		enum pool_quorum want;
	} steps[] = {{10, POOL_QUORUM_UP}, {9, POOL_QUORUM_UP}, {7, POOL_QUORUM_UP},
		{6, POOL_QUORUM_LOST}, {7, POOL_QUORUM_LOST}, {12, POOL_QUORUM_LOST},
		{13, POOL_QUORUM_UP}, {7, POOL_QUORUM_UP}, {0, POOL_QUORUM_LOST}};

	rule.quorum = 10;
	rule.hysteresis = 3;
	n = 1;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		servers[0].weight = steps[i].weight;
		evaluate();
		ck_assert_msg(state.quorum == steps[i].want, "step %zu: %s", i,
			pool_quorum_name(state.quorum));
	}
}
END_TEST

START_TEST(a_pool_without_a_usable_server_has_no_quorum_whatever_the_numbers)
{
	rule.hysteresis = 5; /* more than the quorum: there is no "below" */
	evaluate();
	ck_assert_int_eq(state.quorum, POOL_QUORUM_UP);
	for (size_t i = 0; i < n; i++)
		goes_down(i, 0);
	evaluate();
	ck_assert_int_eq(state.quorum, POOL_QUORUM_LOST);
}
END_TEST

START_TEST(quorum_is_not_decided_while_an_unchecked_server_may_decide_it)
{
	rule.quorum = 3;
	rule.hysteresis = 1;
	for (size_t i = 0; i < n; i++)
		servers[i].health = HEALTH_UNKNOWN;
	evaluate();
	ck_assert_int_eq(state.quorum, POOL_QUORUM_UNKNOWN);
	goes_down(0, 0);
	servers[1].health = servers[2].health = HEALTH_UP;
	evaluate();
	ck_assert_int_eq(state.quorum, POOL_QUORUM_UNKNOWN);
	servers[3].health = HEALTH_UP;
	evaluate();
	ck_assert_int_eq(state.quorum, POOL_QUORUM_UP); /* the first time without hysteresis */
	state = (struct pool_state){0};
	goes_down(3, 0);
	evaluate();
	ck_assert_int_eq(state.quorum, POOL_QUORUM_LOST);
}
END_TEST

START_TEST(an_operator_who_takes_servers_out_takes_them_from_the_quorum)
{
	rule.quorum = 3;
	decisions[0].kind = DECISION_FAIL;
	evaluate();
	ck_assert_int_eq(state.quorum, POOL_QUORUM_UP);
	decisions[1].kind = DECISION_DRAIN;
	evaluate();
	ck_assert_int_eq(state.quorum, POOL_QUORUM_LOST);
	ck_assert_uint_eq(state.usable_weight, 2);
	decisions[2] = (struct decision){.has_weight = true, .weight = 2};
	evaluate();
	ck_assert_int_eq(state.quorum, POOL_QUORUM_UP);
	ck_assert_int_eq(shares[2].reason, POOL_REASON_WEIGHT);
	ck_assert_uint_eq(pool_share_weight(&shares[2], 1), 2);
}
END_TEST

START_TEST(below_the_panic_threshold_all_are_used)
{
	rule.panic_percent = 50;
	goes_down(0, 0);
	goes_down(1, 0);
	evaluate();
	ck_assert_str_eq(uses(), "ddSS"); /* exactly half is not below it */
	ck_assert(!state.panic);
	goes_down(2, 0);
	evaluate();
	ck_assert_str_eq(uses(), "SSSS");
	ck_assert(state.panic);
	ck_assert_int_eq(shares[0].reason, POOL_REASON_PANIC);
	ck_assert_int_eq(shares[3].reason, POOL_REASON_NONE);
	ck_assert_uint_eq(state.usable_weight, 1);
}
END_TEST

START_TEST(panic_waits_for_every_first_check_and_spares_what_operators_took_out)
{
	rule.panic_percent = 100;
	goes_down(0, 0);
	servers[1].health = HEALTH_UNKNOWN;
	evaluate();
	ck_assert(!state.panic);
	servers[1].health = HEALTH_UP;
	decisions[2].kind = DECISION_FAIL;
	servers[3].weight = 0;
	evaluate();
	ck_assert(state.panic);
	ck_assert_str_eq(uses(), "SSdq");
}
END_TEST

START_TEST(of_those_that_fail_the_first_are_out_and_later_ones_held_in)
{
	rule.max_ejected_percent = 50;
	goes_down(2, 1);
	goes_down(0, 2);
	evaluate();
	ck_assert_str_eq(uses(), "dSdS");
	ck_assert_uint_eq(state.n_held_in, 0);
	goes_down(3, 3);
	evaluate();
	ck_assert_str_eq(uses(), "dSdS");
	ck_assert_uint_eq(state.n_held_in, 1);
	ck_assert_int_eq(shares[3].reason, POOL_REASON_HELD_IN);
	servers[2].health = HEALTH_UP; /* its place is the next one's */
	evaluate();
	ck_assert_str_eq(uses(), "dSSd");
	ck_assert_uint_eq(state.n_held_in, 0);
}
END_TEST

START_TEST(servers_that_fail_in_one_instant_go_out_in_the_files_order)
{
	rule.max_ejected_percent = 50;
	for (size_t i = 0; i < n; i++)
		goes_down(i, 1);
	evaluate();
	ck_assert_str_eq(uses(), "ddSS");
}
END_TEST

START_TEST(max_ejected_rounds_down_and_0_makes_checks_mere_advice)
{
	static const struct {
		unsigned percent;
		const char *want;
	} steps[] = {
		{100, "dddd"}, {99, "dddS"}, {50, "ddSS"}, {49, "dSSS"}, {24, "SSSS"}, {0, "SSSS"}};

	for (size_t i = 0; i < n; i++)
		goes_down(i, i);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		rule.max_ejected_percent = steps[i].percent;
		evaluate();
		ck_assert_str_eq(uses(), steps[i].want);
	}
}
END_TEST

START_TEST(a_server_that_came_up_ramps_and_the_others_do_not)
{
	rule.slow_start_us = 90 * SECOND_US;
	servers[1].up_at = (struct instant){t0.us - 25 * SECOND_US};
	servers[2].up_at = (struct instant){t0.us - 90 * SECOND_US};
	evaluate();
	ck_assert_uint_eq(pool_share_weight(&shares[0], RAMP_SCALE), 10);
	ck_assert_uint_eq(pool_share_weight(&shares[1], RAMP_SCALE), 3);
	ck_assert_uint_eq(pool_share_weight(&shares[2], RAMP_SCALE), 10);
	ck_assert_int_eq(shares[1].reason, POOL_REASON_SLOW_START);
	ck_assert_int_eq(shares[2].reason, POOL_REASON_NONE);
	ck_assert_uint_eq(state.next.us, t0.us + 5 * SECOND_US);
	ck_assert_uint_eq(state.usable_weight, 4); /* the quorum knows no slow start */
}
END_TEST

START_TEST(a_server_has_the_part_of_its_weight_that_its_check_asks_for)
{
	static const unsigned percents[] = {100, 50, 0, 200};

	for (size_t i = 0; i < 4; i++) {
		servers[i].weight = 4;
		servers[i].wishes =
			(struct pool_wishes){.has_percent = true, .percent = percents[i]};
	}
	evaluate();
	ck_assert_str_eq(uses(), "SSqS");
	ck_assert_uint_eq(pool_share_weight(&shares[0], RAMP_SCALE), 40);
	ck_assert_uint_eq(pool_share_weight(&shares[1], RAMP_SCALE), 20);
	ck_assert_uint_eq(pool_share_weight(&shares[2], RAMP_SCALE), 0);
	ck_assert_uint_eq(pool_share_weight(&shares[3], RAMP_SCALE), 80);
	ck_assert_int_eq(shares[0].reason, POOL_REASON_NONE);
	ck_assert_int_eq(shares[1].reason, POOL_REASON_CHECK_WEIGHT);
	ck_assert_int_eq(shares[2].reason, POOL_REASON_CHECK_WEIGHT);
	ck_assert_uint_eq(state.usable_weight, 12); /* parts do not move the quorum */
	decisions[1] = (struct decision){.has_weight = true, .weight = 7};
	rule.slow_start_us = 90 * SECOND_US;
	servers[3].up_at = (struct instant){t0.us - 25 * SECOND_US};
	evaluate();
	ck_assert_uint_eq(pool_share_weight(&shares[1], 1), 7); /* the operator's word counts */
	ck_assert_uint_eq(pool_share_weight(&shares[3], RAMP_SCALE), 24);
	ck_assert_int_eq(shares[3].reason, POOL_REASON_SLOW_START);
}
END_TEST

START_TEST(a_server_that_does_not_want_to_serve_is_as_one_that_an_operator_took_out)
{
	servers[0].wishes.wish = POOL_WISH_DRAIN;
	servers[1].wishes.wish = POOL_WISH_MAINT;
	servers[2].wishes.wish = POOL_WISH_DRAIN;
	decisions[2].kind = DECISION_DRAIN;
	rule.panic_percent = 100;
	evaluate();
	ck_assert_str_eq(uses(), "qdqS");
	ck_assert_int_eq(shares[0].reason, POOL_REASON_CHECK_DRAIN);
	ck_assert_int_eq(shares[1].reason, POOL_REASON_CHECK_MAINT);
	ck_assert_int_eq(shares[2].reason, POOL_REASON_DRAINING);
	ck_assert(!state.panic); /* nobody failed */
	ck_assert_uint_eq(state.usable_weight, 1);
	goes_down(0, 0);
	evaluate();
	ck_assert_int_eq(shares[0].reason, POOL_REASON_PANIC);
	for (enum pool_wish w = 0; w < POOL_WISH_MAX_; w++)
		ck_assert_int_eq(pool_wish_by_name(pool_wish_name(w)), w);
	ck_assert_int_eq(pool_wish_by_name("sleep"), POOL_WISH_MAX_);
}
END_TEST

START_TEST(without_quorum_what_serves_is_quiet_and_the_fallback_serves)
{
	struct pool_share serving = {POOL_USE_SERVE, POOL_REASON_NONE, 5, 100};
	struct pool_share dead = {POOL_USE_DEAD, POOL_REASON_DOWN, 5, 100};
	struct pool_share share = pool_share_without_quorum(serving);

	ck_assert_int_eq(share.use, POOL_USE_QUIET);
	ck_assert_int_eq(share.reason, POOL_REASON_NO_QUORUM);
	ck_assert_int_eq(pool_share_without_quorum(dead).reason, POOL_REASON_DOWN);
	share = pool_share_of_fallback(serving, true);
	ck_assert_int_eq(share.use, POOL_USE_SERVE);
	ck_assert_int_eq(share.reason, POOL_REASON_FALLBACK);
	ck_assert_uint_eq(pool_share_weight(&share, 1), 5);
	share = pool_share_of_fallback(serving, false);
	ck_assert_int_eq(share.use, POOL_USE_QUIET);
	ck_assert_int_eq(share.reason, POOL_REASON_LEAVING);
	ck_assert_int_eq(pool_share_of_fallback(dead, true).use, POOL_USE_DEAD);
}
END_TEST

START_TEST(every_reason_and_quorum_has_a_name_of_its_own)
{
	for (enum pool_reason i = 0; i < POOL_REASON_MAX_; i++)
		for (enum pool_reason j = 0; j < i; j++)
			ck_assert_str_ne(pool_reason_name(i), pool_reason_name(j));
	for (enum pool_quorum i = 0; i < POOL_QUORUM_MAX_; i++)
		ck_assert(*pool_quorum_name(i));
}
END_TEST

/* Random histories */

static void random_rule(struct rng *rng)
{
	rule = (struct pool_rule){.quorum = 1 + rng_below(rng, 12),
		.hysteresis = rng_below(rng, 4),
		.panic_percent = rng_percent(rng, 50) ? rng_below(rng, 101) : 0,
		.max_ejected_percent = rng_percent(rng, 50) ? rng_below(rng, 101) : 100,
		.slow_start_us = rng_percent(rng, 50) ? 1 + rng_below(rng, 100000000) : 0};
	n = 1 + rng_below(rng, N_MAX);
	for (size_t i = 0; i < n; i++)
		servers[i] = (struct pool_server){.health = HEALTH_UNKNOWN,
			.weight = rng_below(rng, 5),
			.decision = &decisions[i]};
}

static void random_health(struct rng *rng, struct pool_server *s, struct instant now)
{
	enum health_state before = s->health;

	s->health = rng_percent(rng, 50) ? HEALTH_UP : HEALTH_DOWN;
	if (s->health == HEALTH_DOWN && before != HEALTH_DOWN)
		s->failed_at = now;
	if (s->health == HEALTH_UP && before == HEALTH_DOWN)
		s->up_at = now;
}

static void random_event(struct rng *rng, struct instant now)
{
	size_t i = rng_below(rng, (uint32_t)n);

	if (rng_percent(rng, 20)) {
		servers[i].wishes = (struct pool_wishes){.wish = rng_below(rng, POOL_WISH_MAX_),
			.has_percent = rng_percent(rng, 50),
			.percent = rng_below(rng, 200)};
		return;
	}
	if (rng_percent(rng, 70)) {
		random_health(rng, &servers[i], now);
		return;
	}
	decisions[i] = (struct decision){.kind = rng_below(rng, DECISION_MAX_),
		.has_weight = rng_percent(rng, 30),
		.weight = rng_below(rng, 5),
		.drain.state = rng_below(rng, DRAIN_MAX_)};
}

static uint32_t effective_weight(size_t i)
{
	return decisions[i].has_weight ? decisions[i].weight : servers[i].weight;
}

/* While it is down, nobody knows what it wants. */
static bool is_willing(size_t i)
{
	const struct pool_wishes *w = &servers[i].wishes;

	return servers[i].health != HEALTH_UP ||
	       (w->wish == POOL_WISH_SERVE &&
		       (decisions[i].has_weight || !w->has_percent || w->percent > 0));
}

static bool is_in_rotation(size_t i)
{
	return decisions[i].kind == DECISION_NONE && effective_weight(i) > 0 && is_willing(i);
}

static void assert_shares(uint64_t seed, struct instant now)
{
	size_t n_rotation = 0, n_usable = 0, n_out = 0;
	uint64_t usable = 0;

	for (size_t i = 0; i < n; i++) {
		bool in = is_in_rotation(i), up = in && servers[i].health == HEALTH_UP;

		n_rotation += in;
		n_usable += up;
		usable += up ? effective_weight(i) : 0;
		n_out += in && servers[i].health == HEALTH_DOWN && shares[i].use != POOL_USE_SERVE;
		/* Who is up and wanted serves, and has a weight in the kernel. */
		ck_assert_msg(
			!up || pool_share_weight(&shares[i], RAMP_SCALE) > 0, "seed %lu", seed);
		/* Whom an operator took out, or nobody checked yet, does not. */
		ck_assert_msg((in && servers[i].health != HEALTH_UNKNOWN) ||
				      pool_share_weight(&shares[i], RAMP_SCALE) == 0,
			"seed %lu", seed);
	}
	ck_assert_uint_eq(state.usable_weight, usable);
	ck_assert_msg(n_out <= n_rotation * rule.max_ejected_percent / 100, "seed %lu", seed);
	ck_assert_msg(n_usable == 0 || pool_serves(shares, n), "seed %lu", seed);
	ck_assert_msg(state.next.us > now.us, "seed %lu", seed);
}

/* It never moves inside the band, never stays outside of it on the wrong side. */
static void assert_quorum(uint64_t seed, enum pool_quorum before)
{
	uint64_t w = state.usable_weight;
	bool enough = w > 0 && w >= (uint64_t)rule.quorum + rule.hysteresis;
	bool too_little = w == 0 || w + rule.hysteresis < rule.quorum;

	if (before == POOL_QUORUM_UNKNOWN)
		return;
	ck_assert_msg(state.quorum != POOL_QUORUM_UNKNOWN, "seed %lu", seed);
	ck_assert_msg(!enough || state.quorum == POOL_QUORUM_UP, "seed %lu", seed);
	ck_assert_msg(!too_little || state.quorum == POOL_QUORUM_LOST, "seed %lu", seed);
	ck_assert_msg(enough || too_little || state.quorum == before, "seed %lu", seed);
}

/* The same again changes nothing: a reload without a difference is none. */
static void assert_settled(uint64_t seed, struct instant now)
{
	struct pool_share again[N_MAX];
	struct pool_state next = state;

	pool_evaluate(&rule, servers, n, now, &next, again);
	ck_assert_msg(next.quorum == state.quorum && next.panic == state.panic, "seed %lu", seed);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(again[i].use == shares[i].use &&
				      again[i].reason == shares[i].reason &&
				      again[i].weight == shares[i].weight,
			"seed %lu", seed);
}

START_TEST(whatever_happens_to_the_servers_the_rules_hold)
{
	for (uint64_t seed = 1; seed <= 120; seed++) {
		struct rng rng = {seed};
		struct instant now = t0;

		set_up();
		random_rule(&rng);
		for (unsigned step = 0; step < 200; step++) {
			enum pool_quorum before = state.quorum;

			now = instant_add(now, rng_below(&rng, 20000000));
			random_event(&rng, now);
			pool_evaluate(&rule, servers, n, now, &state, shares);
			assert_shares(seed, now);
			assert_quorum(seed, before);
			assert_settled(seed, now);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pool");
	TCase *tc = tcase_create("pool");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, servers_that_are_up_serve_with_their_weights);
	tcase_add_test(tc, down_and_unchecked_servers_get_nothing);
	tcase_add_test(tc, a_server_that_the_peer_sees_up_is_kept_and_counts);
	tcase_add_test(tc, dead_servers_stay_in_the_table_unless_their_connections_expire);
	tcase_add_test(tc, a_server_that_dies_while_it_drains_is_dead);
	tcase_add_test(tc, quorum_moves_only_outside_its_hysteresis);
	tcase_add_test(tc, a_pool_without_a_usable_server_has_no_quorum_whatever_the_numbers);
	tcase_add_test(tc, quorum_is_not_decided_while_an_unchecked_server_may_decide_it);
	tcase_add_test(tc, an_operator_who_takes_servers_out_takes_them_from_the_quorum);
	tcase_add_test(tc, below_the_panic_threshold_all_are_used);
	tcase_add_test(tc, panic_waits_for_every_first_check_and_spares_what_operators_took_out);
	tcase_add_test(tc, of_those_that_fail_the_first_are_out_and_later_ones_held_in);
	tcase_add_test(tc, servers_that_fail_in_one_instant_go_out_in_the_files_order);
	tcase_add_test(tc, max_ejected_rounds_down_and_0_makes_checks_mere_advice);
	tcase_add_test(tc, a_server_that_came_up_ramps_and_the_others_do_not);
	tcase_add_test(tc, a_server_has_the_part_of_its_weight_that_its_check_asks_for);
	tcase_add_test(
		tc, a_server_that_does_not_want_to_serve_is_as_one_that_an_operator_took_out);
	tcase_add_test(tc, without_quorum_what_serves_is_quiet_and_the_fallback_serves);
	tcase_add_test(tc, every_reason_and_quorum_has_a_name_of_its_own);
	tcase_add_test(tc, whatever_happens_to_the_servers_the_rules_hold);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
