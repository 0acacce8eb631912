/* Reading and validating a configuration beside the loop, and what can be made of it alone: with a
 * large file that takes longer than the loop may be held up. It happens in a thread that lives as
 * long as that and shares nothing: it makes a value out of a path, and hands it over when it ends.
 */
#pragma once

#include "conf/conf.h"

#include <stddef.h>
#include <systemd/sd-event.h>

struct candidate;
struct load;

struct load_request {
	const char *path;
	const char *text; /* instead of what is at `path`; NULL: none */
	size_t text_len;
	const char *node; /* as in conf_load() */
	bool secrets;     /* their files, too */
};

/* Told from the loop, once; the load is gone then. `candidate`, of candidate_prepare(), is the
 * owner's; NULL: `errors` says why, or memory ran out. Those are released after the call. */
typedef void (*load_done)(
	struct candidate *candidate, const struct conf_errors *errors, void *userdata);

/* What `request` points to is copied. Returns 0 or -errno. */
int load_begin(sd_event *loop, const struct load_request *request, load_done done, void *userdata,
	struct load **ret);
/* Nobody is told. Waits until the file is read. NULL is nothing. */
void load_cancel(struct load *l);
/* Releases what another configuration has replaced, which takes long too, beside the loop. */
void load_release(struct candidate *c);
