/* The record of tandemctl realserver: what is read is what was written, and nothing else passes. */
#include "realserver/record.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], path[96];

static void setup(void)
{
	strcpy(directory, "/tmp/tandem-test-record.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/realserver.json", directory);
}

static void teardown(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(directory), 0); /* nothing else was left behind */
}

static const struct realserver_item setting = {.what = REALSERVER_SETTING,
	.name = "net/ipv4/conf/all/arp_ignore",
	.value = "1",
	.old = "0"};
static const struct realserver_item device = {.what = REALSERVER_DEVICE,
	.link = "tandem-gre",
	.kind = REALSERVER_GRE,
	.local = {AF_INET, {192, 0, 2, 11}},
	.checksum = true};
static const struct realserver_item module_device = {
	.what = REALSERVER_DEVICE, .link = "tunl0", .kind = REALSERVER_IPIP};
static const struct realserver_item listener = {
	.what = REALSERVER_LISTENER, .family = AF_INET6, .port = 6080};
static const struct realserver_item up = {.what = REALSERVER_UP, .link = "tunl0"};
static const struct realserver_item address = {
	.what = REALSERVER_ADDRESS, .link = "lo", .addr = {{AF_INET, {192, 0, 2, 100}}, 32}};
static const struct realserver_item *const all[] = {
	&setting, &device, &module_device, &listener, &up, &address};
#define N_ALL (sizeof(all) / sizeof(all[0]))

static void write_text(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static int load(struct record *ret)
{
	return record_load(directory, ret);
}

START_TEST(what_is_read_is_what_was_written)
{
	struct record r, again;

	ck_assert_int_eq(load(&r), 0);
	ck_assert_uint_eq(r.n, 0);
	for (size_t i = 0; i < N_ALL; i++)
		ck_assert_int_eq(record_add(&r, all[i]), 0);
	ck_assert_int_eq(load(&again), 0);
	ck_assert_uint_eq(again.n, N_ALL);
	for (size_t i = 0; i < N_ALL; i++)
		ck_assert(realserver_item_equal(&again.items[i], all[i]));
	ck_assert_str_eq(again.items[0].old, "0");
	ck_assert_str_eq(again.items[0].value, "1");
	record_done(&again);
	record_done(&r);
}
END_TEST

START_TEST(the_first_old_value_stays)
{
	struct realserver_item later = setting;
	struct record r;

	strcpy(later.old, "1");
	ck_assert_int_eq(load(&r), 0);
	ck_assert_int_eq(record_add(&r, &setting), 0);
	ck_assert_int_eq(record_add(&r, &later), 0);
	ck_assert_uint_eq(r.n, 1);
	ck_assert_str_eq(r.items[0].old, "0");
	record_done(&r);
}
END_TEST

START_TEST(the_file_goes_with_its_last_item)
{
	struct record r;

	ck_assert_int_eq(load(&r), 0);
	ck_assert_int_eq(record_remove(&r, &up), 0); /* it has none */
	ck_assert_int_eq(record_add(&r, &up), 0);
	ck_assert_int_eq(record_add(&r, &address), 0);
	ck_assert_int_eq(record_remove(&r, &up), 0);
	ck_assert_uint_eq(r.n, 1);
	ck_assert(realserver_item_equal(&r.items[0], &address));
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(record_remove(&r, &address), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
	record_done(&r);
}
END_TEST

START_TEST(after_a_reboot_nothing_is_recorded)
{
	struct record r;

	write_text("{\"boot_id\": \"another\", \"changes\": [{\"what\": \"up\", \"link\": "
		   "\"tunl0\"}]}");
	ck_assert_int_eq(load(&r), 0);
	ck_assert_uint_eq(r.n, 0);
	record_done(&r);
}
END_TEST

START_TEST(what_cannot_be_written_is_not_remembered)
{
	struct record r;

	ck_assert_int_eq(load(&r), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0); /* rename() over it fails */
	ck_assert_int_lt(record_add(&r, &up), 0);
	ck_assert_uint_eq(r.n, 0);
	ck_assert_int_eq(rmdir(path), 0);
	record_done(&r);
}
END_TEST

static const char *const bad_items[] = {
	"7",
	"{\"what\": \"other\"}",
	"{\"what\": \"up\"}",
	"{\"what\": \"up\", \"link\": \"a-name-of-16-char\"}",
	"{\"what\": \"setting\", \"name\": \"kernel/panic\", \"value\": \"1\", \"old\": \"0\"}",
	"{\"what\": \"setting\", \"name\": \"net/ipv4/ip_forward\", \"value\": \"1\"}",
	"{\"what\": \"device\", \"link\": \"a\", \"kind\": \"vxlan\"}",
	"{\"what\": \"device\", \"link\": \"a\", \"kind\": \"gre\", \"local\": \"x\"}",
	"{\"what\": \"listener\", \"family\": \"ipv4\", \"port\": 65536}",
	"{\"what\": \"listener\", \"family\": \"ipx\", \"port\": 1}",
	"{\"what\": \"address\", \"link\": \"lo\", \"address\": \"192.0.2.100/33\"}",
};

START_TEST(an_item_that_is_none_spoils_the_record)
{
	char text[256], boot_id[40] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
	struct record r;

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(boot_id, 37, f));
	ck_assert_int_eq(fclose(f), 0);
	(void)snprintf(text, sizeof(text), "{\"boot_id\": \"%s\", \"changes\": [%s]}", boot_id,
		bad_items[_i]);
	write_text(text);
	ck_assert_int_eq(load(&r), -EBADMSG);
	ck_assert_int_eq(access(path, F_OK), 0); /* somebody should look at it */
}
END_TEST

START_TEST(what_is_no_record_is_refused)
{
	static const char *const texts[] = {
		"", "[]", "{", "{\"boot_id\": 1, \"changes\": []}", "{\"boot_id\": \"x\"}"};
	struct record r;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_text(texts[i]);
		ck_assert_int_eq(load(&r), -EBADMSG);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("realserver_record");
	TCase *t = tcase_create("record");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_read_is_what_was_written);
	tcase_add_test(t, the_first_old_value_stays);
	tcase_add_test(t, the_file_goes_with_its_last_item);
	tcase_add_test(t, after_a_reboot_nothing_is_recorded);
	tcase_add_test(t, what_cannot_be_written_is_not_remembered);
	tcase_add_loop_test(t, an_item_that_is_none_spoils_the_record, 0,
		(int)(sizeof(bad_items) / sizeof(bad_items[0])));
	tcase_add_test(t, what_is_no_record_is_refused);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
