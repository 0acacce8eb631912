/* Connections of the shadow table on their way into the kernel's: as fast as its sync daemon reads
 * them, and again when its socket had no room. A connection waits as a place, and what is said
 * about it is what the shadow knows when its turn comes: an old record never follows a newer one.
 */
#pragma once

#include "base/instant.h"
#include "link/resync.h"
#include "link/shadow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEEDER_MAX 16384u         /* places that may wait */
#define FEEDER_SEARCHED_MAX 4096u /* when so many do, a search pauses */

struct feeder {
	struct shadow *shadow;
	const struct resync_world *world;
	uint8_t sync_id;
	size_t message_max;
	/* Bytes that may wait in the daemon's socket: for now, as far as none was lost, at all. */
	size_t room, room_good, room_max;

	/* Ascending: given to the daemon and read by it; given; waiting. Of the last FEEDER_MAX. */
	uint64_t read, given, queued;
	uint64_t places[FEEDER_MAX];

	uint64_t waiting;        /* bytes in the daemon's socket when it was looked at last */
	bool is_there;           /* the daemon's socket, when it was looked at last */
	struct instant missing;  /* since when it is not, or not writable */
	struct instant looked;   /* {0}: never */
	uint64_t known_drops;    /* of the socket */
	uint64_t drops, records; /* in all: datagrams lost, records given */

	/* What came over the link and was lost here: found by a walk for what was said since. */
	bool searches;
	struct shadow_walk walk;
	struct instant since;
};

void feeder_init(struct feeder *f, struct shadow *shadow, const struct resync_settings *settings,
	const struct resync_world *world);
size_t feeder_free_places(const struct feeder *f);
/* There must be a free place. Returns the count at which f->read says that the kernel has it. */
uint64_t feeder_add(struct feeder *f, uint64_t place);
/* Nothing waits any more. */
void feeder_clear(struct feeder *f);
/* Something that came over the link just now was not injected: it is looked for, and given. */
void feeder_not_injected(struct feeder *f, struct instant now);
/* All that came from the peer is looked for and given to the kernel, where it lost some. */
void feeder_all(struct feeder *f);
/* Bounded work. Returns when to call again. */
struct instant feeder_step(struct feeder *f, struct instant now);
/* How long the daemon has been missing while something waited for it; 0: it is there. */
uint64_t feeder_missing_us(const struct feeder *f, struct instant now);
