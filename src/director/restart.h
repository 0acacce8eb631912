/* RUNTIME_DIR/restarting: a word from a director that leaves for a successor to whoever cleans up
 * between the two. */
#pragma once

#include <stdbool.h>

/* False when it could not be written: then nobody may be kept waiting for a successor. */
bool restart_mark(const char *runtime_dir);
/* Whether there was a mark; there is none any more. */
bool restart_unmark(const char *runtime_dir);
