/* link/session: keys by agreement, numbers, windows; and that no two datagrams are ever made with
 * the same key and number. */
#include "link/session.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define NOW ((struct instant){1000000})

/* Two directors, each with what it knows of the other. */
static struct counts counts[2];
static struct session *ends[2];
static struct pair_key keys[2];
static const char *const names[2] = {"lb1", "lb2"};

static void set_up(void)
{
	static const uint8_t bytes[2][PAIR_KEY_LEN] = {{1, 2}, {3, 4}};

	memset(counts, 0, sizeof(counts));
	for (unsigned i = 0; i < 2; i++) {
		pair_key_make(bytes[i], &keys[i]);
		ck_assert_int_eq(session_new(&counts[i], &ends[i]), 0);
	}
}

static void tear_down(void)
{
	for (unsigned i = 0; i < 2; i++)
		session_free(ends[i]);
}

/* `hearer` gets the other's hello, and then hears that the other can read it. */
static int hello(unsigned hearer, const struct pair_key *key)
{
	struct session_terms terms = {.key = key,
		.own_name = names[hearer],
		.peer_name = names[!hearer],
		.peer_cipher = seal_preferred()};
	int r;

	memcpy(terms.peer_nonce, session_nonce(ends[!hearer]), sizeof(terms.peer_nonce));
	r = session_agree(ends[hearer], &terms);
	ck_assert_int_ge(r, 0);
	return r;
}

static bool agreed(unsigned hearer)
{
	return session_agreed(ends[hearer], session_agreement(ends[!hearer]));
}

static void agree(const struct pair_key *key, enum session_news expected)
{
	ck_assert_int_eq(hello(0, key), (int)expected);
	ck_assert_int_eq(hello(1, key), (int)expected);
	ck_assert(agreed(0) && agreed(1));
}

struct datagram {
	uint8_t bytes[64];
	size_t len;
};

static struct datagram sealed(unsigned sender)
{
	struct datagram d;

	d.len = session_seal(ends[sender], "text", 4, d.bytes);
	ck_assert_uint_eq(d.len, 4 + SEAL_OVERHEAD);
	return d;
}

static bool opens(unsigned receiver, const struct datagram *d)
{
	uint8_t text[64];
	size_t len;

	return session_open(ends[receiver], d->bytes, d->len, 0, NOW, text, &len);
}

static uint64_t count(unsigned end, enum count what)
{
	return counts[end].n[what];
}

START_TEST(before_a_hello_nothing_is_sent_or_read)
{
	struct datagram d = {.len = 0};

	ck_assert_uint_eq(session_seal(ends[0], "text", 4, d.bytes), 0);
	agree(&keys[0], SESSION_FRESH);
	d = sealed(0);
	session_end(ends[1]);
	ck_assert(!opens(1, &d));
	ck_assert_uint_eq(count(1, COUNT_OLD_SESSION), 1);
}
END_TEST

START_TEST(what_one_seals_the_other_opens_once)
{
	struct datagram d;

	agree(&keys[0], SESSION_FRESH);
	d = sealed(0);
	ck_assert(!opens(0, &d)); /* its own */
	ck_assert_uint_eq(count(0, COUNT_UNKNOWN_SESSION), 1);
	ck_assert(opens(1, &d));
	ck_assert(!opens(1, &d));
	ck_assert_uint_eq(count(1, COUNT_DUPLICATE) + count(1, COUNT_REPLAYED), 1);
}
END_TEST

START_TEST(a_stream_that_comes_back_goes_on_with_the_session)
{
	struct datagram before, after;

	agree(&keys[0], SESSION_FRESH);
	before = sealed(0);
	agree(&keys[0], SESSION_SAME);
	after = sealed(0);
	ck_assert(opens(1, &after));
	ck_assert(opens(1, &before));
	ck_assert_uint_eq(session_sent(ends[0]), 2);
}
END_TEST

START_TEST(another_key_goes_on_with_the_numbers_and_loses_nothing)
{
	struct datagram before, after;

	agree(&keys[0], SESSION_FRESH);
	before = sealed(0);
	agree(&keys[1], SESSION_REKEYED);
	after = sealed(0);
	ck_assert(opens(1, &after));
	ck_assert(opens(1, &before)); /* was on its way */
	ck_assert(!opens(1, &before));
	ck_assert_uint_eq(count(1, COUNT_RECEIVED), 2);
}
END_TEST

START_TEST(a_peer_that_started_again_is_fresh_and_its_past_is_old)
{
	struct datagram before;

	agree(&keys[0], SESSION_FRESH);
	before = sealed(0);
	session_free(ends[0]);
	ck_assert_int_eq(session_new(&counts[0], &ends[0]), 0);
	agree(&keys[0], SESSION_FRESH);
	ck_assert(!opens(1, &before));
	ck_assert_uint_eq(count(1, COUNT_OLD_SESSION), 1);
	before = sealed(0);
	ck_assert(opens(1, &before));
}
END_TEST

/* Numbers begin anew after an end: under other keys, or AES-GCM would give its own away, and all
 * that was recorded before could be replayed into an empty window. */
START_TEST(after_an_end_no_key_is_made_again)
{
	struct datagram before, after;

	agree(&keys[0], SESSION_FRESH);
	before = sealed(0);
	ck_assert(opens(1, &before));
	session_end(ends[0]);
	agree(&keys[0], SESSION_FRESH);
	after = sealed(0);
	ck_assert_uint_eq(session_sent(ends[0]), 1);
	ck_assert_mem_ne(before.bytes + 8, after.bytes + 8, 8); /* the session's name */
	ck_assert(opens(1, &after));
	ck_assert(!opens(1, &before));
	ck_assert_uint_eq(count(1, COUNT_OLD_SESSION), 1);
}
END_TEST

/* Two reloads within a round trip: the second key becomes the active one, and a stream is made with
 * it; the first one is dropped, and with it the session, when only one hello has arrived. */
START_TEST(a_key_dropped_between_the_hellos_is_noticed_and_mended_by_another_hello)
{
	struct datagram d = {.len = 0};

	agree(&keys[0], SESSION_FRESH);
	ck_assert_int_eq(hello(1, &keys[1]), SESSION_REKEYED);
	session_end(ends[0]); /* its nonce is no more the one that its hello said */
	ck_assert_int_eq(hello(0, &keys[1]), SESSION_FRESH);
	ck_assert(!agreed(0) && !agreed(1));
	ck_assert_uint_eq(session_seal(ends[0], "text", 4, d.bytes), 0);

	ck_assert_int_eq(hello(0, &keys[1]), SESSION_SAME);
	ck_assert_int_eq(hello(1, &keys[1]), SESSION_FRESH);
	ck_assert(agreed(0) && agreed(1));
	for (unsigned i = 0; i < 2; i++) {
		d = sealed(i);
		ck_assert(opens(!i, &d));
	}
}
END_TEST

START_TEST(what_says_agreed_without_a_hello_is_wrong)
{
	ck_assert(!session_agreed(ends[0], 1));
	agree(&keys[0], SESSION_FRESH);
	ck_assert(agreed(0)); /* said again on another stream */
	ck_assert(!session_agreed(ends[0], session_agreement(ends[0])));
	(void)sealed(0); /* as before */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, before_a_hello_nothing_is_sent_or_read);
	tcase_add_test(tc, what_one_seals_the_other_opens_once);
	tcase_add_test(tc, a_stream_that_comes_back_goes_on_with_the_session);
	tcase_add_test(tc, another_key_goes_on_with_the_numbers_and_loses_nothing);
	tcase_add_test(tc, a_peer_that_started_again_is_fresh_and_its_past_is_old);
	tcase_add_test(tc, after_an_end_no_key_is_made_again);
	tcase_add_test(tc, a_key_dropped_between_the_hellos_is_noticed_and_mended_by_another_hello);
	tcase_add_test(tc, what_says_agreed_without_a_hello_is_wrong);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
