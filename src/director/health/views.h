/* Pools as services see them. A pool that services on two ports use is two, each with verdicts of
 * its own, when its servers are checked on the service's port; else all share one. */
#pragma once

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view {
	size_t pool;         /* index in conf.pools */
	uint16_t check_port; /* of the services; 0: it does not matter to pool and fallback */
	bool is_fallback;    /* of a pool that serves in the place of another */
	size_t service;      /* through which its servers are checked; CONF_NONE: through none */
	size_t fallback;     /* the view of the fallback pool, CONF_NONE: there is none */
	size_t first;        /* the place of its first server; the others follow */
};

/* A list of numbers for each of some keys: those of key k are items[first[k]] ..
 * items[first[k+1]-1].
 */
struct lists {
	size_t *first;
	size_t *items;
};

struct views {
	struct view *items;
	size_t n;
	size_t n_places;     /* one for each server of each view */
	size_t *of_service;  /* by index in conf.services */
	struct lists users;  /* by view: the services that it serves, as pool or as fallback */
	struct lists owners; /* by view: the views whose fallback it is */
};

/* Returns 0 or -ENOMEM. */
int views_build(const struct conf *conf, struct views *ret);
void views_done(struct views *v);

/* What a view is known by over reloads: pool, port, part and service; as a hash, and compared. */
uint64_t views_hash(const struct view *view, const struct conf *conf);
bool views_same(const struct view *a, const struct conf *conf_a, const struct view *b,
	const struct conf *conf_b);

struct lists_link {
	size_t key, item;
};
/* Links in ascending order of items give lists in that order. Returns 0 or -ENOMEM. */
int lists_build(size_t n_keys, const struct lists_link *links, size_t n_links, struct lists *ret);
void lists_done(struct lists *l);
/* Valid as long as the lists. */
const size_t *lists_of(const struct lists *l, size_t key, size_t *ret_n);
