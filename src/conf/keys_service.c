/* The key table: services. */
#include "conf/key_table.h"

#include <netinet/in.h>

const struct key_token key_forwards[] = {{"nat", CONF_FORWARD_NAT}, {"direct", CONF_FORWARD_DIRECT},
	{"tunnel", CONF_FORWARD_TUNNEL}, {"fullnat", CONF_FORWARD_FULLNAT}, {NULL, 0}};
const struct key_token key_encapsulations[] = {
	{"ipip", IPVS_TUNNEL_IPIP}, {"gue", IPVS_TUNNEL_GUE}, {"gre", IPVS_TUNNEL_GRE}, {NULL, 0}};
const struct key_token key_checksums[] = {{"none", 0}, {"full", IPVS_TUNNEL_CHECKSUM},
	{"remote", IPVS_TUNNEL_REMOTE_CHECKSUM}, {NULL, 0}};
static const struct key_token protocols[] = {
	{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}, {NULL, 0}};
static const struct key_token families[] = {{"ipv4", AF_INET}, {"ipv6", AF_INET6}, {NULL, 0}};
static const struct key_token scheduler_flags[] = {{"sh-fallback", CONF_SH_FALLBACK},
	{"sh-port", CONF_SH_PORT}, {"mh-fallback", CONF_MH_FALLBACK}, {"mh-port", CONF_MH_PORT},
	{NULL, 0}};
static const struct key_token dead_connections[] = {
	{"keep", CONF_DEAD_KEEP}, {"expire", CONF_DEAD_EXPIRE}, {NULL, 0}};
static const struct key_token programs[] = {
	{"always", CONF_PROGRAM_ALWAYS}, {"active", CONF_PROGRAM_ACTIVE}, {NULL, 0}};

static const struct key service_items[] = {
	{
		.name = "listen",
		.type = KEY_RANGES,
		.min = 1,
		.max = CONF_RANGES_MAX,
		.field = FIELD(struct conf_definition, listens),
		.also = FIELD(struct conf_definition, n_listens),
		.meaning = "The addresses that clients connect to: one, a range, or several",
	},
	{
		.name = "port",
		.type = KEY_PORTS,
		.min = 1,
		.max = CONF_RANGES_MAX,
		.field = FIELD(struct conf_definition, ports),
		.also = FIELD(struct conf_definition, n_ports),
		.meaning = "The ports: one, a range, or several; 0, with persistence: every port",
	},
	{
		.name = "protocol",
		.type = KEY_TOKEN,
		.fallback = "tcp",
		.tokens = protocols,
		.field = FIELD(struct conf_definition, common.key.protocol),
		.meaning = "The transport protocol",
	},
	{
		.name = "mark",
		.type = KEY_MARK,
		.field = FIELD(struct conf_definition, mark),
		.also = FIELD(struct conf_definition, mark_auto),
		.meaning = "Balance what has this firewall mark; auto: tandem sets it",
	},
	{
		.name = "family",
		.type = KEY_TOKEN,
		.tokens = families,
		.field = FIELD(struct conf_definition, family),
		.meaning = "The address family of a mark without listen; default ipv4",
	},
	{
		.name = "scheduler",
		.type = KEY_WORD,
		.fallback = "wlc",
		.min = 1,
		.max = IPVS_NAME_MAX - 1,
		.chars = "a-z0-9_",
		.noun = "the name of a scheduler: 1..15 of a-z, 0-9 and _",
		.field = FIELD(struct conf_definition, common.scheduler),
		.meaning = "The kernel's name of the scheduler",
	},
	{
		.name = "scheduler_flags",
		.type = KEY_FLAGS,
		.tokens = scheduler_flags,
		.field = FIELD(struct conf_definition, scheduler_flags),
		.meaning = "What else the schedulers sh and mh are to do",
	},
	{
		.name = "forward",
		.type = KEY_TOKEN,
		.required = true,
		.tokens = key_forwards,
		.field = FIELD(struct conf_definition, common.forward),
		.meaning = "How packets reach the servers",
	},
	{
		.name = "encapsulation",
		.type = KEY_TOKEN,
		.tokens = key_encapsulations,
		.field = FIELD(struct conf_definition, common.tunnel.type),
		.also = FIELD(struct conf_definition, has_tunnel),
		.meaning = "What a tunnel wraps packets in; default ipip",
	},
	{
		.name = "encapsulation_port",
		.type = KEY_INTEGER,
		.min = 1,
		.max = 65535,
		.field = FIELD(struct conf_definition, common.tunnel.port),
		.also = FIELD(struct conf_definition, has_tunnel),
		.meaning = "The UDP port of gue",
	},
	{
		.name = "encapsulation_checksum",
		.type = KEY_TOKEN,
		.tokens = key_checksums,
		.field = FIELD(struct conf_definition, common.tunnel.flags),
		.also = FIELD(struct conf_definition, has_tunnel),
		.meaning = "The outer checksum of gue and gre; default none",
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
		.field = FIELD(struct conf_definition, common.persistence_s),
		.meaning = "How long a client keeps its server after its last connection; 0: not",
	},
	{
		.name = "persistence_netmask",
		.type = KEY_INTEGER,
		.min = 1,
		.max = 128,
		.field = FIELD(struct conf_definition, netmask_len),
		.meaning = "Clients with this prefix in common count as one; default: none do",
	},
	{
		.name = "persistence_engine",
		.type = KEY_WORD,
		.min = 1,
		.max = IPVS_NAME_MAX - 1,
		.chars = "a-z0-9_",
		.noun = "the name of a persistence engine: 1..15 of a-z, 0-9 and _",
		.field = FIELD(struct conf_definition, common.engine),
		.meaning = "What tells clients apart instead of their address: sip",
	},
	{
		.name = "one_packet",
		.type = KEY_BOOLEAN,
		.fallback = "false",
		.field = FIELD(struct conf_definition, one_packet),
		.meaning = "Whether each datagram is balanced by itself (UDP)",
	},
	{
		.name = "dead_connections",
		.type = KEY_TOKEN,
		.tokens = dead_connections,
		.field = FIELD(struct conf_definition, dead_connections),
		.meaning = "What becomes of connections to a server that is down; default: by the "
			   "pool's on_failure",
	},
	{
		.name = "program",
		.type = KEY_TOKEN,
		.fallback = "always",
		.tokens = programs,
		.field = FIELD(struct conf_definition, common.program),
		.meaning = "active: the service is in the kernel only where its router is Active",
	},
};
const struct keys service_keys = {"service", sizeof(struct conf_definition), KEYS(service_items)};
