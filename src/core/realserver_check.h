/* What is wrong on a real server, in words for an operator. */
#pragma once

#include "core/realserver.h"

struct realserver_finding {
	bool note; /* worth knowing, and nothing is wrong */
	char text[REALSERVER_TEXT_MAX];
};

typedef void (*realserver_found)(const struct realserver_finding *finding, void *userdata);

/* Tells of every way in which this host does not do what its forwarding methods need: of each item
 * that is not so, and of what no step can mend, because the configuration would have to change or
 * somebody else's settings would. `items` are those of realserver_items(). */
void realserver_check(const struct realserver_want *want, const struct realserver_have *have,
	const struct realserver_item *items, size_t n_items, realserver_found found,
	void *userdata);
