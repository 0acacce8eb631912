/* What has to be done to an IPVS table, and in which order. One walk over two sorted tables finds
 * the operations; it runs twice, first to count how many each phase has, then to put each in its
 * place. */
#include "core/ipvs_plan.h"

#include <string.h>

/* The order of the list. Until the last two, nothing that serves is taken away. Services go last:
 * the last one of a family takes the kernel's packet hooks along. */
enum phase {
	PHASE_ADD,            /* services, each followed by its servers; servers of kept services */
	PHASE_CHANGE,         /* of services and of servers */
	PHASE_DRAIN,          /* to weight 0, when another may have been raised from 0 */
	PHASE_REMOVE_DEST,    /* servers of kept services */
	PHASE_REMOVE_SERVICE, /* with their servers */
	PHASE_MAX_
};

struct plan {
	const struct ipvs_table *want, *have;
	ipvs_may_delete may_delete;
	void *userdata;
	struct ipvs_op *ops;     /* NULL in the walk that counts */
	size_t next[PHASE_MAX_]; /* operations of each phase, then the index of each phase's next */
};

const char *ipvs_op_name(enum ipvs_op_kind kind)
{
	switch (kind) {
	case IPVS_OP_ADD_SERVICE:
		return "add-service";
	case IPVS_OP_ADD_DEST:
		return "add-server";
	case IPVS_OP_SET_SERVICE:
		return "set-service";
	case IPVS_OP_SET_DEST:
		return "set-server";
	case IPVS_OP_DEL_DEST:
		return "delete-server";
	case IPVS_OP_DEL_SERVICE:
		return "delete-service";
	case IPVS_OP_MAX_:
		break;
	}
	return "unknown";
}

static void emit(struct plan *p, enum phase phase, enum ipvs_op_kind kind,
	const struct ipvs_service *service, const struct ipvs_dest *dest)
{
	if (p->ops)
		p->ops[p->next[phase]] = (struct ipvs_op){kind, service, dest};
	p->next[phase]++;
}

static bool may_delete_from(const struct plan *p, const struct ipvs_service *service)
{
	return p->may_delete && p->may_delete(&service->key, p->userdata);
}

static bool service_differs(const struct ipvs_service *a, const struct ipvs_service *b)
{
	return strcmp(a->scheduler, b->scheduler) != 0 || strcmp(a->engine, b->engine) != 0 ||
	       a->flags != b->flags || a->timeout_s != b->timeout_s || a->netmask != b->netmask;
}

static bool dest_differs(const struct ipvs_dest *a, const struct ipvs_dest *b)
{
	return a->forward != b->forward || a->weight != b->weight || a->upper != b->upper ||
	       a->lower != b->lower || a->tun_type != b->tun_type || a->tun_port != b->tun_port ||
	       a->tun_flags != b->tun_flags;
}

static void walk_dest_pair(struct plan *p, const struct ipvs_service *service,
	const struct ipvs_dest *want, const struct ipvs_dest *have)
{
	enum phase phase = want->weight == 0 && have->weight != 0 ? PHASE_DRAIN : PHASE_CHANGE;

	if (dest_differs(want, have))
		emit(p, phase, IPVS_OP_SET_DEST, service, want);
}

static const struct ipvs_dest *dests_of(
	const struct ipvs_table *table, const struct ipvs_service *service)
{
	return service->n_dests > 0 ? &table->dests[service->first_dest] : NULL;
}

/* Where a merge goes on when one side has run out: with the other. */
static int only_side_left(bool want_left, bool have_left)
{
	return (int)have_left - (int)want_left;
}

/* The servers of a service that is in both tables. */
static void walk_dests(
	struct plan *p, const struct ipvs_service *want, const struct ipvs_service *have)
{
	const struct ipvs_dest *wants = dests_of(p->want, want);
	const struct ipvs_dest *haves = dests_of(p->have, have);
	size_t w = 0, h = 0;

	while (w < want->n_dests || h < have->n_dests) {
		int order = only_side_left(w < want->n_dests, h < have->n_dests);

		if (order == 0)
			order = ipvs_dest_key_compare(&wants[w].key, &haves[h].key);
		if (order < 0) {
			emit(p, PHASE_ADD, IPVS_OP_ADD_DEST, want, &wants[w++]);
		} else if (order == 0) {
			walk_dest_pair(p, want, &wants[w++], &haves[h++]);
		} else {
			if (may_delete_from(p, want))
				emit(p, PHASE_REMOVE_DEST, IPVS_OP_DEL_DEST, want, &haves[h]);
			h++;
		}
	}
}

static void walk_new_service(struct plan *p, const struct ipvs_service *want)
{
	emit(p, PHASE_ADD, IPVS_OP_ADD_SERVICE, want, NULL);
	for (size_t i = 0; i < want->n_dests; i++)
		emit(p, PHASE_ADD, IPVS_OP_ADD_DEST, want, &p->want->dests[want->first_dest + i]);
}

static void walk_service_pair(
	struct plan *p, const struct ipvs_service *want, const struct ipvs_service *have)
{
	if (service_differs(want, have))
		emit(p, PHASE_CHANGE, IPVS_OP_SET_SERVICE, want, NULL);
	walk_dests(p, want, have);
}

static void walk(struct plan *p)
{
	const struct ipvs_table *want = p->want, *have = p->have;
	size_t w = 0, h = 0;

	while (w < want->n_services || h < have->n_services) {
		int order = only_side_left(w < want->n_services, h < have->n_services);

		if (order == 0)
			order = ipvs_service_key_compare(
				&want->services[w].key, &have->services[h].key);
		if (order < 0) {
			walk_new_service(p, &want->services[w++]);
		} else if (order == 0) {
			walk_service_pair(p, &want->services[w++], &have->services[h++]);
		} else {
			if (may_delete_from(p, &have->services[h]))
				emit(p, PHASE_REMOVE_SERVICE, IPVS_OP_DEL_SERVICE,
					&have->services[h], NULL);
			h++;
		}
	}
}

/* Turn the counts into the index of each phase's first operation; returns the sum. */
static size_t lay_out_phases(struct plan *p)
{
	size_t total = 0;

	for (size_t i = 0; i < PHASE_MAX_; i++) {
		size_t count = p->next[i];

		p->next[i] = total;
		total += count;
	}
	return total;
}

size_t ipvs_plan_max(const struct ipvs_table *want, const struct ipvs_table *have)
{
	return want->n_services + want->n_dests + have->n_services + have->n_dests;
}

size_t ipvs_plan(const struct ipvs_table *want, const struct ipvs_table *have,
	ipvs_may_delete may_delete, void *userdata, struct ipvs_op *ret_ops)
{
	struct plan p = {
		.want = want, .have = have, .may_delete = may_delete, .userdata = userdata};
	size_t total;

	walk(&p);
	total = lay_out_phases(&p);
	p.ops = ret_ops;
	walk(&p);
	return total;
}

size_t ipvs_plan_removals(const struct ipvs_op *ops, size_t n)
{
	size_t i = 0;

	while (i < n && ops[i].kind != IPVS_OP_DEL_DEST)
		i++;
	return i;
}

size_t ipvs_plan_spare(struct ipvs_op *ops, size_t n,
	size_t (*refused)(const struct ipvs_service *service, void *userdata), void *userdata)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct ipvs_service *s = ops[i].service;

		if (ops[i].kind != IPVS_OP_DEL_DEST || s->n_dests == 0 ||
			refused(s, userdata) < s->n_dests)
			ops[kept++] = ops[i];
	}
	return kept;
}
