/* Many files, one model: the members of the roots of all sources, merged. */
#pragma once

#include "conf/fault.h"
#include "conf/keys.h"
#include "conf/source.h"

/* Where a named object comes from. */
struct origin {
	const struct source *source;
	const struct value *json; /* its value, as parse_object() left it */
};

/* For each kind of named object, parallel to its array in struct conf; one of an object that is
 * there once, NULL when it is not. */
struct origins {
	struct origin *of[ROOT_MAX_];
	bool complete; /* everything could be read: what is in no source does not exist */
};

/* Fills the zeroed *ret and *ret_origins; both may be incomplete where there are faults. */
void build_conf(const struct sources *sources, struct faults *faults, struct conf *ret,
	struct origins *ret_origins);
void origins_done(struct origins *o);
