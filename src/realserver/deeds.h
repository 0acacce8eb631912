/* Steps, carried out. */
#pragma once

#include "realserver/record.h"

/* Completes a step with what it will change from: the old value of a setting. */
void deeds_look(struct realserver_step *step);
/* Records, then does; or takes back, then forgets. What is so already, or gone already, is fine. 0
 * or -errno; *ret_hint is then words about it, or NULL. */
int deeds_do(struct record *record, const struct realserver_step *step, const char **ret_hint);
