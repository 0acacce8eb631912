/* What a push does that takes long with large files: done in a thread (io/aside.h), with nothing
 * that anybody else has meanwhile. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define PUSH_PREVIOUS ".previous" /* what the configuration was called before */

enum push_work_kind {
	PUSH_READ,       /* our files: text */
	PUSH_PARSE,      /* text: files */
	PUSH_CHECK,      /* files: would they be taken here? */
	PUSH_WRITE,      /* files: what was there before is kept, and they are put in its place */
	PUSH_WRITE_BACK, /* what was kept is put in the place of what was written */
};

struct push_work {
	enum push_work_kind kind;
	const char *config, *node; /* of director_options, which stay */
	char *text;                /* push_files_read(); with it, and what follows, what is given */
	size_t len;
	json_t *files;  /* push_files_parse() */
	json_t *errors; /* what comes of it: NULL when it went well */
};

void push_work_do(void *push_work);
void push_work_done(struct push_work *w);
