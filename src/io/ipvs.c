/* What can be asked of IPVS: the table, changes to it, its sync daemons. */
#include "io/ipvs.h"

#include "io/ipvs_exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TORN_DUMP_TRIES 5

struct dump {
	struct ipvs_table table;
	size_t services_size, dests_size; /* allocated */
	bool torn;
};

/* Room for one more of n elements: the array, perhaps moved, or NULL and the array as it was. */
static void *grow(void *array, size_t n, size_t *size, size_t element_size)
{
	size_t bigger = *size ? 2 * *size : 64;

	if (n < *size)
		return array;
	array = reallocarray(array, bigger, element_size);
	if (array)
		*size = bigger;
	return array;
}

static int add_service(struct dump *d, const struct ipvs_service *service)
{
	struct ipvs_service *services =
		grow(d->table.services, d->table.n_services, &d->services_size, sizeof(*services));

	if (!services)
		return -ENOMEM;
	d->table.services = services;
	services[d->table.n_services++] = *service;
	return 0;
}

static int add_dest(struct dump *d, const struct ipvs_dest *dest)
{
	struct ipvs_dest *dests =
		grow(d->table.dests, d->table.n_dests, &d->dests_size, sizeof(*dests));

	if (!dests)
		return -ENOMEM;
	d->table.dests = dests;
	dests[d->table.n_dests++] = *dest;
	return 0;
}

static int answer_dump(const struct ipvs_answer *answer, void *userdata)
{
	struct dump *d = userdata;

	d->torn |= answer->torn;
	switch (answer->kind) {
	case IPVS_ANSWER_STATUS:
		return answer->status;
	case IPVS_ANSWER_SERVICE:
		return add_service(d, &answer->service);
	case IPVS_ANSWER_DEST:
		return add_dest(d, &answer->dest);
	case IPVS_ANSWER_SYNC:
	case IPVS_ANSWER_OTHER:
		return 0;
	}
	return 0;
}

static int dump_services(struct ipvs *v, struct dump *d)
{
	int r;

	for (int i = 0; i < TORN_DUMP_TRIES; i++) {
		d->torn = false;
		d->table.n_services = 0;
		(void)ipvs_put_dump_services(&v->requests, ipvs_request_begin(v));
		r = ipvs_request_run(v, answer_dump, d);
		if (r < 0 || !d->torn)
			return r;
	}
	return -EAGAIN;
}

static int get_service(struct ipvs *v, const struct ipvs_service_key *key, struct dump *d)
{
	(void)ipvs_put_get_service(&v->requests, ipvs_request_begin(v), key);
	return ipvs_request_run(v, answer_dump, d);
}

/* Append the dests of a service, sorted. */
static int dump_dests(struct ipvs *v, struct ipvs_service *s, struct dump *d)
{
	size_t first = d->table.n_dests;
	int r;

	for (int i = 0; i < TORN_DUMP_TRIES; i++) {
		d->torn = false;
		d->table.n_dests = first;
		(void)ipvs_put_dump_dests(&v->requests, ipvs_request_begin(v), &s->key);
		r = ipvs_request_run(v, answer_dump, d);
		if (r < 0)
			return r;
		if (d->torn)
			continue;
		s->first_dest = (uint32_t)first;
		s->n_dests = 0;
		if (d->table.n_dests > first)
			s->n_dests = (uint32_t)ipvs_dests_sort(
				&d->table.dests[first], d->table.n_dests - first);
		d->table.n_dests = first + s->n_dests;
		return 0;
	}
	return -EAGAIN;
}

/* 1 or 0; -errno when it could not be found out. The dests of a service that is gone are an empty
 * dump and not an error, so that an empty one does not tell. */
static int service_exists(struct ipvs *v, const struct ipvs_service_key *key)
{
	int r;

	(void)ipvs_put_get_service(&v->requests, ipvs_request_begin(v), key);
	r = ipvs_request_run(v, ipvs_answer_status_only, NULL);
	return r == -ESRCH ? 0 : r < 0 ? r : 1;
}

/* Complete the services found by their dests, without those that vanished meanwhile. */
static int dump_all_dests(struct ipvs *v, struct dump *d)
{
	struct ipvs_table *t = &d->table;
	size_t kept = 0;
	int r;

	for (size_t i = 0; i < t->n_services; i++) {
		struct ipvs_service s = t->services[i];

		r = dump_dests(v, &s, d);
		if (r == 0)
			r = s.n_dests > 0 ? 1 : service_exists(v, &s.key);
		if (r < 0)
			return r;
		if (r > 0)
			t->services[kept++] = s;
	}
	t->n_services = kept;
	return 0;
}

static int finish_dump(struct ipvs *v, struct dump *d, struct ipvs_table *ret)
{
	int r = 0;

	if (d->table.n_services > 0) {
		d->table.n_services = ipvs_services_sort(d->table.services, d->table.n_services);
		r = dump_all_dests(v, d);
	}
	if (r < 0) {
		ipvs_table_done(&d->table);
		return r;
	}
	*ret = d->table;
	return 0;
}

int ipvs_dump(struct ipvs *v, struct ipvs_table *ret)
{
	struct dump d = {0};
	int r = dump_services(v, &d);

	if (r < 0) {
		ipvs_table_done(&d.table);
		return r;
	}
	return finish_dump(v, &d, ret);
}

int ipvs_dump_some(
	struct ipvs *v, const struct ipvs_service_key *keys, size_t n_keys, struct ipvs_table *ret)
{
	struct dump d = {0};
	int r;

	for (size_t i = 0; i < n_keys; i++) {
		r = get_service(v, &keys[i], &d);
		if (r < 0 && r != -ESRCH) {
			ipvs_table_done(&d.table);
			return r;
		}
	}
	return finish_dump(v, &d, ret);
}

void ipvs_table_done(struct ipvs_table *t)
{
	free(t->services);
	free(t->dests);
	*t = (struct ipvs_table){0};
}

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

struct ipvs_counters ipvs_counters(const struct ipvs *v)
{
	return v->counters;
}
