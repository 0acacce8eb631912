/* The codec of DNS messages. This module decides what answers a question and how a record reads as
 * text; which answer is a good one is the check's business. Compressed names (RFC 1035, 4.1.4) may
 * only point backwards, each time further: so they end. */
#include "core/dns_message.h"

#include "base/addr.h"
#include "base/byteorder.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Offsets in the header (RFC 1035, 4.1.1). */
enum {
	AT_ID = 0,
	AT_FLAGS = 2,
	AT_QUESTIONS = 4,
	AT_ANSWERS = 6,
};
enum {
	FLAG_RESPONSE = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_TRUNCATED = 0x0200,
	FLAG_RECURSION_DESIRED = 0x0100,
	FLAG_RCODE = 0x000f,
};
#define CLASS_IN 1
#define RECORD_FIXED_LEN 10 /* type, class, TTL and the length of the data */
#define LABEL_MAX 63
#define POINTER 0xc0

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_ANY = 255,
};

struct named {
	const char *name;
	uint16_t number;
};

static const struct named types[] = {{"A", TYPE_A}, {"NS", TYPE_NS}, {"CNAME", TYPE_CNAME},
	{"SOA", TYPE_SOA}, {"PTR", TYPE_PTR}, {"MX", TYPE_MX}, {"TXT", TYPE_TXT},
	{"AAAA", TYPE_AAAA}, {"SRV", TYPE_SRV}, {"NAPTR", 35}, {"DS", 43}, {"DNSKEY", 48},
	{"TLSA", 52}, {"SVCB", 64}, {"HTTPS", 65}, {"ANY", TYPE_ANY}, {"CAA", 257}, {NULL, 0}};

static const struct named rcodes[] = {{"NOERROR", 0}, {"FORMERR", 1}, {"SERVFAIL", 2},
	{"NXDOMAIN", 3}, {"NOTIMP", 4}, {"REFUSED", 5}, {"YXDOMAIN", 6}, {"YXRRSET", 7},
	{"NXRRSET", 8}, {"NOTAUTH", 9}, {"NOTZONE", 10}, {NULL, 0}};

const char *dns_reject_text(enum dns_reject reject)
{
	static const char *const texts[DNS_REJECT_MAX_] = {
		[DNS_OK] = "ok",
		[DNS_REJECT_SHORT] = "the answer is too short",
		[DNS_REJECT_ID] = "the answer has another id",
		[DNS_REJECT_QUERY] = "not an answer to a query",
		[DNS_REJECT_QUESTION] = "the answer is to another question",
		[DNS_REJECT_NAME] = "a name in the answer does not end",
		[DNS_REJECT_RECORD] = "a record goes beyond the answer's end",
	};

	assert(reject < DNS_REJECT_MAX_);
	return texts[reject];
}

/* --- Names of numbers --- */

static bool number_of(const struct named *table, const char *name, uint16_t *ret)
{
	for (size_t i = 0; table[i].name; i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		*ret = table[i].number;
		return true;
	}
	return false;
}

static const char *name_of(
	const struct named *table, const char *prefix, unsigned number, char buf[static 16])
{
	for (size_t i = 0; table[i].name; i++)
		if (table[i].number == number)
			return table[i].name;
	(void)snprintf(buf, 16, "%s%u", prefix, number);
	return buf;
}

bool dns_type_by_name(const char *name, uint16_t *ret)
{
	return number_of(types, name, ret);
}

const char *dns_type_name(uint16_t type, char buf[static 16])
{
	return name_of(types, "TYPE", type, buf);
}

bool dns_rcode_by_name(const char *name, uint8_t *ret)
{
	uint16_t number;

	if (!number_of(rcodes, name, &number))
		return false;
	*ret = (uint8_t)number;
	return true;
}

const char *dns_rcode_name(uint8_t rcode, char buf[static 16])
{
	return name_of(rcodes, "RCODE", rcode, buf);
}

/* --- The question --- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* One label of `len` bytes, appended. */
static bool add_label(struct dns_question *q, const char *label, size_t len)
{
	if (len == 0 || len > LABEL_MAX || q->name_len + 1 + len + 1 > DNS_NAME_MAX)
		return false;
	q->name[q->name_len++] = (uint8_t)len;
	for (size_t i = 0; i < len; i++) {
		if (label[i] <= ' ' || label[i] > '~' || label[i] == '\\')
			return false;
		q->name[q->name_len++] = (uint8_t)lower(label[i]);
	}
	return true;
}

bool dns_question_parse(const char *name, uint16_t type, struct dns_question *ret)
{
	struct dns_question q = {.type = type};
	const char *label = strcmp(name, ".") == 0 ? name + 1 : name;

	if (*name == '\0')
		return false;
	while (*label) {
		const char *dot = strchr(label, '.');
		size_t len = dot ? (size_t)(dot - label) : strlen(label);

		if (!add_label(&q, label, len))
			return false;
		label += len + (dot ? 1 : 0);
	}
	q.name[q.name_len++] = 0;
	*ret = q;
	return true;
}

size_t dns_query_build(
	const struct dns_question *question, uint16_t id, uint8_t ret[static DNS_QUERY_MAX])
{
	size_t at = DNS_HEADER_LEN;

	memset(ret, 0, DNS_HEADER_LEN);
	be16_put(ret + AT_ID, id);
	be16_put(ret + AT_FLAGS, FLAG_RECURSION_DESIRED);
	be16_put(ret + AT_QUESTIONS, 1);
	memcpy(ret + at, question->name, question->name_len);
	at += question->name_len;
	be16_put(ret + at, question->type);
	be16_put(ret + at + 2, CLASS_IN);
	return at + 4;
}

/* --- Text of limited length --- */

struct text {
	char *buf;
	size_t len; /* without the NUL */
	bool cut;
};

static void put_char(struct text *t, char c)
{
	if (t->len + 1 >= DNS_TEXT_MAX) {
		t->cut = true;
		return;
	}
	t->buf[t->len++] = c;
	t->buf[t->len] = '\0';
}

static void put_text(struct text *t, const char *s)
{
	while (*s)
		put_char(t, *s++);
}

static void put_number(struct text *t, uint32_t number)
{
	char digits[16];

	(void)snprintf(digits, sizeof(digits), "%u", number);
	put_text(t, digits);
}

/* What is not printable is \DDD (RFC 1035, 5.1); a dot within a label too. */
static void put_byte(struct text *t, uint8_t byte, bool in_label)
{
	char escape[8];

	if (byte >= 0x7f || byte < ' ' || byte == '\\' ||
		(in_label && (byte == '.' || byte == ' '))) {
		(void)snprintf(escape, sizeof(escape), "\\%03u", byte);
		put_text(t, escape);
	} else {
		put_char(t, in_label ? lower((char)byte) : (char)byte);
	}
}

/* --- Names in a message --- */

struct message {
	const uint8_t *bytes;
	size_t len;
};

/* Walks a name of the message. `text` (NULL: none) gets it. Returns the place behind it, or 0 for
 * a name that is none. */
static size_t read_name(const struct message *m, size_t at, struct text *text)
{
	size_t end = 0, lowest = at, name_len = 0;

	while (at < m->len && m->bytes[at] != 0) {
		size_t label = m->bytes[at];

		if ((label & POINTER) == POINTER) {
			size_t to = at + 1 < m->len ? be16_get(m->bytes + at) & 0x3fffU : lowest;

			if (to >= lowest)
				return 0;
			end = end ? end : at + 2;
			at = lowest = to;
			continue;
		}
		name_len += label + 1;
		if (label > LABEL_MAX || label >= m->len - at || name_len >= DNS_NAME_MAX)
			return 0;
		for (size_t i = 1; text && i <= label; i++)
			put_byte(text, m->bytes[at + i], true);
		at += label + 1;
		if (text && at < m->len && m->bytes[at] != 0)
			put_char(text, '.');
	}
	if (at >= m->len)
		return 0;
	if (text && name_len == 0)
		put_char(text, '.');
	return end ? end : at + 1;
}

/* --- The answer --- */

/* Returns the place behind it, or 0 when it is not our question. */
static size_t read_question(const struct message *m, const struct dns_question *q)
{
	size_t at = DNS_HEADER_LEN;

	if (m->len - at < (size_t)q->name_len + 4)
		return 0;
	for (size_t i = 0; i < q->name_len; i++)
		if ((uint8_t)lower((char)m->bytes[at + i]) != q->name[i])
			return 0;
	at += q->name_len;
	if (be16_get(m->bytes + at) != q->type || be16_get(m->bytes + at + 2) != CLASS_IN)
		return 0;
	return at + 4;
}

struct record {
	uint16_t type, class;
	size_t data, data_len;
};

/* `*at` goes behind it. */
static enum dns_reject read_record(const struct message *m, size_t *at, struct record *ret)
{
	size_t fixed = read_name(m, *at, NULL);

	if (fixed == 0)
		return DNS_REJECT_NAME;
	if (m->len - fixed < RECORD_FIXED_LEN)
		return DNS_REJECT_RECORD;
	ret->type = be16_get(m->bytes + fixed);
	ret->class = be16_get(m->bytes + fixed + 2);
	ret->data_len = be16_get(m->bytes + fixed + 8);
	ret->data = fixed + RECORD_FIXED_LEN;
	if (m->len - ret->data < ret->data_len)
		return DNS_REJECT_RECORD;
	*at = ret->data + ret->data_len;
	return DNS_OK;
}

static enum dns_reject check_records(const struct message *m, const struct dns_reply *reply)
{
	size_t at = reply->first;
	struct record record;
	enum dns_reject why = DNS_OK;

	for (unsigned i = 0; why == DNS_OK && i < reply->n_records; i++)
		why = read_record(m, &at, &record);
	return why;
}

enum dns_reject dns_reply_parse(const struct dns_question *question, uint16_t id,
	const uint8_t *bytes, size_t len, struct dns_reply *ret)
{
	struct dns_reply reply = {.bytes = bytes, .len = len, .type = question->type};
	const struct message m = {bytes, len};
	enum dns_reject why;
	uint16_t flags;

	if (len < DNS_HEADER_LEN)
		return DNS_REJECT_SHORT;
	if (be16_get(bytes + AT_ID) != id)
		return DNS_REJECT_ID;
	flags = be16_get(bytes + AT_FLAGS);
	if (!(flags & FLAG_RESPONSE) || (flags & FLAG_OPCODE))
		return DNS_REJECT_QUERY;
	reply.rcode = flags & FLAG_RCODE;
	reply.truncated = flags & FLAG_TRUNCATED;
	if (be16_get(bytes + AT_QUESTIONS) == 1)
		reply.first = read_question(&m, question);
	else if (be16_get(bytes + AT_QUESTIONS) == 0 && reply.rcode != DNS_RCODE_NOERROR)
		reply.first = DNS_HEADER_LEN;
	if (reply.first == 0)
		return DNS_REJECT_QUESTION;
	reply.n_records = reply.truncated ? 0 : be16_get(bytes + AT_ANSWERS);
	why = check_records(&m, &reply);
	if (why == DNS_OK)
		*ret = reply;
	return why;
}

/* --- Data as text --- */

static void put_hex(struct text *t, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		put_char(t, digits[bytes[i] >> 4]);
		put_char(t, digits[bytes[i] & 0xf]);
	}
}

static bool put_address(struct text *t, const uint8_t *bytes, size_t len, uint16_t family)
{
	struct addr a = {.family = family};
	char buf[ADDR_TEXT_MAX];

	if (len != addr_len(&a))
		return false;
	memcpy(a.bytes, bytes, len);
	put_text(t, addr_format(&a, buf));
	return true;
}

static bool put_strings(struct text *t, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t n = bytes[0];

		if (n >= len)
			return false;
		for (size_t i = 1; i <= n; i++)
			put_byte(t, bytes[i], false);
		bytes += n + 1;
		len -= n + 1;
	}
	return true;
}

/* How the data of a type are laid out: so many 16-bit numbers, names, 32-bit numbers. */
struct layout {
	uint16_t type;
	uint8_t n16, n_names, n32;
};

static const struct layout layouts[] = {{TYPE_NS, 0, 1, 0}, {TYPE_CNAME, 0, 1, 0},
	{TYPE_PTR, 0, 1, 0}, {TYPE_MX, 1, 1, 0}, {TYPE_SRV, 3, 1, 0}, {TYPE_SOA, 0, 2, 5}};

static const struct layout *layout_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].type == type)
			return &layouts[i];
	return NULL;
}

static void put_space(struct text *t)
{
	if (t->len > 0)
		put_char(t, ' ');
}

static bool put_layout(
	struct text *t, const struct message *m, const struct record *r, const struct layout *l)
{
	size_t at = r->data, end = r->data + r->data_len;

	for (unsigned i = 0; i < l->n16; i++, at += 2) {
		if (end - at < 2)
			return false;
		put_space(t);
		put_number(t, be16_get(m->bytes + at));
	}
	for (unsigned i = 0; i < l->n_names; i++) {
		put_space(t);
		at = at < end ? read_name(m, at, t) : 0;
		if (at == 0 || at > end)
			return false;
	}
	for (unsigned i = 0; i < l->n32; i++, at += 4) {
		if (end - at < 4)
			return false;
		put_space(t);
		put_number(t, be32_get(m->bytes + at));
	}
	return at == end;
}

static bool put_known(struct text *t, const struct message *m, const struct record *r)
{
	const struct layout *layout = layout_of(r->type);
	const uint8_t *data = m->bytes + r->data;

	if (layout)
		return put_layout(t, m, r, layout);
	if (r->type == TYPE_A)
		return put_address(t, data, r->data_len, AF_INET);
	if (r->type == TYPE_AAAA)
		return put_address(t, data, r->data_len, AF_INET6);
	return r->type == TYPE_TXT && put_strings(t, data, r->data_len);
}

static void format(const struct message *m, const struct record *r, struct dns_record *ret)
{
	struct text t = {.buf = ret->text};

	ret->type = r->type;
	ret->text[0] = '\0';
	if (!put_known(&t, m, r)) {
		t = (struct text){.buf = ret->text};
		ret->text[0] = '\0';
		put_hex(&t, m->bytes + r->data, r->data_len);
	}
	ret->cut = t.cut;
}

bool dns_reply_next(
	const struct dns_reply *reply, struct dns_cursor *cursor, struct dns_record *ret)
{
	const struct message m = {reply->bytes, reply->len};
	struct record record;

	if (cursor->at == 0)
		cursor->at = reply->first;
	while (cursor->n < reply->n_records) {
		cursor->n++;
		if (read_record(&m, &cursor->at, &record) != DNS_OK)
			return false;
		if (record.class != CLASS_IN ||
			(record.type != reply->type && reply->type != TYPE_ANY))
			continue;
		format(&m, &record, ret);
		return true;
	}
	return false;
}

/* --- What is expected --- */

static bool is_address(uint16_t type)
{
	return type == TYPE_A || type == TYPE_AAAA;
}

bool dns_expected_is_possible(uint16_t type, const char *expected)
{
	struct addr a;

	if (*expected == '\0' || strlen(expected) >= DNS_TEXT_MAX)
		return false;
	return !is_address(type) ||
	       (addr_parse(expected, &a) && a.family == (type == TYPE_A ? AF_INET : AF_INET6));
}

static bool same_address(const char *a, const char *b)
{
	struct addr x, y;

	return addr_parse(a, &x) && addr_parse(b, &y) && addr_equal(&x, &y);
}

/* The last dot of a name is left out where a space or the end follows. */
static bool same_names(const char *got, const char *expected)
{
	for (; *got; got++, expected++) {
		if (*got == ' ' && expected[0] == '.' && expected[1] == ' ')
			expected++;
		if (*got != lower(*expected))
			return false;
	}
	return *expected == '\0' || strcmp(expected, ".") == 0;
}

bool dns_record_is(const struct dns_record *record, const char *expected)
{
	if (record->cut)
		return false;
	if (is_address(record->type))
		return same_address(record->text, expected);
	if (layout_of(record->type))
		return same_names(record->text, expected);
	return strcmp(record->text, expected) == 0;
}
