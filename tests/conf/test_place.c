/* Places in a JSON text. */
#include "base/cleanup.h"
#include "conf/place.h"

#include <check.h>
#include <string.h>

static struct places scan(const char *text)
{
	struct places p;

	places_init(&p, text, strlen(text));
	places_scan(&p);
	return p;
}

static void assert_place(struct places *p, size_t offset, unsigned line, unsigned column)
{
	unsigned got_line, got_column;

	places_line_column(p, offset, &got_line, &got_column);
	ck_assert_uint_eq(got_line, line);
	ck_assert_uint_eq(got_column, column);
}

static const struct path root;

START_TEST(a_member_is_found_by_its_path)
{
	struct places p = scan("{\n  \"a\": { \"b\": [ 1, {}, \"x\" ] },\n  \"c\": null\n}\n");
	struct path a = {&root, "a", 0}, b = {&a, "b", 0}, third = {&b, NULL, 2};
	struct path c = {&root, "c", 0};

	assert_place(&p, places_find(&p, &root)->value, 1, 1);
	assert_place(&p, places_find(&p, &a)->key, 2, 3);
	assert_place(&p, places_find(&p, &a)->value, 2, 8);
	assert_place(&p, places_find(&p, &b)->key, 2, 10);
	assert_place(&p, places_find(&p, &third)->value, 2, 24);
	assert_place(&p, places_find(&p, &c)->value, 3, 8);
	places_done(&p);
}
END_TEST

START_TEST(what_is_missing_is_placed_at_what_would_have_it)
{
	struct places p = scan("{ \"a\": { \"b\": [ 1 ] } }");
	struct path a = {&root, "a", 0}, x = {&a, "x", 0}, y = {&x, "y", 0};

	ck_assert_ptr_eq(places_find(&p, &y), places_find(&p, &a));
	places_done(&p);
}
END_TEST

START_TEST(braces_and_quotes_within_a_string_are_text)
{
	struct places p = scan("{\"a\":\"}]\\\"{[,:\",\"b\":\"\\\\\",\"c\":1}");
	struct path c = {&root, "c", 0};

	ck_assert_uint_eq(p.n, 4);
	assert_place(&p, places_find(&p, &c)->key, 1, 26);
	places_done(&p);
}
END_TEST

START_TEST(keys_are_compared_decoded)
{
	struct places p = scan("{\"\\u0061\\n\\ud83d\\ude00\\u00e9\\u20ac\\/\": 1}");
	struct path key = {&root, "a\n\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac/", 0};
	auto_free char *pointer = place_pointer(&p, 1);

	ck_assert_ptr_eq(places_find(&p, &key), &p.items[1]);
	ck_assert_str_eq(pointer, "/a\\u000a\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac~1");
	places_done(&p);
}
END_TEST

START_TEST(a_column_counts_characters)
{
	struct places p = scan("{\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\": 1}");

	assert_place(&p, p.items[1].value, 1, 9);
	places_done(&p);
}
END_TEST

START_TEST(every_repetition_of_a_key_is_a_duplicate_of_the_first)
{
	struct places p = scan("{\"a\":1,\"b\":{\"a\":2,\"a\":3},\"a\":4,\"a\":5}");
	struct path a = {&root, "a", 0};
	auto_free char *inner = place_pointer(&p, p.duplicates[0].again);

	ck_assert_uint_eq(p.n_duplicates, 3);
	ck_assert_str_eq(inner, "/b/a");
	ck_assert_uint_eq(p.duplicates[1].first, p.duplicates[2].first);
	ck_assert_uint_lt(p.duplicates[1].again, p.duplicates[2].again);
	ck_assert_ptr_eq(places_find(&p, &a), &p.items[p.duplicates[2].again]);
	places_done(&p);
}
END_TEST

START_TEST(pointers_escape_what_rfc_6901_names)
{
	struct path a = {&root, "a/b~c", 0}, third = {&a, NULL, 3};
	auto_free char *none = path_pointer(&root), *some = path_pointer(&third);

	ck_assert_str_eq(none, "");
	ck_assert_str_eq(some, "/a~1b~0c/3");
}
END_TEST

START_TEST(elements_of_arrays_have_their_index_in_the_pointer)
{
	struct places p = scan("[[0],[1,[2],{\"a\":3}]]");
	auto_free char *last = place_pointer(&p, (uint32_t)p.n - 1);

	ck_assert_str_eq(last, "/1/2/a");
	places_done(&p);
}
END_TEST

START_TEST(the_token_before_a_place_is_found_in_a_broken_text)
{
	static const char text[] = "{ \"a\" 12345 \"open";

	ck_assert_uint_eq(place_token_before(text, strlen(text), 11), 6);
	ck_assert_uint_eq(place_token_before(text, strlen(text), strlen(text)), 12);
	ck_assert_uint_eq(place_token_before(text, 0, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("place");
	TCase *tcase = tcase_create("place");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, a_member_is_found_by_its_path);
	tcase_add_test(tcase, what_is_missing_is_placed_at_what_would_have_it);
	tcase_add_test(tcase, braces_and_quotes_within_a_string_are_text);
	tcase_add_test(tcase, keys_are_compared_decoded);
	tcase_add_test(tcase, a_column_counts_characters);
	tcase_add_test(tcase, every_repetition_of_a_key_is_a_duplicate_of_the_first);
	tcase_add_test(tcase, pointers_escape_what_rfc_6901_names);
	tcase_add_test(tcase, elements_of_arrays_have_their_index_in_the_pointer);
	tcase_add_test(tcase, the_token_before_a_place_is_found_in_a_broken_text);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
