/* A director's status as Prometheus reads it: its text format, version 0.0.4. Pure. */
#pragma once

#include "base/instant.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* So many routers, servers, checks ... have metrics of their own; the others are counted. */
#define METRICS_ITEMS_MAX 5000

/* Writes what the status (Status's answer, NULL: no director answers) has, in the order of the
 * table: what is missing there has no metric, and neither has a second thing of one name. Ages are
 * counted to `now`. False when memory ran out; what was written is then not all. */
bool metrics_print(FILE *f, const json_t *status, struct instant now);
