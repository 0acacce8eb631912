/* A hash index over somebody else's array: from a hash of what an element is known by to the
 * numbers of the elements that may be it. Elements are only added. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define INDEX_NONE SIZE_MAX

struct index {
	uint32_t *slots; /* number + 1; 0: free */
	size_t mask;
};

/* For at most n_max elements, below 2^32. Returns 0 or -ENOMEM. */
int index_init(struct index *ix, size_t n_max);
void index_done(struct index *ix);

/* Adds element `number`. */
void index_add(struct index *ix, uint64_t hash, size_t number);

/* The elements that may have this hash, one after the other; INDEX_NONE at the end. *at begins as
 * the hash. Which one it is, the caller compares. */
size_t index_next(const struct index *ix, uint64_t *at);

/* FNV-1a; `hash` is that of what came before, or INDEX_HASH. */
#define INDEX_HASH UINT64_C(14695981039346656037)
uint64_t index_hash(uint64_t hash, const void *data, size_t len);
