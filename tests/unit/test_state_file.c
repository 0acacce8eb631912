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

static const struct moved vip = {.kind = MOVED_ADDRESS,
	.advertised = true,
	.address.prefix = {{AF_INET, {192, 0, 2, 100}}, 24}};

static const struct state_list impossible_lists[] = {
	{UINT32_MAX, 1}, {0, UINT32_MAX}, {250, 100000}};

START_TEST(lists_that_cannot_be_are_not_trusted)
{
	struct state_file s = opened();

	s.routers[0].used = true;
	s.routers[0].list = impossible_lists[_i];
	state_file_close(&s);
	s = opened();
	ck_assert(!s.routers[0].used);
	state_file_close(&s);
}
END_TEST

static const struct moved impossible[] = {
	{.kind = MOVED_KIND_MAX_},
	{.kind = MOVED_ADDRESS}, /* without a family */
	{.kind = MOVED_ADDRESS, .place = MOVED_ANYWHERE, .address.prefix = {{AF_INET, {10}}, 8}},
	{.kind = MOVED_ADDRESS, .place = 200, .address.prefix = {{AF_INET, {10}}, 8}},
	{.kind = MOVED_ADDRESS, .address.prefix = {{AF_INET, {10}}, 33}},
	{.kind = MOVED_ADDRESS, .address = {{{AF_INET, {10}}, 8}, 0, "sixteen letters!"}},
	{.kind = MOVED_ROUTE, .route = {.to = {{AF_INET, {10}}, 8}, .type = MOVED_ROUTE_TYPE_MAX_}},
	{.kind = MOVED_ROUTE, .route = {.to = {{AF_INET, {10}}, 8}, .via = {AF_INET6, {1}}}},
	{.kind = MOVED_RULE, .rule = {.family = 7}},
	{.kind = MOVED_RULE, .rule = {.family = AF_INET, .from = {{AF_INET6, {1}}, 8}}},
};

START_TEST(things_that_cannot_be_are_not_trusted)
{
	struct state_file s = opened();

	s.routers[0].used = true;
	state_file_record(&s, &s.routers[0], 1, &impossible[_i], 1);
	state_file_close(&s);
	s = opened();
	ck_assert(!s.routers[0].used);
	state_file_close(&s);
}
END_TEST

START_TEST(a_list_is_there_for_a_successor_however_long)
{
	static struct moved many[STATE_MOVED_MAX];
	struct state_file s = opened();

	for (size_t i = 0; i < STATE_MOVED_MAX; i++) {
		many[i] = vip;
		many[i].address.prefix.addr.bytes[2] = (uint8_t)(i >> 8);
		many[i].address.prefix.addr.bytes[3] = (uint8_t)i;
	}
	s.routers[STATE_ROUTERS_MAX - 1].used = true;
	state_file_record(&s, &s.routers[STATE_ROUTERS_MAX - 1], 3, many, 1);
	ck_assert_int_eq(state_file_grow(&s, 5 + STATE_MOVED_MAX), 0);
	ck_assert_uint_ge(s.n_moved, 5 + STATE_MOVED_MAX);
	ck_assert(moved_equal(state_file_list(&s, &s.routers[STATE_ROUTERS_MAX - 1]), &many[0]));
	state_file_record(&s, &s.routers[STATE_ROUTERS_MAX - 1], 5, many, STATE_MOVED_MAX);
	state_file_close(&s);
	s = opened();
	ck_assert_uint_eq(s.routers[STATE_ROUTERS_MAX - 1].list.n, STATE_MOVED_MAX);
	ck_assert(moved_equal(
		state_file_list(&s, &s.routers[STATE_ROUTERS_MAX - 1]) + STATE_MOVED_MAX - 1,
		&many[STATE_MOVED_MAX - 1]));
	state_file_close(&s);
}
END_TEST

START_TEST(a_file_that_cannot_grow_stays_as_it_was)
{
	struct state_file s;

	if (unshare(CLONE_NEWNS) < 0)
		return; /* to mount one takes root */
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("none", dir, "tmpfs", 0, "size=2m"), 0);
	s = opened();
	s.routers[0].used = true;
	state_file_record(&s, &s.routers[0], 0, &vip, 1);
	ck_assert_int_eq(state_file_grow(&s, 100000), -ENOSPC);
	ck_assert(moved_equal(state_file_list(&s, &s.routers[0]), &vip));
	state_file_close(&s);
	ck_assert_int_eq(umount(dir), 0);
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

	s.routers[0] = (struct state_router){.used = true, .vrid = 51};
	state_file_record(&s, &s.routers[0], 0, &vip, 1);
	state_file_close(&s);
	ck_assert_int_eq(leftovers_remove(dir, LEFTOVERS_ALL, NULL, NULL), 0);
}
END_TEST

START_TEST(fresh_leftovers_can_be_spared)
{
	struct state_file s = opened();
	struct state_router router = {.used = true,
		.active = true,
		.vrid = 51,
		.interval_cs = 100,
		.down_intervals = VRRP_DOWN_INTERVALS,
		.spoke = clock_now()};
	struct instant end =
		instant_add(router.spoke, vrrp_shortest_down_us(100, VRRP_DOWN_INTERVALS));

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

START_TEST(a_file_that_was_removed_is_made_again_under_who_uses_it)
{
	struct state_file s = opened(), other;
	struct state_router *router = &s.routers[7];
	const struct moved *moved = s.moved;

	ck_assert_int_eq(state_file_grow(&s, 5000), 0);
	moved = s.moved;
	*router = (struct state_router){.used = true, .vrid = 51, .spoke = {12345}};
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(state_file_renew(&s, dir), 0);
	ck_assert_ptr_eq(&s.routers[7], router);
	ck_assert_ptr_eq(s.moved, moved);
	router->spoke.us = 23456; /* into the new file */
	ck_assert_int_eq(state_file_open(dir, true, &other), -EWOULDBLOCK);
	state_file_close(&s);
	s = opened();
	ck_assert_uint_eq(s.routers[7].spoke.us, 23456);
	ck_assert_uint_ge(s.n_moved, 5000);
	state_file_close(&s);
}
END_TEST

START_TEST(a_file_that_cannot_be_made_again_leaves_what_is_used)
{
	struct state_file s = opened(), other;

	s.routers[0] = (struct state_router){.used = true, .vrid = 51};
	ck_assert_int_eq(state_file_renew(&s, "/nonexistent"), -ENOENT);
	ck_assert_int_eq(unlink(path), 0);
	other = opened();
	ck_assert_int_eq(state_file_renew(&s, dir), -EWOULDBLOCK);
	ck_assert_uint_eq(s.routers[0].vrid, 51);
	state_file_close(&other);
	state_file_close(&s);
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
	tcase_add_loop_test(tc, lists_that_cannot_be_are_not_trusted, 0, 3);
	tcase_add_loop_test(tc, things_that_cannot_be_are_not_trusted, 0,
		sizeof(impossible) / sizeof(impossible[0]));
	tcase_add_test(tc, a_list_is_there_for_a_successor_however_long);
	tcase_add_test(tc, a_file_that_cannot_grow_stays_as_it_was);
	tcase_add_test(tc, a_record_without_an_end_to_its_name_is_not_trusted);
	tcase_add_test(tc, a_short_file_is_emptied);
	tcase_add_test(tc, a_router_that_was_not_active_leaves_nothing_behind);
	tcase_add_test(tc, fresh_leftovers_can_be_spared);
	tcase_add_test(tc, a_file_that_was_removed_is_made_again_under_who_uses_it);
	tcase_add_test(tc, a_file_that_cannot_be_made_again_leaves_what_is_used);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
