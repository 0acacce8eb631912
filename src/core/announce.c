/* The schedule of announcements. A late wake-up sends one round, not all that it missed: neighbours
 * need the last word, not the history. */
#include "core/announce.h"

/* After a burst, or a round that was none. */
static struct instant next_round(const struct announce *a, struct instant now)
{
	struct instant refresh = a->config.refresh_us ? instant_add(now, a->config.refresh_us)
						      : INSTANT_NEVER;

	return instant_min(a->again, refresh);
}

void announce_init(struct announce *a, const struct announce_config *config)
{
	*a = (struct announce){
		.config = *config, .deadline = INSTANT_NEVER, .again = INSTANT_NEVER};
}

void announce_start(struct announce *a, struct instant now)
{
	a->on = true;
	a->left = a->config.repeat;
	a->at = 0;
	a->again = a->config.again_us ? instant_add(now, a->config.again_us) : INSTANT_NEVER;
	a->deadline = a->left ? now : next_round(a, now);
}

void announce_stop(struct announce *a)
{
	a->on = false;
	a->left = a->at = 0;
	a->deadline = a->again = INSTANT_NEVER;
}

void announce_reconfigure(
	struct announce *a, const struct announce_config *config, struct instant now)
{
	a->config = *config;
	if (!a->on)
		return;
	if (!config->again_us)
		a->again = INSTANT_NEVER;
	if (a->at > 0)
		return;
	if (a->left > 0)
		a->deadline = instant_min(a->deadline, instant_add(now, config->interval_us));
	else
		a->deadline = next_round(a, now);
}

static void end_round(struct announce *a, struct instant now)
{
	a->at = 0;
	if (a->left > 0)
		a->left--;
	a->deadline = a->left ? instant_add(now, a->config.interval_us) : next_round(a, now);
}

unsigned announce_due(struct announce *a, unsigned n, unsigned max, struct instant now,
	unsigned *ret_first)
{
	unsigned piece;

	if (!a->on || !instant_reached(a->deadline, now))
		return 0;
	if (a->left == 0 && instant_reached(a->again, now)) {
		a->again = INSTANT_NEVER;
		a->left = a->config.repeat;
	}
	if (a->at >= n) /* there are fewer now */
		a->at = 0;
	*ret_first = a->at;
	piece = n - a->at < max ? n - a->at : max;
	a->at += piece;
	if (a->at == n)
		end_round(a, now);
	return piece;
}

void announce_pause(struct announce *a, struct instant now)
{
	struct instant over = instant_add(now, ANNOUNCE_PIECE_US);

	if (instant_reached(a->deadline, over))
		a->deadline = over;
}
