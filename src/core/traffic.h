/* What was heard from a multicast group, and from whom. Sizes and sources only, no contents. */
#pragma once

#include "base/addr.h"
#include "base/instant.h"

#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_SENDERS_MAX 8

struct traffic_sender {
	struct addr addr;
	struct instant last_heard;
};

/* Zero-initialise: nothing heard. */
struct traffic {
	uint64_t datagrams, bytes;
	struct instant last_heard; /* 0: never */
	struct traffic_sender senders[TRAFFIC_SENDERS_MAX];
	size_t n_senders;
};

/* A datagram of len bytes. When there are more senders than places, the one that was silent for the
 * longest time makes room: invented senders cannot push out one that goes on sending. */
void traffic_heard(struct traffic *t, const struct addr *sender, size_t len, struct instant now);
