/* Reading and validating a configuration beside the loop: a large file takes longer than the loop
 * may be held up. It happens in a thread that lives as long as that and shares nothing: it makes
 * values out of a path, and hands them over when it ends. */
#pragma once

#include "conf/conf.h"

#include <stddef.h>
#include <systemd/sd-event.h>

struct load;

struct load_request {
	const char *path;
	const char *text; /* instead of what is at `path`; NULL: none */
	size_t text_len;
	const char *node; /* as in conf_load() */
	bool secrets;     /* their files, too */
};

/* Told from the loop, once; the load is gone then. `conf` is the owner's; NULL: `errors` says why.
 * These are released after the call. */
typedef void (*load_done)(struct conf *conf, const struct conf_errors *errors, void *userdata);

/* What `request` points to is copied. Returns 0 or -errno. */
int load_begin(sd_event *loop, const struct load_request *request, load_done done, void *userdata,
	struct load **ret);
/* Nobody is told. Waits until the file is read. NULL is nothing. */
void load_cancel(struct load *l);
