/* core/sync_message: what the kernel's sync daemons say. The known message was laid out by hand
 * after ip_vs_sync.c. */
#include "core/sync_message.h"

#include "base/byteorder.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LEN 8
#define V4_LEN 36
#define V6_LEN 72

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static struct sync_record v4(void)
{
	return (struct sync_record){
		.protocol = IPPROTO_TCP,
		.state = 1,
		.flags = 0x83,
		.mark = 0x01020304,
		.timeout_s = 900,
		.client = address("198.51.100.7"),
		.service = address("192.0.2.100"),
		.server = address("192.0.2.11"),
		.client_port = 40000,
		.service_port = 443,
		.server_port = 8443,
	};
}

static struct sync_record v6(void)
{
	struct sync_record r = v4();

	r.client = address("2001:db8:7::1");
	r.service = address("2001:db8::100");
	r.server = address("2001:db8::11");
	return r;
}

static size_t build(const struct sync_record *records, size_t n, uint8_t *message, size_t size)
{
	struct sync_writer w;

	sync_writer_begin(&w, message, size, 7);
	for (size_t i = 0; i < n; i++)
		ck_assert(sync_writer_add(&w, &records[i]));
	return sync_writer_end(&w);
}

static void is_equal(const struct sync_record *a, const struct sync_record *b)
{
	ck_assert_uint_eq(a->protocol, b->protocol);
	ck_assert_uint_eq(a->state, b->state);
	ck_assert_uint_eq(a->flags, b->flags);
	ck_assert_uint_eq(a->mark, b->mark);
	ck_assert_uint_eq(a->timeout_s, b->timeout_s);
	ck_assert_mem_eq(&a->client, &b->client, sizeof(a->client));
	ck_assert_mem_eq(&a->service, &b->service, sizeof(a->service));
	ck_assert_mem_eq(&a->server, &b->server, sizeof(a->server));
	ck_assert_uint_eq(a->client_port, b->client_port);
	ck_assert_uint_eq(a->service_port, b->service_port);
	ck_assert_uint_eq(a->server_port, b->server_port);
	ck_assert_uint_eq(a->options_len, b->options_len);
	if (a->options_len > 0)
		ck_assert_mem_eq(a->options, b->options, a->options_len);
}

/* All of a message, from a copy of its exact size: the fault that ends it; records that the kernel
 * skips are counted. */
static enum sync_fault read_all(
	const uint8_t *message, size_t len, unsigned *ret_n, unsigned *ret_skipped)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct sync_reader r;
	struct sync_record record;
	enum sync_fault fault;
	bool more = true;

	memcpy(copy, message, len);
	*ret_n = *ret_skipped = 0;
	fault = sync_reader_open(&r, copy, len);
	while (fault == SYNC_OK) {
		fault = sync_reader_next(&r, &record, &more);
		if (fault == SYNC_OK && !more)
			break;
		if (fault == SYNC_UNKNOWN_RECORD) {
			++*ret_skipped;
			fault = SYNC_OK;
		} else if (fault == SYNC_OK) {
			++*ret_n;
		}
	}
	free(copy);
	return fault;
}

/* An established connection by direct routing. */
static const uint8_t known[] = {
	0, 1, 0, 44, 1, 1, 0, 0,                    /* one record, sync id 1 */
	0, 6, 0, 36, 0, 0, 0, 0x83, 0, 1,           /* IPv4, TCP, 36 bytes, flags, ESTABLISHED */
	0x9c, 0x40, 0, 80, 0, 80, 0, 0, 0, 0, 0, 0, /* ports, no mark */
	3, 0x84, 10, 1, 0, 2, 10, 1, 0, 100, 10, 2, 0, 1, /* 900 s, addresses */
};

START_TEST(a_known_message_is_read)
{
	struct sync_reader r;
	struct sync_record c;
	bool more;

	ck_assert_int_eq(sync_reader_open(&r, known, sizeof(known)), SYNC_OK);
	ck_assert_uint_eq(r.sync_id, 1);
	ck_assert_uint_eq(r.left, 1);
	ck_assert_int_eq(sync_reader_next(&r, &c, &more), SYNC_OK);
	ck_assert(more);
	ck_assert_uint_eq(c.protocol, IPPROTO_TCP);
	ck_assert_uint_eq(c.flags, 0x83);
	ck_assert_uint_eq(c.state, 1);
	ck_assert_uint_eq(c.timeout_s, 900);
	ck_assert_uint_eq(c.client_port, 40000);
	ck_assert_uint_eq(c.service_port, 80);
	ck_assert_uint_eq(c.server_port, 80);
	struct addr client = address("10.1.0.2"), service = address("10.1.0.100"),
		    server = address("10.2.0.1");
	ck_assert(addr_equal(&c.client, &client));
	ck_assert(addr_equal(&c.service, &service));
	ck_assert(addr_equal(&c.server, &server));
	ck_assert_int_eq(sync_reader_next(&r, &c, &more), SYNC_OK);
	ck_assert(!more);
	ck_assert_int_eq(sync_reader_next(&r, &c, &more), SYNC_OK);
	ck_assert(!more);
}
END_TEST

START_TEST(the_known_message_is_built_byte_by_byte)
{
	uint8_t message[sizeof(known)];
	struct sync_reader r;
	struct sync_record c;
	struct sync_writer w;
	bool more;

	ck_assert_int_eq(sync_reader_open(&r, known, sizeof(known)), SYNC_OK);
	ck_assert_int_eq(sync_reader_next(&r, &c, &more), SYNC_OK);
	memset(message, 0xee, sizeof(message));
	sync_writer_begin(&w, message, sizeof(message), 1);
	ck_assert(sync_writer_add(&w, &c));
	ck_assert_uint_eq(sync_writer_end(&w), sizeof(known));
	ck_assert_mem_eq(message, known, sizeof(known));
}
END_TEST

/* Options as on the wire. */
#define SEQUENCE                                                                                   \
	"\1\30"                                                                                    \
	"abcdefghijklmnopqrstuvwx"
#define PE_DATA                                                                                    \
	"\2\5"                                                                                     \
	"a@b.c"
#define PE_NAME                                                                                    \
	"\3\3"                                                                                     \
	"sip"
#define IGNORED "\x45\1x"
#define STRANGE "\5\1x"

static const struct options {
	const char *bytes;
	size_t len;
	enum sync_fault expected;
} options[] = {
#define CASE(text, expected)                                                                       \
	{                                                                                          \
		text, sizeof(text) - 1, expected                                                   \
	}
	CASE("", SYNC_OK),
	CASE(SEQUENCE, SYNC_OK),
	CASE(PE_NAME, SYNC_OK),
	CASE(PE_NAME PE_DATA, SYNC_OK),
	CASE(PE_DATA PE_NAME SEQUENCE, SYNC_OK),
	CASE("\x42\5"
	     "a@b.c"
	     "\x43\3"
	     "sip",
		SYNC_OK), /* the bit does not matter where known */
	CASE(IGNORED, SYNC_OK),
	CASE(IGNORED IGNORED SEQUENCE, SYNC_OK),
	CASE("\3\20"
	     "0123456789abcdef",
		SYNC_OK),
	CASE(STRANGE, SYNC_UNKNOWN_RECORD),
	CASE(STRANGE SEQUENCE, SYNC_UNKNOWN_RECORD),
	CASE(PE_DATA, SYNC_UNKNOWN_RECORD), /* of which engine? */
	CASE("\1", SYNC_BAD_RECORD),
	CASE("\3\0", SYNC_BAD_RECORD),
	CASE("\3\4sip", SYNC_BAD_RECORD),
	CASE("\1\27"
	     "abcdefghijklmnopqrstuvw",
		SYNC_BAD_RECORD),
	CASE("\1\31"
	     "abcdefghijklmnopqrstuvwxy",
		SYNC_BAD_RECORD),
	CASE("\3\21"
	     "0123456789abcdefg",
		SYNC_BAD_RECORD),
	CASE(SEQUENCE SEQUENCE, SYNC_BAD_RECORD),
	CASE(PE_NAME PE_NAME, SYNC_BAD_RECORD),
	CASE(PE_NAME PE_DATA PE_DATA, SYNC_BAD_RECORD),
	CASE(STRANGE "\1", SYNC_BAD_RECORD),
	CASE("\0\1x", SYNC_UNKNOWN_RECORD),
#undef CASE
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* Writes what sync_writer_add() might refuse: the record as IPv4, then a good one. */
static size_t raw(const struct options *o, uint8_t *message)
{
	struct sync_record good = v4();
	size_t padded = (V4_LEN + o->len + 3) & ~(size_t)3;
	size_t len = build(&good, 1, message, 4096);

	memmove(message + HEADER_LEN + padded, message + HEADER_LEN, V4_LEN);
	memset(message + HEADER_LEN + V4_LEN, 0xee, padded - V4_LEN);
	memcpy(message + HEADER_LEN + V4_LEN, o->bytes, o->len);
	be16_put(message + HEADER_LEN + 2, (uint16_t)(V4_LEN + o->len));
	len += padded;
	be16_put(message + 2, (uint16_t)len);
	message[4] = 2;
	return len;
}

START_TEST(options_are_taken_skipped_or_refused_as_by_the_kernel)
{
	const struct options *o = &options[_i];
	bool is_bad = o->expected == SYNC_BAD_RECORD;
	struct sync_record r = v4();
	uint8_t message[4096];
	struct sync_writer w;
	unsigned n, skipped;
	size_t len = raw(o, message);

	ck_assert_int_eq(read_all(message, len, &n, &skipped), is_bad ? o->expected : SYNC_OK);
	ck_assert_uint_eq(n, is_bad ? 0 : o->expected == SYNC_OK ? 2 : 1);
	ck_assert_uint_eq(skipped, o->expected == SYNC_UNKNOWN_RECORD);
	r.options = (const uint8_t *)o->bytes;
	r.options_len = o->len;
	sync_writer_begin(&w, message, sizeof(message), 1);
	ck_assert_int_eq(sync_writer_add(&w, &r), o->expected == SYNC_OK);
	ck_assert_uint_eq(w.len, HEADER_LEN + (o->expected == SYNC_OK ? V4_LEN + o->len : 0));
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
	struct sync_record in[2 * OPTIONS], out;
	uint8_t message[SYNC_MESSAGE_MAX];
	struct sync_reader r;
	size_t n = 0, len, most = HEADER_LEN;
	bool more;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (options[i].expected != SYNC_OK)
			continue;
		in[n] = v4();
		in[n + 1] = v6();
		for (size_t k = n; k < n + 2; k++) {
			in[k].options = (const uint8_t *)options[i].bytes;
			in[k].options_len = options[i].len;
			most += sync_record_size(&in[k]);
		}
		n += 2;
	}
	len = build(in, n, message, sizeof(message));
	ck_assert_uint_le(len, most);
	ck_assert_uint_gt(len + 4, most);
	ck_assert_int_eq(sync_reader_open(&r, message, len), SYNC_OK);
	ck_assert_uint_eq(r.sync_id, 7);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(sync_reader_next(&r, &out, &more), SYNC_OK);
		ck_assert(more);
		is_equal(&in[i], &out);
	}
	ck_assert_int_eq(sync_reader_next(&r, &out, &more), SYNC_OK);
	ck_assert(!more);
}
END_TEST

START_TEST(records_begin_at_multiples_of_four_and_padding_is_zero)
{
	struct sync_record in[2] = {v4(), v4()};
	uint8_t message[256];
	unsigned n, skipped;
	size_t len;

	in[0].options = in[1].options = (const uint8_t *)PE_NAME; /* 5 bytes */
	in[0].options_len = in[1].options_len = 5;
	ck_assert_uint_eq(sync_record_size(&in[0]), V4_LEN + 8);
	memset(message, 0xee, sizeof(message));
	len = build(in, 2, message, sizeof(message));
	ck_assert_uint_eq(len, HEADER_LEN + V4_LEN + 8 + V4_LEN + 5);
	ck_assert_mem_eq(message + HEADER_LEN + V4_LEN + 5, "\0\0\0", 3);
	ck_assert_uint_eq(be16_get(message + HEADER_LEN + 2), V4_LEN + 5);
	ck_assert_uint_eq(message[len], 0xee);
	/* A last record with its padding is taken as well, one with more is not. */
	for (size_t extra = 0; extra < 6; extra++) {
		be16_put(message + 2, (uint16_t)(len + extra));
		ck_assert_int_eq(read_all(message, len + extra, &n, &skipped),
			extra < 4 ? SYNC_OK : SYNC_TRAILING);
		ck_assert_uint_eq(n, 2);
	}
}
END_TEST

/* One byte of the known message changed: the reason, and whether the kernel would skip it. */
static const struct {
	size_t at;
	uint8_t value;
	enum sync_fault expected;
	unsigned skipped;
} changes[] = {
	{0, 1, SYNC_NOT_VERSION_1, 0},
	{1, 255, SYNC_OK, 0}, /* any sync id */
	{2, 1, SYNC_TRUNCATED, 0},
	{3, 43, SYNC_TRAILING, 0},
	{3, 45, SYNC_TRUNCATED, 0},
	{3, 0, SYNC_TRAILING, 0},
	{4, 0, SYNC_TRAILING, 0},
	{4, 2, SYNC_TRUNCATED, 0},
	{4, 255, SYNC_TRUNCATED, 0},
	{5, 0, SYNC_NOT_VERSION_1, 0},
	{5, 2, SYNC_NOT_VERSION_1, 0},
	{5, 0x81, SYNC_NOT_VERSION_1, 0},
	{6, 1, SYNC_NOT_VERSION_1, 0},
	{7, 1, SYNC_NOT_VERSION_1, 0},
	{8, 1, SYNC_BAD_RECORD, 0}, /* shorter than an IPv6 record */
	{8, 2, SYNC_BAD_RECORD, 0},
	{8, 0x80, SYNC_BAD_RECORD, 0},
	{9, IPPROTO_SCTP, SYNC_OK, 0},
	{9, IPPROTO_UDP, SYNC_OK, 1}, /* has no state 1 */
	{9, IPPROTO_ICMP, SYNC_OK, 1},
	{9, 0, SYNC_OK, 1},
	{10, 0x10, SYNC_BAD_RECORD, 0}, /* version of a record */
	{11, 35, SYNC_BAD_RECORD, 0},
	{11, 0, SYNC_BAD_RECORD, 0},
	{11, 37, SYNC_TRUNCATED, 0},
	{10, 0x0f, SYNC_TRUNCATED, 0},
	{12, 0xff, SYNC_OK, 0}, /* local flags may be sent */
	{17, 10, SYNC_OK, 0},
	{17, 11, SYNC_OK, 1},
	{16, 1, SYNC_OK, 1},
};

START_TEST(each_fault_has_its_reason)
{
	uint8_t message[sizeof(known)];
	unsigned n, skipped;

	memcpy(message, known, sizeof(known));
	message[changes[_i].at] = changes[_i].value;
	ck_assert_str_eq(sync_fault_name(read_all(message, sizeof(message), &n, &skipped)),
		sync_fault_name(changes[_i].expected));
	ck_assert_uint_eq(skipped, changes[_i].skipped);
	if (changes[_i].expected == SYNC_OK)
		ck_assert_uint_eq(n + skipped, 1);
}
END_TEST

START_TEST(a_fault_leaves_the_results_alone)
{
	uint8_t message[sizeof(known)];
	struct sync_reader r, untouched_reader;
	struct sync_record c, untouched;
	bool more = true;

	memset(&r, 0x5a, sizeof(r));
	memset(&untouched_reader, 0x5a, sizeof(r));
	memset(&c, 0x5a, sizeof(c));
	memset(&untouched, 0x5a, sizeof(c));
	ck_assert_int_eq(sync_reader_open(&r, known, sizeof(known) - 1), SYNC_TRUNCATED);
	ck_assert_mem_eq(&r, &untouched_reader, sizeof(r));
	memcpy(message, known, sizeof(known));
	message[9] = IPPROTO_ICMP;
	ck_assert_int_eq(sync_reader_open(&r, message, sizeof(message)), SYNC_OK);
	ck_assert_int_eq(sync_reader_next(&r, &c, &more), SYNC_UNKNOWN_RECORD);
	ck_assert_mem_eq(&c, &untouched, sizeof(c));
	ck_assert_int_eq(sync_reader_next(&r, &c, &more), SYNC_OK);
	ck_assert(!more);
	ck_assert_mem_eq(&c, &untouched, sizeof(c));
}
END_TEST

START_TEST(every_truncation_is_seen)
{
	uint8_t message[512];
	struct sync_record in[3] = {v4(), v6(), v4()};
	unsigned n, skipped;
	size_t len;

	in[1].options = (const uint8_t *)SEQUENCE;
	in[1].options_len = sizeof(SEQUENCE) - 1;
	len = build(in, 3, message, sizeof(message));
	for (size_t cut = 0; cut < len; cut++) {
		ck_assert_int_eq(read_all(message, cut, &n, &skipped), SYNC_TRUNCATED);
		if (cut < HEADER_LEN)
			continue;
		be16_put(message + 2, (uint16_t)cut); /* it says what it is */
		ck_assert_int_eq(read_all(message, cut, &n, &skipped), SYNC_TRUNCATED);
		be16_put(message + 2, (uint16_t)len);
	}
	ck_assert_int_eq(read_all(message, len, &n, &skipped), SYNC_OK);
	ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(templates_are_judged_as_the_kernel_does)
{
	struct sync_record r = v4();
	uint8_t message[64];
	struct sync_writer w;

	r.flags = 0x1183;
	r.protocol = 0; /* of a firewall mark */
	r.state = 1;    /* assured */
	r.client_port = r.service_port = r.server_port = 0;
	sync_writer_begin(&w, message, sizeof(message), 1);
	ck_assert(sync_writer_add(&w, &r));
	r.protocol = IPPROTO_ICMP;
	sync_writer_begin(&w, message, sizeof(message), 1);
	ck_assert(!sync_writer_add(&w, &r));
}
END_TEST

START_TEST(a_message_has_255_records_and_no_more)
{
	static uint8_t message[2 * SYNC_MESSAGE_MAX];
	struct sync_record r = v4();
	struct sync_writer w;
	unsigned n, skipped;
	size_t len;

	sync_writer_begin(&w, message, sizeof(message), 1);
	for (unsigned i = 0; i < SYNC_RECORDS_MAX; i++)
		ck_assert(sync_writer_add(&w, &r));
	ck_assert(!sync_writer_add(&w, &r));
	len = sync_writer_end(&w);
	ck_assert_uint_eq(len, SYNC_MESSAGE_MAX);
	ck_assert_int_eq(read_all(message, len, &n, &skipped), SYNC_OK);
	ck_assert_uint_eq(n, 255);
	be16_put(message + 2, (uint16_t)(len + V4_LEN)); /* as a counter that wrapped */
	ck_assert_int_eq(read_all(message, len + V4_LEN, &n, &skipped), SYNC_TRAILING);
}
END_TEST

START_TEST(longer_than_the_kernels_counter_allows_is_not_read)
{
	static uint8_t message[2 * SYNC_MESSAGE_MAX];
	struct sync_record r = v6();
	struct sync_writer w;
	unsigned n, skipped;

	sync_writer_begin(&w, message, sizeof(message), 1);
	while (w.n < 127)
		ck_assert(sync_writer_add(&w, &r));
	ck_assert_int_eq(read_all(message, sync_writer_end(&w), &n, &skipped), SYNC_OK);
	ck_assert(sync_writer_add(&w, &r));
	ck_assert_int_eq(read_all(message, sync_writer_end(&w), &n, &skipped), SYNC_TRAILING);
}
END_TEST

START_TEST(each_protocol_has_the_states_of_its_kernel_module)
{
	static const struct {
		uint8_t protocol;
		uint16_t state;
	} last[] = {{IPPROTO_TCP, 10}, {IPPROTO_UDP, 0}, {IPPROTO_SCTP, 13}, {IPPROTO_ESP, 0},
		{IPPROTO_AH, 0}};
	struct sync_record r = v4();
	uint8_t message[64];
	struct sync_writer w;

	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		r.protocol = last[i].protocol;
		r.state = last[i].state;
		sync_writer_begin(&w, message, sizeof(message), 1);
		ck_assert(sync_writer_add(&w, &r));
		r.state++;
		sync_writer_begin(&w, message, sizeof(message), 1);
		ck_assert(!sync_writer_add(&w, &r));
	}
}
END_TEST

START_TEST(padding_needs_room_as_well)
{
	struct sync_record first = v4(), second = v4();
	uint8_t message[HEADER_LEN + V4_LEN + 8 + V4_LEN];
	struct sync_writer w;

	first.options = (const uint8_t *)PE_NAME; /* 5 bytes, and 3 of padding */
	first.options_len = 5;
	for (size_t short_of = 0; short_of <= 3; short_of++) {
		sync_writer_begin(&w, message, sizeof(message) - short_of, 1);
		ck_assert(sync_writer_add(&w, &first));
		ck_assert_int_eq(sync_writer_add(&w, &second), short_of == 0);
	}
}
END_TEST

START_TEST(what_does_not_fit_leaves_the_message_as_it_was)
{
	struct sync_record four = v4(), six = v6();
	uint8_t message[HEADER_LEN + V4_LEN + V6_LEN];
	struct sync_writer w;
	unsigned n, skipped;

	memset(message, 0xee, sizeof(message));
	sync_writer_begin(&w, message, sizeof(message) - 1, 1);
	ck_assert_uint_eq(sync_writer_end(&w), 0);
	ck_assert(sync_writer_add(&w, &four));
	ck_assert(!sync_writer_add(&w, &six));
	ck_assert_uint_eq(message[HEADER_LEN + V4_LEN], 0xee);
	ck_assert(sync_writer_add(&w, &four));
	ck_assert_uint_eq(sync_writer_end(&w), HEADER_LEN + 2 * V4_LEN);
	ck_assert_int_eq(read_all(message, w.len, &n, &skipped), SYNC_OK);
	ck_assert_uint_eq(n, 2);
	sync_writer_begin(&w, message, HEADER_LEN - 1, 1); /* not even a header */
	ck_assert(!sync_writer_add(&w, &four));
	ck_assert_uint_eq(sync_writer_end(&w), 0);
}
END_TEST

START_TEST(what_makes_no_sense_is_not_written)
{
	struct sync_record mixed = v4(), none = v4(), strange = v4();
	uint8_t message[256];
	struct sync_writer w;

	mixed.server = address("2001:db8::11");
	none.client = none.service = none.server = (struct addr){0};
	strange.protocol = IPPROTO_ICMP;
	sync_writer_begin(&w, message, sizeof(message), 1);
	ck_assert(!sync_writer_add(&w, &mixed));
	ck_assert(!sync_writer_add(&w, &none));
	ck_assert(!sync_writer_add(&w, &strange));
	ck_assert_uint_eq(sync_writer_end(&w), 0);
}
END_TEST

START_TEST(a_record_longer_than_any_that_the_kernel_sends_is_skipped)
{
	uint8_t message[4096], many[608];
	struct sync_record r = v4();
	struct sync_writer w;
	unsigned n, skipped;
	struct options o = {.bytes = (const char *)many};

	for (size_t i = 0; i + 2 <= sizeof(many); i += 2 + many[i + 1]) {
		many[i] = 0x45;
		many[i + 1] = i + 200 < sizeof(many) ? 150 : (uint8_t)(sizeof(many) - i - 2);
	}
	for (o.len = 604; o.len <= 608; o.len += 4) {
		many[456 + 1] = (uint8_t)(o.len - 456 - 2);
		ck_assert_int_eq(read_all(message, raw(&o, message), &n, &skipped), SYNC_OK);
		ck_assert_uint_eq(skipped, o.len > SYNC_RECORD_MAX - V4_LEN);
		r.options = many;
		r.options_len = o.len;
		sync_writer_begin(&w, message, sizeof(message), 1);
		ck_assert_int_eq(sync_writer_add(&w, &r), o.len <= SYNC_RECORD_MAX - V4_LEN);
	}
}
END_TEST

START_TEST(every_fault_has_a_name_of_its_own)
{
	for (enum sync_fault i = 0; i < SYNC_FAULT_MAX_; i++)
		for (enum sync_fault k = 0; k < i; k++)
			ck_assert_str_ne(sync_fault_name(i), sync_fault_name(k));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync_message");
	TCase *tc = tcase_create("sync_message");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, a_known_message_is_read);
	tcase_add_test(tc, the_known_message_is_built_byte_by_byte);
	tcase_add_loop_test(
		tc, options_are_taken_skipped_or_refused_as_by_the_kernel, 0, (int)OPTIONS);
	tcase_add_test(tc, what_is_written_is_read_back);
	tcase_add_test(tc, records_begin_at_multiples_of_four_and_padding_is_zero);
	tcase_add_loop_test(tc, each_fault_has_its_reason, 0, sizeof(changes) / sizeof(changes[0]));
	tcase_add_test(tc, a_fault_leaves_the_results_alone);
	tcase_add_test(tc, every_truncation_is_seen);
	tcase_add_test(tc, templates_are_judged_as_the_kernel_does);
	tcase_add_test(tc, a_message_has_255_records_and_no_more);
	tcase_add_test(tc, longer_than_the_kernels_counter_allows_is_not_read);
	tcase_add_test(tc, each_protocol_has_the_states_of_its_kernel_module);
	tcase_add_test(tc, padding_needs_room_as_well);
	tcase_add_test(tc, what_does_not_fit_leaves_the_message_as_it_was);
	tcase_add_test(tc, what_makes_no_sense_is_not_written);
	tcase_add_test(tc, a_record_longer_than_any_that_the_kernel_sends_is_skipped);
	tcase_add_test(tc, every_fault_has_a_name_of_its_own);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
