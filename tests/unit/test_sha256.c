/* SHA-256, HMAC and HKDF: vectors of FIPS 180-4's examples, RFC 4231 and RFC 5869. */
#include "base/sha256.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *hex(const uint8_t bytes[static SHA256_LEN])
{
	static char text[2 * SHA256_LEN + 1];

	for (size_t i = 0; i < SHA256_LEN; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

static const char *digest(const char *text, size_t step)
{
	uint8_t sum[SHA256_LEN];
	struct sha256 s;
	size_t len = strlen(text);

	sha256_init(&s);
	for (size_t at = 0; at < len; at += step)
		sha256_add(&s, text + at, len - at < step ? len - at : step);
	sha256_end(&s, sum);
	return hex(sum);
}

static const struct {
	const char *text, *expected;
} known[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
	 "lmnopqrsmnopqrstnopqrstu",
		"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

START_TEST(known_digests)
{
	for (size_t step = 1; step < 70; step++)
		ck_assert_str_eq(digest(known[_i].text, step), known[_i].expected);
}
END_TEST

START_TEST(a_million_letters)
{
	char *text = malloc(1000001);

	memset(text, 'a', 1000000);
	text[1000000] = '\0';
	ck_assert_str_eq(digest(text, 999),
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(text);
}
END_TEST

static const char *hmac(const void *key, size_t key_len, const void *text, size_t len)
{
	struct hmac_sha256 h;
	uint8_t sum[SHA256_LEN];

	hmac_sha256_init(&h, key, key_len);
	hmac_sha256_add(&h, text, len);
	hmac_sha256_end(&h, sum);
	return hex(sum);
}

START_TEST(hmac_of_a_short_key)
{
	ck_assert_str_eq(hmac("Jefe", 4, "what do ya want for nothing?", 28),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
END_TEST

START_TEST(hmac_of_a_key_longer_than_a_block)
{
	uint8_t key[131];

	memset(key, 0xaa, sizeof(key));
	ck_assert_str_eq(hmac(key, sizeof(key),
				 "Test Using Larger Than Block-Size Key - Hash Key First", 54),
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
END_TEST

/* RFC 5869, A.3, its first 32 bytes. */
START_TEST(hkdf_without_salt_and_info)
{
	uint8_t key[22], derived[SHA256_LEN];

	memset(key, 0x0b, sizeof(key));
	hkdf_sha256(key, sizeof(key), "", derived);
	ck_assert_str_eq(
		hex(derived), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sha256");
	TCase *tc = tcase_create("sha256");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, known_digests, 0, sizeof(known) / sizeof(known[0]));
	tcase_add_test(tc, a_million_letters);
	tcase_add_test(tc, hmac_of_a_short_key);
	tcase_add_test(tc, hmac_of_a_key_longer_than_a_block);
	tcase_add_test(tc, hkdf_without_salt_and_info);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
