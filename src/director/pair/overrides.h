/* What operators decided about servers: kept in STATE_DIR/overrides.json, over reloads, restarts
 * and reboots, until they take it back. Decisions about servers that the configuration does not
 * name (any more) are kept too. */
#pragma once

#include "base/instant.h"
#include "core/drain.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OVERRIDES_NODE_MAX 80  /* bytes of a node's name that tell it apart */
#define OVERRIDES_MAX 100000   /* decisions that are taken over from the peer, in all */
#define OVERRIDES_NAME_MAX 255 /* bytes of a pool's or server's name there */

/* Who decided, and when. Of two decisions about one server the newest counts, and of two at one
 * moment that of the node whose name comes last. */
struct stamp {
	uint64_t at_unix_us; /* of the wall clock; 0: nobody knows */
	/* Of the decision that whoever decided knew of: less than another one's `at`, and they were
	 * made without knowing of each other. */
	uint64_t over_unix_us;
	char by[OVERRIDES_NODE_MAX]; /* "": nobody knows */
};

struct override {
	char *pool, *server;
	struct decision decision;
	struct stamp stamp;
	struct instant ready_at; /* when a drained or failed server was taken back; {0}: never */
	/* The other director decided something else at the same time, and it does not count; kept
	 * until somebody decides anew. lost.by "": there is none. */
	struct decision lost_decision;
	struct stamp lost;
	/* A drain's connections, when they were last looked at here, and on the peer; whether they
	 * were since it was decided. */
	struct drain_count counts_here, counts_there;
	bool looked_here, looked_there;
};

struct overrides {
	char *path;
	bool shared;            /* with a peer: it must hear of what was taken back, too */
	struct override *items; /* by pool, then by server */
	size_t n;
};

/* The two clocks at one moment. Deadlines are kept in the file by the wall clock, since the other
 * one begins anew with each boot. */
struct overrides_now {
	struct instant now;
	uint64_t unix_us;
};

/* Reads the file; none there is no error. -EBADMSG: it is not what we write; it was moved aside to
 * PATH.bad, and there are no decisions. *o is good for use whatever is returned. */
int overrides_load(struct overrides *o, const char *state_dir, struct overrides_now now);
void overrides_done(struct overrides *o);

/* NULL: nothing was decided. */
const struct override *overrides_find(
	const struct overrides *o, const char *pool, const char *server);

/* Puts a decision of node `by` in the place of what there was, and writes the file. After -errno
 * everything is as it was: what cannot be kept is not done. `ready_at` is when it was taken back,
 * with a decision that is none. */
int overrides_set(struct overrides *o, const char *pool, const char *server,
	const struct decision *decision, struct instant ready_at, const char *by,
	struct overrides_now now);
/* A drain went on: the file follows if it can. */
int overrides_save(const struct overrides *o, struct overrides_now now);

/* What the peer is told: an array. New reference. */
json_t *overrides_for_peer(const struct overrides *o, struct overrides_now now);

struct overrides_listener {
	/* The peer's decision counts now. `conflict`: another one was made here at the same time,
	 * which is item->lost. */
	void (*taken)(const struct override *item, bool conflict, void *userdata);
	/* Ours counts; the peer's is item->lost. */
	void (*kept)(const struct override *item, void *userdata);
	void *userdata;
};
/* What the peer decided, as overrides_for_peer() has it there; what makes no sense is left out. The
 * file is written when anything was taken. 0, or -errno when that failed. */
int overrides_merge(struct overrides *o, const json_t *theirs, struct overrides_now now,
	const struct overrides_listener *listener);
