/* The rules of a planned switchover. What an offer or a gift means in adverts is core/vrrp's. */
#include "core/handover.h"

#include <assert.h>
#include <string.h>

const char *handover_state_name(enum handover_state state)
{
	static const char *const names[HANDOVER_STATE_MAX_] = {
		[HANDOVER_NONE] = "none",
		[HANDOVER_OFFERED] = "offered",
		[HANDOVER_GIVEN] = "given",
	};

	assert(state < HANDOVER_STATE_MAX_);
	return names[state];
}

static const char *const maintenance_names[MAINTENANCE_MAX_] = {
	[MAINTENANCE_OFF] = "off",
	[MAINTENANCE_STANDBY] = "standby",
	[MAINTENANCE_ON] = "on",
};

const char *maintenance_name(enum maintenance maintenance)
{
	assert(maintenance < MAINTENANCE_MAX_);
	return maintenance_names[maintenance];
}

enum maintenance maintenance_by_name(const char *name)
{
	enum maintenance m = MAINTENANCE_OFF;

	while (m < MAINTENANCE_MAX_ && strcmp(maintenance_names[m], name) != 0)
		m++;
	return m;
}

static void set(struct handover *h, enum handover_state state)
{
	h->state = state;
	h->deadline = INSTANT_NEVER;
}

void handover_init(struct handover *h)
{
	*h = (struct handover){.deadline = INSTANT_NEVER};
}

void handover_offer(struct handover *h, bool insist, uint64_t patience_us, struct instant now)
{
	if (h->state == HANDOVER_OFFERED) {
		h->insist |= insist;
		return;
	}
	h->state = HANDOVER_OFFERED;
	h->insist = insist;
	h->deadline = instant_add(now, patience_us);
}

void handover_give(struct handover *h)
{
	set(h, HANDOVER_GIVEN);
}

void handover_maintain(struct handover *h, enum maintenance maintenance)
{
	h->maintenance = maintenance;
	h->insist = maintenance == MAINTENANCE_ON;
	if (maintenance == MAINTENANCE_OFF && h->state == HANDOVER_OFFERED)
		set(h, HANDOVER_NONE);
}

void handover_became(struct handover *h, bool active)
{
	if (active && h->state == HANDOVER_GIVEN)
		set(h, HANDOVER_NONE);
	if (!active && h->state == HANDOVER_OFFERED)
		set(h, HANDOVER_GIVEN);
}

bool handover_heard(struct handover *h, uint8_t priority)
{
	if (h->state != HANDOVER_GIVEN || priority > HANDOVER_PRIORITY)
		return false;
	set(h, HANDOVER_NONE);
	return true;
}

enum handover_end handover_timer(struct handover *h, struct instant now)
{
	if (h->state != HANDOVER_OFFERED || !instant_reached(h->deadline, now))
		return HANDOVER_GOES_ON;
	set(h, h->insist ? HANDOVER_GIVEN : HANDOVER_NONE);
	return h->insist ? HANDOVER_FORCED : HANDOVER_REFUSED;
}

uint8_t handover_priority(const struct handover *h, uint8_t priority)
{
	bool humble = h->state != HANDOVER_NONE || h->maintenance != MAINTENANCE_OFF;

	return humble && priority > HANDOVER_PRIORITY ? HANDOVER_PRIORITY : priority;
}
