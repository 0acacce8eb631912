/* The kernel's table as a value: one dump of the services, then one of each one's servers. In
 * steps, because a large table takes longer than a loop may be held up; all at once is the same
 * without a limit. */
#include "io/ipvs.h"

#include "io/clock.h"
#include "io/ipvs_exchange.h"

#include <errno.h>
#include <stdlib.h>

#define TORN_DUMP_TRIES 5
#define SORT_AT_ONCE 512

enum phase {
	PHASE_SERVICES, /* the dump of services is under way */
	PHASE_SORT,
	PHASE_DESTS, /* of services[next] */
	PHASE_COMPLETE,
};

struct ipvs_dumping {
	struct ipvs *v;
	struct ipvs_table table;
	size_t services_size, dests_size; /* allocated */
	bool torn;
	unsigned tries;
	enum phase phase;
	struct ipvs_exchange exchange; /* PHASE_SERVICES */
	struct ipvs_sorting sorting;   /* PHASE_SORT */
	size_t next, kept;             /* PHASE_DESTS: services looked at, and still there */
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

static int add_service(struct ipvs_dumping *d, const struct ipvs_service *service)
{
	struct ipvs_service *services =
		grow(d->table.services, d->table.n_services, &d->services_size, sizeof(*services));

	if (!services)
		return -ENOMEM;
	d->table.services = services;
	services[d->table.n_services++] = *service;
	return 0;
}

static int add_dest(struct ipvs_dumping *d, const struct ipvs_dest *dest)
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
	struct ipvs_dumping *d = userdata;

	d->torn |= answer->torn;
	switch (answer->kind) {
	case IPVS_ANSWER_STATUS:
		return answer->status;
	case IPVS_ANSWER_SERVICE:
		return add_service(d, &answer->service);
	case IPVS_ANSWER_DEST:
		return add_dest(d, &answer->dest);
	case IPVS_ANSWER_SYNC:
	case IPVS_ANSWER_TIMEOUTS:
	case IPVS_ANSWER_OTHER:
		return 0;
	}
	return 0;
}

static int start_services(struct ipvs_dumping *d)
{
	uint32_t seq = ipvs_request_begin(d->v);

	d->torn = false;
	d->table.n_services = 0;
	d->exchange = (struct ipvs_exchange){
		.first = seq, .last = seq, .answer = answer_dump, .userdata = d};
	(void)ipvs_put_dump_services(&d->v->requests, seq);
	return ipvs_exchange_start(d->v);
}

static void start_sorting(struct ipvs_dumping *d)
{
	d->phase = PHASE_SORT;
	ipvs_sorting_init(&d->sorting, d->table.services, d->table.n_services);
}

static int step_services(struct ipvs_dumping *d)
{
	int r = ipvs_exchange_read(d->v, &d->exchange);

	if (r == -EINPROGRESS)
		return 0;
	if (r < 0)
		return r;
	if (!d->torn)
		start_sorting(d);
	else if (++d->tries == TORN_DUMP_TRIES)
		return -EAGAIN;
	else
		return start_services(d);
	return 0;
}

static int step_sort(struct ipvs_dumping *d)
{
	if (ipvs_sorting_step(&d->sorting, SORT_AT_ONCE)) {
		d->table.n_services = d->sorting.n;
		d->phase = PHASE_DESTS;
	}
	return 0;
}

/* Append the dests of a service, sorted. */
static int dump_dests(struct ipvs_dumping *d, struct ipvs_service *s)
{
	size_t first = d->table.n_dests;
	int r;

	for (int i = 0; i < TORN_DUMP_TRIES; i++) {
		d->torn = false;
		d->table.n_dests = first;
		(void)ipvs_put_dump_dests(&d->v->requests, ipvs_request_begin(d->v), &s->key);
		r = ipvs_request_run(d->v, answer_dump, d);
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

static int find_dests(struct ipvs_dumping *d, struct ipvs_service *s)
{
	int r = dump_dests(d, s);

	if (r == 0)
		r = s->n_dests > 0 ? 1 : service_exists(d->v, &s->key);
	return r;
}

/* Complete the next service by its dests, or drop it when it vanished meanwhile. */
static int step_dests(struct ipvs_dumping *d)
{
	struct ipvs_table *t = &d->table;
	struct ipvs_service s;
	int r;

	if (d->next == t->n_services) {
		t->n_services = d->kept;
		d->phase = PHASE_COMPLETE;
		return 0;
	}
	s = t->services[d->next++];
	r = find_dests(d, &s);
	if (r > 0)
		t->services[d->kept++] = s;
	return r < 0 ? r : 0;
}

static int step(struct ipvs_dumping *d)
{
	switch (d->phase) {
	case PHASE_SERVICES:
		return step_services(d);
	case PHASE_SORT:
		return step_sort(d);
	case PHASE_DESTS:
		return step_dests(d);
	case PHASE_COMPLETE:
		break;
	}
	return 0;
}

int ipvs_dumping_step(struct ipvs_dumping *d, struct instant until)
{
	int r = 0;

	while (r == 0 && d->phase != PHASE_COMPLETE) {
		r = step(d);
		if (instant_reached(until, clock_now()))
			break;
	}
	return r < 0 ? r : d->phase == PHASE_COMPLETE;
}

int ipvs_dumping_new(struct ipvs *v, struct ipvs_dumping **ret)
{
	struct ipvs_dumping *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->v = v;
	r = start_services(d);
	if (r < 0) {
		ipvs_dumping_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

struct ipvs_table ipvs_dumping_take(struct ipvs_dumping *d)
{
	struct ipvs_table table = d->table;

	d->table = (struct ipvs_table){0};
	return table;
}

void ipvs_dumping_free(struct ipvs_dumping *d)
{
	if (!d)
		return;
	ipvs_table_done(&d->table);
	free(d);
}

int ipvs_dump(struct ipvs *v, struct ipvs_table *ret)
{
	struct ipvs_dumping *d;
	int r = ipvs_dumping_new(v, &d);

	if (r < 0)
		return r;
	r = ipvs_dumping_step(d, INSTANT_NEVER);
	if (r > 0)
		*ret = ipvs_dumping_take(d);
	ipvs_dumping_free(d);
	return r < 0 ? r : 0;
}

static int get_services(struct ipvs_dumping *d, const struct ipvs_service_key *keys, size_t n_keys)
{
	int r;

	for (size_t i = 0; i < n_keys; i++) {
		(void)ipvs_put_get_service(&d->v->requests, ipvs_request_begin(d->v), &keys[i]);
		r = ipvs_request_run(d->v, answer_dump, d);
		if (r < 0 && r != -ESRCH)
			return r;
	}
	return 0;
}

int ipvs_dump_some(
	struct ipvs *v, const struct ipvs_service_key *keys, size_t n_keys, struct ipvs_table *ret)
{
	struct ipvs_dumping d = {.v = v};
	int r = get_services(&d, keys, n_keys);

	start_sorting(&d);
	if (r == 0)
		r = ipvs_dumping_step(&d, INSTANT_NEVER);
	if (r > 0)
		*ret = d.table;
	else
		ipvs_table_done(&d.table);
	return r < 0 ? r : 0;
}

void ipvs_table_done(struct ipvs_table *t)
{
	free(t->services);
	free(t->dests);
	*t = (struct ipvs_table){0};
}
