/* Dump, plan, apply. The record of what is ours is written before the kernel is told to add
 * anything: a crash in between leaves a name too many in it, never a service that nobody owns. */
#include "director/table/balancer.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS 3

int balancer_init(struct balancer *b, const char *runtime_dir)
{
	*b = (struct balancer){0};
	return record_init(&b->record, runtime_dir);
}

void balancer_done(struct balancer *b)
{
	ipvs_close(b->ipvs);
	record_done(&b->record);
	json_decref(b->kept);
	*b = (struct balancer){0};
}

int balancer_open(struct balancer *b)
{
	return b->ipvs ? 0 : ipvs_open(&b->ipvs);
}

static bool is_ours(const struct ipvs_service_key *key, void *userdata)
{
	const struct balancer *b = userdata;

	return record_has(&b->record, key);
}

static void keep(struct balancer *b, const struct ipvs_service_key *key)
{
	char text[IPVS_KEY_TEXT_MAX];

	if (b->kept)
		(void)json_object_set_new(b->kept, ipvs_service_key_format(key, text), json_true());
}

int balancer_record(
	struct balancer *b, const struct ipvs_service_key *keys, size_t n_keys, struct balance *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_keys; i++) {
		r = record_add(&b->record, &keys[i]);
		keep(b, &keys[i]);
	}
	if (r == 0 && record_is_pending(&b->record))
		r = record_write(&b->record);
	if (r < 0)
		balance_error(
			ret, "cannot record the services in %s: %s", b->record.path, strerror(-r));
	return r;
}

static int record_wanted(struct balancer *b, const struct ipvs_table *want, struct balance *result)
{
	auto_free struct ipvs_service_key *keys = calloc(want->n_services + 1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < want->n_services; i++)
		keys[i] = want->services[i].key;
	return balancer_record(b, keys, want->n_services, result);
}

static void forget_deleted(struct balancer *b, const struct ipvs_op *ops, size_t n_ops)
{
	for (size_t i = 0; i < n_ops; i++)
		if (ops[i].kind == IPVS_OP_DEL_SERVICE)
			record_remove(&b->record, &ops[i].service->key);
	(void)record_write(&b->record);
}

void balance_error(struct balance *result, const char *format, ...)
{
	va_list ap;

	result->failures++;
	if (result->n_errors == BALANCER_ERRORS_MAX)
		return;
	va_start(ap, format);
	(void)vsnprintf(result->errors[result->n_errors++], BALANCER_TEXT_MAX, format, ap);
	va_end(ap);
}

void balance_ipvs_error(struct balance *ret, int error)
{
	balance_error(ret,
		error == -ENOENT ? "this kernel has no IPVS (module ip_vs): %s" : "IPVS: %s",
		strerror(-error));
}

const char *balance_trouble_of(const struct balance *b, const struct ipvs_service_key *key)
{
	for (size_t i = 0; i < b->n_errors; i++)
		if (b->keys[i].addr.family && ipvs_service_key_compare(&b->keys[i], key) == 0)
			return b->errors[i];
	return NULL;
}

/* Of the failures of one service only the first is told: the others follow from it. */
static void add_failures(struct balance *result, const struct ipvs_failure *failures, size_t n)
{
	char text[BALANCER_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct ipvs_service_key *key = &failures[i].op->service->key;
		size_t told = result->n_errors;

		if (balance_trouble_of(result, key)) {
			result->failures++;
			continue;
		}
		balance_error(result, "%s", ipvs_failure_text(&failures[i], text, sizeof(text)));
		if (told < BALANCER_ERRORS_MAX)
			result->keys[told] = *key;
	}
}

struct failures {
	struct ipvs_failure *items;
	size_t n;
};

static size_t refused(const struct ipvs_service *service, void *userdata)
{
	const struct failures *f = userdata;
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->items[i].op->service == service &&
		     f->items[i].op->kind == IPVS_OP_ADD_DEST && f->items[i].error != -EEXIST;
	return n;
}

/* What is removed waits for what takes its place. */
static int apply_in_order(struct balancer *b, struct ipvs_op *ops, size_t n_ops, struct failures *f)
{
	size_t first = ipvs_plan_removals(ops, n_ops), rest, n = 0;
	int r = first > 0 ? ipvs_apply(b->ipvs, ops, first, f->items, n_ops, &f->n) : 0;

	if (r < 0)
		return r;
	rest = ipvs_plan_spare(&ops[first], n_ops - first, refused, f);
	if (rest > 0)
		r = ipvs_apply(b->ipvs, &ops[first], rest, &f->items[f->n], n_ops - f->n, &n);
	f->n += n;
	return r;
}

static int carry_out(struct balancer *b, struct ipvs_op *ops, size_t n_ops, struct balance *result)
{
	auto_free struct ipvs_failure *failures = calloc(n_ops + 1, sizeof(*failures));
	struct failures f = {.items = failures};
	int r;

	if (n_ops == 0)
		return 0;
	if (!failures)
		return -ENOMEM;
	r = apply_in_order(b, ops, n_ops, &f);
	result->operations += n_ops;
	if (r < 0)
		return r;
	add_failures(result, f.items, f.n);
	result->of_services = f.n > 0;
	if (f.n > 0)
		return -EAGAIN; /* a service whose deletion failed is still ours */
	forget_deleted(b, ops, n_ops);
	return 0;
}

/* One round of dump, plan, apply. */
static int round_trip(struct balancer *b, const struct ipvs_table *want,
	const struct ipvs_service_key *keys, size_t n_keys, struct balance *result)
{
	auto_free struct ipvs_op *ops = NULL;
	struct ipvs_table have = {0};
	size_t n_ops;
	int r;

	r = ipvs_dump_some(b->ipvs, keys, n_keys, &have);
	if (r < 0)
		return r;
	ops = calloc(ipvs_plan_max(want, &have) + 1, sizeof(*ops));
	r = ops ? record_wanted(b, want, result) : -ENOMEM;
	if (r >= 0) {
		n_ops = ipvs_plan(want, &have, is_ours, b, ops);
		r = carry_out(b, ops, n_ops, result);
	}
	ipvs_table_done(&have);
	return r;
}

int balancer_apply(struct balancer *b, const struct ipvs_table *want,
	const struct ipvs_service_key *keys, size_t n_keys, struct balance *ret)
{
	int r = balancer_open(b);

	*ret = (struct balance){0};
	/* Lost answers say nothing about what was done: look again, and do what is left. */
	for (int attempt = 0; (r >= 0 || r == -ENOBUFS) && attempt < ATTEMPTS; attempt++) {
		r = round_trip(b, want, keys, n_keys, ret);
		if (r != -ENOBUFS)
			break;
	}
	if (r < 0 && ret->n_errors == 0)
		balance_ipvs_error(ret, r);
	return r;
}

int balancer_dump_own(struct balancer *b, struct ipvs_table *ret)
{
	struct ipvs_table all;
	size_t kept = 0;
	int r = balancer_open(b);

	if (r >= 0)
		r = ipvs_dump(b->ipvs, &all);
	if (r < 0)
		return r;
	for (size_t i = 0; i < all.n_services; i++)
		if (is_ours(&all.services[i].key, b))
			all.services[kept++] = all.services[i];
	all.n_services = kept;
	*ret = all;
	return 0;
}

static bool same_daemon(const struct ipvs_sync *want, const struct ipvs_sync *have)
{
	return want->role == have->role && strcmp(want->interface, have->interface) == 0 &&
	       want->sync_id == have->sync_id && addr_equal(&want->group, &have->group) &&
	       want->port == have->port && want->ttl == have->ttl &&
	       (want->maxlen == 0 || want->maxlen == have->maxlen);
}

static const char *role_name(enum ipvs_sync_role role)
{
	return role == IPVS_SYNC_MASTER ? "master" : "backup";
}

static const struct ipvs_sync *find_role(
	const struct ipvs_sync *list, size_t n, enum ipvs_sync_role role)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].role == role)
			return &list[i];
	return NULL;
}

static int sync_role(struct balancer *b, enum ipvs_sync_role role, const struct ipvs_sync *want,
	const struct ipvs_sync *have, bool restart, struct balance *result)
{
	int r = 0;

	if (have && (!want || restart || !same_daemon(want, have))) {
		result->operations++;
		r = ipvs_sync_stop(b->ipvs, role);
		if (r < 0)
			balance_error(result, "the sync %s daemon does not stop: %s",
				role_name(role), strerror(-r));
		have = NULL;
	}
	if (want && !have && r >= 0) {
		result->operations++;
		r = ipvs_sync_start(b->ipvs, want);
		if (r < 0)
			balance_error(result, "the sync %s daemon does not start on %s: %s",
				role_name(role), want->interface, strerror(-r));
	}
	return r;
}

static int record_ifindex(struct balancer *b, unsigned ifindex)
{
	if (b->record.sync == ifindex)
		return 0;
	record_set_sync(&b->record, ifindex);
	return record_write(&b->record);
}

int balancer_sync(struct balancer *b, const struct ipvs_sync *want, size_t n_want, unsigned ifindex,
	struct balance *ret)
{
	static const enum ipvs_sync_role roles[] = {IPVS_SYNC_BACKUP, IPVS_SYNC_MASTER};
	bool dead = b->record.sync != 0 && b->record.sync != ifindex;
	struct ipvs_sync have[2];
	int n_have = 0, r;

	*ret = (struct balance){0};
	/* Daemons that somebody else started are his, until the configuration wants some. */
	if (n_want == 0 && b->record.sync == 0)
		return 0;
	r = balancer_open(b);
	if (r >= 0)
		r = n_have = ipvs_sync_dump(b->ipvs, have);
	for (size_t i = 0; r >= 0 && i < 2; i++)
		r = sync_role(b, roles[i], find_role(want, n_want, roles[i]),
			find_role(have, (size_t)n_have, roles[i]), dead, ret);
	return r < 0 ? r : record_ifindex(b, n_want > 0 ? ifindex : 0);
}

int balancer_sync_state(struct balancer *b, bool *ret_master, bool *ret_backup)
{
	struct ipvs_sync have[2];
	int n = balancer_open(b);

	if (n >= 0)
		n = ipvs_sync_dump(b->ipvs, have);
	if (n < 0)
		return n;
	*ret_master = find_role(have, (size_t)n, IPVS_SYNC_MASTER) != NULL;
	*ret_backup = find_role(have, (size_t)n, IPVS_SYNC_BACKUP) != NULL;
	return 0;
}

bool balancer_has_own(const struct balancer *b)
{
	return json_object_size(b->record.services) > 0 || b->record.sync != 0;
}

/* By their names: a dump of everything can miss what is there while somebody else changes it. */
static int remove_services(struct balancer *b, struct balance *ret)
{
	static const struct ipvs_table nothing;
	auto_free struct ipvs_service_key *keys = NULL;
	size_t n;
	int r = record_keys(&b->record, NULL, &keys, &n);

	if (r < 0) {
		balance_ipvs_error(ret, r);
		return r;
	}
	if (n > 0)
		r = balancer_apply(b, &nothing, keys, n, ret);
	if (r < 0)
		return r;
	/* The names that are left are of services that were gone already, and must not make ours
	 * what somebody may yet create. A name too many in the file does no harm. */
	record_clear(&b->record);
	(void)record_write(&b->record);
	return 0;
}

int balancer_remove_all(struct balancer *b, struct balance *ret)
{
	struct balance sync;
	int r, r_sync;

	*ret = (struct balance){0};
	if (!balancer_has_own(b))
		return 0;
	r = remove_services(b, ret);
	r_sync = balancer_sync(b, NULL, 0, 0, &sync);
	if (r_sync < 0 && r >= 0)
		balance_error(ret, "the sync daemons: %s",
			sync.n_errors > 0 ? sync.errors[0] : strerror(-r_sync));
	ret->operations += sync.operations;
	return r < 0 ? r : r_sync;
}
