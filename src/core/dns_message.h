/* DNS messages (RFC 1035, section 4) as a health check needs them: one question out, the answers to
 * it in. Bytes in, a value or a reason out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER_LEN 12
#define DNS_NAME_MAX 255 /* on the wire, with the root's empty label */
#define DNS_QUERY_MAX (DNS_HEADER_LEN + DNS_NAME_MAX + 4)
#define DNS_TEXT_MAX 512        /* text of a record's data that is compared, with its NUL */
#define DNS_UDP_PAYLOAD_MAX 512 /* without EDNS (RFC 1035, 2.3.4) */

#define DNS_RCODE_NOERROR 0

/* Names as on the wire: labels with their lengths, in lower case, up to the root's. */
struct dns_question {
	uint16_t type; /* host order */
	uint16_t name_len;
	uint8_t name[DNS_NAME_MAX];
};

/* Why a message is not the answer to our question, in the order of the checks. */
enum dns_reject {
	DNS_OK,
	DNS_REJECT_SHORT,    /* the header is not all there */
	DNS_REJECT_ID,       /* another's */
	DNS_REJECT_QUERY,    /* not a response, or not to a standard query */
	DNS_REJECT_QUESTION, /* the question is not repeated as it was asked */
	DNS_REJECT_NAME,     /* a name does not end, or points forward */
	DNS_REJECT_RECORD,   /* an answer goes beyond the message */
	DNS_REJECT_MAX_
};
const char *dns_reject_text(enum dns_reject reject); /* "the answer has another id" */

/* An answer that was found whole. `bytes` are borrowed from the message. */
struct dns_reply {
	const uint8_t *bytes;
	size_t len;
	uint16_t type; /* that was asked for */
	uint8_t rcode;
	bool truncated;
	uint16_t n_records; /* in the answer section; 0 when truncated: they are not looked at */
	size_t first;       /* where it begins */
};

/* One record of the type asked for, as text: an address; names without the last dot, in lower case;
 * the strings of TXT put together; the numbers and names of MX, SRV and SOA with spaces between.
 * Data of other types are hexadecimal. `cut` when there was more than fits. */
struct dns_record {
	uint16_t type;
	bool cut;
	char text[DNS_TEXT_MAX];
};

struct dns_cursor {
	size_t at;
	uint16_t n;
};

/* "A", "AAAA", ... *ret in host order. */
bool dns_type_by_name(const char *name, uint16_t *ret);
/* "TYPE65280" for one without a name; into buf. */
const char *dns_type_name(uint16_t type, char buf[static 16]);
/* "NOERROR", "SERVFAIL", ... */
bool dns_rcode_by_name(const char *name, uint8_t *ret);
const char *dns_rcode_name(uint8_t rcode, char buf[static 16]);

/* From "www.example.net", with or without the last dot; "." is the root. Labels of printable ASCII,
 * without backslashes. *ret is written only on success. */
bool dns_question_parse(const char *name, uint16_t type, struct dns_question *ret);

/* A standard query, recursion desired. Returns its length. */
size_t dns_query_build(
	const struct dns_question *question, uint16_t id, uint8_t ret[static DNS_QUERY_MAX]);
/* Decode the response. *ret is written only on DNS_OK. A response with an error need not repeat the
 * question (servers leave it out of FORMERR and NOTIMP). */
enum dns_reject dns_reply_parse(const struct dns_question *question, uint16_t id,
	const uint8_t *bytes, size_t len, struct dns_reply *ret);
/* The next record of the type asked for (for ANY: of each type). Start with a zero cursor. */
bool dns_reply_next(
	const struct dns_reply *reply, struct dns_cursor *cursor, struct dns_record *ret);
/* Whether a record says what is expected: addresses by value, names without regard to case and the
 * last dot, strings exactly. */
bool dns_record_is(const struct dns_record *record, const char *expected);
/* Whether that text can be an answer of that type at all: an address for A and AAAA. */
bool dns_expected_is_possible(uint16_t type, const char *expected);
