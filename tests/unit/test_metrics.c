/* The metrics of a status: a whole text of a rich one, what is missing, hostile names, and bounds.
 */
#include "web/metric_table.h"
#include "web/metrics.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct instant now = {UINT64_C(100000000000)};
static char *text;

/* Takes status. */
static const char *print(json_t *status)
{
	size_t len;
	FILE *f;

	free(text);
	f = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(f);
	ck_assert(metrics_print(f, status, now));
	(void)fclose(f);
	json_decref(status);
	return text;
}

static void tear_down(void)
{
	free(text);
	text = NULL;
}

static char *read_file(const char *name)
{
	char path[4096];
	size_t n;
	char *bytes = calloc(1, 1 << 20);
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/tests/unit/%s", TANDEM_TEST_SRCDIR, name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	n = fread(bytes, 1, (1 << 20) - 1, f);
	(void)fclose(f);
	ck_assert_uint_gt(n, 0);
	return bytes;
}

static json_t *rich(void)
{
	char *bytes = read_file("status.json");
	json_error_t error;
	json_t *status = json_loads(bytes, 0, &error);

	ck_assert_msg(status != NULL, "%d: %s", error.line, error.text);
	free(bytes);
	return status;
}

static json_t *parse(const char *json)
{
	json_t *value = json_loads(json, 0, NULL);

	ck_assert_ptr_nonnull(value);
	return value;
}

static size_t count(const char *where, const char *what)
{
	size_t n = 0;

	while ((where = strstr(where, what)) != NULL) {
		where++;
		n++;
	}
	return n;
}

/* As tests/conf/golden does: the text that is read through before it is taken. */
static void update_golden(const char *golden)
{
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/tests/unit/status.metrics", TANDEM_TEST_SRCDIR);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	(void)fputs(golden, f);
	(void)fclose(f);
}

START_TEST(a_rich_status_gives_the_golden_text)
{
	char *wanted;

	print(rich());
	if (getenv("GOLDEN_UPDATE"))
		update_golden(text);
	wanted = read_file("status.metrics");
	ck_assert_str_eq(text, wanted);
	free(wanted);
}
END_TEST

START_TEST(every_metric_of_the_table_is_in_the_rich_status)
{
	char head[128];

	print(rich());
	for (size_t i = 0; i < metric_table_len; i++) {
		(void)snprintf(head, sizeof(head), "# TYPE %s ", metric_table[i].name);
		ck_assert_msg(strstr(text, head) != NULL, "%s is missing", metric_table[i].name);
	}
}
END_TEST

static bool ends_in(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && strcmp(name + len - n, suffix) == 0;
}

START_TEST(the_table_has_good_names_each_once)
{
	for (size_t i = 0; i < metric_table_len; i++) {
		const struct metric *m = &metric_table[i];
		bool labelled = m->form == METRIC_STATE || m->form == METRIC_STATES ||
				m->form == METRIC_EACH || m->form == METRIC_LEFT_OUT;

		ck_assert_int_eq(strncmp(m->name, "tandem_", 7), 0);
		for (const char *c = m->name; *c; c++)
			ck_assert(islower((unsigned char)*c) || *c == '_');
		ck_assert(*m->help && !strpbrk(m->help, "\\\n"));
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(m->name, metric_table[j].name);
		ck_assert_msg(labelled == (m->label != NULL), "%s", m->name);
		if (m->form == METRIC_SECONDS || m->form == METRIC_AGE)
			ck_assert_msg(ends_in(m->name, "_seconds"), "%s", m->name);
		ck_assert_msg(ends_in(m->name, "_info") == (m->form == METRIC_INFO), "%s", m->name);
		ck_assert_msg(
			ends_in(m->name, "_ratio") == (m->form == METRIC_RATIO), "%s", m->name);
	}
	ck_assert_str_eq(metric_table[0].name, "tandem_up");
}
END_TEST

START_TEST(no_director_is_one_metric)
{
	ck_assert_str_eq(print(NULL), "# HELP tandem_up Whether the director answers.\n"
				      "# TYPE tandem_up gauge\n"
				      "tandem_up 0\n");
}
END_TEST

START_TEST(what_is_missing_has_no_metric)
{
	print(json_object());
	ck_assert_ptr_nonnull(strstr(text, "\ntandem_up 1\n"));
	ck_assert_uint_eq(count(text, "# TYPE"), 2);
	ck_assert_ptr_nonnull(strstr(text, "\ntandem_metrics_left_out{kind=\"server\"} 0\n"));
	print(parse("{\"routers\": [{\"name\": \"front\"}], \"peer\": null, \"checks\": null}"));
	ck_assert_uint_eq(count(text, "# TYPE"), 2);
}
END_TEST

START_TEST(members_of_other_types_are_missing)
{
	print(parse("{\"config\": [], \"routers\": {\"name\": \"front\"}, \"services\": \"many\", "
		    "\"ipvs\": {\"available\": 1, \"errors\": {}, \"operations_total\": \"7\"}, "
		    "\"helpers\": [1, null, {\"name\": 7}, [], {\"name\": \"link\", \"restarts\": "
		    "\"2\", \"state\": 3}], \"started_us\": -5}"));
	ck_assert_uint_eq(count(text, "# TYPE"), 2);
	ck_assert_ptr_nonnull(strstr(text, "\ntandem_metrics_left_out{kind=\"helper\"} 4\n"));
}
END_TEST

START_TEST(labels_are_escaped)
{
	print(parse(
		"{\"routers\": [{\"name\": \"a\\\"b\\\\c\\nd} 1\\n\\u00e9\", \"priority\": 7}]}"));
	ck_assert_ptr_nonnull(strstr(
		text, "\ntandem_router_priority{router=\"a\\\"b\\\\c\\nd} 1\\n\xc3\xa9\"} 7\n"));
}
END_TEST

START_TEST(two_of_one_name_have_one_metric)
{
	print(parse("{\"routers\": [{\"name\": \"front\", \"priority\": 7}, {\"name\": \"front\", "
		    "\"priority\": 8}], \"services\": [{\"name\": \"ab\", \"pool\": \"c\", "
		    "\"servers\": [{\"name\": \"d\", \"active\": 1}, {\"name\": \"d\", \"active\": "
		    "2}]}, {\"name\": \"a\", \"pool\": \"bc\", \"servers\": [{\"name\": \"d\", "
		    "\"active\": 3}]}]}"));
	ck_assert_uint_eq(count(text, "tandem_router_priority{"), 1);
	ck_assert_ptr_nonnull(strstr(text, "tandem_router_priority{router=\"front\"} 7\n"));
	ck_assert_uint_eq(count(text, "tandem_server_active_connections{"), 2);
	ck_assert_ptr_nonnull(strstr(text, "\ntandem_metrics_left_out{kind=\"router\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "\ntandem_metrics_left_out{kind=\"server\"} 1\n"));
}
END_TEST

START_TEST(a_state_that_is_newer_than_the_table_is_told)
{
	print(parse("{\"routers\": [{\"name\": \"front\", \"state\": \"hovering\"}]}"));
	ck_assert_uint_eq(count(text, "tandem_router_state{"), 4);
	ck_assert_ptr_nonnull(
		strstr(text, "tandem_router_state{router=\"front\",state=\"active\"} 0\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "tandem_router_state{router=\"front\",state=\"hovering\"} 1\n"));
}
END_TEST

START_TEST(too_many_are_counted)
{
	json_t *checks = json_array();
	char id[24];

	for (int i = 0; i < METRICS_ITEMS_MAX + 2; i++) {
		(void)snprintf(id, sizeof(id), "tcp %d", i);
		(void)json_array_append_new(
			checks, json_pack("{s:s, s:i}", "id", id, "failures", i));
	}
	print(json_pack("{s:o}", "checks", checks));
	ck_assert_uint_eq(count(text, "tandem_check_failures_total{"), METRICS_ITEMS_MAX);
	ck_assert_ptr_nonnull(strstr(text, "\ntandem_metrics_left_out{kind=\"check\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(text, "\ntandem_checks 5002\n"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *cases = tcase_create("metrics");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_test(cases, a_rich_status_gives_the_golden_text);
	tcase_add_test(cases, every_metric_of_the_table_is_in_the_rich_status);
	tcase_add_test(cases, the_table_has_good_names_each_once);
	tcase_add_test(cases, no_director_is_one_metric);
	tcase_add_test(cases, what_is_missing_has_no_metric);
	tcase_add_test(cases, members_of_other_types_are_missing);
	tcase_add_test(cases, labels_are_escaped);
	tcase_add_test(cases, two_of_one_name_have_one_metric);
	tcase_add_test(cases, a_state_that_is_newer_than_the_table_is_told);
	tcase_add_test(cases, too_many_are_counted);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
