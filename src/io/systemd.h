/* What the service manager is about to do with us. */
#pragma once

#include <stdbool.h>

/* Whether the stop that we were asked for is the first half of a restart. Asks the manager, and
 * waits for its answer for less than a second. False without a manager, and when it does not say.
 */
bool systemd_is_restarting(void);
