/* Rules about pools and services. */
#include "base/cleanup.h"
#include "base/duration.h"
#include "conf/alloc.h"
#include "conf/rules.h"
#include "conf/suggest.h"

#define CHECK_TIMEOUT_DEFAULT_US 1000000

static const struct path root;

/* --- Pools --- */

static void rule_check_timeout(const struct rules *r, size_t pool)
{
	struct conf_check *check = &r->c->pools[pool].check;
	const json_t *json = json_object_get(rules_origin(r, ROOT_POOLS, pool)->json, "check");
	const struct path map = {&root, root_keys.items[ROOT_POOLS].name, 0};
	const struct path object = {&map, r->c->pools[pool].name, 0};
	const struct path at = {&object, "check", 0};
	const struct path member = {&at, "timeout", 0};
	char timeout[DURATION_TEXT_MAX], interval[DURATION_TEXT_MAX];

	if (!rules_given(json, "timeout"))
		check->timeout_us = check->interval_us < CHECK_TIMEOUT_DEFAULT_US
					    ? check->interval_us
					    : CHECK_TIMEOUT_DEFAULT_US;
	else if (!rules_faulty(json, "interval") && check->timeout_us > check->interval_us)
		fault_add(r->faults, rules_origin(r, ROOT_POOLS, pool)->source, &member,
			FAULT_AT_VALUE, "%s is longer than the interval of %s",
			duration_format(check->timeout_us, timeout),
			duration_format(check->interval_us, interval));
}

static void clash_server(
	const struct rules *r, const struct claim *first, const struct claim *again)
{
	const struct conf_pool *pool = &r->c->pools[again->owner];

	rules_report_server(r, again->owner, again->item, "address",
		conf_printf("server \"%s\" of this pool has the same address and port",
			pool->servers[first->item].name));
}

/* What the servers of a pool are to the kernel: address and port, a server without one having
 * `port`. Servers with a faulty value are left out. Release with free(). */
static struct claim *claim_servers(
	const struct rules *r, size_t pool, uint16_t port, size_t owner, size_t *ret_n)
{
	const struct conf_pool *p = &r->c->pools[pool];
	const json_t *servers = json_object_get(rules_origin(r, ROOT_POOLS, pool)->json, "servers");
	struct claim *claims = conf_alloc(p->n_servers, sizeof(*claims));
	size_t n = 0;

	for (size_t i = 0; i < p->n_servers; i++) {
		const struct conf_server *s = &p->servers[i];
		if (s->address.family && !rules_faulty(json_object_get(servers, s->name), "port"))
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
	struct claim *claims = claim_servers(r, pool, 0, pool, &n);

	rules_find_clashes(r, claims, n, clash_server);
	free(claims);
}

void rules_pools(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_pools; i++) {
		if (r->c->pools[i].has_check)
			rule_check_timeout(r, i);
		rule_servers(r, i);
	}
}

/* --- Services --- */

static json_t *index_pools(const struct conf *c)
{
	json_t *index = json_object();

	for (size_t i = 0; i < c->n_pools; i++)
		json_object_set_new(index, c->pools[i].name, json_integer((json_int_t)i));
	return index;
}

static void report_no_pool(const struct rules *r, size_t service, const char *name)
{
	struct suggest s = suggest_begin(name);
	auto_free char *quoted = fault_quote(name);
	auto_free char *suggestion = NULL;

	for (size_t i = 0; i < r->c->n_pools; i++)
		suggest_offer(&s, r->c->pools[i].name);
	suggestion = fault_suggestion(suggest_result(&s));
	rules_report(r, ROOT_SERVICES, service, "pool",
		conf_printf("no pool is called %s%s", quoted, suggestion));
}

static void rule_pools(const struct rules *r)
{
	json_auto_t *index = index_pools(r->c);

	for (size_t i = 0; i < r->c->n_services; i++) {
		const char *name = json_string_value(
			json_object_get(rules_origin(r, ROOT_SERVICES, i)->json, "pool"));
		const json_t *pool = name ? json_object_get(index, name) : NULL;

		r->c->services[i].pool = pool ? (size_t)json_integer_value(pool) : CONF_NONE;
		if (name && !pool && r->origins->complete)
			report_no_pool(r, i, name);
	}
}

static bool any_address_faulty(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_routers; i++)
		if (!rules_given(rules_origin(r, ROOT_VIRTUAL_ROUTERS, i)->json, "addresses"))
			return true;
	return !r->origins->complete;
}

static int compare_address(const void *key, const void *item)
{
	const struct claim *claim = item;

	return addr_compare(key, &claim->addr);
}

static void resolve_routers(const struct rules *r, const struct claim *addresses, size_t n)
{
	bool unsure = any_address_faulty(r);
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < r->c->n_services; i++) {
		struct conf_service *s = &r->c->services[i];
		const struct claim *found =
			n ? bsearch(&s->key.addr, addresses, n, sizeof(*addresses), compare_address)
			  : NULL;

		s->router = found ? found->owner : CONF_NONE;
		if (s->program == CONF_PROGRAM_ACTIVE && !found && s->key.addr.family && !unsure)
			rules_report(r, ROOT_SERVICES, i, "program",
				conf_printf("\"active\" needs a virtual router that has %s",
					addr_format(&s->key.addr, text)));
	}
}

static void rule_routers(const struct rules *r)
{
	size_t n;
	struct claim *addresses = rules_virtual_addresses(r->c, &n);

	resolve_routers(r, addresses, n);
	free(addresses);
}

static void clash_service(
	const struct rules *r, const struct claim *first, const struct claim *again)
{
	char text[IPVS_KEY_TEXT_MAX];

	rules_report(r, ROOT_SERVICES, again->owner, "listen",
		conf_printf("%s is already service \"%s\"",
			ipvs_service_key_format(&r->c->services[again->owner].key, text),
			r->c->services[first->owner].name));
}

static void rule_service_keys(const struct rules *r)
{
	struct claim *claims = conf_alloc(r->c->n_services, sizeof(*claims));
	size_t n = 0;

	for (size_t i = 0; i < r->c->n_services; i++) {
		const struct ipvs_service_key *key = &r->c->services[i].key;
		const json_t *json = rules_origin(r, ROOT_SERVICES, i)->json;
		if (key->addr.family && rules_given(json, "port") &&
			!rules_faulty(json, "protocol"))
			claims[n++] = (struct claim){.text = "",
				.addr = key->addr,
				.number = (uint32_t)key->port << 8 | key->protocol,
				.owner = i};
	}
	rules_find_clashes(r, claims, n, clash_service);
	free(claims);
}

static void rule_port_zero(const struct rules *r, size_t service, const json_t *json)
{
	const struct conf_service *s = &r->c->services[service];

	if (rules_given(json, "port") && s->key.port == 0 && s->persistence_s == 0 &&
		!rules_faulty(json, "persistence"))
		rules_report(r, ROOT_SERVICES, service, "port",
			conf_printf("port 0, which is every port, needs persistence"));
}

static void rule_encapsulation(const struct rules *r, size_t service, const json_t *json)
{
	if (rules_given(json, "encapsulation") && rules_given(json, "forward") &&
		r->c->services[service].forward != IPVS_FORWARD_TUNNEL)
		rules_report(r, ROOT_SERVICES, service, "encapsulation",
			conf_printf("only for \"forward\": \"tunnel\""));
}

/* Only NAT rewrites ports, and a service on every port leaves them alone. */
static void rule_server_ports(const struct rules *r, size_t service, const json_t *json)
{
	const struct conf_service *s = &r->c->services[service];
	const struct conf_pool *pool;

	if (s->pool == CONF_NONE || !rules_given(json, "forward") || !rules_given(json, "port"))
		return;
	if (s->forward == IPVS_FORWARD_NAT && s->key.port != 0)
		return;
	pool = &r->c->pools[s->pool];
	for (size_t i = 0; i < pool->n_servers; i++)
		if (pool->servers[i].port && pool->servers[i].port != s->key.port)
			rules_report_server(r, s->pool, i, "port",
				conf_printf("service \"%s\" cannot change port %u to %u: %s",
					s->name, (unsigned)s->key.port,
					(unsigned)pool->servers[i].port,
					s->key.port ? "only \"nat\" can"
						    : "its port 0 is every port"));
}

static void clash_destination(
	const struct rules *r, const struct claim *first, const struct claim *again)
{
	const struct conf_service *s = &r->c->services[again->owner];
	const struct conf_pool *pool = &r->c->pools[s->pool];

	/* With the same port in the text, the pool has that fault already. */
	if (pool->servers[first->item].port != pool->servers[again->item].port)
		rules_report_server(r, s->pool, again->item, "address",
			conf_printf("for service \"%s\" the same address and port as server \"%s\"",
				s->name, pool->servers[first->item].name));
}

/* A server without a port has the service's, and may become another one's twin. */
static void rule_destinations(const struct rules *r, size_t service, const json_t *json)
{
	const struct conf_service *s = &r->c->services[service];
	struct claim *claims;
	size_t n;

	if (s->pool == CONF_NONE || !rules_given(json, "port"))
		return;
	claims = claim_servers(r, s->pool, s->key.port, service, &n);
	rules_find_clashes(r, claims, n, clash_destination);
	free(claims);
}

/* A service on every port does not say which one to check. */
static void rule_check_port(const struct rules *r, size_t service, const json_t *json)
{
	const struct conf_service *s = &r->c->services[service];
	const struct conf_pool *pool;

	if (s->pool == CONF_NONE || !rules_given(json, "port") || s->key.port != 0)
		return;
	pool = &r->c->pools[s->pool];
	if (pool->has_check && pool->check.port == 0)
		rules_report(r, ROOT_SERVICES, service, "pool",
			conf_printf(
				"with port 0 the check of pool \"%s\" needs a port", pool->name));
}

/* Told at the service with which there are too many. */
static void rule_number_of_checks(const struct rules *r)
{
	size_t total = 0, before;

	for (size_t i = 0; i < r->c->n_services; i++) {
		size_t pool = r->c->services[i].pool;

		before = total;
		if (pool != CONF_NONE && r->c->pools[pool].has_check)
			total += r->c->pools[pool].n_servers;
		if (before <= CONF_CHECKS_MAX && total > CONF_CHECKS_MAX)
			rules_report(r, ROOT_SERVICES, i, "pool",
				conf_printf("with this service more than %d servers are checked",
					CONF_CHECKS_MAX));
	}
}

void rules_services(const struct rules *r)
{
	rule_pools(r);
	rule_routers(r);
	rule_service_keys(r);
	rule_number_of_checks(r);
	for (size_t i = 0; i < r->c->n_services; i++) {
		const json_t *json = rules_origin(r, ROOT_SERVICES, i)->json;
		rule_port_zero(r, i, json);
		rule_encapsulation(r, i, json);
		rule_server_ports(r, i, json);
		rule_destinations(r, i, json);
		rule_check_port(r, i, json);
	}
}
