/* Shares in two passes: what each server is by itself, then what the pool as a whole makes of it.
 */
#include "core/pool.h"

#include "core/ramp.h"

#include <assert.h>
#include <string.h>

static const char *const reason_names[POOL_REASON_MAX_] = {
	[POOL_REASON_NONE] = "none",
	[POOL_REASON_SLOW_START] = "slow-start",
	[POOL_REASON_WEIGHT] = "weight",
	[POOL_REASON_CHECK_WEIGHT] = "check-weight",
	[POOL_REASON_CHECK_DRAIN] = "check-drain",
	[POOL_REASON_CHECK_MAINT] = "check-maint",
	[POOL_REASON_DRAINING] = "draining",
	[POOL_REASON_DRAINED] = "drained",
	[POOL_REASON_FORCED] = "forced",
	[POOL_REASON_FAILED] = "failed",
	[POOL_REASON_DOWN] = "down",
	[POOL_REASON_UNCHECKED] = "unchecked",
	[POOL_REASON_DOWN_HERE] = "down-here-only",
	[POOL_REASON_HELD_IN] = "held-in",
	[POOL_REASON_PANIC] = "panic",
	[POOL_REASON_NO_QUORUM] = "no-quorum",
	[POOL_REASON_FALLBACK] = "fallback",
	[POOL_REASON_LEAVING] = "leaving",
};

static const char *const quorum_names[POOL_QUORUM_MAX_] = {
	[POOL_QUORUM_UNKNOWN] = "unknown",
	[POOL_QUORUM_UP] = "up",
	[POOL_QUORUM_LOST] = "lost",
};

const char *pool_reason_name(enum pool_reason reason)
{
	assert(reason < POOL_REASON_MAX_);
	return reason_names[reason];
}

static const char *const wish_names[POOL_WISH_MAX_] = {
	[POOL_WISH_SERVE] = "serve",
	[POOL_WISH_DRAIN] = "drain",
	[POOL_WISH_MAINT] = "maint",
};

const char *pool_wish_name(enum pool_wish wish)
{
	assert(wish < POOL_WISH_MAX_);
	return wish_names[wish];
}

enum pool_wish pool_wish_by_name(const char *name)
{
	enum pool_wish wish = 0;

	while (wish < POOL_WISH_MAX_ && strcmp(wish_names[wish], name) != 0)
		wish++;
	return wish;
}

const char *pool_quorum_name(enum pool_quorum quorum)
{
	assert(quorum < POOL_QUORUM_MAX_);
	return quorum_names[quorum];
}

/* What an operator took out. A server that dies while it drains is dead above all. */
static struct pool_share share_of_decision(const struct pool_server *s)
{
	static const struct pool_share drains[DRAIN_MAX_] = {
		[DRAIN_DRAINING] = {POOL_USE_QUIET, POOL_REASON_DRAINING, 0, 100},
		[DRAIN_DRAINED] = {POOL_USE_GONE, POOL_REASON_DRAINED, 0, 100},
		[DRAIN_FORCED] = {POOL_USE_GONE, POOL_REASON_FORCED, 0, 100},
	};
	struct pool_share share = {POOL_USE_DEAD, POOL_REASON_FAILED, 0, 100};

	if (s->decision->kind == DECISION_DRAIN)
		share = drains[s->decision->drain.state];
	if (share.use == POOL_USE_QUIET && s->health == HEALTH_DOWN)
		share.use = POOL_USE_DEAD;
	return share;
}

static bool is_taken_out(const struct pool_server *s)
{
	return s->decision && s->decision->kind != DECISION_NONE;
}

static uint32_t weight_of(const struct pool_server *s)
{
	return s->decision && s->decision->has_weight ? s->decision->weight : s->weight;
}

static void take_percent(struct pool_share *share, unsigned percent)
{
	if (percent != 100)
		share->reason = POOL_REASON_CHECK_WEIGHT;
	share->percent = percent;
	if (percent == 0)
		share->weight = 0;
}

/* Never to nothing. */
static void slow_down(struct pool_share *share, unsigned ramp)
{
	if (ramp == 100)
		return;
	share->reason = POOL_REASON_SLOW_START;
	share->percent = (share->percent * ramp + 99) / 100;
}

/* It is up, and does not want to serve. Like one that an operator took out, it is in no census. */
static struct pool_share share_of_unwilling(enum pool_wish wish)
{
	return wish == POOL_WISH_DRAIN
		       ? (struct pool_share){POOL_USE_QUIET, POOL_REASON_CHECK_DRAIN, 0, 100}
		       : (struct pool_share){POOL_USE_DEAD, POOL_REASON_CHECK_MAINT, 0, 100};
}

static struct pool_share share_of_usable(
	const struct pool_rule *rule, const struct pool_server *s, struct instant now)
{
	struct ramp ramp = {s->up_at, rule->slow_start_us};
	struct pool_share share = {POOL_USE_SERVE,
		s->kept ? POOL_REASON_DOWN_HERE : POOL_REASON_NONE, weight_of(s), 100};

	if (s->decision && s->decision->has_weight)
		share.reason = POOL_REASON_WEIGHT;
	else if (s->wishes.has_percent)
		take_percent(&share, s->wishes.percent);
	if (share.weight == 0)
		share.use = POOL_USE_QUIET;
	else
		slow_down(&share, ramp_percent(&ramp, now));
	return share;
}

/* What a server is by itself. */
static struct pool_share share_alone(
	const struct pool_rule *rule, const struct pool_server *s, struct instant now)
{
	if (is_taken_out(s))
		return share_of_decision(s);
	switch (s->health) {
	case HEALTH_UP:
		if (s->wishes.wish != POOL_WISH_SERVE)
			return share_of_unwilling(s->wishes.wish);
		return share_of_usable(rule, s, now);
	case HEALTH_DOWN:
		return (struct pool_share){POOL_USE_DEAD, POOL_REASON_DOWN, weight_of(s), 100};
	case HEALTH_UNKNOWN:
		break;
	}
	return (struct pool_share){POOL_USE_DEAD, POOL_REASON_UNCHECKED, weight_of(s), 100};
}

/* The servers that could serve if they were up. */
struct census {
	size_t n, n_up, n_down, n_unchecked;
	uint64_t usable_weight;
};

static struct census take_census(const struct pool_share *shares, size_t n)
{
	struct census c = {0};

	for (size_t i = 0; i < n; i++) {
		if (shares[i].weight == 0)
			continue;
		c.n++;
		c.n_down += shares[i].reason == POOL_REASON_DOWN;
		c.n_unchecked += shares[i].reason == POOL_REASON_UNCHECKED;
		if (shares[i].use != POOL_USE_SERVE)
			continue;
		c.n_up++;
		c.usable_weight += shares[i].weight;
	}
	return c;
}

static enum pool_quorum quorum_step(
	const struct pool_rule *rule, enum pool_quorum before, const struct census *c)
{
	uint64_t high = (uint64_t)rule->quorum + rule->hysteresis;
	uint64_t low = rule->quorum > rule->hysteresis ? rule->quorum - rule->hysteresis : 0;

	switch (before) {
	case POOL_QUORUM_UP:
		return c->usable_weight == 0 || c->usable_weight < low ? POOL_QUORUM_LOST : before;
	case POOL_QUORUM_LOST:
		return c->usable_weight > 0 && c->usable_weight >= high ? POOL_QUORUM_UP : before;
	case POOL_QUORUM_UNKNOWN:
		if (c->usable_weight > 0 && c->usable_weight >= rule->quorum)
			return POOL_QUORUM_UP;
		return c->n_unchecked > 0 ? before : POOL_QUORUM_LOST;
	case POOL_QUORUM_MAX_:
		break;
	}
	return before;
}

static bool is_panic(const struct pool_rule *rule, const struct census *c)
{
	return c->n_unchecked == 0 && c->n_up * 100 < c->n * (size_t)rule->panic_percent;
}

static bool is_down(const struct pool_share *share)
{
	return share->reason == POOL_REASON_DOWN && share->weight > 0;
}

static void use_all_down(struct pool_share *shares, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_down(&shares[i])) {
			shares[i].use = POOL_USE_SERVE;
			shares[i].reason = POOL_REASON_PANIC;
		}
}

/* How many servers failed before this one. Those held in already still count as failed. */
static size_t n_failed_before(
	const struct pool_server *servers, const struct pool_share *shares, size_t n, size_t of)
{
	size_t before = 0;

	for (size_t i = 0; i < n; i++) {
		if (i == of || (!is_down(&shares[i]) && shares[i].reason != POOL_REASON_HELD_IN))
			continue;
		before += servers[i].failed_at.us < servers[of].failed_at.us ||
			  (servers[i].failed_at.us == servers[of].failed_at.us && i < of);
	}
	return before;
}

static size_t hold_in(
	const struct pool_server *servers, struct pool_share *shares, size_t n, size_t n_may_be_out)
{
	size_t held = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_down(&shares[i]) || n_failed_before(servers, shares, n, i) < n_may_be_out)
			continue;
		shares[i].use = POOL_USE_SERVE;
		shares[i].reason = POOL_REASON_HELD_IN;
		held++;
	}
	return held;
}

static struct instant next_change(const struct pool_rule *rule, const struct pool_server *servers,
	const struct pool_share *shares, size_t n, struct instant now)
{
	struct instant next = INSTANT_NEVER;

	for (size_t i = 0; i < n; i++) {
		struct ramp ramp = {servers[i].up_at, rule->slow_start_us};

		if (shares[i].reason == POOL_REASON_SLOW_START)
			next = instant_min(next, ramp_next(&ramp, now));
	}
	return next;
}

void pool_evaluate(const struct pool_rule *rule, const struct pool_server *servers, size_t n,
	struct instant now, struct pool_state *state, struct pool_share *ret_shares)
{
	struct census census;
	size_t n_may_be_out;

	for (size_t i = 0; i < n; i++)
		ret_shares[i] = share_alone(rule, &servers[i], now);
	census = take_census(ret_shares, n);
	n_may_be_out = census.n * rule->max_ejected_percent / 100;
	state->quorum = quorum_step(rule, state->quorum, &census);
	state->usable_weight = census.usable_weight;
	state->panic = is_panic(rule, &census);
	state->n_held_in = 0;
	if (state->panic)
		use_all_down(ret_shares, n);
	else if (census.n_down > n_may_be_out)
		state->n_held_in = hold_in(servers, ret_shares, n, n_may_be_out);
	state->next = next_change(rule, servers, ret_shares, n, now);
}

bool pool_serves(const struct pool_share *shares, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (shares[i].use == POOL_USE_SERVE)
			return true;
	return false;
}

struct pool_share pool_share_without_quorum(struct pool_share share)
{
	if (share.use == POOL_USE_SERVE) {
		share.use = POOL_USE_QUIET;
		share.reason = POOL_REASON_NO_QUORUM;
	}
	return share;
}

struct pool_share pool_share_of_fallback(struct pool_share share, bool used)
{
	if (share.use != POOL_USE_SERVE)
		return share;
	if (!used)
		share.use = POOL_USE_QUIET;
	share.reason = used ? POOL_REASON_FALLBACK : POOL_REASON_LEAVING;
	return share;
}

bool pool_share_is_placed(const struct pool_share *share, bool expire)
{
	switch (share->use) {
	case POOL_USE_SERVE:
	case POOL_USE_QUIET:
		return true;
	case POOL_USE_DEAD:
		return !expire;
	case POOL_USE_GONE:
		break;
	}
	return false;
}

uint32_t pool_share_weight(const struct pool_share *share, uint32_t scale)
{
	if (share->use != POOL_USE_SERVE)
		return 0;
	return ramp_weight(share->weight * scale, share->percent);
}
