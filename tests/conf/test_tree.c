/* The fast parser against jansson: what it accepts is the same, what it refuses jansson refuses, or
 * finds a key twice in, or it is nested deeply. */
#include "conf/tree.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static json_t *parse(const char *text)
{
	return tree_parse(text, strlen(text));
}

static void assert_same(const char *text)
{
	json_auto_t *ours = parse(text);
	json_auto_t *theirs = json_loads(text, JSON_DECODE_ANY, NULL);

	ck_assert_msg(ours && json_equal(ours, theirs), "%s", text);
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

START_TEST(the_members_stay_in_the_order_of_the_text)
{
	json_auto_t *ours = parse("{\"z\":1,\"a\":2,\"m\":{\"y\":0,\"b\":0}}");
	char *text = json_dumps(ours, JSON_COMPACT);

	ck_assert_str_eq(text, "{\"z\":1,\"a\":2,\"m\":{\"y\":0,\"b\":0}}");
	free(text);
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
			json_auto_t *ours = parse(changed);
			json_auto_t *theirs =
				json_loads(changed, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
			ck_assert_msg(!ours == !theirs, "%s", changed);
			ck_assert_msg(!ours || json_equal(ours, theirs), "%s", changed);
		}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tree");
	TCase *t = tcase_create("tree");
	SRunner *runner;
	int failed;

	tcase_add_test(t, plain_and_unusual_tokens_are_what_jansson_says);
	tcase_add_test(t, the_members_stay_in_the_order_of_the_text);
	tcase_add_test(t, what_is_no_json_is_refused);
	tcase_add_test(t, a_key_that_comes_twice_is_refused);
	tcase_add_test(t, deep_nesting_is_refused_and_no_stack_used_up);
	tcase_add_test(t, broken_texts_have_the_answer_that_jansson_has);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
