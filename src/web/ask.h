/* What the director says of itself: one call of Status at a time, for all who wait, and one answer
 * for those who ask within a second. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

/* An answer is this old at most: a flood of requests is one call a second for the director. */
#define ASK_FRESH_US UINT64_C(1000000)
/* A director that has not answered by then does not answer. */
#define ASK_TIMEOUT_US UINT64_C(5000000)

struct ask;

/* There is a new answer: the status, borrowed, or NULL and why there is none, in words. */
typedef void (*ask_handler)(const json_t *status, const char *reason, void *userdata);

/* `runtime_dir` is where the director's socket is; borrowed. Returns 0 or -errno. */
int ask_new(sd_event *loop, const char *runtime_dir, ask_handler handler, void *userdata,
	struct ask **ret);
void ask_free(struct ask *a); /* NULL is fine; the handler is not called any more */

/* Whether the last answer still counts. If not, a new one is asked for, unless it is already, and
 * the handler is called from the loop. */
bool ask_now(struct ask *a);
