/* Entries of connection tracking on their way between the two directors. What they mean is the
 * directors' business; here only that they are entries. */
#pragma once

#include "io/helper.h"
#include "link/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay;

/* All pointers are borrowed. */
struct tracking {
	struct helper *helper;
	struct relay *relay;
	bool (*send)(enum stream_type type, const void *data, size_t len, void *userdata);
	void *userdata;
};

/* From the peer: an item LINK_ITEM_TRACKED or a message STREAM_TRACKED. False: it is malformed. */
bool tracking_from_peer(const struct tracking *t, const uint8_t *data, size_t len);
/* From our director, as hexadecimal digits; NULL or what is none is passed over. */
void tracking_from_director(const struct tracking *t, const char *hex);
