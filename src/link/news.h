/* What our director is told about the peer: whether it lives, whether the stream stands, why not,
 * and what the peer's director says. */
#pragma once

#include "io/helper.h"

#include <jansson.h>
#include <stdbool.h>

#define NEWS_REASON_MAX 200

struct news;

struct news_facts {
	bool wanted; /* the director wants a peer */
	bool alive, stream;
	json_t *state; /* borrowed; NULL: not known */
};

/* All pointers are borrowed. */
struct news_world {
	struct helper *helper;
	void (*look)(struct news_facts *ret, void *userdata);
	void *userdata;
};

/* Borrows `world`. 0 or -errno. */
int news_new(const struct news_world *world, struct news **ret);
void news_free(struct news *n); /* NULL is fine */

/* One readable clause: why the peer is not alive, or the stream not there. */
void news_reason(struct news *n, const char *reason);
const char *news_last_reason(const struct news *n);
/* Facts changed: they are told once this turn of the loop is over. */
void news_changed(struct news *n);
/* The peer's state is another one. */
void news_state_changed(struct news *n);
/* The director knows nothing: the next facts are news whatever they are. */
void news_forget(struct news *n);
