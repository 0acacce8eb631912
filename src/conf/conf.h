/* The configuration: one JSON file and what it includes, validated whole, then const.
 * tandem.json(5) is the reference for operators, conf/keys*.c the table behind it. */
#pragma once

#include "base/addr.h"
#include "conf/conf_check.h"
#include "core/pair_key.h"
#include "core/service_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_NODES_MAX 8
#define CONF_SPEAKERS_MAX 16 /* of one virtual router */
#define CONF_NONE ((size_t)-1)

struct conf_node {
	char *name;
	struct addr link_address; /* family 0: none */
};

struct conf_announce {
	unsigned repeat;      /* gratuitous ARPs per address in a burst */
	uint64_t interval_us; /* between them */
	uint64_t refresh_us;  /* periodic re-announcement while Active, 0: off */
	uint64_t again_us;    /* from the first burst to the second, 0: there is none */
	uint8_t forms;        /* of gratuitous ARP: CONF_ARP_REQUEST, _REPLY, or both */
};

enum conf_arp_form {
	CONF_ARP_REQUEST = 1 << 0,
	CONF_ARP_REPLY = 1 << 1,
};

/* A virtual address. */
struct conf_address {
	struct addr_prefix prefix;
	uint8_t scope;                      /* the kernel's number */
	char label[CONF_INTERFACE_MAX];     /* "": none */
	char interface[CONF_INTERFACE_MAX]; /* "": the virtual router's */
};

enum conf_route_type {
	CONF_ROUTE_UNICAST,
	CONF_ROUTE_BLACKHOLE,
	CONF_ROUTE_UNREACHABLE,
	CONF_ROUTE_PROHIBIT,
};
const char *conf_route_type_name(enum conf_route_type type); /* "unicast" */

/* A route that moves with a virtual router. */
struct conf_route {
	struct addr_prefix to;
	struct addr via, src;         /* family 0: none */
	char dev[CONF_INTERFACE_MAX]; /* "": the kernel's choice */
	uint32_t table;
	uint32_t metric; /* 0: the kernel's choice */
	bool onlink;
	uint8_t type; /* enum conf_route_type */
};

/* A routing rule that does. */
struct conf_rule {
	uint16_t family;
	struct addr_prefix from, to;  /* family 0: any */
	uint32_t mark;                /* 0: any */
	char iif[CONF_INTERFACE_MAX]; /* "": any */
	uint32_t table;
	uint32_t priority;
};

/* What can be watched, in the order of the keys that say so. */
enum conf_track_kind {
	CONF_TRACK_INTERFACE,
	CONF_TRACK_SCRIPT,
	CONF_TRACK_FILE,
	CONF_TRACK_PROCESS,
	CONF_TRACK_PING,
	CONF_TRACK_ROUTE,
	CONF_TRACK_POOL,
	CONF_TRACK_SERVICE,
	CONF_TRACK_TRACKER, /* one of conf.trackers */
	CONF_TRACK_ALL,     /* of `members` */
	CONF_TRACK_ANY,
	CONF_TRACK_KINDS
};
const char *conf_track_kind_name(enum conf_track_kind kind); /* "interface" */

/* A program that is run for us. */
struct conf_command {
	char **argv; /* NULL after the last; NULL: none. With `shell` the first is a shell's */
	bool shell;
	char *user; /* NULL: the default one */
	uint64_t timeout_us;
};

/* Something watched: for a virtual router, as a member of a group, or under a name for several. */
struct conf_track {
	char *name; /* in conf.trackers; else NULL */
	enum conf_track_kind kind;
	char *interface;             /* of CONF_TRACK_INTERFACE; that a ping leaves by, NULL: any */
	struct conf_command command; /* a script; the timeout is a ping's, too */
	char *file;
	char *process;
	uint32_t count; /* of processes */
	struct addr ping;
	struct addr_prefix route;
	uint32_t table;
	size_t index; /* in conf.pools, .definitions or .trackers; CONF_NONE */
	struct conf_track *all, *any;
	size_t n_all, n_any;
	uint64_t interval_us;
	unsigned rise, fall;
	int16_t weight; /* 0: its failure is a fault */
	bool down_here; /* of a pool or service: servers that only this director sees down */
	bool inverse;   /* it counts while it does not fail */
};

/* The members of a group. */
static inline const struct conf_track *conf_track_members(const struct conf_track *t, size_t *ret_n)
{
	*ret_n = t->kind == CONF_TRACK_ALL ? t->n_all : t->kind == CONF_TRACK_ANY ? t->n_any : 0;
	return t->kind == CONF_TRACK_ALL ? t->all : t->any;
}

/* Whether what it finds is a number, by which its weight is multiplied. */
static inline bool conf_track_is_number(const struct conf_track *t)
{
	return t->kind == CONF_TRACK_FILE || t->down_here;
}

/* A program that the takeover waits for. */
struct conf_before_active {
	char **command; /* as in conf_command; NULL: there is none */
	uint64_t timeout_us;
};

/* Programs that are told what became of a virtual router. */
struct conf_notify {
	char **active, **backup, **fault, **stop, **any; /* as in conf_command */
	struct conf_before_active before_active;
	bool shell;
	char *user;
	uint64_t timeout_us;
};

#define CONF_KEYS_MAX 8
#define CONF_KEY_LEN_MAX 64
#define CONF_PASSWORD_LEN 8

/* What signs adverts. What is in the file is read by conf_read_secrets(). */
struct conf_key {
	char *name; /* "1".."255" */
	char *file;
	uint8_t id;
	uint8_t len; /* 0: not read */
	uint8_t bytes[CONF_KEY_LEN_MAX];
};

enum conf_auth_type {
	CONF_AUTH_BY_LINK, /* not said: the relations resolve it */
	CONF_AUTH_NONE,
	CONF_AUTH_LINK,     /* signed, with keys derived from the link's */
	CONF_AUTH_PASSWORD, /* version 2 */
	CONF_AUTH_HMAC,
};

enum conf_auth_mode {
	CONF_AUTH_ENFORCE,
	CONF_AUTH_PERMISSIVE,
	CONF_AUTH_RECEIVE_ONLY,
};

struct conf_auth {
	enum conf_auth_type type;
	enum conf_auth_mode mode;
	uint8_t active_key; /* the id of one of the keys */
	uint16_t window_s;  /* 0: by the advert_interval */
	struct conf_key *keys;
	size_t n_keys;
	char *password_file;
	char password[CONF_PASSWORD_LEN + 1]; /* empty: not read */
};

/* Where a node, or a peer that is none, speaks unicast. */
struct conf_speaker {
	char *name;
	struct addr address;
};

struct conf_router {
	char *name;
	char *interface;
	uint16_t family;                  /* of its addresses, which its adverts carry */
	uint8_t vrid;                     /* 1..255 */
	uint8_t priority[CONF_NODES_MAX]; /* by index of the node, 1..255 */
	uint16_t advert_interval_cs;      /* 1..4095 */
	uint8_t version;                  /* 2, 3 */
	bool pseudo_header;               /* in the checksum of version 3 on IPv4 */
	uint8_t min_ttl;                  /* of adverts that are heard, 1..255 */
	struct conf_speaker *unicast;     /* none: multicast */
	size_t n_unicast;
	struct conf_auth auth;
	uint8_t down_intervals; /* 1..100 */
	bool fast_failover;     /* a peer that is dead by the link, too, is not waited for */
	bool preempt;
	uint64_t preempt_delay_us;
	uint64_t settle_us;
	size_t group; /* the sync group that it is in, or CONF_NONE */
	bool accept;  /* Accept_Mode: whether the addresses take more than what services are for */
	bool virtual_mac; /* the addresses are on a device with the virtual router's own MAC ... */
	char *virtual_mac_device; /* ... of this name; NULL: there is none */
	struct conf_announce announce;
	struct conf_address *addresses; /* of one family: what the adverts carry */
	size_t n_addresses;
	struct conf_address *excluded; /* moved with them, in no advert; either family */
	size_t n_excluded;
	struct addr_prefix *snat; /* local addresses of fullnat, moved likewise */
	size_t n_snat;
	char *snat_interface; /* where those are; NULL: `interface` */
	struct conf_route *routes;
	size_t n_routes;
	struct conf_rule *rules;
	size_t n_rules;
	struct conf_track *track;
	size_t n_track;
	struct conf_notify notify;
};

/* Its members say that they are in it. */
struct conf_group {
	char *name;
};

enum conf_on_failure {
	CONF_ON_FAILURE_DRAIN,  /* weight 0: what is connected stays */
	CONF_ON_FAILURE_REMOVE, /* out of the table */
};

/* Whose checks take a server out. */
enum conf_opinions {
	CONF_OPINIONS_OWN,
	CONF_OPINIONS_BOTH, /* not while the peer sees it up */
};

/* How packets reach a server. FULLNAT is the kernel's NAT, and a source address of ours. */
enum conf_forward {
	CONF_FORWARD_NAT,
	CONF_FORWARD_TUNNEL,
	CONF_FORWARD_DIRECT,
	CONF_FORWARD_FULLNAT,
};
const char *conf_forward_name(enum conf_forward forward); /* "nat", "fullnat" ... */

static inline enum ipvs_forward conf_forward_in_kernel(enum conf_forward forward)
{
	switch (forward) {
	case CONF_FORWARD_TUNNEL:
		return IPVS_FORWARD_TUNNEL;
	case CONF_FORWARD_DIRECT:
		return IPVS_FORWARD_DIRECT;
	case CONF_FORWARD_NAT:
	case CONF_FORWARD_FULLNAT:
		break;
	}
	return IPVS_FORWARD_NAT;
}

/* What a tunnel wraps packets in. */
struct conf_tunnel {
	enum ipvs_tunnel type;
	uint16_t port;  /* GUE's, else 0 */
	uint32_t flags; /* IPVS_TUNNEL_CHECKSUM or _REMOTE_CHECKSUM */
};

struct conf_server {
	char *name;
	struct addr address;
	uint16_t port; /* 0: the service's */
	uint32_t weight;
	uint32_t upper, lower; /* connection thresholds, 0: none */
	bool has_forward;      /* else the service's */
	enum conf_forward forward;
	bool has_tunnel; /* else the service's */
	struct conf_tunnel tunnel;
	struct conf_check *check; /* NULL: the pool's */
};

struct conf_pool {
	char *name;
	struct conf_check *check; /* NULL: every server is taken as up */
	bool weighted;            /* checks may ask for weights */
	enum conf_on_failure on_failure;
	enum conf_opinions opinions;
	uint32_t quorum;             /* sum of the weights of usable servers that it takes */
	uint32_t hysteresis;         /* that much more to come up, that much less to go down */
	size_t fallback;             /* the pool that serves below quorum, or CONF_NONE */
	uint8_t panic_percent;       /* with less of the servers usable all are used; 0: never */
	uint8_t max_ejected_percent; /* checks take out no larger share of the servers */
	uint64_t slow_start_us;      /* how long a server that came up takes to its full weight */
	struct conf_server *servers; /* in the file's order */
	size_t n_servers;
};

enum conf_program {
	CONF_PROGRAM_ALWAYS,
	CONF_PROGRAM_ACTIVE, /* only while `router` is Active here */
};

/* One virtual service of the kernel's: an address and port, or a firewall mark. */
struct conf_service {
	const char *name;  /* of the definition; others of it have the same */
	size_t definition; /* index in conf.definitions */
	struct ipvs_service_key key;
	uint16_t check_port; /* where a server without a port of its own is checked; 0: nowhere */
	char scheduler[IPVS_NAME_MAX];
	char engine[IPVS_NAME_MAX]; /* persistence engine; "": none */
	uint32_t flags;             /* IPVS_SERVICE_* */
	uint32_t persistence_s;     /* 0: none */
	uint32_t netmask;           /* as in struct ipvs_service */
	enum conf_forward forward;
	struct conf_tunnel tunnel;
	enum conf_program program;
	bool expire;   /* connections of a server that is down end at once */
	size_t pool;   /* index in conf.pools */
	size_t router; /* the virtual router that has the address, or CONF_NONE */
	/* Where servers are checked through the service: the first of its paths, which are services
	 * too, one for each server of the pool, in that order, behind all others; or 0. */
	size_t first_path;
	/* Of a path: whose it is, to which server of the pool, and where checks go to with its
	 * mark. Nobody's clients come to a path, and nobody is told of it. */
	bool is_path;
	size_t path_of, path_server;
	struct addr path_addr;
	uint16_t path_port;
};

/* Marks of paths have these upper bits, and no other use. */
#define CONF_PATH_MARK UINT32_C(0x75000000)
#define CONF_PATH_MARKS UINT32_C(0x01000000)
#define CONF_PATH_CHECKS 3 /* what a check is at most where it goes through a service */
static inline bool conf_is_path_mark(uint32_t mark)
{
	return mark / CONF_PATH_MARKS == CONF_PATH_MARK / CONF_PATH_MARKS;
}

static inline bool conf_is_path(const struct conf_service *s)
{
	return s->is_path;
}

/* From..to, both included, of one family. */
struct conf_addresses {
	struct addr first, last;
};

struct conf_ports {
	uint16_t first, last;
};

enum conf_dead_connections {
	CONF_DEAD_BY_POOL, /* not said: as the pool's on_failure has it */
	CONF_DEAD_KEEP,
	CONF_DEAD_EXPIRE,
};

/* What the file says of a service once, and the kernel's services that come of it. */
struct conf_definition {
	char *name;
	struct conf_addresses *listens;
	size_t n_listens;
	struct conf_ports *ports;
	size_t n_ports;
	uint32_t mark;            /* 0: by address and port */
	bool mark_auto;           /* tandem chose it, and marks what it listens on */
	uint16_t family;          /* of a mark without addresses */
	uint32_t scheduler_flags; /* enum conf_scheduler_flag */
	uint8_t netmask_len;      /* 0: not said */
	bool one_packet;
	bool has_tunnel; /* `common` has one that was given */
	enum conf_dead_connections dead_connections;
	struct conf_service common; /* what all have in common */
	size_t first, n;            /* in conf.services */
};

enum conf_scheduler_flag {
	CONF_SH_FALLBACK = 1 << 0,
	CONF_SH_PORT = 1 << 1,
	CONF_MH_FALLBACK = 1 << 2,
	CONF_MH_PORT = 1 << 3,
};

/* What counts for a server of a service. */
static inline enum conf_forward conf_forward_of(
	const struct conf_service *service, const struct conf_server *server)
{
	return server->has_forward ? server->forward : service->forward;
}

static inline const struct conf_tunnel *conf_tunnel_of(
	const struct conf_service *service, const struct conf_server *server)
{
	return server->has_tunnel ? &server->tunnel : &service->tunnel;
}

struct conf_ipvs {
	bool owned_table;                 /* the whole table is ours, not just what we recorded */
	uint8_t max_delete_percent;       /* of services or servers that a reload may delete */
	uint64_t drift_interval_us;       /* how often the table is looked at, 0: never */
	uint8_t conn_reuse;               /* net.ipv4.vs.conn_reuse_mode */
	uint32_t tcp_s, tcp_fin_s, udp_s; /* timeouts, 0: as they are */
};

enum conf_link_mode {
	CONF_LINK_BY_KEY, /* not said: the relations resolve it */
	CONF_LINK_KERNEL, /* the kernel's sync daemons speak on the network */
	CONF_LINK_TANDEM, /* they speak to tandem-link, which speaks to the peer's */
};

enum conf_split_brain {
	CONF_SPLIT_BRAIN_PREVENT, /* no takeover from a peer that says over the link that it is
				     Active */
	CONF_SPLIT_BRAIN_VRRP,    /* adverts alone decide */
};

#define CONF_LINK_INTERFACES_MAX 2

struct conf_link {
	bool enabled; /* there is a "link" object */
	enum conf_link_mode mode;
	char *interface;       /* the first of */
	char **interfaces;     /* 1 or 2, then NULL */
	char *key_file;        /* NULL: none, in CONF_LINK_KERNEL */
	struct pair_keys keys; /* what is in it; n 0: not read */
	uint64_t heartbeat_us; /* between two datagrams at least */
	unsigned coverage_min; /* percent of the connections that a ready peer has at least */
	enum conf_split_brain split_brain;
	uint32_t sync_id; /* 0..255 */
	struct addr group;
	uint16_t port;
	uint8_t ttl;
	uint16_t maxlen;
};

enum conf_on_stop {
	CONF_ON_STOP_KEEP,   /* leave services, sync daemons and settings to the next start */
	CONF_ON_STOP_REMOVE, /* remove and restore everything */
};

struct conf_error {
	char *file;
	unsigned line, column; /* 1-based; 0: the whole file */
	char *pointer;         /* JSON pointer, "" for the root */
	char *text;            /* what is wrong, with the suggestion */
};

struct conf_errors {
	struct conf_error *items;
	size_t n;
};

struct conf {
	char **files;                /* that it was read from, the main one first, then NULL */
	struct conf_errors warnings; /* what is likely a slip, and need not be */
	struct {
		bool stored;
		int fd; /* all keys and passwords, when stored */
	} secrets;
	struct conf_node *nodes;
	size_t n_nodes;
	size_t self; /* our own index in nodes, or CONF_NONE */
	struct conf_router *routers;
	size_t n_routers;
	struct conf_track *trackers; /* by name */
	size_t n_trackers;
	struct conf_group *groups;
	size_t n_groups;
	uint64_t ready_timeout_us;
	struct conf_pool *pools;
	size_t n_pools;
	struct conf_definition *definitions;
	size_t n_definitions;
	struct conf_service *services; /* those of each definition together, in their order */
	size_t n_services;
	struct conf_link link;
	struct conf_ipvs ipvs;
	enum conf_on_stop on_stop;
	char digest[65]; /* SHA-256 of the files' text, in hex */
	/* ... of what they say, so that comments, layout and order do not count (conf/outline.h);
	 * empty without a link: nobody compares it then */
	char meaning[65];
};

/* One thing wrong with the configuration. */
/* Reads, includes, validates. `node` is the own name (NULL: the host's). Returns NULL with at least
 * one error in *ret_errors, or the configuration with none. Release with conf_free() and
 * conf_errors_done(). */
struct conf *conf_load(const char *path, const char *node, struct conf_errors *ret_errors);
/* A file by its whole path, without "." and "..". */
struct conf_text {
	const char *path;
	const char *text;
};
/* The same of these files, in the order of their paths, rather than of those on the disk; `path` is
 * one of them. */
struct conf *conf_load_texts(const char *path, const struct conf_text *texts, size_t n,
	const char *node, struct conf_errors *ret_errors);
/* The same on a host that may be none of the nodes: `self` is CONF_NONE then. */
struct conf *conf_load_elsewhere(const char *path, struct conf_errors *ret_errors);
/* The same for a text that is in no file, and that includes none. */
struct conf *conf_load_text(
	const char *text, size_t len, const char *node, struct conf_errors *ret_errors);
/* Reads the files of keys and passwords. False, with errors, when one cannot be used. */
bool conf_read_secrets(struct conf *c, struct conf_errors *ret_errors);
/* What was read leaves this process's memory for a descriptor that nobody maps, until it is shown,
 * and after it was. 0, or -errno: it stays where it is. */
int conf_hide_secrets(struct conf *c);
/* 0 or -errno; nothing to do when they are not hidden. */
int conf_show_secrets(struct conf *c);
void conf_free(struct conf *c);
void conf_errors_done(struct conf_errors *e);
/* "file:line:column: /pointer: text". Returns buf. */
const char *conf_error_format(const struct conf_error *e, char *buf, size_t size);
