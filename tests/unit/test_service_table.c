/* link/service_table: which of the kernel's services a connection belongs to. */
#include "link/service_table.h"

#include "core/sync_message.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>

static struct service_table table;

static void read_lines(const char *const *lines, size_t n)
{
	struct service_line line;

	for (size_t i = 0; i < n; i++) {
		ck_assert(service_line_parse(lines[i], &line));
		service_table_add(&table, &line);
	}
	service_table_sort(&table);
}

#define READ(...)                                                                                  \
	read_lines((const char *const[]){__VA_ARGS__},                                             \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void setup(void)
{
	table = (struct service_table){0};
}

static void teardown(void)
{
	service_table_done(&table);
}

static struct sync_record connection(
	const char *service, uint16_t port, const char *server, uint16_t server_port)
{
	struct sync_record r = {
		.protocol = IPPROTO_TCP, .service_port = port, .server_port = server_port};

	ck_assert(addr_parse(service, &r.service) && addr_parse(server, &r.server));
	return r;
}

START_TEST(the_only_service_by_mark_that_has_the_server_gives_the_mark)
{
	struct sync_record r = connection("192.0.2.100", 8080, "192.0.2.11", 8080);

	READ("FWM  00000007 rr  ", "  -> C000020B:0000      Route   1      0          0",
		"FWM  00000008 rr  ", "  -> C000020C:1F90      Masq    1      0          0");
	ck_assert_uint_eq(service_table_mark(&table, &r), 7);
	r = connection("192.0.2.100", 80, "192.0.2.12", 8080);
	ck_assert_uint_eq(service_table_mark(&table, &r), 8);
	r = connection("192.0.2.100", 80, "192.0.2.12", 80);
	ck_assert_uint_eq(service_table_mark(&table, &r), 0);
}
END_TEST

START_TEST(a_server_of_two_marks_tells_neither)
{
	struct sync_record r = connection("192.0.2.100", 8080, "192.0.2.11", 8080);

	READ("FWM  00000007 rr  ", "  -> C000020B:0000      Route   1      0          0",
		"FWM  00000008 rr  ", "  -> C000020B:1F90      Route   1      0          0");
	ck_assert_uint_eq(service_table_mark(&table, &r), 0);
	r = connection("192.0.2.100", 8080, "192.0.2.11", 8081);
	ck_assert_uint_eq(service_table_mark(&table, &r), 7);
}
END_TEST

START_TEST(where_a_service_has_the_address_there_is_no_mark)
{
	struct sync_record r = connection("192.0.2.100", 80, "192.0.2.11", 80);

	READ("FWM  00000007 rr  ", "  -> C000020B:0000      Route   1      0          0",
		"TCP  C0000264:0050 rr  ", "  -> C000020B:0050      Route   1      0          0");
	ck_assert_uint_eq(service_table_mark(&table, &r), 0);
	r.service_port = 81;
	ck_assert_uint_eq(service_table_mark(&table, &r), 7);
}
END_TEST

START_TEST(one_mark_may_be_of_both_families)
{
	struct sync_record four = connection("192.0.2.100", 80, "192.0.2.11", 80);
	struct sync_record six = connection("2001:db8::100", 80, "2001:db8::11", 80);

	READ("FWM  00000007 rr  ", "  -> C000020B:0000      Route   1      3          0",
		"FWM  00000007 IPv6 rr  ",
		"  -> [2001:0db8:0000:0000:0000:0000:0000:0011]:0000      Route   1      5         "
		" "
		"0");
	ck_assert_uint_eq(service_table_mark(&table, &six), 7);
	four.mark = six.mark = 7;
	ck_assert_uint_eq(service_table_find(&table, &four)->active, 3);
	ck_assert_uint_eq(service_table_find(&table, &six)->active, 5);
	ck_assert(service_table_has_server(&table, service_table_find(&table, &six), &six));
	ck_assert(!service_table_has_server(&table, service_table_find(&table, &six), &four));
}
END_TEST

START_TEST(an_empty_table_knows_nothing)
{
	struct sync_record r = connection("192.0.2.100", 80, "192.0.2.11", 80);

	service_table_sort(&table);
	ck_assert_uint_eq(service_table_mark(&table, &r), 0);
	ck_assert_ptr_null(service_table_find(&table, &r));
	READ("FWM  00000007 rr  ");
	ck_assert_uint_eq(service_table_mark(&table, &r), 0);
	service_table_clear(&table);
	ck_assert_uint_eq(table.n_services, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service_table");
	TCase *tc = tcase_create("service_table");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_only_service_by_mark_that_has_the_server_gives_the_mark);
	tcase_add_test(tc, a_server_of_two_marks_tells_neither);
	tcase_add_test(tc, where_a_service_has_the_address_there_is_no_mark);
	tcase_add_test(tc, one_mark_may_be_of_both_families);
	tcase_add_test(tc, an_empty_table_knows_nothing);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
