/* What is taken of a helper's words, as far as it may speak: the checker and tandem-link talk to
 * hosts that may be hostile, and one that was taken over must not speak for the rest of us. */
#pragma once

#include "director/state.h"

#define HEARD_TEXT_MAX 1000 /* bytes of a message or a field; what is longer is cut */

struct heard_event {
	enum event event;
	char message[HEARD_TEXT_MAX];
	json_t *fields; /* owned; NULL when out of memory */
};

/* Whatever `parameters` is. An event that is not the helper's to tell is an EVENT_ERROR with its
 * message; fields that are not its own, which the journal might trust, are left out. */
void heard_event_read(enum helper_index from, const json_t *parameters, struct heard_event *ret);

#define HEARD_ERRORS_MAX 100u

/* Adds what the helper could not carry out to `errors` (array of text): the texts of `said`, if it
 * is an array, and from the HEARD_ERRORS_MAX-th on how many more there are. */
void heard_errors(json_t *errors, const json_t *said);
