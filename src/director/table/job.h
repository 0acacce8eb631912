/* The kernel's whole IPVS table made what it should be, in steps between which the loop goes on:
 * dump, count what differs, wait for the word to go on, record, apply, forget. Services are planned
 * and applied some at a time, each from what is wanted at that moment. */
#pragma once

#include "director/table/balancer.h"
#include "director/table/desired.h"
#include "director/table/known.h"

struct job;

struct job_input {
	struct desired_input desired; /* `only` is the job's own business */
	const size_t *order;          /* desired_order() of its configuration */
	bool quiet;                   /* nobody waits to hear that a service is settled */
	const struct known *known;    /* until JOB_DUMPED; NULL: the kernel is dumped */
};

/* What the plan has, and what of ours the kernel has: without the paths of checks, which nobody
 * asks for; only `operations` has them all. */
struct job_counts {
	size_t operations;
	size_t add_services, delete_services, own_services;
	size_t add_servers, delete_servers, own_servers; /* those of deleted services included */
};

struct job_handler {
	/* While it counts: each operation that is to be done. NULL: nobody wants to know. */
	void (*planned)(const struct ipvs_op *op, void *userdata);
	/* `service`: index in conf->services, or CONF_NONE for one that is to be deleted. */
	void (*failed)(size_t service, const struct ipvs_failure *failure, void *userdata);
	/* The service is in the kernel as it should be. */
	void (*settled)(size_t service, void *userdata);
};

enum job_progress {
	JOB_MORE,    /* call again */
	JOB_DUMPED,  /* once: job_have() is there */
	JOB_COUNTED, /* once: job_counts() is; goes no further before job_go_on() */
	JOB_DONE,
};

/* A job over what the kernel has (own connection) and `in`, which must stay until job_free(). 0 or
 * -errno. */
int job_new(struct balancer *b, const struct job_input *in, const struct job_handler *handler,
	void *userdata, struct job **ret);
void job_free(struct job *j);

/* Works until `until` or a little longer. Returns enum job_progress, or -errno: then the job is
 * over; -EAGAIN and -ENOBUFS say that another one is needed at once. */
int job_step(struct job *j, struct instant until);
/* `in` is what it was, perhaps in another place. */
void job_go_on(struct job *j, const struct job_input *in);

/* Somebody else has just made this service right, or it is to be left alone. */
void job_leave_alone(struct job *j, size_t service);

const struct ipvs_table *job_have(const struct job *j);
const struct job_counts *job_counts(const struct job *j);
/* Carried out so far, and failures among them. */
size_t job_operations(const struct job *j);
size_t job_failures(const struct job *j);
/* The table had changed between dump and operation: another look is needed. */
bool job_is_stale(const struct job *j);
/* What the kernel has was not dumped: the table has not been looked at. */
bool job_is_known(const struct job *j);
