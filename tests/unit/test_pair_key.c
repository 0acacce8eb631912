/* core/pair_key: the text of a file of keys, and what is derived from them. The derived values are
 * those of tandem-link(7); check_seal_vectors.py computes them another way. */
#include "core/pair_key.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define B "F00102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define SAME "abababababababababababababababababababababababababababababababab"

static enum pair_key_fault parse(const char *text, struct pair_keys *ret, unsigned *ret_line)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1); /* so that a read beyond is seen */
	enum pair_key_fault fault;

	memcpy(copy, text, len);
	fault = pair_keys_parse(copy, len, ret, ret_line);
	free(copy);
	return fault;
}

START_TEST(keys_are_read_in_order_between_comments)
{
	struct pair_keys keys = {0};
	char text[PAIR_KEY_TEXT_MAX];
	unsigned line = 99;

	ck_assert_int_eq(parse("# of the pair\n\n" A "\n \t" B " \r\n   # old\n", &keys, &line),
		PAIR_KEY_OK);
	ck_assert_uint_eq(keys.n, 2);
	ck_assert_str_eq(pair_key_format(&keys.items[0], text), A);
	ck_assert_uint_eq(keys.items[1].bytes[0], 0xf0);
	ck_assert_uint_eq(line, 99);
	ck_assert_int_eq(parse(A, &keys, &line), PAIR_KEY_OK); /* without a newline */
	ck_assert_uint_eq(keys.n, 1);
}
END_TEST

static const struct {
	const char *text;
	enum pair_key_fault fault;
	unsigned line;
} faults[] = {
	{"", PAIR_KEY_EMPTY, 0},
	{"\n\n# nothing\n", PAIR_KEY_EMPTY, 0},
	{A "0\n", PAIR_KEY_NOT_HEX, 1},
	{"\n" A "\n0\n", PAIR_KEY_NOT_HEX, 3},
	{A " # mine\n", PAIR_KEY_NOT_HEX, 1},
	{A " " B "\n", PAIR_KEY_NOT_HEX, 1},
	{"hex:" A "\n", PAIR_KEY_NOT_HEX, 1},
	{"g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", PAIR_KEY_NOT_HEX, 1},
	{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1:\n", PAIR_KEY_NOT_HEX, 1},
	{A "\n" SAME "\n", PAIR_KEY_WEAK, 2},
	{A "\n" B "\n" A "\n", PAIR_KEY_TWICE, 3},
};

START_TEST(each_fault_has_its_line_and_leaves_the_result_alone)
{
	struct pair_keys keys, untouched;
	unsigned line = 99;

	memset(&keys, 0x5a, sizeof(keys));
	memset(&untouched, 0x5a, sizeof(keys));
	ck_assert_int_eq((int)parse(faults[_i].text, &keys, &line), (int)faults[_i].fault);
	ck_assert_uint_eq(line, faults[_i].line);
	ck_assert_mem_eq(&keys, &untouched, sizeof(keys));
}
END_TEST

START_TEST(eight_keys_fit_and_a_ninth_does_not)
{
	char text[9 * 65 + 1] = "";
	struct pair_keys keys;
	unsigned line;

	for (unsigned i = 0; i < 9; i++) {
		(void)snprintf(text + 65 * i, 66, "%u%s\n", i, &A[1]);
		ck_assert_int_eq(
			parse(text, &keys, &line), i < 8 ? PAIR_KEY_OK : PAIR_KEY_TOO_MANY);
	}
	ck_assert_uint_eq(keys.n, 8);
	ck_assert_uint_eq(line, 9);
}
END_TEST

START_TEST(a_file_has_8192_bytes_at_most)
{
	static char text[PAIR_KEY_FILE_MAX + 2] = A "\n#";
	struct pair_keys keys;
	unsigned line = 99;

	memset(text + strlen(text), 'x', PAIR_KEY_FILE_MAX - strlen(text));
	ck_assert_int_eq(parse(text, &keys, &line), PAIR_KEY_OK);
	text[PAIR_KEY_FILE_MAX] = 'x';
	ck_assert_int_eq(parse(text, &keys, &line), PAIR_KEY_LONG);
	ck_assert_uint_eq(line, 0);
}
END_TEST

static const struct {
	const char *before, *keys, *after;
} rewritten[] = {
	{A, A "\n" B, A "\n" B "\n"},
	{"# ours\n" A "\n# the end\n", A "\n" B, "# ours\n" A "\n# the end\n" B "\n"},
	{"# ours\n" A "\n\n" B "\n# the end", B "\n" A, "# ours\n" B "\n\n" A "\n# the end\n"},
	{"  # ours\n" A "\n# old\n" B "\n", B, "# ours\n" B "\n# old\n"},
	{"", A, A "\n"},
};

/* Keys are written in lower case. */
static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'F')
			*text = (char)(*text | 0x20);
}

START_TEST(keys_are_exchanged_between_comments)
{
	char text[PAIR_KEY_FILE_MAX], expected[512];
	struct pair_keys keys;
	unsigned line;
	size_t n;

	ck_assert_int_eq(parse(rewritten[_i].keys, &keys, &line), PAIR_KEY_OK);
	n = pair_keys_rewrite(rewritten[_i].before, strlen(rewritten[_i].before), &keys, text);
	(void)snprintf(expected, sizeof(expected), "%s", rewritten[_i].after);
	lower(expected);
	ck_assert_uint_eq(n, strlen(expected));
	ck_assert_mem_eq(text, expected, n);
}
END_TEST

START_TEST(a_file_that_would_be_too_long_is_not_rewritten)
{
	static char before[PAIR_KEY_FILE_MAX], after[PAIR_KEY_FILE_MAX];
	struct pair_keys keys;
	unsigned line;

	ck_assert_int_eq(parse(A "\n" B, &keys, &line), PAIR_KEY_OK);
	memset(before, '#', sizeof(before));
	memcpy(before, A "\n", 65);
	ck_assert_uint_eq(
		pair_keys_rewrite(before, sizeof(before) - 66, &keys, after), sizeof(after));
	ck_assert_uint_eq(pair_keys_rewrite(before, sizeof(before) - 65, &keys, after), 0);
}
END_TEST

START_TEST(ids_and_derived_keys_are_those_of_the_manual)
{
	struct pair_key key, derived = {0};
	uint8_t bytes[PAIR_KEY_LEN];
	char text[PAIR_KEY_TEXT_MAX];

	for (unsigned i = 0; i < PAIR_KEY_LEN; i++)
		bytes[i] = (uint8_t)i;
	pair_key_make(bytes, &key);
	ck_assert_str_eq(pair_key_format(&key, text), A);
	ck_assert_str_eq(pair_key_format_id(key.id, text), "9ff26a07061a5a82");
	pair_key_for_adverts(&key, derived.bytes);
	ck_assert_str_eq(pair_key_format(&derived, text),
		"f7c30961fd6f6227f85e6b955fe2714e2c033152e23463ad4e49172394e5e41b");
}
END_TEST

START_TEST(a_key_is_found_by_its_id)
{
	struct pair_keys keys;
	uint8_t id[PAIR_KEY_ID_LEN];
	unsigned line;

	ck_assert_int_eq(parse(A "\n" B "\n", &keys, &line), PAIR_KEY_OK);
	memcpy(id, keys.items[1].id, sizeof(id));
	ck_assert_ptr_eq(pair_keys_find(&keys, id), &keys.items[1]);
	id[7] ^= 1;
	ck_assert_ptr_null(pair_keys_find(&keys, id));
}
END_TEST

START_TEST(every_fault_has_a_text_of_its_own)
{
	for (enum pair_key_fault i = 0; i < PAIR_KEY_FAULT_MAX_; i++)
		for (enum pair_key_fault k = 0; k < i; k++)
			ck_assert_str_ne(pair_key_fault_text(i), pair_key_fault_text(k));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pair_key");
	TCase *tc = tcase_create("pair_key");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, keys_are_read_in_order_between_comments);
	tcase_add_loop_test(tc, each_fault_has_its_line_and_leaves_the_result_alone, 0,
		sizeof(faults) / sizeof(faults[0]));
	tcase_add_test(tc, eight_keys_fit_and_a_ninth_does_not);
	tcase_add_test(tc, a_file_has_8192_bytes_at_most);
	tcase_add_loop_test(tc, keys_are_exchanged_between_comments, 0,
		sizeof(rewritten) / sizeof(rewritten[0]));
	tcase_add_test(tc, a_file_that_would_be_too_long_is_not_rewritten);
	tcase_add_test(tc, ids_and_derived_keys_are_those_of_the_manual);
	tcase_add_test(tc, a_key_is_found_by_its_id);
	tcase_add_test(tc, every_fault_has_a_text_of_its_own);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
