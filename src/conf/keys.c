/* The root of the key table. tandem.json(5) says the same at length. */
#include "conf/key_table.h"

static const struct key_token owned[] = {{"recorded", false}, {"table", true}, {NULL, 0}};
static const struct key_token conn_reuses[] = {
	{"same_server", 0}, {"time_wait", 1}, {"fin_wait", 2}, {NULL, 0}};
static const struct key_token on_stops[] = {
	{"keep", CONF_ON_STOP_KEEP}, {"remove", CONF_ON_STOP_REMOVE}, {NULL, 0}};

static const struct key node_items[] = {
	{
		.name = "link_address",
		.type = KEY_UNICAST,
		.field = FIELD(struct conf_node, link_address),
		.meaning = "The node's address on the link",
	},
};
static const struct keys node_keys = {"node", sizeof(struct conf_node), KEYS(node_items)};

static const struct key timeouts_items[] = {
	{
		.name = "tcp",
		.type = KEY_DURATION,
		.min = SECOND,
		.max = 24 * DAY,
		.unit_us = SECOND,
		.field = FIELD(struct conf_ipvs, tcp_s),
		.meaning = "How long an idle TCP connection is kept",
	},
	{
		.name = "tcp_fin",
		.type = KEY_DURATION,
		.min = SECOND,
		.max = 24 * DAY,
		.unit_us = SECOND,
		.field = FIELD(struct conf_ipvs, tcp_fin_s),
		.meaning = "How long after a FIN",
	},
	{
		.name = "udp",
		.type = KEY_DURATION,
		.min = SECOND,
		.max = 24 * DAY,
		.unit_us = SECOND,
		.field = FIELD(struct conf_ipvs, udp_s),
		.meaning = "How long after the last UDP datagram",
	},
};
static const struct keys timeouts_keys = {
	"timeouts", sizeof(struct conf_ipvs), KEYS(timeouts_items)};

static const struct key ipvs_items[] = {
	{
		.name = "owned",
		.type = KEY_TOKEN,
		.fallback = "recorded",
		.tokens = owned,
		.field = FIELD(struct conf_ipvs, owned_table),
		.meaning = "table: what is in the kernel's table and not here is deleted",
	},
	{
		.name = "max_delete",
		.type = KEY_INTEGER,
		.fallback = "50",
		.max = 100,
		.field = FIELD(struct conf_ipvs, max_delete_percent),
		.meaning = "The percentage of services or servers that a reload may delete",
	},
	{
		.name = "drift_interval",
		.type = KEY_DURATION,
		.fallback = "5s",
		.max = DAY,
		.unit_us = 1,
		.field = FIELD(struct conf_ipvs, drift_interval_us),
		.meaning = "How often the kernel is looked at for foreign changes; 0: never",
	},
	{
		.name = "conn_reuse",
		.type = KEY_TOKEN,
		.fallback = "time_wait",
		.tokens = conn_reuses,
		.field = FIELD(struct conf_ipvs, conn_reuse),
		.meaning = "When a client's port that is used again is balanced anew",
	},
	{
		.name = "timeouts",
		.type = KEY_OBJECT,
		.object = &timeouts_keys,
		.field = {0, sizeof(struct conf_ipvs)},
		.meaning = "How long the kernel keeps idle connections",
	},
};
static const struct keys ipvs_keys = {"ipvs", sizeof(struct conf_ipvs), KEYS(ipvs_items)};

static const struct key root_items[] = {
	[ROOT_INCLUDE] =
		{
			.name = "include",
			.type = KEY_PATTERNS,
			.meaning = "Files to merge with this one, relative to it; patterns are "
				   "allowed",
		},
	[ROOT_NODES] =
		{
			.name = "nodes",
			.type = KEY_MAP,
			.min = 1,
			.max = CONF_NODES_MAX,
			.object = &node_keys,
			.field = FIELD(struct conf, nodes),
			.also = FIELD(struct conf, n_nodes),
			.meaning = "The directors by host name",
		},
	[ROOT_LINK] =
		{
			.name = "link",
			.type = KEY_OBJECT,
			.object = &link_keys,
			.field = FIELD(struct conf, link),
			.also = FIELD(struct conf, link.enabled),
			.meaning =
				"Connection sync between the directors; without it there is none",
		},
	[ROOT_VIRTUAL_ROUTERS] =
		{
			.name = "virtual_routers",
			.type = KEY_MAP,
			.max = CONF_ROUTERS_MAX,
			.object = &router_keys,
			.field = FIELD(struct conf, routers),
			.also = FIELD(struct conf, n_routers),
			.meaning = "Groups of addresses that the directors elect an owner for",
		},
	[ROOT_SYNC_GROUPS] =
		{
			.name = "sync_groups",
			.type = KEY_MAP,
			.max = CONF_ROUTERS_MAX,
			.object = &group_keys,
			.field = FIELD(struct conf, groups),
			.also = FIELD(struct conf, n_groups),
			.meaning = "Virtual routers that are Active on one director together",
		},
	[ROOT_READY_TIMEOUT] =
		{
			.name = "ready_timeout",
			.type = KEY_DURATION,
			.fallback = "30s",
			.max = HOUR,
			.unit_us = 1,
			.field = FIELD(struct conf, ready_timeout_us),
			.meaning = "For how long a started director that is not ready preempts "
				   "nobody",
		},
	[ROOT_TRACKERS] =
		{
			.name = "trackers",
			.type = KEY_MAP,
			.max = CONF_TRACKERS_MAX,
			.object = &track_keys,
			.field = FIELD(struct conf, trackers),
			.also = FIELD(struct conf, n_trackers),
			.meaning = "What several virtual routers watch, by name",
		},
	[ROOT_POOLS] =
		{
			.name = "pools",
			.type = KEY_MAP,
			.max = CONF_POOLS_MAX,
			.object = &pool_keys,
			.field = FIELD(struct conf, pools),
			.also = FIELD(struct conf, n_pools),
			.meaning = "Groups of real servers that do the same",
		},
	[ROOT_SERVICES] =
		{
			.name = "services",
			.type = KEY_MAP,
			.max = CONF_SERVICES_MAX,
			.object = &service_keys,
			.field = FIELD(struct conf, definitions),
			.also = FIELD(struct conf, n_definitions),
			.meaning = "What clients connect to",
		},
	[ROOT_IPVS] =
		{
			.name = "ipvs",
			.type = KEY_OBJECT,
			.object = &ipvs_keys,
			.field = FIELD(struct conf, ipvs),
			.meaning = "The kernel's IPVS as a whole",
		},
	[ROOT_ON_STOP] =
		{
			.name = "on_stop",
			.type = KEY_TOKEN,
			.fallback = "keep",
			.tokens = on_stops,
			.field = FIELD(struct conf, on_stop),
			.meaning = "What a clean stop does with services, sync and settings",
		},
};
const struct keys root_keys = {"root", sizeof(struct conf), KEYS(root_items)};
