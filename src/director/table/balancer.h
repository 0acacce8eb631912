/* The kernel's IPVS made what it should be: dump, plan, apply. Remembers in the runtime directory
 * what tandem made, because only that may be deleted. */
#pragma once

#include "core/service_model.h"
#include "director/table/record.h"
#include "io/ipvs.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define BALANCER_ERRORS_MAX 16
#define BALANCER_TEXT_MAX 200

/* What one call did. */
struct balance {
	size_t operations;
	size_t failures;
	size_t n_errors; /* texts below, at most BALANCER_ERRORS_MAX */
	char errors[BALANCER_ERRORS_MAX][BALANCER_TEXT_MAX];
	struct ipvs_service_key
		keys[BALANCER_ERRORS_MAX]; /* the service that has it; family 0: none */
	bool of_services;                  /* nothing failed but what is told with a key */
};

struct balancer {
	struct ipvs *ipvs; /* NULL: not opened yet */
	struct record record;
	json_t *kept; /* what a job has found to be ours so far; NULL: there is none */
};

int balancer_init(struct balancer *b, const char *runtime_dir);
void balancer_done(struct balancer *b);
/* Opens the kernel's IPVS if it is not open; the other functions do it too. */
int balancer_open(struct balancer *b);

/* The whole table as the kernel has it, only the services recorded as ours. Release with
 * ipvs_table_done(). -errno when there is no IPVS here. */
int balancer_dump_own(struct balancer *b, struct ipvs_table *ret);

/* Make the services named `want`, which is limited to them. Problems are texts in *ret; returns 0,
 * or -errno when nothing or not everything could be tried: call again later. */
int balancer_apply(struct balancer *b, const struct ipvs_table *want,
	const struct ipvs_service_key *keys, size_t n_keys, struct balance *ret);

/* Record the services named as ours, before they are made. 0 or -errno, with a text in *ret. */
int balancer_record(struct balancer *b, const struct ipvs_service_key *keys, size_t n_keys,
	struct balance *ret);
/* The first problem of a service; NULL: it has none. */
const char *balance_trouble_of(const struct balance *b, const struct ipvs_service_key *key);
/* One more problem for ret, beyond BALANCER_ERRORS_MAX counted only. */
void balance_error(struct balance *ret, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* No IPVS, no privilege, answers lost: the problem that is no operation's own. */
void balance_ipvs_error(struct balance *ret, int error);

/* Run exactly these sync daemons, all on the interface with that index. Daemons that we started on
 * another index are dead, whatever the kernel lists: deleting an interface kills them silently.
 * Starts and stops are counted in ret->operations. */
int balancer_sync(struct balancer *b, const struct ipvs_sync *want, size_t n_want, unsigned ifindex,
	struct balance *ret);
/* Which of the two daemons run. */
int balancer_sync_state(struct balancer *b, bool *ret_master, bool *ret_backup);

/* Whether anything of ours is recorded: services or sync daemons. */
bool balancer_has_own(const struct balancer *b);
/* Delete every service recorded as ours, and stop the sync daemons if we started them. */
int balancer_remove_all(struct balancer *b, struct balance *ret);
