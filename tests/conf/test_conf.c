/* What golden files cannot say: files that are none, own names, limits, the digest. */
#include "base/cleanup.h"
#include "conf/conf.h"
#include "io/json_memory.h"

#include <check.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODES "\"nodes\": { \"lb1\": {}, \"lb2.example\": {} }"

static char directory[64];

static void enter_directory(void)
{
	(void)snprintf(directory, sizeof(directory), "/tmp/tandem-conf-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
}

static void leave_directory(void)
{
	char *command;

	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_gt(asprintf(&command, "rm -rf '%s'", directory), 0);
	ck_assert_int_eq(system(command), 0);
	free(command);
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	ck_assert_int_ge(fputs(text, out), 0);
	ck_assert_int_eq(fclose(out), 0);
}

/* The errors as lines, "" when there is none. */
static char *errors_of(const char *path, const char *node)
{
	struct conf_errors errors;
	struct conf *c = conf_load(path, node, &errors);
	char *text = NULL, line[1024];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(!c, errors.n > 0);
	for (size_t i = 0; i < errors.n; i++)
		(void)fprintf(out, "%s%s", i ? "\n" : "",
			conf_error_format(&errors.items[i], line, sizeof(line)));
	ck_assert_int_eq(fclose(out), 0);
	conf_errors_done(&errors);
	conf_free(c);
	return text;
}

static void assert_errors(const char *path, const char *node, const char *expected)
{
	auto_free char *errors = errors_of(path, node);

	ck_assert_str_eq(errors, expected);
}

static void assert_self(const char *node, const char *expected)
{
	struct conf_errors errors;
	struct conf *c = conf_load("a.json", node, &errors);

	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(errors.n, 0);
	ck_assert_str_eq(c->nodes[c->self].name, expected);
	conf_errors_done(&errors);
	conf_free(c);
}

START_TEST(a_node_finds_itself_by_its_whole_name_or_by_its_first_label)
{
	write_file("a.json", "{ " NODES " }");
	assert_self("lb1", "lb1");
	assert_self("lb1.example", "lb1");
	assert_self("lb2.example", "lb2.example");
	assert_errors("a.json", "lb2",
		"a.json:1:12: /nodes: this node is \"lb2\", which is none of them "
		"(lb1, lb2.example); see --node");
}
END_TEST

START_TEST(without_a_name_the_node_is_the_host)
{
	char host[256] = "";
	auto_free char *text = NULL;

	ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
	host[strcspn(host, ".")] = '\0';
	ck_assert_int_gt(asprintf(&text, "{ \"nodes\": { \"%s\": {} } }", host), 0);
	write_file("a.json", text);
	assert_self(NULL, host);
}
END_TEST

static size_t self_elsewhere(const char *path)
{
	struct conf_errors errors;
	struct conf *c = conf_load_elsewhere(path, &errors);
	size_t self;

	ck_assert_ptr_nonnull(c);
	self = c->self;
	conf_free(c);
	return self;
}

START_TEST(elsewhere_a_host_may_be_none_of_the_nodes)
{
	char host[256] = "";
	auto_free char *text = NULL;

	ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
	host[strcspn(host, ".")] = '\0';
	ck_assert_int_gt(asprintf(&text, "{ \"nodes\": { \"x-%s\": {} } }", host), 0);
	write_file("none.json", text);
	free(text);
	ck_assert_int_gt(
		asprintf(&text, "{ \"nodes\": { \"x-%s\": {}, \"%s\": {} } }", host, host), 0);
	write_file("second.json", text);
	ck_assert_uint_eq(self_elsewhere("none.json"), CONF_NONE);
	ck_assert_uint_eq(self_elsewhere("second.json"), 1);
}
END_TEST

START_TEST(what_is_no_readable_file_is_named)
{
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(mkdir("sub", 0700), 0);
	write_file("long.json", "");
	ck_assert_int_eq(truncate("long.json", (16 << 20) + 1), 0);
	assert_errors("none.json", "lb1", "none.json: cannot be opened: No such file or directory");
	assert_errors("fifo", "lb1", "fifo: is not a regular file");
	assert_errors("sub", "lb1", "sub: is a directory");
	assert_errors("long.json", "lb1", "long.json: is longer than 16 MiB");
}
END_TEST

START_TEST(a_pattern_may_match_nothing_and_a_path_may_not)
{
	write_file("a.json", "{ " NODES ", \"include\": [ \"*.none\", \"none.d/*.json\" ] }");
	assert_errors("a.json", "lb1", "");
	write_file("a.json", "{ " NODES ", \"include\": [ \"b.json\" ] }");
	assert_errors("a.json", "lb1",
		"a.json:1:59: /include/0: b.json cannot be opened: No such file or directory");
}
END_TEST

START_TEST(an_included_file_that_cannot_be_read_is_an_error_of_the_include)
{
	ck_assert_int_eq(mkdir("sub", 0700), 0);
	write_file("a.json", "{ " NODES ", \"include\": \"su*\" }");
	assert_errors("a.json", "lb1", "a.json:1:57: /include: sub is a directory");
}
END_TEST

START_TEST(a_file_without_permission_is_named)
{
	write_file("a.json", "{ " NODES " }");
	ck_assert_int_eq(chmod("a.json", 0), 0);
	ck_assert_int_eq(chmod(directory, 0755), 0);
	/* Root reads everything: ask as nobody. */
	ck_assert_int_eq(geteuid() == 0 ? seteuid(65534) : 0, 0);
	assert_errors("a.json", "lb1", "a.json: cannot be opened: Permission denied");
	ck_assert_int_eq(getuid() == 0 ? seteuid(0) : 0, 0);
}
END_TEST

static struct conf *load_with_key_file(void)
{
	struct conf_errors errors;
	struct conf *c;

	write_file("a.json",
		"{ \"nodes\": { \"lb1\": { \"link_address\": \"10.0.0.1\" }, \"lb2\": { "
		"\"link_address\": \"10.0.0.2\" } }, \"link\": { \"interface\": \"eth1\", "
		"\"key_file\": \"link.key\" } }");
	c = conf_load("a.json", "lb1", &errors);
	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq((int)c->link.mode, CONF_LINK_TANDEM);
	return c;
}

START_TEST(the_digest_is_that_of_the_file)
{
	struct conf_errors errors;
	struct conf *c;

	/* printf '{ "nodes": { "lb1": {} } }' | sha256sum */
	write_file("a.json", "{ \"nodes\": { \"lb1\": {} } }");
	c = conf_load("a.json", "lb1", &errors);
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(
		c->digest, "e26672b5dbba30f4731e00eb4926fbe9d890243e21f15e061d2abea76e7ee747");
	ck_assert_str_eq(c->meaning, "");
	conf_free(c);
	conf_errors_done(&errors);
}
END_TEST

START_TEST(what_a_pair_compares_is_there_with_a_link)
{
	struct conf *c = load_with_key_file();

	ck_assert_uint_eq(strlen(c->meaning), 64);
	ck_assert_str_ne(c->meaning, c->digest);
	conf_free(c);
}
END_TEST

START_TEST(includes_may_be_nested_eight_deep)
{
	char path[24], text[64];

	for (int i = 0; i < 8; i++) {
		(void)snprintf(path, sizeof(path), "%d.json", i);
		(void)snprintf(text, sizeof(text), "{ \"include\": \"%d.json\" }", i + 1);
		write_file(path, text);
	}
	write_file("8.json", "{ " NODES " }");
	assert_errors("0.json", "lb1", "");
	write_file("8.json", "{ \"include\": \"9.json\" }");
	write_file("9.json", "{ " NODES " }");
	assert_errors(
		"0.json", "lb1", "8.json:1:14: /include: includes are nested deeper than 8 files");
}
END_TEST

START_TEST(includes_are_relative_to_the_file_that_includes)
{
	ck_assert_int_eq(mkdir("a", 0700), 0);
	ck_assert_int_eq(mkdir("a/b", 0700), 0);
	write_file("main.json", "{ \"include\": \"a/one.json\" }");
	write_file("a/one.json", "{ \"include\": \"b/*.json\" }");
	write_file("a/b/two.json", "{ " NODES ", \"x\": 1 }");
	assert_errors("main.json", "lb1", "a/b/two.json:1:46: /x: unknown key \"x\"");
}
END_TEST

START_TEST(a_directory_with_the_signs_of_a_pattern_stands_for_itself)
{
	ck_assert_int_eq(mkdir("a[1]*", 0700), 0);
	write_file("a[1]*/main.json", "{ \"include\": \"?.json\" }");
	write_file("a[1]*/b.json", "{ " NODES ", \"x\": 1 }");
	assert_errors("a[1]*/main.json", "lb1", "a[1]*/b.json:1:46: /x: unknown key \"x\"");
}
END_TEST

START_TEST(a_file_by_another_name_is_still_included_once)
{
	write_file("a.json", "{ " NODES ", \"include\": [ \"b.json\", \"c.json\" ] }");
	write_file("b.json", "{ \"pools\": {} }");
	ck_assert_int_eq(symlink("b.json", "c.json"), 0);
	assert_errors("a.json", "lb1", "a.json:1:69: /include/1: b.json is included twice");
}
END_TEST

/* A text under construction. */
struct text {
	FILE *out;
	char *bytes;
	size_t len;
};

static void text_begin(struct text *t, const char *start)
{
	t->out = open_memstream(&t->bytes, &t->len);
	ck_assert_ptr_nonnull(t->out);
	(void)fprintf(t->out, "{ %s, %s", NODES, start);
}

/* Ends the text and loads it. Returns the errors as one text. */
static char *text_load(struct text *t, const char *end)
{
	struct conf_errors errors;
	struct conf *c;
	char line[1024], *lines = NULL;
	size_t len;
	FILE *out = open_memstream(&lines, &len);

	(void)fputs(end, t->out);
	ck_assert_int_eq(fclose(t->out), 0);
	c = conf_load_text(t->bytes, t->len, "lb1", &errors);
	for (size_t i = 0; i < errors.n; i++)
		(void)fprintf(out, "%s\n", conf_error_format(&errors.items[i], line, sizeof(line)));
	ck_assert_int_eq(fclose(out), 0);
	conf_errors_done(&errors);
	conf_free(c);
	free(t->bytes);
	return lines;
}

static char *load_addresses(unsigned n)
{
	struct text t;

	text_begin(&t, "\"virtual_routers\": { \"r\": { \"interface\": \"e\", \"vrid\": 1, "
		       "\"addresses\": [");
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(t.out, "%s\"10.0.%u.%u/32\"", i ? "," : "", i / 250, i % 250);
	return text_load(&t, "] } } }");
}

START_TEST(a_router_has_255_addresses_at_most)
{
	auto_free char *some = load_addresses(255);
	auto_free char *many = load_addresses(256);

	ck_assert_str_eq(some, "");
	ck_assert_ptr_nonnull(strstr(many, "must have 1..255 addresses, not 256"));
}
END_TEST

static char *load_routers(unsigned n)
{
	struct text t;

	text_begin(&t, "\"virtual_routers\": {");
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(t.out,
			"%s\"r%u\": { \"interface\": \"e%u\", \"vrid\": %u, "
			"\"addresses\": [ \"10.0.%u.%u\" ] }",
			i ? "," : "", i, i / 255, i % 255 + 1, i / 255, i % 255);
	return text_load(&t, "} }");
}

START_TEST(there_are_1024_virtual_routers_at_most)
{
	auto_free char *some = load_routers(1024);
	auto_free char *many = load_routers(1025);

	ck_assert_str_eq(some, "");
	ck_assert_ptr_nonnull(
		strstr(many, "/virtual_routers: must have 0..1024 members, not 1025"));
}
END_TEST

static char *load_pools(unsigned n)
{
	struct text t;

	text_begin(&t, "\"pools\": {");
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(t.out, "%s\"p%u\": {}", i ? "," : "", i);
	return text_load(&t, "} }");
}

START_TEST(there_are_20000_pools_at_most)
{
	auto_free char *some = load_pools(20000);
	auto_free char *many = load_pools(20001);

	ck_assert_str_eq(some, "");
	ck_assert_ptr_nonnull(strstr(many, "/pools: must have 0..20000 members, not 20001"));
}
END_TEST

static char *load_servers(unsigned n)
{
	struct text t;

	text_begin(&t, "\"pools\": { \"p\": { \"servers\": {");
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(t.out, "%s\"s%u\": { \"address\": \"10.1.%u.%u\" }", i ? "," : "", i,
			i / 250, i % 250);
	return text_load(&t, "} } } }");
}

START_TEST(a_pool_has_4096_servers_at_most)
{
	auto_free char *some = load_servers(4096);
	auto_free char *many = load_servers(4097);

	ck_assert_str_eq(some, "");
	ck_assert_ptr_nonnull(
		strstr(many, "/pools/p/servers: must have 0..4096 members, not 4097"));
}
END_TEST

/* 4000 servers for each of n services. */
static char *load_checks(unsigned n)
{
	struct text t;

	text_begin(&t, "\"pools\": { \"p\": { \"check\": { \"type\": \"tcp\" }, \"servers\": {");
	for (unsigned i = 0; i < 4000; i++)
		(void)fprintf(t.out, "%s\"s%u\": { \"address\": \"10.1.%u.%u\" }", i ? "," : "", i,
			i / 250, i % 250);
	(void)fputs("} } }, \"services\": {", t.out);
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(t.out,
			"%s\"s%u\": { \"listen\": \"10.2.0.1\", \"port\": %u, "
			"\"forward\": \"nat\", \"pool\": \"p\" }",
			i ? "," : "", i, i + 1);
	return text_load(&t, "} }");
}

START_TEST(there_are_50000_servers_to_check_at_most)
{
	auto_free char *some = load_checks(12);
	auto_free char *many = load_checks(14);

	ck_assert_str_eq(some, "");
	ck_assert_ptr_nonnull(strstr(
		many, "/services/s12/pool: with this service more than 50000 servers are checked"));
	ck_assert_ptr_null(strstr(many, "s13"));
}
END_TEST

static char *load_services(unsigned n)
{
	struct text t;

	text_begin(&t, "\"pools\": { \"p\": {} }, \"services\": {");
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(t.out,
			"%s\"s%u\": { \"listen\": \"10.1.0.1\", \"port\": %u, "
			"\"forward\": \"nat\", \"pool\": \"p\" }",
			i ? "," : "", i, i + 1);
	return text_load(&t, "} }");
}

START_TEST(there_are_20000_services_at_most)
{
	auto_free char *some = load_services(20000);
	auto_free char *many = load_services(20001);

	ck_assert_str_eq(some, "");
	ck_assert_ptr_nonnull(strstr(many, "/services: must have 0..20000 members, not 20001"));
}
END_TEST

START_TEST(an_error_is_formatted_with_what_is_known_of_its_place)
{
	char file[] = "a.json", pointer[] = "/x", none[] = "", text[] = "wrong", buf[64];
	struct conf_error e = {file, 3, 7, pointer, text};

	ck_assert_str_eq(conf_error_format(&e, buf, sizeof(buf)), "a.json:3:7: /x: wrong");
	e.pointer = none;
	ck_assert_str_eq(conf_error_format(&e, buf, sizeof(buf)), "a.json:3:7: wrong");
	e.line = e.column = 0;
	ck_assert_str_eq(conf_error_format(&e, buf, sizeof(buf)), "a.json: wrong");
	ck_assert_str_eq(conf_error_format(&e, buf, 8), "a.json:");
}
END_TEST

START_TEST(nothing_is_freed_twice_and_nothing_is_fine)
{
	struct conf_errors errors = {0};

	conf_free(NULL);
	conf_errors_done(&errors);
	conf_errors_done(&errors);
}
END_TEST

/* --- Keys of the pair --- */

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define KEY_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

/* What conf_read_secrets() says, in one line; "" when it is content. */
static const char *secrets_fault(struct conf *c)
{
	static char line[1024];
	struct conf_errors errors = {0};

	line[0] = '\0';
	ck_assert_int_eq(conf_read_secrets(c, &errors), errors.n == 0);
	ck_assert_uint_le(errors.n, 1);
	if (errors.n)
		(void)conf_error_format(&errors.items[0], line, sizeof(line));
	conf_errors_done(&errors);
	return line;
}

START_TEST(the_keys_of_the_pair_are_read_anew_each_time)
{
	struct conf *c = load_with_key_file();

	ck_assert_uint_eq(c->link.keys.n, 0);
	write_file("link.key", "# ours\n" KEY_A);
	ck_assert_int_eq(chmod("link.key", 0600), 0);
	ck_assert_str_eq(secrets_fault(c), "");
	ck_assert_uint_eq(c->link.keys.n, 1);
	write_file("link.key", KEY_B KEY_A);
	ck_assert_str_eq(secrets_fault(c), "");
	ck_assert_uint_eq(c->link.keys.n, 2);
	ck_assert_uint_eq(c->link.keys.items[0].bytes[0], 0xff);
	conf_free(c);
}
END_TEST

START_TEST(keys_are_hidden_shown_and_hidden_again)
{
	static const uint8_t nothing[PAIR_KEY_LEN];
	struct conf *c = load_with_key_file();

	write_file("link.key", KEY_B KEY_A);
	ck_assert_int_eq(chmod("link.key", 0600), 0);
	ck_assert_str_eq(secrets_fault(c), "");
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(conf_hide_secrets(c), 0);
		ck_assert_mem_eq(c->link.keys.items[0].bytes, nothing, sizeof(nothing));
		ck_assert_mem_eq(c->link.keys.items[1].bytes, nothing, sizeof(nothing));
		ck_assert_int_eq(conf_show_secrets(c), 0);
		ck_assert_uint_eq(c->link.keys.n, 2);
		ck_assert_uint_eq(c->link.keys.items[0].bytes[0], 0xff);
		ck_assert_uint_eq(c->link.keys.items[1].bytes[31], 0x1f);
	}
	ck_assert_int_eq(conf_hide_secrets(c), 0);
	write_file("link.key", KEY_A); /* what is read anew is hidden anew */
	ck_assert_str_eq(secrets_fault(c), "");
	ck_assert_int_eq(conf_hide_secrets(c), 0);
	ck_assert_int_eq(conf_show_secrets(c), 0);
	ck_assert_uint_eq(c->link.keys.n, 1);
	conf_free(c);
}
END_TEST

START_TEST(a_key_file_that_is_none_is_refused_with_its_line)
{
	static const struct {
		const char *text, *fault;
	} files[] = {
		{"", "link.key: has no key"},
		{"# ours\n" KEY_A "key\n",
			"link.key:3:1: is neither a key of 64 hexadecimal digits nor a comment"},
		{KEY_A KEY_B KEY_A, "link.key:3:1: repeats a key"},
		{"abababababababababababababababababababababababababababababababab\n",
			"link.key:1:1: is no key that anybody drew: all its bytes are the same"},
	};
	struct conf *c = load_with_key_file();
	char *much;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		write_file("link.key", files[i].text);
		ck_assert_int_eq(chmod("link.key", 0600), 0);
		ck_assert_str_eq(secrets_fault(c), files[i].fault);
		ck_assert_uint_eq(c->link.keys.n, 0);
	}
	ck_assert_int_gt(asprintf(&much, "%s#%8200s", KEY_A, "x"), 0);
	write_file("link.key", much);
	free(much);
	ck_assert_str_eq(
		secrets_fault(c), "link.key: is no file of keys: it is longer than 8192 bytes");
	conf_free(c);
}
END_TEST

START_TEST(a_key_file_that_others_can_read_is_refused)
{
	struct conf *c = load_with_key_file();

	ck_assert_str_eq(secrets_fault(c), "link.key: No such file or directory; tandemctl keygen "
					   "makes one; /link/key_file names it");
	write_file("link.key", KEY_A);
	for (mode_t bit = 1; bit <= 0040; bit <<= 1) {
		ck_assert_int_eq(chmod("link.key", 0600 | bit), 0);
		ck_assert_str_eq(secrets_fault(c), "link.key: can be read by others than its owner "
						   "(chmod 600); /link/key_file names it");
	}
	ck_assert_int_eq(chmod("link.key", 0600), 0);
	ck_assert_str_eq(secrets_fault(c), "");
	if (geteuid() == 0) { /* else nobody can give a file away */
		ck_assert_int_eq(chown("link.key", 1, 1), 0);
		ck_assert_str_eq(secrets_fault(c),
			"link.key: belongs to somebody else; /link/key_file names it");
	}
	ck_assert_int_eq(unlink("link.key"), 0);
	ck_assert_int_eq(mkdir("link.key", 0700), 0);
	ck_assert_str_eq(secrets_fault(c), "link.key: is no regular file; /link/key_file names it");
	conf_free(c);
}
END_TEST

static TCase *file_tests(void)
{
	TCase *tcase = tcase_create("files");

	tcase_add_checked_fixture(tcase, enter_directory, leave_directory);
	tcase_add_test(tcase, a_node_finds_itself_by_its_whole_name_or_by_its_first_label);
	tcase_add_test(tcase, without_a_name_the_node_is_the_host);
	tcase_add_test(tcase, elsewhere_a_host_may_be_none_of_the_nodes);
	tcase_add_test(tcase, what_is_no_readable_file_is_named);
	tcase_add_test(tcase, a_pattern_may_match_nothing_and_a_path_may_not);
	tcase_add_test(tcase, an_included_file_that_cannot_be_read_is_an_error_of_the_include);
	tcase_add_test(tcase, a_file_without_permission_is_named);
	tcase_add_test(tcase, the_digest_is_that_of_the_file);
	tcase_add_test(tcase, what_a_pair_compares_is_there_with_a_link);
	tcase_add_test(tcase, includes_may_be_nested_eight_deep);
	tcase_add_test(tcase, includes_are_relative_to_the_file_that_includes);
	tcase_add_test(tcase, a_directory_with_the_signs_of_a_pattern_stands_for_itself);
	tcase_add_test(tcase, a_file_by_another_name_is_still_included_once);
	tcase_add_test(tcase, the_keys_of_the_pair_are_read_anew_each_time);
	tcase_add_test(tcase, keys_are_hidden_shown_and_hidden_again);
	tcase_add_test(tcase, a_key_file_that_is_none_is_refused_with_its_line);
	tcase_add_test(tcase, a_key_file_that_others_can_read_is_refused);
	return tcase;
}

static TCase *text_tests(void)
{
	TCase *tcase = tcase_create("texts");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_router_has_255_addresses_at_most);
	tcase_add_test(tcase, there_are_1024_virtual_routers_at_most);
	tcase_add_test(tcase, there_are_20000_pools_at_most);
	tcase_add_test(tcase, a_pool_has_4096_servers_at_most);
	tcase_add_test(tcase, there_are_20000_services_at_most);
	tcase_add_test(tcase, there_are_50000_servers_to_check_at_most);
	tcase_add_test(tcase, an_error_is_formatted_with_what_is_known_of_its_place);
	tcase_add_test(tcase, nothing_is_freed_twice_and_nothing_is_fine);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("conf");
	SRunner *runner;
	int failed;

	json_memory_init(); /* as in the programs */
	suite_add_tcase(suite, file_tests());
	suite_add_tcase(suite, text_tests());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
