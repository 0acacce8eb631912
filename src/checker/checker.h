/* All targets, checked as their schedules say. */
#pragma once

#include "io/helper.h"

struct checker;

/* Probes run on the helper's loop; verdicts and events go to its director. 0 or -errno. */
int checker_new(struct helper *helper, struct checker **ret);
void checker_free(struct checker *c); /* NULL is fine */

/* Make the targets so. One that stays (same id, same thing to check) keeps its state, its running
 * attempt and its place in the schedule. What came in parts of this generation counts too. What
 * cannot be had is named in `errors` and left out. Returns false when they are made so in turns of
 * the loop to come, after which the director is told. */
bool checker_configure(struct checker *c, const json_t *parameters, json_t *errors);
/* "Part" (targets of the next configuration), "Standby", and what types of checks talk about with
 * the director. */
void checker_message(struct checker *c, const char *method, const json_t *parameters);
/* The last part of the report goes to `report`; those before it are sent. */
void checker_report(const struct checker *c, json_t *report);
