/* What a configuration says of one real server: which services reach it, where and how. */
#pragma once

#include "conf/conf.h"
#include "core/realserver.h"

/* Which of the pools' servers this host is: the one that was named, else those with an address of
 * its own. */
struct wanted_who {
	const char *named; /* "POOL/NAME"; NULL: by address */
	const struct realserver_have *have;
};

/* *ret points into conf and is released with wanted_done(). Returns false with a text that says why
 * there is nothing to want; it is the caller's to free(). */
bool wanted_build(const struct conf *conf, const struct wanted_who *who,
	struct realserver_want *ret, char **ret_error);
void wanted_done(struct realserver_want *want);
