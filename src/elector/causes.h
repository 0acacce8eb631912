/* What the director has found out about this host, as far as it matters to a virtual router: the
 * causes for which its priority is not the configured one. They arrive with Configure, and in
 * messages of their own. */
#pragma once

#include "core/track.h"

#include <jansson.h>

struct causes {
	bool known;               /* false: the director has not found out yet */
	struct track_cause *list; /* at most TRACK_CAUSES_MAX; NULL: none */
	size_t n;
};

/* A list of their own. 0 or -ENOMEM. */
int causes_copy(const struct causes *from, struct causes *ret);
void causes_done(struct causes *causes);

/* An array of {text, weight} and {text, fault: true}; more than there is room for do not count.
 * False when it is none, or memory is out; *ret, for causes_done(), is written only on success. */
bool causes_read(const json_t *array, struct causes *ret);
/* The same array, a new reference. */
json_t *causes_to_json(const struct causes *causes);
