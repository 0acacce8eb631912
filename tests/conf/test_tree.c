/* The fast parser against jansson: what it accepts is the same, what it refuses jansson refuses, or
 * finds a key twice in, or it is nested deeply. */
#include "conf/tree.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tree tree;

static void done(void)
{
	tree_done(&tree);
}

static struct value *parse(const char *text)
{
	return tree_parse(&tree, text, strlen(text));
}

static bool equal(const struct value *a, const struct value *b);

static bool equal_rows(const struct value *a, const struct value *b)
{
	for (; a && b; a = a->next, b = b->next)
		if (!a->key != !b->key || (a->key && strcmp(a->key, b->key) != 0) || !equal(a, b))
			return false;
	return !a && !b;
}

static bool equal(const struct value *a, const struct value *b)
{
	if (a->type != b->type || a->n != b->n)
		return false;
	switch (a->type) {
	case VALUE_OBJECT:
	case VALUE_ARRAY:
		return equal_rows(a->first, b->first);
	case VALUE_TEXT:
		return strcmp(a->text, b->text) == 0;
	case VALUE_INTEGER:
		return a->integer == b->integer;
	case VALUE_REAL:
		return !(a->real < b->real) && !(a->real > b->real);
	case VALUE_BOOLEAN:
		return a->truth == b->truth;
	case VALUE_NULL:
		return true;
	}
	return false;
}

/* In the order of the text, too, which jansson keeps. */
static void assert_same(const char *text)
{
	const struct value *ours = parse(text);
	json_auto_t *theirs = json_loads(text, JSON_DECODE_ANY, NULL);

	ck_assert_msg(ours && equal(ours, tree_of_json(&tree, theirs)), "%s", text);
}

START_TEST(plain_and_unusual_tokens_are_what_jansson_says)
{
	static const char *const texts[] = {"{}", "[]", " { \"a\" : [ 1 , 2,{ } ] }\r\n", "\"\"",
		"0", "-0", "-17", "123456789012345678", "1234567890123456789", "1.5", "1e3",
		"-1.5E-3", "true", "[false,null,true]", "\"\\u00e4\\ud83d\\ude00\\n\\\"\"",
		"\"\xc3\xa4\"", "{\"\xc3\xa4\":1,\"\\\"\":2,\"\":3}", "\"a\\\\\"", "\"\x7f\"",
		"[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_same(texts[i]);
}
END_TEST

START_TEST(members_are_asked_for_by_name)
{
	const struct value *v = parse("{\"z\":1,\"a\":\"x\",\"m\":{\"y\":0,\"b\":[7,true]}}");
	const struct value *row = value_get(value_get(v, "m"), "b");

	ck_assert_uint_eq(value_count(v), 3);
	ck_assert_str_eq(value_members(v)->key, "z");
	ck_assert_str_eq(value_text(value_get(v, "a")), "x");
	ck_assert_int_eq(value_integer(value_elements(row)), 7);
	ck_assert(value_next(value_elements(row))->truth);
	ck_assert_ptr_null(value_next(value_next(value_elements(row))));
	ck_assert_ptr_null(value_get(v, "none"));
	ck_assert_ptr_null(value_get(row, "z"));
	ck_assert_ptr_null(value_get(NULL, "z"));
	ck_assert_ptr_null(value_members(row));
	ck_assert_ptr_null(value_elements(v));
	ck_assert_ptr_null(value_text(row));
	ck_assert_int_eq(value_integer(value_get(v, "a")), 0);
}
END_TEST

START_TEST(one_value_is_a_list_of_one)
{
	const struct value *v = parse("{\"one\":5,\"many\":[5,6],\"none\":[]}"), *item;
	size_t n;

	item = value_list(value_get(v, "one"), &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(value_integer(item), 5);
	item = value_list(value_get(v, "many"), &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(value_integer(item->next), 6);
	(void)value_list(value_get(v, "none"), &n);
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(what_is_set_takes_the_place_of_what_was_there)
{
	struct value *v = parse("{\"a\":1,\"b\":2}");
	const struct value *list = parse("[{\"c\":3}]");
	struct value *copy;

	tree_set(&tree, v, "a", list);
	tree_set(&tree, v, "d", value_get(v, "b"));
	ck_assert(equal(v, parse("{\"a\":[{\"c\":3}],\"b\":2,\"d\":2}")));
	ck_assert_ptr_eq(value_elements(value_get(v, "a")), value_elements(list));
	copy = tree_copy(&tree, v);
	ck_assert(equal(v, copy));
	tree_set(&tree, value_elements(value_get(copy, "a")), "c", value_get(v, "b"));
	ck_assert_int_eq(value_integer(value_get(value_elements(list), "c")), 3);
}
END_TEST

START_TEST(what_is_no_json_is_refused)
{
	static const char *const texts[] = {"", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]",
		"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}",
		"{\"a\":1 \"b\":2}", "01", "-", "+1", "1.", ".5", "1e", "0x1", "1a",
		"99999999999999999999", "tru", "truex", "nul", "True", "\"", "\"a", "\"\\\"",
		"\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\xc3\"", "\"\xff\"", "\"\n\"",
		"\"\\u0000\"", "1 1", "{}}", "]", "}", ",", ":", "\xef\xbb\xbf{}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_msg(!json_loads(texts[i], JSON_DECODE_ANY, NULL), "%s", texts[i]);
		ck_assert_msg(!parse(texts[i]), "%s", texts[i]);
	}
}
END_TEST

START_TEST(a_key_that_comes_twice_is_refused)
{
	ck_assert_ptr_null(parse("{\"a\":1,\"b\":2,\"a\":1}"));
	ck_assert_ptr_null(parse("[{\"a\":{\"b\":1,\"\\u0062\":1}}]"));
}
END_TEST

/* Of `n` members, the last of which has the name of member `twice`. */
static void write_object(char *text, int n, int twice)
{
	text += sprintf(text, "{");
	for (int i = 0; i < n; i++)
		text += sprintf(text, "\"member%d\":%d,", i, i);
	(void)sprintf(text, "\"member%d\":0}", twice);
}

START_TEST(among_many_keys_one_that_comes_twice_is_found)
{
	static const int sizes[] = {15, 16, 17, 1000, 20000};
	char *text = malloc(1 << 20);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int n = sizes[i];

		write_object(text, n, n);
		assert_same(text);
		ck_assert_uint_eq(value_count(parse(text)), (size_t)n + 1);
		for (int twice = 0; twice < n; twice += n / 5) {
			write_object(text, n, twice);
			ck_assert_ptr_null(parse(text));
		}
	}
	free(text);
}
END_TEST

/* Longer than a piece of the tree's memory, and keys that differ in their middle. */
START_TEST(long_texts_and_like_keys_are_kept)
{
	size_t len = (size_t)9 << 20;
	char *text = malloc(len + 3);
	const struct value *v = parse("{\"axb\":1,\"ayb\":2,\"azb\":{\"axb\":3,\"axbb\":4}}");

	memset(text, 'x', len + 2);
	text[0] = text[len + 1] = '"';
	text[len + 2] = '\0';
	ck_assert_uint_eq(strlen(value_text(parse(text))), len);
	ck_assert_int_eq(value_integer(value_get(v, "ayb")), 2);
	ck_assert_int_eq(value_integer(value_get(value_get(v, "azb"), "axb")), 3);
	ck_assert_int_eq(value_integer(value_get(value_get(v, "azb"), "axbb")), 4);
	free(text);
}
END_TEST

START_TEST(deep_nesting_is_refused_and_no_stack_used_up)
{
	char *text = malloc(1000001);

	memset(text, '[', 1000000);
	text[1000000] = '\0';
	ck_assert_ptr_null(parse(text));
	memset(text + TREE_DEPTH_MAX, ']', TREE_DEPTH_MAX);
	text[2 * TREE_DEPTH_MAX] = '\0';
	assert_same(text);
	free(text);
}
END_TEST

/* Each text cut off and changed at each place. */
START_TEST(broken_texts_have_the_answer_that_jansson_has)
{
	static const char text[] = "{\"a\":[1,-2.5,\"x\\n\",true],\"bc\":{\"d\":null}}";
	static const char bytes[] = "{}[],:\"\\0 t-e.\x80";
	char changed[sizeof(text)];

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		for (size_t j = 0; j < sizeof(bytes) - 1; j++) {
			memcpy(changed, text, sizeof(text));
			changed[i] = bytes[j];
			const struct value *ours = parse(changed);
			json_auto_t *theirs =
				json_loads(changed, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
			ck_assert_msg(!ours == !theirs, "%s", changed);
			ck_assert_msg(
				!ours || equal(ours, tree_of_json(&tree, theirs)), "%s", changed);
		}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tree");
	TCase *t = tcase_create("tree");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, NULL, done);
	tcase_add_test(t, plain_and_unusual_tokens_are_what_jansson_says);
	tcase_add_test(t, members_are_asked_for_by_name);
	tcase_add_test(t, one_value_is_a_list_of_one);
	tcase_add_test(t, what_is_set_takes_the_place_of_what_was_there);
	tcase_add_test(t, what_is_no_json_is_refused);
	tcase_add_test(t, a_key_that_comes_twice_is_refused);
	tcase_add_test(t, among_many_keys_one_that_comes_twice_is_found);
	tcase_add_test(t, long_texts_and_like_keys_are_kept);
	tcase_add_test(t, deep_nesting_is_refused_and_no_stack_used_up);
	tcase_add_test(t, broken_texts_have_the_answer_that_jansson_has);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
