/* The page between tandem-link and the elector: what was written is read, and whole, whatever the
 * writer is doing meanwhile. */
#include "io/peer_memory.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUTERS 64u
#define ANSWERS 2000u /* ... of different tables: the reading goes on until it had as many */

static struct peer_page page;

static void fresh(void)
{
	memset(&page, 0, sizeof(page));
	peer_page_init(&page);
}

START_TEST(an_empty_page_knows_nobody)
{
	struct peer_news news = {.known = true};

	ck_assert(peer_page_read(&page, peer_page_hash("front"), &news));
	ck_assert_uint_eq(news.heard.us, 0);
	ck_assert_uint_eq(news.told.us, 0);
	ck_assert(!news.known);
}
END_TEST

START_TEST(what_was_written_is_read_by_name)
{
	const struct peer_router routers[] = {
		{peer_page_hash("front"), 2, 0}, {peer_page_hash("back"), 1, PEER_ROUTER_CUT_OFF}};
	struct peer_news news;

	peer_page_write(&page, routers, 2, (struct instant){100});
	peer_page_heard(&page, (struct instant){150}, false);
	ck_assert(peer_page_read(&page, peer_page_hash("back"), &news));
	ck_assert(news.known);
	ck_assert_uint_eq(news.state, 1);
	ck_assert_uint_eq(news.flags, PEER_ROUTER_CUT_OFF);
	ck_assert_uint_eq(news.heard.us, 150);
	ck_assert_uint_eq(news.told.us, 100);
	ck_assert(peer_page_read(&page, peer_page_hash("front"), &news));
	ck_assert_uint_eq(news.state, 2);
	ck_assert_uint_eq(news.flags, 0);
	ck_assert(peer_page_read(&page, peer_page_hash("other"), &news));
	ck_assert(!news.known);
}
END_TEST

START_TEST(a_dead_peer_is_dead_until_it_is_heard)
{
	struct peer_news news;

	peer_page_dead(&page, (struct instant){300});
	ck_assert(peer_page_read(&page, peer_page_hash("front"), &news));
	ck_assert_uint_eq(news.dead_until.us, 300);
	peer_page_heard(&page, (struct instant){200}, false);
	ck_assert(peer_page_read(&page, peer_page_hash("front"), &news));
	ck_assert_uint_eq(news.dead_until.us, 0);
	peer_page_dead(&page, (struct instant){400});
	peer_page_forget(&page);
	ck_assert(peer_page_read(&page, peer_page_hash("front"), &news));
	ck_assert_uint_eq(news.dead_until.us, 0);
}
END_TEST

START_TEST(a_heartbeat_confirms_the_state_when_it_is_the_present_one)
{
	struct peer_news news;

	peer_page_heard(&page, (struct instant){10}, true);
	peer_page_heard(&page, (struct instant){20}, false);
	ck_assert(peer_page_read(&page, 1, &news));
	ck_assert_uint_eq(news.heard.us, 20);
	ck_assert_uint_eq(news.told.us, 10);
}
END_TEST

START_TEST(a_later_table_replaces_the_earlier_one)
{
	const struct peer_router two[] = {{1, 1, 0}, {2, 2, 0}}, one[] = {{2, 1, 0}};
	struct peer_news news;

	peer_page_write(&page, two, 2, (struct instant){1});
	peer_page_write(&page, one, 1, (struct instant){2});
	ck_assert(peer_page_read(&page, 1, &news));
	ck_assert(!news.known);
	ck_assert(peer_page_read(&page, 2, &news));
	ck_assert(news.known);
	ck_assert_uint_eq(news.state, 1);
}
END_TEST

START_TEST(what_is_forgotten_was_never_heard)
{
	const struct peer_router one[] = {{2, 2, 0}};
	struct peer_news news;

	peer_page_write(&page, one, 1, (struct instant){1});
	peer_page_heard(&page, (struct instant){2}, true);
	peer_page_forget(&page);
	ck_assert(peer_page_read(&page, 2, &news));
	ck_assert_uint_eq(news.heard.us, 0);
	ck_assert_uint_eq(news.told.us, 0);
	ck_assert(!news.known);
}
END_TEST

START_TEST(more_routers_than_there_is_room_for_are_left_out)
{
	static struct peer_router many[PEER_PAGE_ROUTERS_MAX + 1];
	struct peer_news news;

	for (uint32_t i = 0; i <= PEER_PAGE_ROUTERS_MAX; i++)
		many[i] = (struct peer_router){i + 1, 2, 0};
	peer_page_write(&page, many, PEER_PAGE_ROUTERS_MAX + 1, (struct instant){1});
	ck_assert(peer_page_read(&page, PEER_PAGE_ROUTERS_MAX, &news));
	ck_assert(news.known);
	ck_assert(peer_page_read(&page, PEER_PAGE_ROUTERS_MAX + 1, &news));
	ck_assert(!news.known);
}
END_TEST

START_TEST(a_page_of_another_version_says_nothing)
{
	struct peer_news news = {.state = 77};

	page.version = PEER_PAGE_VERSION + 1;
	ck_assert(!peer_page_read(&page, 1, &news));
	ck_assert_uint_eq(news.state, 77);
}
END_TEST

START_TEST(a_count_beyond_the_table_is_bounded)
{
	struct peer_news news;

	page.tables[0].n = page.tables[1].n = UINT32_MAX;
	ck_assert(peer_page_read(&page, 12345, &news));
	ck_assert(!news.known);
}
END_TEST

/* A writer that stopped halfway, as one does whose core the reader took. */
START_TEST(a_writer_that_stands_still_in_the_midst_stops_no_reader)
{
	const struct peer_router one[] = {{2, 2, 0}};
	struct peer_news news;

	peer_page_write(&page, one, 1, (struct instant){1});
	page.tables[(page.turn + 1) % 2].routers[0].name_hash = 99;
	page.tables[(page.turn + 1) % 2].n = 1;
	ck_assert(peer_page_read(&page, 2, &news));
	ck_assert(news.known);
	ck_assert(peer_page_read(&page, 99, &news));
	ck_assert(!news.known);
}
END_TEST

static atomic_bool over;

/* Each table has one number everywhere: a mixture of two shows. */
static void *write_on(void *userdata)
{
	struct peer_router routers[ROUTERS];

	for (uint32_t round = 1; !over; round++) {
		for (uint32_t i = 0; i < ROUTERS; i++)
			routers[i] = (struct peer_router){i + 1, round, round};
		peer_page_write(userdata, routers, 1 + round % ROUTERS, (struct instant){round});
		peer_page_heard(userdata, (struct instant){round}, true);
	}
	return NULL;
}

START_TEST(no_reader_sees_half_a_table)
{
	pthread_t writer;
	uint32_t last = 0, answers = 0;
	int r;

	over = false;
	r = pthread_create(&writer, NULL, write_on, &page);
	ck_assert_int_eq(r, 0);
	for (uint32_t i = 0; answers < ANSWERS; i++) {
		uint64_t wanted = i % ROUTERS + 1;
		struct peer_news news;

		if (!peer_page_read(&page, wanted, &news) || !news.known)
			continue;
		ck_assert_uint_eq(news.state, news.flags);
		ck_assert_uint_ge(1 + news.state % ROUTERS, wanted);
		ck_assert_uint_ge(news.state, last);
		answers += news.state > last;
		last = news.state;
	}
	over = true;
	r = pthread_join(writer, NULL);
	ck_assert_int_eq(r, 0);
}
END_TEST

START_TEST(the_memory_is_shared_and_keeps_its_size)
{
	const struct peer_router one[] = {{2, 2, 0}};
	const struct peer_page *reader;
	struct peer_page *writer;
	struct peer_news news;
	int fd = peer_memory_new();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(peer_memory_map_writer(fd, &writer), 0);
	ck_assert_int_eq(peer_memory_map_reader(fd, &reader), 0);
	peer_page_write(writer, one, 1, (struct instant){1});
	ck_assert(peer_page_read(reader, 2, &news));
	ck_assert(news.known);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	writer->version = 77;
	peer_memory_unmap(reader);
	ck_assert_int_eq(peer_memory_map_reader(fd, &reader), -EPROTO);
	peer_memory_unmap(writer);
	peer_memory_unmap(NULL);
	close(fd);
}
END_TEST

START_TEST(memory_that_could_shrink_is_refused)
{
	const struct peer_page *reader;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(ftruncate(fd, sizeof(struct peer_page)), 0);
	ck_assert_int_eq(peer_memory_map_reader(fd, &reader), -EINVAL);
	ck_assert_int_eq(ftruncate(fd, 16), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	ck_assert_int_eq(peer_memory_map_reader(fd, &reader), -EINVAL);
	close(fd);
	ck_assert_int_eq(peer_memory_map_reader(-1, &reader), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("peer_page");
	TCase *alone = tcase_create("alone"), *shared = tcase_create("shared");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(alone, fresh, NULL);
	tcase_add_test(alone, a_dead_peer_is_dead_until_it_is_heard);
	tcase_add_test(alone, an_empty_page_knows_nobody);
	tcase_add_test(alone, what_was_written_is_read_by_name);
	tcase_add_test(alone, a_heartbeat_confirms_the_state_when_it_is_the_present_one);
	tcase_add_test(alone, a_later_table_replaces_the_earlier_one);
	tcase_add_test(alone, what_is_forgotten_was_never_heard);
	tcase_add_test(alone, more_routers_than_there_is_room_for_are_left_out);
	tcase_add_test(alone, a_page_of_another_version_says_nothing);
	tcase_add_test(alone, a_count_beyond_the_table_is_bounded);
	tcase_add_test(alone, a_writer_that_stands_still_in_the_midst_stops_no_reader);
	tcase_add_checked_fixture(shared, fresh, NULL);
	tcase_add_test(shared, no_reader_sees_half_a_table);
	tcase_add_test(shared, the_memory_is_shared_and_keeps_its_size);
	tcase_add_test(shared, memory_that_could_shrink_is_refused);
	suite_add_tcase(suite, alone);
	suite_add_tcase(suite, shared);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
