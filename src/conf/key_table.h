/* What the files that hold the key table write their rows with. */
#pragma once

#include "conf/key.h"
#include "conf/keys.h"

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
#define USER_CHARS "$" CONF_NAME_CHARS
#define USER_LEN_MAX 32
#define USER_NOUN "the name of a user"
#define INTERFACE_LEN_MAX 15
#define INTERFACE_NOUN "the name of an interface: 1..15 characters, no space, slash or colon"
#define PATH_CHARS "!-~ "
#define PATH_NOUN "the path of a file: 1..4095 printable ASCII characters"
#define PATH_LEN_MAX 4095

/* Used by other files than the one that has them. */
extern const struct key_token key_forwards[];
extern const struct key_token key_encapsulations[];
extern const struct key_token key_checksums[];
extern const struct keys address_keys;
extern const struct keys group_keys;
extern const struct keys link_keys;
extern const struct keys notify_keys;
extern const struct keys pool_keys;
extern const struct keys route_keys;
extern const struct keys router_keys;
extern const struct keys rule_keys;
extern const struct keys service_keys;
extern const struct keys track_keys;
