/* The key table. tandem.json(5) says the same at length. */
#include "conf/keys.h"

#include <netinet/in.h>

#define FIELD(type, member)                                                                        \
	{                                                                                          \
		offsetof(type, member), sizeof(((type *)0)->member)                                \
	}
#define KEYS(list) .items = (list), .n = sizeof(list) / sizeof((list)[0])

#define MS UINT64_C(1000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

/* What the kernel takes as the name of an interface (dev_valid_name), less non-ASCII. */
#define INTERFACE_CHARS "!-.0-9;-~"
#define INTERFACE_LEN_MAX 15
#define INTERFACE_NOUN "the name of an interface: 1..15 characters, no space, slash or colon"

static const struct key_token initials[] = {{"down", false}, {"up", true}, {NULL, 0}};
static const struct key_token check_types[] = {{"tcp", 0}, {NULL, 0}};
static const struct key_token on_failures[] = {
	{"drain", CONF_ON_FAILURE_DRAIN}, {"remove", CONF_ON_FAILURE_REMOVE}, {NULL, 0}};
static const struct key_token protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {NULL, 0}};
static const struct key_token forwards[] = {{"nat", IPVS_FORWARD_NAT},
	{"direct", IPVS_FORWARD_DIRECT}, {"tunnel", IPVS_FORWARD_TUNNEL}, {NULL, 0}};
static const struct key_token encapsulations[] = {{"ipip", 0}, {NULL, 0}};
static const struct key_token programs[] = {
	{"always", CONF_PROGRAM_ALWAYS}, {"active", CONF_PROGRAM_ACTIVE}, {NULL, 0}};
static const struct key_token link_modes[] = {{"kernel", 0}, {NULL, 0}};
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

static const struct key link_items[] = {
	{
		.name = "mode",
		.type = KEY_TOKEN,
		.fallback = "kernel",
		.tokens = link_modes,
		.meaning = "How connections are synced: by the kernel's own daemons",
	},
	{
		.name = "interface",
		.type = KEY_TEXT,
		.required = true,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = INTERFACE_CHARS,
		.noun = INTERFACE_NOUN,
		.field = FIELD(struct conf_link, interface),
		.meaning = "The interface that connects the nodes",
	},
	{
		.name = "sync_id",
		.type = KEY_INTEGER,
		.fallback = "1",
		.max = 255,
		.field = FIELD(struct conf_link, sync_id),
		.meaning = "Tells pairs on one network apart; 0 takes every id",
	},
	{
		.name = "group",
		.type = KEY_GROUP,
		.fallback = "224.0.0.81",
		.field = FIELD(struct conf_link, group),
		.meaning = "The multicast group of connection sync",
	},
	{
		.name = "port",
		.type = KEY_INTEGER,
		.fallback = "8848",
		.min = 1,
		.max = 65535,
		.field = FIELD(struct conf_link, port),
		.meaning = "The UDP port of connection sync",
	},
	{
		.name = "ttl",
		.type = KEY_INTEGER,
		.fallback = "1",
		.min = 1,
		.max = 255,
		.field = FIELD(struct conf_link, ttl),
		.meaning = "The TTL of sync messages",
	},
	{
		.name = "maxlen",
		.type = KEY_INTEGER,
		.fallback = "44",
		.min = 44,
		.max = 9188,
		.field = FIELD(struct conf_link, maxlen),
		.meaning = "The most bytes of a sync message: less is sooner, more is cheaper",
	},
};
static const struct keys link_keys = {"link", sizeof(struct conf_link), KEYS(link_items)};

static const struct key announce_items[] = {
	{
		.name = "repeat",
		.type = KEY_INTEGER,
		.fallback = "5",
		.min = 1,
		.max = 100,
		.field = FIELD(struct conf_announce, repeat),
		.meaning = "Gratuitous ARPs for each address after a takeover",
	},
	{
		.name = "interval",
		.type = KEY_DURATION,
		.fallback = "0ms",
		.max = 10 * SECOND,
		.unit_us = 1,
		.field = FIELD(struct conf_announce, interval_us),
		.meaning = "The time between them",
	},
	{
		.name = "refresh",
		.type = KEY_DURATION,
		.fallback = "60s",
		.max = DAY,
		.unit_us = 1,
		.field = FIELD(struct conf_announce, refresh_us),
		.meaning = "How often the Active director announces again; 0: never",
	},
};
static const struct keys announce_keys = {
	"announce", sizeof(struct conf_announce), KEYS(announce_items)};

static const struct key router_items[] = {
	{
		.name = "interface",
		.type = KEY_TEXT,
		.required = true,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = INTERFACE_CHARS,
		.noun = INTERFACE_NOUN,
		.field = FIELD(struct conf_router, interface),
		.meaning = "The interface that has the addresses and the election",
	},
	{
		.name = "vrid",
		.type = KEY_INTEGER,
		.required = true,
		.min = 1,
		.max = 255,
		.field = FIELD(struct conf_router, vrid),
		.meaning = "The virtual router identifier, unique on its network",
	},
	{
		.name = "priority",
		.type = KEY_PRIORITY,
		.fallback = "100",
		.min = 1,
		.max = 255,
		.meaning = "The higher is Active: for all nodes, or for each by name",
	},
	{
		.name = "advert_interval",
		.type = KEY_DURATION,
		.fallback = "1s",
		.min = 10 * MS,
		.max = 40950 * MS,
		.unit_us = 10 * MS,
		.field = FIELD(struct conf_router, advert_interval_cs),
		.meaning = "The time between adverts; three of them lost are a failover",
	},
	{
		.name = "preempt",
		.type = KEY_BOOLEAN,
		.fallback = "true",
		.field = FIELD(struct conf_router, preempt),
		.meaning = "Whether a higher priority takes over from an Active director",
	},
	{
		.name = "addresses",
		.type = KEY_PREFIXES,
		.required = true,
		.min = 1,
		.max = CONF_ROUTER_ADDRESSES_MAX,
		.field = FIELD(struct conf_router, addresses),
		.also = FIELD(struct conf_router, n_addresses),
		.meaning = "The virtual addresses, with their prefix lengths",
	},
	{
		.name = "announce",
		.type = KEY_OBJECT,
		.object = &announce_keys,
		.field = FIELD(struct conf_router, announce),
		.meaning = "How a new owner tells the network",
	},
};
static const struct keys router_keys = {
	"virtual_router", sizeof(struct conf_router), KEYS(router_items)};

static const struct key check_items[] = {
	{
		.name = "type",
		.type = KEY_TOKEN,
		.required = true,
		.tokens = check_types,
		.meaning = "tcp: a connection can be opened",
	},
	{
		.name = "interval",
		.type = KEY_DURATION,
		.fallback = "2s",
		.min = 10 * MS,
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_check, interval_us),
		.meaning = "From the start of one check to the start of the next",
	},
	{
		.name = "timeout",
		.type = KEY_DURATION,
		.min = MS,
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_check, timeout_us),
		.meaning = "A check that takes longer has failed; default 1s, or the interval if "
			   "shorter",
	},
	{
		.name = "rise",
		.type = KEY_INTEGER,
		.fallback = "2",
		.min = 1,
		.max = 100,
		.field = FIELD(struct conf_check, rise),
		.meaning = "Successes in a row that bring a server up",
	},
	{
		.name = "fall",
		.type = KEY_INTEGER,
		.fallback = "3",
		.min = 1,
		.max = 100,
		.field = FIELD(struct conf_check, fall),
		.meaning = "Failures in a row that bring a server down",
	},
	{
		.name = "jitter",
		.type = KEY_INTEGER,
		.fallback = "10",
		.max = 50,
		.field = FIELD(struct conf_check, jitter_percent),
		.meaning = "Percent of the interval by which a check may come early or late",
	},
	{
		.name = "initial",
		.type = KEY_TOKEN,
		.fallback = "down",
		.tokens = initials,
		.field = FIELD(struct conf_check, initial_up),
		.meaning = "What a server is until its first result",
	},
	{
		.name = "port",
		.type = KEY_INTEGER,
		.min = 1,
		.max = 65535,
		.field = FIELD(struct conf_check, port),
		.meaning = "The port to check; default: the server's",
	},
};
static const struct keys check_keys = {"check", sizeof(struct conf_check), KEYS(check_items)};

static const struct key server_items[] = {
	{
		.name = "address",
		.type = KEY_UNICAST,
		.required = true,
		.field = FIELD(struct conf_server, address),
		.meaning = "The real server's address",
	},
	{
		.name = "port",
		.type = KEY_INTEGER,
		.min = 1,
		.max = 65535,
		.field = FIELD(struct conf_server, port),
		.meaning = "Its port; default: the service's",
	},
	{
		.name = "weight",
		.type = KEY_INTEGER,
		.fallback = "1",
		.max = 65535,
		.field = FIELD(struct conf_server, weight),
		.meaning = "Its share of new connections; 0: none",
	},
};
static const struct keys server_keys = {"server", sizeof(struct conf_server), KEYS(server_items)};

static const struct key pool_items[] = {
	{
		.name = "check",
		.type = KEY_OBJECT,
		.object = &check_keys,
		.field = FIELD(struct conf_pool, check),
		.also = FIELD(struct conf_pool, has_check),
		.meaning = "How the servers' health is found out; without it all are up",
	},
	{
		.name = "on_failure",
		.type = KEY_TOKEN,
		.fallback = "drain",
		.tokens = on_failures,
		.field = FIELD(struct conf_pool, on_failure),
		.meaning = "drain: a server that is down gets weight 0; remove: it is taken out",
	},
	{
		.name = "servers",
		.type = KEY_MAP,
		.max = CONF_POOL_SERVERS_MAX,
		.object = &server_keys,
		.field = FIELD(struct conf_pool, servers),
		.also = FIELD(struct conf_pool, n_servers),
		.meaning = "The real servers by name",
	},
};
static const struct keys pool_keys = {"pool", sizeof(struct conf_pool), KEYS(pool_items)};

static const struct key service_items[] = {
	{
		.name = "listen",
		.type = KEY_UNICAST,
		.required = true,
		.field = FIELD(struct conf_service, key.addr),
		.meaning = "The address that clients connect to",
	},
	{
		.name = "port",
		.type = KEY_INTEGER,
		.required = true,
		.max = 65535,
		.field = FIELD(struct conf_service, key.port),
		.meaning = "The port that clients connect to; 0, with persistence: every port",
	},
	{
		.name = "protocol",
		.type = KEY_TOKEN,
		.fallback = "tcp",
		.tokens = protocols,
		.field = FIELD(struct conf_service, key.protocol),
		.meaning = "The transport protocol",
	},
	{
		.name = "scheduler",
		.type = KEY_WORD,
		.fallback = "wlc",
		.min = 1,
		.max = IPVS_NAME_MAX - 1,
		.chars = "a-z0-9_",
		.noun = "the name of a scheduler: 1..15 of a-z, 0-9 and _",
		.field = FIELD(struct conf_service, scheduler),
		.meaning = "The kernel's name of the scheduler",
	},
	{
		.name = "forward",
		.type = KEY_TOKEN,
		.required = true,
		.tokens = forwards,
		.field = FIELD(struct conf_service, forward),
		.meaning = "How packets reach the servers",
	},
	{
		.name = "encapsulation",
		.type = KEY_TOKEN,
		.tokens = encapsulations,
		.meaning = "What a tunnel wraps packets in; default ipip",
	},
	{
		.name = "pool",
		.type = KEY_NAME,
		.required = true,
		.meaning = "The name of the pool that serves",
	},
	{
		.name = "persistence",
		.type = KEY_DURATION,
		.fallback = "0",
		.max = 30 * DAY,
		.unit_us = SECOND,
		.field = FIELD(struct conf_service, persistence_s),
		.meaning = "How long a client keeps its server after its last connection; 0: not",
	},
	{
		.name = "program",
		.type = KEY_TOKEN,
		.fallback = "always",
		.tokens = programs,
		.field = FIELD(struct conf_service, program),
		.meaning = "active: the service is in the kernel only where its router is Active",
	},
};
static const struct keys service_keys = {
	"service", sizeof(struct conf_service), KEYS(service_items)};

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
			.field = FIELD(struct conf, services),
			.also = FIELD(struct conf, n_services),
			.meaning = "What clients connect to",
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
