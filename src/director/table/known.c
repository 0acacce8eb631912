/* Knowing: both configurations are walked in the order of their services. What is sure of the one
 * in force is built from it; what is doubtful there, or is not there, the kernel is asked about. */
#include "director/table/known.h"

#include "base/cleanup.h"
#include "io/ipvs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* To ask about one takes two requests, each with its answer; a dump takes one for each service. */
#define ASKED_MAX 32

struct sorted {
	size_t *sure; /* by index in the services that were in force */
	size_t n_sure;
	struct ipvs_service_key asked[ASKED_MAX];
	size_t n_asked;
};

/* False when there is no room: a dump is cheaper. */
static bool ask_about(struct sorted *s, const struct ipvs_service_key *key)
{
	if (s->n_asked == ASKED_MAX)
		return false;
	s->asked[s->n_asked++] = *key;
	return true;
}

static const struct ipvs_service_key *key_at(
	const struct conf *conf, const size_t *order, size_t place)
{
	return &conf->services[order[place]].key;
}

/* False when too many would have to be asked about. */
static bool sort_out(
	const struct known *k, const struct conf *now, const size_t *order, struct sorted *s)
{
	const struct conf *before = k->before.conf;
	size_t next = 0; /* of what is wanted now */

	for (size_t i = 0; i < before->n_services; i++) {
		const struct ipvs_service_key *key = key_at(before, k->order, i);
		int place = -1;

		while (next < now->n_services &&
			(place = ipvs_service_key_compare(key_at(now, order, next), key)) < 0)
			if (!ask_about(s, key_at(now, order, next++)))
				return false;
		next += next < now->n_services && place == 0;
		if (!k->is_doubtful(k->order[i], k->userdata))
			s->sure[s->n_sure++] = k->order[i];
		else if (!ask_about(s, key))
			return false;
	}
	for (; next < now->n_services; next++)
		if (!ask_about(s, key_at(now, order, next)))
			return false;
	return true;
}

/* Appends b's services with their servers. */
static int append(struct ipvs_table *a, const struct ipvs_table *b)
{
	struct ipvs_service *services =
		reallocarray(a->services, a->n_services + b->n_services + 1, sizeof(*services));
	struct ipvs_dest *dests;

	if (!services)
		return -ENOMEM;
	a->services = services;
	dests = reallocarray(a->dests, a->n_dests + b->n_dests + 1, sizeof(*dests));
	if (!dests)
		return -ENOMEM;
	a->dests = dests;
	if (b->n_dests > 0)
		memcpy(&dests[a->n_dests], b->dests, b->n_dests * sizeof(*dests));
	for (size_t i = 0; i < b->n_services; i++) {
		services[a->n_services] = b->services[i];
		services[a->n_services++].first_dest += (uint32_t)a->n_dests;
	}
	a->n_dests += b->n_dests;
	return 0;
}

static int add_asked(const struct sorted *s, struct ipvs *v, struct ipvs_table *t)
{
	struct ipvs_table asked = {0};
	int r;

	if (s->n_asked == 0)
		return 0;
	r = ipvs_dump_some(v, s->asked, s->n_asked, &asked);
	if (r == 0)
		r = append(t, &asked);
	ipvs_table_done(&asked);
	if (r == 0)
		ipvs_table_sort(t);
	return r;
}

int known_table(const struct known *k, const struct desired_input *now, const size_t *order,
	struct ipvs *v, struct ipvs_table *ret)
{
	auto_free size_t *sure = calloc(k->before.conf->n_services + 1, sizeof(*sure));
	struct sorted sorted = {.sure = sure};
	struct desired_input in = k->before;
	struct ipvs_table t = {0};
	int r;

	if (!sure)
		return -ENOMEM;
	if (!sort_out(k, now->conf, order, &sorted))
		return 0;
	in.only = sure;
	in.n_only = sorted.n_sure;
	r = desired_build(&in, &t);
	if (r == 0)
		r = add_asked(&sorted, v, &t);
	if (r == 0)
		*ret = t;
	else
		ipvs_table_done(&t);
	return r < 0 ? r : 1;
}
