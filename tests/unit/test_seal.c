/* link/seal: what is sealed opens, and nothing else does. The vectors are those of tandem-link(7);
 * check_seal_vectors.py computes them another way. */
#include "link/seal.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum seal_cipher ciphers[] = {SEAL_AES_256_GCM, SEAL_CHACHA20_POLY1305};

static void fill(uint8_t *bytes, uint8_t first)
{
	for (size_t i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(first + i);
}

/* The keys of the vectors, but for what a test changes. */
struct parameters {
	uint8_t pair_key[SEAL_KEY_LEN], sender[SEAL_NONCE_LEN], receiver[SEAL_NONCE_LEN];
	const char *name;
	enum seal_cipher cipher;
};

static struct parameters usual(enum seal_cipher cipher)
{
	struct parameters p = {.name = "lb1", .cipher = cipher};

	fill(p.pair_key, 0x00);
	fill(p.sender, 0x20);
	fill(p.receiver, 0x40);
	return p;
}

static struct seal *new_seal(const struct parameters *p)
{
	struct seal *s = NULL;

	ck_assert_int_eq(seal_new(p->pair_key, p->sender, p->receiver, p->name, p->cipher, &s), 0);
	return s;
}

static struct seal *usual_seal(enum seal_cipher cipher)
{
	struct parameters p = usual(cipher);
	return new_seal(&p);
}

static const char *hex(const uint8_t *bytes, size_t len)
{
	static char text[512];

	for (size_t i = 0; i < len; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

static const struct vector {
	enum seal_cipher cipher;
	uint64_t sequence;
	const char *text, *datagram;
} vectors[] = {
	{SEAL_AES_256_GCM, 1, "tandem",
		"544e444d0101000054a86e88c579867a0000000000000001"
		"2ff55c0e43ca"
		"a4561c1b35aca6a115d88262bffda5f0"},
	{SEAL_AES_256_GCM, 0x0102030405060708, "",
		"544e444d0101000054a86e88c579867a0102030405060708"
		"9922c5360fe7a516a6aa74ce6c8b900d"},
	{SEAL_CHACHA20_POLY1305, 1, "tandem",
		"544e444d0102000009486bda4475792a0000000000000001"
		"5ad89d7a266a"
		"7d5b78f424abf7f1558514809ed1d0e7"},
	{SEAL_CHACHA20_POLY1305, 0x0102030405060708, "",
		"544e444d0102000009486bda4475792a0102030405060708"
		"b03aec00b9c01ebcbe808cc617bed26c"},
};

START_TEST(the_vectors_of_the_manual_are_made_and_opened)
{
	const struct vector *v = &vectors[_i];
	struct seal *s = usual_seal(v->cipher);
	uint8_t datagram[64], text[64];
	size_t len = strlen(v->text), n = 99;

	ck_assert_int_eq(
		seal_datagram(s, v->sequence, v->text, len, datagram), (int)(len + SEAL_OVERHEAD));
	ck_assert_str_eq(hex(datagram, len + SEAL_OVERHEAD), v->datagram);
	ck_assert_int_eq(seal_open(s, datagram, len + SEAL_OVERHEAD, text, &n), SEAL_OK);
	ck_assert_uint_eq(n, len);
	ck_assert_mem_eq(text, v->text, len);
	seal_free(s);
}
END_TEST

START_TEST(every_length_is_opened_again)
{
	struct seal *sender = usual_seal(ciphers[_i]), *receiver = usual_seal(ciphers[_i]);
	uint8_t text[1500], datagram[1500 + SEAL_OVERHEAD], opened[1500];
	struct seal_header header;
	size_t n;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7);
	for (size_t len = 0; len <= sizeof(text); len++) {
		int r = seal_datagram(sender, len + 1, text, len, datagram);
		ck_assert_int_eq(r, (int)(len + SEAL_OVERHEAD));
		ck_assert_int_eq(seal_look(datagram, (size_t)r, &header), SEAL_OK);
		ck_assert_uint_eq(header.sequence, len + 1);
		ck_assert_uint_eq(header.session, seal_session(sender));
		ck_assert_int_eq((int)header.cipher, (int)ciphers[_i]);
		ck_assert_int_eq(seal_open(receiver, datagram, (size_t)r, opened, &n), SEAL_OK);
		ck_assert_uint_eq(n, len);
		ck_assert_mem_eq(opened, text, len);
	}
	seal_free(sender);
	seal_free(receiver);
}
END_TEST

START_TEST(datagrams_open_in_any_order_and_after_forged_ones)
{
	struct seal *sender = usual_seal(ciphers[_i]), *receiver = usual_seal(ciphers[_i]);
	uint8_t datagrams[10][4 + SEAL_OVERHEAD], text[4];
	size_t n;

	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_gt(seal_datagram(sender, i + 1, &(uint32_t){i}, 4, datagrams[i]), 0);
	for (unsigned i = 10; i-- > 0;) {
		datagrams[i][30] ^= 1;
		ck_assert_int_eq(seal_open(receiver, datagrams[i], 4 + SEAL_OVERHEAD, text, &n),
			SEAL_FORGED);
		datagrams[i][30] ^= 1;
		ck_assert_int_eq(
			seal_open(receiver, datagrams[i], 4 + SEAL_OVERHEAD, text, &n), SEAL_OK);
		ck_assert_mem_eq(text, &(uint32_t){i}, 4);
	}
	seal_free(sender);
	seal_free(receiver);
}
END_TEST

/* What a change of one bit of each byte of the header is called. */
static enum seal_fault expected(size_t at)
{
	return at < 8 ? SEAL_NOT_OURS : SEAL_FORGED;
}

START_TEST(every_changed_bit_is_seen_and_nothing_comes_out)
{
	struct seal *s = usual_seal(ciphers[_i]);
	uint8_t datagram[20 + SEAL_OVERHEAD], text[20], nothing[20] = {0};
	size_t n = 77;

	ck_assert_int_eq(seal_datagram(s, 1, "twenty bytes of text", 20, datagram), 60);
	for (size_t at = 0; at < sizeof(datagram); at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			enum seal_fault fault;
			datagram[at] ^= (uint8_t)(1u << bit);
			memset(text, 0, sizeof(text));
			fault = seal_open(s, datagram, sizeof(datagram), text, &n);
			/* Sequence 0 is nobody's. */
			if (at == 23 && bit == 0)
				ck_assert_int_eq(fault, SEAL_NOT_OURS);
			else
				ck_assert_int_eq(fault, expected(at));
			ck_assert_mem_eq(text, nothing, sizeof(text));
			ck_assert_uint_eq(n, 77);
			datagram[at] ^= (uint8_t)(1u << bit);
		}
	}
	ck_assert_int_eq(seal_open(s, datagram, sizeof(datagram), text, &n), SEAL_OK);
	seal_free(s);
}
END_TEST

START_TEST(the_other_cipher_in_the_header_is_forged)
{
	struct seal *s = usual_seal(SEAL_AES_256_GCM);
	uint8_t datagram[SEAL_OVERHEAD], text[1];
	size_t n;

	ck_assert_int_eq(seal_datagram(s, 1, "", 0, datagram), SEAL_OVERHEAD);
	datagram[5] = SEAL_CHACHA20_POLY1305;
	ck_assert_int_eq(seal_open(s, datagram, sizeof(datagram), text, &n), SEAL_FORGED);
	seal_free(s);
}
END_TEST

START_TEST(every_truncation_and_extension_is_seen)
{
	struct seal *s = usual_seal(ciphers[_i]);
	uint8_t datagram[20 + SEAL_OVERHEAD + 1] = {0};
	size_t n;

	ck_assert_int_eq(seal_datagram(s, 1, "twenty bytes of text", 20, datagram), 60);
	for (size_t len = 0; len <= sizeof(datagram); len++) {
		uint8_t *copy = malloc(len ? len : 1); /* so that a read beyond is seen */
		size_t room = len < SEAL_OVERHEAD ? 0 : len - SEAL_OVERHEAD;
		uint8_t *text = malloc(room ? room : 1);
		enum seal_fault fault;
		memcpy(copy, datagram, len);
		fault = seal_open(s, copy, len, text, &n);
		if (len < SEAL_OVERHEAD)
			ck_assert_int_eq(fault, SEAL_TRUNCATED);
		else
			ck_assert_int_eq(fault, len == 60 ? SEAL_OK : SEAL_FORGED);
		free(copy);
		free(text);
	}
	seal_free(s);
}
END_TEST

/* Each thing that makes the keys: another one, other keys. */
static void change(struct parameters *p, int what)
{
	switch (what) {
	case 0:
		p->pair_key[31] ^= 1;
		break;
	case 1:
		p->sender[0] ^= 1;
		break;
	case 2:
		p->receiver[31] ^= 1;
		break;
	case 3:
		p->name = "lb2";
		break;
	case 4: /* the other direction */
		fill(p->sender, 0x40);
		fill(p->receiver, 0x20);
		break;
	}
}

START_TEST(whoever_differs_in_one_thing_opens_nothing)
{
	struct parameters p = usual(SEAL_AES_256_GCM), other = p;
	struct seal *sender = new_seal(&p), *stranger;
	uint8_t datagram[4 + SEAL_OVERHEAD], text[4];
	size_t n;

	change(&other, _i);
	stranger = new_seal(&other);
	ck_assert_uint_ne(seal_session(sender), seal_session(stranger));
	ck_assert_int_gt(seal_datagram(sender, 1, "text", 4, datagram), 0);
	ck_assert_int_eq(seal_open(stranger, datagram, sizeof(datagram), text, &n), SEAL_FORGED);
	/* With the right session in the header, the key is still another one. */
	for (unsigned i = 0; i < 8; i++)
		datagram[8 + i] = (uint8_t)(seal_session(stranger) >> (56 - 8 * i));
	ck_assert_int_eq(seal_open(stranger, datagram, sizeof(datagram), text, &n), SEAL_FORGED);
	seal_free(sender);
	seal_free(stranger);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	struct parameters p = usual(SEAL_AES_256_GCM);
	static uint8_t text[SEAL_DATAGRAM_MAX], datagram[SEAL_DATAGRAM_MAX + 1];
	char name[SEAL_NAME_MAX + 2];
	struct seal *s = NULL;
	struct seal_header header;

	ck_assert_int_eq(seal_new(p.pair_key, p.sender, p.receiver, p.name, 3, &s), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[SEAL_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(seal_new(p.pair_key, p.sender, p.receiver, name, p.cipher, &s), -EINVAL);
	ck_assert_ptr_null(s);
	name[SEAL_NAME_MAX] = '\0';
	p.name = name;
	s = new_seal(&p);
	ck_assert_int_eq(seal_datagram(s, 1, text, SEAL_DATAGRAM_MAX - SEAL_OVERHEAD, datagram),
		SEAL_DATAGRAM_MAX);
	ck_assert_int_eq(seal_datagram(s, 2, text, SEAL_DATAGRAM_MAX - SEAL_OVERHEAD + 1, datagram),
		-EMSGSIZE);
	ck_assert_int_eq(seal_look(datagram, SEAL_DATAGRAM_MAX + 1, &header), SEAL_NOT_OURS);
	seal_free(s);
	seal_free(NULL);
}
END_TEST

START_TEST(a_sequence_number_is_used_once)
{
	struct seal *s = usual_seal(SEAL_AES_256_GCM);
	uint8_t datagram[SEAL_OVERHEAD];

	(void)seal_datagram(s, 2, "", 0, datagram);
	(void)seal_datagram(s, 2, "", 0, datagram); /* aborts */
}
END_TEST

START_TEST(names_tell_faults_and_ciphers_apart)
{
	for (enum seal_fault i = 0; i < SEAL_FAULT_MAX_; i++)
		for (enum seal_fault k = 0; k < i; k++)
			ck_assert_str_ne(seal_fault_name(i), seal_fault_name(k));
	ck_assert_str_ne(
		seal_cipher_name(SEAL_AES_256_GCM), seal_cipher_name(SEAL_CHACHA20_POLY1305));
	ck_assert_ptr_null(seal_cipher_name(0));
	ck_assert_ptr_nonnull(seal_cipher_name(seal_preferred()));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("seal");
	TCase *tc = tcase_create("seal");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, the_vectors_of_the_manual_are_made_and_opened, 0,
		sizeof(vectors) / sizeof(vectors[0]));
	tcase_add_loop_test(tc, every_length_is_opened_again, 0, 2);
	tcase_add_loop_test(tc, datagrams_open_in_any_order_and_after_forged_ones, 0, 2);
	tcase_add_loop_test(tc, every_changed_bit_is_seen_and_nothing_comes_out, 0, 2);
	tcase_add_test(tc, the_other_cipher_in_the_header_is_forged);
	tcase_add_loop_test(tc, every_truncation_and_extension_is_seen, 0, 2);
	tcase_add_loop_test(tc, whoever_differs_in_one_thing_opens_nothing, 0, 5);
	tcase_add_test(tc, what_cannot_be_is_refused);
	tcase_add_test_raise_signal(tc, a_sequence_number_is_used_once, SIGABRT);
	tcase_add_test(tc, names_tell_faults_and_ciphers_apart);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
