/* JSON of the elector. The director has validated its configuration, so a message that does not fit
 * is refused whole, in words for whoever debugs the two programs. */
#include "elector/message.h"

#include "elector/wire.h"

#include "io/arp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREPARE_MAX_US 5000000

#define JSON_INT(n) ((json_int_t)(n))

/* False when the text does not fit. */
static bool copy_text(char *ret, size_t size, const char *text)
{
	if (strlen(text) >= size)
		return false;
	memcpy(ret, text, strlen(text) + 1);
	return true;
}

static bool in_range(json_int_t value, json_int_t min, json_int_t max)
{
	return value >= min && value <= max;
}

static bool read_name(const json_t *json, const char *key, char ret[static MOVED_NAME_MAX])
{
	const char *text = json_string_value(json_object_get(json, key));

	return !text || copy_text(ret, MOVED_NAME_MAX, text);
}

static bool read_addr(const json_t *json, const char *key, struct addr *ret)
{
	const char *text = json_string_value(json_object_get(json, key));

	return !text || addr_parse(text, ret);
}

static bool read_prefix(const json_t *json, const char *key, struct addr_prefix *ret)
{
	const char *text = json_string_value(json_object_get(json, key));

	return !text || addr_prefix_parse(text, ret);
}

static bool read_number(const json_t *json, const char *key, json_int_t max, uint32_t *ret)
{
	json_int_t n = json_integer_value(json_object_get(json, key));

	*ret = (uint32_t)n;
	return in_range(n, 0, max);
}

/* The place of an interface, taken if it is new. False when there are too many. `home`: what goes
 * to the router's interface goes to the device with the virtual MAC, if there is one. */
static bool find_place(struct router_config *c, const char *interface, bool home, uint8_t *ret)
{
	uint8_t place = MOVED_HOME;

	home = (home && strcmp(interface, c->interface) == 0) ||
	       strcmp(interface, c->places[MOVED_HOME]) == 0;
	if (!home)
		for (place = MOVED_HOME + 1; place < MOVED_PLACES_MAX; place++)
			if (!*c->places[place] || strcmp(c->places[place], interface) == 0)
				break;
	if (place == MOVED_PLACES_MAX)
		return false;
	*ret = place;
	return place == MOVED_HOME ||
	       copy_text(c->places[place], sizeof(c->places[place]), interface);
}

/* "192.0.2.1/24", or an object. Appended to the list, which has room. */
static bool read_address(const json_t *json, const char *interface, struct router_config *ret)
{
	const char *text =
		json_string_value(json_is_object(json) ? json_object_get(json, "address") : json);
	const char *other = json_string_value(json_object_get(json, "interface"));
	struct moved *m = &ret->moved[ret->n_moved];
	uint32_t scope;

	m->kind = MOVED_ADDRESS;
	if (!text || !addr_prefix_parse(text, &m->address.prefix) ||
		!read_name(json, "label", m->address.label) ||
		!read_number(json, "scope", UINT8_MAX, &scope) ||
		!find_place(ret, other ? other : interface, true, &m->place))
		return false;
	m->address.scope = (uint8_t)scope;
	ret->n_moved++;
	return true;
}

static bool read_addresses(
	const json_t *addresses, const char *interface, struct router_config *ret)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(addresses) || json_array_size(addresses) > STATE_ADDRS_MAX)
		return false;
	json_array_foreach (addresses, i, item)
		if (!read_address(item, interface, ret))
			return false;
	return true;
}

static bool read_route(const json_t *json, struct router_config *ret)
{
	static const char *const types[] = {
		[MOVED_UNICAST] = "unicast",
		[MOVED_BLACKHOLE] = "blackhole",
		[MOVED_UNREACHABLE] = "unreachable",
		[MOVED_PROHIBIT] = "prohibit",
	};
	const char *dev = json_string_value(json_object_get(json, "dev"));
	const char *type = json_string_value(json_object_get(json, "type"));
	struct moved *m = &ret->moved[ret->n_moved];
	struct moved_route *r = &m->route;

	m->kind = MOVED_ROUTE;
	m->place = MOVED_ANYWHERE;
	if (!read_prefix(json, "to", &r->to) || !read_addr(json, "via", &r->via) ||
		!read_addr(json, "src", &r->src) ||
		!read_number(json, "table", UINT32_MAX, &r->table) ||
		!read_number(json, "metric", UINT32_MAX, &r->metric) ||
		(dev && !find_place(ret, dev, !ret->virtual_mac, &m->place)))
		return false;
	r->onlink = json_is_true(json_object_get(json, "onlink"));
	while (type && r->type < MOVED_ROUTE_TYPE_MAX_ && strcmp(types[r->type], type) != 0)
		r->type++;
	ret->n_moved++;
	return moved_is_sound(m);
}

static bool read_rule(const json_t *json, struct router_config *ret)
{
	const char *family = json_string_value(json_object_get(json, "family"));
	struct moved *m = &ret->moved[ret->n_moved];
	struct moved_rule *r = &m->rule;

	m->kind = MOVED_RULE;
	m->place = MOVED_ANYWHERE;
	if (!family || !read_prefix(json, "from", &r->from) || !read_prefix(json, "to", &r->to) ||
		!read_name(json, "iif", r->iif) ||
		!read_number(json, "fwmark", UINT32_MAX, &r->mark) ||
		!read_number(json, "table", UINT32_MAX, &r->table) ||
		!read_number(json, "priority", UINT32_MAX, &r->priority))
		return false;
	r->family = strcmp(family, "ipv6") == 0 ? AF_INET6 : AF_INET;
	ret->n_moved++;
	return moved_is_sound(m);
}

static bool read_each(const json_t *array, bool (*read)(const json_t *, struct router_config *),
	struct router_config *ret)
{
	const json_t *item;
	size_t i;

	if (array && (!json_is_array(array) || json_array_size(array) > STATE_ROUTES_MAX))
		return false;
	json_array_foreach (array, i, item)
		if (!read(item, ret))
			return false;
	return true;
}

/* RFC 9568, 5.2.9: all of one family, the advert's own. */
static bool advertise_all(struct router_config *c)
{
	for (size_t i = 0; i < c->n_moved; i++) {
		if (c->moved[i].address.prefix.addr.family !=
			c->moved[0].address.prefix.addr.family)
			return false;
		c->moved[i].advertised = true;
	}
	c->n_advertised = c->n_moved;
	return c->n_moved > 0;
}

static size_t count_moved(const json_t *json)
{
	static const char *const keys[] = {"addresses", "excluded", "snat", "routes", "rules"};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		n += json_array_size(json_object_get(json, keys[i]));
	return n;
}

/* Returns what is wrong, NULL when nothing is. */
static const char *read_moved(const json_t *json, struct router_config *ret)
{
	const json_t *excluded = json_object_get(json, "excluded");
	const json_t *snat = json_object_get(json, "snat");
	const char *away = json_string_value(json_object_get(json, "snat_interface"));

	ret->moved = calloc(count_moved(json) + 1, sizeof(*ret->moved));
	if (!ret->moved)
		return "out of memory";
	if (!read_addresses(json_object_get(json, "addresses"), ret->interface, ret) ||
		!advertise_all(ret))
		return "addresses must be 1 to 255 addresses of one family";
	ret->format.family = ret->moved[0].address.prefix.addr.family;
	if (excluded && !read_addresses(excluded, ret->interface, ret))
		return "excluded must be up to 255 addresses";
	if (snat && !read_addresses(snat, away ? away : ret->interface, ret))
		return "snat must be up to 255 addresses";
	if (!read_each(json_object_get(json, "routes"), read_route, ret))
		return "routes must be up to 255 routes";
	if (!read_each(json_object_get(json, "rules"), read_rule, ret))
		return "rules must be up to 255 rules";
	moved_sort(ret->moved, ret->n_moved);
	return NULL;
}

/* Members that may be absent. */
static const char *read_policy(const json_t *json, struct router_config *ret)
{
	json_int_t down_intervals = VRRP_DOWN_INTERVALS, preempt_delay_us = 0, settle_us = 0,
		   prepare_us = 0;
	const char *group = "";
	int fast_failover = 0;

	if (json_unpack((json_t *)(uintptr_t)json, "{s?I, s?I, s?I, s?I, s?b, s?s}",
		    "down_intervals", &down_intervals, "preempt_delay_us", &preempt_delay_us,
		    "settle_us", &settle_us, "prepare_us", &prepare_us, "fast_failover",
		    &fast_failover, "group", &group) < 0)
		return "down_intervals, preempt_delay_us, settle_us, prepare_us, fast_failover or "
		       "group is of the wrong type";
	if (!in_range(down_intervals, 1, VRRP_DOWN_INTERVALS_MAX) || preempt_delay_us < 0 ||
		settle_us < 0 || !in_range(prepare_us, 0, PREPARE_MAX_US))
		return "down_intervals, preempt_delay_us, settle_us or prepare_us is out of range";
	if (!copy_text(ret->group, sizeof(ret->group), group))
		return "the name of the group is too long";
	ret->down_intervals = (uint8_t)down_intervals;
	ret->preempt_delay_us = (uint64_t)preempt_delay_us;
	ret->settle_us = (uint64_t)settle_us;
	ret->fast_failover = fast_failover;
	ret->prepare_us = (uint64_t)prepare_us;
	return NULL;
}

/* Returns what is wrong, NULL when nothing is. */
static const char *read_router(const json_t *json, struct router_config *ret)
{
	struct router_config c = {0};
	const char *name, *interface, *wrong, *device = NULL;
	const json_t *announce;
	json_int_t vrid, priority, interval_cs, repeat, announce_us, refresh_us, again_us = 0;
	int forms = 0;
	int preempt;

	/* jansson takes no const here, and changes nothing. */
	if (json_unpack((json_t *)(uintptr_t)json, "{s:s, s:s, s:I, s:I, s:I, s:b, s:o}", "name",
		    &name, "interface", &interface, "vrid", &vrid, "priority", &priority,
		    "advert_interval_cs", &interval_cs, "preempt", &preempt, "announce",
		    &announce) < 0)
		return "a member is missing or of the wrong type";
	if (json_unpack((json_t *)(uintptr_t)announce, "{s:I, s:I, s:I, s?I, s?i}", "repeat",
		    &repeat, "interval_us", &announce_us, "refresh_us", &refresh_us, "again_us",
		    &again_us, "forms", &forms) < 0)
		return "announce is incomplete";
	device = json_string_value(json_object_get(json, "mac_device"));
	if (!copy_text(c.name, sizeof(c.name), name) ||
		!copy_text(c.interface, sizeof(c.interface), interface) ||
		(device && !copy_text(c.places[MOVED_HOME], STATE_INTERFACE_MAX, device)))
		return "the name or an interface is too long";
	c.virtual_mac = *c.places[MOVED_HOME] != '\0';
	if (!in_range(vrid, 1, 255) || !in_range(priority, 1, 255) ||
		!in_range(interval_cs, 1, VRRP_INTERVAL_MAX_CS))
		return "vrid, priority or advert_interval_cs is out of range";
	if (!in_range(repeat, 0, 1000) || announce_us < 0 || refresh_us < 0 || again_us < 0 ||
		!in_range(forms, 0, ARP_REQUEST | ARP_REPLY))
		return "announce is out of range";
	c.interval_cs = (uint16_t)interval_cs;
	wrong = read_moved(json, &c);
	if (!wrong)
		wrong = message_read_wire(json, &c);
	if (!wrong)
		wrong = read_policy(json, &c);
	if (!wrong && json_object_get(json, "causes") &&
		!causes_read(json_object_get(json, "causes"), &c.causes))
		wrong = "causes is no array of causes";
	if (wrong) {
		router_config_free_lists(&c);
		return wrong;
	}
	c.vrid = (uint8_t)vrid;
	c.priority = (uint8_t)priority;
	c.preempt = preempt;
	c.announce = (struct announce_config){
		(unsigned)repeat, (uint64_t)announce_us, (uint64_t)refresh_us, (uint64_t)again_us};
	c.arp_forms = forms ? (unsigned)forms : ARP_REQUEST;
	*ret = c;
	return NULL;
}

static int refuse(json_t *errors, size_t i, const char *what)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "routers[%zu]: %s", i, what);
	(void)json_array_append_new(errors, json_string(text));
	return -EINVAL;
}

static bool has_large_group(const struct router_config *configs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t members = 0;
		for (size_t k = 0; *configs[i].group && k < n; k++)
			members += strcmp(configs[i].group, configs[k].group) == 0;
		if (members > SYNC_GROUP_MEMBERS_MAX)
			return true;
	}
	return false;
}

void message_free_configs(struct router_config *configs, size_t n)
{
	for (size_t i = 0; configs && i < n; i++)
		router_config_free_lists(&configs[i]);
	free(configs);
}

int message_read_configure(
	const json_t *parameters, json_t *errors, struct router_config **ret, size_t *ret_n)
{
	const json_t *routers = json_object_get(parameters, "routers"), *item;
	struct router_config *configs;
	size_t n = json_array_size(routers), i;

	if (!json_is_array(routers) || n > STATE_ROUTERS_MAX)
		return refuse(errors, n, "not an array of at most 1024");
	configs = calloc(n ? n : 1, sizeof(*configs));
	if (!configs)
		return -ENOMEM;
	json_array_foreach (routers, i, item) {
		const char *wrong = read_router(item, &configs[i]);
		if (wrong) {
			message_free_configs(configs, n);
			return refuse(errors, i, wrong);
		}
	}
	if (has_large_group(configs, n)) {
		message_free_configs(configs, n);
		return refuse(errors, 0, "a group has more than 32 members");
	}
	*ret = configs;
	*ret_n = n;
	return 0;
}

void message_read_ready(const json_t *parameters, bool *ret_ready, uint64_t *ret_timeout_us)
{
	const json_t *ready = json_object_get(parameters, "ready");
	json_int_t timeout_us = json_integer_value(json_object_get(parameters, "ready_timeout_us"));

	*ret_ready = !json_is_false(ready);
	*ret_timeout_us = timeout_us > 0 ? (uint64_t)timeout_us : 0;
}

enum maintenance message_read_maintenance(const json_t *parameters)
{
	const char *name = json_string_value(json_object_get(parameters, "maintenance"));
	enum maintenance m = name ? maintenance_by_name(name) : MAINTENANCE_OFF;

	return m == MAINTENANCE_MAX_ ? MAINTENANCE_OFF : m;
}

/* Nothing happened yet to a router that never joined: what keeps it is known all the same. */
static const char *waits_for(const struct router *r)
{
	if (!r->home || !r->home->up)
		return vrrp_reason_name(VRRP_REASON_LINK_DOWN);
	if (!router_voice(r)->primary.family)
		return vrrp_reason_name(VRRP_REASON_NO_ADDRESS);
	return vrrp_reason_name(VRRP_REASON_NONE);
}

const char *message_reason(const struct router *r)
{
	if (r->vrrp.state == VRRP_INITIALIZE && r->vrrp.reason == VRRP_REASON_FAULT &&
		r->handover.maintenance == MAINTENANCE_ON && !router_has_fault(r))
		return "maintenance";
	if (r->vrrp.state == VRRP_INITIALIZE && r->vrrp.reason == VRRP_REASON_NONE)
		return waits_for(r);
	return vrrp_reason_name(r->vrrp.reason);
}

json_t *message_router(const struct router *router)
{
	const struct vrrp *v = &router->vrrp;
	char peer[ADDR_TEXT_MAX] = "", score[TRACK_SCORE_TEXT_MAX];

	if (v->peer.family)
		(void)addr_format(&v->peer, peer);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:I, s:b, s:I}", "name",
		router->config.name, "group", router->config.group, "state",
		vrrp_state_name(v->state), "old_state", vrrp_state_name(router->old_state),
		"reason", message_reason(router), "peer", peer, "priority", (int)v->config.priority,
		"score",
		track_score_text(router->config.priority, router->config.causes.list,
			router->config.causes.n, score),
		"handover", handover_state_name(router->handover.state), "switchovers",
		JSON_INT(router->counters.switchovers), "withheld", (int)v->vouched, "since_us",
		JSON_INT(v->since.us));
}

bool message_read_causes(const json_t *parameters, const char **ret_name, struct causes *ret)
{
	const char *name = json_string_value(json_object_get(parameters, "name"));

	if (!name || !causes_read(json_object_get(parameters, "causes"), ret))
		return false;
	*ret_name = name;
	return true;
}

static void add_rejections(json_t *counters, const struct router *r)
{
	const struct port *port = router_home(r);

	for (enum vrrp_reject why = VRRP_OK + 1; why < VRRP_REJECT_MAX_; why++) {
		char name[40];
		(void)snprintf(name, sizeof(name), "rejected_%s", vrrp_reject_name(why));
		(void)json_object_set_new(counters, name,
			json_integer(JSON_INT(port->rejected[why] + r->rejected[why])));
	}
}

static void add_transitions(json_t *counters, const struct router *r)
{
	for (enum vrrp_reason why = VRRP_REASON_NONE + 1; why < VRRP_REASON_MAX_; why++) {
		char name[40];
		(void)snprintf(name, sizeof(name), "transitions_%s", vrrp_reason_name(why));
		(void)json_object_set_new(
			counters, name, json_integer(JSON_INT(r->counters.transitions_for[why])));
	}
}

static json_t *counters_of(const struct router *router)
{
	const struct router_counters *c = &router->counters;
	json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"adverts_sent", JSON_INT(c->adverts_sent), "adverts_received",
		JSON_INT(c->adverts_received), "send_errors", JSON_INT(c->send_errors),
		"transitions", JSON_INT(c->transitions), "addresses_restored",
		JSON_INT(c->addresses_restored), "routes_restored", JSON_INT(c->routes_restored),
		"address_mismatches", JSON_INT(c->address_mismatches), "rivals",
		JSON_INT(c->rivals), "late", JSON_INT(c->late), "withheld", JSON_INT(c->withheld),
		"split", JSON_INT(c->split), "claims", JSON_INT(router->claims.heard));

	if (json) {
		add_transitions(json, router);
		add_rejections(json, router);
	}
	return json;
}

/* Null when nothing was heard lately. */
static json_t *claim_to_json(const struct claim_watch *w, struct instant now)
{
	char text[CLAIM_TEXT_MAX];

	return claim_is_fresh(w, now) ? json_string(claim_text(&w->last, text)) : json_null();
}

json_t *message_report(const struct elector *e, struct instant now)
{
	json_t *routers = json_array();

	for (size_t i = 0; i < e->n_routers; i++) {
		const struct router *r = e->routers[i];
		json_t *json = message_router(r);
		(void)json_object_set_new(json, "interface", json_string(r->config.interface));
		(void)json_object_set_new(
			json, "peer_priority", json_integer(r->vrrp.peer_priority));
		(void)json_object_set_new(json, "interface_up", json_boolean(router_home(r)->up));
		(void)json_object_set_new(json, "base_priority", json_integer(r->config.priority));
		(void)json_object_set_new(json, "causes", causes_to_json(&r->config.causes));
		(void)json_object_set_new(json, "needs_mtu", json_integer(r->needs_mtu));
		(void)json_object_set_new(json, "deaf", json_boolean(wire_is_deaf(r)));
		(void)json_object_set_new(json, "claimed", claim_to_json(&r->claims, now));
		(void)json_object_set_new(json, "counters", counters_of(r));
		(void)json_array_append_new(routers, json);
	}
	return routers;
}
