/* Packets under way between directors. */
#include "sim.h"

#include "base/byteorder.h"

#include <errno.h>
#include <string.h>

#define FORGER 66 /* number of somebody who is no director */

static unsigned percent(const struct sim *s, uint64_t what, unsigned to)
{
	return (unsigned)(sim_noise(s, what, to, s->sent) % 100);
}

struct vrrp_format lan_format(const struct sim *s, unsigned lan, unsigned interval_cs)
{
	struct vrrp_format format = {.family = AF_INET, .version = 3, .min_ttl = VRRP_TTL};

	if (lan_is(s->script->ipv6, lan))
		format.family = AF_INET6;
	if (lan_is(s->script->version_2, lan)) {
		format.version = 2;
		format.interval_cs = (uint16_t)interval_cs;
	}
	return format;
}

uint16_t lan_interval_cs(const struct sim *s, unsigned lan, const uint8_t *packet)
{
	if (lan_is(s->script->version_2, lan))
		return (uint16_t)(packet[5] * 100);
	return be16_get(packet + 4) & VRRP_INTERVAL_MAX_CS;
}

unsigned lan_host(const struct addr *addr)
{
	return addr->bytes[addr_len(addr) - 1];
}

static void queue(struct sim *s, const struct packet *p)
{
	uint64_t range_us = s->lans[p->lan].delay_us - DELAY_MIN_US + 1;
	size_t waiting = 0;
	struct packet *flying;

	for (size_t i = 0; i < s->n_flying; i++)
		waiting += s->flying[i].to == p->to;
	if (waiting >= QUEUE_MAX || s->n_flying == FLYING_MAX)
		return;
	flying = &s->flying[s->n_flying++];
	*flying = *p;
	flying->at = instant_add(s->now,
		DELAY_MIN_US + sim_noise(s, 'd', p->to, s->now.us + s->n_flying) % range_us);
}

static void send_to(struct sim *s, const struct packet *p)
{
	s->sent++;
	if (percent(s, 'l', p->to) < s->lans[p->lan].loss_percent)
		return;
	queue(s, p);
	if (percent(s, 'r', p->to) < s->lans[p->lan].repeat_percent)
		queue(s, p);
}

static bool is_for(const struct sim *s, const struct packet *p, unsigned to)
{
	struct addr addr = director_addr(s, to, p->lan);

	return addr_is_multicast(&p->destination) || addr_equal(&p->destination, &addr);
}

int lan_send(struct sim *s, unsigned from, unsigned lan, const struct addr *source,
	const struct addr *destination, const uint8_t *packet, size_t len)
{
	struct packet p = {.lan = lan, .source = *source, .destination = *destination, .len = len};
	struct addr missing = director_missing_peer(s, lan);

	memcpy(p.bytes, packet, len);
	for (p.to = 0; p.to < s->script->n_directors; p.to++)
		if (p.to != from && !s->lans[lan].cut[from][p.to] && is_for(s, &p, p.to))
			send_to(s, &p);
	return addr_equal(destination, &missing) ? -EHOSTUNREACH : 0;
}

/* To the group, or, on a LAN of unicast every other time, to each. */
void lan_forge(struct sim *s, unsigned lan, uint8_t priority, uint16_t interval_cs)
{
	struct vrrp_format format = lan_format(s, lan, interval_cs);
	struct packet p = {.lan = lan, .source = director_addr(s, FORGER, lan)};
	struct vrrp_advert advert = {
		.vrid = (uint8_t)(lan + 1),
		.priority = priority,
		.interval_cs = interval_cs,
		.n_addrs = 1,
		.addrs = {p.source},
	};
	bool to_each = lan_is(s->script->unicast, lan) && (priority & 1);
	static const struct vrrp_peers all;
	uint8_t packet[VRRP_PACKET_MAX];

	if (format.version == 2) /* whole seconds */
		advert.interval_cs = (uint16_t)(interval_cs < 100 ? 100 : interval_cs / 100 * 100);
	p.len = vrrp_packet_build(&format, &advert, packet);
	for (p.to = 0; p.to < s->script->n_directors; p.to++) {
		p.destination = to_each ? director_addr(s, p.to, lan)
					: vrrp_peers_destination(&all, format.family, 0);
		vrrp_packet_seal(&format, &p.source, &p.destination, packet, p.len);
		memcpy(p.bytes, packet, p.len);
		send_to(s, &p);
	}
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
		director_hear(d, &arrived);
}

/* Version 2 has one interval, peers know each other, and groups have the same members. */
bool lan_is_at_odds(const struct sim *s, unsigned lan)
{
	unsigned interval_cs = s->directors[0].settings[lan].interval_cs;

	for (unsigned i = 0; i < s->script->n_directors; i++) {
		const struct director *d = &s->directors[i];
		const struct settings *in_force =
			d->running ? &d->in_force[lan] : &d->settings[lan];
		if (lan_is(s->script->unicast, lan) && in_force->strangers)
			return true;
		if (s->script->grouped && !(in_force->takes_part && d->settings[lan].takes_part))
			return true;
		if (lan_is(s->script->version_2, lan) &&
			(in_force->interval_cs != interval_cs ||
				d->settings[lan].interval_cs != interval_cs))
			return true;
	}
	return false;
}

bool lan_is_whole(const struct sim *s, unsigned lan)
{
	const struct lan *l = &s->lans[lan];

	if (l->loss_percent || l->repeat_percent || l->delay_us > DELAY_MAX_US ||
		lan_is_at_odds(s, lan))
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
