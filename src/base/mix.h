/* A hash of words, for tables that strangers fill: with a secret to begin with they cannot aim at
 * one chain. Fast, not cryptographic, the same on every machine. */
#pragma once

#include "base/byteorder.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t mix_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return hash ^ hash >> 32;
}

/* Words in network order, the last filled up with zeros; the length counts, too. */
static inline uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint8_t last[8] = {0};

	hash = mix_word(hash, len);
	for (; len >= 8; at += 8, len -= 8)
		hash = mix_word(hash, be64_get(at));
	if (len > 0) {
		memcpy(last, at, len);
		hash = mix_word(hash, be64_get(last));
	}
	return hash;
}
