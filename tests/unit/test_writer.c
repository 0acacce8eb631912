/* JSON as text, and the hash index. */
#include "base/index.h"
#include "base/writer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(values_have_keys_and_commas_where_json_has_them)
{
	struct writer w = {0};
	char *text;

	writer_object(&w, NULL);
	writer_text(&w, "a", "x\"\\\n\x1f\xc3\xa4");
	writer_array(&w, "b");
	writer_number(&w, NULL, 0);
	writer_number(&w, NULL, INT64_MIN);
	writer_object(&w, NULL);
	writer_end_object(&w);
	writer_array(&w, NULL);
	writer_end_array(&w);
	writer_end_array(&w);
	writer_text(&w, "c", NULL);
	writer_bool(&w, "d", true);
	writer_raw(&w, "e", "[1]");
	writer_end_object(&w);
	text = writer_take(&w);
	ck_assert_str_eq(text, "{\"a\":\"x\\u0022\\u005c\\u000a\\u001f\xc3\xa4\",\"b\":[0,"
			       "-9223372036854775808,{},[]],\"c\":null,\"d\":true,\"e\":[1]}");
	free(text);
}
END_TEST

START_TEST(a_long_text_is_whole)
{
	struct writer w = {0};
	char *text;

	writer_array(&w, NULL);
	for (int i = 0; i < 100000; i++)
		writer_number(&w, NULL, i % 10);
	writer_end_array(&w);
	text = writer_take(&w);
	ck_assert_uint_eq(strlen(text), 200001);
	ck_assert_str_eq(text + 199996, ",8,9]");
	free(text);
}
END_TEST

START_TEST(an_index_finds_what_was_added_and_nothing_else)
{
	struct index ix;

	ck_assert_int_eq(index_init(&ix, 1000), 0);
	for (size_t i = 0; i < 1000; i++)
		index_add(&ix, index_hash(INDEX_HASH, &i, sizeof(i)), i);
	for (size_t i = 0; i < 1000; i++) {
		uint64_t at = index_hash(INDEX_HASH, &i, sizeof(i));
		size_t found = index_next(&ix, &at);

		while (found != i && found != INDEX_NONE)
			found = index_next(&ix, &at);
		ck_assert_uint_eq(found, i);
	}
	index_done(&ix);
	ck_assert_int_eq(index_init(&ix, 0), 0);
	ck_assert_uint_eq(index_next(&ix, &(uint64_t){7}), INDEX_NONE);
	index_done(&ix);
}
END_TEST

START_TEST(elements_of_one_hash_come_in_the_order_of_adding_over_the_end)
{
	struct index ix;
	uint64_t at = UINT64_MAX;

	ck_assert_int_eq(index_init(&ix, 4), 0);
	index_add(&ix, at, 3);
	index_add(&ix, at, 1);
	ck_assert_uint_eq(index_next(&ix, &at), 3);
	ck_assert_uint_eq(index_next(&ix, &at), 1);
	ck_assert_uint_eq(index_next(&ix, &at), INDEX_NONE);
	index_done(&ix);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("writer");
	TCase *t = tcase_create("writer");
	SRunner *runner;
	int failed;

	tcase_add_test(t, values_have_keys_and_commas_where_json_has_them);
	tcase_add_test(t, a_long_text_is_whole);
	tcase_add_test(t, an_index_finds_what_was_added_and_nothing_else);
	tcase_add_test(t, elements_of_one_hash_come_in_the_order_of_adding_over_the_end);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
