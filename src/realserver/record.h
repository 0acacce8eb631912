/* What was changed on this host, so that it can be put back: a JSON file, written before each
 * change. All of it is gone with a reboot, and a record from before one is empty. */
#pragma once

#include "core/realserver.h"

#include <jansson.h>

struct record {
	char path[256];
	struct realserver_item *items;
	size_t n;
};

/* 0, also when there is no file; -EBADMSG when it is not a record; another -errno. Release with
 * record_done(). */
int record_load(const char *state_dir, struct record *ret);
void record_done(struct record *r);

/* Adds the item unless it is there, and writes the file, which is whole at any time. 0 or -errno:
 * then nothing may be changed. */
int record_add(struct record *r, const struct realserver_item *item);
/* The same the other way. The file goes with its last item. */
int record_remove(struct record *r, const struct realserver_item *item);

static inline struct realserver_record record_view(const struct record *r)
{
	return (struct realserver_record){.items = r->items, .n = r->n};
}

/* For programs: the members that its kind has. NULL without memory. */
json_t *record_item_to_json(const struct realserver_item *item);
