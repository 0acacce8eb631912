/* Tests of jansson's memory: what a region takes, and what it leaves alone. */
#include "io/json_memory.h"

#include <check.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

START_TEST(no_region_without_init)
{
	ck_assert(!json_region_begin());
}
END_TEST

/* More than any piece has room for at first, objects that grow, and a text longer than a piece. */
static json_t *large(void)
{
	size_t len = (size_t)1 << 20;
	char *text = malloc(len + 1);
	json_t *object = json_object();

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', len);
	text[len] = '\0';
	for (int i = 0; i < 10000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%d", i);
		ck_assert_int_eq(json_object_set_new(object, name, json_integer(i)), 0);
	}
	ck_assert_int_eq(json_object_set_new(object, "text", json_string(text)), 0);
	free(text);
	return object;
}

static void check_large(const json_t *object)
{
	ck_assert_uint_eq(json_object_size(object), 10001);
	ck_assert_int_eq(json_integer_value(json_object_get(object, "n9999")), 9999);
	ck_assert_uint_eq(json_string_length(json_object_get(object, "text")), (size_t)1 << 20);
}

START_TEST(values_of_a_region_are_like_others)
{
	json_memory_init();
	for (int round = 0; round < 3; round++) {
		json_t *object;

		ck_assert(json_region_begin());
		object = large();
		check_large(object);
		/* What is given back singly may be, too. */
		ck_assert_int_eq(json_object_del(object, "text"), 0);
		json_decref(json_loads("{\"a\": [1, 2.5, \"\\u00e4\", null]}", 0, NULL));
		json_region_end();
	}
}
END_TEST

START_TEST(what_was_there_before_outlives_a_region)
{
	json_t *kept, *gone;

	json_memory_init();
	kept = large();
	gone = json_string("gone");
	ck_assert(json_region_begin());
	json_decref(gone);
	json_region_end();
	check_large(kept);
	ck_assert_int_eq(json_object_set_new(kept, "more", json_integer(1)), 0);
	json_decref(kept);
}
END_TEST

START_TEST(there_is_one_region_at_a_time)
{
	json_memory_init();
	ck_assert(json_region_begin());
	ck_assert(!json_region_begin());
	json_region_end();
	ck_assert(json_region_begin());
	json_region_end();
	json_region_end();
}
END_TEST

static void *make_large(void *unused)
{
	(void)unused;
	return large();
}

START_TEST(another_thread_has_its_own_memory)
{
	pthread_t thread;
	void *made;

	json_memory_init();
	ck_assert(json_region_begin());
	ck_assert_int_eq(pthread_create(&thread, NULL, make_large, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, &made), 0);
	json_region_end();
	check_large(made);
	json_decref(made);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json_memory");
	TCase *tc = tcase_create("regions");
	SRunner *runner;
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, no_region_without_init);
	tcase_add_test(tc, values_of_a_region_are_like_others);
	tcase_add_test(tc, what_was_there_before_outlives_a_region);
	tcase_add_test(tc, there_is_one_region_at_a_time);
	tcase_add_test(tc, another_thread_has_its_own_memory);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
