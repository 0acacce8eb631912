/* What the peer says over the link, as a second opinion for the election: when adverts are missing
 * it tells a dead peer from a LAN that does not carry adverts. It may keep a Backup from taking
 * over; it never makes anybody take over while adverts come. The rule that uses it is core/vrrp's.
 */
#pragma once

#include "base/instant.h"
#include "base/peer_page.h"

#include <stdbool.h>
#include <stdint.h>

/* How often heartbeats come over the link, so that they help a router with this interval: every 100
 * ms, and often enough for short intervals. 0: never enough (down_intervals is 1). */
uint64_t second_opinion_beat_us(uint16_t interval_cs, uint8_t down_intervals);

/* How long the word of the peer counts. A peer that died sent its last advert up to an interval
 * before, and its last heartbeat when it died: at Active_Down the heartbeat is one interval less
 * than down_intervals old. This is three quarters of that at most, so that a dead peer is never
 * waited for: three heartbeats. */
uint64_t second_opinion_lasts_us(uint16_t interval_cs, uint8_t down_intervals);

/* ... and once a takeover is withheld: the host may be busy, and a dead peer would be a second
 * fault.
 */
#define SECOND_OPINION_WITHHELD_US UINT64_C(1000000)

/* Until when the peer is to be taken for Active although its adverts are missing: it was heard a
 * moment ago, says that it is Active, and is not cut off from its gateway. {0}: it is not. */
struct instant second_opinion_until(
	const struct peer_news *news, uint64_t lasts_us, struct instant now);

/* Whether tandem-link has just found the peer silent on each of its ways, which it looks for in
 * every heartbeat of its own: one that is late itself says nothing. */
bool second_opinion_dead(const struct peer_news *news, struct instant now);
