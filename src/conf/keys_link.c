/* The key table: link. */
#include "conf/key_table.h"

static const struct key_token link_modes[] = {
	{"kernel", CONF_LINK_KERNEL}, {"tandem", CONF_LINK_TANDEM}, {NULL, 0}};
static const struct key_token split_brains[] = {
	{"prevent", CONF_SPLIT_BRAIN_PREVENT}, {"vrrp", CONF_SPLIT_BRAIN_VRRP}, {NULL, 0}};

static const struct key link_items[] = {
	{
		.name = "mode",
		.type = KEY_TOKEN,
		.tokens = link_modes,
		.field = FIELD(struct conf_link, mode),
		.meaning = "How connections are synced: over tandem's own channel, or by the "
			   "kernel's daemons",
	},
	{
		.name = "interface",
		.type = KEY_TEXT,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = INTERFACE_CHARS,
		.noun = INTERFACE_NOUN,
		.field = FIELD(struct conf_link, interface),
		.meaning = "The interface that connects the nodes",
	},
	{
		.name = "interfaces",
		.type = KEY_ARGV,
		.max = CONF_LINK_INTERFACES_MAX,
		.field = FIELD(struct conf_link, interfaces),
		.meaning = "The interfaces that do, one or two, instead of interface",
	},
	{
		.name = "key_file",
		.type = KEY_TEXT,
		.min = 1,
		.max = 4095,
		.chars = PATH_CHARS,
		.noun = PATH_NOUN,
		.field = FIELD(struct conf_link, key_file),
		.meaning = "The file that has the pair's keys, for its owner alone to read",
	},
	{
		.name = "heartbeat_interval",
		.type = KEY_DURATION,
		.fallback = "100ms",
		.min = 5 * MS,
		.max = SECOND,
		.unit_us = 1,
		.field = FIELD(struct conf_link, heartbeat_us),
		.meaning = "How often each director says on the link that it lives",
	},
	{
		.name = "coverage_min",
		.type = KEY_INTEGER,
		.fallback = "99",
		.max = 100,
		.field = FIELD(struct conf_link, coverage_min),
		.meaning = "The percentage of connections that a director must know to be ready",
	},
	{
		.name = "split_brain",
		.type = KEY_TOKEN,
		.fallback = "prevent",
		.tokens = split_brains,
		.field = FIELD(struct conf_link, split_brain),
		.meaning =
			"Whether a peer that is Active by what it says on the link stays so when "
			"its adverts are not heard",
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
const struct keys link_keys = {"link", sizeof(struct conf_link), KEYS(link_items)};
