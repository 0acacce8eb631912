/* SMTP replies in whatever pieces they come, and what is none. */
#include "core/smtp_reply.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static enum smtp_status feed(struct smtp_reply *r, const char *text, size_t *used)
{
	return smtp_reply_feed(r, (const uint8_t *)text, strlen(text), used);
}

static enum smtp_status read_all(const char *text, struct smtp_reply *ret)
{
	size_t used;

	*ret = (struct smtp_reply){0};
	return feed(ret, text, &used);
}

START_TEST(a_line_is_a_reply)
{
	struct smtp_reply r = {0};
	size_t used;

	ck_assert_int_eq(feed(&r, "220 mx.example.net ESMTP\r\n250 next", &used), SMTP_COMPLETE);
	ck_assert_uint_eq(used, strlen("220 mx.example.net ESMTP\r\n"));
	ck_assert_uint_eq(r.code, 220);
	ck_assert_str_eq(r.text, "mx.example.net ESMTP");
}
END_TEST

START_TEST(it_may_come_byte_by_byte)
{
	const char *text = "250-mx\r\n250-SIZE 1\r\n250 HELP\r\n";
	struct smtp_reply r = {0};
	size_t used;

	for (size_t i = 0; text[i]; i++) {
		enum smtp_status status = smtp_reply_feed(&r, (const uint8_t *)text + i, 1, &used);

		ck_assert_int_eq(status, text[i + 1] ? SMTP_MORE : SMTP_COMPLETE);
		ck_assert_uint_eq(used, 1);
	}
	ck_assert_uint_eq(r.code, 250);
	ck_assert_uint_eq(r.n_lines, 3);
	ck_assert_str_eq(r.text, "mx");
}
END_TEST

START_TEST(a_code_alone_and_a_bare_lf_will_do)
{
	struct smtp_reply r;

	ck_assert_int_eq(read_all("221\n", &r), SMTP_COMPLETE);
	ck_assert_uint_eq(r.code, 221);
	ck_assert_str_eq(r.text, "");
}
END_TEST

START_TEST(what_is_no_reply_is_refused)
{
	static const char *const bad[] = {"SSH-2.0-OpenSSH_9.2\r\n", "\r\n", "22\r\n", "22x a\r\n",
		"2200 a\r\n", "199 a\r\n", "600 a\r\n", "220_a\r\n", "220-a\r\n\r\n"};
	struct smtp_reply r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(read_all(bad[i], &r), SMTP_FORM);
	ck_assert_int_eq(read_all("250-a\r\n251 b\r\n", &r), SMTP_MIXED);
}
END_TEST

START_TEST(a_line_has_a_limit)
{
	char text[SMTP_LINE_MAX + 1];
	struct smtp_reply r;

	memset(text, 'a', sizeof(text));
	memcpy(text, "220 ", 4);
	text[SMTP_LINE_MAX - 1] = '\n';
	text[SMTP_LINE_MAX] = '\0';
	ck_assert_int_eq(read_all(text, &r), SMTP_COMPLETE);
	ck_assert_uint_eq(strlen(r.text), SMTP_TEXT_MAX - 1);
	text[SMTP_LINE_MAX - 1] = 'a';
	ck_assert_int_eq(read_all(text, &r), SMTP_LONG);
}
END_TEST

START_TEST(a_reply_has_a_limit)
{
	struct smtp_reply r = {0};
	size_t used;

	for (unsigned i = 1; i < SMTP_LINES_MAX; i++)
		ck_assert_int_eq(feed(&r, "250-x\r\n", &used), SMTP_MORE);
	ck_assert_int_eq(feed(&r, "250-x\r\n", &used), SMTP_MANY);
}
END_TEST

START_TEST(text_is_printable)
{
	struct smtp_reply r;

	ck_assert_int_eq(read_all("554 no\x1b[2J\xff\r\n", &r), SMTP_COMPLETE);
	ck_assert_str_eq(r.text, "no?[2J?");
}
END_TEST

START_TEST(each_status_has_a_text)
{
	for (enum smtp_status s = 0; s < SMTP_STATUS_MAX_; s++)
		ck_assert(smtp_status_text(s)[0] != '\0');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("smtp_reply");
	TCase *c = tcase_create("replies");
	SRunner *runner;
	int failed;

	tcase_add_test(c, a_line_is_a_reply);
	tcase_add_test(c, it_may_come_byte_by_byte);
	tcase_add_test(c, a_code_alone_and_a_bare_lf_will_do);
	tcase_add_test(c, what_is_no_reply_is_refused);
	tcase_add_test(c, a_line_has_a_limit);
	tcase_add_test(c, a_reply_has_a_limit);
	tcase_add_test(c, text_is_printable);
	tcase_add_test(c, each_status_has_a_text);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
