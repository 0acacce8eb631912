/* The language of the configuration as a table: every key with its type, range and default. The
 * parser walks it, the JSON Schema is printed from it. */
#pragma once

#include "conf/conf.h"
#include "conf/key.h"

#define CONF_ROUTERS_MAX 1024 /* what the elector keeps in its state file */
#define CONF_ROUTER_ROUTES_MAX 255
#define CONF_ROUTER_ADDRESSES_MAX 255 /* an advert has one byte for their number */
#define CONF_TRACK_MAX 16             /* what one virtual router watches; members of a group */
#define CONF_TRACKERS_MAX 256
#define CONF_ARGV_MAX 64
#define CONF_GROUP_MEMBERS_MAX 32 /* core/sync_group.h */
#define CONF_POOLS_MAX 20000
#define CONF_POOL_SERVERS_MAX 4096
#define CONF_SERVICES_MAX 20000 /* in the file, and in the kernel */
#define CONF_RANGES_MAX 256     /* addresses or ports of one service */
#define CONF_CHECKS_MAX 50000   /* what the checker takes: checked servers, by service */
#define CONF_NAME_LEN_MAX 63
#define CONF_NAME_CHARS "A-Za-z0-9._-"

/* The members of the root, in the order of root_keys.items. */
enum root_key {
	ROOT_INCLUDE,
	ROOT_NODES,
	ROOT_LINK,
	ROOT_VIRTUAL_ROUTERS,
	ROOT_TRACKERS,
	ROOT_SYNC_GROUPS,
	ROOT_READY_TIMEOUT,
	ROOT_POOLS,
	ROOT_SERVICES,
	ROOT_IPVS,
	ROOT_ON_STOP,
	ROOT_MAX_
};

extern const struct keys root_keys;
extern const struct keys check_keys;

/* Allowed in every object, and passed over. */
#define KEY_COMMENT "$comment"
/* Allowed in the root, for editors. */
#define KEY_SCHEMA "$schema"
