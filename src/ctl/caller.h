/* One Varlink call to the director, waiting for its answer. */
#pragma once

#include <jansson.h>

struct caller_answer {
	json_t *parameters;
	char *error;    /* NULL: it went well; "ReloadFailed" and the like, without the interface */
	char text[200]; /* why the call could not be made */
};

/* A connection to the director's control socket, `flags` as of socket(2). 0 or -errno. */
int caller_connect(const char *runtime_dir, int flags, int *ret_fd);

/* Calls CONTROL_INTERFACE.`method` at runtime_dir's socket with `parameters`, which are taken
 * (NULL: none). Returns 0 with an answer, or -errno with ret->text set. Release with
 * caller_answer_done().
 */
int caller_call(
	const char *runtime_dir, const char *method, json_t *parameters, struct caller_answer *ret);
void caller_answer_done(struct caller_answer *a);
