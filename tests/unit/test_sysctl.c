/* sysctl: settings in a directory that stands for /proc/sys. */
#include "io/sysctl.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64], record[96];

static void make_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void make_setting(const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	make_file(path, text);
}

static void setup(void)
{
	char path[128];

	strcpy(root, "/tmp/tandem-test-sysctl.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	(void)snprintf(path, sizeof(path), "%s/vs", root);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	(void)snprintf(record, sizeof(record), "%s/record.json", root);
	make_setting("vs/conntrack", "0\n");
	make_setting("vs/sync_threshold", "3\t50\n");
}

static void teardown(void)
{
	static const char *const names[] = {
		"vs/conntrack", "vs/sync_threshold", "record.json", "vs"};
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", root, names[i]);
		(void)remove(path);
	}
	ck_assert_int_eq(rmdir(root), 0); /* nothing else was left behind */
}

static const char *setting(const char *name)
{
	static char text[64];

	ck_assert_int_eq(sysctl_read_at(root, name, text, sizeof(text)), 0);
	return text;
}

START_TEST(a_value_is_one_line)
{
	char small[4];

	ck_assert_str_eq(setting("vs/sync_threshold"), "3\t50");
	ck_assert_int_eq(
		sysctl_read_at(root, "vs/sync_threshold", small, sizeof(small)), -ENAMETOOLONG);
	ck_assert_int_eq(sysctl_read_at(root, "vs/none", small, sizeof(small)), -ENOENT);
	ck_assert_int_eq(sysctl_write_at(root, "vs/conntrack", "1"), 0);
	ck_assert_str_eq(setting("vs/conntrack"), "1");
}
END_TEST

START_TEST(a_name_cannot_leave_the_tree)
{
	static const char *const names[] = {"", "/etc/passwd", "../etc/passwd", "vs/../../etc"};
	char text[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(sysctl_read_at(root, names[i], text, sizeof(text)), -EINVAL);
}
END_TEST

START_TEST(what_is_right_is_not_written_and_not_recorded)
{
	static const char *const same[] = {"3 50", "3\t50", " 3   50 "};
	static const char *const other[] = {"3 5", "3", "3 50 1", "350"};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		ck_assert_int_eq(
			sysctl_set_recorded_at(root, record, "vs/sync_threshold", same[i]), 0);
	ck_assert_int_ne(access(record, F_OK), 0);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		ck_assert_int_eq(
			sysctl_set_recorded_at(root, record, "vs/sync_threshold", other[i]), 1);
}
END_TEST

START_TEST(what_it_was_before_the_first_change_comes_back)
{
	ck_assert_int_eq(sysctl_set_recorded_at(root, record, "vs/sync_threshold", "0 0"), 1);
	ck_assert_int_eq(sysctl_set_recorded_at(root, record, "vs/conntrack", "1"), 1);
	ck_assert_int_eq(sysctl_set_recorded_at(root, record, "vs/sync_threshold", "0 1"), 1);
	ck_assert_str_eq(setting("vs/sync_threshold"), "0 1");
	make_setting("vs/conntrack", "2\n"); /* by somebody else */
	ck_assert_int_eq(sysctl_restore_at(root, record), 0);
	ck_assert_str_eq(setting("vs/sync_threshold"), "3\t50");
	ck_assert_str_eq(setting("vs/conntrack"), "0");
	ck_assert_int_ne(access(record, F_OK), 0);
	ck_assert_int_eq(sysctl_restore_at(root, record), 0); /* nothing to do */
}
END_TEST

START_TEST(a_setting_that_is_gone_does_not_keep_the_record)
{
	make_file(record, "{\"vs/gone\": \"1\", \"vs/conntrack\": \"7\"}");
	ck_assert_int_eq(sysctl_restore_at(root, record), 0);
	ck_assert_str_eq(setting("vs/conntrack"), "7");
	ck_assert_int_ne(access(record, F_OK), 0);
}
END_TEST

START_TEST(a_failure_is_reported_the_rest_put_back_and_the_record_kept)
{
	make_file(record, "{\"../x\": \"1\", \"vs/conntrack\": \"7\"}");
	ck_assert_int_eq(sysctl_restore_at(root, record), -EINVAL);
	ck_assert_str_eq(setting("vs/conntrack"), "7");
	ck_assert_int_eq(access(record, F_OK), 0);
}
END_TEST

START_TEST(nothing_is_changed_when_the_old_value_cannot_be_recorded)
{
	ck_assert_int_eq(
		sysctl_set_recorded_at(root, "/nonexistent/record", "vs/conntrack", "1"), -ENOENT);
	ck_assert_str_eq(setting("vs/conntrack"), "0");
}
END_TEST

START_TEST(what_is_no_longer_needed_comes_back_and_the_rest_stays)
{
	static const char *const kept[] = {"vs/conntrack", "vs/other"};

	ck_assert_int_eq(sysctl_set_recorded_at(root, record, "vs/sync_threshold", "0 0"), 1);
	ck_assert_int_eq(sysctl_set_recorded_at(root, record, "vs/conntrack", "1"), 1);
	ck_assert_int_eq(sysctl_restore_others_at(root, record, kept, 2), 1);
	ck_assert_str_eq(setting("vs/sync_threshold"), "3\t50");
	ck_assert_str_eq(setting("vs/conntrack"), "1");
	make_setting("vs/sync_threshold", "0\t7\n"); /* nobody's business of ours any more */
	ck_assert_int_eq(sysctl_restore_others_at(root, record, kept, 2), 0);
	ck_assert_str_eq(setting("vs/sync_threshold"), "0\t7");
	ck_assert_int_eq(sysctl_restore_at(root, record), 0);
	ck_assert_str_eq(setting("vs/conntrack"), "0");
}
END_TEST

START_TEST(what_cannot_be_put_back_stays_in_the_record)
{
	make_file(record, "{\"../x\": \"1\", \"vs/conntrack\": \"7\", \"vs/gone\": \"1\"}");
	ck_assert_int_eq(sysctl_restore_others_at(root, record, NULL, 0), -EINVAL);
	ck_assert_str_eq(setting("vs/conntrack"), "7");
	make_setting("vs/conntrack", "0\n");
	ck_assert_int_eq(sysctl_restore_others_at(root, record, NULL, 0), -EINVAL);
	ck_assert_str_eq(setting("vs/conntrack"), "0"); /* it was struck out */
}
END_TEST

START_TEST(a_record_that_is_garbage_is_set_aside)
{
	char aside[PATH_MAX];

	(void)snprintf(aside, sizeof(aside), "%s.bad", record);
	make_file(record, "not JSON");
	ck_assert_int_eq(sysctl_set_recorded_at(root, record, "vs/conntrack", "1"), 1);
	ck_assert_int_eq(unlink(aside), 0);
	ck_assert_int_eq(sysctl_restore_at(root, record), 0);
	ck_assert_str_eq(setting("vs/conntrack"), "0");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysctl");
	TCase *tests = tcase_create("sysctl");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_value_is_one_line);
	tcase_add_test(tests, a_name_cannot_leave_the_tree);
	tcase_add_test(tests, what_is_right_is_not_written_and_not_recorded);
	tcase_add_test(tests, what_it_was_before_the_first_change_comes_back);
	tcase_add_test(tests, a_setting_that_is_gone_does_not_keep_the_record);
	tcase_add_test(tests, a_failure_is_reported_the_rest_put_back_and_the_record_kept);
	tcase_add_test(tests, nothing_is_changed_when_the_old_value_cannot_be_recorded);
	tcase_add_test(tests, what_is_no_longer_needed_comes_back_and_the_rest_stays);
	tcase_add_test(tests, what_cannot_be_put_back_stays_in_the_record);
	tcase_add_test(tests, a_record_that_is_garbage_is_set_aside);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
