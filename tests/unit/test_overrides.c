/* What operators decided, over the file and back. */
#include "director/pair/overrides.h"

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
	ck_assert_int_eq(overrides_set(&o, "web", server, d, (struct instant){0}, "lb1", t0), 0);
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
	ck_assert_int_eq(overrides_set(&o, "web", "rs1", &none, t0.now, "lb1", t0), 0);
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
	ck_assert_int_eq(
		overrides_set(&o, "web", "rs1", &d, (struct instant){0}, "lb1", t0), -EISDIR);
	ck_assert_int_eq(
		overrides_set(&o, "web", "rs2", &d, (struct instant){0}, "lb1", t0), -EISDIR);
	ck_assert_int_eq(overrides_find(&o, "web", "rs1")->decision.kind, DECISION_FAIL);
	ck_assert_ptr_null(overrides_find(&o, "web", "rs2"));
	reload_at(t0);
	ck_assert_uint_eq(o.n, 1);
}
END_TEST

/* In the order in which they are found, whatever the order in which they were made. */
START_TEST(each_of_many_is_found_by_its_names)
{
	char pool[16], server[16];

	for (unsigned i = 0; i < 200; i++) {
		unsigned n = i * 77 % 200;
		struct decision d = {.has_weight = true, .weight = n};

		(void)snprintf(pool, sizeof(pool), "p%u", n % 7);
		(void)snprintf(server, sizeof(server), "s%u", n);
		ck_assert_int_eq(
			overrides_set(&o, pool, server, &d, (struct instant){0}, "lb1", t0), 0);
	}
	reload_at(t0);
	ck_assert_uint_eq(o.n, 200);
	for (unsigned n = 0; n < 200; n++) {
		(void)snprintf(pool, sizeof(pool), "p%u", n % 7);
		(void)snprintf(server, sizeof(server), "s%u", n);
		ck_assert_uint_eq(overrides_find(&o, pool, server)->decision.weight, n);
	}
	ck_assert_ptr_null(overrides_find(&o, "p0", "s1"));
	ck_assert_ptr_null(overrides_find(&o, "z", "s1"));
}
END_TEST

START_TEST(a_first_one_that_cannot_be_kept_leaves_those_after_it)
{
	struct decision fails = {.kind = DECISION_FAIL};

	set("rs2", &fails);
	set("rs3", &fails);
	(void)snprintf(bad, sizeof(bad), "%s.new", path);
	ck_assert_int_eq(mkdir(bad, 0755), 0);
	ck_assert_int_eq(
		overrides_set(&o, "web", "rs1", &fails, (struct instant){0}, "lb1", t0), -EISDIR);
	ck_assert_uint_eq(o.n, 2);
	ck_assert_ptr_null(overrides_find(&o, "web", "rs1"));
	ck_assert_int_eq(overrides_find(&o, "web", "rs2")->decision.kind, DECISION_FAIL);
	ck_assert_int_eq(overrides_find(&o, "web", "rs3")->decision.kind, DECISION_FAIL);
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

/* Two directors */

static struct override last_taken, last_kept;
static unsigned n_taken, n_kept, n_conflicts;

static void on_taken(const struct override *item, bool conflict, void *userdata)
{
	(void)userdata;
	last_taken = *item;
	n_taken++;
	n_conflicts += conflict;
}

static void on_kept(const struct override *item, void *userdata)
{
	(void)userdata;
	last_kept = *item;
	n_kept++;
}

static const struct overrides_listener listener = {on_taken, on_kept, NULL};

static const struct override *ours(void)
{
	return overrides_find(&o, "web", "rs1");
}

static struct overrides_now at(uint64_t after_us)
{
	return (struct overrides_now){instant_add(t0.now, after_us), t0.unix_us + after_us};
}

static void decide(enum decision_kind kind, const char *by, uint64_t after_us)
{
	struct decision d = {.kind = kind};

	if (kind == DECISION_DRAIN)
		d.drain =
			(struct drain){.requested_at = at(after_us).now, .deadline = INSTANT_NEVER};
	ck_assert_int_eq(
		overrides_set(&o, "web", "rs1", &d, (struct instant){0}, by, at(after_us)), 0);
}

/* What lb2 would say after it decided so at that moment, having known of what was decided at
 * `over`; 0: of nothing. */
static void hear(const char *decision, uint64_t at_after_us, uint64_t over)
{
	json_t *theirs = json_pack("[{s:s, s:s, s:s, s:s, s:I, s:I, s:{s:s}}]", "pool", "web",
		"server", "rs1", "decision", decision, "by", "lb2", "at_us",
		(json_int_t)(t0.unix_us + at_after_us), "over_us", (json_int_t)over, "drain",
		"state", "draining");

	n_taken = n_kept = n_conflicts = 0;
	ck_assert_ptr_nonnull(theirs);
	ck_assert_int_eq(overrides_merge(&o, theirs, at(at_after_us), &listener), 0);
	json_decref(theirs);
}

START_TEST(what_the_peer_decided_counts_here_and_stays)
{
	o.shared = true;
	hear("fail", 5, 0);
	ck_assert_uint_eq(n_taken, 1);
	ck_assert_uint_eq(n_conflicts, 0);
	ck_assert_int_eq(ours()->decision.kind, DECISION_FAIL);
	hear("fail", 5, 0); /* said again: no news */
	ck_assert_uint_eq(n_taken, 0);
	reload_at(t0);
	ck_assert_int_eq(ours()->decision.kind, DECISION_FAIL);
	ck_assert_str_eq(ours()->stamp.by, "lb2");
	ck_assert_uint_eq(ours()->stamp.at_unix_us, t0.unix_us + 5);
}
END_TEST

START_TEST(the_newest_decision_counts_on_both)
{
	decide(DECISION_FAIL, "lb1", 10);
	hear("drain", 9, 0);
	ck_assert_uint_eq(n_taken, 0);
	ck_assert_int_eq(ours()->decision.kind, DECISION_FAIL);
	hear("drain", 11, t0.unix_us + 10);
	ck_assert_uint_eq(n_taken, 1);
	ck_assert_int_eq(ours()->decision.kind, DECISION_DRAIN);
}
END_TEST

START_TEST(of_two_at_one_moment_the_later_name_counts)
{
	decide(DECISION_FAIL, "lb1", 10);
	hear("drain", 10, 0);
	ck_assert_int_eq(ours()->decision.kind, DECISION_DRAIN);
	decide(DECISION_FAIL, "lb3", 20);
	hear("drain", 20, 0);
	ck_assert_int_eq(ours()->decision.kind, DECISION_FAIL);
}
END_TEST

START_TEST(one_decided_in_ignorance_of_ours_is_a_conflict_and_one_decided_over_ours_is_none)
{
	decide(DECISION_FAIL, "lb1", 10);
	hear("drain", 20, t0.unix_us + 10);
	ck_assert_uint_eq(n_conflicts, 0);
	ck_assert_str_eq(ours()->lost.by, "");
	decide(DECISION_FAIL, "lb1", 30);
	hear("drain", 40, t0.unix_us + 20);
	ck_assert_uint_eq(n_conflicts, 1);
	ck_assert_str_eq(ours()->lost.by, "lb1");
	ck_assert_int_eq(ours()->lost_decision.kind, DECISION_FAIL);
	decide(DECISION_NONE, "lb1", 50); /* decided anew: settled */
	ck_assert_str_eq(ours()->lost.by, "");
}
END_TEST

START_TEST(an_older_one_in_conflict_is_shown_once_and_what_was_decided_over_it_never)
{
	decide(DECISION_FAIL, "lb1", 30);
	hear("drain", 20, 0);
	ck_assert_uint_eq(n_kept, 1);
	ck_assert_str_eq(ours()->lost.by, "lb2");
	hear("drain", 20, 0);
	ck_assert_uint_eq(n_kept, 0);
	hear("drain", 40, t0.unix_us + 30);
	decide(DECISION_FAIL, "lb1", 50);
	hear("drain", 40, t0.unix_us + 30); /* it has not heard of ours yet */
	ck_assert_uint_eq(n_kept, 0);
}
END_TEST

START_TEST(who_hears_of_a_conflict_when_it_is_settled_shows_it_as_well)
{
	json_t *theirs, *lost;

	decide(DECISION_FAIL, "lb1", 30);
	theirs = overrides_for_peer(&o, t0);
	lost = json_pack("{s:s, s:i, s:s, s:I}", "decision", "none", "weight", 3, "by", "lb2",
		"at_us", (json_int_t)t0.unix_us);
	(void)json_object_set_new(json_array_get(theirs, 0), "lost", lost);
	n_kept = n_taken = 0;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(overrides_merge(&o, theirs, t0, &listener), 0);
	ck_assert_uint_eq(n_kept, 1);
	ck_assert_uint_eq(n_taken, 0);
	ck_assert_uint_eq(ours()->lost_decision.weight, 3);
	ck_assert_int_eq(overrides_save(&o, t0), 0);
	reload_at(t0);
	ck_assert_str_eq(ours()->lost.by, "lb2");
	json_decref(theirs);
}
END_TEST

START_TEST(two_that_agree_are_no_conflict)
{
	decide(DECISION_FAIL, "lb1", 10);
	hear("fail", 20, 0);
	ck_assert_uint_eq(n_taken, 1);
	ck_assert_uint_eq(n_conflicts, 0);
}
END_TEST

START_TEST(what_was_taken_back_does_not_come_back_from_the_peer)
{
	o.shared = true;
	decide(DECISION_FAIL, "lb1", 10);
	decide(DECISION_NONE, "lb1", 20);
	reload_at(at(30));
	o.shared = true;
	hear("fail", 10, 0);
	ck_assert_int_eq(ours()->decision.kind, DECISION_NONE);
	ck_assert_uint_eq(n_kept, 0);
}
END_TEST

START_TEST(a_server_taken_back_by_the_peer_is_cold_here_too)
{
	decide(DECISION_FAIL, "lb1", 10);
	hear("none", 20, t0.unix_us + 10);
	ck_assert_uint_eq(ours()->ready_at.us, at(20).now.us);
}
END_TEST

START_TEST(a_clock_that_is_behind_does_not_undo_a_decision)
{
	hear("fail", 1000000, 0);
	decide(DECISION_NONE, "lb1", 10); /* knows of it, though its clock says earlier */
	ck_assert_uint_gt(ours()->stamp.at_unix_us, t0.unix_us + 1000000);
	hear("fail", 1000000, 0);
	ck_assert_int_eq(ours()->decision.kind, DECISION_NONE);
}
END_TEST

START_TEST(a_peer_at_the_end_of_time_can_still_be_overruled)
{
	hear("fail", (uint64_t)INT64_MAX - t0.unix_us, 0);
	decide(DECISION_NONE, "lb1", 10);
	hear("fail", (uint64_t)INT64_MAX - t0.unix_us, 0);
	ck_assert_int_eq(ours()->decision.kind, DECISION_NONE);
	o.shared = true;
	ck_assert_int_eq(overrides_save(&o, t0), 0);
	reload_at(t0);
	ck_assert_int_eq(ours()->decision.kind, DECISION_NONE);
	ck_assert_str_eq(ours()->stamp.by, "lb1");
}
END_TEST

START_TEST(what_makes_no_sense_is_left_out)
{
	json_t *theirs = json_pack("[i, {}, {s:s}, {s:s, s:s, s:s}]", 7, "pool", "web", "pool",
		"web", "server", "rs1", "decision", "what");

	ck_assert_int_eq(overrides_merge(&o, theirs, t0, &listener), 0);
	ck_assert_int_eq(overrides_merge(&o, NULL, t0, &listener), 0);
	ck_assert_uint_eq(o.n, 0);
	json_decref(theirs);
}
END_TEST

START_TEST(a_name_that_no_server_has_takes_no_memory)
{
	char name[OVERRIDES_NAME_MAX + 2];
	json_t *theirs;

	memset(name, 'x', sizeof(name));
	name[OVERRIDES_NAME_MAX + 1] = '\0';
	theirs = json_pack("[{s:s, s:s, s:s, s:s, s:I}, {s:s, s:s, s:s, s:s, s:I}]", "pool", name,
		"server", "rs1", "decision", "fail", "by", "lb2", "at_us", (json_int_t)1, "pool",
		"web", "server", name, "decision", "fail", "by", "lb2", "at_us", (json_int_t)1);
	ck_assert_int_eq(overrides_merge(&o, theirs, t0, &listener), 0);
	ck_assert_uint_eq(o.n, 0);
	name[OVERRIDES_NAME_MAX] = '\0';
	(void)json_object_set_new(json_array_get(theirs, 0), "pool", json_string(name));
	ck_assert_int_eq(overrides_merge(&o, theirs, t0, &listener), 0);
	ck_assert_uint_eq(o.n, 1);
	json_decref(theirs);
}
END_TEST

START_TEST(whose_decision_it_was_is_said_without_a_cut_character)
{
	char by[OVERRIDES_NODE_MAX + 3];
	json_t *theirs;

	for (unsigned i = 0; i + 3 < sizeof(by); i += 3)
		memcpy(by + i, "\xe2\x82\xac", 4);
	ck_assert_uint_ge(strlen(by), OVERRIDES_NODE_MAX);
	theirs = json_pack("[{s:s, s:s, s:s, s:s, s:I}]", "pool", "web", "server", "rs1",
		"decision", "fail", "by", by, "at_us", (json_int_t)1);
	ck_assert_int_eq(overrides_merge(&o, theirs, t0, &listener), 0);
	ck_assert_uint_eq(o.n, 1);
	reload_at(t0);
	ck_assert_uint_eq(o.n, 1);
	json_decref(theirs);
}
END_TEST

START_TEST(what_one_says_the_other_understands)
{
	struct decision d = drain(600000000);
	struct overrides other = {.path = path};
	json_t *said;

	d.has_weight = true;
	d.weight = 3;
	set("rs1", &d);
	said = overrides_for_peer(&o, t0);
	ck_assert_int_eq(overrides_merge(&other, said, t0, &listener), 0);
	ck_assert_uint_eq(other.n, 1);
	ck_assert_uint_eq(other.items[0].decision.weight, 3);
	ck_assert_uint_eq(other.items[0].decision.drain.deadline.us, d.drain.deadline.us);
	ck_assert(!other.items[0].looked_there);
	o.items[0].looked_here = true;
	o.items[0].counts_here = (struct drain_count){true, 7, 9};
	json_decref(said);
	said = overrides_for_peer(&o, t0);
	ck_assert_int_eq(overrides_merge(&other, said, t0, &listener), 0);
	ck_assert(other.items[0].looked_there);
	ck_assert(other.items[0].counts_there.known);
	ck_assert_uint_eq(other.items[0].counts_there.active, 7);
	ck_assert_uint_eq(other.items[0].counts_there.inactive, 9);
	json_decref(said);
	o.items[0].counts_here.known = false; /* it cannot be told, which is said */
	said = overrides_for_peer(&o, t0);
	ck_assert_int_eq(overrides_merge(&other, said, t0, &listener), 0);
	ck_assert(other.items[0].looked_there);
	ck_assert(!other.items[0].counts_there.known);
	json_decref(said);
	other.path = NULL;
	overrides_done(&other);
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
	tcase_add_test(tc, each_of_many_is_found_by_its_names);
	tcase_add_test(tc, a_first_one_that_cannot_be_kept_leaves_those_after_it);
	tcase_add_test(tc, a_file_of_somebody_else_is_moved_aside);
	tcase_add_test(tc, the_directory_is_made_when_it_is_not_there);
	suite_add_tcase(s, tc);
	tc = tcase_create("two directors");
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, what_the_peer_decided_counts_here_and_stays);
	tcase_add_test(tc, the_newest_decision_counts_on_both);
	tcase_add_test(tc, of_two_at_one_moment_the_later_name_counts);
	tcase_add_test(tc,
		one_decided_in_ignorance_of_ours_is_a_conflict_and_one_decided_over_ours_is_none);
	tcase_add_test(
		tc, an_older_one_in_conflict_is_shown_once_and_what_was_decided_over_it_never);
	tcase_add_test(tc, who_hears_of_a_conflict_when_it_is_settled_shows_it_as_well);
	tcase_add_test(tc, two_that_agree_are_no_conflict);
	tcase_add_test(tc, what_was_taken_back_does_not_come_back_from_the_peer);
	tcase_add_test(tc, a_server_taken_back_by_the_peer_is_cold_here_too);
	tcase_add_test(tc, a_clock_that_is_behind_does_not_undo_a_decision);
	tcase_add_test(tc, a_peer_at_the_end_of_time_can_still_be_overruled);
	tcase_add_test(tc, what_makes_no_sense_is_left_out);
	tcase_add_test(tc, a_name_that_no_server_has_takes_no_memory);
	tcase_add_test(tc, whose_decision_it_was_is_said_without_a_cut_character);
	tcase_add_test(tc, what_one_says_the_other_understands);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
