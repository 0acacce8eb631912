/* One target: what Configure wants of it, and what is known about it. */
#pragma once

#include "checker/history.h"
#include "checker/probe.h"
#include "checker/slots.h"
#include "core/deadline_heap.h"
#include "core/health.h"

#include <sys/queue.h>

struct target {
	/* its place in a list: as of target_list.c */
	TAILQ_ENTRY(target) link;
	struct target *next_in_chain;
	uint64_t hash; /* of the id */
	/* what is wanted */
	char *id;
	const struct probe_type *type;
	unsigned type_index; /* in probe_types */
	struct probe *probe;
	struct probe_endpoint endpoint;
	char *settings; /* of the type, as text */
	char *direct;   /* through a service: the target that asks the server itself; or NULL */
	struct health_rule rule;
	/* what is known */
	struct health health;
	bool told; /* the director has heard what we think */
	char reason[PROBE_REASON_MAX];
	uint64_t latency_us; /* of the last attempt, 0 before it */
	int weight_percent;  /* that it asked for; PROBE_WEIGHT_NONE: it did not */
	enum probe_wish wish;
	uint64_t checks, failures;
	struct history history;
	/* what comes next */
	struct health_schedule schedule;
	struct deadline deadline; /* end of the running attempt, or start of the next */
	struct slot_wait wait;    /* for room to begin */
	bool running;
	struct instant started; /* the last attempt; 0: none yet */
	void *owner;            /* the checker */
};

/* The prober of a type, opened when it is first needed. NULL: no such type, or it failed. */
typedef struct prober *(*target_prober)(
	void *owner, const char *type_name, unsigned *ret_type_index);

/* From an object of Configure's `targets`. Returns NULL with the reason in `error`. */
struct target *target_new(const json_t *wanted, target_prober prober, void *owner,
	struct instant now, char *error, size_t error_size);
void target_free(struct target *t); /* NULL is fine; not in a heap any more, without history */

/* Whether b asks what a asks, so that what is known about a holds for b. */
bool target_same(const struct target *a, const struct target *b);
const char *target_id(const void *target); /* of a struct target */

/* Weight and wish of a result, if it has any. Returns whether they are other ones than before. */
bool target_take_wishes(struct target *t, const struct probe_result *result);
json_t *target_verdict(const struct target *t); /* parameters of Verdict */
json_t *target_report(const struct target *t);  /* an element of Report's `targets` */
