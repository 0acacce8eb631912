/* What the rules between values share: the model under test, where to report, and claims. */
#pragma once

#include "base/index.h"
#include "conf/build.h"

struct rules {
	struct conf *c;
	const struct origins *origins;
	struct faults *faults, *warnings;
	struct index pools; /* by name */
};

/* The rules themselves. Pools first: services look at what they resolve. */
/* `node`: the own name; NULL when this host need be none of the nodes. */
void rules_nodes(const struct rules *r, const char *node);
/* By the whole name, else by what is before its first dot; or CONF_NONE. */
size_t rules_find_node(const struct conf *c, const char *name);
void rules_routers(const struct rules *r);
void rules_groups(const struct rules *r);
/* What moves with them. */
void rules_moved(const struct rules *r);
/* ... of those, how their adverts look and whom they go to. Sets their families. */
void rules_wire(const struct rules *r);
void rules_pools(const struct rules *r);
/* ... of those, how they are checked. */
void rules_checks(const struct rules *r, size_t pool);
void rules_services(const struct rules *r);
void rules_track(const struct rules *r);
/* Sets the link's mode and its interfaces. Before the services, which look at it. */
void rules_link(const struct rules *r);

/* --- What is known about a value --- */

const struct origin *rules_origin(const struct rules *r, enum root_key kind, size_t index);
/* Whether the member is there and good. */
bool rules_given(const struct value *object, const char *key);
/* Whether the member was tried and is faulty, or is missing against the rules. */
bool rules_faulty(const struct rules *r, const struct value *object, const char *key);

/* The JSON of a pool's servers, which stand in its order; NULL: no more of them. */
const struct value *rules_first_server(const struct rules *r, size_t pool);
const struct value *rules_next_server(const struct value *server);

/* --- Reports --- */

/* A fault at /kind/name/key; `key` may be NULL. Takes text. */
void rules_report(
	const struct rules *r, enum root_key kind, size_t index, const char *key, char *text);
/* The same for what is likely a slip, but need not be. Takes text. */
void rules_warn(
	const struct rules *r, enum root_key kind, size_t index, const char *key, char *text);
/* A fault of a server's member. Takes text. */
void rules_report_server(
	const struct rules *r, size_t pool, size_t server, const char *key, char *text);

/* --- Claims: what only one may have --- */

struct claim {
	const char *text; /* these three are what is claimed */
	struct addr addr;
	uint32_t number;
	size_t owner, item; /* who claims it, in the order of the text */
	const char *key;    /* of a virtual address */
};

typedef void (*rules_clash)(
	const struct rules *r, const struct claim *first, const struct claim *again);

/* Sorts the claims and calls clash() for each to what an earlier one has already. */
void rules_find_clashes(const struct rules *r, struct claim *claims, size_t n, rules_clash clash);
/* Every virtual address, in adverts or not, with those of fullnat if `snat`, claimed by its router,
 * sorted; `key` names the list it is in. Release with free(). */
struct claim *rules_virtual_addresses(const struct conf *c, bool snat, size_t *ret_n);

/* What the servers of a pool are to the kernel: address and port, a server without one having
 * `port`. Servers with a faulty value are left out. Release with free(). */
struct claim *rules_claim_servers(
	const struct rules *r, size_t pool, uint16_t port, size_t owner, size_t *ret_n);

/* --- Pools and tunnels --- */

/* Fills r->pools, which its owner releases. */
void rules_index_pools(struct rules *r);
/* The pool that member `key` of an object names: its index, or CONF_NONE; a name that no pool has
 * is reported. */
size_t rules_find_pool(const struct rules *r, enum root_key kind, size_t item, const char *key);
/* What is wrong with the tunnel that the object `json` describes, and with which of its keys; NULL:
 * nothing. */
const char *rules_tunnel_fault(const struct rules *r, const struct value *json,
	const struct conf_tunnel *tunnel, const char **ret_key);
/* Why it is no regular expression, to be freed; NULL: it is one. */
char *rules_pattern_mistake(const char *text);
/* What is wrong with the settings of HTTP and TLS among themselves, and the key where it is seen.
 * The caller releases the text; NULL: nothing. */
char *rules_http_mistake(const struct conf_check *check, const char **ret_key);
