/* The mapped state file, and the tidying up that reads it. */
#include "core/vrrp.h"
#include "elector/leftovers.h"
#include "elector/state_file.h"
#include "io/clock.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/tandem-state-XXXXXX";
static char path[64];

static void set_up(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/tandem-state-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/elector.state", dir);
}

static void tear_down(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static struct state_file opened(void)
{
	struct state_file s;

	ck_assert_int_eq(state_file_open(dir, true, &s), 0);
	return s;
}

START_TEST(a_missing_file_is_made_only_when_asked)
{
	struct state_file s = {.fd = 42};

	ck_assert_int_eq(state_file_open(dir, false, &s), -ENOENT);
	ck_assert_int_eq(s.fd, 42);
	ck_assert_int_eq(leftovers_remove(dir, LEFTOVERS_ALL, NULL, NULL), 0);
	s = opened();
	ck_assert(!s.routers[0].used);
	state_file_close(&s);
}
END_TEST

START_TEST(what_is_stored_is_there_for_a_successor)
{
	struct state_file s = opened();

	s.routers[3] = (struct state_router){.used = true, .vrid = 51, .spoke = {12345}};
	state_file_close(&s);
	s = opened();
	ck_assert(s.routers[3].used);
	ck_assert_uint_eq(s.routers[3].spoke.us, 12345);
	state_file_close(&s);
}
END_TEST

START_TEST(a_successor_is_told_that_somebody_has_the_file)
{
	struct state_file first = opened(), second;

	ck_assert_int_eq(state_file_open(dir, true, &second), -EWOULDBLOCK);
	ck_assert_int_eq(leftovers_remove(dir, LEFTOVERS_ALL, NULL, NULL), -EWOULDBLOCK);
	state_file_close(&first);
	second = opened();
	state_file_close(&second);
}
END_TEST

START_TEST(a_full_file_system_is_an_error_and_not_a_signal)
{
	struct state_file s;

	if (unshare(CLONE_NEWNS) < 0)
		return; /* to mount one takes root */
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("none", dir, "tmpfs", 0, "size=64k"), 0);
	ck_assert_int_eq(state_file_open(dir, true, &s), -ENOSPC);
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

static void damage(off_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 0x55;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

START_TEST(a_file_of_another_boot_version_or_program_is_emptied)
{
	static const off_t places[] = {
		0 /* magic */, 8 /* version */, 12 /* size */, 16 /* boot */};
	struct state_file s = opened();

	s.routers[0] = (struct state_router){.used = true, .active = true};
	state_file_close(&s);
	damage(places[_i]);
	s = opened();
	ck_assert(!s.routers[0].used);
	state_file_close(&s);
}
END_TEST

static const struct state_addrs impossible[] = {
	{.n_advertised = STATE_ADDRS_MAX + 1, .n_home = 300, .n = 300},
	{.n_advertised = 2, .n_home = 1, .n = 3},
	{.n_advertised = 1, .n_home = 3, .n = 2},
	{.n_advertised = 1, .n_home = 1, .n = STATE_MOVED_MAX + 1},
};

START_TEST(addresses_that_cannot_be_are_not_trusted)
{
	struct state_file s = opened();

	s.routers[0].used = true;
	s.routers[0].addrs = impossible[_i];
	state_file_close(&s);
	s = opened();
	ck_assert(!s.routers[0].used);
	state_file_close(&s);
}
END_TEST

START_TEST(a_place_has_its_part_of_the_addresses)
{
	struct state_addrs a = {.n_advertised = 1, .n_home = 3, .n = 5};

	ck_assert_ptr_eq(state_addrs_at(&a, STATE_HOME).addrs, a.list);
	ck_assert_uint_eq(state_addrs_at(&a, STATE_HOME).n, 3);
	ck_assert_ptr_eq(state_addrs_at(&a, STATE_AWAY).addrs, a.list + 3);
	ck_assert_uint_eq(state_addrs_at(&a, STATE_AWAY).n, 2);
}
END_TEST

START_TEST(a_record_without_an_end_to_its_name_is_not_trusted)
{
	struct state_file s = opened();

	memset(s.routers[0].name, 'x', sizeof(s.routers[0].name));
	s.routers[0].used = true;
	state_file_close(&s);
	s = opened();
	ck_assert(!s.routers[0].used);
	state_file_close(&s);
}
END_TEST

START_TEST(a_short_file_is_emptied)
{
	struct state_file s = opened();

	state_file_close(&s);
	ck_assert_int_eq(truncate(path, 10), 0);
	s = opened();
	ck_assert(!s.routers[STATE_ROUTERS_MAX - 1].used);
	state_file_close(&s);
}
END_TEST

START_TEST(a_router_that_was_not_active_leaves_nothing_behind)
{
	struct state_file s = opened();

	s.routers[0] = (struct state_router){
		.used = true, .vrid = 51, .addrs = {.n_advertised = 1, .n_home = 1, .n = 1}};
	state_file_close(&s);
	ck_assert_int_eq(leftovers_remove(dir, LEFTOVERS_ALL, NULL, NULL), 0);
}
END_TEST

START_TEST(fresh_leftovers_can_be_spared)
{
	struct state_file s = opened();
	struct state_router router = {
		.used = true, .active = true, .vrid = 51, .interval_cs = 100, .down_intervals = VRRP_DOWN_INTERVALS, .spoke = clock_now()};
	struct instant end = instant_add(router.spoke, vrrp_shortest_down_us(100, VRRP_DOWN_INTERVALS));

	ck_assert(state_router_is_fresh(&router, (struct instant){end.us - 1}));
	ck_assert(!state_router_is_fresh(&router, end));
	s.routers[0] = router;
	router.spoke.us -= 60000000;
	s.routers[1] = router;
	state_file_close(&s);
	ck_assert_int_eq(leftovers_remove(dir, LEFTOVERS_STALE, NULL, NULL), 1);
	s = opened();
	ck_assert(s.routers[0].active);
	ck_assert(!s.routers[1].active);
	state_file_close(&s);
	ck_assert_int_eq(leftovers_remove(dir, LEFTOVERS_ALL, NULL, NULL), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state_file");
	TCase *tc = tcase_create("state_file");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_missing_file_is_made_only_when_asked);
	tcase_add_test(tc, what_is_stored_is_there_for_a_successor);
	tcase_add_test(tc, a_successor_is_told_that_somebody_has_the_file);
	tcase_add_test(tc, a_full_file_system_is_an_error_and_not_a_signal);
	tcase_add_loop_test(tc, a_file_of_another_boot_version_or_program_is_emptied, 0, 4);
	tcase_add_loop_test(tc, addresses_that_cannot_be_are_not_trusted, 0, 4);
	tcase_add_test(tc, a_place_has_its_part_of_the_addresses);
	tcase_add_test(tc, a_record_without_an_end_to_its_name_is_not_trusted);
	tcase_add_test(tc, a_short_file_is_emptied);
	tcase_add_test(tc, a_router_that_was_not_active_leaves_nothing_behind);
	tcase_add_test(tc, fresh_leftovers_can_be_spared);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
