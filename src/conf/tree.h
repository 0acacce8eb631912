/* JSON text to values (conf/value.h), for large configurations: what is plain (and almost all is)
 * is read here, every other token by jansson, so that there is one opinion on escapes, UTF-8 and
 * numbers. A server takes a fifth of the memory that it would as jansson's values. */
#pragma once

#include "conf/value.h"

#include <jansson.h>

#define TREE_DEPTH_MAX 32
#define TREE_KNOWN_KEYS 64

/* What values and their texts are in; zero-initialise. */
struct tree {
	struct tree_chunk *chunks; /* the one in use first */
	size_t next_size;
	const char *known[TREE_KNOWN_KEYS]; /* keys by hash: most of them come again */
};

/* The text's value; NULL when it is not JSON, when an object in it has a key twice, or when it is
 * nested deeper than TREE_DEPTH_MAX: which it is, is for slower means to find out. What is accepted
 * here, jansson accepts, with the same value. */
struct value *tree_parse(struct tree *t, const char *text, size_t len);
/* The same values as jansson's, which stay the caller's. */
struct value *tree_of_json(struct tree *t, const json_t *json);
/* A value of its own with the same children, and one with copies of them. */
struct value *tree_share(struct tree *t, const struct value *value);
struct value *tree_copy(struct tree *t, const struct value *value);
/* Gives an object that member: what `value` says, under `key`, in the place of one of that name if
 * there is one. Children are shared. The key is borrowed for as long as the tree is. */
void tree_set(struct tree *t, struct value *object, const char *key, const struct value *value);
/* Releases all that was read into it. */
void tree_done(struct tree *t);
