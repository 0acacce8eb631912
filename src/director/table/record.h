/* What of the kernel's IPVS table is ours, in a file of the runtime directory: only that may be
 * deleted. A name is there before the kernel is told to add what it names. */
#pragma once

#include "core/service_model.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct record {
	char *path;
	json_t *services; /* key text -> true */
	json_t *added;    /* key text -> true: not in the file yet */
	json_int_t sync;  /* ifindex of our sync daemons, 0: none */
	bool dirty;       /* the file says something else */
	FILE *file;       /* being written, in steps */
	char *temporary;
	const void *at; /* iterator of services: the next to be written */
	bool first;
};

int record_init(struct record *r, const char *runtime_dir);
void record_done(struct record *r);

bool record_has(const struct record *r, const struct ipvs_service_key *key);
/* In memory; record_write() makes it last. -ENOMEM or 0. */
int record_add(struct record *r, const struct ipvs_service_key *key);
void record_remove(struct record *r, const struct ipvs_service_key *key);
void record_clear(struct record *r);
/* Takes `services` for all that is recorded. */
void record_replace(struct record *r, json_t *services);
/* The names recorded that are not in `except` (NULL: all), as keys on the heap. -ENOMEM or 0. */
int record_keys(
	const struct record *r, const json_t *except, struct ipvs_service_key **ret, size_t *ret_n);
void record_set_sync(struct record *r, json_int_t ifindex);

/* Whether services were added that are not in the file yet: they must not be made. */
bool record_is_pending(const struct record *r);
/* 0 when the file says what is in memory. When it cannot be written, what was added is forgotten
 * again: the next one who needs it tries again. */
int record_write(struct record *r);
/* The same in steps of `n` names: 1 when it is written, 0 when there is more to do, -errno. What
 * changes between steps makes it begin anew. */
int record_write_step(struct record *r, size_t n);
