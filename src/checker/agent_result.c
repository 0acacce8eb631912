/* A reply that says down fails the check; weight and wish go along with any outcome. */
#include "checker/agent_result.h"

enum probe_outcome agent_outcome(
	const struct agent_reply *reply, bool *down, struct probe_result *ret)
{
	static const enum probe_wish wishes[] = {
		[AGENT_WISH_SAME] = PROBE_WISH_NONE,
		[AGENT_READY] = PROBE_WISH_SERVE,
		[AGENT_DRAIN] = PROBE_WISH_DRAIN,
		[AGENT_MAINT] = PROBE_WISH_MAINT,
	};
	const char *colon = *reply->reason ? ": " : "";

	ret->wish = wishes[reply->wish];
	if (reply->has_weight)
		ret->weight_percent = (int)reply->weight_percent;
	if (reply->health != AGENT_HEALTH_SAME)
		*down = reply->health == AGENT_DOWN;
	if (*down)
		return probe_result_set(ret, PROBE_FAILED, "down%s%s", colon, reply->reason);
	return probe_result_set(ret, PROBE_PASSED, "up%s%s", colon, reply->reason);
}
