/* What operators decided, over the file and back. */
#include "director/overrides.h"

#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[128], bad[160];
static const struct overrides_now t0 = {{UINT64_C(5000000000)}, UINT64_C(1700000000000000)};
static struct overrides o;

static void set_up(void)
{
	strcpy(dir, "/tmp/tandem-overrides-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/overrides.json", dir);
	(void)snprintf(bad, sizeof(bad), "%s/overrides.json.bad", dir);
	ck_assert_int_eq(overrides_load(&o, dir, t0), 0);
}

static void tear_down(void)
{
	char command[160];

	overrides_done(&o);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void set(const char *server, const struct decision *d)
{
	ck_assert_int_eq(overrides_set(&o, "web", server, d, (struct instant){0}, t0), 0);
}

/* Another process, or this one after a reboot. */
static void reload_at(struct overrides_now now)
{
	overrides_done(&o);
	ck_assert_int_eq(overrides_load(&o, dir, now), 0);
}

static struct decision drain(uint64_t deadline_after_us)
{
	return (struct decision){.kind = DECISION_DRAIN,
		.drain = {.requested_at = t0.now,
			.deadline = instant_add(t0.now, deadline_after_us)}};
}

static void write_text(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(nothing_was_decided_at_first)
{
	ck_assert_uint_eq(o.n, 0);
	ck_assert_ptr_null(overrides_find(&o, "web", "rs1"));
}
END_TEST

START_TEST(every_decision_comes_back_from_the_file)
{
	struct decision d = drain(600000000), fails = {.kind = DECISION_FAIL};
	const struct override *found;

	d.has_weight = true;
	d.weight = 7;
	set("rs1", &d);
	set("rs2", &fails);
	reload_at(t0);
	ck_assert_uint_eq(o.n, 2);
	found = overrides_find(&o, "web", "rs1");
	ck_assert_int_eq(found->decision.kind, DECISION_DRAIN);
	ck_assert_int_eq(found->decision.drain.state, DRAIN_DRAINING);
	ck_assert_uint_eq(found->decision.drain.requested_at.us, t0.now.us);
	ck_assert_uint_eq(found->decision.drain.deadline.us, t0.now.us + 600000000);
	ck_assert(found->decision.has_weight);
	ck_assert_uint_eq(found->decision.weight, 7);
	found = overrides_find(&o, "web", "rs2");
	ck_assert_int_eq(found->decision.kind, DECISION_FAIL);
	ck_assert(!found->decision.has_weight);
	ck_assert_ptr_null(overrides_find(&o, "mail", "rs1"));
}
END_TEST

START_TEST(a_deadline_goes_on_over_a_reboot_by_the_wall_clock)
{
	/* Booted four minutes later; the other clock begins anew. */
	struct overrides_now later = {{30000000}, t0.unix_us + 240000000};
	struct decision d = drain(600000000);

	set("rs1", &d);
	reload_at(later);
	ck_assert_uint_eq(overrides_find(&o, "web", "rs1")->decision.drain.deadline.us,
		later.now.us + 360000000);
	/* Requested before this boot: as near as this clock comes to it. */
	ck_assert_uint_le(
		overrides_find(&o, "web", "rs1")->decision.drain.requested_at.us, later.now.us);
}
END_TEST

START_TEST(a_deadline_that_passed_meanwhile_has_come)
{
	struct overrides_now later = {{30000000}, t0.unix_us + UINT64_C(86400000000)};
	struct decision d = drain(600000000);

	set("rs1", &d);
	reload_at(later);
	ck_assert(instant_reached(
		overrides_find(&o, "web", "rs1")->decision.drain.deadline, later.now));
}
END_TEST

START_TEST(without_a_deadline_there_is_none_after_the_file_either)
{
	struct decision d = drain(0);

	d.drain.deadline = INSTANT_NEVER;
	d.drain.state = DRAIN_FORCED;
	set("rs1", &d);
	reload_at(t0);
	ck_assert(instant_is_never(overrides_find(&o, "web", "rs1")->decision.drain.deadline));
	ck_assert_int_eq(overrides_find(&o, "web", "rs1")->decision.drain.state, DRAIN_FORCED);
}
END_TEST

START_TEST(what_is_taken_back_is_not_written)
{
	struct decision fails = {.kind = DECISION_FAIL}, none = {0};

	set("rs1", &fails);
	ck_assert_int_eq(overrides_set(&o, "web", "rs1", &none, t0.now, t0), 0);
	ck_assert_uint_eq(overrides_find(&o, "web", "rs1")->ready_at.us, t0.now.us);
	reload_at(t0);
	ck_assert_uint_eq(o.n, 0);
}
END_TEST

START_TEST(what_cannot_be_kept_is_not_done)
{
	struct decision fails = {.kind = DECISION_FAIL}, d = drain(1);

	set("rs1", &fails);
	(void)snprintf(bad, sizeof(bad), "%s.new", path); /* in the way of the new file */
	ck_assert_int_eq(mkdir(bad, 0755), 0);
	ck_assert_int_eq(overrides_set(&o, "web", "rs1", &d, (struct instant){0}, t0), -EISDIR);
	ck_assert_int_eq(overrides_set(&o, "web", "rs2", &d, (struct instant){0}, t0), -EISDIR);
	ck_assert_int_eq(overrides_find(&o, "web", "rs1")->decision.kind, DECISION_FAIL);
	ck_assert_ptr_null(overrides_find(&o, "web", "rs2"));
	reload_at(t0);
	ck_assert_uint_eq(o.n, 1);
}
END_TEST

START_TEST(a_file_of_somebody_else_is_moved_aside)
{
	static const char *const texts[] = {"", "{", "[]", "{\"servers\": {}}",
		"{\"servers\": [7]}", "{\"servers\": [{\"pool\": \"web\", \"server\": \"rs1\"}]}",
		"{\"servers\": [{\"pool\": \"w\", \"server\": \"r\", \"decision\": \"what\"}]}",
		"{\"servers\": [{\"pool\": \"w\", \"server\": \"r\", \"decision\": \"drain\"}]}",
		"{\"servers\": [{\"pool\": \"w\", \"server\": \"r\", \"decision\": \"none\","
		" \"weight\": 65536}]}",
		"{\"servers\": [{\"pool\": \"w\", \"server\": \"r\", \"decision\": \"fail\"},"
		" {\"pool\": \"w\", \"server\": \"r\", \"decision\": \"fail\"}]}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		overrides_done(&o);
		write_text(texts[i]);
		ck_assert_int_eq(overrides_load(&o, dir, t0), -EBADMSG);
		ck_assert_uint_eq(o.n, 0);
		ck_assert_int_eq(access(bad, F_OK), 0);
		ck_assert_int_eq(unlink(bad), 0);
		ck_assert_int_ne(access(path, F_OK), 0);
	}
	set("rs1", &(struct decision){.kind = DECISION_FAIL}); /* good for use */
	reload_at(t0);
	ck_assert_uint_eq(o.n, 1);
}
END_TEST

START_TEST(the_directory_is_made_when_it_is_not_there)
{
	overrides_done(&o);
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(overrides_load(&o, dir, t0), 0);
	set("rs1", &(struct decision){.kind = DECISION_FAIL});
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("overrides");
	TCase *tc = tcase_create("overrides");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, nothing_was_decided_at_first);
	tcase_add_test(tc, every_decision_comes_back_from_the_file);
	tcase_add_test(tc, a_deadline_goes_on_over_a_reboot_by_the_wall_clock);
	tcase_add_test(tc, a_deadline_that_passed_meanwhile_has_come);
	tcase_add_test(tc, without_a_deadline_there_is_none_after_the_file_either);
	tcase_add_test(tc, what_is_taken_back_is_not_written);
	tcase_add_test(tc, what_cannot_be_kept_is_not_done);
	tcase_add_test(tc, a_file_of_somebody_else_is_moved_aside);
	tcase_add_test(tc, the_directory_is_made_when_it_is_not_there);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
