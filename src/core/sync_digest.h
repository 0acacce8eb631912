/* Two tables of connections compared by a digest of fixed size, which says exactly which entries
 * differ as long as they are few: an invertible Bloom look-up table (Goodrich and Mitzenmacher
 * 2011) of one number per entry. Digests are kept up entry by entry, in any order, and cost the
 * same for a million connections as for ten. */
#pragma once

#include "core/sync_message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYNC_DIGEST_PARTS 3u   /* an element is in one cell of each */
#define SYNC_DIGEST_PART 2048u /* cells */
#define SYNC_DIGEST_CELLS (SYNC_DIGEST_PARTS * SYNC_DIGEST_PART)
#define SYNC_DIGEST_DIFFER_MAX 5000u /* more differences are never told apart; 4500 mostly are */

struct sync_digest_cell {
	uint64_t sum;  /* exclusive or of the elements */
	uint32_t mark; /* of a check of each */
	int32_t count;
};

/* Zero-initialise: of no entries. */
struct sync_digest {
	uint32_t entries;
	struct sync_digest_cell cells[SYNC_DIGEST_CELLS];
};

/* The number of an entry: of its key (protocol, template or not, client, service, persistence
 * data), its server, and whether it counts as active. States within that and times do not matter:
 * the two directors see them at different moments. */
uint64_t sync_digest_element(const struct sync_record *record);
void sync_digest_add(struct sync_digest *d, uint64_t element);
void sync_digest_remove(struct sync_digest *d, uint64_t element);

/* What differs: elements of one digest that are not in the other, sorted. */
struct sync_differences {
	bool exact; /* false: too many to tell; the lists are then what could be told */
	uint32_t n_own, n_peer;
	uint32_t at_least; /* entries that differ in all */
	uint64_t own[SYNC_DIGEST_DIFFER_MAX], peer[SYNC_DIGEST_DIFFER_MAX];
};
/* `own` is destroyed. */
void sync_digest_compare(
	struct sync_digest *own, const struct sync_digest *peer, struct sync_differences *ret);
bool sync_differences_has_own(const struct sync_differences *d, uint64_t element);

/* On the stream: STREAM_DIGEST, see tandem-link(7). */
#define SYNC_DIGEST_HEADER_LEN 16u
#define SYNC_DIGEST_MESSAGE_LEN (SYNC_DIGEST_HEADER_LEN + SYNC_DIGEST_CELLS * 16u)
struct sync_digest_header {
	bool answer_wanted;
	uint64_t clock_us; /* of the sender, when it was made */
};
void sync_digest_build(const struct sync_digest *d, const struct sync_digest_header *header,
	uint8_t ret[static SYNC_DIGEST_MESSAGE_LEN]);
/* False, nothing written, when it is not one of this format. */
bool sync_digest_parse(const void *message, size_t len, struct sync_digest_header *ret_header,
	struct sync_digest *ret);
