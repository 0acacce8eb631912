/* Datagrams that are missing, and those that the peer misses: questions and answers about them over
 * the stream. What can be repaired is the session's to know. */
#pragma once

#include "link/count.h"
#include "link/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct relay;
struct repair;
struct session;

/* All pointers are borrowed. */
struct repair_world {
	sd_event *loop;
	struct counts *counts;
	struct session *session;
	struct relay *relay; /* takes what came over the stream */
	bool (*send)(enum stream_type type, const void *data, size_t len, void *userdata);
	void (*lost)(void *userdata); /* some are gone for good */
	void *userdata;
};

/* Borrows `world`. 0 or -errno. */
int repair_new(const struct repair_world *world, struct repair **ret);
void repair_free(struct repair *r); /* NULL is fine */

/* The hello was taken: from here on there is somebody to ask, until the stream closes. */
void repair_opened(struct repair *r);
void repair_closed(struct repair *r);
/* Datagrams were read: look whether some are missing. */
void repair_look(struct repair *r);
/* STREAM_REPAIR_ASK, STREAM_REPAIR or STREAM_REPAIR_GONE came. False: it is malformed. */
bool repair_message(struct repair *r, enum stream_type type, const uint8_t *data, size_t len);
