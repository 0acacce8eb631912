/* tandemctl status in words: what an operator reads first must be there, whatever is missing. */
#include "ctl/print.h"

#include <check.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

static const struct instant now = {UINT64_C(100000000000)};
static char *text;

static const char *print(json_t *status)
{
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(status);
	ck_assert_ptr_nonnull(f);
	print_status(f, status, now);
	(void)fclose(f);
	json_decref(status);
	return text;
}

static void tear_down(void)
{
	free(text);
}

static json_t *router(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:[s]}", "name", "front",
		"state", "active", "reason", "peer-resigned", "interface", "eth0", "peer",
		"192.0.2.3", "priority", 150, "vrid", 51, "since_us",
		(json_int_t)(now.us - UINT64_C(11520000000)), "addresses", "192.0.2.100/24");
}

static json_t *service(void)
{
	return json_pack(
		"{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:b, s:[{s:s, s:s, s:i, s:s, s:b, s:i, "
		"s:i, s:i}, {s:s, s:s, s:i, s:s, s:b}]}",
		"name", "http", "protocol", "tcp", "listen", "192.0.2.100", "port", 80, "forward",
		"direct", "scheduler", "wlc", "pool", "web", "programmed", 1, "servers", "name",
		"rs1", "address", "192.0.2.11", "port", 80, "state", "up", "programmed", 1,
		"weight", 1, "active", 7, "inactive", 2, "name", "rs2", "address", "192.0.2.12",
		"port", 80, "state", "down", "programmed", 0);
}

START_TEST(a_status_says_who_is_active_why_and_what_is_balanced)
{
	print(json_pack("{s:s, s:s, s:{s:s, s:s, s:i, s:n}, s:[o], s:[o], s:{s:s}}", "node", "lb1",
		"version", "1.0", "config", "path", "/etc/tandem/tandem.json", "digest",
		"0123456789abcdef", "generation", 3, "error", "routers", router(), "services",
		service(), "sync", "mode", "off"));
	ck_assert_str_eq(text,
		"node lb1, tandem 1.0, configuration /etc/tandem/tandem.json (0123456789ab, "
		"generation "
		"3)\n"
		"router front: active for 3h 12m (peer-resigned), priority 150, VRID 51 on eth0, "
		"peer "
		"192.0.2.3\n"
		"  192.0.2.100/24\n"
		"service http: tcp 192.0.2.100:80 direct wlc, pool web\n"
		"    rs1              192.0.2.11:80  up, weight 1, 7 active, 2 inactive\n"
		"    rs2              192.0.2.12:80  down, not in the table\n"
		"sync: off (there is no link)\n");
}
END_TEST

START_TEST(a_takeover_that_is_withheld_is_not_overlooked)
{
	json_t *r = router();

	(void)json_object_set_new(r, "withheld", json_true());
	print(json_pack("{s:[o]}", "routers", r));
	ck_assert_ptr_nonnull(strstr(text, "\n  ADVERTS MISSING, and the peer says over the link "
					   "that it is Active: no takeover\n"));
}
END_TEST

START_TEST(it_is_said_whether_adverts_are_signed)
{
	json_t *r = router();

	(void)json_object_set_new(
		r, "auth", json_pack("{s:s, s:s}", "type", "link", "mode", "permissive"));
	print(json_pack("{s:[o]}", "routers", r));
	ck_assert_ptr_nonnull(
		strstr(text, " on eth0, signed by the link's key (permissive), peer "));
}
END_TEST

START_TEST(addresses_that_move_along_are_on_lines_of_their_own)
{
	json_t *r = router();

	(void)json_object_set_new(r, "excluded_addresses", json_pack("[s, s]", "a/64", "b/24"));
	(void)json_object_set_new(r, "snat_addresses", json_pack("[s]", "c/24"));
	(void)json_object_set_new(r, "snat_interface", json_string("eth2"));
	print(json_pack("{s:[o]}", "routers", r));
	ck_assert_ptr_nonnull(
		strstr(text, "\n  192.0.2.100/24\n  excluded a/64 b/24\n  snat on eth2 c/24\n"));
}
END_TEST

START_TEST(what_is_tracked_is_shown_while_it_fails)
{
	json_t *r = router();

	(void)json_object_set_new(r, "score", json_string("base 150, -60 ping a = 90"));
	(void)json_object_set_new(r, "causes", json_array());
	(void)json_object_set_new(
		r, "notify", json_pack("{s:i, s:i, s:i}", "runs", 7, "failures", 0, "skipped", 0));
	print(json_pack("{s:[O], s:[{s:s, s:s, s:s, s:s}]}", "routers", r, "trackers", "name",
		"ping a", "state", "up", "reason", "answered", "trouble", ""));
	ck_assert_ptr_null(strstr(text, "base"));
	ck_assert_ptr_null(strstr(text, "notify"));
	ck_assert_ptr_null(strstr(text, "tracked"));
	free(text);
	(void)json_object_set_new(
		r, "causes", json_pack("[{s:s, s:i}]", "text", "ping a", "weight", -60));
	(void)json_object_set_new(
		r, "notify", json_pack("{s:i, s:i, s:i}", "runs", 7, "failures", 1, "skipped", 2));
	print(json_pack("{s:[o], s:[{s:s, s:s, s:s, s:s}]}", "routers", r, "trackers", "name",
		"ping a", "state", "down", "reason", "did not answer", "trouble", "x"));
	ck_assert_ptr_nonnull(strstr(text, "\n  base 150, -60 ping a = 90\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n  notify: 1 of 7 runs failed, 2 states skipped\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "\ntracked ping a fails: did not answer\ntracked ping a: x\n"));
}
END_TEST

static json_t *degraded_service(void)
{
	return json_pack(
		"{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:b, s:{s:s, s:i, s:i, s:b, s:i}, s:{s:s, "
		"s:b, s:[{s:s, s:s, s:i, s:s, s:b, s:i, s:s}]}, s:[{s:s, s:s, s:i, s:s, s:b, s:i, "
		"s:s, s:i}]}",
		"name", "http", "protocol", "tcp", "listen", "192.0.2.100", "port", 80, "forward",
		"direct", "scheduler", "wlc", "pool", "web", "programmed", 1, "quorum", "state",
		"lost", "usable_weight", 1, "quorum", 3, "panic", 1, "held_in", 2, "fallback",
		"pool", "sorry", "used", 1, "servers", "name", "sorry1", "address", "192.0.2.90",
		"port", 80, "state", "up", "programmed", 1, "weight", 1, "reason", "fallback",
		"servers", "name", "rs1", "address", "192.0.2.11", "port", 80, "state", "up",
		"programmed", 1, "weight", 4, "reason", "slow-start", "percent", 40);
}

START_TEST(a_pool_says_what_is_not_as_it_should_be_and_servers_why)
{
	print(json_pack("{s:[o]}", "services", degraded_service()));
	ck_assert_ptr_nonnull(strstr(text,
		"service http: tcp 192.0.2.100:80 direct wlc, pool web, NO QUORUM (usable weight 1 "
		"of 3), PANIC: all servers are used, 2 held in by max_ejected, pool sorry serves "
		"instead\n"
		"    rs1              192.0.2.11:80  up, weight 4 (slow start, 40 %), 0 active, 0 "
		"inactive\n"
		"    sorry1           192.0.2.90:80  up, weight 1 (fallback), 0 active, 0 "
		"inactive\n"));
}
END_TEST

START_TEST(decisions_of_operators_are_told_with_what_is_left_of_them)
{
	print(json_pack("{s:[{s:s, s:s, s:s, s:s, s:I, s:b, s:i, s:i}, {s:s, s:s, s:s, s:i, s:b}]}",
		"overrides", "pool", "web", "server", "rs1", "decision", "drain", "drain",
		"draining", "deadline_us", (json_int_t)(now.us + 90000000), "known", 1, "active",
		12, "inactive", 3, "pool", "web", "server", "rs9", "decision", "fail", "set_weight",
		7, "known", 0));
	ck_assert_ptr_nonnull(strstr(text,
		"operator: web/rs1: draining, 12 active, 3 inactive connections, 1m 30s left\n"
		"operator: web/rs9: taken as down, weight 7, unknown: the configuration has no "
		"such server\n"));
}
END_TEST

START_TEST(problems_come_last_and_are_marked)
{
	print(json_pack(
		"{s:{s:[s]}, s:{s:s, s:s, s:b, s:b, s:i}, s:[{s:s, s:s, s:i, s:i}], s:{s:[s]}}",
		"config", "error", "tandem.json:3:5: /nodes: nothing there", "sync", "mode",
		"kernel", "interface", "eth1", "master", 1, "backup", 0, "last_heard_us", 0,
		"helpers", "name", "checker", "state", "up", "pid", 42, "restarts", 2, "ipvs",
		"errors", "no scheduler \"wlcc\" in this kernel"));
	ck_assert_ptr_nonnull(strstr(text,
		"sync: kernel on eth1, master runs, backup does not run, nothing heard yet\n"
		"process tandem-checker: up, pid 42, restarted 2 times\n"
		"PROBLEM: no scheduler \"wlcc\" in this kernel\n"
		"PROBLEM: the file was refused at the last reload:\n"
		"PROBLEM: tandem.json:3:5: /nodes: nothing there\n"));
}
END_TEST

START_TEST(a_peer_that_is_not_heard_is_a_problem_and_what_it_said_is_old)
{
	print(json_pack("{s:{s:s, s:b, s:b, s:I, s:s, s:{s:{s:{s:s, s:i}}}}}", "peer", "name",
		"lb2", "alive", 0, "stream", 0, "since_us",
		(json_int_t)(now.us - UINT64_C(3000000)), "reason",
		"handshake: the two have no key in common", "state", "routers", "front", "state",
		"backup", "priority", 100));
	ck_assert_ptr_nonnull(strstr(text,
		"peer lb2: NOT HEARD for 3s, stream not open (handshake: the two have no key in "
		"common)\n"
		"  router front on lb2: backup, priority 100, when last heard\n"));
	ck_assert_ptr_nonnull(strstr(text,
		"PROBLEM: lb2 is not heard over the link: handshake: the two have no key in "
		"common\n"));
}
END_TEST

START_TEST(a_process_that_does_not_stay_is_a_problem)
{
	print(json_pack("{s:[{s:s, s:s, s:i, s:i, s:s}, {s:s, s:s, s:i, s:i, s:s}]}", "helpers",
		"name", "elector", "state", "waiting", "pid", 0, "restarts", 6, "death",
		"exited with status 1", "name", "link", "state", "up", "pid", 7, "restarts", 1,
		"death", "was killed by SIGKILL"));
	ck_assert_ptr_nonnull(strstr(text,
		"process tandem-elector: waiting, pid 0, restarted 6 times; the last one exited "
		"with status 1\n"
		"process tandem-link: up, pid 7, restarted 1 times; the last one was killed by "
		"SIGKILL\n"
		"PROBLEM: tandem-elector does not run: it exited with status 1\n"));
	ck_assert_ptr_null(strstr(text, "PROBLEM: tandem-link"));
}
END_TEST

START_TEST(an_answer_of_another_version_is_printed_as_far_as_it_goes)
{
	print(json_pack(
		"{s:[i, {}], s:[{s:[{}]}], s:i}", "routers", 7, "services", "servers", "sync", 3));
	ck_assert_ptr_nonnull(strstr(text, "sync: "));
}
END_TEST

static json_t *checked_server(void)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:i, s:s, s:s, s:[{s:s, s:s, s:i, "
			 "s:i, s:s, s:i}], s:[{s:s, s:s, s:I, s:s, s:i, s:i, s:[{s:I, s:b, s:i, "
			 "s:s}]}, {s:s, s:s}]}",
		"pool", "web", "server", "rs1", "decision", "none", "active", 3, "inactive", 1,
		"state", "down", "address", "192.0.2.11", "configured_weight", 5, "decided_by",
		"checks", "combined", "all", "services", "service", "http", "listen", "192.0.2.100",
		"port", 80, "mark", 0, "reason", "down", "effective_weight", 0, "checks", "id",
		"tcp 192.0.2.11:80", "verdict", "down", "since_us",
		(json_int_t)(now.us - UINT64_C(90000000)), "reason", "connect: refused in 0.4 ms",
		"checks", 120, "failures", 3, "history", "at_us",
		(json_int_t)(now.us - UINT64_C(1000000)), "passed", 0, "latency_us", 400, "reason",
		"connect: refused", "id", "tcp 192.0.2.11:81", "verdict", "up");
}

START_TEST(a_server_says_what_it_is_why_and_since_when)
{
	json_t *server = checked_server();
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(server);
	ck_assert_ptr_nonnull(f);
	print_server_view(f, server, now);
	(void)fclose(f);
	json_decref(server);
	ck_assert_str_eq(text,
		"web/rs1: in use, 3 active, 1 inactive connections\n"
		"  down at 192.0.2.11, configured weight 5: its checks say so\n"
		"  service http (192.0.2.100:80): weight 0\n"
		"  it is up when all of these checks find it up\n"
		"  check tcp 192.0.2.11:80: down for 1m 30s, connect: refused in 0.4 ms; 120 "
		"checks, 3 failures\n"
		"          1s ago  FAILED  connect: refused, 400us\n"
		"  check tcp 192.0.2.11:81: up, and the checker does not answer\n");
}
END_TEST

START_TEST(events_have_the_local_time_their_name_and_what_happened)
{
	json_t *answer = json_pack("{s:[{s:i, s:I, s:s, s:s, s:n}]}", "events", "number", 1,
		"unix_us", (json_int_t)1700000000012345, "event", "peer-lost", "message",
		"lb2 is not heard over the link", "router");
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(answer);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	print_events(f, answer);
	(void)fclose(f);
	json_decref(answer);
	ck_assert_str_eq(
		text, "2023-11-14 22:13:20.012 peer-lost lb2 is not heard over the link\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("print");
	TCase *tc = tcase_create("print");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_add_test(tc, events_have_the_local_time_their_name_and_what_happened);
	tcase_add_test(tc, a_status_says_who_is_active_why_and_what_is_balanced);
	tcase_add_test(tc, a_takeover_that_is_withheld_is_not_overlooked);
	tcase_add_test(tc, it_is_said_whether_adverts_are_signed);
	tcase_add_test(tc, addresses_that_move_along_are_on_lines_of_their_own);
	tcase_add_test(tc, what_is_tracked_is_shown_while_it_fails);
	tcase_add_test(tc, a_pool_says_what_is_not_as_it_should_be_and_servers_why);
	tcase_add_test(tc, decisions_of_operators_are_told_with_what_is_left_of_them);
	tcase_add_test(tc, problems_come_last_and_are_marked);
	tcase_add_test(tc, a_peer_that_is_not_heard_is_a_problem_and_what_it_said_is_old);
	tcase_add_test(tc, a_process_that_does_not_stay_is_a_problem);
	tcase_add_test(tc, an_answer_of_another_version_is_printed_as_far_as_it_goes);
	tcase_add_test(tc, a_server_says_what_it_is_why_and_since_when);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
