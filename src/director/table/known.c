/* Knowing, service by service: before and now are built, and compared by what would have to be
 * done. Where that is nothing, nothing will be done either, whatever the kernel has: a look finds
 * it. */
#include "director/table/known.h"

#include "base/cleanup.h"
#include "core/ipvs_plan.h"

#include <errno.h>
#include <stdlib.h>

static size_t find_before(const struct known *k, const struct ipvs_service_key *key)
{
	const struct conf *conf = k->before.conf;
	size_t low = 0, high = conf->n_services;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = ipvs_service_key_compare(key, &conf->services[k->order[middle]].key);

		if (order == 0)
			return k->order[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return CONF_NONE;
}

static int build_one(const struct desired_input *of, size_t service, struct ipvs_table *ret)
{
	struct desired_input in = *of;

	in.only = &service;
	in.n_only = 1;
	return desired_build(&in, ret);
}

/* 1, 0 or -ENOMEM. */
static int is_same(const struct ipvs_table *a, const struct ipvs_table *b)
{
	auto_free struct ipvs_op *ops = NULL;

	if (a->n_services != 1 || b->n_services != 1 || a->n_dests != b->n_dests)
		return 0;
	ops = calloc(ipvs_plan_max(a, b) + 1, sizeof(*ops));
	return ops ? ipvs_plan(a, b, NULL, NULL, ops) == 0 : -ENOMEM;
}

int known_dests(struct known *k, const struct ipvs_service_key *key,
	const struct desired_input *now, size_t service, const struct ipvs_dest **ret,
	size_t *ret_n)
{
	size_t before = find_before(k, key);
	struct ipvs_table table = {0};
	int r;

	if (before == CONF_NONE || service == CONF_NONE || k->is_doubtful(before, k->userdata))
		return 0;
	known_done(k);
	r = build_one(&k->before, before, &k->last);
	if (r == 0)
		r = build_one(now, service, &table);
	if (r == 0)
		r = is_same(&k->last, &table);
	desired_done(&table);
	if (r > 0) {
		*ret = k->last.dests;
		*ret_n = k->last.services[0].n_dests;
	}
	return r;
}

void known_done(struct known *k)
{
	desired_done(&k->last);
}
