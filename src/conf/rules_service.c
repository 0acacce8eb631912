/* Rules about services: what each says of itself, what its servers must be, and what services must
 * be to each other. conf/expand.c turns them into the kernel's services in between. */
#include "base/cleanup.h"
#include "conf/alloc.h"
#include "conf/expand.h"
#include "conf/rules.h"
#include "conf/suggest.h"

static void report(const struct rules *r, size_t definition, const char *key, const char *text)
{
	rules_report(r, ROOT_SERVICES, definition, key, conf_dup(text));
}

static const struct value *json_of(const struct rules *r, size_t definition)
{
	return rules_origin(r, ROOT_SERVICES, definition)->json;
}

/* --- What is balanced --- */

static void rule_presence(const struct rules *r, size_t i, const struct value *json)
{
	const struct conf_definition *d = &r->c->definitions[i];
	bool by_mark = d->mark != 0 && !d->mark_auto;
	static const char *const keys[] = {"listen", "port"};

	if (d->n_listens > 0 && d->n_ports > 0 && !d->family)
		return;
	if (rules_faulty(r, json, "mark"))
		return;
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		if (!by_mark && !value_get(json, keys[k]))
			rules_report(r, ROOT_SERVICES, i, NULL,
				conf_printf("missing key \"%s\"", keys[k]));
	if (rules_given(json, "family") && (!by_mark || d->n_listens > 0))
		report(r, i, "family", "only for a \"mark\" without \"listen\"");
}

static bool has_port_zero(const struct conf_definition *d)
{
	for (size_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].first == 0)
			return true;
	return false;
}

static void rule_port_zero(const struct rules *r, size_t i, const struct value *json)
{
	const struct conf_definition *d = &r->c->definitions[i];

	if (!has_port_zero(d) || !rules_given(json, "port"))
		return;
	if (d->n_ports > 1)
		report(r, i, "port", "port 0 is every port, and goes with no other");
	else if (d->mark)
		report(r, i, "port", "port 0 is not for a firewall mark");
	else if (d->common.persistence_s == 0 && !rules_faulty(r, json, "persistence"))
		report(r, i, "port", "port 0, which is every port, needs persistence");
}

/* --- How it is balanced --- */

static void rule_scheduler_flags(const struct rules *r, size_t i, const struct value *json)
{
	struct conf_definition *d = &r->c->definitions[i];
	const char *scheduler = d->common.scheduler;
	uint32_t sh = CONF_SH_FALLBACK | CONF_SH_PORT, mh = CONF_MH_FALLBACK | CONF_MH_PORT;
	uint32_t allowed = strcmp(scheduler, "sh") == 0   ? sh
			   : strcmp(scheduler, "mh") == 0 ? mh
							  : 0;

	if (d->scheduler_flags & (CONF_SH_FALLBACK | CONF_MH_FALLBACK))
		d->common.flags |= IPVS_SERVICE_FALLBACK;
	if (d->scheduler_flags & (CONF_SH_PORT | CONF_MH_PORT))
		d->common.flags |= IPVS_SERVICE_PORT;
	if (d->scheduler_flags & ~allowed && !rules_faulty(r, json, "scheduler"))
		rules_report(r, ROOT_SERVICES, i, "scheduler_flags",
			conf_printf("are not all for scheduler \"%s\"", scheduler));
}

/* Those of Linux 6.x. */
static const char *const schedulers[] = {"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh",
	"mh", "sed", "nq", "fo", "ovf", "twos", NULL};

static bool is_scheduler(const char *name)
{
	const char *const *s = schedulers;

	while (*s && strcmp(*s, name) != 0)
		s++;
	return *s != NULL;
}

/* Somebody may have another one, as a module of his own. */
static void rule_scheduler(const struct rules *r, size_t i, const struct value *json)
{
	const char *scheduler = r->c->definitions[i].common.scheduler;
	struct suggest s;
	auto_free char *suggestion = NULL;

	if (is_scheduler(scheduler) || !rules_given(json, "scheduler"))
		return;
	s = suggest_begin(scheduler);
	for (const char *const *k = schedulers; *k; k++)
		suggest_offer(&s, *k);
	suggestion = fault_suggestion(suggest_result(&s));
	rules_warn(r, ROOT_SERVICES, i, "scheduler",
		conf_printf("no scheduler of Linux is called \"%s\": the kernel must have a module "
			    "ip_vs_%s%s",
			scheduler, scheduler, suggestion));
}

static void rule_persistence(const struct rules *r, size_t i, const struct value *json)
{
	struct conf_definition *d = &r->c->definitions[i];
	bool persistent = d->common.persistence_s > 0;

	if (persistent)
		d->common.flags |= IPVS_SERVICE_PERSISTENT;
	if (!d->netmask_len && !d->common.engine[0])
		return;
	persistent = persistent || rules_faulty(r, json, "persistence");
	if (d->netmask_len && !persistent)
		report(r, i, "persistence_netmask", "needs persistence");
	if (d->common.engine[0] && !persistent)
		report(r, i, "persistence_engine", "needs persistence");
	if (strcmp(d->common.engine, "sip") == 0 && d->common.key.protocol != IPPROTO_UDP &&
		!rules_faulty(r, json, "protocol"))
		report(r, i, "persistence_engine", "\"sip\" is for UDP");
}

static void rule_one_packet(const struct rules *r, size_t i, const struct value *json)
{
	struct conf_definition *d = &r->c->definitions[i];

	if (!d->one_packet)
		return;
	d->common.flags |= IPVS_SERVICE_ONE_PACKET;
	if (d->common.key.protocol != IPPROTO_UDP && !rules_faulty(r, json, "protocol"))
		report(r, i, "one_packet", "is for UDP");
}

static void rule_tunnel(const struct rules *r, size_t i, const struct value *json)
{
	static const char *const keys[] = {
		"encapsulation", "encapsulation_port", "encapsulation_checksum"};
	const struct conf_service *s = &r->c->definitions[i].common;
	const char *key, *text;

	if (!r->c->definitions[i].has_tunnel || !rules_given(json, "forward"))
		return;
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		if (rules_given(json, keys[k]) && s->forward != CONF_FORWARD_TUNNEL) {
			report(r, i, keys[k], "only for \"forward\": \"tunnel\"");
			return;
		}
	text = rules_tunnel_fault(r, json, &s->tunnel, &key);
	if (text)
		report(r, i, key, text);
}

/* The kernel has one setting for all of its services (expire_nodest_conn). */
static void rule_dead_connections(const struct rules *r)
{
	size_t expiring = CONF_NONE;

	for (size_t i = 0; i < r->c->n_definitions; i++) {
		struct conf_definition *d = &r->c->definitions[i];
		bool removes = d->common.pool != CONF_NONE &&
			       r->c->pools[d->common.pool].on_failure == CONF_ON_FAILURE_REMOVE;

		d->common.expire = d->dead_connections == CONF_DEAD_EXPIRE ||
				   (d->dead_connections == CONF_DEAD_BY_POOL && removes);
		if (d->common.expire && expiring == CONF_NONE)
			expiring = i;
	}
	for (size_t i = 0; expiring != CONF_NONE && i < r->c->n_definitions; i++) {
		const struct conf_definition *d = &r->c->definitions[i];

		if (d->dead_connections == CONF_DEAD_KEEP && d->common.pool != CONF_NONE &&
			r->c->pools[d->common.pool].on_failure == CONF_ON_FAILURE_REMOVE)
			rules_report(r, ROOT_SERVICES, i, "dead_connections",
				conf_printf(
					"\"keep\" with a pool that removes its servers excludes "
					"service \"%s\", whose connections expire: the kernel has "
					"one setting for both",
					r->c->definitions[expiring].name));
	}
}

/* --- Servers --- */

/* The pools that may serve: the service's own, then its fallback. CONF_NONE ends it. */
static size_t next_pool(const struct rules *r, size_t definition, size_t pool)
{
	size_t own = r->c->definitions[definition].common.pool;

	if (pool == CONF_NONE)
		return own;
	return pool == own ? r->c->pools[own].fallback : CONF_NONE;
}

static bool rewrites_ports(enum conf_forward forward)
{
	return forward == CONF_FORWARD_NAT || forward == CONF_FORWARD_FULLNAT;
}

static bool has_port_besides(const struct conf_definition *d, uint16_t port)
{
	for (size_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].first != port || d->ports[i].last != port)
			return true;
	return d->mark != 0;
}

static char *describe_ports(const struct conf_definition *d)
{
	if (d->n_ports == 1 && d->ports[0].first == d->ports[0].last && !d->mark)
		return conf_printf("port %u", (unsigned)d->ports[0].first);
	return conf_dup("its ports");
}

/* Only NAT rewrites ports, and a service on every port leaves them alone. */
static void rule_server_port(const struct rules *r, size_t i, size_t pool, size_t server)
{
	const struct conf_definition *d = &r->c->definitions[i];
	const struct conf_server *s = &r->c->pools[pool].servers[server];
	bool any_port = has_port_zero(d);
	auto_free char *ports = NULL;

	if (s->port == 0 || !has_port_besides(d, s->port))
		return;
	if (!any_port && rewrites_ports(conf_forward_of(&d->common, s)))
		return;
	ports = describe_ports(d);
	rules_report_server(r, pool, server, "port",
		conf_printf("service \"%s\" cannot change %s to %u: %s", d->name, ports,
			(unsigned)s->port,
			any_port ? "its port 0 is every port"
				 : "only \"nat\" and \"fullnat\" can"));
}

static const char *family_name(uint16_t family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

/* The kernel takes a server of the other family by tunnel, and while it does not sync. */
static void rule_server_family(const struct rules *r, size_t i, size_t pool, size_t server)
{
	const struct conf_definition *d = &r->c->definitions[i];
	const struct conf_server *s = &r->c->pools[pool].servers[server];
	uint16_t other = s->address.family == AF_INET ? AF_INET6 : AF_INET;

	if (!s->address.family || !expand_has_family(d, other))
		return;
	if (conf_forward_of(&d->common, s) != CONF_FORWARD_TUNNEL)
		rules_report_server(r, pool, server, "address",
			conf_printf("service \"%s\" is %s: a server of the other address family "
				    "needs \"tunnel\"",
				d->name, family_name(other)));
	else if (r->c->link.enabled)
		rules_report_server(r, pool, server, "address",
			conf_printf(
				"service \"%s\" is %s: the kernel does not sync connections while "
				"a server is of the other address family",
				d->name, family_name(other)));
}

static void rule_each_server(const struct rules *r, size_t i, const struct value *json)
{
	if (!rules_given(json, "forward") || rules_faulty(r, json, "port") ||
		rules_faulty(r, json, "listen"))
		return;
	for (size_t pool = next_pool(r, i, CONF_NONE); pool != CONF_NONE;
		pool = next_pool(r, i, pool))
		for (size_t j = 0; j < r->c->pools[pool].n_servers; j++) {
			rule_server_port(r, i, pool, j);
			rule_server_family(r, i, pool, j);
		}
}

static void clash_destination(
	const struct rules *r, const struct claim *first, const struct claim *again)
{
	const struct conf_definition *d = &r->c->definitions[again->owner];
	const struct conf_pool *pool = &r->c->pools[d->common.pool];

	/* With the same port in the text, the pool has that fault already. */
	if (pool->servers[first->item].port != pool->servers[again->item].port)
		rules_report_server(r, d->common.pool, again->item, "address",
			conf_printf("for service \"%s\" the same address and port as server \"%s\"",
				d->name, pool->servers[first->item].name));
}

/* Whether one server has a port of its own and another has none. */
static bool says_ports_apart(const struct conf_pool *pool)
{
	bool with = false, without = false;

	for (size_t i = 0; i < pool->n_servers; i++) {
		with = with || pool->servers[i].port;
		without = without || !pool->servers[i].port;
	}
	return with && without;
}

/* A server without a port has the service's, and may become another one's twin. Only where some
 * have one: else each has the same, and twins are the pool's fault already. */
static void rule_destinations(const struct rules *r, size_t i, const struct value *json)
{
	const struct conf_definition *d = &r->c->definitions[i];

	if (d->common.pool == CONF_NONE || !says_ports_apart(&r->c->pools[d->common.pool]) ||
		!rules_given(json, "port"))
		return;
	for (size_t j = 0; j < d->n_ports; j++) {
		size_t n;
		struct claim *claims =
			rules_claim_servers(r, d->common.pool, d->ports[j].first, i, &n);

		rules_find_clashes(r, claims, n, clash_destination);
		free(claims);
	}
}

static bool wants_port(const struct conf_pool *pool)
{
	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct conf_check *check = conf_check_of(pool, &pool->servers[i]);

		if (check && pool->servers[i].port == 0 && conf_check_wants_port(check))
			return true;
	}
	return false;
}

/* A service on every port, or on a mark, does not say which one to check. */
static void rule_check_port(const struct rules *r, size_t i, const struct value *json)
{
	const struct conf_definition *d = &r->c->definitions[i];
	bool vague = d->n_ports == 0 || has_port_zero(d);

	if (!vague || rules_faulty(r, json, "port") || rules_faulty(r, json, "mark") ||
		(d->mark == 0 && !rules_given(json, "port")))
		return;
	for (size_t p = next_pool(r, i, CONF_NONE); p != CONF_NONE; p = next_pool(r, i, p)) {
		const struct conf_pool *pool = &r->c->pools[p];

		if (wants_port(pool))
			rules_report(r, ROOT_SERVICES, i, "pool",
				conf_printf("with %s the check of pool \"%s\" needs a port",
					d->mark ? "a mark and no port" : "port 0", pool->name));
	}
}

/* --- Virtual routers --- */

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

static bool has_snat(const struct conf_router *router, uint16_t family)
{
	for (size_t i = 0; i < router->n_snat; i++)
		if (router->snat[i].addr.family == family)
			return true;
	return false;
}

static bool uses_fullnat(const struct rules *r, size_t definition)
{
	const struct conf_service *s = &r->c->definitions[definition].common;

	for (size_t pool = next_pool(r, definition, CONF_NONE); pool != CONF_NONE;
		pool = next_pool(r, definition, pool))
		for (size_t j = 0; j < r->c->pools[pool].n_servers; j++)
			if (conf_forward_of(s, &r->c->pools[pool].servers[j]) ==
				CONF_FORWARD_FULLNAT)
				return true;
	return s->forward == CONF_FORWARD_FULLNAT;
}

/* The addresses that servers see must be where the service's address is. */
static void rule_snat(const struct rules *r, size_t definition, size_t router, uint16_t family)
{
	if (!uses_fullnat(r, definition) || !rules_given(json_of(r, definition), "forward"))
		return;
	if (r->c->definitions[definition].mark)
		report(r, definition, "forward", "\"fullnat\" is not for a firewall mark");
	else if (router == CONF_NONE || !has_snat(&r->c->routers[router], family))
		rules_report(r, ROOT_SERVICES, definition, "forward",
			conf_printf("\"fullnat\" needs a virtual router that has the service's "
				    "address, "
				    "with %s snat_addresses",
				family_name(family)));
}

/* Where the virtual addresses are. */
struct addresses {
	const struct claim *claims;
	size_t n;
	bool incomplete;
};

/* Each address of a definition is asked about once, its ports not: `before` is the one before. */
static void resolve_router(const struct rules *r, struct conf_service *s, const struct addr *listen,
	const struct conf_service *before, const struct addresses *a)
{
	const struct claim *found =
		a->n ? bsearch(listen, a->claims, a->n, sizeof(*a->claims), compare_address) : NULL;
	char text[ADDR_TEXT_MAX];

	s->router = found ? found->owner : CONF_NONE;
	if (before && before->definition == s->definition &&
		addr_equal(&before->key.addr, &s->key.addr))
		return;
	if (a->incomplete)
		return;
	if (s->program == CONF_PROGRAM_ACTIVE && !found)
		rules_report(r, ROOT_SERVICES, s->definition, "program",
			conf_printf("\"active\" needs a virtual router that has %s",
				addr_format(listen, text)));
	rule_snat(r, s->definition, s->router, s->key.addr.family);
}

static void rule_routers(const struct rules *r)
{
	size_t n;
	struct claim *claims = rules_virtual_addresses(r->c, false, &n);
	const struct addresses a = {claims, n, any_address_faulty(r)};

	for (size_t i = 0; i < r->c->n_services; i++) {
		struct conf_service *s = &r->c->services[i];
		struct addr listen = expand_listen(r->c, s);

		resolve_router(r, s, &listen, i > 0 ? s - 1 : NULL, &a);
	}
	free(claims);
}

/* --- Services together --- */

static void clash_service(
	const struct rules *r, const struct claim *first, const struct claim *again)
{
	const struct conf_service *a = &r->c->services[first->owner];
	const struct conf_service *b = &r->c->services[again->owner];
	char text[IPVS_KEY_TEXT_MAX];

	if (a->definition == b->definition)
		rules_report(r, ROOT_SERVICES, b->definition, "listen",
			conf_printf("%s is given twice", ipvs_service_key_format(&b->key, text)));
	else
		rules_report(r, ROOT_SERVICES, b->definition, b->key.fwmark ? "mark" : "listen",
			conf_printf("%s is already service \"%s\"",
				ipvs_service_key_format(&b->key, text), a->name));
}

static void rule_service_keys(const struct rules *r)
{
	struct claim *claims = conf_alloc(r->c->n_services, sizeof(*claims));

	for (size_t i = 0; i < r->c->n_services; i++) {
		const struct ipvs_service_key *key = &r->c->services[i].key;

		claims[i] = (struct claim){.text = key->fwmark ? "mark" : "",
			.addr = key->addr,
			.number = key->fwmark ? key->fwmark
					      : (uint32_t)key->port << 8 | key->protocol,
			.owner = i};
	}
	rules_find_clashes(r, claims, r->c->n_services, clash_service);
	free(claims);
}

static size_t count_checks_of_pool(const struct conf_pool *pool)
{
	size_t n = 0, n_members;

	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct conf_check *check = conf_check_of(pool, &pool->servers[i]);

		if (check) {
			const struct conf_check *members = conf_check_members(check, &n_members);

			for (size_t j = 0; j < n_members; j++)
				n += members[j].through_service ? CONF_PATH_CHECKS : 1;
		}
	}
	return n;
}

static size_t count_checks(const struct rules *r, size_t definition)
{
	size_t n = 0;

	for (size_t pool = next_pool(r, definition, CONF_NONE); pool != CONF_NONE;
		pool = next_pool(r, definition, pool))
		n += count_checks_of_pool(&r->c->pools[pool]);
	return n * r->c->definitions[definition].n;
}

/* Told at the service with which there are too many. */
static void rule_number_of_checks(const struct rules *r)
{
	size_t total = 0, before;

	for (size_t i = 0; i < r->c->n_definitions; i++) {
		before = total;
		total += count_checks(r, i);
		if (before <= CONF_CHECKS_MAX && total > CONF_CHECKS_MAX)
			rules_report(r, ROOT_SERVICES, i, "pool",
				conf_printf("with this service more than %d servers are checked",
					CONF_CHECKS_MAX));
	}
}

static bool mixes_families(const struct rules *r, size_t definition)
{
	const struct conf_definition *d = &r->c->definitions[definition];
	const struct conf_pool *pool = &r->c->pools[d->common.pool];

	for (size_t i = 0; i < pool->n_servers; i++)
		if (pool->servers[i].address.family &&
			!expand_has_family(d, pool->servers[i].address.family))
			return true;
	return expand_has_family(d, AF_INET) && expand_has_family(d, AF_INET6);
}

/* A check through a service needs somewhere to go, and servers that can answer there. */
static void rule_paths(const struct rules *r, size_t i, const struct value *json)
{
	const struct conf_definition *d = &r->c->definitions[i];
	const char *text = NULL;

	if (rules_faulty(r, json, "listen") || rules_faulty(r, json, "port") ||
		!expand_needs_paths(r->c, d->common.pool))
		return;
	if (d->n_listens == 0)
		text = "is checked through its services, and this one has no \"listen\"";
	else if (has_port_zero(d) || d->n_ports == 0)
		text = "is checked through its services, and this one has no port";
	else if (d->common.key.protocol == IPPROTO_SCTP)
		text = "is checked through its services, and there is no check of SCTP";
	else if (mixes_families(r, i))
		text = "is checked through its services, and this one has servers of another "
		       "family";
	if (text)
		report(r, i, "pool", text);
}

static void rule_path_mark(const struct rules *r, size_t i)
{
	const struct conf_definition *d = &r->c->definitions[i];

	if (!d->mark_auto && conf_is_path_mark(d->mark))
		report(r, i, "mark", EXPAND_PATH_MARK_FAULT);
}

static void rules_definition(const struct rules *r, size_t i)
{
	const struct value *json = json_of(r, i);

	rule_presence(r, i, json);
	rule_port_zero(r, i, json);
	rule_scheduler(r, i, json);
	rule_scheduler_flags(r, i, json);
	rule_persistence(r, i, json);
	rule_one_packet(r, i, json);
	rule_tunnel(r, i, json);
	rule_each_server(r, i, json);
	rule_destinations(r, i, json);
	rule_check_port(r, i, json);
	rule_path_mark(r, i);
	rule_paths(r, i, json);
}

void rules_services(const struct rules *r)
{
	expand_marks(r->c);
	for (size_t i = 0; i < r->c->n_definitions; i++)
		r->c->definitions[i].common.pool = rules_find_pool(r, ROOT_SERVICES, i, "pool");
	for (size_t i = 0; i < r->c->n_definitions; i++)
		rules_definition(r, i);
	rule_dead_connections(r);
	expand_services(r);
	rule_routers(r);
	rule_service_keys(r);
	rule_number_of_checks(r);
	expand_paths(r);
}
