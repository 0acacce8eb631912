/* From JSON to the structs of conf.h, by the key table. Each value is judged alone; what values
 * must be to each other is relations.h. */
#pragma once

#include "conf/fault.h"
#include "conf/keys.h"
#include "conf/source.h"

struct parse {
	struct faults *faults;
	const struct source *source; /* what is being parsed */
};

/* Fills the zeroed *ret from the members of `object`, reporting every fault. A member that is
 * missing has its default then, a faulty one too; in the JSON a faulty member and a missing one
 * that is required are null, so that later rules can see that nothing is known about it. */
void parse_object(const struct parse *p, const struct keys *keys, struct value *object,
	const struct path *path, void *ret);

/* One value of any type but KEY_MAP. Returns whether it is good. */
bool parse_value(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, void *object);
/* Sets the field of `key` in *object to its default. */
void parse_default(const struct key *key, void *object);
/* Reports `text`, which it takes; returns false, so that a parser can end with it. */
bool parse_fault(const struct parse *p, const struct path *path, char *text);
/* Reports a value that is not `good`: not `wanted`. Returns `good`. */
bool parse_expect(const struct parse *p, bool good, const char *wanted, const struct value *value,
	const struct path *path);
/* A whole number within the key's range. */
bool parse_integer(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, uint64_t *ret);
/* Reports what is not an object. */
bool parse_expect_object(const struct parse *p, const struct value *value, const struct path *path);
/* Where item `i` of value_list() is: a value without brackets is at its own place. */
struct path parse_item_path(const struct value *value, const struct path *path, size_t i);
/* One member of a map: its name, copied to the start of *ret, and its object. */
void parse_named(const struct parse *p, const struct keys *keys, struct value *member,
	const struct path *path, void *ret);
/* Reports a map that has too few or too many members. */
void parse_map_size(
	const struct parse *p, const struct key *key, size_t n, const struct path *path);
/* Reports members that the table does not have, and comments that are none. */
void parse_unknown(const struct parse *p, const struct keys *keys, struct value *object,
	const struct path *path);
