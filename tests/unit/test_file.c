/* Files that are replaced whole, with the permissions that they should have. */
#include "io/file.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[128], aside[160];

static void set_up(void)
{
	strcpy(dir, "/tmp/tandem-file-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/a", dir);
	(void)snprintf(aside, sizeof(aside), "%s.new", path);
}

static void tear_down(void)
{
	(void)unlink(path);
	(void)rmdir(aside);
	ck_assert_int_eq(rmdir(dir), 0); /* nothing else was left */
}

static void check_text(const char *text)
{
	char *found = file_read(path, SIZE_MAX);

	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found, text);
	free(found);
}

START_TEST(a_text_takes_the_place_of_the_file_with_a_newline)
{
	ck_assert_int_eq(file_replace(path, "one"), 0);
	check_text("one\n");
	ck_assert_int_eq(file_replace(path, "two"), 0);
	check_text("two\n");
}
END_TEST

START_TEST(what_cannot_be_written_leaves_the_file_as_it_was)
{
	ck_assert_int_eq(file_replace(path, "one"), 0);
	ck_assert_int_eq(mkdir(aside, 0755), 0);
	ck_assert_int_eq(file_replace(path, "two"), -EISDIR);
	check_text("one\n");
}
END_TEST

/* Another inode: whoever had the old one open has all of it. */
START_TEST(it_is_another_file_that_takes_the_place)
{
	struct stat before, after;

	ck_assert_int_eq(file_replace(path, "one"), 0);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(file_replace(path, "two"), 0);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert(before.st_ino != after.st_ino);
}
END_TEST

START_TEST(a_file_like_another_has_its_permissions_and_group_and_the_text_as_it_is)
{
	struct stat like = {.st_mode = S_IFREG | 0640, .st_uid = getuid(), .st_gid = getgid()}, st;

	if (getuid() == 0)
		like.st_gid = 4242;
	ck_assert_int_eq(file_replace_like(path, "one", &like), 0);
	check_text("one");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
	ck_assert_uint_eq(st.st_gid, like.st_gid);
}
END_TEST

/* What is in the way is not tandem's: its permissions must not be those of the new file. */
START_TEST(what_a_crash_left_aside_does_not_give_its_permissions)
{
	struct stat like = {.st_mode = S_IFREG | 0600, .st_uid = getuid(), .st_gid = getgid()}, st;
	FILE *f = fopen(aside, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(aside, 0666), 0);
	ck_assert_int_eq(file_replace_like(path, "one", &like), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_value_is_written_as_jansson_has_it)
{
	json_t *value = json_pack("{s:i}", "a", 1);

	ck_assert_int_eq(file_replace_json(path, value, JSON_COMPACT), 0);
	check_text("{\"a\":1}\n");
	json_decref(value);
	ck_assert_int_eq(file_replace_json(path, NULL, JSON_COMPACT), -ENOMEM);
}
END_TEST

START_TEST(what_is_read_is_whole_text_of_no_more_than_asked_for)
{
	ck_assert_int_eq(file_replace(path, "text"), 0);
	ck_assert_ptr_null(file_read(path, 4));
	ck_assert_int_eq(errno, EFBIG);
	ck_assert_ptr_null(file_read(dir, SIZE_MAX));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_ptr_null(file_read(path, SIZE_MAX));
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("file");
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_text_takes_the_place_of_the_file_with_a_newline);
	tcase_add_test(tc, what_cannot_be_written_leaves_the_file_as_it_was);
	tcase_add_test(tc, it_is_another_file_that_takes_the_place);
	tcase_add_test(tc, a_file_like_another_has_its_permissions_and_group_and_the_text_as_it_is);
	tcase_add_test(tc, what_a_crash_left_aside_does_not_give_its_permissions);
	tcase_add_test(tc, a_value_is_written_as_jansson_has_it);
	tcase_add_test(tc, what_is_read_is_whole_text_of_no_more_than_asked_for);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
