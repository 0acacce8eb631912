/* From what an agent says to the result of a check: for those that hear it over the network, and
 * those that read it in a file. */
#pragma once

#include "checker/probe.h"
#include "core/agent_text.h"

/* *down is what was said last, and what counts when nothing is said. Returns the outcome. */
enum probe_outcome agent_outcome(
	const struct agent_reply *reply, bool *down, struct probe_result *ret);
