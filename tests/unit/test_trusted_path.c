/* Whom a path trusts. In a directory of our own; what is above it is taken as it is. */
#include "io/trusted_path.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRANGER 65534

static char top[64];

static char *path_of(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static void make_program(const char *name, mode_t mode)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(close(fd), 0);
}

static void make_link(const char *name, const char *target)
{
	ck_assert_int_eq(symlink(target, path_of(name)), 0);
}

static void make_dir(const char *name, mode_t mode)
{
	ck_assert_int_eq(mkdir(path_of(name), 0700), 0);
	ck_assert_int_eq(chmod(path_of(name), mode), 0);
}

static void set_up(void)
{
	(void)snprintf(top, sizeof(top), "/tmp/test_trusted_path.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	make_dir("safe", 0755);
	make_program("safe/run", 0755);
	make_program("safe/text", 0644);
	make_program("safe/open", 0757);
	make_dir("open", 0777);
	make_program("open/run", 0755);
	make_dir("sticky", 01777);
	make_program("sticky/run", 0755);
	make_link("safe/link", "run");
	make_link("safe/up", "../safe/./run");
	make_link("safe/out", "../open/run");
	make_link("safe/round", "round");
	make_link("safe/nowhere", "missing");
	make_link("open/link", "../safe/run");
	make_link("dir", "safe");
}

static void tear_down(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
}

static int check_path(const char *name, char why[static TRUSTED_PATH_WHY_MAX])
{
	why[0] = '\0';
	return trusted_path_check(top, path_of(name), why);
}

static const struct {
	const char *name;
	int error;
	const char *component, *why; /* of the message */
} paths[] = {
	{"safe/run", 0, NULL, NULL},
	{"safe//./run", 0, NULL, NULL},
	{"safe/../safe/run", 0, NULL, NULL},
	{"safe/link", 0, NULL, NULL},
	{"safe/up", 0, NULL, NULL},
	{"dir/link", 0, NULL, NULL},
	{"safe/text", -EACCES, "/safe/text", "is not executable"},
	{"safe/open", -EPERM, "/safe/open", "can be written by everybody"},
	{"safe", -EACCES, "/safe", "is not a regular file"},
	{"safe/missing", -ENOENT, "/safe/missing", "cannot be looked at: No such file"},
	{"safe/nowhere", -ENOENT, "/safe/missing", "cannot be looked at: No such file"},
	{"safe/run/x", -ENOTDIR, "/safe/run/x", "cannot be looked at: Not a directory"},
	{"safe/round", -ELOOP, "/safe/round", "is one symbolic link too many"},
	{"open/run", -EPERM, "/open", "can be written by everybody"},
	{"sticky/run", -EPERM, "/sticky", "can be written by everybody"},
	{"safe/out", -EPERM, "/open", "can be written by everybody"},
	{"open/link", -EPERM, "/open", "can be written by everybody"},
	{"safe/../open/run", -EPERM, "/open", "can be written by everybody"},
};

START_TEST(a_path_is_trusted_or_the_component_is_named)
{
	char why[TRUSTED_PATH_WHY_MAX], wanted[600];

	ck_assert_int_eq(check_path(paths[_i].name, why), paths[_i].error);
	if (paths[_i].error == 0)
		return;
	(void)snprintf(wanted, sizeof(wanted), "%s%s %s", top, paths[_i].component, paths[_i].why);
	ck_assert_msg(strncmp(why, wanted, strlen(wanted)) == 0, "%s is not %s", why, wanted);
}
END_TEST

/* These need a root to make them so. */
static const struct {
	const char *name;
	uid_t uid;
	gid_t gid;
	mode_t mode; /* 0: a link */
	const char *asked;
	bool good;
} owned[] = {
	{"safe/run", STRANGER, 0, 0755, "safe/run", false},
	{"safe", STRANGER, 0, 0755, "safe/run", false},
	{"safe/link", STRANGER, 0, 0, "safe/link", false},
	{"dir", STRANGER, 0, 0, "dir/run", false},
	{"safe/run", 0, STRANGER, 0775, "safe/run", false},
	{"safe", 0, STRANGER, 0775, "safe/run", false},
	{"safe/run", 0, STRANGER, 0755, "safe/run", true},
	{"safe", 0, 0, 0775, "safe/run", true},
};

START_TEST(what_belongs_to_a_stranger_is_not_trusted)
{
	char why[TRUSTED_PATH_WHY_MAX], wanted[600];

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(lchown(path_of(owned[_i].name), owned[_i].uid, owned[_i].gid), 0);
	if (owned[_i].mode)
		ck_assert_int_eq(chmod(path_of(owned[_i].name), owned[_i].mode), 0);
	ck_assert_int_eq(check_path(owned[_i].asked, why), owned[_i].good ? 0 : -EPERM);
	if (owned[_i].good)
		return;
	(void)snprintf(wanted, sizeof(wanted), "%s ", path_of(owned[_i].name));
	ck_assert_msg(strncmp(why, wanted, strlen(wanted)) == 0, "%s is not %s", why, wanted);
}
END_TEST

START_TEST(what_is_above_the_top_counts_too_unless_it_is_said_not_to)
{
	char why[TRUSTED_PATH_WHY_MAX];

	ck_assert_int_eq(trusted_path_check("", path_of("safe/run"), why), -EPERM);
	ck_assert_str_eq(why, "/tmp can be written by everybody");
}
END_TEST

START_TEST(a_relative_path_and_one_that_is_too_long_are_refused)
{
	char why[TRUSTED_PATH_WHY_MAX], path[8192];

	ck_assert_int_eq(trusted_path_check("", "bin/true", why), -EINVAL);
	ck_assert_str_eq(why, "bin/true is not an absolute path");
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(trusted_path_check("", path, why), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trusted_path");
	TCase *tc = tcase_create("trusted_path");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, a_path_is_trusted_or_the_component_is_named, 0,
		sizeof(paths) / sizeof(paths[0]));
	tcase_add_loop_test(
		tc, what_belongs_to_a_stranger_is_not_trusted, 0, sizeof(owned) / sizeof(owned[0]));
	tcase_add_test(tc, what_is_above_the_top_counts_too_unless_it_is_said_not_to);
	tcase_add_test(tc, a_relative_path_and_one_that_is_too_long_are_refused);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
