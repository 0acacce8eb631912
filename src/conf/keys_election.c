/* The key table: virtual_routers and sync_groups. */
#include "conf/key_table.h"

static const struct key_token advert_checksums[] = {
	{"rfc9568", false}, {"pseudo_header", true}, {NULL, 0}};
static const struct key_token auth_types[] = {{"none", CONF_AUTH_NONE}, {"link", CONF_AUTH_LINK},
	{"password", CONF_AUTH_PASSWORD}, {"hmac", CONF_AUTH_HMAC}, {NULL, 0}};
static const struct key_token auth_modes[] = {{"enforce", CONF_AUTH_ENFORCE},
	{"permissive", CONF_AUTH_PERMISSIVE}, {"receive_only", CONF_AUTH_RECEIVE_ONLY}, {NULL, 0}};
static const struct key_token arp_forms[] = {{"request", CONF_ARP_REQUEST},
	{"reply", CONF_ARP_REPLY}, {"both", CONF_ARP_REQUEST | CONF_ARP_REPLY}, {NULL, 0}};

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
const struct keys router_keys = {"virtual_router", sizeof(struct conf_router), KEYS(router_items)};

static const struct key group_items[] = {
	{
		.name = "members",
		.type = KEY_PATTERNS,
		.required = true,
		.meaning = "The virtual routers that are Active together",
	},
};
const struct keys group_keys = {"sync_group", sizeof(struct conf_group), KEYS(group_items)};
