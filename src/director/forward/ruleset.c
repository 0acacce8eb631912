/* The table, rule by rule:
 *
 *   marks_in, marks_out  give the firewall marks of services with mark "auto"
 *   untrack              keeps a standby from tracking what it merely forwards by stale ARP
 *   untrack_out          keeps a standby's checks through a service from that, too
 *   source               gives fullnat connections their local address
 *   guard                keeps the director's own stack from answering servers
 *   closed               drops packets to virtual addresses that accept none, but those of services
 *   reserved             drops what processes send to the device of the kernel's connection sync
 *
 * Only what something needs is there. One rule for each pool: which connections it is for is asked
 * of a set, so that thousands of services cost a lookup. */
#include "director/forward/ruleset.h"

#include "conf/conf.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Priorities of netfilter's (linux/netfilter_ipv4.h): before connection tracking, before routing,
 * with the filters, with source NAT. */
#define PRIORITY_RAW (-300)
#define PRIORITY_MANGLE (-150)
#define PRIORITY_FILTER 0
#define PRIORITY_SOURCE 100

/* Any number will do that both directors have: they must choose alike. */
#define HASH_SEED 0x74646d

#define NAME_MAX_LEN 32

struct family {
	uint16_t family;
	const char *protocol; /* in payload and nat expressions */
	const char *name;     /* meta nfproto */
	const char *digit;    /* in names of ours */
	const char *type;     /* of set elements */
	const char *original; /* ct key of the destination */
	const char *local_set, *pool_set, *mark_map;
	const char *closed_set, *open_set, *any_port_set;
};

static const struct family families[] = {
	{AF_INET, "ip", "ipv4", "4", "ipv4_addr", "ip daddr", "local4", "pools4", "marks4",
		"closed4", "open4", "open4_any"},
	{AF_INET6, "ip6", "ipv6", "6", "ipv6_addr", "ip6 daddr", "local6", "pools6", "marks6",
		"closed6", "open6", "open6_any"},
};
#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

/* Commands */

static void add(json_t *commands, const char *kind, json_t *object)
{
	(void)json_array_append_new(commands, json_pack("{s:{s:o}}", "add", kind, object));
}

static json_t *table_object(void)
{
	return json_pack("{s:s, s:s}", "family", RULESET_FAMILY, "name", RULESET_TABLE);
}

static void add_chain(
	json_t *commands, const char *name, const char *type, const char *hook, int priority)
{
	add(commands, "chain",
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "family", RULESET_FAMILY, "table",
			RULESET_TABLE, "name", name, "type", type, "hook", hook, "prio", priority,
			"policy", "accept"));
}

static void add_rule(json_t *commands, const char *chain, json_t *expressions)
{
	add(commands, "rule",
		json_pack("{s:s, s:s, s:s, s:o}", "family", RULESET_FAMILY, "table", RULESET_TABLE,
			"chain", chain, "expr", expressions));
}

static void add_set(json_t *commands, const char *name, json_t *type, json_t *elements)
{
	add(commands, "set",
		json_pack("{s:s, s:s, s:s, s:o, s:o}", "family", RULESET_FAMILY, "table",
			RULESET_TABLE, "name", name, "type", type, "elem", elements));
}

/* Expressions */

static json_t *match(const char *op, json_t *left, json_t *right)
{
	return json_pack("{s:{s:s, s:o, s:o}}", "match", "op", op, "left", left, "right", right);
}

static json_t *meta(const char *key)
{
	return json_pack("{s:{s:s}}", "meta", "key", key);
}

static json_t *payload(const char *protocol, const char *field)
{
	return json_pack("{s:{s:s, s:s}}", "payload", "protocol", protocol, "field", field);
}

static json_t *original(const char *key)
{
	return json_pack("{s:{s:s, s:s}}", "ct", "key", key, "dir", "original");
}

static json_t *set_reference(const char *name)
{
	return json_sprintf("@%s", name);
}

/* Checks through a service: op is "==" or "!=". */
static json_t *match_path(const char *op)
{
	return match(op, meta("mark"),
		json_pack("{s:[I, I]}", "range", (json_int_t)CONF_PATH_MARK,
			(json_int_t)(CONF_PATH_MARK + CONF_PATH_MARKS - 1)));
}

/* Also for fields of an address: in a table for both families nothing else says which it is. */
static json_t *match_family(const struct family *f)
{
	return match("==", meta("nfproto"), json_string(f->name));
}

/* The protocols of services. Ports are where they say only behind such a match. */
static json_t *match_protocols(void)
{
	return match(
		"==", meta("l4proto"), json_pack("{s:[s, s, s]}", "set", "tcp", "udp", "sctp"));
}

static json_t *match_destination(const struct family *f, const char *set)
{
	return match("==", payload(f->protocol, "daddr"), set_reference(set));
}

static json_t *address(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	return json_string(addr_format(a, text));
}

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : protocol == IPPROTO_SCTP ? "sctp" : "tcp";
}

/* Marks */

static json_t *address_range(const struct nft_mark *m)
{
	if (addr_equal(&m->first, &m->last))
		return address(&m->first);
	return json_pack("{s:[o, o]}", "range", address(&m->first), address(&m->last));
}

static json_t *port_range(const struct nft_mark *m)
{
	if (m->first_port == m->last_port)
		return json_integer(m->first_port);
	return json_pack("{s:[i, i]}", "range", (int)m->first_port, (int)m->last_port);
}

static json_t *mark_elements(const struct nft_rules *r, const struct family *f)
{
	json_t *elements = json_array();

	for (size_t i = 0; i < r->n_marks; i++) {
		const struct nft_mark *m = &r->marks[i];

		if (m->first.family == f->family)
			(void)json_array_append_new(
				elements, json_pack("[{s:[o, s, o]}, I]", "concat",
						  address_range(m), protocol_name(m->protocol),
						  port_range(m), (json_int_t)m->mark));
	}
	return elements;
}

/* A check through a service has its mark already. */
static void add_mark_rule(json_t *commands, const struct family *f, const char *chain)
{
	json_t *key = json_pack("{s:[o, o, o]}", "concat", payload(f->protocol, "daddr"),
		meta("l4proto"), payload("th", "dport"));
	json_t *value =
		json_pack("{s:{s:o, s:o}}", "map", "key", key, "data", set_reference(f->mark_map));

	add_rule(commands, chain,
		json_pack("[o, o, o, {s:{s:o, s:o}}]", match_path("!="), match_family(f),
			match_protocols(), "mangle", "key", meta("mark"), "value", value));
}

static void add_marks_of(json_t *commands, const struct nft_rules *r, const struct family *f)
{
	json_t *elements = mark_elements(r, f);

	if (json_array_size(elements) == 0) {
		json_decref(elements);
		return;
	}
	add(commands, "map",
		json_pack("{s:s, s:s, s:s, s:[s, s, s], s:s, s:[s], s:o}", "family", RULESET_FAMILY,
			"table", RULESET_TABLE, "name", f->mark_map, "type", f->type, "inet_proto",
			"inet_service", "map", "mark", "flags", "interval", "elem", elements));
	add_mark_rule(commands, f, "marks_in");
	add_mark_rule(commands, f, "marks_out");
}

/* What the director itself sends to a service passes no prerouting; by a chain of type route, the
 * mark is there before the packet's way is decided for good. */
static void add_marks(json_t *commands, const struct nft_rules *r)
{
	if (r->n_marks == 0)
		return;
	add_chain(commands, "marks_in", "filter", "prerouting", PRIORITY_MANGLE);
	add_chain(commands, "marks_out", "route", "output", PRIORITY_MANGLE);
	for (size_t i = 0; i < N_FAMILIES; i++)
		add_marks_of(commands, r, &families[i]);
}

/* Fullnat */

static json_t *fullnat_element(const struct nft_fullnat *n)
{
	if (n->port == 0)
		return json_pack("{s:[o, s, o]}", "concat", address(&n->vip),
			protocol_name(n->protocol), address(&n->server));
	return json_pack("{s:[o, s, i, o]}", "concat", address(&n->vip), protocol_name(n->protocol),
		(int)n->port, address(&n->server));
}

static json_t *fullnat_type(const struct family *f, bool any_port)
{
	return any_port ? json_pack("[s, s, s]", f->type, "inet_proto", f->type)
			: json_pack("[s, s, s, s]", f->type, "inet_proto", "inet_service", f->type);
}

/* What the client asked for, by the connection, and where IPVS sends it, by the packet. That is
 * never the virtual address itself: what merely passes through on its way to another director is
 * left alone. */
static json_t *fullnat_key(const struct family *f, bool any_port)
{
	json_t *parts = json_array();

	(void)json_array_append_new(parts, original(f->original));
	(void)json_array_append_new(parts, meta("l4proto"));
	if (!any_port)
		(void)json_array_append_new(parts, original("proto-dst"));
	(void)json_array_append_new(parts, payload(f->protocol, "daddr"));
	return json_pack("{s:o}", "concat", parts);
}

/* By client, server and the client's port: all addresses share even the connections of one client,
 * and after a failover the other director chooses the same. */
static json_t *choice_of(const struct family *f, const struct nft_local *locals, size_t n)
{
	json_t *places = json_array();

	if (n == 1) {
		json_decref(places);
		return address(&locals->addr);
	}
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			places, json_pack("[i, o]", (int)i, address(&locals[i].addr)));
	return json_pack("{s:{s:{s:{s:i, s:i, s:{s:[o, o, o]}}}, s:{s:o}}}", "map", "key", "jhash",
		"mod", (int)n, "seed", HASH_SEED, "expr", "concat", payload(f->protocol, "saddr"),
		payload(f->protocol, "daddr"), payload("th", "sport"), "data", "set", places);
}

static void add_source(json_t *commands, const struct nft_rules *r, const struct family *f,
	uint32_t pool, bool any_port)
{
	json_t *elements = json_array();
	char name[NAME_MAX_LEN];
	size_t n, first = nft_rules_pool(r, pool, f->family, &n);

	(void)snprintf(
		name, sizeof(name), "fullnat%s_%u%s", f->digit, pool, any_port ? "_any" : "");
	for (size_t i = 0; i < r->n_fullnats; i++)
		if (r->fullnats[i].pool == pool && r->fullnats[i].vip.family == f->family &&
			(r->fullnats[i].port == 0) == any_port)
			(void)json_array_append_new(elements, fullnat_element(&r->fullnats[i]));
	if (n == 0 || json_array_size(elements) == 0) {
		json_decref(elements);
		return;
	}
	add_set(commands, name, fullnat_type(f, any_port), elements);
	add_rule(commands, "source",
		json_pack("[o, o, o, {s:{s:s, s:o}}]", match_family(f), match_protocols(),
			match("==", fullnat_key(f, any_port), set_reference(name)), "snat",
			"family", f->protocol, "addr", choice_of(f, &r->locals[first], n)));
}

static void add_sources(json_t *commands, const struct nft_rules *r)
{
	add_chain(commands, "source", "nat", "postrouting", PRIORITY_SOURCE);
	for (size_t i = 0; i < r->n_fullnats; i++) {
		if (i > 0 && r->fullnats[i].pool == r->fullnats[i - 1].pool)
			continue;
		for (size_t f = 0; f < N_FAMILIES; f++) {
			add_source(commands, r, &families[f], r->fullnats[i].pool, false);
			add_source(commands, r, &families[f], r->fullnats[i].pool, true);
		}
	}
}

static json_t *pool_addresses(const struct nft_rules *r, const struct family *f)
{
	json_t *elements = json_array();

	for (size_t i = 0; i < r->n_locals; i++)
		if (r->locals[i].addr.family == f->family)
			(void)json_array_append_new(elements, address(&r->locals[i].addr));
	return elements;
}

/* Virtual addresses and pools: everything that comes to a director and is then translated. A
 * virtual address stands in neighbouring entries, since it belongs to one pool. */
static json_t *local_addresses(const struct nft_rules *r, const struct family *f)
{
	json_t *elements = pool_addresses(r, f);

	for (size_t i = 0; i < r->n_fullnats; i++)
		if (r->fullnats[i].vip.family == f->family &&
			(i == 0 || !addr_equal(&r->fullnats[i].vip, &r->fullnats[i - 1].vip)))
			(void)json_array_append_new(elements, address(&r->fullnats[i].vip));
	return elements;
}

static json_t *type_of(const struct family *f)
{
	return json_string(f->type);
}

static json_t *match_not_here(void)
{
	return match("!=", json_pack("{s:{s:s, s:[s]}}", "fib", "result", "type", "flags", "daddr"),
		json_string("local"));
}

/* While these addresses are not here, packets for them pass through untracked: they are not
 * translated by what a connection was when this director was Active, and leave nothing behind that
 * would keep the connection from being taken back. */
static void add_untrack(json_t *commands, const struct family *f)
{
	add_rule(commands, "untrack",
		json_pack("[o, o, o, {s:n}]", match_family(f), match_destination(f, f->local_set),
			match_not_here(), "notrack"));
}

/* The answer to a check through a service would come to the pool address that the check left with,
 * and so to the director that has it: where the virtual address is not, checks keep their source.
 */
static void add_untrack_paths(json_t *commands, const struct family *f)
{
	add_rule(commands, "untrack_out",
		json_pack("[o, o, o, o, {s:n}]", match_path("=="), match_family(f),
			match_destination(f, f->local_set), match_not_here(), "notrack"));
}

/* What comes to a pool address and belongs to no connection would be answered with a reset, which
 * ends a connection that the other director still knows. */
static void add_guard(json_t *commands, const struct family *f)
{
	json_t *stray = match("in", json_pack("{s:{s:s}}", "ct", "key", "state"),
		json_pack("[s, s, s]", "invalid", "new", "untracked"));

	add_rule(commands, "guard",
		json_pack("[o, o, o, o, {s:n}]", match_family(f), match_destination(f, f->pool_set),
			match_protocols(), stray, "drop"));
}

static void add_protection(json_t *commands, const struct nft_rules *r)
{
	add_chain(commands, "untrack", "filter", "prerouting", PRIORITY_RAW);
	add_chain(commands, "untrack_out", "filter", "output", PRIORITY_RAW);
	add_chain(commands, "guard", "filter", "input", PRIORITY_FILTER);
	for (size_t i = 0; i < N_FAMILIES; i++) {
		const struct family *f = &families[i];
		json_t *pools = pool_addresses(r, f);

		if (json_array_size(pools) == 0) {
			json_decref(pools);
			continue;
		}
		add_set(commands, f->pool_set, type_of(f), pools);
		add_set(commands, f->local_set, type_of(f), local_addresses(r, f));
		add_untrack(commands, f);
		add_untrack_paths(commands, f);
		add_guard(commands, f);
	}
}

/* Closed addresses */

static json_t *closed_addresses(const struct nft_rules *r, const struct family *f)
{
	json_t *elements = json_array();

	for (size_t i = 0; i < r->n_closed; i++)
		if (r->closed[i].family == f->family)
			(void)json_array_append_new(elements, address(&r->closed[i]));
	return elements;
}

static json_t *open_elements(const struct nft_rules *r, const struct family *f, bool any_port)
{
	json_t *elements = json_array();

	for (size_t i = 0; i < r->n_opens; i++) {
		const struct nft_open *o = &r->opens[i];

		if (o->addr.family != f->family || (o->port == 0) != any_port)
			continue;
		(void)json_array_append_new(
			elements, any_port ? json_pack("{s:[o, s]}", "concat", address(&o->addr),
						     protocol_name(o->protocol))
					   : json_pack("{s:[o, s, i]}", "concat", address(&o->addr),
						     protocol_name(o->protocol), (int)o->port));
	}
	return elements;
}

static void add_open(
	json_t *commands, const struct nft_rules *r, const struct family *f, bool any_port)
{
	json_t *elements = open_elements(r, f, any_port), *key, *type;
	const char *name = any_port ? f->any_port_set : f->open_set;

	if (json_array_size(elements) == 0) {
		json_decref(elements);
		return;
	}
	key = json_pack("{s:[o, o]}", "concat", payload(f->protocol, "daddr"), meta("l4proto"));
	type = json_pack("[s, s]", f->type, "inet_proto");
	if (!any_port) {
		(void)json_array_append_new(json_object_get(key, "concat"), payload("th", "dport"));
		(void)json_array_append_new(type, json_string("inet_service"));
	}
	add_set(commands, name, type, elements);
	add_rule(commands, "closed",
		json_pack("[o, o, o, {s:n}]", match_family(f), match_protocols(),
			match("==", key, set_reference(name)), "accept"));
}

/* What tells of a path that is too narrow or broken belongs to connections of services, and without
 * neighbour discovery nobody would find them (RFC 9568, 6.4.3). */
static void add_needed(json_t *commands, const struct family *f)
{
	json_t *types =
		f->family == AF_INET6
			? json_pack("{s:[s, s, s, s, s, s]}", "set", "destination-unreachable",
				  "packet-too-big", "time-exceeded", "parameter-problem",
				  "nd-neighbor-solicit", "nd-neighbor-advert")
			: json_pack("{s:[s, s, s]}", "set", "destination-unreachable",
				  "time-exceeded", "parameter-problem");

	add_rule(commands, "closed",
		json_pack("[o, {s:n}]",
			match("==", payload(f->family == AF_INET6 ? "icmpv6" : "icmp", "type"),
				types),
			"accept"));
}

static void add_open_marks(json_t *commands, const struct nft_rules *r)
{
	json_t *elements = json_array();

	for (size_t i = 0; i < r->n_open_marks; i++)
		(void)json_array_append_new(elements, json_integer((json_int_t)r->open_marks[i]));
	if (r->n_open_marks == 0) {
		json_decref(elements);
		return;
	}
	add_set(commands, "open_marks", json_string("mark"), elements);
	add_rule(commands, "closed",
		json_pack("[o, {s:n}]", match("==", meta("mark"), set_reference("open_marks")),
			"accept"));
}

static void add_closed_family(json_t *commands, const struct nft_rules *r, const struct family *f)
{
	json_t *closed = closed_addresses(r, f);

	if (json_array_size(closed) == 0) {
		json_decref(closed);
		return;
	}
	add_set(commands, f->closed_set, type_of(f), closed);
	add_open(commands, r, f, false);
	add_open(commands, r, f, true);
	add_needed(commands, f);
	add_rule(commands, "closed",
		json_pack("[o, o, {s:n}]", match_family(f), match_destination(f, f->closed_set),
			"drop"));
}

/* Before IPVS takes packets, which is why those of its services are named. What this host says to
 * itself is nobody else's business. */
static void add_closed(json_t *commands, const struct nft_rules *r)
{
	if (r->n_closed == 0)
		return;
	add_chain(commands, "closed", "filter", "input", PRIORITY_FILTER);
	add_rule(commands, "closed",
		json_pack("[o, {s:n}]", match("==", meta("iifname"), json_string("lo")), "accept"));
	add_open_marks(commands, r);
	for (size_t i = 0; i < N_FAMILIES; i++)
		add_closed_family(commands, r, &families[i]);
}

/* The kernel believes what it hears there. Its own packets have no user, and do not match; what
 * tandem-link writes into the device passes no hook. */
static void add_reserved(json_t *commands, const struct nft_rules *r)
{
	if (!r->reserved)
		return;
	add_chain(commands, "reserved", "filter", "output", PRIORITY_FILTER);
	add_rule(commands, "reserved",
		json_pack("[o, o, {s:n}]", match("==", meta("oifname"), json_string(r->reserved)),
			match(">=", meta("skuid"), json_integer(0)), "drop"));
}

json_t *ruleset_replace(const struct nft_rules *r)
{
	json_t *commands = json_array();

	/* A table that is not there cannot be deleted: it is made first. */
	add(commands, "table", table_object());
	(void)json_array_append_new(
		commands, json_pack("{s:{s:o}}", "delete", "table", table_object()));
	if (!nft_rules_empty(r))
		add(commands, "table", table_object());
	add_marks(commands, r);
	if (r->n_fullnats > 0) {
		add_sources(commands, r);
		add_protection(commands, r);
	}
	add_closed(commands, r);
	add_reserved(commands, r);
	return json_pack("{s:o}", "nftables", commands);
}

/* Comparing */

struct element {
	char *text;
	json_t *value;
};

static int compare_elements(const void *x, const void *y)
{
	const struct element *a = x, *b = y;

	return strcmp(a->text, b->text);
}

/* Elements come in the order of a hash, which differs from table to table. */
static void sort_elements(json_t *array)
{
	size_t n = json_array_size(array), i;
	struct element *elements = calloc(n + 1, sizeof(*elements));
	json_t *value;

	if (!elements)
		return;
	json_array_foreach (array, i, value) {
		elements[i].text =
			json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
		elements[i].value = json_incref(value);
		if (!elements[i].text)
			n = 0; /* left as it is: it will look changed, and be replaced */
	}
	qsort(elements, n, sizeof(*elements), compare_elements);
	for (i = 0; i < n; i++)
		(void)json_array_set(array, i, elements[i].value);
	for (i = 0; i < json_array_size(array); i++) {
		free(elements[i].text);
		json_decref(elements[i].value);
	}
	free(elements);
}

static void normalize_item(json_t *item)
{
	json_t *object;
	const char *kind;

	json_object_foreach (item, kind, object) {
		(void)json_object_del(object, "handle");
		if (json_is_array(json_object_get(object, "elem")))
			sort_elements(json_object_get(object, "elem"));
	}
}

void ruleset_normalize(json_t *list)
{
	json_t *items = json_object_get(list, "nftables");
	size_t i = 0;

	while (i < json_array_size(items)) {
		json_t *item = json_array_get(items, i);

		if (json_object_get(item, "metainfo")) {
			(void)json_array_remove(items, i);
			continue;
		}
		normalize_item(item);
		i++;
	}
}
