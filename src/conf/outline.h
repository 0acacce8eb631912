/* What a configuration says, whichever of its files says it and however that is written: comments,
 * layout and the order of members do not count. The two directors compare by it. Values are as they
 * stand in the file: "1s" is not "1000ms" here. */
#pragma once

#include "conf/source.h"

#include <jansson.h>

#define OUTLINE_DIGEST_LEN 65 /* SHA-256 in hex, and the end of the text */

/* All sources as one object, in which comments are left. It is in `t`, what is in its members is
 * the sources'. Before the rules, which change what the sources hold. */
struct value *outline_of(const struct sources *s, struct tree *t);
/* Of any value, comments left out. False when out of memory. */
bool outline_digest(const struct value *value, char ret[static OUTLINE_DIGEST_LEN]);

struct outline {
	struct sources sources;
	struct tree tree;
	const struct value *root;
};

/* The outline of a file and what it includes, read (again) now; NULL when it cannot be. */
struct outline *outline_read(const char *path);
void outline_free(struct outline *o); /* NULL is allowed */

/* The value at a JSON pointer; NULL: there is none. */
const struct value *outline_at(const struct value *value, const char *pointer);
/* The pointer to a member of the value at `pointer`: free it. NULL when out of memory. */
char *outline_member(const char *pointer, const char *name);

/* The members of an object or an array, each with a letter for its kind ('o' object, 'a' array, 'v'
 * anything else) and the beginning of its digest: what tells two outlines apart and says nothing.
 * An empty object for what has no members. New reference; NULL when out of memory. */
json_t *outline_members(const struct value *value);
/* The first member that `ours` and `theirs`, of outline_members(), do not have alike; NULL: there
 * is none. Borrowed. *ret_deeper: it is an object, or an array, in both, so that the difference is
 * somewhere in it. */
const char *outline_difference(const json_t *ours, const json_t *theirs, bool *ret_deeper);
