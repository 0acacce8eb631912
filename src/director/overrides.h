/* What operators decided about servers: kept in STATE_DIR/overrides.json, over reloads, restarts
 * and reboots, until they take it back. Decisions about servers that the configuration does not
 * name (any more) are kept too. */
#pragma once

#include "base/instant.h"
#include "core/drain.h"

#include <stddef.h>
#include <stdint.h>

struct override {
	char *pool, *server;
	struct decision decision;
	struct instant ready_at; /* when a drained or failed server was taken back; {0}: never */
};

struct overrides {
	char *path;
	struct override *items;
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

/* Puts a decision in the place of what there was, and writes the file. After -errno everything is
 * as it was: what cannot be kept is not done. `ready_at` is when it was taken back, with a decision
 * that is none. */
int overrides_set(struct overrides *o, const char *pool, const char *server,
	const struct decision *decision, struct instant ready_at, struct overrides_now now);
/* A drain went on: the file follows if it can. */
int overrides_save(const struct overrides *o, struct overrides_now now);
