/* The peer's word can keep a server in, and never put one out: a director with a broken network, or
 * a hostile one, cannot empty the other's pools. */
#include "core/two_verdicts.h"

const char *two_verdicts_name(enum two_verdicts v)
{
	switch (v) {
	case TWO_VERDICTS_UP:
		return "up";
	case TWO_VERDICTS_DOWN:
		return "down";
	case TWO_VERDICTS_DOWN_HERE:
		return "down here only";
	case TWO_VERDICTS_DOWN_AT_PEER:
		return "down at the peer only";
	}
	return "up";
}

static enum health_state word_of(const struct peer_verdict *peer, struct instant now)
{
	return instant_reached(peer->fresh_until, now) ? HEALTH_UNKNOWN : peer->state;
}

enum two_verdicts two_verdicts_merge(
	enum health_state own, const struct peer_verdict *peer, struct instant now)
{
	enum health_state theirs = word_of(peer, now);

	if (own == HEALTH_DOWN)
		return theirs == HEALTH_UP ? TWO_VERDICTS_DOWN_HERE : TWO_VERDICTS_DOWN;
	return theirs == HEALTH_DOWN ? TWO_VERDICTS_DOWN_AT_PEER : TWO_VERDICTS_UP;
}

bool two_verdicts_eject(enum two_verdicts v, bool both_needed)
{
	return v == TWO_VERDICTS_DOWN || (v == TWO_VERDICTS_DOWN_HERE && !both_needed);
}
