/* From the health of a pool's servers and the operators' decisions to each server's share: quorum,
 * panic, limits of ejection, slow start. */
#pragma once

#include "base/instant.h"
#include "core/drain.h"
#include "core/health.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_rule {
	uint32_t quorum;              /* sum of weights of usable servers */
	uint32_t hysteresis;          /* up from quorum + this, down below quorum - this */
	unsigned panic_percent;       /* of servers up, below which all are used; 0: never */
	unsigned max_ejected_percent; /* of servers that checks may take out; 100: all */
	uint64_t slow_start_us;       /* 0: none */
};

/* What a server asks for by its check (an agent, a program, a file). */
enum pool_wish {
	POOL_WISH_SERVE,
	POOL_WISH_DRAIN, /* no new connections */
	POOL_WISH_MAINT, /* none at all */
	POOL_WISH_MAX_
};
const char *pool_wish_name(enum pool_wish wish);    /* "serve" */
enum pool_wish pool_wish_by_name(const char *name); /* POOL_WISH_MAX_: none */

struct pool_wishes {
	enum pool_wish wish;
	bool has_percent;
	unsigned percent; /* of its weight, 0..1000 */
};

struct pool_server {
	enum health_state health; /* HEALTH_UP for one without a check, or that is kept */
	bool kept;       /* its check failed, but the peer sees it up: the pool asks for both */
	uint32_t weight; /* configured */
	struct instant up_at;            /* when it came up; {0}: it is not news */
	struct instant failed_at;        /* when it went down */
	const struct decision *decision; /* NULL: none */
	struct pool_wishes wishes; /* count while it is up and no operator decided otherwise */
};

enum pool_use {
	POOL_USE_SERVE, /* gets connections */
	POOL_USE_QUIET, /* gets no new ones, keeps what it has */
	POOL_USE_DEAD,  /* gets no new ones; a service that expires dead connections drops it */
	POOL_USE_GONE,  /* is not in the table */
};

/* Why a server has the share that it has. */
enum pool_reason {
	POOL_REASON_NONE,         /* its weight, nothing special */
	POOL_REASON_SLOW_START,   /* not all of its weight yet */
	POOL_REASON_WEIGHT,       /* a weight set by an operator */
	POOL_REASON_CHECK_WEIGHT, /* a part of its weight, as its check asked for */
	POOL_REASON_CHECK_DRAIN,  /* no new connections, as its check asked for */
	POOL_REASON_CHECK_MAINT,  /* none at all, the same */
	POOL_REASON_DRAINING,     /* by an operator, connections are left */
	POOL_REASON_DRAINED,      /* by an operator, over */
	POOL_REASON_FORCED,       /* by an operator, the deadline ended it */
	POOL_REASON_FAILED,       /* taken as down by an operator */
	POOL_REASON_DOWN,         /* its check failed */
	POOL_REASON_UNCHECKED,    /* not checked yet */
	POOL_REASON_DOWN_HERE, /* its check failed, but the peer sees it up, and both are asked */
	POOL_REASON_HELD_IN,   /* its check failed, but max_ejected keeps it in use */
	POOL_REASON_PANIC,     /* its check failed, but so did too many others */
	POOL_REASON_NO_QUORUM, /* the fallback pool is used instead */
	POOL_REASON_FALLBACK,  /* of the fallback pool, which is used */
	POOL_REASON_LEAVING,   /* of the fallback pool, which was used until lately */
	POOL_REASON_MAX_
};
const char *pool_reason_name(enum pool_reason reason); /* "none", "slow-start" ... */

struct pool_share {
	enum pool_use use;
	enum pool_reason reason;
	uint32_t weight;  /* before slow start and scale */
	unsigned percent; /* of it that slow start and check allow: 1..1000 */
};

enum pool_quorum {
	POOL_QUORUM_UNKNOWN, /* some servers were not checked yet, and those that were do not
				suffice */
	POOL_QUORUM_UP,
	POOL_QUORUM_LOST,
	POOL_QUORUM_MAX_
};
const char *pool_quorum_name(enum pool_quorum quorum); /* "unknown", "up", "lost" */

/* Zero-initialise. `quorum` is what the next evaluation goes on from, the rest is its outcome. */
struct pool_state {
	enum pool_quorum quorum;
	uint64_t usable_weight; /* the sum that is held against the quorum */
	bool panic;
	size_t n_held_in;
	struct instant next; /* when the shares change by time alone */
};

/* Writes the n shares, and the state. Pure.
 *
 * Quorum: the weights of servers that are up and that no operator took out, slow start aside. The
 * first decision is made without hysteresis, and is put off while an unchecked server may still
 * change it. Without any usable server the quorum is lost, whatever the numbers say.
 *
 * Panic and max_ejected count servers with a weight that no operator took out; while one of them is
 * unchecked there is no panic. Of those that checks failed, the ones that failed first are out
 * (those of one instant in the order of the configuration), as many as max_ejected allows; the
 * others are held in. */
void pool_evaluate(const struct pool_rule *rule, const struct pool_server *servers, size_t n,
	struct instant now, struct pool_state *state, struct pool_share *ret_shares);

/* Whether any of them gets connections. */
bool pool_serves(const struct pool_share *shares, size_t n);

/* What becomes of a share while the fallback pool is used: connections go on, none come. */
struct pool_share pool_share_without_quorum(struct pool_share share);
/* The share of a server of the fallback pool: while it is used, and for a while after that. */
struct pool_share pool_share_of_fallback(struct pool_share share, bool used);

/* Whether the server is in the table of a service that lets connections to dead servers expire, or
 * keeps them. */
bool pool_share_is_placed(const struct pool_share *share, bool expire);
/* The kernel's weight. `scale`: RAMP_SCALE in a pool with slow start, or whose checks ask for
 * weights, else 1. */
uint32_t pool_share_weight(const struct pool_share *share, uint32_t scale);
