/* One network interface, followed by name: it may come, go, and come back as another one. */
#pragma once

#include <stdbool.h>

#define LINK_WATCH_NAME_MAX 16 /* with its NUL (IFNAMSIZ) */

/* Initialise with the name alone: not present. */
struct link_watch {
	char name[LINK_WATCH_NAME_MAX];
	int ifindex; /* 0: there is no interface of that name */
	bool up;     /* administratively up, with carrier; false when not present */
	bool seen;   /* in the dump under way */
};

/* What the kernel says about any interface. Both return whether anything changed for the one that
 * is watched. A rename is a departure under the old name. */
bool link_watch_seen(struct link_watch *w, int ifindex, const char *name, bool up);
bool link_watch_gone(struct link_watch *w, int ifindex);

/* Around a dump of all interfaces: what was there and is not in the dump has gone unnoticed. */
void link_watch_dump_begins(struct link_watch *w);
bool link_watch_dump_ends(struct link_watch *w);
