/* ipvs_plan: cases by hand, then random tables held against a model of what the kernel does. */
#include "core/ipvs_plan.h"
#include "ipvs_tables.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 4000
#define OPS_MAX (2 * TABLE_SERVICES_MAX * (1 + TABLE_DESTS_MAX))

static bool always(const struct ipvs_service_key *key, void *userdata)
{
	(void)key;
	(void)userdata;
	return true;
}

static bool odd_ports_only(const struct ipvs_service_key *key, void *userdata)
{
	(void)userdata;
	return key->port % 2 == 1;
}

static struct addr addr_of(const char *text)
{
	struct addr a = {0};

	ck_assert(addr_parse(text, &a));
	return a;
}

/* One service of weights: server i has the address 10.1.0.<i + 1>; a negative weight leaves it out.
 */
static struct table_model one_service(const int *weights, size_t n)
{
	struct table_model m = {.n_services = 1};
	struct table_service *s = &m.services[0];

	s->service.key = (struct ipvs_service_key){addr_of("192.0.2.100"), 80, IPPROTO_TCP, 0};
	strcpy(s->service.scheduler, "wlc");
	s->service.netmask = UINT32_MAX;
	for (size_t i = 0; i < n; i++) {
		struct ipvs_dest *d = &s->dests[s->n_dests];

		if (weights[i] < 0)
			continue;
		*d = (struct ipvs_dest){.key = {addr_of("10.1.0.1"), 80},
			.forward = IPVS_FORWARD_DIRECT,
			.weight = (uint32_t)weights[i]};
		d->key.addr.bytes[3] = (uint8_t)(i + 1);
		s->n_dests++;
	}
	return m;
}

/* The plan between two models, as "add-server 2, set-server 1, ...": a server's number is the last
 * byte of its address. */
static const char *plan_text(const struct table_model *want, const struct table_model *have,
	ipvs_may_delete may_delete, char *buf, size_t size)
{
	struct ipvs_table w, h;
	struct ipvs_op ops[OPS_MAX];
	size_t n, len = 0;

	table_of_model(want, &w);
	table_of_model(have, &h);
	n = ipvs_plan(&w, &h, may_delete, NULL, ops);
	ck_assert_uint_le(n, ipvs_plan_max(&w, &h));
	buf[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		len += (size_t)snprintf(
			buf + len, size - len, "%s%s", i ? ", " : "", ipvs_op_name(ops[i].kind));
		if (ops[i].dest)
			len += (size_t)snprintf(
				buf + len, size - len, " %u", ops[i].dest->key.addr.bytes[3]);
	}
	table_free(&w);
	table_free(&h);
	return buf;
}

START_TEST(the_plan_for_one_service)
{
	static const struct {
		const char *name;
		int want[3], have[3];
		const char *plan;
	} cases[] = {
		{"the same", {1, 1, 1}, {1, 1, 1}, ""},
		{"a new server", {1, 1, -1}, {1, -1, -1}, "add-server 2"},
		{"a server gone", {1, -1, -1}, {1, 1, -1}, "delete-server 2"},
		{"one replaced: the new one first", {-1, -1, 1}, {1, -1, -1},
			"add-server 3, delete-server 1"},
		{"a weight", {1, 7, 1}, {1, 2, 1}, "set-server 2"},
		{"the raised before the drained", {0, 1, 0}, {1, 0, 1},
			"set-server 2, set-server 1, set-server 3"},
		{"all kinds", {0, 2, 1}, {1, 1, -1}, "add-server 3, set-server 2, set-server 1"},
		{"no server left", {-1, -1, -1}, {1, 1, -1}, "delete-server 1, delete-server 2"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct table_model want = one_service(cases[i].want, 3);
		struct table_model have = one_service(cases[i].have, 3);
		char text[512];

		ck_assert_msg(strcmp(plan_text(&want, &have, always, text, sizeof(text)),
				      cases[i].plan) == 0,
			"%s: %s", cases[i].name, text);
	}
}
END_TEST

START_TEST(a_service_comes_with_its_servers_and_goes_whole)
{
	struct table_model none = {0}, one = one_service((const int[]){1, 0}, 2);
	char text[512];

	ck_assert_str_eq(plan_text(&one, &none, NULL, text, sizeof(text)),
		"add-service, add-server 1, add-server 2");
	ck_assert_str_eq(plan_text(&none, &one, always, text, sizeof(text)), "delete-service");
	ck_assert_str_eq(plan_text(&none, &one, NULL, text, sizeof(text)), "");
}
END_TEST

static size_t number_refused(const struct ipvs_service *service, void *userdata)
{
	const size_t *n = userdata;

	(void)service;
	return *n;
}

/* The plan, carried out by a kernel that refuses so many of the new servers. */
static size_t removals_left(const int want[3], const int have[3], size_t n_refused)
{
	struct table_model w = one_service(want, 3), h = one_service(have, 3);
	struct ipvs_table want_table, have_table;
	struct ipvs_op ops[OPS_MAX];
	size_t n, first, left;

	table_of_model(&w, &want_table);
	table_of_model(&h, &have_table);
	n = ipvs_plan(&want_table, &have_table, always, NULL, ops);
	first = ipvs_plan_removals(ops, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(i >= first, ops[i].kind == IPVS_OP_DEL_DEST);
	left = ipvs_plan_spare(&ops[first], n - first, number_refused, &n_refused);
	table_free(&want_table);
	table_free(&have_table);
	return left;
}

START_TEST(the_last_servers_stay_while_none_of_those_to_come_is_there)
{
	const int two_new[3] = {-1, 1, 1}, old[3] = {1, -1, -1}, none[3] = {-1, -1, -1};
	const int old_and_new[3] = {-1, 1, 1}, two_old[3] = {1, 1, -1};

	ck_assert_uint_eq(removals_left(two_new, old, 0), 1);
	ck_assert_uint_eq(removals_left(two_new, old, 1), 1);
	ck_assert_uint_eq(removals_left(two_new, old, 2), 0);
	ck_assert_uint_eq(removals_left(old_and_new, two_old, 1), 1); /* one stays anyway */
	ck_assert_uint_eq(removals_left(none, two_old, 0), 2);        /* none is wanted */
}
END_TEST

START_TEST(another_key_is_another_service_added_before_the_old_one_goes)
{
	struct table_model want = one_service((const int[]){1}, 1), have = want;
	char text[512];

	want.services[0].service.key.protocol = IPPROTO_UDP;
	ck_assert_str_eq(plan_text(&want, &have, always, text, sizeof(text)),
		"add-service, add-server 1, delete-service");
}
END_TEST

START_TEST(servers_of_others_stay_in_a_service_that_is_not_ours_to_empty)
{
	struct table_model want = one_service((const int[]){1, -1}, 2);
	struct table_model have = one_service((const int[]){2, 1}, 2);
	char text[512];

	ck_assert_str_eq(
		plan_text(&want, &have, odd_ports_only, text, sizeof(text)), "set-server 1");
}
END_TEST

START_TEST(each_property_of_a_service_is_compared)
{
	struct table_model have = one_service((const int[]){1}, 1), want;
	struct ipvs_service *s = &want.services[0].service;
	char text[512];

#define CHANGED_BY(statement)                                                                      \
	do {                                                                                       \
		want = have;                                                                       \
		statement;                                                                         \
		ck_assert_str_eq(                                                                  \
			plan_text(&want, &have, NULL, text, sizeof(text)), "set-service");         \
	} while (0)
	CHANGED_BY(strcpy(s->scheduler, "wlcx"));
	CHANGED_BY(strcpy(s->engine, "sip"));
	CHANGED_BY(s->flags = IPVS_SERVICE_PERSISTENT);
	CHANGED_BY(s->timeout_s = 1);
	CHANGED_BY(s->netmask = 0xffffff00);
#undef CHANGED_BY
}
END_TEST

START_TEST(each_property_of_a_server_is_compared_and_its_counters_are_not)
{
	struct table_model have = one_service((const int[]){1}, 1), want;
	struct ipvs_dest *d = &want.services[0].dests[0];
	char text[512];

#define PLAN_AFTER(statement, plan)                                                                \
	do {                                                                                       \
		want = have;                                                                       \
		statement;                                                                         \
		ck_assert_str_eq(plan_text(&want, &have, NULL, text, sizeof(text)), plan);         \
	} while (0)
	PLAN_AFTER(d->forward = IPVS_FORWARD_NAT, "set-server 1");
	PLAN_AFTER(d->forward = (enum ipvs_forward)7, "set-server 1");
	PLAN_AFTER(d->weight = 0, "set-server 1");
	PLAN_AFTER(d->upper = 1, "set-server 1");
	PLAN_AFTER(d->lower = 1, "set-server 1");
	PLAN_AFTER(d->tun_type = 1, "set-server 1");
	PLAN_AFTER(d->tun_port = 1, "set-server 1");
	PLAN_AFTER(d->tun_flags = 1, "set-server 1");
	PLAN_AFTER(d->active = d->inactive = d->persistent = 9, "");
#undef PLAN_AFTER
}
END_TEST

/* The kernel's table as far as operations change it. */

static void model_apply_dest(struct table_service *s, const struct ipvs_op *op)
{
	struct ipvs_dest *d = table_service_find(s, &op->dest->key);

	if (op->kind == IPVS_OP_ADD_DEST) {
		ck_assert_ptr_null(d);
		s->dests[s->n_dests++] = *op->dest;
		return;
	}
	ck_assert_ptr_nonnull(d);
	if (op->kind == IPVS_OP_SET_DEST) {
		ck_assert(!dests_equal(d, op->dest));
		*d = *op->dest;
	} else {
		*d = s->dests[--s->n_dests];
	}
}

static void model_apply(struct table_model *m, const struct ipvs_op *op)
{
	struct table_service *s = table_model_find(m, &op->service->key);

	if (op->kind == IPVS_OP_ADD_SERVICE) {
		ck_assert_ptr_null(s);
		m->services[m->n_services++] = (struct table_service){.service = *op->service};
		return;
	}
	ck_assert_ptr_nonnull(s);
	if (op->dest) {
		model_apply_dest(s, op);
	} else if (op->kind == IPVS_OP_SET_SERVICE) {
		ck_assert(!services_equal(&s->service, op->service));
		s->service = *op->service;
	} else {
		*s = m->services[--m->n_services];
	}
}

static size_t usable_servers(const struct table_service *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_dests; i++)
		n += s->dests[i].weight > 0;
	return n;
}

/* No service that has servers before and after is without one now. */
static void check_nobody_starves(
	struct table_model *now, struct table_model *want, const struct table_model *have)
{
	for (size_t i = 0; i < have->n_services; i++) {
		const struct table_service *before = &have->services[i];
		const struct table_service *after = table_model_find(want, &before->service.key);
		const struct table_service *s = table_model_find(now, &before->service.key);

		if (!after)
			continue;
		ck_assert_ptr_nonnull(s);
		if (before->n_dests > 0 && after->n_dests > 0)
			ck_assert_uint_gt(s->n_dests, 0);
		if (usable_servers(before) > 0 && usable_servers(after) > 0)
			ck_assert_uint_gt(usable_servers(s), 0);
	}
}

/* What must come out: `want`, and of `have` what may not be deleted. */
static struct table_model expected(
	const struct table_model *want, struct table_model *have, ipvs_may_delete may_delete)
{
	struct table_model m = *want;

	for (size_t i = 0; i < have->n_services; i++) {
		const struct table_service *old = &have->services[i];
		struct table_service *s = table_model_find(&m, &old->service.key);

		if (may_delete(&old->service.key, NULL))
			continue;
		if (!s) {
			m.services[m.n_services++] = *old;
			continue;
		}
		for (size_t j = 0; j < old->n_dests; j++)
			if (!table_service_find(s, &old->dests[j].key))
				s->dests[s->n_dests++] = old->dests[j];
	}
	return m;
}

static void check_equal(const struct table_model *a, const struct table_model *b)
{
	struct ipvs_table x, y;

	table_of_model(a, &x);
	table_of_model(b, &y);
	ck_assert(tables_equal(&x, &y));
	table_free(&x);
	table_free(&y);
}

static void check_plan(
	struct table_model *want, struct table_model *have, ipvs_may_delete may_delete)
{
	struct table_model now = *have, goal = expected(want, have, may_delete);
	struct ipvs_table w, h;
	struct ipvs_op ops[OPS_MAX];
	char text[512];
	size_t n;

	table_of_model(want, &w);
	table_of_model(have, &h);
	n = ipvs_plan(&w, &h, may_delete, NULL, ops);
	ck_assert_uint_le(n, ipvs_plan_max(&w, &h));
	for (size_t i = 0; i < n; i++) {
		model_apply(&now, &ops[i]);
		check_nobody_starves(&now, want, have);
	}
	check_equal(&now, &goal);
	ck_assert_str_eq(plan_text(want, &now, may_delete, text, sizeof(text)), "");
	table_free(&w);
	table_free(&h);
}

START_TEST(applying_a_plan_yields_what_was_wanted_and_a_second_plan_is_empty)
{
	static const ipvs_may_delete policies[] = {always, odd_ports_only};
	struct rng rng = {(uint64_t)_i + 1};
	struct table_model want, have;

	for (int round = 0; round < ROUNDS / 8; round++) {
		table_model_random(&rng, &have);
		if (rng_percent(&rng, 50))
			table_model_random(&rng, &want);
		else
			table_model_vary(&rng, &have, &want);
		check_plan(&want, &have, policies[rng_below(&rng, 2)]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ipvs_plan");
	TCase *tests = tcase_create("ipvs_plan");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, the_plan_for_one_service);
	tcase_add_test(tests, a_service_comes_with_its_servers_and_goes_whole);
	tcase_add_test(tests, the_last_servers_stay_while_none_of_those_to_come_is_there);
	tcase_add_test(tests, another_key_is_another_service_added_before_the_old_one_goes);
	tcase_add_test(tests, servers_of_others_stay_in_a_service_that_is_not_ours_to_empty);
	tcase_add_test(tests, each_property_of_a_service_is_compared);
	tcase_add_test(tests, each_property_of_a_server_is_compared_and_its_counters_are_not);
	tcase_add_loop_test(
		tests, applying_a_plan_yields_what_was_wanted_and_a_second_plan_is_empty, 0, 8);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
