/* Rules about pools and services. */
#include "base/cleanup.h"
#include "conf/alloc.h"
#include "conf/rules.h"
#include "conf/suggest.h"

#include <inttypes.h>

static void clash_server(
	const struct rules *r, const struct claim *first, const struct claim *again)
{
	const struct conf_pool *pool = &r->c->pools[again->owner];

	rules_report_server(r, again->owner, again->item, "address",
		conf_printf("server \"%s\" of this pool has the same address and port",
			pool->servers[first->item].name));
}

static const struct value *skip_comment(const struct value *member)
{
	return member && strcmp(member->key, KEY_COMMENT) == 0 ? member->next : member;
}

const struct value *rules_first_server(const struct rules *r, size_t pool)
{
	return skip_comment(
		value_members(value_get(rules_origin(r, ROOT_POOLS, pool)->json, "servers")));
}

const struct value *rules_next_server(const struct value *server)
{
	return skip_comment(value_next(server));
}

struct claim *rules_claim_servers(
	const struct rules *r, size_t pool, uint16_t port, size_t owner, size_t *ret_n)
{
	const struct conf_pool *p = &r->c->pools[pool];
	const struct value *json = rules_first_server(r, pool);
	struct claim *claims = conf_alloc(p->n_servers, sizeof(*claims));
	size_t n = 0;

	for (size_t i = 0; i < p->n_servers; i++, json = rules_next_server(json)) {
		const struct conf_server *s = &p->servers[i];
		/* A faulty port was reported, and is 0. */
		bool faulty = s->port == 0 && rules_faulty(r, json, "port");

		if (s->address.family && !faulty)
			claims[n++] = (struct claim){.text = "",
				.addr = s->address,
				.number = s->port ? s->port : port,
				.owner = owner,
				.item = i};
	}
	*ret_n = n;
	return claims;
}

static void rule_servers(const struct rules *r, size_t pool)
{
	size_t n;
	struct claim *claims = rules_claim_servers(r, pool, 0, pool, &n);

	rules_find_clashes(r, claims, n, clash_server);
	free(claims);
}

const char *rules_tunnel_fault(const struct rules *r, const struct value *json,
	const struct conf_tunnel *tunnel, const char **ret_key)
{
	bool gue = tunnel->type == IPVS_TUNNEL_GUE;

	if (rules_faulty(r, json, "encapsulation"))
		return NULL;
	*ret_key = "encapsulation_port";
	if (rules_given(json, *ret_key) && !gue)
		return "only for \"encapsulation\": \"gue\"";
	*ret_key = "encapsulation_checksum";
	if (tunnel->flags == IPVS_TUNNEL_REMOTE_CHECKSUM && !gue)
		return "\"remote\" is only for \"encapsulation\": \"gue\"";
	if (tunnel->flags && tunnel->type == IPVS_TUNNEL_IPIP)
		return "an ipip tunnel has no checksum";
	*ret_key = "encapsulation";
	if (gue && tunnel->port == 0 && !rules_faulty(r, json, "encapsulation_port"))
		return "\"gue\" needs an encapsulation_port";
	return NULL;
}

/* What a server says of its own tunnel replaces what the service says. */
static void rule_server_tunnel(
	const struct rules *r, size_t pool, size_t server, const struct value *json)
{
	const struct conf_server *s = &r->c->pools[pool].servers[server];
	const char *key, *text;

	if (!s->has_tunnel)
		return;
	text = rules_tunnel_fault(r, json, &s->tunnel, &key);
	if (text)
		rules_report_server(r, pool, server, key, conf_dup(text));
}

static void rule_thresholds(
	const struct rules *r, size_t pool, size_t server, const struct value *json)
{
	const struct conf_server *s = &r->c->pools[pool].servers[server];

	if (s->lower > s->upper && !rules_faulty(r, json, "upper_threshold"))
		rules_report_server(r, pool, server, "lower_threshold",
			conf_printf("%" PRIu32 " is above the upper_threshold of %" PRIu32,
				s->lower, s->upper));
}

/* --- Quorum --- */

static bool any_weight_faulty(const struct rules *r, size_t pool)
{
	for (const struct value *server = rules_first_server(r, pool); server;
		server = rules_next_server(server))
		if (rules_faulty(r, server, "weight"))
			return true;
	return false;
}

/* A quorum that is never reached, or never lost, is not what anybody means. */
static void rule_quorum(const struct rules *r, size_t pool)
{
	const struct conf_pool *p = &r->c->pools[pool];
	const struct value *json = rules_origin(r, ROOT_POOLS, pool)->json;
	uint64_t weight = 0, needed = (uint64_t)p->quorum + p->hysteresis;

	if (rules_faulty(r, json, "quorum") || rules_faulty(r, json, "hysteresis"))
		return;
	for (size_t i = 0; i < p->n_servers; i++)
		weight += p->servers[i].weight;
	if (rules_given(json, "hysteresis") && p->hysteresis >= p->quorum)
		rules_report(r, ROOT_POOLS, pool, "hysteresis",
			conf_printf("must be less than the quorum of %" PRIu32, p->quorum));
	else if (rules_given(json, "quorum") && needed > weight && p->n_servers > 0 &&
		 !any_weight_faulty(r, pool))
		rules_report(r, ROOT_POOLS, pool, "quorum",
			conf_printf("can never be regained: that takes a weight of %" PRIu64
				    ", and all servers together have %" PRIu64,
				needed, weight));
}

/* --- Pools by name --- */

static uint64_t hash_of(const char *name)
{
	return index_hash(INDEX_HASH, name, strlen(name));
}

void rules_index_pools(struct rules *r)
{
	if (index_init(&r->pools, r->c->n_pools) < 0)
		abort();
	for (size_t i = 0; i < r->c->n_pools; i++)
		index_add(&r->pools, hash_of(r->c->pools[i].name), i);
}

static size_t find_pool(const struct rules *r, const char *name)
{
	uint64_t at = hash_of(name);
	size_t i;

	while ((i = index_next(&r->pools, &at)) != INDEX_NONE)
		if (strcmp(r->c->pools[i].name, name) == 0)
			return i;
	return CONF_NONE;
}

size_t rules_find_pool(const struct rules *r, enum root_key kind, size_t item, const char *key)
{
	const struct value *json = value_get(rules_origin(r, kind, item)->json, key);
	const char *name = value_text(json);
	size_t pool = name ? find_pool(r, name) : CONF_NONE;
	struct suggest s;
	auto_free char *quoted = NULL;
	auto_free char *suggestion = NULL;

	if (pool != CONF_NONE)
		return pool;
	if (!name || !r->origins->complete)
		return CONF_NONE;
	s = suggest_begin(name);
	for (size_t i = 0; i < r->c->n_pools; i++)
		suggest_offer(&s, r->c->pools[i].name);
	quoted = fault_quote(name);
	suggestion = fault_suggestion(suggest_result(&s));
	rules_report(r, kind, item, key, conf_printf("no pool is called %s%s", quoted, suggestion));
	return CONF_NONE;
}

static void rule_fallbacks(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_pools; i++) {
		struct conf_pool *pool = &r->c->pools[i];

		pool->fallback = rules_find_pool(r, ROOT_POOLS, i, "fallback");
		if (pool->fallback != i)
			continue;
		pool->fallback = CONF_NONE;
		rules_report(r, ROOT_POOLS, i, "fallback",
			conf_dup("a pool cannot be its own fallback"));
	}
}

static void rule_each_server(const struct rules *r, size_t pool)
{
	const struct value *json = rules_first_server(r, pool);

	for (size_t i = 0; i < r->c->pools[pool].n_servers; i++, json = rules_next_server(json)) {
		rule_server_tunnel(r, pool, i, json);
		rule_thresholds(r, pool, i, json);
	}
}

void rules_pools(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_pools; i++) {
		rules_checks(r, i);
		rule_servers(r, i);
		rule_each_server(r, i);
		rule_quorum(r, i);
	}
	rule_fallbacks(r);
}
