/* The difference between two IPVS tables as an ordered list of operations. */
#pragma once

#include "core/service_model.h"

enum ipvs_op_kind {
	IPVS_OP_ADD_SERVICE,
	IPVS_OP_ADD_DEST,
	IPVS_OP_SET_SERVICE,
	IPVS_OP_SET_DEST,
	IPVS_OP_DEL_DEST,
	IPVS_OP_DEL_SERVICE,
	IPVS_OP_MAX_
};
const char *ipvs_op_name(enum ipvs_op_kind kind); /* "add-service", "set-server" ... */

struct ipvs_op {
	enum ipvs_op_kind kind;
	const struct ipvs_service *service; /* in want; for DEL_SERVICE in have */
	const struct ipvs_dest
		*dest; /* in want; for DEL_DEST in have; NULL for service operations */
};

/* Whether a service that is in `have` and not in `want`, or a server of a wanted service that is
 * not, may be deleted: `key` is the service's. Asked more than once, so it must answer the same. */
typedef bool (*ipvs_may_delete)(const struct ipvs_service_key *key, void *userdata);

/* The most operations that a plan between the two can have: size `ret_ops` by it. */
size_t ipvs_plan_max(const struct ipvs_table *want, const struct ipvs_table *have);

/* Writes the operations that turn `have` into `want`, in an order in which no step leaves a service
 * without the servers it could have: additions of services and servers, then changes (those that
 * set a weight to 0 last), then removals of servers, then of services. Both tables must be sorted.
 * Operations point into both tables. A service's servers go with it, without operations of their
 * own. Services only in `have` stay untouched, servers too, unless may_delete (NULL: never) allows
 * it. Returns how many were written. Pure. */
size_t ipvs_plan(const struct ipvs_table *want, const struct ipvs_table *have,
	ipvs_may_delete may_delete, void *userdata, struct ipvs_op *ret_ops);

/* How many operations of a plan come before the first that removes a server. */
size_t ipvs_plan_removals(const struct ipvs_op *ops, size_t n);

/* Leaves out of `n` operations the removals that would leave a service without any server: all that
 * it should have were to be added, and were refused. `refused` says how many additions to a service
 * of the plan have failed. Returns how many operations are left, in their order. */
size_t ipvs_plan_spare(struct ipvs_op *ops, size_t n,
	size_t (*refused)(const struct ipvs_service *service, void *userdata), void *userdata);
