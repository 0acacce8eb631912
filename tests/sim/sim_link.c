/* The link between two directors, as the elector sees it: how old the peer's last heartbeat is, and
 * what the peer said last. Heartbeats are no events of the simulation: which of them arrived
 * follows from since when they pass, or do not any more. The state comes by a stream, which is
 * slower, and has to be set up anew when the link was cut, while heartbeats pass again at once. */
#include "sim.h"

#include "core/second_opinion.h"

static unsigned shortest_interval_cs(const struct sim *s)
{
	unsigned shortest = UINT16_MAX;

	for (unsigned i = 0; i < s->script->n_directors; i++)
		for (unsigned lan = 0; lan < s->script->n_lans; lan++)
			if (s->directors[i].settings[lan].interval_cs < shortest)
				shortest = s->directors[i].settings[lan].interval_cs;
	return shortest;
}

/* When the last heartbeat arrived until then, on a link that passes. */
static struct instant last_beat(const struct sim *s, const struct teller *t, struct instant until)
{
	uint64_t beat_us =
		second_opinion_beat_us((uint16_t)shortest_interval_cs(s), VRRP_DOWN_INTERVALS);
	struct instant sent = {(until.us - LINK_BEAT_US) / beat_us * beat_us};

	return sent.us < t->turned.us ? t->last : instant_add(sent, LINK_BEAT_US);
}

static bool passes(const struct sim *s, unsigned from)
{
	return director_is_awake(&s->directors[from]) && !s->tellers[from].parted &&
	       !s->directors[1 - from].suspended;
}

static enum vrrp_state state_of(const struct director *d, unsigned lan)
{
	const struct router *r = d->running ? director_router(d, lan) : NULL;

	return r ? r->vrrp.state : VRRP_INITIALIZE;
}

static void tell_state(
	struct sim *s, const struct teller *t, struct said *said, enum vrrp_state now)
{
	struct instant sent = instant_max(said->at, instant_add(t->turned, LINK_SET_UP_US));

	if (t->passes && instant_reached(instant_add(sent, LINK_STATE_US), s->now)) {
		said->arrived = said->known = true;
		said->known_state = said->state;
	}
	if (said->state != now)
		*said = (struct said){s->now, now, false, said->known, said->known_state};
}

static void look_at(struct sim *s, unsigned from)
{
	struct teller *t = &s->tellers[from];
	bool pass = passes(s, from);

	for (unsigned lan = 0; lan < s->script->n_lans; lan++)
		tell_state(s, t, &t->said[lan], state_of(&s->directors[from], lan));
	if (pass == t->passes)
		return;
	if (!pass)
		t->last = last_beat(s, t, s->now);
	t->passes = pass;
	t->turned = s->now;
}

void link_look(struct sim *s)
{
	for (unsigned i = 0; s->script->linked && i < 2; i++)
		look_at(s, i);
}

bool link_ask(struct sim *s, unsigned asker, unsigned lan, struct peer_news *ret)
{
	const struct teller *t;
	const struct said *said;

	if (!s->script->linked) /* then there may be more than two */
		return false;
	t = &s->tellers[1 - asker];
	said = &t->said[lan];
	link_look(s);
	*ret = (struct peer_news){.heard = t->passes ? last_beat(s, t, s->now) : t->last,
		.known = said->known,
		.state = (uint32_t)said->known_state};
	ret->told = said->arrived ? ret->heard : instant_min(ret->heard, said->at);
	return true;
}
