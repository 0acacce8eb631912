/* Replies of agents, as HAProxy's manual and agents in the field have them, and what is none. */
#include "core/agent_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct agent_reply reply;

static enum agent_reject parse(const char *text)
{
	memset(&reply, 0xff, sizeof(reply));
	return agent_text_parse(text, strlen(text), false, &reply);
}

START_TEST(words_say_health_wish_and_weight)
{
	static const struct {
		const char *text;
		enum agent_health health;
		enum agent_wish wish;
		int weight; /* -1: not said */
	} rows[] = {
		{"up\n", AGENT_UP, AGENT_WISH_SAME, -1},
		{"75%\n", AGENT_HEALTH_SAME, AGENT_WISH_SAME, 75},
		{"up 75%\r\n", AGENT_UP, AGENT_WISH_SAME, 75},
		{"up,ready,100%", AGENT_UP, AGENT_READY, 100},
		{"  drain\t\n", AGENT_HEALTH_SAME, AGENT_DRAIN, -1},
		{"maint\n", AGENT_HEALTH_SAME, AGENT_MAINT, -1},
		{"down\n", AGENT_DOWN, AGENT_WISH_SAME, -1},
		{"stopped\n", AGENT_DOWN, AGENT_WISH_SAME, -1},
		{"failed\n", AGENT_DOWN, AGENT_WISH_SAME, -1},
		{"fail\n", AGENT_DOWN, AGENT_WISH_SAME, -1},
		{"ready up 0% maxconn:30\n", AGENT_UP, AGENT_READY, 0},
		{"down up\n", AGENT_UP, AGENT_WISH_SAME, -1},
		{"5000000000%\n", AGENT_HEALTH_SAME, AGENT_WISH_SAME, AGENT_WEIGHT_MAX},
		{"up\ndown\n", AGENT_UP, AGENT_WISH_SAME, -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(parse(rows[i].text) == AGENT_OK, "%s", rows[i].text);
		ck_assert_msg(reply.health == rows[i].health && reply.wish == rows[i].wish &&
				      reply.has_weight == (rows[i].weight >= 0) &&
				      (rows[i].weight < 0 ||
					      reply.weight_percent == (unsigned)rows[i].weight),
			"%s", rows[i].text);
		ck_assert_str_eq(reply.reason, "");
	}
}
END_TEST

START_TEST(a_reason_follows_a_hash)
{
	ck_assert_int_eq(parse("down#disk full, /var 100%\n"), AGENT_OK);
	ck_assert_int_eq(reply.health, AGENT_DOWN);
	ck_assert_str_eq(reply.reason, "disk full, /var 100%");
	ck_assert_int_eq(parse("drain # a\tb\x1b[31m\xc3\xa9"), AGENT_OK);
	ck_assert_str_eq(reply.reason, "a?b?[31m??");
	ck_assert_int_eq(parse("up #0123456789012345678901234567890123456789"
			       "01234567890123456789012345678901234567890123456789\n"),
		AGENT_OK);
	ck_assert_uint_eq(strlen(reply.reason), AGENT_REASON_MAX - 1);
}
END_TEST

START_TEST(what_no_agent_says_is_refused_by_name)
{
	char line[AGENT_TEXT_MAX + 2];

	ck_assert_int_eq(parse(""), AGENT_REJECT_EMPTY);
	ck_assert_int_eq(parse("\n"), AGENT_REJECT_EMPTY);
	ck_assert_int_eq(parse(" , \n"), AGENT_REJECT_EMPTY);
	ck_assert_int_eq(parse("# nothing said\n"), AGENT_REJECT_EMPTY);
	ck_assert_int_eq(parse("SSH-2.0-OpenSSH_9.2\r\n"), AGENT_REJECT_WORD);
	ck_assert_int_eq(parse("220 mail ESMTP\r\n"), AGENT_REJECT_WORD);
	ck_assert_int_eq(parse("up!\n"), AGENT_REJECT_WORD);
	ck_assert_int_eq(parse("UP\n"), AGENT_REJECT_WORD);
	ck_assert_int_eq(parse("maxconn:\n"), AGENT_REJECT_WORD);
	ck_assert_int_eq(parse("%\n"), AGENT_REJECT_WEIGHT);
	ck_assert_int_eq(parse("-5%\n"), AGENT_REJECT_WEIGHT);
	ck_assert_int_eq(parse("7.5%\n"), AGENT_REJECT_WEIGHT);
	memset(line, ' ', sizeof(line));
	memcpy(line, "up", 2);
	ck_assert_int_eq(agent_text_parse(line, sizeof(line), false, &reply), AGENT_REJECT_LONG);
	line[AGENT_TEXT_MAX - 1] = '\n';
	ck_assert_int_eq(agent_text_parse(line, sizeof(line), false, &reply), AGENT_OK);
	for (enum agent_reject r = AGENT_OK; r < AGENT_REJECT_MAX_; r++)
		ck_assert_uint_gt(strlen(agent_reject_text(r)), 0);
}
END_TEST

START_TEST(a_number_alone_is_a_weight_where_that_is_meant)
{
	ck_assert_int_eq(parse("50\n"), AGENT_REJECT_WORD);
	ck_assert_int_eq(agent_text_parse("50\n", 3, true, &reply), AGENT_OK);
	ck_assert(reply.has_weight);
	ck_assert_uint_eq(reply.weight_percent, 50);
}
END_TEST

START_TEST(a_line_is_waited_for_until_its_end)
{
	char line[AGENT_TEXT_MAX];

	ck_assert(!agent_text_is_complete("", 0));
	ck_assert(!agent_text_is_complete("up", 2));
	ck_assert(agent_text_is_complete("up\n", 3));
	ck_assert(agent_text_is_complete("up\r", 3));
	memset(line, 'x', sizeof(line));
	ck_assert(agent_text_is_complete(line, sizeof(line)));
	ck_assert(!agent_text_is_complete(line, sizeof(line) - 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent_text");
	TCase *tc = tcase_create("agent_text");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_test(tc, words_say_health_wish_and_weight);
	tcase_add_test(tc, a_reason_follows_a_hash);
	tcase_add_test(tc, what_no_agent_says_is_refused_by_name);
	tcase_add_test(tc, a_number_alone_is_a_weight_where_that_is_meant);
	tcase_add_test(tc, a_line_is_waited_for_until_its_end);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
