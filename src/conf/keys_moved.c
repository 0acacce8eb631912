/* The key table: addresses, routes and rules that a virtual router moves. */
#include "conf/key_table.h"

#include <linux/rtnetlink.h>

static const struct key_token scopes[] = {{"global", RT_SCOPE_UNIVERSE}, {"site", RT_SCOPE_SITE},
	{"link", RT_SCOPE_LINK}, {"host", RT_SCOPE_HOST}, {NULL, 0}};
static const struct key_token route_types[] = {{"unicast", CONF_ROUTE_UNICAST},
	{"blackhole", CONF_ROUTE_BLACKHOLE}, {"unreachable", CONF_ROUTE_UNREACHABLE},
	{"prohibit", CONF_ROUTE_PROHIBIT}, {NULL, 0}};

static const struct key address_items[] = {
	{
		.name = "address",
		.type = KEY_PREFIX,
		.required = true,
		.field = FIELD(struct conf_address, prefix),
		.meaning = "The address, with its prefix length",
	},
	{
		.name = "label",
		.type = KEY_WORD,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = "!-.0-~",
		.noun = "a label: 1..15 characters, no space or slash",
		.field = FIELD(struct conf_address, label),
		.meaning = "What old tools show of an IPv4 address, such as eth0:vip",
	},
	{
		.name = "scope",
		.type = KEY_TOKEN,
		.fallback = "global",
		.tokens = scopes,
		.field = FIELD(struct conf_address, scope),
		.meaning = "How far the address is good",
	},
	{
		.name = "interface",
		.type = KEY_WORD,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = INTERFACE_CHARS,
		.noun = INTERFACE_NOUN,
		.field = FIELD(struct conf_address, interface),
		.meaning = "The interface that it goes to; default: that of the virtual router",
	},
};
const struct keys address_keys = {"address", sizeof(struct conf_address), KEYS(address_items)};

static const struct key route_items[] = {
	{
		.name = "to",
		.type = KEY_NETWORK,
		.required = true,
		.field = FIELD(struct conf_route, to),
		.meaning = "The destination",
	},
	{
		.name = "via",
		.type = KEY_UNICAST,
		.field = FIELD(struct conf_route, via),
		.meaning = "The gateway",
	},
	{
		.name = "dev",
		.type = KEY_WORD,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = INTERFACE_CHARS,
		.noun = INTERFACE_NOUN,
		.field = FIELD(struct conf_route, dev),
		.meaning = "The interface that packets leave by; default: where the gateway is",
	},
	{
		.name = "src",
		.type = KEY_UNICAST,
		.field = FIELD(struct conf_route, src),
		.meaning = "The source of packets of this host that take the route",
	},
	{
		.name = "table",
		.type = KEY_INTEGER,
		.fallback = "254",
		.min = 1,
		.max = UINT32_MAX,
		.field = FIELD(struct conf_route, table),
		.meaning = "The routing table; 254 is the main one",
	},
	{
		.name = "metric",
		.type = KEY_INTEGER,
		.fallback = "0",
		.max = UINT32_MAX,
		.field = FIELD(struct conf_route, metric),
		.meaning = "The lower is preferred; 0: the kernel's default",
	},
	{
		.name = "onlink",
		.type = KEY_BOOLEAN,
		.fallback = "false",
		.field = FIELD(struct conf_route, onlink),
		.meaning = "Whether the gateway is on the link though no address says so",
	},
	{
		.name = "type",
		.type = KEY_TOKEN,
		.fallback = "unicast",
		.tokens = route_types,
		.field = FIELD(struct conf_route, type),
		.meaning = "What becomes of packets",
	},
};
const struct keys route_keys = {"route", sizeof(struct conf_route), KEYS(route_items)};

static const struct key rule_items[] = {
	{
		.name = "from",
		.type = KEY_NETWORK,
		.field = FIELD(struct conf_rule, from),
		.meaning = "Sources that it is for; default: all",
	},
	{
		.name = "to",
		.type = KEY_NETWORK,
		.field = FIELD(struct conf_rule, to),
		.meaning = "Destinations that it is for; default: all",
	},
	{
		.name = "fwmark",
		.type = KEY_INTEGER,
		.min = 1,
		.max = UINT32_MAX,
		.field = FIELD(struct conf_rule, mark),
		.meaning = "The firewall mark that it is for; default: any",
	},
	{
		.name = "iif",
		.type = KEY_WORD,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = INTERFACE_CHARS,
		.noun = INTERFACE_NOUN,
		.field = FIELD(struct conf_rule, iif),
		.meaning = "The interface of arrival that it is for; default: any",
	},
	{
		.name = "table",
		.type = KEY_INTEGER,
		.required = true,
		.min = 1,
		.max = UINT32_MAX,
		.field = FIELD(struct conf_rule, table),
		.meaning = "The routing table to look in",
	},
	{
		.name = "priority",
		.type = KEY_INTEGER,
		.required = true,
		.min = 1,
		.max = 32765,
		.field = FIELD(struct conf_rule, priority),
		.meaning = "Its place among the rules: the lowest is asked first",
	},
};
const struct keys rule_keys = {"rule", sizeof(struct conf_rule), KEYS(rule_items)};
