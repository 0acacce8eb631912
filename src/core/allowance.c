/* Times are counted from the first one of a while on, which begins with it. */
#include "core/allowance.h"

static bool is_over(
	const struct allowance *a, const struct allowance_settings *settings, struct instant now)
{
	return instant_reached(instant_add(a->begun, settings->us), now);
}

bool allowance_take(
	struct allowance *a, const struct allowance_settings *settings, struct instant now)
{
	if (a->taken == 0 || is_over(a, settings, now)) {
		a->begun = now;
		a->taken = 0;
	}
	if (a->taken == settings->n) {
		a->refused++;
		return false;
	}
	a->taken++;
	return true;
}

uint64_t allowance_refused(
	struct allowance *a, const struct allowance_settings *settings, struct instant now)
{
	uint64_t refused = is_over(a, settings, now) ? a->refused : 0;

	if (refused)
		a->refused = 0;
	return refused;
}
