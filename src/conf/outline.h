/* What a configuration says, whichever of its files says it and however that is written: comments,
 * layout and the order of members do not count. The two directors compare by it. Values are as they
 * stand in the file: "1s" is not "1000ms" here. */
#pragma once

#include "conf/source.h"

#include <jansson.h>

#define OUTLINE_DIGEST_LEN 65 /* SHA-256 in hex, and the end of the text */

/* All sources as one object, in which comments are left; new reference. What the sources hold may
 * be changed: nothing else may read it any more. */
json_t *outline_of(const struct sources *s);
/* Of any value, comments left out. False when out of memory. */
bool outline_digest(const json_t *value, char ret[static OUTLINE_DIGEST_LEN]);
/* The outline of a file and what it includes, read (again) now; NULL when it cannot be. */
json_t *outline_read(const char *path);

/* The value at a JSON pointer, borrowed; NULL: there is none. */
json_t *outline_at(json_t *outline, const char *pointer);
/* The pointer to a member of the value at `pointer`: free it. NULL when out of memory. */
char *outline_member(const char *pointer, const char *name);

/* The members of an object or an array, each with a letter for its kind ('o' object, 'a' array, 'v'
 * anything else) and the beginning of its digest: what tells two outlines apart and says nothing.
 * An empty object for what has no members. New reference; NULL when out of memory. */
json_t *outline_members(json_t *value);
/* The first member that `ours` and `theirs`, of outline_members(), do not have alike; NULL: there
 * is none. Borrowed. *ret_deeper: it is an object, or an array, in both, so that the difference is
 * somewhere in it. */
const char *outline_difference(const json_t *ours, const json_t *theirs, bool *ret_deeper);
