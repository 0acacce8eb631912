/* The schedule of announcements. A late wake-up sends one round, not all that it missed: neighbours
 * need the last word, not the history. */
#include "core/announce.h"

static struct instant next_refresh(const struct announce *a, struct instant now)
{
	return a->config.refresh_us ? instant_add(now, a->config.refresh_us) : INSTANT_NEVER;
}

void announce_init(struct announce *a, const struct announce_config *config)
{
	*a = (struct announce){.config = *config, .deadline = INSTANT_NEVER};
}

void announce_start(struct announce *a, struct instant now)
{
	a->on = true;
	a->left = a->config.repeat;
	a->deadline = a->left ? now : next_refresh(a, now);
}

void announce_stop(struct announce *a)
{
	a->on = false;
	a->left = 0;
	a->deadline = INSTANT_NEVER;
}

void announce_reconfigure(
	struct announce *a, const struct announce_config *config, struct instant now)
{
	a->config = *config;
	if (!a->on)
		return;
	if (a->left > 0)
		a->deadline = instant_min(a->deadline, instant_add(now, config->interval_us));
	else
		a->deadline = next_refresh(a, now);
}

unsigned announce_due(struct announce *a, struct instant now)
{
	unsigned rounds = 1;

	if (!a->on || !instant_reached(a->deadline, now))
		return 0;
	if (a->left > 0) {
		if (a->config.interval_us == 0)
			rounds = a->left;
		a->left -= rounds;
	}
	a->deadline = a->left ? instant_add(now, a->config.interval_us) : next_refresh(a, now);
	return rounds;
}
