/* What is said over the link, as bytes and as JSON; and what Configure may say. */
#include "core/link_item.h"
#include "link/count.h"
#include "link/hello.h"
#include "link/settings.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(items_are_read_one_after_the_other)
{
	uint8_t text[] = {1, 0, 2, 'a', 'b', 9, 0, 0, 2, 0, 1, 'c'};
	struct link_items items = {text, text + sizeof(text)};
	struct link_item item;
	bool whole;

	ck_assert(link_items_next(&items, &item, &whole));
	ck_assert_uint_eq(item.type, LINK_ITEM_SYNC);
	ck_assert_uint_eq(item.len, 2);
	ck_assert_mem_eq(item.body, "ab", 2);
	ck_assert(link_items_next(&items, &item, &whole));
	ck_assert_uint_eq(item.type, 9);
	ck_assert_uint_eq(item.len, 0);
	ck_assert(link_items_next(&items, &item, &whole));
	ck_assert_mem_eq(item.body, "c", 1);
	ck_assert(!link_items_next(&items, &item, &whole));
	ck_assert(whole);
}
END_TEST

START_TEST(an_item_that_is_cut_ends_the_datagram)
{
	uint8_t text[LINK_ITEM_HEAD + 5] = {0};

	link_item_head(text, LINK_ITEM_TRACKED, 5);
	ck_assert_uint_eq(text[0], 3);
	for (size_t len = 1; len < sizeof(text); len++) {
		struct link_items items = {text, text + len};
		struct link_item item;
		bool whole = true;
		ck_assert(!link_items_next(&items, &item, &whole));
		ck_assert(!whole);
	}
}
END_TEST

START_TEST(a_heartbeat_is_read_as_it_was_built)
{
	const struct heartbeat h = {.process = 0x0102030405060708,
		.state = 9,
		.flags = 10,
		.sent_us = UINT64_C(1) << 40,
		.echo_us = 11,
		.held_us = 12};
	struct heartbeat got;
	uint8_t bytes[HEARTBEAT_LEN + 1] = {0};

	heartbeat_build(&h, bytes);
	ck_assert_uint_eq(bytes[0], 1);
	ck_assert_uint_eq(bytes[11], 9);
	ck_assert_uint_eq(bytes[39], 12);
	ck_assert(heartbeat_parse(bytes, sizeof(bytes), &got));
	ck_assert_mem_eq(&got, &h, sizeof(h));
	ck_assert(!heartbeat_parse(bytes, HEARTBEAT_LEN - 1, &got));
}
END_TEST

START_TEST(ranges_that_cannot_be_are_refused)
{
	static const struct {
		struct link_range range;
		bool good;
	} cases[] = {{{1, 1}, true}, {{5, 9}, true}, {{0, 3}, false}, {{9, 5}, false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[LINK_RANGE_LEN];
		struct link_range got = {7, 7};
		link_range_build(&cases[i].range, bytes);
		ck_assert_int_eq(link_range_parse(bytes, &got), cases[i].good);
		ck_assert_uint_eq(got.first, cases[i].good ? cases[i].range.first : 7);
	}
}
END_TEST

START_TEST(each_count_has_a_name_of_its_own)
{
	struct counts counts = {.n = {[COUNT_OLD_SESSION] = 3}};
	json_t *o = counts_to_json(&counts);

	ck_assert_uint_eq(json_object_size(o), COUNT_MAX_);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "old_session")), 3);
	json_decref(o);
}
END_TEST

/* Hello */

START_TEST(a_hello_is_read_as_it_was_built)
{
	struct hello h = {.node = "lb1", .cipher = SEAL_CHACHA20_POLY1305, .sync_id = 7}, got;
	char *text;

	for (unsigned i = 0; i < SEAL_NONCE_LEN; i++)
		h.nonce[i] = (uint8_t)(i * 8);
	text = hello_build(&h);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_null(hello_parse(text, strlen(text), &got));
	ck_assert_str_eq(got.node, "lb1");
	ck_assert_mem_eq(got.nonce, h.nonce, sizeof(h.nonce));
	ck_assert_int_eq(got.cipher, h.cipher);
	ck_assert_uint_eq(got.sync_id, 7);
	free(text);
}
END_TEST

#define NONCE "\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\""

START_TEST(a_hello_that_is_not_understood_says_why)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"{", "not an object"},
		{"[]", "not an object"},
		{"{\"version\":2}", "another version of the link"},
		{"{\"version\":1,\"node\":\"\"}", "no name of a node"},
		{"{\"version\":1,\"node\":\"a\",\"nonce\":\"00\"}", "no nonce"},
		{"{\"version\":1,\"node\":\"a\",\"nonce\":" NONCE ",\"cipher\":3}",
			"an unknown cipher"},
		{"{\"version\":1,\"node\":\"a\",\"nonce\":" NONCE ",\"cipher\":1,\"sync_id\":256}",
			"no sync id"},
		{"{\"version\":1,\"node\":\"a\",\"nonce\":" NONCE
		 ",\"cipher\":1,\"sync_id\":0,\"later\":1}",
			NULL},
	};
	struct hello got;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = hello_parse(cases[i].text, strlen(cases[i].text), &got);
		if (cases[i].why)
			ck_assert_str_eq(why ? why : "nothing", cases[i].why);
		else
			ck_assert_ptr_null(why);
	}
}
END_TEST

START_TEST(a_hello_that_is_too_long_is_not_read)
{
	char *text = malloc(HELLO_MAX + 1);
	struct hello got;

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', HELLO_MAX + 1);
	text[0] = '{';
	text[1] = '}';
	ck_assert_str_eq(hello_parse(text, HELLO_MAX, &got), "another version of the link");
	ck_assert_str_eq(hello_parse(text, HELLO_MAX + 1, &got), "not an object");
	free(text);
}
END_TEST

/* Settings */

#define KEY_1 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static json_t *good(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:[s, s], s:s, s:i, s:i, s:i, s:i, s:[s, s]}",
		"node", "lb1", "peer", "lb2", "own_address", "10.0.0.1", "peer_address", "10.0.0.2",
		"interfaces", "eth1", "eth2", "group", "224.0.0.81", "port", 8848, "ttl", 1,
		"sync_id", 5, "heartbeat_us", 100000, "keys", KEY_1, KEY_2);
}

START_TEST(all_that_is_configured_is_taken)
{
	json_t *o = good();
	struct settings s = {0};
	struct pair_keys keys = {0};

	ck_assert_ptr_null(settings_parse(o, &s, &keys));
	ck_assert_str_eq(s.node, "lb1");
	ck_assert_str_eq(s.peer, "lb2");
	ck_assert_uint_eq(s.n_interfaces, 2);
	ck_assert_str_eq(s.interfaces[1], "eth2");
	ck_assert_uint_eq(s.port, 8848);
	ck_assert_uint_eq(s.ttl, 1);
	ck_assert_uint_eq(s.sync_id, 5);
	ck_assert_uint_eq(s.heartbeat_us, 100000);
	ck_assert_uint_eq(keys.n, 2);
	ck_assert_uint_eq(keys.items[1].bytes[0], 0xff);
	json_decref(o);
}
END_TEST

START_TEST(what_is_wrong_is_named_and_nothing_is_taken)
{
	static const struct {
		const char *key, *value, *wrong; /* value: JSON */
	} cases[] = {
		{"node", "\"\"", "node"},
		{"peer", "\"lb1\"", "peer"},
		{"own_address", "\"x\"", "own_address"},
		{"peer_address", "\"10.0.0.1\"", "peer_address"},
		{"peer_address", "\"2001:db8::1\"", "peer_address"},
		{"interfaces", "[]", "interfaces"},
		{"interfaces", "[\"a\",\"b\",\"c\",\"d\",\"e\"]", "interfaces"},
		{"interfaces", "[\"0123456789abcdef\"]", "interfaces"},
		{"group", "\"10.0.0.9\"", "group"},
		{"port", "0", "port"},
		{"port", "65536", "port"},
		{"port", "\"1\"", "port"},
		{"ttl", "256", "ttl"},
		{"sync_id", "-1", "sync_id"},
		{"heartbeat_us", "999", "heartbeat_us"},
		{"keys", "[]", "keys"},
		{"keys", "[1]", "keys"},
		{"keys", "[\"" KEY_1 "\",\"" KEY_1 "\"]", "keys"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *o = good();
		struct settings s = {.port = 1};
		struct pair_keys keys = {0};
		const char *wrong;

		(void)json_object_set_new(
			o, cases[i].key, json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		wrong = settings_parse(o, &s, &keys);
		ck_assert_msg(wrong && strncmp(wrong, cases[i].wrong, strlen(cases[i].wrong)) == 0,
			"%s %s: %s", cases[i].key, cases[i].value, wrong ? wrong : "taken");
		ck_assert_uint_eq(s.port, 1);
		ck_assert_uint_eq(keys.n, 0);
		json_decref(o);
	}
}
END_TEST

START_TEST(other_keys_and_another_heartbeat_need_no_new_sockets)
{
	struct settings a = {.port = 1, .ttl = 1, .heartbeat_us = 1}, b = a;

	b.heartbeat_us = 2;
	ck_assert(settings_same_sockets(&a, &b));
	b.ttl = 2;
	ck_assert(!settings_same_sockets(&a, &b));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("link_wire");
	TCase *t = tcase_create("link_wire");
	SRunner *r;
	int failed;

	tcase_add_test(t, items_are_read_one_after_the_other);
	tcase_add_test(t, an_item_that_is_cut_ends_the_datagram);
	tcase_add_test(t, a_heartbeat_is_read_as_it_was_built);
	tcase_add_test(t, ranges_that_cannot_be_are_refused);
	tcase_add_test(t, each_count_has_a_name_of_its_own);
	tcase_add_test(t, a_hello_is_read_as_it_was_built);
	tcase_add_test(t, a_hello_that_is_not_understood_says_why);
	tcase_add_test(t, a_hello_that_is_too_long_is_not_read);
	tcase_add_test(t, all_that_is_configured_is_taken);
	tcase_add_test(t, what_is_wrong_is_named_and_nothing_is_taken);
	tcase_add_test(t, other_keys_and_another_heartbeat_need_no_new_sockets);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
