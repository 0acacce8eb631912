/* When the peer's word over the link is worth something. The numbers come from a process that talks
 * to the network: a time that cannot be is no opinion. */
#include "core/second_opinion.h"

#include "core/vrrp.h"

#define BEAT_MAX_US UINT64_C(100000)
#define BEATS 3
/* Heartbeats say whether the state that was told is the present one. It changes all the time, for
 * other reasons than ours, and is on its way for a moment then. */
#define STATE_LASTS_US UINT64_C(1000000)
/* A heartbeat may be as long as a second, and the word of death counts for two. */
#define DEAD_LASTS_US UINT64_C(2000000)

uint64_t second_opinion_beat_us(uint16_t interval_cs, uint8_t down_intervals)
{
	uint64_t often_us = (down_intervals - UINT64_C(1)) * interval_cs * 10000 / 4;

	return often_us < BEAT_MAX_US ? often_us : BEAT_MAX_US;
}

uint64_t second_opinion_lasts_us(uint16_t interval_cs, uint8_t down_intervals)
{
	return BEATS * second_opinion_beat_us(interval_cs, down_intervals);
}

bool second_opinion_dead(const struct peer_news *news, struct instant now)
{
	return !instant_reached(news->dead_until, now) &&
	       instant_between_us(now, news->dead_until) <= DEAD_LASTS_US;
}

struct instant second_opinion_until(
	const struct peer_news *news, uint64_t lasts_us, struct instant now)
{
	struct instant beat = instant_add(news->heard, lasts_us);
	struct instant state = instant_add(news->told, STATE_LASTS_US);
	struct instant until = instant_min(beat, state);

	if (!news->known || news->state != VRRP_ACTIVE || (news->flags & PEER_ROUTER_CUT_OFF))
		return (struct instant){0};
	/* Our clock was read when the turn began: a heartbeat may have come since. */
	if (!news->heard.us || !news->told.us || instant_between_us(now, news->heard) > lasts_us ||
		instant_reached(until, now))
		return (struct instant){0};
	return instant_min(until, instant_add(now, lasts_us));
}
