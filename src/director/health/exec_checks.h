/* Programs that the checker has run, since it may run none itself. */
#pragma once

#include "director/health/targets.h"

#include <jansson.h>

struct director;
struct exec_checks;

struct exec_checks *exec_checks_new(struct director *d); /* NULL: out of memory */
void exec_checks_free(struct exec_checks *e);            /* NULL is fine; kills what runs */
/* These targets are in force: their users are looked up, which may block. */
void exec_checks_adopt(struct exec_checks *e, const struct targets *targets);
/* "Run" and "Cancel" of the checker; the answer is "Ran". */
void exec_checks_message(struct exec_checks *e, const char *method, const json_t *parameters);
/* The checker is another one: kills what ran for the one before. */
void exec_checks_forget(struct exec_checks *e);
