/* What a router says and hears: adverts, with whom they go to, and who is believed. */
#pragma once

#include "elector/router.h"

/* Send an advert to every destination, with our settings but for these two. */
void wire_send(struct router *r, uint8_t priority, uint16_t interval_cs, struct instant now);
/* Sign the priority 0 that the record would be built into. */
void wire_leave_will(struct router *r, uint16_t interval_cs);
#define WIRE_DEAF_AFTER 3
/* The last few adverts were signed and stale, and none was good. */
bool wire_is_deaf(const struct router *r);
/* Whether adverts fit into what the port carries in one piece may have changed. */
void wire_mind_mtu(struct router *r);
/* A datagram came for this router. What is no advert for it is counted, and told once a minute for
 * each reason; the rest goes to router_hear(). */
void wire_hear(struct router *r, const struct vrrp_datagram *datagram, struct instant now);
