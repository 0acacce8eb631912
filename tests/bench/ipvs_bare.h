/* A table written by nothing but what the kernel itself takes: every request is in memory before
 * the clock starts, and what follows is send(2) and recv(2). What tandem takes beyond that is what
 * it can still win. */
#pragma once

#include "core/service_model.h"

#include <stdbool.h>

/* Into the caller's network namespace, whose table is empty. Prints one line. */
bool ipvs_bare_write(const struct ipvs_table *want);
