/* What can be asked of IPVS: changes to the table, its sync daemons. Dumps are in ipvs_dump.c. */
#include "io/ipvs.h"

#include "io/ipvs_exchange.h"

#include <errno.h>
#include <string.h>

struct applying {
	const struct ipvs_op *ops; /* those of the buffer under way */
	uint32_t first_seq;
	struct ipvs_failure *failures;
	size_t max_failures, n_failures;
};

static int answer_apply(const struct ipvs_answer *answer, void *userdata)
{
	struct applying *a = userdata;

	if (answer->kind != IPVS_ANSWER_STATUS || answer->status == 0)
		return 0;
	if (a->n_failures < a->max_failures)
		a->failures[a->n_failures] = (struct ipvs_failure){
			.op = &a->ops[answer->seq - a->first_seq], .error = answer->status};
	a->n_failures++;
	return 0;
}

/* As many as fit go into one send, and only the last is acknowledged: acknowledgements are what
 * costs. *ret_n is how many there were. */
static int apply_some(struct ipvs *v, struct applying *a, size_t n_ops, size_t *ret_n)
{
	struct ipvs_exchange x = {.first = v->next_seq, .answer = answer_apply, .userdata = a};
	size_t n = 0;

	v->requests.len = 0;
	while (n < n_ops && ipvs_put_op(&v->requests, v->next_seq, &a->ops[n])) {
		v->next_seq++;
		n++;
	}
	ipvs_requests_ack_last(&v->requests);
	a->first_seq = x.first;
	x.last = v->next_seq - 1;
	v->counters.sends++;
	v->counters.operations += n;
	*ret_n = n;
	return ipvs_exchange_run(v, &x);
}

int ipvs_apply_some(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops,
	struct ipvs_failure *ret_failures, size_t max_failures, size_t *ret_n_failures,
	size_t *ret_n)
{
	struct applying a = {.ops = ops, .failures = ret_failures, .max_failures = max_failures};
	int r = apply_some(v, &a, n_ops, ret_n);

	*ret_n_failures = a.n_failures;
	return r;
}

int ipvs_apply(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops,
	struct ipvs_failure *ret_failures, size_t max_failures, size_t *ret_n_failures)
{
	struct applying a = {.failures = ret_failures, .max_failures = max_failures};
	int r, result = 0;

	for (size_t done = 0, n; done < n_ops; done += n) {
		a.ops = &ops[done];
		r = apply_some(v, &a, n_ops - done, &n);
		if (r < 0)
			result = r;
		if (r < 0 && r != -ENOBUFS)
			break;
	}
	*ret_n_failures = a.n_failures;
	return result;
}

struct sync_dump {
	struct ipvs_sync *daemons;
	int n;
};

static int answer_sync_dump(const struct ipvs_answer *answer, void *userdata)
{
	struct sync_dump *d = userdata;

	if (answer->kind == IPVS_ANSWER_SYNC && d->n < 2)
		d->daemons[d->n++] = answer->sync;
	return answer->kind == IPVS_ANSWER_STATUS ? answer->status : 0;
}

int ipvs_sync_dump(struct ipvs *v, struct ipvs_sync ret[static 2])
{
	struct ipvs_sync daemons[2];
	struct sync_dump d = {.daemons = daemons};
	int r;

	(void)ipvs_put_dump_sync(&v->requests, ipvs_request_begin(v));
	r = ipvs_request_run(v, answer_sync_dump, &d);
	if (r < 0)
		return r;
	memcpy(ret, daemons, (size_t)d.n * sizeof(daemons[0]));
	return d.n;
}

int ipvs_sync_start(struct ipvs *v, const struct ipvs_sync *sync)
{
	/* The kernel takes both and then sends what no backup understands. */
	if (sync->sync_id > IPVS_SYNC_ID_MAX || sync->maxlen > IPVS_SYNC_MAXLEN_MAX)
		return -EINVAL;
	(void)ipvs_put_sync_start(&v->requests, ipvs_request_begin(v), sync);
	return ipvs_request_run(v, ipvs_answer_status_only, NULL);
}

int ipvs_sync_stop(struct ipvs *v, enum ipvs_sync_role role)
{
	struct ipvs_sync running[2];
	int stopped, n;

	(void)ipvs_put_sync_stop(&v->requests, ipvs_request_begin(v), role);
	stopped = ipvs_request_run(v, ipvs_answer_status_only, NULL);
	if (stopped == 0)
		return 0;
	/* A thread that had not run yet when it was stopped makes the kernel return EINTR, which
	 * netlink does not send: the daemon is gone without an acknowledgement. */
	n = ipvs_sync_dump(v, running);
	for (int i = 0; i < n; i++)
		if (running[i].role == role)
			return stopped;
	return n < 0 ? n : 0;
}

static int answer_timeouts(const struct ipvs_answer *answer, void *userdata)
{
	struct ipvs_timeouts *ret = userdata;

	if (answer->kind == IPVS_ANSWER_TIMEOUTS)
		*ret = answer->timeouts;
	return answer->kind == IPVS_ANSWER_STATUS ? answer->status : 0;
}

int ipvs_timeouts_get(struct ipvs *v, struct ipvs_timeouts *ret)
{
	struct ipvs_timeouts timeouts = {0};
	int r;

	(void)ipvs_put_get_timeouts(&v->requests, ipvs_request_begin(v));
	r = ipvs_request_run(v, answer_timeouts, &timeouts);
	if (r == 0 && timeouts.tcp_s == 0)
		r = -EBADMSG;
	if (r == 0)
		*ret = timeouts;
	return r;
}

int ipvs_timeouts_set(struct ipvs *v, const struct ipvs_timeouts *timeouts)
{
	(void)ipvs_put_set_timeouts(&v->requests, ipvs_request_begin(v), timeouts);
	return ipvs_request_run(v, ipvs_answer_status_only, NULL);
}

struct ipvs_counters ipvs_counters(const struct ipvs *v)
{
	return v->counters;
}
