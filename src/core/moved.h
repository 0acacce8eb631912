/* What moves with a virtual router, as values: addresses, and the routes and rules that go with
 * them. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOVED_NAME_MAX 16 /* of an interface, or an address' label */

/* Interfaces of one virtual router that something of it goes to. */
#define MOVED_HOME 0     /* its own, which the election is held on */
#define MOVED_PLACES_MAX 8
#define MOVED_ANYWHERE MOVED_PLACES_MAX /* a route without an interface, or a rule */

/* In the order of addition; removal is the other way around. */
enum moved_kind {
	MOVED_ADDRESS,
	MOVED_ROUTE,
	MOVED_RULE,
	MOVED_KIND_MAX_
};

/* In the order of the kernel's RTN_ values. */
enum moved_route_type {
	MOVED_UNICAST,
	MOVED_BLACKHOLE,
	MOVED_UNREACHABLE,
	MOVED_PROHIBIT,
	MOVED_ROUTE_TYPE_MAX_
};

struct moved_address {
	struct addr_prefix prefix;
	uint8_t scope; /* the kernel's: 0 global, 200 site, 253 link, 254 host */
	char label[MOVED_NAME_MAX];
};

struct moved_route {
	struct addr_prefix to;
	struct addr via, src; /* family 0: none */
	uint32_t table;
	uint32_t metric; /* 0: the kernel's choice */
	uint8_t type;    /* enum moved_route_type */
	bool onlink;
};

struct moved_rule {
	uint16_t family;
	struct addr_prefix from, to; /* family 0: any */
	uint32_t mark;               /* 0: any */
	uint32_t table;
	uint32_t priority;
	char iif[MOVED_NAME_MAX]; /* empty: any */
};

/* One thing. What is not said is zero, in all of it. */
struct moved {
	uint8_t kind;  /* enum moved_kind */
	uint8_t place; /* below MOVED_PLACES_MAX, or MOVED_ANYWHERE */
	bool advertised;
	union {
		struct moved_address address;
		struct moved_route route;
		struct moved_rule rule;
	};
};

/* Whether the kernel would take the two, at one place, for the same thing. */
bool moved_equal(const struct moved *a, const struct moved *b);
/* Whether nothing of it lies outside of what it can be. */
bool moved_is_sound(const struct moved *m);

/* To the order of addition: addresses before routes before rules; the addresses at home after those
 * elsewhere, so that the rest is there when they come. Otherwise the order stays: one route may be
 * the way to the gateway of the next. */
void moved_sort(struct moved *items, size_t n);

/* How many items from `at` on, at most `max`, can go in one batch: of one kind, to one place. */
size_t moved_run(const struct moved *items, size_t n, size_t at, size_t max);
/* The same backwards, of the items before `end`. */
size_t moved_run_before(const struct moved *items, size_t end, size_t max);
