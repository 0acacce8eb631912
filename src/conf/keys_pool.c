/* The key table: pools and their servers. */
#include "conf/key_table.h"

static const struct key_token on_failures[] = {
	{"drain", CONF_ON_FAILURE_DRAIN}, {"remove", CONF_ON_FAILURE_REMOVE}, {NULL, 0}};
static const struct key_token opinions[] = {
	{"own", CONF_OPINIONS_OWN}, {"both", CONF_OPINIONS_BOTH}, {NULL, 0}};

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
	{
		.name = "upper_threshold",
		.type = KEY_INTEGER,
		.fallback = "0",
		.max = INT32_MAX,
		.field = FIELD(struct conf_server, upper),
		.meaning = "With that many connections it gets no new ones; 0: no limit",
	},
	{
		.name = "lower_threshold",
		.type = KEY_INTEGER,
		.fallback = "0",
		.max = INT32_MAX,
		.field = FIELD(struct conf_server, lower),
		.meaning = "Below that it gets new ones again; 0: three quarters of the upper",
	},
	{
		.name = "forward",
		.type = KEY_TOKEN,
		.tokens = key_forwards,
		.field = FIELD(struct conf_server, forward),
		.also = FIELD(struct conf_server, has_forward),
		.meaning = "How packets reach it; default: as the service says",
	},
	{
		.name = "encapsulation",
		.type = KEY_TOKEN,
		.tokens = key_encapsulations,
		.field = FIELD(struct conf_server, tunnel.type),
		.also = FIELD(struct conf_server, has_tunnel),
		.meaning = "What a tunnel wraps packets in; default ipip",
	},
	{
		.name = "encapsulation_port",
		.type = KEY_INTEGER,
		.min = 1,
		.max = 65535,
		.field = FIELD(struct conf_server, tunnel.port),
		.also = FIELD(struct conf_server, has_tunnel),
		.meaning = "The UDP port of gue",
	},
	{
		.name = "encapsulation_checksum",
		.type = KEY_TOKEN,
		.tokens = key_checksums,
		.field = FIELD(struct conf_server, tunnel.flags),
		.also = FIELD(struct conf_server, has_tunnel),
		.meaning = "The outer checksum of gue and gre; default none",
	},
	{
		.name = "check",
		.type = KEY_OWN,
		.object = &check_keys,
		.field = FIELD(struct conf_server, check),
		.meaning = "What is different from the pool's check for this server",
	},
};
static const struct keys server_keys = {"server", sizeof(struct conf_server), KEYS(server_items)};

static const struct key pool_items[] = {
	{
		.name = "check",
		.type = KEY_OWN,
		.object = &check_keys,
		.field = FIELD(struct conf_pool, check),
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
		.name = "opinions",
		.type = KEY_TOKEN,
		.fallback = "own",
		.tokens = opinions,
		.field = FIELD(struct conf_pool, opinions),
		.meaning = "own: this director's checks decide; both: what the peer sees up stays",
	},
	{
		.name = "quorum",
		.type = KEY_INTEGER,
		.fallback = "1",
		.min = 1,
		.max = INT32_MAX,
		.field = FIELD(struct conf_pool, quorum),
		.meaning = "The weight of usable servers that the pool needs",
	},
	{
		.name = "hysteresis",
		.type = KEY_INTEGER,
		.fallback = "0",
		.max = INT32_MAX,
		.field = FIELD(struct conf_pool, hysteresis),
		.meaning = "So much more regains the quorum, so much less loses it",
	},
	{
		.name = "fallback",
		.type = KEY_NAME,
		.meaning = "The pool that serves while this one is below its quorum",
	},
	{
		.name = "panic_threshold",
		.type = KEY_INTEGER,
		.fallback = "0",
		.max = 100,
		.field = FIELD(struct conf_pool, panic_percent),
		.meaning = "With less than this percentage of servers up all are used; 0: never",
	},
	{
		.name = "max_ejected",
		.type = KEY_INTEGER,
		.fallback = "100",
		.max = 100,
		.field = FIELD(struct conf_pool, max_ejected_percent),
		.meaning = "The percentage of servers that checks may take out",
	},
	{
		.name = "slow_start",
		.type = KEY_DURATION,
		.fallback = "0",
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_pool, slow_start_us),
		.meaning = "How long a server that came up takes to its full weight",
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
const struct keys pool_keys = {"pool", sizeof(struct conf_pool), KEYS(pool_items)};
