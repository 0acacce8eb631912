/* From one list of targets to the next, some at a time: what a turn does, and what comes of all. */
#include "checker/change.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGETS_MAX 64

static struct target_list list, wanted;
static struct change change;
static unsigned n_kept, n_added, n_dropped;

/* Here the settings are all that two may differ in. */
bool target_same(const struct target *a, const struct target *b)
{
	return strcmp(a->settings, b->settings) == 0;
}

static void free_target(struct target *t)
{
	free(t->id);
	free(t->settings);
	free(t);
}

static struct target *a_target(unsigned number, const char *settings)
{
	struct target *t = calloc(1, sizeof(*t));
	char id[16];

	ck_assert_ptr_nonnull(t);
	(void)snprintf(id, sizeof(id), "t%u", number);
	t->id = strdup(id);
	t->settings = strdup(settings);
	return t;
}

static struct target *add(struct target_list *to, unsigned number, const char *settings)
{
	struct target *t = a_target(number, settings);

	ck_assert(target_list_add(to, t));
	return t;
}

static void on_keep(struct target *old, struct target *new, void *userdata)
{
	ck_assert_ptr_eq(userdata, &change);
	ck_assert_str_eq(old->id, new->id);
	ck_assert_ptr_eq(target_list_find(&list, old->id), old);
	old->rule = new->rule;
	free_target(new);
	n_kept++;
}

static void on_add(struct target *t, void *userdata)
{
	ck_assert_ptr_eq(userdata, &change);
	ck_assert_ptr_eq(target_list_find(&list, t->id), t);
	n_added++;
}

static void on_drop(struct target *t, void *userdata)
{
	ck_assert_ptr_eq(userdata, &change);
	ck_assert_ptr_ne(target_list_find(&list, t->id), t);
	free_target(t);
	n_dropped++;
}

static void begin(void)
{
	static const struct change_handler handler = {on_keep, on_add, on_drop};

	change = change_begin(&list, &wanted, &handler, &change);
}

static void set_up(void)
{
	ck_assert_int_eq(target_list_init(&list), 0);
	ck_assert_int_eq(target_list_init(&wanted), 0);
	n_kept = n_added = n_dropped = 0;
}

static void empty(struct target_list *l)
{
	struct target *t;

	while ((t = TAILQ_FIRST(&l->all))) {
		target_list_remove(l, t);
		free_target(t);
	}
	ck_assert_uint_eq(l->n, 0);
	target_list_done(l);
}

static void tear_down(void)
{
	empty(&list);
	empty(&wanted);
}

/* "t3 t1": what is in the list, in its order. */
static const char *text_of(const struct target_list *l)
{
	static char text[TARGETS_MAX * 8];
	const struct target *t;
	size_t n = 0;

	text[0] = '\0';
	TAILQ_FOREACH (t, &l->all, link) {
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			n++ ? " " : "", t->id);
		ck_assert_ptr_eq(target_list_find(l, t->id), t);
	}
	ck_assert_uint_eq(n, l->n);
	return text;
}

START_TEST(a_list_has_one_target_of_an_id_in_the_order_they_came)
{
	struct target *again = a_target(2, "");

	add(&list, 2, "");
	add(&list, 1, "");
	add(&list, 3, "");
	ck_assert(!target_list_add(&list, again));
	free_target(again);
	ck_assert_str_eq(text_of(&list), "t2 t1 t3");
	ck_assert_ptr_null(target_list_find(&list, "t4"));
	target_list_move_to_end(&list, target_list_find(&list, "t2"));
	ck_assert_str_eq(text_of(&list), "t1 t3 t2");
}
END_TEST

/* More than there are chains: each has several. */
START_TEST(a_target_is_found_among_fifty_thousand)
{
	char id[16];

	for (unsigned i = 0; i < 50000; i++)
		add(&list, i, "");
	for (unsigned i = 0; i < 50000; i += 2) {
		struct target *t;

		(void)snprintf(id, sizeof(id), "t%u", i);
		t = target_list_find(&list, id);
		target_list_remove(&list, t);
		free_target(t);
	}
	ck_assert_uint_eq(list.n, 25000);
	for (unsigned i = 0; i < 50000; i++) {
		(void)snprintf(id, sizeof(id), "t%u", i);
		ck_assert_int_eq(target_list_find(&list, id) != NULL, i % 2);
	}
}
END_TEST

START_TEST(what_stays_goes_on_and_what_differs_is_another_one)
{
	struct target *stays = add(&list, 1, "a"), *new;

	add(&list, 2, "a");
	add(&list, 3, "a");
	add(&wanted, 4, "a");
	new = add(&wanted, 2, "b");
	add(&wanted, 1, "a")->rule.rise = 7;
	begin();
	ck_assert(change_step(&change, 100));
	ck_assert_str_eq(text_of(&list), "t4 t2 t1");
	ck_assert_ptr_eq(target_list_find(&list, "t1"), stays);
	ck_assert_uint_eq(stays->rule.rise, 7);
	ck_assert_ptr_eq(target_list_find(&list, "t2"), new);
	ck_assert_uint_eq(n_kept, 1);
	ck_assert_uint_eq(n_added, 2);
	ck_assert_uint_eq(n_dropped, 2); /* t3, and what t2 was */
}
END_TEST

START_TEST(nothing_is_wanted_and_nothing_was_there)
{
	begin();
	ck_assert(change_step(&change, 1));
	add(&list, 1, "");
	begin();
	ck_assert(change_step(&change, 1));
	ck_assert_uint_eq(list.n, 0);
	ck_assert_uint_eq(n_dropped, 1);
}
END_TEST

/* The bound of a turn: it holds whatever is to be done with them. */
START_TEST(a_step_takes_no_more_targets_than_it_may)
{
	const unsigned n = 5000, max = 64;
	unsigned steps = 0, before = 0;

	for (unsigned i = 0; i < n; i++)
		add(&list, i, i % 3 ? "a" : "b");
	for (unsigned i = n / 2; i < n / 2 + n; i++)
		add(&wanted, i, "a");
	begin();
	for (bool over = false; !over; steps++) {
		unsigned done, left = (unsigned)wanted.n;

		over = change_step(&change, max);
		done = left - (unsigned)wanted.n;
		ck_assert_uint_le(done, max);
		/* For each that is wanted one may go and one come. */
		ck_assert_uint_le(n_kept + n_added + n_dropped - before, 2 * max);
		before = n_kept + n_added + n_dropped;
	}
	ck_assert_uint_ge(steps, (n + n / 2) / max);
	ck_assert_uint_eq(list.n, n);
	ck_assert_uint_eq(wanted.n, 0);
}
END_TEST

/* In between each target is as it was or as it is to be, and there once. */
static void look_in_between(const char *const before[], const char *const after[])
{
	for (unsigned i = 0; i < TARGETS_MAX; i++) {
		const struct target *t;
		char id[16];

		(void)snprintf(id, sizeof(id), "t%u", i);
		t = target_list_find(&list, id);
		if (t)
			ck_assert((before[i] && strcmp(t->settings, before[i]) == 0) ||
				  (after[i] && strcmp(t->settings, after[i]) == 0));
		else
			ck_assert(!before[i] || !after[i]);
	}
	(void)text_of(&list);
}

static void draw(struct target_list *to, const char *said[], unsigned *seed)
{
	static const char *const settings[] = {NULL, "a", "b", NULL};

	*seed = *seed * 1103515245 + 12345;
	for (unsigned i = 0, n = *seed >> 16; i < TARGETS_MAX; i++) {
		unsigned number = (i + n) % TARGETS_MAX;

		*seed = *seed * 1103515245 + 12345;
		said[number] = settings[*seed >> 16 & 3];
		if (said[number])
			add(to, number, said[number]);
	}
}

START_TEST(whatever_is_wanted_is_there_in_the_end_and_in_its_order)
{
	const char *before[TARGETS_MAX] = {0}, *after[TARGETS_MAX] = {0};
	unsigned seed = 4711 + (unsigned)_i;

	draw(&list, before, &seed);
	for (unsigned round = 0; round < 20; round++) {
		char expected[TARGETS_MAX * 8];

		draw(&wanted, after, &seed);
		(void)snprintf(expected, sizeof(expected), "%s", text_of(&wanted));
		begin();
		while (!change_step(&change, 1 + (seed >> 8) % 7))
			look_in_between(before, after);
		ck_assert_str_eq(text_of(&list), expected);
		look_in_between(after, after);
		memcpy(before, after, sizeof(before));
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("change");
	TCase *tc = tcase_create("change");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_list_has_one_target_of_an_id_in_the_order_they_came);
	tcase_add_test(tc, a_target_is_found_among_fifty_thousand);
	tcase_add_test(tc, what_stays_goes_on_and_what_differs_is_another_one);
	tcase_add_test(tc, nothing_is_wanted_and_nothing_was_there);
	tcase_add_test(tc, a_step_takes_no_more_targets_than_it_may);
	tcase_add_loop_test(tc, whatever_is_wanted_is_there_in_the_end_and_in_its_order, 0, 20);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
