/* JSON of the elector. The director has validated its configuration, so a message that does not fit
 * is refused whole, in words for whoever debugs the two programs. */
#include "elector/message.h"

#include "elector/wire.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_INT(n) ((json_int_t)(n))

/* False, with an error appended, when the text does not fit. */
static bool copy_text(char *ret, size_t size, const char *text)
{
	if (strlen(text) >= size)
		return false;
	memcpy(ret, text, strlen(text) + 1);
	return true;
}

/* Appends up to STATE_ADDRS_MAX addresses to the list, which has room for them. */
static bool read_addresses(const json_t *addresses, struct state_addrs *ret)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(addresses) || json_array_size(addresses) > STATE_ADDRS_MAX)
		return false;
	json_array_foreach (addresses, i, item) {
		const char *text = json_string_value(item);
		if (!text || !addr_prefix_parse(text, &ret->list[ret->n]))
			return false;
		ret->n++;
	}
	return true;
}

/* RFC 9568, 5.2.9: all of one family, the advert's own. */
static bool can_be_advertised(const struct state_addrs *addrs)
{
	for (size_t i = 0; i < addrs->n; i++)
		if (addrs->list[i].addr.family != addrs->list[0].addr.family)
			return false;
	return addrs->n > 0;
}

static const char *read_all_addresses(const json_t *json, struct router_config *ret)
{
	const json_t *excluded = json_object_get(json, "excluded");
	const json_t *snat = json_object_get(json, "snat");
	const char *away = json_string_value(json_object_get(json, "snat_interface"));
	struct state_addrs *a = &ret->addrs;

	if (!read_addresses(json_object_get(json, "addresses"), a) || !can_be_advertised(a))
		return "addresses must be 1 to 255 addresses of one family";
	ret->format.family = a->list[0].addr.family;
	a->n_advertised = a->n_home = a->n;
	if (excluded && !read_addresses(excluded, a))
		return "excluded must be up to 255 addresses";
	a->n_home = a->n;
	if (snat && !read_addresses(snat, a))
		return "snat must be up to 255 addresses";
	if (!away || strcmp(away, ret->interface) == 0)
		a->n_home = a->n;
	else if (!copy_text(ret->snat_interface, sizeof(ret->snat_interface), away))
		return "snat_interface is too long";
	if (a->n_home == a->n)
		ret->snat_interface[0] = '\0';
	return NULL;
}

static bool in_range(json_int_t value, json_int_t min, json_int_t max)
{
	return value >= min && value <= max;
}

/* Members that may be absent. */
static const char *read_policy(const json_t *json, struct router_config *ret)
{
	json_int_t down_intervals = VRRP_DOWN_INTERVALS, preempt_delay_us = 0, settle_us = 0;
	const char *group = "";

	if (json_unpack((json_t *)(uintptr_t)json, "{s?I, s?I, s?I, s?s}", "down_intervals",
		    &down_intervals, "preempt_delay_us", &preempt_delay_us, "settle_us",
		    &settle_us, "group", &group) < 0)
		return "down_intervals, preempt_delay_us, settle_us or group is of the wrong type";
	if (!in_range(down_intervals, 1, VRRP_DOWN_INTERVALS_MAX) || preempt_delay_us < 0 ||
		settle_us < 0)
		return "down_intervals, preempt_delay_us or settle_us is out of range";
	if (!copy_text(ret->group, sizeof(ret->group), group))
		return "the name of the group is too long";
	ret->down_intervals = (uint8_t)down_intervals;
	ret->preempt_delay_us = (uint64_t)preempt_delay_us;
	ret->settle_us = (uint64_t)settle_us;
	return NULL;
}

/* Returns what is wrong, NULL when nothing is. */
static const char *read_router(const json_t *json, struct router_config *ret)
{
	struct router_config c = {0};
	const char *name, *interface, *wrong;
	const json_t *announce;
	json_int_t vrid, priority, interval_cs, repeat, announce_us, refresh_us;
	int preempt;

	/* jansson takes no const here, and changes nothing. */
	if (json_unpack((json_t *)(uintptr_t)json, "{s:s, s:s, s:I, s:I, s:I, s:b, s:o}", "name",
		    &name, "interface", &interface, "vrid", &vrid, "priority", &priority,
		    "advert_interval_cs", &interval_cs, "preempt", &preempt, "announce",
		    &announce) < 0)
		return "a member is missing or of the wrong type";
	if (json_unpack((json_t *)(uintptr_t)announce, "{s:I, s:I, s:I}", "repeat", &repeat,
		    "interval_us", &announce_us, "refresh_us", &refresh_us) < 0)
		return "announce is incomplete";
	if (!copy_text(c.name, sizeof(c.name), name) ||
		!copy_text(c.interface, sizeof(c.interface), interface))
		return "the name or the interface is too long";
	if (!in_range(vrid, 1, 255) || !in_range(priority, 1, 255) ||
		!in_range(interval_cs, 1, VRRP_INTERVAL_MAX_CS))
		return "vrid, priority or advert_interval_cs is out of range";
	if (!in_range(repeat, 0, 1000) || announce_us < 0 || refresh_us < 0)
		return "announce is out of range";
	c.interval_cs = (uint16_t)interval_cs;
	wrong = read_all_addresses(json, &c);
	if (!wrong)
		wrong = message_read_wire(json, &c);
	if (wrong)
		return wrong;
	c.vrid = (uint8_t)vrid;
	c.priority = (uint8_t)priority;
	c.preempt = preempt;
	wrong = read_policy(json, &c);
	if (wrong)
		return wrong;
	c.announce = (struct announce_config){
		(unsigned)repeat, (uint64_t)announce_us, (uint64_t)refresh_us};
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

int message_read_configure(
	const json_t *parameters, json_t *errors, struct router_config **ret, size_t *ret_n)
{
	const json_t *routers = json_object_get(parameters, "routers"), *item;
	auto_free struct router_config *configs = NULL;
	size_t n = json_array_size(routers), i;

	if (!json_is_array(routers) || n > STATE_ROUTERS_MAX)
		return refuse(errors, n, "not an array of at most 128");
	configs = calloc(n ? n : 1, sizeof(*configs));
	if (!configs)
		return -ENOMEM;
	json_array_foreach (routers, i, item) {
		const char *wrong = read_router(item, &configs[i]);
		if (wrong)
			return refuse(errors, i, wrong);
	}
	if (has_large_group(configs, n))
		return refuse(errors, 0, "a group has more than 32 members");
	*ret = take_ptr(configs);
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

json_t *message_router(const struct router *router, enum vrrp_state old_state)
{
	const struct vrrp *v = &router->vrrp;
	char peer[ADDR_TEXT_MAX] = "";

	if (v->peer.family)
		(void)addr_format(&v->peer, peer);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:I, s:I}", "name",
		router->config.name, "group", router->config.group,
		"state", vrrp_state_name(v->state), "old_state", vrrp_state_name(old_state),
		"reason", vrrp_reason_name(v->reason), "peer", peer, "priority",
		(int)v->config.priority, "handover", handover_state_name(router->handover.state),
		"switchovers", JSON_INT(router->counters.switchovers),
		"since_us", JSON_INT(v->since.us));
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

static json_t *counters_of(const struct router *router)
{
	const struct router_counters *c = &router->counters;
	json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "adverts_sent",
		JSON_INT(c->adverts_sent), "adverts_received", JSON_INT(c->adverts_received),
		"send_errors", JSON_INT(c->send_errors), "transitions", JSON_INT(c->transitions),
		"addresses_restored", JSON_INT(c->addresses_restored), "address_mismatches",
		JSON_INT(c->address_mismatches), "rivals", JSON_INT(c->rivals), "late",
		JSON_INT(c->late));

	if (json)
		add_rejections(json, router);
	return json;
}

json_t *message_report(const struct elector *e)
{
	json_t *routers = json_array();

	for (size_t i = 0; i < e->n_routers; i++) {
		const struct router *r = e->routers[i];
		json_t *json = message_router(r, r->vrrp.state);
		(void)json_object_set_new(json, "interface", json_string(r->config.interface));
		(void)json_object_set_new(
			json, "peer_priority", json_integer(r->vrrp.peer_priority));
		(void)json_object_set_new(json, "interface_up", json_boolean(router_home(r)->up));
		(void)json_object_set_new(json, "deaf", json_boolean(wire_is_deaf(r)));
		(void)json_object_set_new(json, "counters", counters_of(r));
		(void)json_array_append_new(routers, json);
	}
	return routers;
}
