/* The last results of a target, small enough to be kept for fifty thousand. Reasons are few among
 * many results: each text is kept once, as long as a result has it. */
#pragma once

#include "base/instant.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define HISTORY_LEN 32u
#define HISTORY_REASONS_MAX 8192 /* different texts; later ones are not kept */

struct reasons;
struct reasons *reasons_new(void);    /* NULL: out of memory */
void reasons_free(struct reasons *r); /* when nobody has any; NULL is fine */
size_t reasons_count(const struct reasons *r);

/* A result in 12 bytes. */
struct history_entry {
	uint32_t since_ms; /* since the result before it; the first, and what is longer: as much as
			      fits */
	uint32_t latency_us;
	uint32_t passed : 1;
	uint32_t reason : 31; /* number of the text */
};

/* Zero-initialise; history_done() gives the reasons back. */
struct history {
	struct history_entry entries[HISTORY_LEN];
	uint8_t next, n;
	struct instant last;
};

struct history_result {
	struct instant at;
	bool passed;
	uint64_t latency_us;
	const char *reason;
};

void history_add(struct history *h, struct reasons *r, const struct history_result *result);
/* The result so many before the last one; `ago` < h->n. The text is the reasons'. */
struct history_result history_get(const struct history *h, const struct reasons *r, unsigned ago);
void history_done(struct history *h, struct reasons *r);
/* An array of {at_us, passed, latency_us, reason}, the last one first. */
json_t *history_to_json(const struct history *h, const struct reasons *r);
