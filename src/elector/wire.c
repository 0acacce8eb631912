/* The way of an advert from a router's settings to its port, and from the port to the election. */
#include "elector/wire.h"

#include <stdio.h>

#define COMPLAINT_INTERVAL_US UINT64_C(60000000)

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

/* The first error; a peer that cannot be reached keeps nobody else from hearing. */
static int send_to_all(struct router *r, uint8_t *packet, size_t len, size_t *ret_sent)
{
	const struct router_config *c = &r->config;
	const struct addr *source = &r->vrrp.config.primary;
	size_t sent = 0;
	int error = 0;

	for (size_t i = 0; i < vrrp_peers_destinations(&c->peers); i++) {
		struct addr to = vrrp_peers_destination(&c->peers, c->format.family, i);
		int r_sent;
		vrrp_packet_seal(&c->format, source, &to, packet, len);
		r_sent = r->world.ops->send(r->world.io, router_home(r), source, &to, packet, len);
		if (r_sent >= 0)
			sent++;
		else if (error == 0)
			error = r_sent;
	}
	*ret_sent = sent;
	return error;
}

void wire_send(struct router *r, uint8_t priority, uint16_t interval_cs, struct instant now)
{
	uint8_t packet[VRRP_PACKET_MAX];
	size_t len = build(r, priority, interval_cs, packet), sent;
	int error = send_to_all(r, packet, len, &sent);

	if (sent > 0) {
		r->counters.adverts_sent++;
		r->record->spoke = now;
	}
	if (error < 0) {
		r->counters.send_errors++;
		if (!r->send_failed)
			router_say_failure(r, "an advert could not be sent", error);
	}
	r->send_failed = error < 0;
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
	enum vrrp_reject why = vrrp_peers_check(&r->config.peers, datagram);

	return why != VRRP_OK ? why : vrrp_packet_parse(&r->config.format, datagram, ret);
}

void wire_hear(struct router *r, const struct vrrp_datagram *datagram, struct instant now)
{
	struct vrrp_advert advert;
	enum vrrp_reject why = read_advert(r, datagram, &advert);

	if (why == VRRP_OK)
		router_hear(r, &advert, now);
	else
		complain(r, datagram, why, now);
}
