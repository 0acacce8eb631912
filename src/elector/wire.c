/* The way of an advert from a router's settings to its port, and from the port to the election. */
#include "elector/wire.h"

#include <stdio.h>
#include <string.h>

#define COMPLAINT_INTERVAL_US UINT64_C(60000000)
#define IPV4_HEADER_LEN 20
#define IPV6_HEADER_LEN 40

static size_t build(const struct router *r, uint8_t priority, uint16_t interval_cs,
	uint8_t ret[static VRRP_PACKET_MAX])
{
	struct vrrp_advert advert = {
		.vrid = r->config.vrid,
		.priority = priority,
		.interval_cs = interval_cs,
	};

	router_put_addresses(&r->config, &advert);
	return vrrp_packet_build(&r->config.format, &advert, ret);
}

/* The device with the virtual MAC, whose address the group sees as the source (RFC 9568, 7.3).
 * Adverts to listed peers find their way like other traffic of this host. */
static const struct port *speaker(const struct router *r)
{
	return r->raised && r->config.peers.n == 0 && router_has_device(r) ? router_mac_port(r)
									   : router_home(r);
}

/* The first error; a peer that cannot be reached keeps nobody else from hearing. */
static int send_to_all(struct router *r, uint8_t *packet, size_t len, size_t *ret_sent)
{
	const struct router_config *c = &r->config;
	const struct addr *source = &r->vrrp.config.primary;
	const struct port *port = speaker(r);
	size_t sent = 0;
	int error = 0;

	for (size_t i = 0; i < vrrp_peers_destinations(&c->peers); i++) {
		struct addr to = vrrp_peers_destination(&c->peers, c->format.family, i);
		int r_sent;
		vrrp_packet_seal(&c->format, source, &to, packet, len);
		r_sent = r->world.ops->send(r->world.io, port, source, &to, packet, len);
		if (r_sent >= 0)
			sent++;
		else if (error == 0)
			error = r_sent;
	}
	*ret_sent = sent;
	return error;
}

static bool signs(const struct router *r)
{
	return r->config.auth.mode == VRRP_AUTH_ENFORCE ||
	       r->config.auth.mode == VRRP_AUTH_PERMISSIVE;
}

static size_t sign(struct router *r, uint8_t *packet, size_t len)
{
	if (!signs(r))
		return len;
	vrrp_auth_sign(r->auth, &r->config.auth, &r->vrrp.config.primary, packet, len,
		vrrp_stamp(r->world.ops->wall_us(r->world.io)));
	return len + VRRP_TRAILER_LEN;
}

/* Who tidies up after us has no key: the signature of the priority 0 that it may have to send is
 * left to it, good for as long as the window. */
void wire_leave_will(struct router *r, uint16_t interval_cs)
{
	uint8_t packet[VRRP_PACKET_MAX];
	size_t len;

	r->record->has_will = signs(r);
	if (!r->record->has_will)
		return;
	len = build(r, VRRP_PRIORITY_RESIGN, interval_cs, packet);
	(void)sign(r, packet, len);
	memcpy(r->record->will, packet + len, VRRP_TRAILER_LEN);
}

void wire_send(struct router *r, uint8_t priority, uint16_t interval_cs, struct instant now)
{
	uint8_t packet[VRRP_PACKET_MAX];
	size_t len = build(r, priority, interval_cs, packet), sent;
	int error = send_to_all(r, packet, sign(r, packet, len), &sent);

	if (sent > 0) {
		r->counters.adverts_sent++;
		r->record->spoke = now;
		r->record->interval_cs = interval_cs;
		if (priority != VRRP_PRIORITY_RESIGN)
			wire_leave_will(r, interval_cs);
	}
	if (error < 0) {
		r->counters.send_errors++;
		if (!r->send_failed)
			router_say_failure(r, "an advert could not be sent", error);
	}
	r->send_failed = error < 0;
}

/* With its IP header, which has no options. */
static uint32_t packet_len(const struct router *r)
{
	size_t len = vrrp_packet_len(&r->config.format, (uint8_t)r->config.n_advertised);

	len += signs(r) ? VRRP_TRAILER_LEN : 0;
	return (uint32_t)(len + (r->config.format.family == AF_INET6 ? IPV6_HEADER_LEN
								     : IPV4_HEADER_LEN));
}

/* It goes on: in pieces an advert may still arrive, and who is silent is succeeded for certain. */
void wire_mind_mtu(struct router *r)
{
	uint32_t mtu = router_home(r)->mtu, len = packet_len(r), before = r->needs_mtu;
	char text[240];

	r->needs_mtu = mtu > 0 && len > mtu ? len : 0;
	if (r->needs_mtu == before)
		return;
	if (r->needs_mtu) {
		(void)snprintf(text, sizeof(text),
			"%s: adverts of %u bytes do not fit into the MTU of %s, which is %u: they "
			"go in fragments or not at all, and a peer that does not hear them takes "
			"over",
			r->config.name, len, r->config.interface, mtu);
		router_say(r, EVENT_ADVERT_TOO_LONG, text);
	}
	r->world.ops->changed(r->world.io, r);
}

static void complain(struct router *r, const struct vrrp_datagram *datagram, enum vrrp_reject why,
	struct instant now)
{
	const char *hint = vrrp_reject_hint(why);
	char text[240], source[ADDR_TEXT_MAX];

	r->rejected[why]++;
	if (!instant_reached(r->next_complaint[why], now))
		return;
	r->next_complaint[why] = instant_add(now, COMPLAINT_INTERVAL_US);
	(void)snprintf(text, sizeof(text), "%s: rejected an advert from %s: %s%s%s", r->config.name,
		addr_format(&datagram->source, source), vrrp_reject_name(why), *hint ? ": " : "",
		hint);
	router_say(r, EVENT_ADVERT_REJECTED, text);
}

static enum vrrp_reject read_advert(
	struct router *r, const struct vrrp_datagram *datagram, struct vrrp_advert *ret)
{
	const struct router_config *c = &r->config;
	enum vrrp_reject why = vrrp_peers_check(&c->peers, datagram);

	if (why == VRRP_OK)
		why = vrrp_packet_parse(&c->format, datagram, ret);
	if (why != VRRP_OK || c->auth.mode == VRRP_AUTH_OFF)
		return why;
	return vrrp_auth_check(r->auth, &c->auth, &c->peers, datagram, ret->packet_len,
		vrrp_stamp(r->world.ops->wall_us(r->world.io)));
}

/* With the clock of one of us wrong, each is deaf to the other, and both will be Active. */
static void mind_clock(struct router *r, enum vrrp_reject why)
{
	char text[200];

	if (why != VRRP_REJECT_STALE) {
		if (why == VRRP_OK)
			r->stale = 0;
		return;
	}
	if (++r->stale != WIRE_DEAF_AFTER)
		return;
	(void)snprintf(text, sizeof(text),
		"%s: the clock makes us deaf: every signed advert is out of its window; set the "
		"clocks of both directors",
		r->config.name);
	router_say(r, EVENT_CLOCK_DEAF, text);
}

bool wire_is_deaf(const struct router *r)
{
	return r->stale >= WIRE_DEAF_AFTER;
}

void wire_hear(struct router *r, const struct vrrp_datagram *datagram, struct instant now)
{
	struct vrrp_advert advert;
	enum vrrp_reject why = read_advert(r, datagram, &advert);

	mind_clock(r, why);
	if (why == VRRP_OK)
		router_hear(r, &advert, now);
	else
		complain(r, datagram, why, now);
}
