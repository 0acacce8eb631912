/* What the rules between values share: the model under test, where to report, and claims. */
#pragma once

#include "conf/build.h"

struct rules {
	struct conf *c;
	const struct origins *origins;
	struct faults *faults;
};

/* The rules themselves. Pools first: services look at what they resolve. */
void rules_nodes(const struct rules *r, const char *node);
void rules_routers(const struct rules *r);
void rules_pools(const struct rules *r);
void rules_services(const struct rules *r);

/* --- What is known about a value --- */

const struct origin *rules_origin(const struct rules *r, enum root_key kind, size_t index);
/* Whether the member is there and good. */
bool rules_given(const json_t *object, const char *key);
/* Whether the member was tried and is faulty, or is missing against the rules. */
bool rules_faulty(const json_t *object, const char *key);

/* --- Reports --- */

/* A fault at /kind/name/key; `key` may be NULL. Takes text. */
void rules_report(
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
};

typedef void (*rules_clash)(
	const struct rules *r, const struct claim *first, const struct claim *again);

/* Sorts the claims and calls clash() for each to what an earlier one has already. */
void rules_find_clashes(const struct rules *r, struct claim *claims, size_t n, rules_clash clash);
/* Every virtual address, claimed by its router, sorted. Release with free(). */
struct claim *rules_virtual_addresses(const struct conf *c, size_t *ret_n);
