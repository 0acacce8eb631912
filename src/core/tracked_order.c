/* A cache in sets: a new connection takes the place of the one in its set that was heard of least
 * lately, and what is forgotten that way raises the floor. Below the floor, who is not remembered
 * may have been; above it he was not heard of. */
#include "core/tracked_order.h"

#include "base/mix.h"

#include <assert.h>
#include <string.h>

void tracked_order_init(
	struct tracked_order *o, struct tracked_order_slot *slots, size_t n, uint64_t secret)
{
	assert(n >= TRACKED_ORDER_WAYS && (n & (n - 1)) == 0);
	*o = (struct tracked_order){.slots = slots, .n = n, .secret = secret};
	memset(slots, 0, n * sizeof(*slots));
}

/* By what the client sees: where it was sent on to, and as whom, is what changes. */
static uint64_t key_of(const struct tracked_order *o, const struct tracked *e)
{
	uint64_t key = mix_word(o->secret,
		(uint64_t)e->protocol << 32 | (uint64_t)e->client_port << 16 | e->service_port);

	key = mix_bytes(key, e->client.bytes, addr_len(&e->client));
	return mix_bytes(key, e->service.bytes, addr_len(&e->service));
}

static struct tracked_order_slot *set_of(const struct tracked_order *o, uint64_t key)
{
	size_t sets = o->n / TRACKED_ORDER_WAYS;

	return &o->slots[(key >> 32 & (sets - 1)) * TRACKED_ORDER_WAYS];
}

static struct tracked_order_slot *find(const struct tracked_order *o, uint64_t key)
{
	struct tracked_order_slot *set = set_of(o, key);

	for (size_t i = 0; i < TRACKED_ORDER_WAYS; i++)
		if (set[i].order && set[i].key == key)
			return &set[i];
	return NULL;
}

static struct tracked_order_slot *oldest(const struct tracked_order *o, uint64_t key)
{
	struct tracked_order_slot *set = set_of(o, key), *slot = set;

	for (size_t i = 1; i < TRACKED_ORDER_WAYS; i++)
		if (set[i].order < slot->order)
			slot = &set[i];
	return slot;
}

static void remember(struct tracked_order *o, uint64_t key, uint64_t order)
{
	struct tracked_order_slot *slot = find(o, key);

	if (!slot) {
		slot = oldest(o, key);
		if (slot->order > o->floor)
			o->floor = slot->order;
	}
	*slot = (struct tracked_order_slot){key, order};
}

enum tracked_verdict tracked_order_take(
	struct tracked_order *o, const struct tracked_header *header, const struct tracked *entry)
{
	uint64_t key = key_of(o, entry);
	const struct tracked_order_slot *known;

	if (header->process != o->process) {
		tracked_order_init(o, o->slots, o->n, o->secret);
		o->process = header->process;
	}
	known = find(o, key);
	if (known && header->order < known->order)
		return TRACKED_STALE;
	if (!known && header->order < o->floor)
		return TRACKED_UNSURE;
	if (header->kind == TRACKED_LIVE)
		remember(o, key, header->order);
	return TRACKED_NEW;
}

bool tracked_order_holds(const struct tracked_order *o, const struct tracked_header *header,
	const struct tracked *entry)
{
	const struct tracked_order_slot *known = find(o, key_of(o, entry));

	return header->process == o->process && !(known && header->order < known->order);
}
