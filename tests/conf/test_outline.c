/* What two configurations have in common, whatever they are written like. */
#include "conf/outline.h"
#include "io/json_memory.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/tandem-outline-XXXXXX";

static struct tree tree;

static const struct value *parse(const char *text)
{
	const struct value *value = tree_parse(&tree, text, strlen(text));

	ck_assert_msg(value != NULL, "%s", text);
	return value;
}

static char *path_of(const char *name)
{
	static char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void digest_of_file(const char *name, char ret[static OUTLINE_DIGEST_LEN])
{
	struct outline *outline = outline_read(path_of(name));

	ck_assert_ptr_nonnull(outline);
	ck_assert(outline_digest(outline->root, ret));
	outline_free(outline);
}

START_TEST(comments_order_layout_and_files_do_not_count)
{
	char one[OUTLINE_DIGEST_LEN], two[OUTLINE_DIGEST_LEN], three[OUTLINE_DIGEST_LEN];

	write_file("one.json", "{\"$comment\": \"lb1\", \"pools\": {\"a\": {\"quorum\": 1},"
			       " \"b\": {}}, \"nodes\": {}}");
	write_file("two.json", "{ \"nodes\": {}, \"$schema\": \"x\",\n"
			       " \"pools\": {\"b\": {\"$comment\": [1]}, \"a\": {\"quorum\": 1}}}");
	write_file("three.json", "{\"include\": \"more.json\", \"pools\": {\"b\": {}}}");
	write_file("more.json", "{\"nodes\": {}, \"pools\": {\"a\": {\"quorum\": 1}}}");
	digest_of_file("one.json", one);
	digest_of_file("two.json", two);
	digest_of_file("three.json", three);
	ck_assert_str_eq(one, two);
	ck_assert_str_eq(one, three);
	write_file("two.json", "{\"nodes\": {}, \"pools\": {\"b\": {}, \"a\": {\"quorum\": 2}}}");
	digest_of_file("two.json", two);
	ck_assert_str_ne(one, two);
}
END_TEST

/* What a check takes over from another one is not written in the file. */
START_TEST(what_is_in_force_and_its_file_have_the_same_outline)
{
	struct conf_errors errors;
	struct conf *c;
	char digest[OUTLINE_DIGEST_LEN];

	write_file("one.json",
		"{\"include\": \"more.json\", \"nodes\": {\"lb1\": {\"link_address\": "
		"\"10.0.0.1\"},"
		" \"lb2\": {\"link_address\": \"10.0.0.2\"}}, \"link\": {\"mode\": \"kernel\","
		" \"interface\": \"eth1\", \"sync_id\": 1}}");
	write_file("more.json",
		"{\"pools\": {\"web\": {\"check\": {\"type\": \"tcp\", \"port\": 80, \"rise\": 3},"
		" \"servers\": {\"rs1\": {\"address\": \"10.0.0.3\", \"check\": {\"fall\": "
		"5}}}}}}");
	c = conf_load(path_of("one.json"), "lb1", &errors);
	ck_assert_msg(c != NULL, "%s", errors.n ? errors.items[0].text : "");
	ck_assert_uint_eq(c->pools[0].servers[0].check->rise, 3);
	digest_of_file("one.json", digest);
	ck_assert_str_eq(c->meaning, digest);
	conf_errors_done(&errors);
	conf_free(c);
}
END_TEST

START_TEST(what_cannot_be_read_has_no_outline)
{
	write_file("one.json", "{\"nodes\": ");
	ck_assert_ptr_null(outline_read(path_of("one.json")));
	ck_assert_ptr_null(outline_read(path_of("none.json")));
}
END_TEST

START_TEST(a_pointer_finds_what_it_was_made_for)
{
	const struct value *value = parse("{\"a/b~c\": [{\"\": 7}]}");
	char *first = outline_member("", "a/b~c"), *second = outline_member(first, "0");
	char *third = outline_member(second, "");

	ck_assert_str_eq(third, "/a~1b~0c/0/");
	ck_assert_int_eq(value_integer(outline_at(value, third)), 7);
	ck_assert_ptr_eq(outline_at(value, ""), value);
	ck_assert_ptr_null(outline_at(value, "/none/0"));
	ck_assert_ptr_null(outline_at(value, "/a~1b~0c/7"));
	free(first);
	free(second);
	free(third);
}
END_TEST

START_TEST(members_tell_kinds_and_nothing_of_what_they_say)
{
	const struct value *value =
		parse("{\"secret\": \"hunter2\", \"list\": [1], \"object\": {}}");
	json_t *members = outline_members(value);
	char *text = json_dumps(members, JSON_COMPACT);

	ck_assert_ptr_null(strstr(text, "hunter2"));
	ck_assert_int_eq(json_string_value(json_object_get(members, "secret"))[0], 'v');
	ck_assert_int_eq(json_string_value(json_object_get(members, "list"))[0], 'a');
	ck_assert_int_eq(json_string_value(json_object_get(members, "object"))[0], 'o');
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(members, "secret"))), 17);
	free(text);
	json_decref(members);
}
END_TEST

static const struct {
	const char *ours, *theirs, *name; /* NULL: no difference */
	bool deeper;
} differences[] = {
	{"{}", "{}", NULL, false},
	{"{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}", NULL, false},
	{"{\"a\": 1, \"b\": 2}", "{\"a\": 1, \"b\": 3}", "b", false},
	{"{\"a\": 1, \"b\": 2}", "{\"a\": 1}", "b", false},
	{"{\"a\": 1}", "{\"a\": 1, \"b\": 2}", "b", false},
	{"{\"a\": {\"x\": 1}}", "{\"a\": {\"x\": 2}}", "a", true},
	{"{\"a\": [1]}", "{\"a\": [2]}", "a", true},
	{"{\"a\": [1]}", "{\"a\": {\"x\": 2}}", "a", false},
	{"[1, 2]", "[1, 3]", "1", false},
	{"[1, [2]]", "[1, [3]]", "1", true},
};

START_TEST(the_first_difference_is_found)
{
	json_t *a = outline_members(parse(differences[_i].ours));
	json_t *b = outline_members(parse(differences[_i].theirs));
	bool deeper = false;
	const char *name = outline_difference(a, b, &deeper);

	ck_assert_pstr_eq(name, differences[_i].name);
	ck_assert_int_eq(deeper, differences[_i].deeper);
	json_decref(a);
	json_decref(b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("outline");
	TCase *tc = tcase_create("outline");
	SRunner *sr;
	int failed;
	char command[60];

	json_memory_init(); /* as in the programs */
	if (!mkdtemp(dir))
		return EXIT_FAILURE;
	tcase_add_test(tc, comments_order_layout_and_files_do_not_count);
	tcase_add_test(tc, what_is_in_force_and_its_file_have_the_same_outline);
	tcase_add_test(tc, what_cannot_be_read_has_no_outline);
	tcase_add_test(tc, a_pointer_finds_what_it_was_made_for);
	tcase_add_test(tc, members_tell_kinds_and_nothing_of_what_they_say);
	tcase_add_loop_test(tc, the_first_difference_is_found, 0,
		(int)(sizeof(differences) / sizeof(differences[0])));
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
