/* Rules about health checks. What a server's check does not say it takes from its pool's, and what
 * a member of a combination does not say from the combination: here that is filled in, as if it had
 * been written there. */
#include "base/cleanup.h"
#include "base/duration.h"
#include "conf/alloc.h"
#include "conf/expand.h"
#include "conf/parse.h"
#include "conf/rules.h"
#include "core/dns_message.h"

#define TIMEOUT_DEFAULT_US 1000000

#define BIT(type) (1U << CONF_CHECK_##type)
#define EVERY (((1U << CONF_CHECK_TYPES) - 1) & ~BIT(NONE))
#define HTTP (BIT(HTTP) | BIT(HTTPS))
/* Those that send something somewhere. */
#define NETWORK (PORTED | BIT(PING))
/* ... and to a port. */
#define PORTED                                                                                     \
	(BIT(TCP) | BIT(DNS) | BIT(SMTP) | BIT(UDP) | BIT(TLS) | HTTP | BIT(GRPC) | BIT(AGENT))

/* Which keys are for which types only. The others are for every check. */
static const struct {
	const char *key;
	unsigned types;
	unsigned needed; /* by these */
} options[] = {
	{"interval", EVERY, 0},
	{"fail_interval", EVERY, 0},
	{"down_interval", EVERY, 0},
	{"standby_interval", EVERY, 0},
	{"timeout", EVERY, 0},
	{"rise", EVERY, 0},
	{"fall", EVERY, 0},
	{"jitter", EVERY, 0},
	{"initial", EVERY, 0},
	{"address", NETWORK | BIT(EXEC), 0},
	{"port", PORTED | BIT(EXEC), 0},
	{"source", NETWORK, 0},
	{"interface", NETWORK, 0},
	{"mark", NETWORK, 0},
	{"via", PORTED, 0},
	{"name", BIT(DNS), BIT(DNS)},
	{"record", BIT(DNS), 0},
	{"rcode", BIT(DNS), 0},
	{"answer", BIT(DNS), 0},
	{"transport", BIT(DNS), 0},
	{"size", BIT(PING), 0},
	{"helo", BIT(SMTP), 0},
	{"send", BIT(UDP), 0},
	{"send_hex", BIT(UDP), 0},
	{"reply_contains", BIT(UDP), 0},
	{"reply_is", BIT(UDP), 0},
	{"reply_hex", BIT(UDP), 0},
	{"reply_matches", BIT(UDP), 0},
	{"method", HTTP, 0},
	{"path", HTTP, 0},
	{"host", HTTP | BIT(GRPC), 0},
	{"headers", HTTP, 0},
	{"request_body", HTTP, 0},
	{"http_version", HTTP, 0},
	{"status", HTTP, 0},
	{"body_contains", HTTP, 0},
	{"body_matches", HTTP, 0},
	{"body_sha256", HTTP, 0},
	{"body_max", HTTP, 0},
	{"service", BIT(GRPC), 0},
	{"tls", BIT(TLS) | BIT(HTTPS) | BIT(GRPC), 0},
	{"agent_send", BIT(AGENT), 0},
	{"command", BIT(EXEC), BIT(EXEC)},
	{"user", BIT(EXEC), 0},
	{"environment", BIT(EXEC), 0},
	{"exit_weight", BIT(EXEC), 0},
	{"file", BIT(FILE), BIT(FILE)},
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static const struct path root;

/* A check, and where it is written. */
struct check_at {
	const struct rules *r;
	const struct source *source;
	const struct path *path;
	struct value *json;
	struct conf_check *check;
	const struct addr *server; /* whose check it is; NULL: of a whole pool */
	bool member;               /* of a combination */
};

/* Takes text. */
static void report(const struct check_at *at, const char *key, char *text)
{
	const struct path member = {at->path, key, 0};

	fault_add(at->r->faults, at->source, key ? &member : at->path, FAULT_AT_VALUE, "%s", text);
	free(text);
}

/* Whether something is written there, even if it is faulty. */
static bool has(const struct value *json, const char *key)
{
	return value_get(json, key) != NULL;
}

static bool is_combination(const struct value *json)
{
	return has(json, "all") || has(json, "any");
}

static bool is_kind(const char *key)
{
	return strcmp(key, "type") == 0 || strcmp(key, "all") == 0 || strcmp(key, "any") == 0;
}

/* Index of the option of that name; N_OPTIONS when it is none. */
static size_t find_option(const char *key)
{
	size_t i = 0;

	while (i < N_OPTIONS && (options[i].key[0] != key[0] || strcmp(options[i].key, key) != 0))
		i++;
	return i;
}

static unsigned types_of(const char *key)
{
	size_t i = find_option(key);

	return i < N_OPTIONS ? options[i].types : ~0U;
}

/* Whether a check of what is written in `json` may have the key. A combination may have what all
 * that go over the network have: its members take it over. */
static bool fits(const struct check_at *at, const char *key)
{
	unsigned types = types_of(key);

	return is_combination(at->json) ? (types & PORTED) == PORTED
					: (types & 1U << at->check->type) != 0;
}

/* --- What it takes over --- */

static void take_over(struct check_at *at, const struct value *from, const struct key *key)
{
	static const struct parse silent; /* what is taken over has been found good */
	struct value *value = value_get(from, key->name);

	if (!value || value_is(value, VALUE_NULL) || has(at->json, key->name))
		return;
	value = tree_copy(at->source->tree, value);
	(void)parse_value(&silent, key, value, at->path, at->check);
	tree_set(at->source->tree, at->json, key->name, value);
}

/* First what it is, then what belongs to that. With faults the file is refused anyway. */
static void inherit(struct check_at *at, const struct value *from)
{
	bool of_a_kind = has(at->json, "type") || is_combination(at->json);

	if (at->r->faults->n > 0 || !value_is(from, VALUE_OBJECT))
		return;
	for (const struct key *key = check_keys.items; key < check_keys.items + check_keys.n; key++)
		if (is_kind(key->name) && !of_a_kind && !at->member)
			take_over(at, from, key);
	for (const struct key *key = check_keys.items; key < check_keys.items + check_keys.n; key++)
		if (!is_kind(key->name) && fits(at, key->name))
			take_over(at, from, key);
}

/* --- What it is --- */

static bool rule_kind(const struct check_at *at)
{
	bool typed = has(at->json, "type"), all = has(at->json, "all"), any = has(at->json, "any");

	if (typed + all + any == 1) {
		if (at->member && !typed)
			report(at, all ? "all" : "any",
				conf_dup("a combination cannot be a member of another"));
		return typed ? rules_given(at->json, "type") : !at->member;
	}
	if (typed + all + any == 0 && at->r->faults->n == 0)
		report(at, NULL, conf_dup("missing key \"type\", \"all\" or \"any\""));
	else if (typed + all + any > 1)
		report(at, any ? "any" : "all",
			conf_dup("of type, all and any a check has only one"));
	return false;
}

/* `tcp, http and agent` */
static char *list_types(unsigned types)
{
	char *list = conf_dup("");

	for (unsigned t = 0; t < CONF_CHECK_TYPES; t++) {
		char *longer;

		if (!(types & 1U << t))
			continue;
		types &= ~(1U << t);
		longer = conf_printf("%s%s%s", list,
			!*list                                   ? ""
			: types & ((1U << CONF_CHECK_TYPES) - 1) ? ", "
								 : " and ",
			conf_check_type_name((enum conf_check_type)t));
		free(list);
		list = longer;
	}
	return list;
}

/* Of what is written, what does not belong to such a check. */
static void rule_given(const struct check_at *at, const char *key)
{
	size_t i = find_option(key);
	auto_free char *types = NULL;

	if (i == N_OPTIONS || !rules_given(at->json, key) || fits(at, key))
		return;
	types = list_types(options[i].types);
	report(at, key, conf_printf("only for a check of type %s", types));
}

static void rule_options(const struct check_at *at)
{
	bool combination = is_combination(at->json);

	for (const struct value *member = value_members(at->json); member; member = member->next)
		rule_given(at, member->key);
	for (size_t i = 0; i < N_OPTIONS && !combination; i++)
		if ((options[i].needed & 1U << at->check->type) && !has(at->json, options[i].key))
			report(at, NULL, conf_printf("missing key \"%s\"", options[i].key));
}

/* --- What it says --- */

/* One interval, 0 if there is none of its own; a timeout is not longer. */
static uint64_t rule_interval(
	const struct check_at *at, const char *key, uint64_t interval_us, uint64_t shortest_us)
{
	char timeout[DURATION_TEXT_MAX], interval[DURATION_TEXT_MAX];

	if (interval_us == 0)
		return shortest_us;
	if (rules_given(at->json, "timeout") && !rules_faulty(at->r, at->json, key) &&
		at->check->timeout_us > interval_us)
		report(at, "timeout",
			conf_printf("%s is longer than the %s of %s",
				duration_format(at->check->timeout_us, timeout), key,
				duration_format(interval_us, interval)));
	return interval_us < shortest_us ? interval_us : shortest_us;
}

static void rule_times(const struct check_at *at)
{
	struct conf_check *c = at->check;
	uint64_t shortest_us = TIMEOUT_DEFAULT_US;

	shortest_us = rule_interval(at, "interval", c->interval_us, shortest_us);
	shortest_us = rule_interval(at, "fail_interval", c->fail_interval_us, shortest_us);
	shortest_us = rule_interval(at, "down_interval", c->down_interval_us, shortest_us);
	if (!rules_given(at->json, "timeout"))
		c->timeout_us = shortest_us;
	if (rules_given(at->json, "standby_interval") &&
		!rules_faulty(at->r, at->json, "interval") &&
		c->standby_interval_us < c->interval_us)
		report(at, "standby_interval", conf_dup("is shorter than the interval"));
}

static const char *family_name(const struct addr *a)
{
	return a->family == AF_INET6 ? "IPv6" : "IPv4";
}

/* `to`: what is checked when the check does not say it; NULL: that is not known here. */
static void rule_source(const struct check_at *at, const struct addr *to)
{
	const struct conf_check *check = at->check;

	if (check->address.family)
		to = &check->address;
	if (check->source.family && to && to->family && check->source.family != to->family)
		report(at, "source",
			conf_printf("is an %s address, and what is checked has an %s one",
				family_name(&check->source), family_name(to)));
}

static void rule_http(const struct check_at *at)
{
	const char *key;
	char *mistake = rules_http_mistake(at->check, &key);

	if (mistake)
		report(at, key, mistake);
}

static void rule_program(const struct check_at *at)
{
	const struct conf_exec *exec = &at->check->exec;
	auto_free char *quoted = NULL;

	if (exec->argv && rules_given(at->json, "command") && exec->argv[0][0] != '/') {
		quoted = fault_quote(exec->argv[0]);
		report(at, "command", conf_printf("%s is not an absolute path", quoted));
	}
	for (char **v = exec->environment; v && *v && rules_given(at->json, "environment"); v++) {
		const char *equals = strchr(*v, '=');

		if (!equals || equals == *v)
			report(at, "environment", conf_dup("must be texts as \"NAME=value\""));
	}
}

static void rule_file(const struct check_at *at)
{
	if (at->check->file && rules_given(at->json, "file") && at->check->file[0] != '/')
		report(at, "file", conf_dup("must be an absolute path"));
}

/* What is asked for, and what is expected of it. */
static void rule_dns(const struct check_at *at)
{
	const struct conf_check_dns *dns = &at->check->dns;
	struct dns_question question;

	if (rules_given(at->json, "name") &&
		!dns_question_parse(dns->name, (uint16_t)dns->record, &question))
		report(at, "name", conf_dup("is not a domain name"));
	if (!dns->answer || rules_faulty(at->r, at->json, "record") ||
		rules_faulty(at->r, at->json, "rcode"))
		return;
	if (dns->rcode != DNS_RCODE_NOERROR)
		report(at, "answer", conf_dup("only with the rcode \"NOERROR\""));
	else if (!dns_expected_is_possible((uint16_t)dns->record, dns->answer))
		report(at, "answer", conf_dup("is not an address of that type of record"));
}

/* Of several keys that say the same in different ways a check has one. */
static void rule_one_of(const struct check_at *at, const char *const keys[], size_t n)
{
	const char *first = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!rules_given(at->json, keys[i]))
			continue;
		if (first)
			report(at, keys[i], conf_printf("not together with %s", first));
		else
			first = keys[i];
	}
}

static void rule_hex(const struct check_at *at, const char *key, const char *text)
{
	if (text && strlen(text) % 2)
		report(at, key, conf_dup("has an odd number of digits"));
}

static void rule_udp(const struct check_at *at)
{
	static const char *const sends[] = {"send", "send_hex"};
	static const char *const replies[] = {
		"reply_contains", "reply_is", "reply_hex", "reply_matches"};
	char *mistake;

	rule_one_of(at, sends, sizeof(sends) / sizeof(sends[0]));
	rule_one_of(at, replies, sizeof(replies) / sizeof(replies[0]));
	rule_hex(at, "send_hex", at->check->udp.send_hex);
	rule_hex(at, "reply_hex", at->check->udp.reply_hex);
	mistake = at->check->udp.reply_matches ? rules_pattern_mistake(at->check->udp.reply_matches)
					       : NULL;
	if (mistake)
		report(at, "reply_matches", mistake);
}

/* Where a check goes through a service, the service decides. */
static void rule_via(const struct check_at *at)
{
	static const char *const keys[] = {"address", "port", "interface", "mark"};

	if (!at->check->through_service)
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (rules_given(at->json, keys[i]))
			report(at, keys[i], conf_dup("not with \"via\": \"service\""));
}

/* Packets with such a mark go where paths lead. */
static void rule_mark(const struct check_at *at)
{
	if (conf_is_path_mark(at->check->mark))
		report(at, "mark", conf_dup(EXPAND_PATH_MARK_FAULT));
}

static void rule_type(const struct check_at *at)
{
	switch (at->check->type) {
	case CONF_CHECK_DNS:
		rule_dns(at);
		break;
	case CONF_CHECK_UDP:
		rule_udp(at);
		break;
	case CONF_CHECK_TLS:
	case CONF_CHECK_HTTP:
	case CONF_CHECK_HTTPS:
	case CONF_CHECK_GRPC:
		rule_http(at);
		break;
	case CONF_CHECK_EXEC:
		rule_program(at);
		break;
	case CONF_CHECK_FILE:
		rule_file(at);
		break;
	case CONF_CHECK_TCP:
	case CONF_CHECK_AGENT:
	case CONF_CHECK_PING:
	case CONF_CHECK_SMTP:
	case CONF_CHECK_NONE:
	case CONF_CHECK_TYPES:
		break;
	}
}

static void rule_check(struct check_at *at);

static void rule_members(
	const struct check_at *at, const char *name, struct conf_check *members, size_t n)
{
	const struct path list = {at->path, name, 0};
	struct value *item = value_elements(value_get(at->json, name));

	for (size_t i = 0; i < n && item; i++, item = item->next) {
		const struct path path = {&list, NULL, i};
		struct check_at member = *at;

		member.path = &path;
		member.json = item;
		member.check = &members[i];
		member.member = true;
		if (!value_is(member.json, VALUE_OBJECT))
			continue;
		inherit(&member, at->json);
		rule_check(&member);
	}
}

static void rule_check(struct check_at *at)
{
	if (!rule_kind(at))
		return;
	rule_options(at);
	rule_times(at);
	if (is_combination(at->json)) {
		rule_members(at, "all", at->check->all, at->check->n_all);
		rule_members(at, "any", at->check->any, at->check->n_any);
		return;
	}
	rule_source(at, at->server);
	rule_via(at);
	rule_mark(at);
	rule_type(at);
	if (at->member && at->check->type == CONF_CHECK_NONE)
		report(at, "type", conf_dup("\"none\" is no check that could be combined"));
}

/* --- Whose it is --- */

static struct value *check_json(const struct rules *r, size_t pool)
{
	return value_get(rules_origin(r, ROOT_POOLS, pool)->json, "check");
}

static void rule_server(const struct check_at *of_pool, const struct path *servers,
	struct conf_server *server, const struct value *json)
{
	const struct path object = {servers, server->name, 0}, path = {&object, "check", 0};
	struct check_at at = *of_pool;

	if (!server->check)
		return;
	at.path = &path;
	at.json = value_get(json, "check");
	at.check = server->check;
	at.server = &server->address;
	if (!value_is(at.json, VALUE_OBJECT))
		return;
	inherit(&at, of_pool->json);
	rule_check(&at);
}

static bool has_source(const struct conf_check *check)
{
	size_t n;
	const struct conf_check *members = conf_check_members(check, &n);

	for (size_t i = 0; i < n; i++)
		if (members[i].source.family && !members[i].address.family)
			return true;
	return check->source.family != 0;
}

/* The pool's check, held against the servers that it is for. */
static void rule_sources(const struct rules *r, size_t pool)
{
	const struct conf_pool *p = &r->c->pools[pool];
	size_t n_members;
	const struct conf_check *members = conf_check_members(p->check, &n_members);

	for (size_t i = 0; has_source(p->check) && i < p->n_servers * n_members; i++) {
		const struct conf_server *s = &p->servers[i / n_members];
		const struct conf_check *check = &members[i % n_members];

		if (!s->check && check->source.family && !check->address.family &&
			s->address.family && s->address.family != check->source.family)
			rules_report_server(r, pool, i / n_members, "address",
				conf_printf("is an %s address, and the check's source an %s one",
					family_name(&s->address), family_name(&check->source)));
	}
}

static void note_weights(struct conf_pool *p)
{
	for (size_t i = 0; i < p->n_servers && !p->weighted; i++) {
		const struct conf_check *check = conf_check_of(p, &p->servers[i]);

		p->weighted = check && conf_check_gives_weight(check);
	}
}

static void rule_checks_of_servers(
	const struct check_at *of_pool, size_t pool, const struct path *servers)
{
	const struct conf_pool *p = &of_pool->r->c->pools[pool];
	const struct value *json = rules_first_server(of_pool->r, pool);

	for (size_t i = 0; i < p->n_servers; i++, json = rules_next_server(json))
		rule_server(of_pool, servers, &p->servers[i], json);
}

static bool any_server_has_check(const struct conf_pool *p)
{
	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i].check)
			return true;
	return false;
}

/* Servers look at the pool's check before it is resolved. */
void rules_checks(const struct rules *r, size_t pool)
{
	struct conf_pool *p = &r->c->pools[pool];
	const struct origin *origin = rules_origin(r, ROOT_POOLS, pool);
	const struct path map = {&root, root_keys.items[ROOT_POOLS].name, 0};
	const struct path object = {&map, p->name, 0}, path = {&object, "check", 0};
	const struct path servers = {&object, "servers", 0};
	struct check_at at = {.r = r, .source = origin->source, .path = &path};

	if (!p->check && !any_server_has_check(p))
		return;
	at.json = check_json(r, pool);
	at.check = p->check;
	rule_checks_of_servers(&at, pool, &servers);
	if (p->check && value_is(at.json, VALUE_OBJECT)) {
		rule_check(&at);
		rule_sources(r, pool);
	}
	note_weights(p);
}
