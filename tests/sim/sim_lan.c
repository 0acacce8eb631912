/* Packets under way between directors. */
#include "sim.h"

#include "base/byteorder.h"

#include <string.h>

#define FORGER 66 /* host number of somebody who is no director */

static unsigned percent(const struct sim *s, uint64_t what, unsigned to)
{
	return (unsigned)(sim_noise(s, what, to, s->sent) % 100);
}

static void queue(struct sim *s, unsigned to, unsigned lan, const uint8_t *bytes, size_t len)
{
	uint64_t range_us = s->lans[lan].delay_us - DELAY_MIN_US + 1;
	size_t waiting = 0;
	struct packet *p;

	for (size_t i = 0; i < s->n_flying; i++)
		waiting += s->flying[i].to == to;
	if (waiting >= QUEUE_MAX || s->n_flying == FLYING_MAX)
		return;
	p = &s->flying[s->n_flying++];
	*p = (struct packet){
		.to = to,
		.lan = lan,
		.at = instant_add(s->now,
			DELAY_MIN_US + sim_noise(s, 'd', to, s->now.us + s->n_flying) % range_us),
		.len = len,
	};
	memcpy(p->bytes, bytes, len);
}

static void send_to(struct sim *s, unsigned to, unsigned lan, const uint8_t *bytes, size_t len)
{
	s->sent++;
	if (percent(s, 'l', to) < s->lans[lan].loss_percent)
		return;
	queue(s, to, lan, bytes, len);
	if (percent(s, 'r', to) < s->lans[lan].repeat_percent)
		queue(s, to, lan, bytes, len);
}

static size_t build_datagram(const struct addr *source, const struct addr *destination,
	const uint8_t *packet, size_t len, uint8_t *ret)
{
	memset(ret, 0, IP_HEADER_LEN);
	ret[0] = 0x45;
	be16_put(ret + 2, (uint16_t)(IP_HEADER_LEN + len));
	ret[8] = VRRP_TTL;
	ret[9] = VRRP_PROTOCOL;
	memcpy(ret + 12, source->bytes, 4);
	memcpy(ret + 16, destination->bytes, 4);
	memcpy(ret + IP_HEADER_LEN, packet, len);
	return IP_HEADER_LEN + len;
}

void lan_send(struct sim *s, unsigned from, unsigned lan, const struct addr *source,
	const struct addr *destination, const uint8_t *packet, size_t len)
{
	uint8_t bytes[DATAGRAM_MAX];
	size_t total = build_datagram(source, destination, packet, len, bytes);

	for (unsigned to = 0; to < s->script->n_directors; to++)
		if (to != from && !s->lans[lan].cut[from][to])
			send_to(s, to, lan, bytes, total);
}

void lan_forge(struct sim *s, unsigned lan, uint8_t priority, uint16_t interval_cs)
{
	struct addr source = director_addr(FORGER, lan);
	struct vrrp_advert advert = {
		.vrid = (uint8_t)(lan + 1),
		.priority = priority,
		.interval_cs = interval_cs,
		.n_addrs = 1,
		.addrs = {source},
	};
	static const struct vrrp_peers all;
	struct addr to_all = vrrp_peers_destination(&all, AF_INET, 0);
	uint8_t packet[VRRP_PACKET_MAX], bytes[sizeof(s->flying[0].bytes)];
	size_t len = vrrp_packet_build(&sim_format, &advert, packet);

	vrrp_packet_seal(&sim_format, &source, &to_all, packet, len);
	len = build_datagram(&source, &to_all, packet, len, bytes);
	for (unsigned to = 0; to < s->script->n_directors; to++)
		send_to(s, to, lan, bytes, len);
}

struct packet *lan_next(struct sim *s, struct instant *ret_at)
{
	struct packet *next = NULL;

	*ret_at = INSTANT_NEVER;
	for (struct packet *p = s->flying; p < s->flying + s->n_flying; p++)
		if (!s->directors[p->to].frozen && (!next || p->at.us < next->at.us))
			next = p;
	if (next)
		*ret_at = next->at;
	return next;
}

void lan_deliver(struct sim *s, struct packet *p)
{
	struct packet arrived = *p;
	struct director *d = &s->directors[p->to];

	*p = s->flying[--s->n_flying];
	if (d->running && !d->suspended && d->nics[arrived.lan].up)
		director_hear(d, arrived.lan, arrived.bytes, arrived.len);
}

bool lan_is_whole(const struct sim *s, unsigned lan)
{
	const struct lan *l = &s->lans[lan];

	if (l->loss_percent || l->repeat_percent || l->delay_us > DELAY_MAX_US)
		return false;
	for (unsigned from = 0; from < s->script->n_directors; from++) {
		const struct director *d = &s->directors[from];
		if (!d->nics[lan].up || !d->nics[lan].addressed || d->frozen || d->suspended)
			return false;
		for (unsigned to = 0; to < s->script->n_directors; to++)
			if (l->cut[from][to])
				return false;
	}
	return true;
}
