/* Every field of the model, in the order of conf.h, in the units of the model. */
#include "dump.h"

#include "base/duration.h"

#include <jansson.h>

static json_t *dump_addr(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	return a->family ? json_string(addr_format(a, text)) : json_null();
}

static json_t *dump_duration(uint64_t us)
{
	char text[DURATION_TEXT_MAX];

	return json_string(duration_format(us, text));
}

static json_t *dump_node(const struct conf_node *n)
{
	return json_pack("{ss so}", "name", n->name, "link_address", dump_addr(&n->link_address));
}

static json_t *dump_prefixes(const struct addr_prefix *prefixes, size_t n)
{
	json_t *array = json_array();
	char text[ADDR_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(addr_prefix_format(&prefixes[i], text)));
	return array;
}

static json_t *dump_tunnel(const struct conf_tunnel *t)
{
	return json_pack("[iii]", (int)t->type, t->port, (int)t->flags);
}

static json_t *dump_argv(char *const *argv)
{
	json_t *array = json_array();

	for (; *argv; argv++)
		json_array_append_new(array, json_string(*argv));
	return array;
}

static void set_argv(json_t *object, const char *key, char *const *argv)
{
	if (argv)
		json_object_set_new(object, key, dump_argv(argv));
}

static json_t *dump_tracks(const struct conf *c, const struct conf_track *tracks, size_t n);

static const char *track_name(const struct conf *c, const struct conf_track *t)
{
	switch (t->kind) {
	case CONF_TRACK_POOL:
		return c->pools[t->index].name;
	case CONF_TRACK_SERVICE:
		return c->definitions[t->index].name;
	case CONF_TRACK_TRACKER:
		return c->trackers[t->index].name;
	case CONF_TRACK_INTERFACE:
	case CONF_TRACK_SCRIPT:
	case CONF_TRACK_FILE:
	case CONF_TRACK_PROCESS:
	case CONF_TRACK_PING:
	case CONF_TRACK_ROUTE:
	case CONF_TRACK_ALL:
	case CONF_TRACK_ANY:
	case CONF_TRACK_KINDS:
		break;
	}
	return NULL;
}

static json_t *dump_track(const struct conf *c, const struct conf_track *t)
{
	char route[ADDR_PREFIX_TEXT_MAX];
	json_t *o = json_pack("{ss ss* ss* ss* ss* so* ss* ss* ss* so so si si si si si sb sb so*}",
		"kind", conf_track_kind_name(t->kind), "name", t->name, "interface", t->interface,
		"file", t->file, "process", t->process, "ping",
		t->ping.family ? dump_addr(&t->ping) : NULL, "route",
		t->route.addr.family ? addr_prefix_format(&t->route, route) : NULL, "refers",
		track_name(c, t), "user", t->command.user, "timeout",
		dump_duration(t->command.timeout_us), "interval", dump_duration(t->interval_us),
		"rise", (int)t->rise, "fall", (int)t->fall, "count", (int)t->count, "table",
		(int)t->table, "weight", (int)t->weight, "inverse", t->inverse, "shell",
		t->command.shell, "down_here", t->down_here ? json_true() : NULL);
	size_t n;
	const struct conf_track *members = conf_track_members(t, &n);

	set_argv(o, "argv", t->command.argv);
	if (n > 0)
		json_object_set_new(o, "members", dump_tracks(c, members, n));
	return o;
}

static json_t *dump_tracks(const struct conf *c, const struct conf_track *tracks, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, dump_track(c, &tracks[i]));
	return array;
}

static json_t *dump_notify(const struct conf_notify *n)
{
	json_t *o = json_pack("{so sb ss*}", "timeout", dump_duration(n->timeout_us), "shell",
		n->shell, "user", n->user);

	set_argv(o, "active", n->active);
	set_argv(o, "backup", n->backup);
	set_argv(o, "fault", n->fault);
	set_argv(o, "stop", n->stop);
	set_argv(o, "any", n->any);
	if (n->before_active.command) {
		json_t *hook =
			json_pack("{so}", "timeout", dump_duration(n->before_active.timeout_us));
		set_argv(hook, "command", n->before_active.command);
		json_object_set_new(o, "before_active", hook);
	}
	return o;
}

/* What most configurations do not have. */
static void add_tracking(json_t *o, const struct conf *c, const struct conf_router *r)
{
	const struct conf_notify *n = &r->notify;

	if (r->n_track > 0)
		json_object_set_new(o, "track", dump_tracks(c, r->track, r->n_track));
	if (n->active || n->backup || n->fault || n->stop || n->any || n->before_active.command)
		json_object_set_new(o, "notify", dump_notify(n));
}

static json_t *dump_auth(const struct conf_auth *auth)
{
	json_t *keys = json_object();

	for (size_t i = 0; i < auth->n_keys; i++)
		json_object_set_new(keys, auth->keys[i].name, json_string(auth->keys[i].file));
	return json_pack("{si si si si so ss*}", "type", (int)auth->type, "mode", (int)auth->mode,
		"active_key", auth->active_key, "window_s", auth->window_s, "keys", keys,
		"password_file", auth->password_file);
}

/* With the terms that it has: label, interface, scope. */
static json_t *dump_addresses(const struct conf_address *addresses, size_t n)
{
	json_t *array = json_array();
	char text[ADDR_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct conf_address *a = &addresses[i];
		(void)addr_prefix_format(&a->prefix, text);
		json_array_append_new(array,
			*a->label || *a->interface || a->scope
				? json_pack("[s s s i]", text, a->label, a->interface, a->scope)
				: json_string(text));
	}
	return array;
}

static json_t *dump_prefix(const struct addr_prefix *p)
{
	char text[ADDR_PREFIX_TEXT_MAX];

	return p->addr.family ? json_string(addr_prefix_format(p, text)) : json_null();
}

static void add_routing(json_t *o, const struct conf_router *r)
{
	json_t *routes = json_array(), *rules = json_array();

	for (size_t i = 0; i < r->n_routes; i++) {
		const struct conf_route *t = &r->routes[i];
		json_array_append_new(
			routes, json_pack("{so so ss so sI sI sb ss}", "to", dump_prefix(&t->to),
					"via", dump_addr(&t->via), "dev", t->dev, "src",
					dump_addr(&t->src), "table", (json_int_t)t->table, "metric",
					(json_int_t)t->metric, "onlink", t->onlink, "type",
					conf_route_type_name((enum conf_route_type)t->type)));
	}
	for (size_t i = 0; i < r->n_rules; i++) {
		const struct conf_rule *t = &r->rules[i];
		json_array_append_new(rules,
			json_pack("{si so so sI ss sI sI}", "family", t->family == AF_INET6 ? 6 : 4,
				"from", dump_prefix(&t->from), "to", dump_prefix(&t->to), "fwmark",
				(json_int_t)t->mark, "iif", t->iif, "table", (json_int_t)t->table,
				"priority", (json_int_t)t->priority));
	}
	if (r->n_routes > 0)
		json_object_set(o, "routes", routes);
	if (r->n_rules > 0)
		json_object_set(o, "rules", rules);
	json_decref(routes);
	json_decref(rules);
}

/* Where it is not as usual. */
static void add_announce(json_t *o, const struct conf_announce *a)
{
	json_t *announce = json_object_get(o, "announce");

	if (a->again_us != 5000000)
		json_object_set_new(announce, "again", dump_duration(a->again_us));
	if (a->forms != CONF_ARP_REQUEST)
		json_object_set_new(announce, "forms", json_integer(a->forms));
}

/* What is not as it is by default. */
static void dump_wire(const struct conf *c, const struct conf_router *r, json_t *router)
{
	char text[ADDR_TEXT_MAX];
	json_t *unicast = json_object();

	for (size_t i = 0; i < r->n_unicast; i++)
		json_object_set_new(unicast, r->unicast[i].name,
			json_string(addr_format(&r->unicast[i].address, text)));
	if (r->family != AF_INET)
		json_object_set_new(router, "family", json_integer(6));
	if (r->down_intervals != 3)
		json_object_set_new(router, "down_intervals", json_integer(r->down_intervals));
	if (r->fast_failover)
		json_object_set_new(router, "fast_failover", json_true());
	if (r->preempt_delay_us)
		json_object_set_new(router, "preempt_delay", dump_duration(r->preempt_delay_us));
	if (r->settle_us)
		json_object_set_new(router, "settle", dump_duration(r->settle_us));
	if (r->version != 3)
		json_object_set_new(router, "version", json_integer(r->version));
	if (r->pseudo_header)
		json_object_set_new(router, "pseudo_header", json_true());
	if (r->min_ttl != 255)
		json_object_set_new(router, "min_ttl", json_integer(r->min_ttl));
	if (r->auth.type != CONF_AUTH_NONE)
		json_object_set_new(router, "auth", dump_auth(&r->auth));
	if (r->n_unicast)
		json_object_set(router, "unicast", unicast);
	if (r->group != CONF_NONE)
		json_object_set_new(router, "group", json_string(c->groups[r->group].name));
	json_decref(unicast);
}

static json_t *dump_router(const struct conf *c, const struct conf_router *r)
{
	json_t *priority = json_object(), *o;

	for (size_t i = 0; i < c->n_nodes; i++)
		json_object_set_new(priority, c->nodes[i].name, json_integer(r->priority[i]));
	o = json_pack("{ss ss si so si sb so so so ss? s{si so so}}", "name", r->name, "interface",
		r->interface, "vrid", r->vrid, "priority", priority, "advert_interval_cs",
		r->advert_interval_cs, "preempt", r->preempt, "addresses",
		dump_addresses(r->addresses, r->n_addresses), "excluded",
		dump_addresses(r->excluded, r->n_excluded), "snat",
		dump_prefixes(r->snat, r->n_snat), "snat_interface", r->snat_interface, "announce",
		"repeat", (int)r->announce.repeat, "interval",
		dump_duration(r->announce.interval_us), "refresh",
		dump_duration(r->announce.refresh_us));
	if (!r->accept)
		json_object_set_new(o, "accept", json_false());
	if (r->virtual_mac)
		json_object_set_new(o, "virtual_mac_device", json_string(r->virtual_mac_device));
	add_routing(o, r);
	add_announce(o, &r->announce);
	add_tracking(o, c, r);
	dump_wire(c, r, o);
	return o;
}

static json_t *dump_check(const struct conf_check *check);

static json_t *dump_members(const struct conf_check *check)
{
	json_t *array = json_array();
	size_t n;
	const struct conf_check *members = conf_check_members(check, &n);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, dump_check(&members[i]));
	return array;
}

static void add_interval(json_t *o, const char *key, uint64_t interval_us)
{
	if (interval_us)
		json_object_set_new(o, key, dump_duration(interval_us));
}

static json_t *dump_texts(char *const *texts)
{
	json_t *array = json_array();

	for (; texts && *texts; texts++)
		json_array_append_new(array, json_string(*texts));
	return array;
}

static void add_settings(json_t *o, const struct conf_check *check)
{
	if (check->agent_send)
		json_object_set_new(o, "agent_send", json_string(check->agent_send));
	if (check->file)
		json_object_set_new(o, "file", json_string(check->file));
	if (check->exec.argv)
		json_object_set_new(o, "exec",
			json_pack("{so ss? so sb}", "command", dump_texts(check->exec.argv), "user",
				check->exec.user, "environment",
				dump_texts(check->exec.environment), "exit_weight",
				check->exec.exit_weight));
}

/* What is not said is left out. */
static void add_way(json_t *o, const struct conf_check *check)
{
	add_interval(o, "fail_interval", check->fail_interval_us);
	add_interval(o, "down_interval", check->down_interval_us);
	add_interval(o, "standby_interval", check->standby_interval_us);
	if (check->address.family)
		json_object_set_new(o, "address", dump_addr(&check->address));
	if (check->source.family)
		json_object_set_new(o, "source", dump_addr(&check->source));
	if (check->interface[0])
		json_object_set_new(o, "interface", json_string(check->interface));
	if (check->mark)
		json_object_set_new(o, "mark", json_integer(check->mark));
	if (check->through_service)
		json_object_set_new(o, "through_service", json_true());
}

static json_t *dump_own(const struct conf_check *check)
{
	const struct conf_check_dns *dns = &check->dns;
	const struct conf_check_udp *udp = &check->udp;

	switch (check->type) {
	case CONF_CHECK_DNS:
		return json_pack("{ss si si ss? sb}", "name", dns->name, "record", (int)dns->record,
			"rcode", (int)dns->rcode, "answer", dns->answer, "tcp", dns->tcp);
	case CONF_CHECK_PING:
		return json_pack("{si}", "size", check->ping_size);
	case CONF_CHECK_SMTP:
		return json_pack("{ss}", "helo", check->smtp.helo);
	case CONF_CHECK_UDP:
		return json_pack("{ss? ss? ss? ss? ss? ss?}", "send", udp->send, "send_hex",
			udp->send_hex, "reply_contains", udp->reply_contains, "reply_is",
			udp->reply_is, "reply_hex", udp->reply_hex, "reply_matches",
			udp->reply_matches);
	case CONF_CHECK_HTTP:
	case CONF_CHECK_HTTPS:
	case CONF_CHECK_GRPC:
	case CONF_CHECK_TLS:
	case CONF_CHECK_TCP:
	case CONF_CHECK_AGENT:
	case CONF_CHECK_EXEC:
	case CONF_CHECK_FILE:
	case CONF_CHECK_NONE:
	case CONF_CHECK_TYPES:
		break;
	}
	return NULL;
}

static void add_text(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

static json_t *dump_tls(const struct conf_check_tls *tls)
{
	json_t *o = json_pack("{ss so so}", "min_version", conf_tls_version_name(tls->min_version),
		"expires_within", dump_duration(tls->expires_within_us), "warn_within",
		dump_duration(tls->warn_within_us));

	add_text(o, "server_name", tls->server_name);
	add_text(o, "verify_name", tls->verify_name);
	add_text(o, "alpn", tls->alpn);
	add_text(o, "ca_file", tls->ca_file);
	add_text(o, "certificate_file", tls->certificate_file);
	add_text(o, "key_file", tls->key_file);
	return o;
}

static json_t *dump_http(const struct conf_check_http *http)
{
	json_t *headers = json_array(), *statuses = json_array();
	json_t *o = json_pack("{ss si si so so}", "method", conf_http_method_name(http->method),
		"version", http->version, "body_max", (int)http->body_max, "headers", headers,
		"statuses", statuses);

	for (size_t i = 0; i < http->n_headers; i++)
		json_array_append_new(
			headers, json_pack("[ss]", http->headers[i].name, http->headers[i].value));
	for (size_t i = 0; i < http->n_statuses; i++)
		json_array_append_new(statuses,
			json_pack("[ii]", http->statuses[i].first, http->statuses[i].last));
	add_text(o, "host", http->host);
	add_text(o, "path", http->path);
	add_text(o, "request_body", http->request_body);
	add_text(o, "body_contains", http->body_contains);
	add_text(o, "body_matches", http->body_matches);
	add_text(o, "body_sha256", http->body_sha256);
	add_text(o, "service", http->service);
	return o;
}

static bool has_http(enum conf_check_type type)
{
	return type == CONF_CHECK_HTTP || type == CONF_CHECK_HTTPS || type == CONF_CHECK_GRPC;
}

static json_t *dump_check(const struct conf_check *check)
{
	json_t *own, *o;

	if (check->n_all || check->n_any)
		return json_pack("{so}", check->n_all ? "all" : "any", dump_members(check));
	o = json_pack("{so so si si si si sb}", "interval", dump_duration(check->interval_us),
		"timeout", dump_duration(check->timeout_us), "rise", (int)check->rise, "fall",
		(int)check->fall, "jitter_percent", (int)check->jitter_percent, "port", check->port,
		"initial_up", check->initial_up);
	if (check->type != CONF_CHECK_TCP)
		json_object_set_new(o, "type", json_string(conf_check_type_name(check->type)));
	if (has_http(check->type))
		json_object_set_new(o, "http", dump_http(&check->http));
	if (check->tls)
		json_object_set_new(o, "tls", dump_tls(check->tls));
	add_way(o, check);
	own = dump_own(check);
	if (own)
		json_object_set_new(o, conf_check_type_name(check->type), own);
	add_settings(o, check);
	return o;
}

static json_t *dump_server(const struct conf_server *s)
{
	json_t *o = json_pack("{ss so si si si si ss? so}", "name", s->name, "address",
		dump_addr(&s->address), "port", s->port, "weight", (int)s->weight, "upper",
		(int)s->upper, "lower", (int)s->lower, "forward",
		s->has_forward ? conf_forward_name(s->forward) : NULL, "tunnel",
		s->has_tunnel ? dump_tunnel(&s->tunnel) : json_null());

	if (s->check)
		json_object_set_new(o, "check", dump_check(s->check));
	return o;
}

static json_t *dump_pool(const struct conf *c, const struct conf_pool *p)
{
	json_t *servers = json_array();

	for (size_t i = 0; i < p->n_servers; i++)
		json_array_append_new(servers, dump_server(&p->servers[i]));
	return json_pack("{ss so ss ss* si si ss? si si so so}", "name", p->name, "check",
		p->check ? dump_check(p->check) : json_null(), "on_failure",
		p->on_failure == CONF_ON_FAILURE_DRAIN ? "drain" : "remove", "opinions",
		p->opinions == CONF_OPINIONS_BOTH ? "both" : NULL, "quorum", (int)p->quorum,
		"hysteresis", (int)p->hysteresis, "fallback",
		p->fallback == CONF_NONE ? NULL : c->pools[p->fallback].name, "panic_percent",
		p->panic_percent, "max_ejected_percent", p->max_ejected_percent, "slow_start",
		dump_duration(p->slow_start_us), "servers", servers);
}

static json_t *dump_path(const struct conf *c, const struct conf_service *s)
{
	char key[IPVS_KEY_TEXT_MAX], of[IPVS_KEY_TEXT_MAX];

	(void)ipvs_service_key_format(&c->services[s->path_of].key, of);
	return json_pack("{ss ss ss so si ss si}", "path of", of, "key",
		ipvs_service_key_format(&s->key, key), "server",
		c->pools[s->pool].servers[s->path_server].name, "address", dump_addr(&s->path_addr),
		"port", s->path_port, "scheduler", s->scheduler, "flags", (int)s->flags);
}

static json_t *dump_service(const struct conf *c, const struct conf_service *s)
{
	char key[IPVS_KEY_TEXT_MAX];

	if (conf_is_path(s))
		return dump_path(c, s);
	return json_pack("{ss ss si ss ss si si sI ss so sb ss ss ss?}", "name", s->name, "key",
		ipvs_service_key_format(&s->key, key), "check_port", s->check_port, "scheduler",
		s->scheduler, "engine", s->engine, "flags", (int)s->flags, "persistence_s",
		(int)s->persistence_s, "netmask", (json_int_t)s->netmask, "forward",
		conf_forward_name(s->forward), "tunnel", dump_tunnel(&s->tunnel), "expire",
		s->expire, "program", s->program == CONF_PROGRAM_ACTIVE ? "active" : "always",
		"pool", c->pools[s->pool].name, "router",
		s->router == CONF_NONE ? NULL : c->routers[s->router].name);
}

/* What only mode "tandem" has. */
static void add_tandem(json_t *o, const struct conf_link *l)
{
	json_object_update_new(
		o, json_pack("{so so si ss}", "interfaces", dump_argv(l->interfaces),
			   "heartbeat_interval", dump_duration(l->heartbeat_us), "coverage_min",
			   (int)l->coverage_min, "split_brain",
			   l->split_brain == CONF_SPLIT_BRAIN_PREVENT ? "prevent" : "vrrp"));
}

static json_t *dump_link(const struct conf_link *l)
{
	json_t *o;

	if (!l->enabled)
		return json_null();
	o = json_pack("{ss si so si si si}", "interface", l->interface, "sync_id", (int)l->sync_id,
		"group", dump_addr(&l->group), "port", l->port, "ttl", l->ttl, "maxlen", l->maxlen);
	if (l->key_file)
		json_object_set_new(o, "key_file", json_string(l->key_file));
	if (l->mode == CONF_LINK_TANDEM)
		add_tandem(o, l);
	return o;
}

static json_t *dump_ipvs(const struct conf_ipvs *v)
{
	return json_pack("{sb si so si s[iii]}", "owned_table", v->owned_table,
		"max_delete_percent", v->max_delete_percent, "drift_interval",
		dump_duration(v->drift_interval_us), "conn_reuse", v->conn_reuse, "timeouts",
		(int)v->tcp_s, (int)v->tcp_fin_s, (int)v->udp_s);
}

char *conf_dump(const struct conf *c)
{
	json_t *nodes = json_array(), *routers = json_array(), *pools = json_array(),
	       *services = json_array(), *root;
	char *text;

	for (size_t i = 0; i < c->n_nodes; i++)
		json_array_append_new(nodes, dump_node(&c->nodes[i]));
	for (size_t i = 0; i < c->n_routers; i++)
		json_array_append_new(routers, dump_router(c, &c->routers[i]));
	for (size_t i = 0; i < c->n_pools; i++)
		json_array_append_new(pools, dump_pool(c, &c->pools[i]));
	for (size_t i = 0; i < c->n_services; i++)
		json_array_append_new(services, dump_service(c, &c->services[i]));
	root = json_pack("{so ss so so so so so ss}", "nodes", nodes, "self",
		c->nodes[c->self].name, "routers", routers, "pools", pools, "services", services,
		"link", dump_link(&c->link), "ipvs", dump_ipvs(&c->ipvs), "on_stop",
		c->on_stop == CONF_ON_STOP_KEEP ? "keep" : "remove");
	if (c->n_trackers > 0)
		json_object_set_new(root, "trackers", dump_tracks(c, c->trackers, c->n_trackers));
	if (c->ready_timeout_us != 30000000)
		json_object_set_new(root, "ready_timeout", dump_duration(c->ready_timeout_us));
	text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return text;
}
