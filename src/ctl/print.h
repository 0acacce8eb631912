/* The director's answers in words. */
#pragma once

#include "base/instant.h"

#include <jansson.h>
#include <stdio.h>

/* `now` is what the ages are counted to. */
void print_status(FILE *f, const json_t *status, struct instant now);
/* One server as Server, Drain and the like tell it, in a line. */
void print_decision(FILE *f, const json_t *server, struct instant now);
/* One server with its checks and their last results. */
void print_server_view(FILE *f, const json_t *server, struct instant now);
/* The answer to Events: a line for each, with the local time. */
void print_events(FILE *f, const json_t *answer);
/* The answer to Plan: one line for each thing that a reload would do. */
void print_plan(FILE *f, const json_t *plan);
