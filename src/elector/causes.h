/* What the director has found out about this host, as far as it matters to a virtual router: the
 * causes for which its priority is not the configured one. They arrive with Configure, and in
 * messages of their own. */
#pragma once

#include "core/track.h"

#include <jansson.h>

struct causes {
	bool known; /* false: the director has not found out yet */
	struct track_cause list[TRACK_CAUSES_MAX];
	size_t n;
};

/* An array of {text, weight} and {text, fault: true}; more than there is room for do not count.
 * False when it is none; *ret is written only on success. */
bool causes_read(const json_t *array, struct causes *ret);
/* The same array, a new reference. */
json_t *causes_to_json(const struct causes *causes);
