/* The kernel's IPVS over generic netlink (family "IPVS"): dumps, batched changes, sync daemons.
 * Follows net/netfilter/ipvs/ip_vs_ctl.c of Linux 6.1. libnl's codes never leave this module. */
#pragma once

#include "base/instant.h"
#include "core/ipvs_plan.h"
#include "core/service_model.h"

struct ipvs;

/* Opens the socket and resolves the family, which loads the module. -ENOENT: no IPVS in this
 * kernel. -EPERM: no CAP_NET_ADMIN in the initial user namespace. */
int ipvs_open(struct ipvs **ret);
void ipvs_close(struct ipvs *v);

/* The whole table, sorted. Release with ipvs_table_done(). The kernel does not say when somebody
 * else's changes tear a dump: a service can be missing, and an operation on it then fails. */
int ipvs_dump(struct ipvs *v, struct ipvs_table *ret);
/* Only the services named, those that exist: for a change of a few in a large table. */
int ipvs_dump_some(
	struct ipvs *v, const struct ipvs_service_key *keys, size_t n_keys, struct ipvs_table *ret);
void ipvs_table_done(struct ipvs_table *t);

/* ipvs_dump() in steps. Nothing else may be asked of `v` until it is freed. */
struct ipvs_dumping;
int ipvs_dumping_new(struct ipvs *v, struct ipvs_dumping **ret);
/* Goes on until `until`, or a little longer. Returns 1 when the table is complete, 0 when there is
 * more to do, or -errno: nothing can be made of it then. */
int ipvs_dumping_step(struct ipvs_dumping *d, struct instant until);
/* The complete table; release with ipvs_table_done(). */
struct ipvs_table ipvs_dumping_take(struct ipvs_dumping *d);
void ipvs_dumping_free(struct ipvs_dumping *d);

struct ipvs_failure {
	const struct ipvs_op *op; /* in the array given to ipvs_apply() */
	int error;                /* -errno as the kernel said it */
};

/* Carries the operations out in order, many messages per send. An operation that fails does not
 * stop the ones after it. Up to max_failures are described in ret_failures; *ret_n_failures counts
 * all. -EEXIST and -ENOENT are failures like others: the table was not what the plan had seen.
 * Returns 0 when every operation was answered, -ENOBUFS when answers were lost (dump and plan
 * again), or another -errno of the socket, after which later operations were not tried. */
int ipvs_apply(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops,
	struct ipvs_failure *ret_failures, size_t max_failures, size_t *ret_n_failures);

/* The first of the operations, as many as go into one send, and no more than n_ops; *ret_n says how
 * many that were. For who must not be held up. Else as ipvs_apply(). */
int ipvs_apply_some(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops,
	struct ipvs_failure *ret_failures, size_t max_failures, size_t *ret_n_failures,
	size_t *ret_n);

/* What failed and why, in words for the operator: "tcp 192.0.2.100:80: add-service: this kernel has
 * no scheduler \"wlcc\"". Returns buf; 320 bytes hold every text. */
const char *ipvs_failure_text(const struct ipvs_failure *failure, char *buf, size_t size);

struct ipvs_counters {
	uint64_t operations; /* sent by ipvs_apply() */
	uint64_t sends;      /* system calls that it took */
};
struct ipvs_counters ipvs_counters(const struct ipvs *v);

enum ipvs_sync_role {
	IPVS_SYNC_MASTER = 1,
	IPVS_SYNC_BACKUP = 2,
};

/* The largest datagram of a master: beyond it more entries than its one-byte count can tell. */
#define IPVS_SYNC_MAXLEN_MAX 9188
#define IPVS_SYNC_ID_MAX 255

/* In what is started, group, port and ttl of 0 mean the kernel's defaults. */
struct ipvs_sync {
	enum ipvs_sync_role role;
	char interface[16];
	uint32_t sync_id; /* a backup with 0 takes what any master sends */
	uint16_t maxlen;  /* 0: the kernel's default; a backup drops what is longer than its own */
	struct addr group;
	uint16_t port;
	uint8_t ttl;
};

/* The running daemons (at most two), as the kernel runs them: defaults filled in, a backup's maxlen
 * raised to 1024. Returns how many, or -errno. */
int ipvs_sync_dump(struct ipvs *v, struct ipvs_sync ret[static 2]);
/* -EINVAL: sync_id or maxlen out of range (above), a group that is not multicast, or a server of
 * the other family exists. -EEXIST: one of that role runs. -ENODEV: no such interface. */
int ipvs_sync_start(struct ipvs *v, const struct ipvs_sync *sync);
/* 0 when none of that role runs afterwards, whether or not the kernel acknowledged the stop. */
int ipvs_sync_stop(struct ipvs *v, enum ipvs_sync_role role);

/* How long connections are kept, for the whole namespace; seconds, never 0 in the kernel. */
struct ipvs_timeouts {
	uint32_t tcp_s, tcp_fin_s, udp_s;
};
int ipvs_timeouts_get(struct ipvs *v, struct ipvs_timeouts *ret);
/* 0 leaves one as it is. -EINVAL: more than the kernel can count. */
int ipvs_timeouts_set(struct ipvs *v, const struct ipvs_timeouts *timeouts);
