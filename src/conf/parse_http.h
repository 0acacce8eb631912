/* The table walker's part for what only HTTP has. As those of parse_net.h. */
#pragma once

#include "conf/parse.h"

/* KEY_STATUSES: 204, "200-299", or an array of those. */
bool parse_statuses(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object);
/* KEY_HEADERS: an object of texts by name. */
bool parse_headers(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, void *object);
