/* Golden configurations: good/NAME.json is read as good/NAME.out says, and bad/NAME.json and
 * bad-relations/NAME.json are refused with the lines of NAME.err. With GOLDEN_UPDATE=1 in the
 * environment the test writes what it gets, to be reviewed as a difference. */
#include "base/cleanup.h"
#include "conf/conf.h"
#include "dump.h"
#include "io/json_memory.h"

#include <check.h>
#include <glob.h>
#include <string.h>

static const char *source_dir(void)
{
	const char *srcdir = getenv("TANDEM_SRCDIR");

	return srcdir ? srcdir : TANDEM_TEST_SRCDIR;
}

/* What conf_load() makes of the file: the model and the warnings, or the errors. */
static char *outcome(const char *path)
{
	struct conf_errors errors;
	struct conf *c = conf_load(path, "lb1", &errors);
	char *text = NULL, line[4096];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(!c, errors.n > 0);
	if (c) {
		auto_free char *model = conf_dump(c);
		(void)fprintf(out, "%s\n", model);
		for (size_t i = 0; i < c->warnings.n; i++)
			(void)fprintf(out, "warning: %s\n",
				conf_error_format(&c->warnings.items[i], line, sizeof(line)));
	}
	for (size_t i = 0; i < errors.n; i++)
		(void)fprintf(out, "%s\n", conf_error_format(&errors.items[i], line, sizeof(line)));
	conf_errors_done(&errors);
	conf_free(c);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* "" for a file that is not there. */
static char *contents(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	auto_fclose FILE *in = fopen(path, "r");

	if (!in || getdelim(&text, &size, '\0', in) < 0) {
		free(text);
		return strdup("");
	}
	return text;
}

/* "good/a.json" and "out" to "good/a.out". */
static char *beside(const char *path, const char *suffix)
{
	char *other;

	ck_assert_int_gt(
		asprintf(&other, "%.*s%s", (int)(strlen(path) - strlen("json")), path, suffix), 0);
	return other;
}

static void update(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	ck_assert_int_ge(fputs(text, out), 0);
	ck_assert_int_eq(fclose(out), 0);
}

static void check_file(const char *path, const char *expected_path)
{
	auto_free char *got = outcome(path);
	auto_free char *expected = NULL;

	if (getenv("GOLDEN_UPDATE"))
		update(expected_path, got);
	expected = contents(expected_path);
	ck_assert_msg(strcmp(got, expected) == 0, "%s: got\n%s\nbut %s says\n%s", path, got,
		expected_path, expected);
}

/* Returns how many files there were. */
static size_t check_files(const char *dir, const char *suffix)
{
	auto_free char *path = NULL;
	glob_t found;
	size_t n;

	/* Errors name the file as it was opened: without a directory. */
	ck_assert_int_gt(asprintf(&path, "%s/tests/conf/%s", source_dir(), dir), 0);
	ck_assert_msg(chdir(path) == 0, "no directory %s", path);
	ck_assert_int_eq(glob("*.json", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		auto_free char *expected = beside(found.gl_pathv[i], suffix);
		check_file(found.gl_pathv[i], expected);
	}
	n = found.gl_pathc;
	globfree(&found);
	return n;
}

START_TEST(good_files_are_read_as_the_golden_files_say)
{
	ck_assert_uint_ge(check_files("good", "out"), 5);
}
END_TEST

START_TEST(bad_files_are_refused_with_the_golden_errors)
{
	ck_assert_uint_ge(check_files("bad", "err"), 20);
	ck_assert_uint_ge(check_files("bad-relations", "err"), 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("golden");
	TCase *tcase = tcase_create("golden");
	SRunner *runner;
	int failed;

	json_memory_init(); /* as in the programs */
	tcase_add_test(tcase, good_files_are_read_as_the_golden_files_say);
	tcase_add_test(tcase, bad_files_are_refused_with_the_golden_errors);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
