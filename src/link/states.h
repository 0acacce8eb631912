/* What the two directors say about themselves, over the stream: ours is kept until there is a
 * stream, and said again on each; the peer's goes to our director and, in what the elector needs of
 * it, to the page. */
#pragma once

#include "link/stream.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_page;
struct states;

/* All pointers are borrowed. */
struct states_world {
	struct peer_page *page; /* NULL: nobody reads one */
	bool (*send)(enum stream_type type, const void *data, size_t len, void *userdata);
	/* The peer's is another one, or not known any more. */
	void (*changed)(void *userdata);
	void *userdata;
};

/* Borrows `world`. 0 or -errno. */
int states_new(const struct states_world *world, struct states **ret);
void states_free(struct states *s); /* NULL is fine */

/* Ours; what is no object is passed over. */
void states_set_own(struct states *s, const json_t *state);
uint32_t states_own_number(const struct states *s); /* of the last one; 0: none yet */
/* The hello was taken: the peer is told. */
void states_opened(struct states *s);
/* There is room on the stream. */
void states_drained(struct states *s);

/* STREAM_STATE came. False: it is malformed. */
bool states_message(struct states *s, const uint8_t *data, size_t len);
/* The peer is another process, or none. */
void states_forget(struct states *s);
json_t *states_of_peer(const struct states *s); /* borrowed; NULL: not known */
/* Whether the peer's state with that number is the one that is known. */
bool states_is_current(const struct states *s, uint32_t number);
