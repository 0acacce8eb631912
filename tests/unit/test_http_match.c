/* Bodies against their rules, in pieces of every size. */
#include "checker/http_match.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char reason[96];

static int parse(const char *settings, struct body_rule *rule)
{
	json_t *json = json_loads(settings, 0, NULL);
	int r;

	ck_assert_ptr_nonnull(json);
	*rule = (struct body_rule){0};
	r = body_rule_parse(json, rule);
	json_decref(json);
	return r;
}

/* The reason, or "" when the body is as it must be. */
static const char *judge_bytes(const char *settings, const char *body, size_t len, size_t step)
{
	struct body_rule rule;
	struct body_match m;

	ck_assert_int_eq(parse(settings, &rule), 0);
	body_match_init(&m);
	reason[0] = '\0';
	for (size_t at = 0; at < len; at += step)
		if (!body_match_add(&m, &rule, body + at, len - at < step ? len - at : step))
			break;
	ck_assert_int_eq(body_match_judge(&m, &rule, reason, sizeof(reason)), reason[0] == '\0');
	body_match_done(&m);
	body_rule_done(&rule);
	return reason;
}

static const char *judge(const char *settings, const char *body, size_t step)
{
	return judge_bytes(settings, body, strlen(body), step);
}

static const struct {
	const char *settings, *body, *reason;
} cases[] = {
	{"{}", "anything", ""},
	{"{}", "", ""},
	{"{\"body_contains\": \"ok\"}", "all is ok here", ""},
	{"{\"body_contains\": \"ok\"}", "ok", ""},
	{"{\"body_contains\": \"ok\"}", "", "body: \"ok\" not found in 0 bytes"},
	{"{\"body_contains\": \"ok\"}", "oo kk", "body: \"ok\" not found in 5 bytes"},
	{"{\"body_contains\": \"aabaaab\"}", "aabaabaaabx", ""},
	{"{\"body_contains\": \"ababc\"}", "abababc", ""},
	{"{\"body_contains\": \"ababc\"}", "ababab", "body: \"ababc\" not found in 6 bytes"},
	{"{\"body_contains\": \"ok\", \"body_max\": 4}", "123ok",
		"body: \"ok\" not found in the first 4 bytes"},
	{"{\"body_contains\": \"ok\", \"body_max\": 5}", "123ok", ""},
	{"{\"body_contains\": \"a\\tb\"}", "x", "body: \"a?b\" not found in 1 bytes"},
	{"{\"body_matches\": \"^a.*z$\"}", "abcz", ""},
	{"{\"body_matches\": \"^a.*z$\"}", "abcy", "body: /^a.*z$/ does not match in 4 bytes"},
	{"{\"body_matches\": \"c\", \"body_max\": 2}", "abc",
		"body: /c/ does not match in the first 2 bytes"},
	{"{\"body_matches\": \"^$\"}", "", ""},
	{"{\"body_sha256\": \"" ABC_SHA256 "\"}", "abc", ""},
	{"{\"body_sha256\": \"" ABC_SHA256 "\"}", "abd",
		"body: SHA-256 of 3 bytes is a52d159f..., wanted ba7816bf..."},
	{"{\"body_sha256\": \"" ABC_SHA256 "\", \"body_max\": 3}", "abc", ""},
	{"{\"body_sha256\": \"" ABC_SHA256 "\", \"body_max\": 3}", "abcd",
		"body: longer than 3 bytes"},
	{"{\"body_contains\": \"b\", \"body_matches\": \"^a\", \"body_sha256\": \"" ABC_SHA256
	 "\"}",
		"abc", ""},
	{"{\"body_contains\": \"b\", \"body_matches\": \"^b\"}", "abc",
		"body: /^b/ does not match in 3 bytes"},
};

START_TEST(a_body_is_judged_whatever_pieces_it_comes_in)
{
	for (size_t step = 1; step < 16; step++)
		ck_assert_str_eq(judge(cases[_i].settings, cases[_i].body, step), cases[_i].reason);
}
END_TEST

START_TEST(what_is_kept_is_bounded)
{
	struct body_rule rule;
	struct body_match m;
	char *bytes = calloc(1, BODY_MAX_DEFAULT);

	ck_assert_int_eq(parse("{\"body_matches\": \"x\"}", &rule), 0);
	body_match_init(&m);
	ck_assert(body_match_add(&m, &rule, bytes, 10000));
	ck_assert(body_match_add(&m, &rule, bytes, BODY_MAX_DEFAULT - 10000));
	ck_assert_uint_eq(m.room, BODY_MAX_DEFAULT);
	ck_assert(!body_match_add(&m, &rule, bytes, 1));
	ck_assert(!body_match_add(&m, &rule, bytes, BODY_MAX_DEFAULT));
	ck_assert_uint_eq(m.len, BODY_MAX_DEFAULT);
	ck_assert_uint_eq(m.room, BODY_MAX_DEFAULT);
	body_match_done(&m);
	body_rule_done(&rule);
	free(bytes);
}
END_TEST

START_TEST(without_an_expression_nothing_is_kept)
{
	struct body_rule rule;
	struct body_match m;

	ck_assert_int_eq(
		parse("{\"body_contains\": \"x\", \"body_sha256\": \"" ABC_SHA256 "\"}", &rule), 0);
	body_match_init(&m);
	ck_assert(body_match_add(&m, &rule, "abc", 3));
	ck_assert_ptr_null(m.kept);
	body_rule_done(&rule);
}
END_TEST

START_TEST(an_expression_that_never_ends_is_told)
{
	char body[30001];

	memset(body, 'a', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	ck_assert_str_eq(judge("{\"body_matches\": \"(a|aa)+[bc]\"}", body, 4096),
		"body: /(a|aa)+[bc]/ takes too many steps in 30000 bytes");
}
END_TEST

START_TEST(settings_that_make_no_sense_are_refused)
{
	static const char *const bad[] = {"{\"body_max\": 0}", "{\"body_max\": 1048577}",
		"{\"body_max\": \"1\"}", "{\"body_contains\": \"\"}", "{\"body_matches\": \"(\"}",
		"{\"body_sha256\": \"ba78\"}",
		("{\"body_sha256\": \"ga7816bf8f01cfea414140de5dae2223"
		 "b00361a396177a9cb410ff61f20015ad\"}")};
	struct body_rule rule;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(parse(bad[i], &rule), -EINVAL);
		body_rule_done(&rule);
	}
}
END_TEST

/* The search, held against memmem() on bodies of two letters. */
START_TEST(a_text_is_found_where_it_is)
{
	char settings[64], text[8], body[24];
	unsigned seed = 1;

	for (unsigned i = 0; i < 20000; i++) {
		size_t text_len = 1 + (unsigned)rand_r(&seed) % 6;
		bool is;

		for (size_t k = 0; k < text_len; k++)
			text[k] = "ab"[rand_r(&seed) & 1];
		text[text_len] = '\0';
		for (size_t k = 0; k < sizeof(body); k++)
			body[k] = "ab"[rand_r(&seed) & 1];
		(void)snprintf(settings, sizeof(settings), "{\"body_contains\": \"%s\"}", text);
		is = *judge_bytes(settings, body, sizeof(body), 1 + i % 7) == '\0';
		ck_assert_int_eq(is, memmem(body, sizeof(body), text, text_len) != NULL);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_match");
	TCase *tc = tcase_create("http_match");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, a_body_is_judged_whatever_pieces_it_comes_in, 0,
		sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, what_is_kept_is_bounded);
	tcase_add_test(tc, without_an_expression_nothing_is_kept);
	tcase_add_test(tc, an_expression_that_never_ends_is_told);
	tcase_add_test(tc, settings_that_make_no_sense_are_refused);
	tcase_add_test(tc, a_text_is_found_where_it_is);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
