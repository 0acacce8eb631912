/* Pools at work: news told once, services told of what is different for them, states kept over a
 * reload; and a property: whatever happens, no service is without a server that has one. */
#include "core/ipvs_plan.h"
#include "director/health/pools.h"
#include "director/table/desired.h"
#include "ipvs_tables.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS 4
#define SECOND_US UINT64_C(1000000)

static char names[SERVERS][8], sorry_name[SERVERS][8], web[] = "web", sorry[] = "sorry",
						       front[] = "front";
static struct conf_server servers[SERVERS], sorry_servers[SERVERS];
static struct conf_pool pool_list[2];
static struct conf_service services[2];
static struct conf conf;
static struct targets targets;
static struct overrides overrides;
static struct override decided[1];
static struct pools pools;
static struct instant now;
static char told[256];
static unsigned n_changed;

static struct addr address(unsigned last)
{
	char text[32];
	struct addr a;

	(void)snprintf(text, sizeof(text), "192.0.2.%u", last);
	ck_assert(addr_parse(text, &a));
	return a;
}

static struct conf_pool a_pool(char *name, struct conf_server *list)
{
	static struct conf_check check = {
		.interval_us = 2 * SECOND_US, .timeout_us = SECOND_US, .rise = 1, .fall = 1};

	return (struct conf_pool){.name = name,
		.check = &check,
		.quorum = 1,
		.max_ejected_percent = 100,
		.fallback = CONF_NONE,
		.servers = list,
		.n_servers = SERVERS};
}

/* The other director. */
static enum health_state peer_word[SERVERS];

static enum health_state on_peer_says(
	const void *peer, const struct targets *t, size_t view, size_t server)
{
	ck_assert_ptr_eq(peer, peer_word);
	ck_assert_uint_lt(view, t->views.n);
	return view == 0 ? peer_word[server] : HEALTH_UNKNOWN;
}

static struct pools_input input(void)
{
	return (struct pools_input){.conf = &conf,
		.targets = &targets,
		.overrides = &overrides,
		.peer_says = on_peer_says,
		.peer = peer_word};
}

static void begin(void)
{
	struct pools_input in = input();

	ck_assert_int_eq(targets_build(&conf, &targets), 0);
	ck_assert_int_eq(pools_build(&in, NULL, NULL, &pools), 0);
}

static void set_up(void)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "rs%u", i + 1);
		(void)snprintf(sorry_name[i], sizeof(sorry_name[i]), "sorry%u", i + 1);
		servers[i] = (struct conf_server){
			.name = names[i], .address = address(11 + i), .weight = 1};
		sorry_servers[i] = (struct conf_server){
			.name = sorry_name[i], .address = address(91 + i), .weight = 1};
	}
	pool_list[0] = a_pool(web, servers);
	pool_list[1] = a_pool(sorry, sorry_servers);
	pool_list[0].fallback = 1;
	for (unsigned i = 0; i < 2; i++)
		services[i] = (struct conf_service){.name = front,
			.key = {address(100), (uint16_t)(80 + i), IPPROTO_TCP, 0},
			.check_port = (uint16_t)(80 + i),
			.scheduler = "rr",
			.forward = CONF_FORWARD_DIRECT,
			.router = CONF_NONE};
	conf = (struct conf){
		.pools = pool_list, .n_pools = 2, .services = services, .n_services = 1};
	overrides = (struct overrides){0};
	for (unsigned i = 0; i < SERVERS; i++)
		peer_word[i] = HEALTH_UNKNOWN;
	now = (struct instant){1000 * SECOND_US};
	told[0] = '\0';
	n_changed = 0;
	begin();
}

static void tear_down(void)
{
	pools_done(&pools);
	targets_done(&targets);
}

static void on_news(enum pool_news news, size_t view, void *userdata)
{
	static const char *const words[] = {
		[POOL_NEWS_QUORUM_LOST] = "lost ",
		[POOL_NEWS_QUORUM_REGAINED] = "regained ",
		[POOL_NEWS_FALLBACK_USED] = "fallback ",
		[POOL_NEWS_PANIC] = "panic ",
		[POOL_NEWS_PANIC_OVER] = "over ",
	};

	(void)userdata;
	ck_assert(!targets.views.items[view].is_fallback);
	if (strlen(told) + 16 < sizeof(told))
		strcat(told, words[news]);
}

static void on_changed(size_t view, void *userdata)
{
	(void)view;
	(void)userdata;
	n_changed++;
}

/* What was told since the last time. */
static const char *evaluate(void)
{
	static const struct pools_listener listener = {on_news, on_changed, NULL};
	struct pools_input in = input();

	told[0] = '\0';
	n_changed = 0;
	pools_evaluate(&pools, &in, now, &listener);
	return told;
}

static void verdict(size_t view, size_t server, enum verdict v)
{
	size_t n;
	struct target *t = &targets.items[*targets_of(&targets, view, server, &n)];
	const size_t *views;

	targets_set_verdict(t, v, now);
	views = targets_users(&targets, t, &n);
	for (size_t i = 0; i < n; i++)
		pools_touch(&pools, views[i]);
}

static void all(size_t view, enum verdict v)
{
	for (size_t i = 0; i < SERVERS; i++)
		verdict(view, i, v);
}

static void reload(void)
{
	struct pools_input old_in = input(), in;
	struct targets next;
	struct pools next_pools;
	struct targets before = targets;

	old_in.targets = &before;
	ck_assert_int_eq(targets_build(&conf, &next), 0);
	ck_assert_int_eq(targets_inherit(&next, &before), 0);
	in = input();
	in.targets = &next;
	ck_assert_int_eq(pools_build(&in, &old_in, &pools, &next_pools), 0);
	pools_done(&pools);
	targets_done(&before);
	targets = next;
	pools = next_pools;
}

START_TEST(what_is_news_is_told_once)
{
	all(0, VERDICT_UP);
	all(1, VERDICT_UP);
	ck_assert_str_eq(evaluate(), "");
	all(0, VERDICT_DOWN);
	ck_assert_str_eq(evaluate(), "lost fallback ");
	ck_assert_uint_gt(n_changed, 0);
	pools_touch(&pools, 0);
	ck_assert_str_eq(evaluate(), "");
	ck_assert_uint_eq(n_changed, 0);
	verdict(0, 2, VERDICT_UP);
	ck_assert_str_eq(evaluate(), "regained ");
}
END_TEST

static void peer_says_of(size_t server, enum health_state word)
{
	peer_word[server] = word;
	(void)pools_touch_peer(&pools, &targets.views);
}

static enum pool_reason reason_of(size_t server)
{
	evaluate();
	return pools_share(&pools, &targets, 0, server).reason;
}

static void all_are_up_on_both(void)
{
	all(0, VERDICT_UP);
	all(1, VERDICT_UP);
	for (size_t i = 0; i < SERVERS; i++)
		peer_says_of(i, HEALTH_UP);
	evaluate();
}

START_TEST(two_opinions_keep_a_server_until_both_see_it_down)
{
	pool_list[0].opinions = CONF_OPINIONS_BOTH;
	all_are_up_on_both();
	ck_assert(!pools_touch_peer(&pools, &targets.views));
	verdict(0, 0, VERDICT_DOWN);
	ck_assert_int_eq(reason_of(0), POOL_REASON_DOWN_HERE);
	ck_assert_int_eq(pools_share(&pools, &targets, 0, 0).use, POOL_USE_SERVE);
	peer_says_of(0, HEALTH_DOWN);
	ck_assert_int_eq(reason_of(0), POOL_REASON_DOWN);
	ck_assert_uint_gt(n_changed, 0);
	peer_says_of(0, HEALTH_UP);
	ck_assert_int_eq(reason_of(0), POOL_REASON_DOWN_HERE);
	peer_says_of(0, HEALTH_UNKNOWN); /* the link is gone */
	ck_assert_int_eq(reason_of(0), POOL_REASON_DOWN);
	verdict(0, 0, VERDICT_UP);
	ck_assert_int_eq(reason_of(0), POOL_REASON_NONE);
	peer_says_of(0, HEALTH_DOWN); /* alone it puts nobody out */
	ck_assert_int_eq(reason_of(0), POOL_REASON_NONE);
}
END_TEST

START_TEST(a_server_that_comes_back_by_the_peers_word_starts_slowly)
{
	pool_list[0].opinions = CONF_OPINIONS_BOTH;
	pool_list[0].slow_start_us = 10 * SECOND_US;
	all_are_up_on_both();
	verdict(0, 0, VERDICT_DOWN);
	ck_assert_int_eq(reason_of(0), POOL_REASON_DOWN_HERE);
	peer_says_of(0, HEALTH_DOWN);
	ck_assert_int_eq(reason_of(0), POOL_REASON_DOWN);
	now = instant_add(now, SECOND_US);
	peer_says_of(0, HEALTH_UP);
	ck_assert_int_eq(reason_of(0), POOL_REASON_SLOW_START);
	ck_assert_uint_eq(pools_share(&pools, &targets, 0, 0).percent, 10);
}
END_TEST

/* The check decides within 2 s and a timeout of 1 s. */
START_TEST(servers_count_as_down_here_only_when_the_peer_had_the_time_to_agree)
{
	all_are_up_on_both();
	verdict(0, 0, VERDICT_DOWN);
	ck_assert_int_eq(reason_of(0), POOL_REASON_DOWN); /* one opinion */
	ck_assert_uint_eq(pools.views[0].n_down_here, 0);
	ck_assert_uint_eq(pools.next.us, now.us + 4 * SECOND_US);
	now = pools.next;
	evaluate();
	ck_assert_uint_eq(pools.views[0].n_down_here, 1);
	ck_assert(instant_is_never(pools.next));
	reload();
	evaluate();
	ck_assert_uint_eq(pools.views[0].n_down_here, 1);
	peer_says_of(0, HEALTH_DOWN);
	evaluate();
	ck_assert_uint_eq(pools.views[0].n_down_here, 0);
	peer_says_of(0, HEALTH_UP); /* anew */
	evaluate();
	ck_assert_uint_eq(pools.views[0].n_down_here, 0);
	ck_assert_uint_eq(pools.next.us, now.us + 4 * SECOND_US);
}
END_TEST

START_TEST(a_fallback_stays_a_minute_after_it_was_needed)
{
	all(0, VERDICT_DOWN);
	all(1, VERDICT_UP);
	evaluate();
	ck_assert(pools_uses_fallback(&pools, 0));
	verdict(0, 0, VERDICT_UP);
	evaluate();
	ck_assert(!pools_uses_fallback(&pools, 0));
	ck_assert(pools_has_fallback(&pools, 0));
	ck_assert_int_eq(pools_fallback_share(&pools, &targets, 0, 0).reason, POOL_REASON_LEAVING);
	ck_assert_uint_eq(pools.next.us, now.us + POOLS_LEAVING_US);
	now.us += POOLS_LEAVING_US - 1;
	evaluate();
	ck_assert(pools_has_fallback(&pools, 0));
	now.us++;
	evaluate();
	ck_assert(!pools_has_fallback(&pools, 0));
	ck_assert_uint_eq(n_changed, 1);
	ck_assert(instant_is_never(pools.next));
}
END_TEST

START_TEST(a_fallback_that_is_down_itself_is_not_used)
{
	pool_list[0].quorum = 3;
	all(0, VERDICT_DOWN);
	verdict(0, 1, VERDICT_UP);
	all(1, VERDICT_DOWN);
	ck_assert_str_eq(evaluate(), "lost ");
	ck_assert_int_eq(pools_share(&pools, &targets, 0, 1).use, POOL_USE_SERVE);
	verdict(1, 3, VERDICT_UP); /* the pool looks again, though nothing happened to it */
	ck_assert_str_eq(evaluate(), "fallback ");
	ck_assert_int_eq(pools_share(&pools, &targets, 0, 1).use, POOL_USE_QUIET);
	verdict(1, 3, VERDICT_DOWN);
	ck_assert_str_eq(evaluate(), "");
	ck_assert_int_eq(pools_share(&pools, &targets, 0, 1).use, POOL_USE_SERVE);
}
END_TEST

START_TEST(a_slow_start_is_looked_at_when_its_step_is_due)
{
	pool_list[0].slow_start_us = 90 * SECOND_US;
	all(0, VERDICT_DOWN);
	evaluate();
	verdict(0, 0, VERDICT_UP);
	evaluate();
	ck_assert_uint_eq(pools_share(&pools, &targets, 0, 0).percent, 10);
	ck_assert_uint_eq(pools.next.us, now.us + 10 * SECOND_US);
	now.us += 10 * SECOND_US - 1;
	evaluate();
	ck_assert_uint_eq(n_changed, 0);
	now.us++;
	evaluate();
	ck_assert_uint_eq(n_changed, 1);
	ck_assert_uint_eq(pools_share(&pools, &targets, 0, 0).percent, 20);
}
END_TEST

START_TEST(an_operators_decision_reaches_the_pools_that_have_the_server)
{
	struct pools_input in = input();

	all(0, VERDICT_UP);
	evaluate();
	decided[0] = (struct override){
		.pool = web, .server = names[1], .decision = {.kind = DECISION_DRAIN}};
	overrides = (struct overrides){.items = decided, .n = 1};
	evaluate();
	ck_assert_uint_eq(n_changed, 0); /* nobody said that anything happened */
	pools_touch_server(&pools, &in, web, names[1]);
	evaluate();
	ck_assert_uint_eq(n_changed, 1);
	ck_assert_int_eq(pools_share(&pools, &targets, 0, 1).use, POOL_USE_QUIET);
}
END_TEST

START_TEST(a_server_that_is_ready_again_starts_slowly)
{
	pool_list[0].slow_start_us = 90 * SECOND_US;
	all(0, VERDICT_UP);
	decided[0] = (struct override){.pool = web, .server = names[1], .ready_at = now};
	overrides = (struct overrides){.items = decided, .n = 1};
	evaluate();
	ck_assert_uint_eq(pools_share(&pools, &targets, 0, 0).percent, 100);
	ck_assert_uint_eq(pools_share(&pools, &targets, 0, 1).percent, 10);
}
END_TEST

START_TEST(a_reload_goes_on_from_where_the_pools_are)
{
	struct conf_check slower;

	pool_list[0].quorum = 3;
	pool_list[0].hysteresis = 1;
	all(0, VERDICT_DOWN);
	all(1, VERDICT_UP);
	ck_assert_str_eq(evaluate(), "lost fallback ");
	for (size_t i = 0; i < 3; i++)
		verdict(0, i, VERDICT_UP);
	ck_assert_str_eq(evaluate(), ""); /* 3 is not 3 + 1 */
	slower = *pool_list[0].check;
	slower.interval_us *= 2;
	pool_list[0].check = &slower;
	reload();
	ck_assert_str_eq(evaluate(), "");
	ck_assert(pools_uses_fallback(&pools, 0));
	pool_list[0].fallback = CONF_NONE;
	reload();
	ck_assert_str_eq(evaluate(), "");
	ck_assert(!pools_uses_fallback(&pools, 0));
}
END_TEST

START_TEST(a_fallback_that_was_leaving_is_gone_with_the_configuration_that_named_it)
{
	all(0, VERDICT_DOWN);
	all(1, VERDICT_UP);
	evaluate();
	all(0, VERDICT_UP);
	evaluate();
	ck_assert(pools_has_fallback(&pools, 0));
	pool_list[0].fallback = CONF_NONE;
	reload();
	evaluate();
	ck_assert(!pools_has_fallback(&pools, 0));
}
END_TEST

START_TEST(a_start_finds_the_fallback_serving_and_leaves_it)
{
	struct ipvs_dest dests[2] = {
		{.key = {address(11), 80}, .weight = 0}, {.key = {address(91), 80}, .weight = 1}};
	struct ipvs_service service = {.key = services[0].key, .n_dests = 2};
	struct ipvs_table have = {&service, 1, dests, 2};
	struct pools_input in = input();

	targets_adopt(&targets, &conf, &have);
	pools_adopt(&pools, &in, &have);
	ck_assert_str_eq(evaluate(), "");
	ck_assert(pools_uses_fallback(&pools, 0));
	dests[0].weight = 1; /* where the pool itself serves, the fallback does not */
	tear_down();
	begin();
	targets_adopt(&targets, &conf, &have);
	in = input();
	pools_adopt(&pools, &in, &have);
	evaluate();
	ck_assert(!pools_uses_fallback(&pools, 0));
}
END_TEST

/* Random histories of a pool with a fallback. */

static size_t n_up(size_t view)
{
	size_t n = 0;

	for (size_t i = 0; i < SERVERS; i++) {
		const struct conf_pool *p = &pool_list[targets.views.items[view].pool];
		const struct override *o = overrides_find(&overrides, p->name, p->servers[i].name);

		n += targets_health(&targets, &conf, view, i).said == HEALTH_UP &&
		     (!o || o->decision.kind == DECISION_NONE);
	}
	return n;
}

/* The fallback only where it is known that it is needed. */
static bool can_serve(void)
{
	return n_up(0) > 0 || (n_up(1) > 0 && pools.views[0].state.quorum != POOL_QUORUM_UNKNOWN);
}

static size_t n_weighted(const struct ipvs_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->services[0].n_dests; i++)
		n += t->dests[t->services[0].first_dest + i].weight > 0;
	return n;
}

static bool may_delete(const struct ipvs_service_key *key, void *userdata)
{
	(void)key;
	(void)userdata;
	return true;
}

/* The kernel's side of the one service: its servers, changed step by step. */
struct kernel {
	struct ipvs_dest dests[4 * SERVERS];
	size_t n;
};

static void carry_out(struct kernel *k, const struct ipvs_op *op)
{
	size_t i = 0;

	while (i < k->n && ipvs_dest_key_compare(&k->dests[i].key, &op->dest->key) != 0)
		i++;
	if (op->kind == IPVS_OP_DEL_DEST)
		k->dests[i] = k->dests[--k->n];
	else
		k->dests[i] = *op->dest;
	if (op->kind == IPVS_OP_ADD_DEST)
		k->n++;
}

static bool is_empty(const struct kernel *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->dests[i].weight > 0)
			return false;
	return true;
}

/* No step of the plan leaves the service without a server with a weight, when it has one before and
 * after. */
static void assert_never_empty(
	uint64_t seed, const struct ipvs_table *have, const struct ipvs_table *want)
{
	struct ipvs_op ops[64];
	size_t n = ipvs_plan(want, have, may_delete, NULL, ops);
	struct kernel k = {.n = have->services[0].n_dests};

	ck_assert_uint_le(ipvs_plan_max(want, have), 64);
	memcpy(k.dests, have->dests + have->services[0].first_dest, k.n * sizeof(*k.dests));
	if (n_weighted(have) == 0 || n_weighted(want) == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		carry_out(&k, &ops[i]);
		ck_assert_msg(!is_empty(&k), "seed %lu", seed);
	}
	ck_assert_uint_eq(k.n, want->services[0].n_dests);
}

static void random_event(struct rng *rng)
{
	decided[0].decision.kind =
		rng_percent(rng, 20) ? rng_below(rng, DECISION_MAX_) : decided[0].decision.kind;
	decided[0].decision.drain.state = rng_below(rng, DRAIN_MAX_);
	verdict(rng_below(rng, 2), rng_below(rng, SERVERS),
		rng_percent(rng, 50) ? VERDICT_UP : VERDICT_DOWN);
	pools_touch(&pools, 0);
	now = instant_add(now, rng_below(rng, 30) * SECOND_US);
}

static void build(struct ipvs_table *ret)
{
	struct desired_input in = {.conf = &conf, .targets = &targets, .pools = &pools};

	ck_assert_int_eq(desired_build(&in, ret), 0);
}

START_TEST(no_service_is_without_a_server_that_has_one)
{
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct rng rng = {seed};
		struct ipvs_table have = {0}, want;

		tear_down();
		set_up();
		pool_list[0].quorum = 1 + rng_below(&rng, 4);
		pool_list[0].panic_percent = (uint8_t)rng_below(&rng, 101);
		pool_list[0].slow_start_us = rng_below(&rng, 100) * SECOND_US;
		decided[0] = (struct override){.pool = web, .server = names[0]};
		overrides = (struct overrides){.items = decided, .n = 1};
		build(&have);
		for (unsigned step = 0; step < 100; step++) {
			random_event(&rng);
			evaluate();
			build(&want);
			ck_assert_msg(n_weighted(&want) > 0 || !can_serve(), "seed %lu step %u",
				seed, step);
			assert_never_empty(seed, &have, &want);
			desired_done(&have);
			have = want;
		}
		desired_done(&have);
	}
}
END_TEST

/* --- In steps --- */

#define MANY 40 /* pools: all but the first have it as their fallback */

static char many_names[MANY][16];
static struct conf_pool many_pools[MANY];
static struct conf_service many_services[MANY];
static struct conf_check many_check;
static const struct conf many = {
	.pools = many_pools, .n_pools = MANY, .services = many_services, .n_services = MANY};

/* Each pool has the same servers, on a port of its own. */
static void build_many(uint64_t interval_us, struct targets *ret)
{
	many_check = (struct conf_check){.type = CONF_CHECK_TCP,
		.interval_us = interval_us,
		.timeout_us = SECOND_US,
		.rise = 1,
		.fall = 1};
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(many_names[i], sizeof(many_names[i]), "pool%u", i);
		many_pools[i] = a_pool(many_names[i], servers);
		many_pools[i].check = &many_check;
		many_pools[i].fallback = i == 0 ? CONF_NONE : 0;
		many_services[i] = services[0];
		many_services[i].pool = i;
		many_services[i].key.port = many_services[i].check_port = (uint16_t)(1000 + i);
	}
	ck_assert_int_eq(targets_build(&many, ret), 0);
}

/* It is asked about each server that is evaluated, since all are down. */
static unsigned n_asked, n_news;

static enum health_state on_asked(
	const void *peer, const struct targets *t, size_t view, size_t server)
{
	(void)peer;
	(void)t;
	(void)view;
	(void)server;
	n_asked++;
	return HEALTH_UNKNOWN;
}

static void on_many_news(enum pool_news news, size_t view, void *userdata)
{
	(void)news;
	(void)view;
	(void)userdata;
	n_news++;
}

static const struct pools_listener many_listener = {on_many_news, on_changed, NULL};

static void assert_same_shares(
	const struct pools *a, const struct pools *b, const struct targets *t)
{
	for (size_t i = 0; i < t->views.n; i++)
		for (size_t j = 0; j < SERVERS; j++) {
			struct pool_share x = pools_share(a, t, i, j), y = pools_share(b, t, i, j);

			ck_assert_int_eq(x.use, y.use);
			ck_assert_uint_eq(x.weight, y.weight);
			ck_assert_int_eq(x.reason, y.reason);
		}
}

/* A step ends with the view that makes it as many servers as it may have, and all steps together
 * tell and decide what one evaluation does. */
START_TEST(an_evaluation_in_steps_is_one_evaluation)
{
	const unsigned max = (unsigned)_i;
	struct targets t;
	struct pools whole, stepped;
	struct pools_input in = {
		.conf = &many, .targets = &t, .overrides = &overrides, .peer_says = on_asked};
	unsigned expected, all, n_views, steps = 1;

	build_many(SECOND_US, &t);
	for (size_t i = 0; i < t.n; i++)
		targets_set_verdict(&t.items[i], VERDICT_DOWN, now);
	ck_assert_int_eq(pools_build(&in, NULL, NULL, &whole), 0);
	ck_assert_int_eq(pools_build(&in, NULL, NULL, &stepped), 0);
	n_views = (unsigned)t.views.n;
	ck_assert_uint_ge(n_views, MANY);
	n_news = n_asked = 0;
	pools_evaluate(&whole, &in, now, &many_listener);
	ck_assert_uint_eq(n_asked, n_views * SERVERS);
	expected = n_news;
	ck_assert_uint_ge(expected, MANY);
	n_news = n_asked = all = 0;
	for (; !pools_evaluate_some(&stepped, &in, now, &many_listener, max); steps++) {
		ck_assert_uint_ge(n_asked, max);
		ck_assert_uint_lt(n_asked, max + SERVERS);
		all += n_asked;
		n_asked = 0;
	}
	ck_assert_uint_lt(n_asked, max + SERVERS);
	ck_assert_uint_eq(all + n_asked, n_views * SERVERS);
	ck_assert_uint_ge(steps, n_views * SERVERS / (max + SERVERS));
	ck_assert_uint_eq(n_news, expected);
	ck_assert_uint_eq(whole.next.us, stepped.next.us);
	assert_same_shares(&whole, &stepped, &t);
	n_asked = 0;
	ck_assert(pools_evaluate_some(&stepped, &in, now, &many_listener, max));
	ck_assert_uint_eq(n_asked, 0);
	pools_done(&whole);
	pools_done(&stepped);
	targets_done(&t);
}
END_TEST

/* All checks are other ones: each target looks for the one with its address and port. */
START_TEST(a_step_of_an_inheritance_takes_no_more_targets_than_it_may)
{
	const size_t max = 7;
	struct targets old, whole, stepped;
	struct heritage h = {0};
	size_t steps = 1;
	int r;

	build_many(SECOND_US, &old);
	for (size_t i = 0; i < old.n; i++)
		targets_set_verdict(&old.items[i], i % 3 ? VERDICT_UP : VERDICT_DOWN, now);
	build_many(2 * SECOND_US, &whole);
	build_many(2 * SECOND_US, &stepped);
	ck_assert_uint_eq(old.n, stepped.n);
	ck_assert_int_eq(targets_inherit(&whole, &old), 0);
	for (; (r = heritage_step(&h, &stepped, &old, max)) > 0; steps++) {
		ck_assert_uint_eq(h.next, steps * max);
		ck_assert_int_eq(stepped.items[h.next].verdict, VERDICT_UNKNOWN);
	}
	ck_assert_int_eq(r, 0);
	heritage_done(&h);
	ck_assert_uint_eq(steps, (stepped.n + max - 1) / max);
	for (size_t i = 0; i < old.n; i++) {
		ck_assert_str_ne(old.items[i].id, stepped.items[i].id);
		ck_assert_int_eq(stepped.items[i].verdict, old.items[i].verdict);
		ck_assert_int_eq(whole.items[i].verdict, old.items[i].verdict);
	}
	targets_done(&old);
	targets_done(&whole);
	targets_done(&stepped);
}
END_TEST

/* A candidate is thrown away in the middle, or what it took over is otherwise meanwhile. */
START_TEST(an_inheritance_that_is_begun_anew_knows_what_changed)
{
	struct targets old, new;
	struct heritage h = {0};

	build_many(SECOND_US, &old);
	build_many(2 * SECOND_US, &new);
	ck_assert_int_eq(heritage_step(&h, &new, &old, 5), 1);
	targets_set_verdict(&old.items[0], VERDICT_DOWN, now);
	heritage_done(&h);
	ck_assert_int_eq(heritage_step(&h, &new, &old, new.n), 0);
	ck_assert_int_eq(new.items[0].verdict, VERDICT_DOWN);
	heritage_done(&h);
	ck_assert_int_eq(heritage_step(&h, &new, &old, 5), 1);
	heritage_done(&h);
	targets_done(&old);
	targets_done(&new);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pools");
	TCase *tc = tcase_create("pools");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, what_is_news_is_told_once);
	tcase_add_test(tc, two_opinions_keep_a_server_until_both_see_it_down);
	tcase_add_test(tc, a_server_that_comes_back_by_the_peers_word_starts_slowly);
	tcase_add_test(tc, servers_count_as_down_here_only_when_the_peer_had_the_time_to_agree);
	tcase_add_test(tc, a_fallback_stays_a_minute_after_it_was_needed);
	tcase_add_test(tc, a_fallback_that_is_down_itself_is_not_used);
	tcase_add_test(tc, a_slow_start_is_looked_at_when_its_step_is_due);
	tcase_add_test(tc, an_operators_decision_reaches_the_pools_that_have_the_server);
	tcase_add_test(tc, a_server_that_is_ready_again_starts_slowly);
	tcase_add_test(tc, a_reload_goes_on_from_where_the_pools_are);
	tcase_add_test(
		tc, a_fallback_that_was_leaving_is_gone_with_the_configuration_that_named_it);
	tcase_add_test(tc, a_start_finds_the_fallback_serving_and_leaves_it);
	tcase_add_test(tc, no_service_is_without_a_server_that_has_one);
	tcase_add_loop_test(tc, an_evaluation_in_steps_is_one_evaluation, 1, 12);
	tcase_add_test(tc, a_step_of_an_inheritance_takes_no_more_targets_than_it_may);
	tcase_add_test(tc, an_inheritance_that_is_begun_anew_knows_what_changed);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
