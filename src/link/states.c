/* A state has a number, which heartbeats name: so the peer knows without the stream whether what it
 * was told last still holds. */
#include "link/states.h"

#include "base/byteorder.h"
#include "base/peer_page.h"
#include "core/vrrp.h"
#include "io/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATE_HEAD 4 /* its number */

struct states {
	const struct states_world *world;
	char *own; /* JSON; NULL: the director did not say it yet */
	uint32_t own_number;
	bool own_unsent;
	json_t *peer; /* NULL: not known */
	uint32_t number;
};

/* Ours */

static void say(struct states *s)
{
	size_t len = s->own ? strlen(s->own) : 0;
	uint8_t *bytes;

	if (!s->own || len > STREAM_MESSAGE_MAX - STATE_HEAD)
		return;
	s->own_unsent = true;
	bytes = malloc(STATE_HEAD + len);
	if (!bytes)
		return;
	be32_put(bytes, s->own_number);
	memcpy(bytes + STATE_HEAD, s->own, len);
	if (s->world->send(STREAM_STATE, bytes, STATE_HEAD + len, s->world->userdata))
		s->own_unsent = false; /* otherwise when there is room */
	free(bytes);
}

void states_set_own(struct states *s, const json_t *state)
{
	char *text = json_is_object(state) ? json_dumps(state, JSON_COMPACT) : NULL;

	if (!text)
		return;
	free(s->own);
	s->own = text;
	s->own_number++;
	say(s);
}

uint32_t states_own_number(const struct states *s)
{
	return s->own_number;
}

void states_opened(struct states *s)
{
	say(s);
}

void states_drained(struct states *s)
{
	if (s->own_unsent)
		say(s);
}

/* The page that the elector reads */

static uint32_t state_by_name(const char *name)
{
	for (uint32_t i = VRRP_INITIALIZE; i <= VRRP_ACTIVE; i++)
		if (name && strcmp(vrrp_state_name((enum vrrp_state)i), name) == 0)
			return i;
	return VRRP_INITIALIZE;
}

static void write_page(struct states *s)
{
	struct peer_router routers[PEER_PAGE_ROUTERS_MAX];
	json_t *all = json_object_get(s->peer, "routers"), *router;
	const char *name;
	size_t n = 0;

	if (!s->world->page)
		return;
	json_object_foreach (all, name, router) {
		const char *state = json_string_value(json_object_get(router, "state"));

		if (n == PEER_PAGE_ROUTERS_MAX)
			break;
		routers[n++] = (struct peer_router){
			.name_hash = peer_page_hash(name),
			.state = state_by_name(state),
			.flags = json_is_true(json_object_get(router, "cut_off"))
					 ? PEER_ROUTER_CUT_OFF
					 : 0,
		};
	}
	peer_page_write(s->world->page, routers, n, clock_now());
}

/* The peer's */

bool states_message(struct states *s, const uint8_t *data, size_t len)
{
	json_t *state;

	if (len < STATE_HEAD)
		return false;
	state = json_loadb(
		(const char *)data + STATE_HEAD, len - STATE_HEAD, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(state)) {
		json_decref(state);
		return false;
	}
	json_decref(s->peer);
	s->peer = state;
	s->number = be32_get(data);
	write_page(s);
	s->world->changed(s->world->userdata);
	return true;
}

void states_forget(struct states *s)
{
	json_decref(s->peer);
	s->peer = NULL;
	s->number = 0;
	s->world->changed(s->world->userdata);
}

json_t *states_of_peer(const struct states *s)
{
	return s->peer;
}

bool states_is_current(const struct states *s, uint32_t number)
{
	return s->peer && number == s->number;
}

/* Start and end */

int states_new(const struct states_world *world, struct states **ret)
{
	struct states *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->world = world;
	*ret = s;
	return 0;
}

void states_free(struct states *s)
{
	if (!s)
		return;
	json_decref(s->peer);
	free(s->own);
	free(s);
}
