/* DNS messages: queries as the RFC has them, answers as servers send them, each reason for a
 * rejection, and what an answer is compared with. */
#include "core/dns_message.h"

#include "base/byteorder.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_A 1
#define TYPE_NS 2
#define TYPE_CNAME 5
#define TYPE_SOA 6
#define TYPE_MX 15
#define TYPE_TXT 16
#define TYPE_AAAA 28
#define TYPE_SRV 33
#define TYPE_ANY 255

#define ID 0x1234

static struct dns_question question(const char *name, uint16_t type)
{
	struct dns_question q;

	ck_assert(dns_question_parse(name, type, &q));
	return q;
}

/* A response under construction. */
struct response {
	struct dns_question question;
	uint8_t bytes[1024];
	size_t len;
};

static struct response response(const char *name, uint16_t type)
{
	struct response r = {.question = question(name, type)};

	r.len = dns_query_build(&r.question, ID, r.bytes);
	be16_put(r.bytes + 2, 0x8180);
	return r;
}

/* A record owned by the name asked for. */
static void add_record(struct response *r, uint16_t type, const void *data, size_t len)
{
	uint8_t *p = r->bytes + r->len;

	be16_put(r->bytes + 6, (uint16_t)(be16_get(r->bytes + 6) + 1));
	be16_put(p, 0xc000 + DNS_HEADER_LEN);
	be16_put(p + 2, type);
	be16_put(p + 4, 1);
	be32_put(p + 6, 60);
	be16_put(p + 10, (uint16_t)len);
	memcpy(p + 12, data, len);
	r->len += 12 + len;
}

static enum dns_reject parse(const struct response *r, struct dns_reply *ret)
{
	return dns_reply_parse(&r->question, ID, r->bytes, r->len, ret);
}

static struct dns_record only_record(const struct response *r)
{
	struct dns_cursor cursor = {0};
	struct dns_record record, another;
	struct dns_reply reply;

	ck_assert_int_eq(parse(r, &reply), DNS_OK);
	ck_assert(dns_reply_next(&reply, &cursor, &record));
	ck_assert(!dns_reply_next(&reply, &cursor, &another));
	return record;
}

static struct dns_record record_of(uint16_t type, const void *data, size_t len)
{
	struct response r = response("www.example.net", type);

	add_record(&r, type, data, len);
	return only_record(&r);
}

START_TEST(a_query_is_what_the_rfc_says)
{
	static const uint8_t wanted[] = {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0,
		0, /* header */
		3, 'w', 'w', 'w', 2, 'e', 'x', 0, 0, 28, 0, 1};
	struct dns_question q = question("wWw.eX.", TYPE_AAAA);
	uint8_t bytes[DNS_QUERY_MAX];

	ck_assert_uint_eq(dns_query_build(&q, ID, bytes), sizeof(wanted));
	ck_assert_mem_eq(bytes, wanted, sizeof(wanted));
}
END_TEST

START_TEST(a_name_is_read_or_refused)
{
	static const char *const bad[] = {"", "a..b", ".a", "a b", "a\\b", "\xc3\xa4",
		"a123456789012345678901234567890123456789012345678901234567890123"};
	struct dns_question q;
	char name[300];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!dns_question_parse(bad[i], TYPE_A, &q), "%s", bad[i]);
	ck_assert_uint_eq(question(".", TYPE_NS).name_len, 1);
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 2 ? '.' : 'a';
	name[254] = '\0'; /* 127 labels of one letter are the longest name: 255 with the root */
	ck_assert_uint_eq(question(name, TYPE_A).name_len, 255);
	name[254] = 'a';
	name[255] = '\0';
	ck_assert(!dns_question_parse(name, TYPE_A, &q));
}
END_TEST

START_TEST(records_read_as_text)
{
	static const uint8_t soa[] = {2, 'n', 's', 0xc0, 12, 1, 'a', 0xc0, 12, 0, 0, 0, 1, 0, 0, 0,
		2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5};
	static const uint8_t aaaa[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	struct dns_record r;

	r = record_of(TYPE_A, "\xc0\x00\x02\x07", 4);
	ck_assert_str_eq(r.text, "192.0.2.7");
	r = record_of(TYPE_AAAA, aaaa, sizeof(aaaa));
	ck_assert_str_eq(r.text, "2001:db8::1");
	r = record_of(TYPE_CNAME, "\x03WEB\xc0\x10", 6);
	ck_assert_str_eq(r.text, "web.example.net");
	r = record_of(TYPE_NS, "", 1);
	ck_assert_str_eq(r.text, ".");
	r = record_of(TYPE_MX, "\x00\x0a\x02mx\xc0\x10", 7);
	ck_assert_str_eq(r.text, "10 mx.example.net");
	r = record_of(TYPE_SRV, "\x00\x01\x00\x02\x01\xbb\x01s\x00", 9);
	ck_assert_str_eq(r.text, "1 2 443 s");
	r = record_of(TYPE_TXT, "\x02v=\x03 \"1", 7);
	ck_assert_str_eq(r.text, "v= \"1");
	r = record_of(TYPE_SOA, soa, sizeof(soa));
	ck_assert_str_eq(r.text, "ns.www.example.net a.www.example.net 1 2 3 4 5");
	r = record_of(99, "\x01\xab", 2);
	ck_assert_str_eq(r.text, "01ab");
	r = record_of(TYPE_CNAME,
		"\x03"
		"a.\x01\x00",
		5);
	ck_assert_str_eq(r.text, "a\\046\\001");
}
END_TEST

START_TEST(data_that_do_not_fit_their_type_are_hexadecimal)
{
	static const struct {
		uint16_t type;
		const char *data;
		size_t len;
	} cases[] = {{TYPE_A, "\x01\x02\x03", 3}, {TYPE_AAAA, "\x01\x02\x03\x04", 4},
		{TYPE_MX, "\x01", 1}, {TYPE_MX, "\x00\x01", 2},
		{TYPE_NS,
			"\x01"
			"a",
			2},
		{TYPE_NS, "\x00\x00", 2},
		{TYPE_TXT,
			"\x05"
			"a",
			2},
		{TYPE_SOA, "\x00\x00\x01", 3}, {TYPE_SRV, "", 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_record r = record_of(cases[i].type, cases[i].data, cases[i].len);

		ck_assert_uint_eq(strlen(r.text), 2 * cases[i].len);
		ck_assert(strspn(r.text, "0123456789abcdef") == 2 * cases[i].len);
	}
}
END_TEST

START_TEST(a_long_text_is_cut_and_equals_nothing)
{
	uint8_t data[600];
	struct dns_record r;

	memset(data, 'x', sizeof(data));
	data[0] = data[256] = 255;
	data[512] = 87;
	r = record_of(TYPE_TXT, data, sizeof(data));
	ck_assert(r.cut);
	ck_assert_uint_eq(strlen(r.text), DNS_TEXT_MAX - 1);
	ck_assert(!dns_record_is(&r, r.text));
}
END_TEST

START_TEST(only_records_of_the_type_asked_for_count)
{
	struct response r = response("www.example.net", TYPE_A);

	add_record(&r, TYPE_CNAME, "\x03web\xc0\x10", 6);
	add_record(&r, TYPE_A, "\xc0\x00\x02\x07", 4);
	ck_assert_str_eq(only_record(&r).text, "192.0.2.7");
}
END_TEST

START_TEST(any_asks_for_records_of_each_type)
{
	struct response r = response("www.example.net", TYPE_ANY);
	struct dns_cursor cursor = {0};
	struct dns_record record;
	struct dns_reply reply;

	add_record(&r, TYPE_NS, "\x01n\x00", 3);
	add_record(&r, TYPE_A, "\xc0\x00\x02\x07", 4);
	ck_assert_int_eq(parse(&r, &reply), DNS_OK);
	ck_assert(dns_reply_next(&reply, &cursor, &record));
	ck_assert(dns_record_is(&record, "n."));
	ck_assert(dns_reply_next(&reply, &cursor, &record));
	ck_assert(dns_record_is(&record, "192.0.2.7"));
	ck_assert(!dns_reply_next(&reply, &cursor, &record));
}
END_TEST

START_TEST(an_answer_may_be_empty_or_an_error_or_truncated)
{
	struct response r = response("www.example.net", TYPE_A);
	struct dns_cursor cursor = {0};
	struct dns_record record;
	struct dns_reply reply;

	ck_assert_int_eq(parse(&r, &reply), DNS_OK);
	ck_assert_uint_eq(reply.n_records, 0);
	ck_assert(!dns_reply_next(&reply, &cursor, &record));
	be16_put(r.bytes + 2, 0x8183);
	ck_assert_int_eq(parse(&r, &reply), DNS_OK);
	ck_assert_uint_eq(reply.rcode, 3);
	/* What is left of the records of a truncated answer may end anywhere. */
	be16_put(r.bytes + 2, 0x8380);
	be16_put(r.bytes + 6, 7);
	ck_assert_int_eq(parse(&r, &reply), DNS_OK);
	ck_assert(reply.truncated);
	/* An error without the question. */
	be16_put(r.bytes + 2, 0x8181);
	be16_put(r.bytes + 4, 0);
	be16_put(r.bytes + 6, 0);
	r.len = DNS_HEADER_LEN;
	ck_assert_int_eq(parse(&r, &reply), DNS_OK);
	ck_assert_uint_eq(reply.rcode, 1);
}
END_TEST

static void must_reject(const struct response *r, enum dns_reject wanted)
{
	struct dns_reply reply, untouched;

	memset(&reply, 0xa5, sizeof(reply));
	memset(&untouched, 0xa5, sizeof(untouched));
	ck_assert_int_eq(parse(r, &reply), wanted);
	ck_assert_mem_eq(&reply, &untouched, sizeof(reply));
	ck_assert(dns_reject_text(wanted)[0] != '\0');
}

START_TEST(what_is_no_answer_is_refused_with_its_reason)
{
	const struct response good = response("www.example.net", TYPE_A);
	struct response r = good;

	r.len = DNS_HEADER_LEN - 1;
	must_reject(&r, DNS_REJECT_SHORT);
	r = good;
	r.bytes[1] ^= 1;
	must_reject(&r, DNS_REJECT_ID);
	r = good;
	be16_put(r.bytes + 2, 0x0180);
	must_reject(&r, DNS_REJECT_QUERY);
	be16_put(r.bytes + 2, 0x8980);
	must_reject(&r, DNS_REJECT_QUERY);
	r = good;
	r.bytes[13] = 'x';
	must_reject(&r, DNS_REJECT_QUESTION);
	r = good;
	r.bytes[r.len - 3] = 2; /* the type */
	must_reject(&r, DNS_REJECT_QUESTION);
	r = good;
	be16_put(r.bytes + 4, 0);
	must_reject(&r, DNS_REJECT_QUESTION);
	be16_put(r.bytes + 4, 2);
	must_reject(&r, DNS_REJECT_QUESTION);
	r = good;
	r.len--;
	must_reject(&r, DNS_REJECT_QUESTION);
}
END_TEST

START_TEST(the_question_is_compared_without_regard_to_case)
{
	struct response r = response("www.example.net", TYPE_A);
	struct dns_reply reply;

	r.bytes[13] = 'W';
	ck_assert_int_eq(parse(&r, &reply), DNS_OK);
}
END_TEST

START_TEST(records_beyond_the_end_are_refused)
{
	struct response r = response("www.example.net", TYPE_A);
	size_t before = r.len;

	add_record(&r, TYPE_A, "\xc0\x00\x02\x07", 4);
	for (size_t len = r.len - 1; len >= before; len--) {
		r.len = len;
		must_reject(&r, len > before + 1 ? DNS_REJECT_RECORD : DNS_REJECT_NAME);
	}
}
END_TEST

START_TEST(a_name_that_does_not_end_is_refused)
{
	struct response r = response("www.example.net", TYPE_A);
	size_t owner = r.len;

	add_record(&r, TYPE_A, "\xc0\x00\x02\x07", 4);
	be16_put(r.bytes + owner, (uint16_t)(0xc000 + owner)); /* to itself */
	must_reject(&r, DNS_REJECT_NAME);
	be16_put(r.bytes + owner, (uint16_t)(0xc000 + owner + 4)); /* forward */
	must_reject(&r, DNS_REJECT_NAME);
	be16_put(r.bytes + owner, 0x8001); /* labels of unknown kinds */
	must_reject(&r, DNS_REJECT_NAME);
	r.bytes[owner] = 63; /* a label beyond the end */
	must_reject(&r, DNS_REJECT_NAME);
}
END_TEST

START_TEST(a_name_may_not_grow_by_pointers_beyond_its_limit)
{
	struct response r = response("www.example.net", TYPE_NS);
	uint8_t data[4 * 65] = {0};

	/* 63 bytes four times, and then the name asked for. */
	for (size_t i = 0; i < 4; i++) {
		data[i * 64] = 63;
		memset(data + i * 64 + 1, 'a', 63);
	}
	be16_put(data + 256, 0xc000 + DNS_HEADER_LEN);
	add_record(&r, TYPE_NS, data, 258);
	ck_assert_uint_eq(strlen(only_record(&r).text), DNS_TEXT_MAX - 1); /* hexadecimal, cut */
	ck_assert(only_record(&r).cut);
}
END_TEST

START_TEST(expectations_are_compared_by_meaning)
{
	struct dns_record a = {.type = TYPE_AAAA, .text = "2001:db8::1"};
	struct dns_record mx = {.type = TYPE_MX, .text = "10 mx.example.net"};
	struct dns_record soa = {.type = TYPE_SOA, .text = "ns.a b.a 1 2 3 4 5"};
	struct dns_record txt = {.type = TYPE_TXT, .text = "Yes"};

	ck_assert(dns_record_is(&a, "2001:DB8:0:0::1"));
	ck_assert(!dns_record_is(&a, "2001:db8::2"));
	ck_assert(dns_record_is(&mx, "10 MX.example.net."));
	ck_assert(!dns_record_is(&mx, "10 mx.example.ne"));
	ck_assert(!dns_record_is(&mx, "10 mx.example.net.."));
	ck_assert(!dns_record_is(&mx, "20 mx.example.net"));
	ck_assert(dns_record_is(&soa, "ns.a. b.a. 1 2 3 4 5"));
	ck_assert(dns_record_is(&txt, "Yes"));
	ck_assert(!dns_record_is(&txt, "yes"));
	ck_assert(dns_expected_is_possible(TYPE_A, "192.0.2.1"));
	ck_assert(!dns_expected_is_possible(TYPE_A, "2001:db8::1"));
	ck_assert(!dns_expected_is_possible(TYPE_AAAA, "192.0.2.1"));
	ck_assert(!dns_expected_is_possible(TYPE_TXT, ""));
	ck_assert(dns_expected_is_possible(TYPE_TXT, "x"));
}
END_TEST

START_TEST(numbers_have_names)
{
	uint16_t type;
	uint8_t rcode;
	char buf[16];

	ck_assert(dns_type_by_name("SRV", &type) && type == TYPE_SRV);
	ck_assert(!dns_type_by_name("srv", &type));
	ck_assert_str_eq(dns_type_name(TYPE_SOA, buf), "SOA");
	ck_assert_str_eq(dns_type_name(65280, buf), "TYPE65280");
	ck_assert(dns_rcode_by_name("NXDOMAIN", &rcode) && rcode == 3);
	ck_assert(!dns_rcode_by_name("", &rcode));
	ck_assert_str_eq(dns_rcode_name(2, buf), "SERVFAIL");
	ck_assert_str_eq(dns_rcode_name(15, buf), "RCODE15");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dns_message");
	TCase *c = tcase_create("messages");
	SRunner *runner;
	int failed;

	tcase_add_test(c, a_query_is_what_the_rfc_says);
	tcase_add_test(c, a_name_is_read_or_refused);
	tcase_add_test(c, records_read_as_text);
	tcase_add_test(c, data_that_do_not_fit_their_type_are_hexadecimal);
	tcase_add_test(c, a_long_text_is_cut_and_equals_nothing);
	tcase_add_test(c, only_records_of_the_type_asked_for_count);
	tcase_add_test(c, any_asks_for_records_of_each_type);
	tcase_add_test(c, an_answer_may_be_empty_or_an_error_or_truncated);
	tcase_add_test(c, what_is_no_answer_is_refused_with_its_reason);
	tcase_add_test(c, the_question_is_compared_without_regard_to_case);
	tcase_add_test(c, records_beyond_the_end_are_refused);
	tcase_add_test(c, a_name_that_does_not_end_is_refused);
	tcase_add_test(c, a_name_may_not_grow_by_pointers_beyond_its_limit);
	tcase_add_test(c, expectations_are_compared_by_meaning);
	tcase_add_test(c, numbers_have_names);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
