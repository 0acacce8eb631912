/* Both directors check the servers. What the one that balances does with a server of which the two
 * say different things. */
#pragma once

#include "base/instant.h"
#include "core/health.h"

#include <stdbool.h>

/* The peer tells of the servers that are down there; one that it does not name is up. */
struct peer_verdict {
	enum health_state state;    /* HEALTH_UNKNOWN: it does not check this server */
	struct instant fresh_until; /* {0}: the peer has said nothing */
};

/* Who sees the server down. */
enum two_verdicts {
	TWO_VERDICTS_UP,        /* nobody */
	TWO_VERDICTS_DOWN,      /* both, or this director while the peer's word does not count */
	TWO_VERDICTS_DOWN_HERE, /* only this one: its own way to the server may be what is down */
	TWO_VERDICTS_DOWN_AT_PEER, /* only the peer */
};
const char *two_verdicts_name(enum two_verdicts v); /* "up", "down", "down here only" ... */

/* A peer that is not heard, or that does not know either, changes nothing: what this director says
 * holds. HEALTH_UNKNOWN of this director is not down. Pure. */
enum two_verdicts two_verdicts_merge(
	enum health_state own, const struct peer_verdict *peer, struct instant now);

/* Whether the server gets no connections. `both_needed`: the pool ejects nobody whom the peer sees
 * up. The peer alone never ejects anybody. Pure. */
bool two_verdicts_eject(enum two_verdicts v, bool both_needed);
