/* Counters of a group, with a small table of senders. */
#include "core/traffic.h"

static struct traffic_sender *place_for(struct traffic *t, const struct addr *addr)
{
	struct traffic_sender *oldest = &t->senders[0];

	for (size_t i = 0; i < t->n_senders; i++) {
		if (addr_equal(&t->senders[i].addr, addr))
			return &t->senders[i];
		if (t->senders[i].last_heard.us < oldest->last_heard.us)
			oldest = &t->senders[i];
	}
	return t->n_senders < TRAFFIC_SENDERS_MAX ? &t->senders[t->n_senders++] : oldest;
}

void traffic_heard(struct traffic *t, const struct addr *sender, size_t len, struct instant now)
{
	t->datagrams++;
	t->bytes += len;
	t->last_heard = now;
	*place_for(t, sender) = (struct traffic_sender){.addr = *sender, .last_heard = now};
}
