/* From a script that fails to a short one: runs of steps are left out, then single ones, for as
 * long as the same rule is broken without them. */
#include "sim.h"

#include <string.h>

static void leave_out(struct script *script, size_t first, size_t n)
{
	memmove(script->steps + first, script->steps + first + n,
		(script->n_steps - first - n) * sizeof(script->steps[0]));
	script->n_steps -= n;
}

static bool still_fails(struct sim *s, const struct script *script, const char *rule)
{
	return !sim_run(s, script, false) && strcmp(s->rule, rule) == 0;
}

/* Returns whether anything could be left out. */
static bool leave_out_runs(struct sim *s, struct script *script, size_t n, const char *rule)
{
	static struct script shorter;
	bool any = false;

	for (size_t first = 0; first + n <= script->n_steps;) {
		shorter = *script;
		leave_out(&shorter, first, n);
		if (still_fails(s, &shorter, rule)) {
			*script = shorter;
			any = true;
		} else {
			first++;
		}
	}
	return any;
}

/* Nothing after the failure matters. */
static void end_early(struct sim *s, struct script *script, const char *rule)
{
	static struct script shorter;

	shorter = *script;
	(void)sim_run(s, script, false);
	shorter.end.us -= script->end.us;
	shorter.end.us += s->now.us - s->began.us + 1;
	while (shorter.n_steps > 0 && shorter.steps[shorter.n_steps - 1].at.us > shorter.end.us)
		shorter.n_steps--;
	if (still_fails(s, &shorter, rule))
		*script = shorter;
}

void minimize(struct sim *s, struct script *script)
{
	const char *rule;
	bool any = true;

	if (sim_run(s, script, false))
		return;
	rule = s->rule;
	end_early(s, script, rule);
	while (any) {
		any = false;
		for (size_t n = script->n_steps / 2; n > 0; n /= 2)
			any |= leave_out_runs(s, script, n, rule);
	}
	end_early(s, script, rule);
}
