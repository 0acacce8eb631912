/* Texts have a number, their place in a table; free places are a list. To find a text there are as
 * many chains as places. */
#include "checker/history.h"

#include "base/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The number of what found no room, which is never given back. */
#define REASON_LOST 0

struct reason {
	char *text;
	uint32_t users;
	uint32_t next; /* of the chain, or of those that are free; 0: the last */
};

struct reasons {
	struct reason items[HISTORY_REASONS_MAX + 1];
	uint32_t chains[HISTORY_REASONS_MAX];
	uint32_t free, n;
};

static char lost_text[] = "(not kept: too many different reasons)";

struct reasons *reasons_new(void)
{
	struct reasons *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->items[REASON_LOST].text = lost_text;
	for (uint32_t i = 1; i < HISTORY_REASONS_MAX; i++)
		r->items[i].next = i + 1;
	r->free = 1;
	return r;
}

void reasons_free(struct reasons *r)
{
	for (uint32_t i = 1; r && i <= HISTORY_REASONS_MAX; i++)
		free(r->items[i].text);
	free(r);
}

size_t reasons_count(const struct reasons *r)
{
	return r->n;
}

static uint32_t *chain_of(struct reasons *r, const char *text)
{
	return &r->chains[index_hash(INDEX_HASH, text, strlen(text)) % HISTORY_REASONS_MAX];
}

static uint32_t add(struct reasons *r, uint32_t *chain, const char *text)
{
	uint32_t number = r->free;
	char *copy = number ? strdup(text) : NULL;

	if (!copy)
		return REASON_LOST;
	r->free = r->items[number].next;
	r->items[number] = (struct reason){copy, 1, *chain};
	*chain = number;
	r->n++;
	return number;
}

static uint32_t take(struct reasons *r, const char *text)
{
	uint32_t *chain = chain_of(r, text);

	for (uint32_t i = *chain; i; i = r->items[i].next)
		if (strcmp(r->items[i].text, text) == 0) {
			r->items[i].users++;
			return i;
		}
	return add(r, chain, text);
}

static void give_back(struct reasons *r, uint32_t number)
{
	struct reason *reason = &r->items[number];
	uint32_t *link;

	if (number == REASON_LOST || --reason->users > 0)
		return;
	link = chain_of(r, reason->text);
	while (*link != number)
		link = &r->items[*link].next;
	*link = reason->next;
	free(reason->text);
	*reason = (struct reason){.next = r->free};
	r->free = number;
	r->n--;
}

static uint32_t clamp(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

void history_add(struct history *h, struct reasons *r, const struct history_result *result)
{
	struct history_entry *entry = &h->entries[h->next];
	uint32_t reason = take(r, result->reason);

	if (h->n == HISTORY_LEN)
		give_back(r, entry->reason);
	else
		h->n++;
	*entry = (struct history_entry){
		.since_ms = clamp(instant_between_us(h->last, result->at) / 1000),
		.latency_us = clamp(result->latency_us),
		.passed = result->passed,
		.reason = reason & INT32_MAX};
	h->last = result->at;
	h->next = (uint8_t)((h->next + 1) % HISTORY_LEN);
}

static const struct history_entry *entry_at(const struct history *h, unsigned ago)
{
	return &h->entries[(h->next + 2 * HISTORY_LEN - 1 - ago) % HISTORY_LEN];
}

struct history_result history_get(const struct history *h, const struct reasons *r, unsigned ago)
{
	const struct history_entry *entry = entry_at(h, ago);
	uint64_t before_us = 0;

	assert(ago < h->n);
	for (unsigned i = 0; i < ago; i++)
		before_us += (uint64_t)entry_at(h, i)->since_ms * 1000;
	return (struct history_result){.at = {h->last.us - before_us},
		.passed = entry->passed,
		.latency_us = entry->latency_us,
		.reason = r->items[entry->reason].text};
}

void history_done(struct history *h, struct reasons *r)
{
	for (unsigned i = 0; i < h->n; i++)
		give_back(r, entry_at(h, i)->reason);
	*h = (struct history){0};
}

json_t *history_to_json(const struct history *h, const struct reasons *r)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < h->n; i++) {
		struct history_result result = history_get(h, r, i);

		(void)json_array_append_new(
			array, json_pack("{s:I, s:b, s:I, s:s}", "at_us", (json_int_t)result.at.us,
				       "passed", result.passed, "latency_us",
				       (json_int_t)result.latency_us, "reason", result.reason));
	}
	return array;
}
