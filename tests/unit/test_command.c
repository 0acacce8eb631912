/* The command line of one command of tandemctl. */
#include "ctl/command.h"

#include <check.h>
#include <stdlib.h>

static struct ctl ctl;
static const char *deadline;
static bool wait_given;
static const struct ctl_option options[] = {
	{"deadline", &deadline, NULL},
	{"wait", NULL, &wait_given},
};

static void set_up(void)
{
	ctl = (struct ctl){.runtime_dir = "/run/tandem"};
	deadline = NULL;
	wait_given = false;
}

#define WORDS(...)                                                                                 \
	(const char *[])                                                                           \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

/* Copies the words: getopt wants to sort them. */
static char **parse(const char **words, int min, int max)
{
	static char *argv[16];
	int argc = 0;

	while (words[argc]) {
		argv[argc] = (char *)(uintptr_t)words[argc];
		argc++;
	}
	argv[argc] = NULL;
	return ctl_arguments(&ctl, argc, argv, options, 2, min, max);
}

START_TEST(options_stand_before_or_after_the_arguments)
{
	char **left = parse(WORDS("drain", "--wait", "web/rs1", "--deadline", "10m"), 1, 1);

	ck_assert_ptr_nonnull(left);
	ck_assert_str_eq(left[0], "web/rs1");
	ck_assert_ptr_null(left[1]);
	ck_assert_str_eq(deadline, "10m");
	ck_assert(wait_given);
	ck_assert(!ctl.json);
}
END_TEST

START_TEST(every_command_takes_the_shared_options)
{
	ck_assert_ptr_nonnull(parse(WORDS("drain", "--json", "--runtime-dir", "/tmp/x"), 0, 1));
	ck_assert(ctl.json);
	ck_assert_str_eq(ctl.runtime_dir, "/tmp/x");
	ck_assert_ptr_null(deadline);
	ck_assert(!wait_given);
}
END_TEST

START_TEST(too_few_and_too_many_arguments_are_refused)
{
	ck_assert_ptr_null(parse(WORDS("drain"), 1, 1));
	ck_assert_ptr_null(parse(WORDS("drain", "a", "b"), 1, 1));
	ck_assert_ptr_nonnull(parse(WORDS("drain", "a", "b"), 1, 2));
}
END_TEST

START_TEST(an_unknown_option_or_one_without_its_argument_is_refused)
{
	ck_assert_ptr_null(parse(WORDS("drain", "--soon", "a"), 1, 1));
	ck_assert_ptr_null(parse(WORDS("drain", "a", "--deadline"), 1, 1));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("command");
	TCase *tc = tcase_create("command");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, options_stand_before_or_after_the_arguments);
	tcase_add_test(tc, every_command_takes_the_shared_options);
	tcase_add_test(tc, too_few_and_too_many_arguments_are_refused);
	tcase_add_test(tc, an_unknown_option_or_one_without_its_argument_is_refused);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
