/* The key table. tandem.json(5) says the same at length. */
#include "conf/key_table.h"
#include "conf/keys.h"
#include "core/track.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>

static const struct key_token on_failures[] = {
	{"drain", CONF_ON_FAILURE_DRAIN}, {"remove", CONF_ON_FAILURE_REMOVE}, {NULL, 0}};
static const struct key_token opinions[] = {
	{"own", CONF_OPINIONS_OWN}, {"both", CONF_OPINIONS_BOTH}, {NULL, 0}};
static const struct key_token protocols[] = {
	{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}, {NULL, 0}};
static const struct key_token forwards[] = {{"nat", CONF_FORWARD_NAT},
	{"direct", CONF_FORWARD_DIRECT}, {"tunnel", CONF_FORWARD_TUNNEL},
	{"fullnat", CONF_FORWARD_FULLNAT}, {NULL, 0}};
static const struct key_token encapsulations[] = {
	{"ipip", IPVS_TUNNEL_IPIP}, {"gue", IPVS_TUNNEL_GUE}, {"gre", IPVS_TUNNEL_GRE}, {NULL, 0}};
static const struct key_token checksums[] = {{"none", 0}, {"full", IPVS_TUNNEL_CHECKSUM},
	{"remote", IPVS_TUNNEL_REMOTE_CHECKSUM}, {NULL, 0}};
static const struct key_token families[] = {{"ipv4", AF_INET}, {"ipv6", AF_INET6}, {NULL, 0}};
static const struct key_token advert_checksums[] = {
	{"rfc9568", false}, {"pseudo_header", true}, {NULL, 0}};
static const struct key_token auth_types[] = {{"none", CONF_AUTH_NONE}, {"link", CONF_AUTH_LINK},
	{"password", CONF_AUTH_PASSWORD}, {"hmac", CONF_AUTH_HMAC}, {NULL, 0}};
static const struct key_token auth_modes[] = {{"enforce", CONF_AUTH_ENFORCE},
	{"permissive", CONF_AUTH_PERMISSIVE}, {"receive_only", CONF_AUTH_RECEIVE_ONLY}, {NULL, 0}};
static const struct key_token scheduler_flags[] = {{"sh-fallback", CONF_SH_FALLBACK},
	{"sh-port", CONF_SH_PORT}, {"mh-fallback", CONF_MH_FALLBACK}, {"mh-port", CONF_MH_PORT},
	{NULL, 0}};
static const struct key_token dead_connections[] = {
	{"keep", CONF_DEAD_KEEP}, {"expire", CONF_DEAD_EXPIRE}, {NULL, 0}};
static const struct key_token owned[] = {{"recorded", false}, {"table", true}, {NULL, 0}};
static const struct key_token conn_reuses[] = {
	{"same_server", 0}, {"time_wait", 1}, {"fin_wait", 2}, {NULL, 0}};
static const struct key_token programs[] = {
	{"always", CONF_PROGRAM_ALWAYS}, {"active", CONF_PROGRAM_ACTIVE}, {NULL, 0}};
static const struct key_token link_modes[] = {
	{"kernel", CONF_LINK_KERNEL}, {"tandem", CONF_LINK_TANDEM}, {NULL, 0}};
static const struct key_token split_brains[] = {
	{"prevent", CONF_SPLIT_BRAIN_PREVENT}, {"vrrp", CONF_SPLIT_BRAIN_VRRP}, {NULL, 0}};
static const struct key_token on_stops[] = {
	{"keep", CONF_ON_STOP_KEEP}, {"remove", CONF_ON_STOP_REMOVE}, {NULL, 0}};

static const struct key_token arp_forms[] = {{"request", CONF_ARP_REQUEST},
	{"reply", CONF_ARP_REPLY}, {"both", CONF_ARP_REQUEST | CONF_ARP_REPLY}, {NULL, 0}};
static const struct key_token scopes[] = {{"global", RT_SCOPE_UNIVERSE}, {"site", RT_SCOPE_SITE},
	{"link", RT_SCOPE_LINK}, {"host", RT_SCOPE_HOST}, {NULL, 0}};
static const struct key_token route_types[] = {{"unicast", CONF_ROUTE_UNICAST},
	{"blackhole", CONF_ROUTE_BLACKHOLE}, {"unreachable", CONF_ROUTE_UNREACHABLE},
	{"prohibit", CONF_ROUTE_PROHIBIT}, {NULL, 0}};

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
	{
		.name = "again",
		.type = KEY_DURATION,
		.fallback = "5s",
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_announce, again_us),
		.meaning = "From the takeover to a second series of announcements; 0: none",
	},
	{
		.name = "form",
		.type = KEY_TOKEN,
		.fallback = "request",
		.tokens = arp_forms,
		.field = FIELD(struct conf_announce, forms),
		.meaning = "What a gratuitous ARP is: a request, a reply, or one of each",
	},
};
static const struct keys announce_keys = {
	"announce", sizeof(struct conf_announce), KEYS(announce_items)};

static const struct key auth_key_items[] = {
	{
		.name = "file",
		.type = KEY_TEXT,
		.required = true,
		.min = 1,
		.max = 4095,
		.chars = PATH_CHARS,
		.noun = PATH_NOUN,
		.field = FIELD(struct conf_key, file),
		.meaning = "The file that has the key, for its owner alone to read",
	},
};
static const struct keys auth_key_keys = {
	"auth_key", sizeof(struct conf_key), KEYS(auth_key_items)};

static const struct key auth_items[] = {
	{
		.name = "type",
		.type = KEY_TOKEN,
		.tokens = auth_types,
		.field = FIELD(struct conf_auth, type),
		.meaning =
			"link: adverts are signed by the link's key_file, the default where there "
			"is one; hmac: by keys of their own; password: in clear, for version 2",
	},
	{
		.name = "keys",
		.type = KEY_MAP,
		.max = CONF_KEYS_MAX,
		.object = &auth_key_keys,
		.field = FIELD(struct conf_auth, keys),
		.also = FIELD(struct conf_auth, n_keys),
		.meaning = "The keys of hmac, by their number, 1 to 255",
	},
	{
		.name = "active_key",
		.type = KEY_INTEGER,
		.min = 1,
		.max = 255,
		.field = FIELD(struct conf_auth, active_key),
		.meaning = "The number of the key that signs; default: the only one",
	},
	{
		.name = "mode",
		.type = KEY_TOKEN,
		.fallback = "enforce",
		.tokens = auth_modes,
		.field = FIELD(struct conf_auth, mode),
		.meaning = "enforce: sign, hear what is signed; permissive: hear all; "
			   "receive_only: hear all, do not sign",
	},
	{
		.name = "window",
		.type = KEY_DURATION,
		.min = SECOND,
		.max = 300 * SECOND,
		.unit_us = SECOND,
		.field = FIELD(struct conf_auth, window_s),
		.meaning = "How far clocks may differ; default 5s, or three advert_intervals if "
			   "longer",
	},
	{
		.name = "password_file",
		.type = KEY_TEXT,
		.min = 1,
		.max = 4095,
		.chars = PATH_CHARS,
		.noun = PATH_NOUN,
		.field = FIELD(struct conf_auth, password_file),
		.meaning = "The file that has the password, 1 to 8 characters",
	},
};
static const struct keys auth_keys = {"auth", sizeof(struct conf_auth), KEYS(auth_items)};

/* In a virtual router, in a group, and by name; rules_track.c says what fits where. */
static const struct keys track_keys;
static const struct key track_items[] = {
	{
		.name = "interface",
		.type = KEY_TEXT,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = INTERFACE_CHARS,
		.noun = INTERFACE_NOUN,
		.field = FIELD(struct conf_track, interface),
		.meaning = "An interface that must be up and have a carrier; with ping: where it "
			   "leaves",
	},
	{
		.name = "script",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_track, command.argv),
		.meaning = "A program that must exit with 0: its path and its arguments",
	},
	{
		.name = "file",
		.type = KEY_TEXT,
		.min = 1,
		.max = 4095,
		.chars = PATH_CHARS,
		.noun = "the path of a file",
		.field = FIELD(struct conf_track, file),
		.meaning = "A file with a number, which is multiplied by the weight",
	},
	{
		.name = "process",
		.type = KEY_TEXT,
		.min = 1,
		.max = 4095,
		.chars = PATH_CHARS,
		.noun = "the name of a process",
		.field = FIELD(struct conf_track, process),
		.meaning = "The name of a process that must run, or its path",
	},
	{
		.name = "ping",
		.type = KEY_UNICAST,
		.field = FIELD(struct conf_track, ping),
		.meaning = "An address that must answer to ICMP echo requests",
	},
	{
		.name = "route",
		.type = KEY_NETWORK,
		.field = FIELD(struct conf_track, route),
		.meaning = "A network that must have a route of exactly this prefix",
	},
	{
		.name = "pool",
		.type = KEY_NAME,
		.meaning = "A pool that must have its quorum",
	},
	{
		.name = "service",
		.type = KEY_NAME,
		.meaning = "A service whose pool must have its quorum",
	},
	{
		.name = "tracker",
		.type = KEY_NAME,
		.meaning = "One of the trackers",
	},
	{
		.name = "all",
		.type = KEY_LIST,
		.min = 1,
		.max = CONF_TRACK_MAX,
		.object = &track_keys,
		.field = FIELD(struct conf_track, all),
		.also = FIELD(struct conf_track, n_all),
		.meaning = "Several, of which none may fail",
	},
	{
		.name = "any",
		.type = KEY_LIST,
		.min = 1,
		.max = CONF_TRACK_MAX,
		.object = &track_keys,
		.field = FIELD(struct conf_track, any),
		.also = FIELD(struct conf_track, n_any),
		.meaning = "Several, of which not all may fail",
	},
	{
		.name = "weight",
		.type = KEY_SIGNED,
		.max = TRACK_WEIGHT_MAX,
		.field = FIELD(struct conf_track, weight),
		.meaning = "Added to the priority while it fails; without it that is a fault",
	},
	{
		.name = "inverse",
		.type = KEY_BOOLEAN,
		.fallback = "false",
		.field = FIELD(struct conf_track, inverse),
		.meaning = "Count while it does not fail, instead",
	},
	{
		.name = "down_here",
		.type = KEY_BOOLEAN,
		.fallback = "false",
		.field = FIELD(struct conf_track, down_here),
		.meaning = "Count the servers that only this director sees down, instead of the "
			   "quorum",
	},
	{
		.name = "interval",
		.type = KEY_DURATION,
		.fallback = "1s",
		.min = 10 * MS,
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_track, interval_us),
		.meaning = "How often a script is run, a ping sent, a missing process looked for",
	},
	{
		.name = "timeout",
		.type = KEY_DURATION,
		.min = MS,
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_track, command.timeout_us),
		.meaning = "A script or a ping that takes longer has failed; default: the interval",
	},
	{
		.name = "rise",
		.type = KEY_INTEGER,
		.fallback = "2",
		.min = 1,
		.max = 100,
		.field = FIELD(struct conf_track, rise),
		.meaning = "Successes in a row that end a failure of a script or a ping",
	},
	{
		.name = "fall",
		.type = KEY_INTEGER,
		.fallback = "3",
		.min = 1,
		.max = 100,
		.field = FIELD(struct conf_track, fall),
		.meaning = "Failures in a row that make one",
	},
	{
		.name = "user",
		.type = KEY_TEXT,
		.min = 1,
		.max = USER_LEN_MAX,
		.chars = USER_CHARS,
		.noun = USER_NOUN,
		.field = FIELD(struct conf_track, command.user),
		.meaning = "The user that a script runs as; default: tandem, if there is one",
	},
	{
		.name = "shell",
		.type = KEY_BOOLEAN,
		.fallback = "false",
		.field = FIELD(struct conf_track, command.shell),
		.meaning = "Whether the first text of a script is for /bin/sh",
	},
	{
		.name = "count",
		.type = KEY_INTEGER,
		.fallback = "1",
		.min = 1,
		.max = 1000,
		.field = FIELD(struct conf_track, count),
		.meaning = "So many such processes must run",
	},
	{
		.name = "table",
		.type = KEY_INTEGER,
		.fallback = "254",
		.min = 1,
		.max = INT32_MAX,
		.field = FIELD(struct conf_track, table),
		.meaning = "The routing table of a route",
	},
};
static const struct keys track_keys = {"track", sizeof(struct conf_track), KEYS(track_items)};

static const struct key before_active_items[] = {
	{
		.name = "command",
		.type = KEY_ARGV,
		.required = true,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_before_active, command),
		.meaning = "Run before this director becomes Active, which waits for it",
	},
	{
		.name = "timeout",
		.type = KEY_DURATION,
		.fallback = "500ms",
		.min = 10 * MS,
		.max = 5000 * MS,
		.unit_us = 1,
		.field = FIELD(struct conf_before_active, timeout_us),
		.meaning = "How long that waits at most; then the program is killed",
	},
};
static const struct keys before_active_keys = {
	"before_active", sizeof(struct conf_before_active), KEYS(before_active_items)};

static const struct key notify_items[] = {
	{
		.name = "before_active",
		.type = KEY_OBJECT,
		.object = &before_active_keys,
		.field = FIELD(struct conf_notify, before_active),
		.meaning = "A program that a takeover waits for",
	},
	{
		.name = "active",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, active),
		.meaning = "Run when this director has become Active",
	},
	{
		.name = "backup",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, backup),
		.meaning = "Run when it has become Backup",
	},
	{
		.name = "fault",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, fault),
		.meaning = "Run when it takes no part in the election any more",
	},
	{
		.name = "stop",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, stop),
		.meaning = "Run when tandem stops",
	},
	{
		.name = "any",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, any),
		.meaning = "Run after each of them, with the name, the state and the priority as "
			   "arguments",
	},
	{
		.name = "timeout",
		.type = KEY_DURATION,
		.fallback = "60s",
		.min = 10 * MS,
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_notify, timeout_us),
		.meaning = "A program that takes longer is killed",
	},
	{
		.name = "user",
		.type = KEY_TEXT,
		.min = 1,
		.max = USER_LEN_MAX,
		.chars = USER_CHARS,
		.noun = USER_NOUN,
		.field = FIELD(struct conf_notify, user),
		.meaning = "The user that they run as; default: tandem, if there is one",
	},
	{
		.name = "shell",
		.type = KEY_BOOLEAN,
		.fallback = "false",
		.field = FIELD(struct conf_notify, shell),
		.meaning = "Whether the first text of each is for /bin/sh",
	},
};
static const struct keys notify_keys = {"notify", sizeof(struct conf_notify), KEYS(notify_items)};

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
static const struct keys address_keys = {
	"address", sizeof(struct conf_address), KEYS(address_items)};

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
static const struct keys route_keys = {"route", sizeof(struct conf_route), KEYS(route_items)};

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
static const struct keys rule_keys = {"rule", sizeof(struct conf_rule), KEYS(rule_items)};

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
		.name = "down_intervals",
		.type = KEY_INTEGER,
		.fallback = "3",
		.min = 1,
		.max = 100,
		.field = FIELD(struct conf_router, down_intervals),
		.meaning = "How many adverts must be lost for a failover",
	},
	{
		.name = "fast_failover",
		.type = KEY_BOOLEAN,
		.fallback = "false",
		.field = FIELD(struct conf_router, fast_failover),
		.meaning = "Whether one missing advert is enough when the link is silent, too",
	},
	{
		.name = "version",
		.type = KEY_INTEGER,
		.fallback = "3",
		.min = 2,
		.max = 3,
		.field = FIELD(struct conf_router, version),
		.meaning = "The version of VRRP; 2 is for IPv4 and whole seconds",
	},
	{
		.name = "checksum",
		.type = KEY_TOKEN,
		.fallback = "rfc9568",
		.tokens = advert_checksums,
		.field = FIELD(struct conf_router, pseudo_header),
		.meaning = "What version 3 sums on IPv4; pseudo_header: as RFC 5798 has it",
	},
	{
		.name = "unicast",
		.type = KEY_SPEAKERS,
		.min = 2,
		.max = CONF_SPEAKERS_MAX,
		.field = FIELD(struct conf_router, unicast),
		.also = FIELD(struct conf_router, n_unicast),
		.meaning = "Where each node, and peers that are none, speak unicast; without it "
			   "adverts are multicast",
	},
	{
		.name = "min_ttl",
		.type = KEY_INTEGER,
		.fallback = "255",
		.min = 1,
		.max = 255,
		.field = FIELD(struct conf_router, min_ttl),
		.meaning = "The least TTL of unicast adverts: less than 255 with routers between",
	},
	{
		.name = "auth",
		.type = KEY_OBJECT,
		.object = &auth_keys,
		.field = FIELD(struct conf_router, auth),
		.meaning = "How the directors know each other's adverts",
	},
	{
		.name = "preempt",
		.type = KEY_BOOLEAN,
		.fallback = "true",
		.field = FIELD(struct conf_router, preempt),
		.meaning = "Whether a higher priority takes over from an Active director",
	},
	{
		.name = "preempt_delay",
		.type = KEY_DURATION,
		.fallback = "0s",
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_router, preempt_delay_us),
		.meaning = "How long a lower priority must have been heard before that",
	},
	{
		.name = "settle",
		.type = KEY_DURATION,
		.fallback = "0s",
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_router, settle_us),
		.meaning = "How long after its link came up a director believes silence",
	},
	{
		.name = "addresses",
		.type = KEY_ADDRESSES,
		.required = true,
		.object = &address_keys,
		.min = 1,
		.max = CONF_ROUTER_ADDRESSES_MAX,
		.field = FIELD(struct conf_router, addresses),
		.also = FIELD(struct conf_router, n_addresses),
		.meaning = "The virtual addresses, with their prefix lengths",
	},
	{
		.name = "excluded_addresses",
		.type = KEY_ADDRESSES,
		.object = &address_keys,
		.max = CONF_ROUTER_ADDRESSES_MAX,
		.field = FIELD(struct conf_router, excluded),
		.also = FIELD(struct conf_router, n_excluded),
		.meaning = "Addresses that move with them and are in no advert",
	},
	{
		.name = "snat_addresses",
		.type = KEY_PREFIXES,
		.max = CONF_ROUTER_ADDRESSES_MAX,
		.field = FIELD(struct conf_router, snat),
		.also = FIELD(struct conf_router, n_snat),
		.meaning = "The addresses that servers of fullnat services see, moved likewise",
	},
	{
		.name = "snat_interface",
		.type = KEY_TEXT,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = INTERFACE_CHARS,
		.noun = INTERFACE_NOUN,
		.field = FIELD(struct conf_router, snat_interface),
		.meaning = "The interface that has the snat_addresses; default: interface",
	},
	{
		.name = "virtual_mac",
		.type = KEY_BOOLEAN,
		.fallback = "false",
		.field = FIELD(struct conf_router, virtual_mac),
		.meaning =
			"Whether the addresses have the virtual router's MAC address, on a device",
	},
	{
		.name = "virtual_mac_device",
		.type = KEY_TEXT,
		.min = 1,
		.max = INTERFACE_LEN_MAX,
		.chars = INTERFACE_CHARS,
		.noun = INTERFACE_NOUN,
		.field = FIELD(struct conf_router, virtual_mac_device),
		.meaning = "The name of that device; default: vrrp. or vrrp6. and the vrid",
	},
	{
		.name = "accept",
		.type = KEY_BOOLEAN,
		.fallback = "true",
		.field = FIELD(struct conf_router, accept),
		.meaning = "Whether the addresses take packets that are for no service",
	},
	{
		.name = "routes",
		.type = KEY_LIST,
		.max = CONF_ROUTER_ROUTES_MAX,
		.object = &route_keys,
		.field = FIELD(struct conf_router, routes),
		.also = FIELD(struct conf_router, n_routes),
		.meaning = "Routes that move with the addresses",
	},
	{
		.name = "rules",
		.type = KEY_LIST,
		.max = CONF_ROUTER_ROUTES_MAX,
		.object = &rule_keys,
		.field = FIELD(struct conf_router, rules),
		.also = FIELD(struct conf_router, n_rules),
		.meaning = "Routing rules that move with the addresses",
	},
	{
		.name = "announce",
		.type = KEY_OBJECT,
		.object = &announce_keys,
		.field = FIELD(struct conf_router, announce),
		.meaning = "How a new owner tells the network",
	},
	{
		.name = "track",
		.type = KEY_LIST,
		.max = CONF_TRACK_MAX,
		.object = &track_keys,
		.field = FIELD(struct conf_router, track),
		.also = FIELD(struct conf_router, n_track),
		.meaning = "What is watched, and what its failure does to the priority",
	},
	{
		.name = "notify",
		.type = KEY_OBJECT,
		.object = &notify_keys,
		.field = FIELD(struct conf_router, notify),
		.meaning = "Programs that are told of changes of state",
	},
};
static const struct keys router_keys = {
	"virtual_router", sizeof(struct conf_router), KEYS(router_items)};

static const struct key group_items[] = {
	{
		.name = "members",
		.type = KEY_PATTERNS,
		.required = true,
		.meaning = "The virtual routers that are Active together",
	},
};
static const struct keys group_keys = {"sync_group", sizeof(struct conf_group), KEYS(group_items)};

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
		.tokens = forwards,
		.field = FIELD(struct conf_server, forward),
		.meaning = "How packets reach it; default: as the service says",
	},
	{
		.name = "encapsulation",
		.type = KEY_TOKEN,
		.tokens = encapsulations,
		.field = FIELD(struct conf_server, tunnel.type),
		.meaning = "What a tunnel wraps packets in; default ipip",
	},
	{
		.name = "encapsulation_port",
		.type = KEY_INTEGER,
		.min = 1,
		.max = 65535,
		.field = FIELD(struct conf_server, tunnel.port),
		.meaning = "The UDP port of gue",
	},
	{
		.name = "encapsulation_checksum",
		.type = KEY_TOKEN,
		.tokens = checksums,
		.field = FIELD(struct conf_server, tunnel.flags),
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
static const struct keys pool_keys = {"pool", sizeof(struct conf_pool), KEYS(pool_items)};

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
		.tokens = forwards,
		.field = FIELD(struct conf_definition, common.forward),
		.meaning = "How packets reach the servers",
	},
	{
		.name = "encapsulation",
		.type = KEY_TOKEN,
		.tokens = encapsulations,
		.field = FIELD(struct conf_definition, common.tunnel.type),
		.meaning = "What a tunnel wraps packets in; default ipip",
	},
	{
		.name = "encapsulation_port",
		.type = KEY_INTEGER,
		.min = 1,
		.max = 65535,
		.field = FIELD(struct conf_definition, common.tunnel.port),
		.meaning = "The UDP port of gue",
	},
	{
		.name = "encapsulation_checksum",
		.type = KEY_TOKEN,
		.tokens = checksums,
		.field = FIELD(struct conf_definition, common.tunnel.flags),
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
static const struct keys service_keys = {
	"service", sizeof(struct conf_definition), KEYS(service_items)};

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
