/* A cell holds the sum of the elements in it, so that taking one table's cells from the other's
 * leaves only what differs; a cell in which one element is left tells which, and taking that out of
 * its other cells lets them tell theirs. What counts as missing, and what is merely on its way, is
 * for whoever owns the entry to say: the caller looks at its age. */
#include "core/sync_digest.h"

#include "base/byteorder.h"
#include "base/mix.h"

#include <stdlib.h>
#include <string.h>

#define DIGEST_VERSION 1
#define DIGEST_FLAG_ANSWER 1u
#define CELL_LEN 16u

/* Without a secret: both directors have to come to the same number. */
static uint64_t key_hash(const struct sync_record *record)
{
	uint64_t template = (record->flags & SYNC_FLAG_TEMPLATE) != 0;
	uint64_t hash =
		mix_word(0, (uint64_t)record->protocol << 40 | template << 32 |
				    (uint64_t)record->client_port << 16 | record->service_port);

	hash = mix_bytes(hash, record->client.bytes, addr_len(&record->client));
	hash = mix_bytes(hash, record->service.bytes, addr_len(&record->service));
	/* Of one client there may be a template for each of its calls. */
	return template ? mix_bytes(hash, record->options, record->options_len) : hash;
}

uint64_t sync_digest_element(const struct sync_record *record)
{
	uint64_t active = (record->flags & SYNC_FLAG_INACTIVE) == 0;
	uint64_t hash = mix_word(key_hash(record), active << 16 | record->server_port);

	return mix_bytes(hash, record->server.bytes, addr_len(&record->server));
}

static uint32_t check_of(uint64_t element)
{
	return (uint32_t)(mix_word(UINT64_C(0x636865636b), element) >> 32);
}

/* The cell of an element in each part: eleven bits of a second hash. */
static size_t cell_of(uint64_t element, unsigned part)
{
	uint64_t hash = mix_word(UINT64_C(0x63656c6c73), element);

	return part * SYNC_DIGEST_PART + (hash >> (part * 20) & (SYNC_DIGEST_PART - 1));
}

static void change(struct sync_digest *d, uint64_t element, int32_t by)
{
	uint32_t check = check_of(element);

	for (unsigned part = 0; part < SYNC_DIGEST_PARTS; part++) {
		struct sync_digest_cell *cell = &d->cells[cell_of(element, part)];

		cell->sum ^= element;
		cell->mark ^= check;
		cell->count = (int32_t)((uint32_t)cell->count + (uint32_t)by);
	}
}

void sync_digest_add(struct sync_digest *d, uint64_t element)
{
	change(d, element, 1);
	d->entries++;
}

void sync_digest_remove(struct sync_digest *d, uint64_t element)
{
	change(d, element, -1);
	d->entries--;
}

static void subtract(struct sync_digest *own, const struct sync_digest *peer)
{
	for (size_t i = 0; i < SYNC_DIGEST_CELLS; i++) {
		struct sync_digest_cell *cell = &own->cells[i];

		cell->sum ^= peer->cells[i].sum;
		cell->mark ^= peer->cells[i].mark;
		cell->count = (int32_t)((uint32_t)cell->count - (uint32_t)peer->cells[i].count);
	}
}

/* One element is left in it: the check is right by chance once in 2^32. */
static bool is_pure(const struct sync_digest_cell *cell, size_t i)
{
	return (cell->count == 1 || cell->count == -1) && cell->mark == check_of(cell->sum) &&
	       cell_of(cell->sum, (unsigned)(i / SYNC_DIGEST_PART)) == i;
}

/* Take the element of a pure cell out of all of its cells. False when a list is full: what does
 * not end is no digest of anything. */
static bool peel(struct sync_digest *d, size_t i, struct sync_differences *ret)
{
	uint64_t element = d->cells[i].sum;
	int32_t count = d->cells[i].count;
	uint32_t *n = count > 0 ? &ret->n_own : &ret->n_peer;

	if (*n == SYNC_DIGEST_DIFFER_MAX)
		return false;
	(count > 0 ? ret->own : ret->peer)[(*n)++] = element;
	change(d, element, -count);
	return true;
}

static bool peel_all(struct sync_digest *d, struct sync_differences *ret)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < SYNC_DIGEST_CELLS; i++) {
			if (!is_pure(&d->cells[i], i))
				continue;
			if (!peel(d, i, ret))
				return false;
			more = true;
		}
	}
	return true;
}

static uint32_t cells_left(const struct sync_digest *d)
{
	uint32_t n = 0;

	for (size_t i = 0; i < SYNC_DIGEST_CELLS; i++)
		n += d->cells[i].sum != 0 || d->cells[i].mark != 0 || d->cells[i].count != 0;
	return n;
}

static int compare_elements(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

void sync_digest_compare(
	struct sync_digest *own, const struct sync_digest *peer, struct sync_differences *ret)
{
	uint32_t apart = own->entries > peer->entries ? own->entries - peer->entries
						      : peer->entries - own->entries;
	uint32_t left;
	bool ended;

	ret->n_own = ret->n_peer = 0;
	subtract(own, peer);
	ended = peel_all(own, ret);
	left = cells_left(own);
	ret->exact = ended && left == 0;
	ret->at_least =
		ret->n_own + ret->n_peer + (left + SYNC_DIGEST_PARTS - 1) / SYNC_DIGEST_PARTS;
	if (ret->at_least < apart)
		ret->at_least = apart;
	qsort(ret->own, ret->n_own, sizeof(ret->own[0]), compare_elements);
	qsort(ret->peer, ret->n_peer, sizeof(ret->peer[0]), compare_elements);
}

bool sync_differences_has_own(const struct sync_differences *d, uint64_t element)
{
	return bsearch(&element, d->own, d->n_own, sizeof(d->own[0]), compare_elements) != NULL;
}

void sync_digest_build(const struct sync_digest *d, const struct sync_digest_header *header,
	uint8_t ret[static SYNC_DIGEST_MESSAGE_LEN])
{
	uint8_t *at = ret + SYNC_DIGEST_HEADER_LEN;

	ret[0] = DIGEST_VERSION;
	ret[1] = header->answer_wanted ? DIGEST_FLAG_ANSWER : 0;
	be16_put(ret + 2, SYNC_DIGEST_PART);
	be32_put(ret + 4, d->entries);
	be64_put(ret + 8, header->clock_us);
	for (size_t i = 0; i < SYNC_DIGEST_CELLS; i++, at += CELL_LEN) {
		be64_put(at, d->cells[i].sum);
		be32_put(at + 8, d->cells[i].mark);
		be32_put(at + 12, (uint32_t)d->cells[i].count);
	}
}

bool sync_digest_parse(const void *message, size_t len, struct sync_digest_header *ret_header,
	struct sync_digest *ret)
{
	const uint8_t *in = message, *at = in + SYNC_DIGEST_HEADER_LEN;

	if (len != SYNC_DIGEST_MESSAGE_LEN || in[0] != DIGEST_VERSION ||
		(in[1] & ~DIGEST_FLAG_ANSWER) != 0 || be16_get(in + 2) != SYNC_DIGEST_PART)
		return false;
	ret_header->answer_wanted = (in[1] & DIGEST_FLAG_ANSWER) != 0;
	ret_header->clock_us = be64_get(in + 8);
	ret->entries = be32_get(in + 4);
	for (size_t i = 0; i < SYNC_DIGEST_CELLS; i++, at += CELL_LEN)
		ret->cells[i] = (struct sync_digest_cell){.sum = be64_get(at),
			.mark = be32_get(at + 8),
			.count = (int32_t)be32_get(at + 12)};
	return true;
}
