/* What the three helper programs have in common: the loop, the channel on descriptor 3, heartbeats,
 * and Event messages. The program supplies what to do with Configure, Report and the end. */
#pragma once

#include "base/event.h"
#include "io/channel.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct helper;

enum helper_leave {
	HELPER_LEAVE_STOP,    /* asked to, or SIGTERM */
	HELPER_LEAVE_RESTART, /* asked to, and a successor is about to be started */
	HELPER_LEAVE_LOST,    /* the director is gone */
};

struct helper_program {
	const char *name; /* "tandem-checker" */
	/* Make the wanted state so. `errors` is an array to append text to. Returns whether it is
	 * so: else helper_configured() is called later. */
	bool (*configure)(
		struct helper *h, const json_t *parameters, json_t *errors, void *userdata);
	/* Fill `report` (an object). */
	void (*report)(struct helper *h, json_t *report, void *userdata);
	/* Any other message. NULL: there is none. */
	void (*message)(
		struct helper *h, const char *method, const json_t *parameters, void *userdata);
	/* The end. NULL: nothing to tidy up; the loop then ends and helper_run() returns 0. */
	void (*leave)(struct helper *h, enum helper_leave why, void *userdata);
};

/* Sets up signals (SIGTERM, SIGINT leave; SIGPIPE ignored), the loop and the channel on
 * descriptor 3. Returns 0 or -errno. `program` is borrowed. */
int helper_new(const struct helper_program *program, void *userdata, struct helper **ret);
/* Runs until the end. Returns 0, or -errno when the loop failed. */
int helper_run(struct helper *h);
void helper_free(struct helper *h);

sd_event *helper_loop(struct helper *h);
/* The answer to Configure; takes errors. `generation` is that of Configure, NULL: it had none. */
void helper_configured(struct helper *h, json_t *generation, json_t *errors);
/* One-way message to the director; takes parameters. */
void helper_send(struct helper *h, const char *method, json_t *parameters);

/* Tell the director what happened. Field names and texts alternate and end with NULL:
 * helper_event(h, EVENT_RIVAL, "heard ...", "TANDEM_INSTANCE", name, NULL). */
void helper_event(struct helper *h, enum event event, const char *message, ...)
	__attribute__((sentinel));

/* The whole of main(): reads the command line, calls `run` with the runtime directory, and says on
 * standard error what a negative errno of it means. Returns the exit status. */
int helper_main(int argc, char **argv, const char *name, int (*run)(const char *runtime_dir));
