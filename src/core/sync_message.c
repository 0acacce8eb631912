/* The codec of the kernel's connection sync. What the backup daemon of ip_vs_sync.c would drop or
 * misread is told from what it takes, in the order of its checks; it is stricter only about bytes
 * behind the last record, and about options that nobody sends yet and that would make a record
 * longer than SYNC_RECORD_MAX. */
#include "core/sync_message.h"

#include "base/byteorder.h"

#include <netinet/in.h>
#include <string.h>

#define VERSION 1

/* Offsets in the header. */
enum {
	AT_RESERVED = 0, /* 0; the number of records in version 0 */
	AT_SYNC_ID = 1,
	AT_SIZE = 2, /* of the whole message */
	AT_COUNT = 4,
	AT_VERSION = 5,
	AT_SPARE = 6, /* 0 */
	HEADER_LEN = 8,
};

/* Offsets in a record. The three addresses follow, then the options. */
enum {
	REC_AT_TYPE = 0, /* bit 0: IPv6 */
	REC_AT_PROTOCOL = 1,
	REC_AT_VERSION_LEN = 2, /* 4 bits, 0, and 12, without padding */
	REC_AT_FLAGS = 4,
	REC_AT_STATE = 8,
	REC_AT_CLIENT_PORT = 10,
	REC_AT_SERVICE_PORT = 12,
	REC_AT_SERVER_PORT = 14,
	REC_AT_MARK = 16,
	REC_AT_TIMEOUT = 20,
	REC_AT_ADDRS = 24,
	REC_V4_LEN = REC_AT_ADDRS + 3 * 4,
	REC_V6_LEN = REC_AT_ADDRS + 3 * 16,
};
#define TYPE_IPV6 0x01
#define LEN_MASK 0x0fff
#define LEN_BITS 12

/* Options: type, length of the data, data. */
enum {
	OPTION_SEQUENCE = 1, /* what a NAT helper changed, for both directions */
	OPTION_PE_DATA = 2,
	OPTION_PE_NAME = 3,
	OPTION_MAY_BE_IGNORED = 0x40,
};
#define OPTION_HEADER_LEN 2
#define SEQUENCE_LEN 24
#define PE_NAME_MAX 16

const char *sync_fault_name(enum sync_fault fault)
{
	static const char *const names[SYNC_FAULT_MAX_] = {
		[SYNC_OK] = "ok",
		[SYNC_TRUNCATED] = "truncated",
		[SYNC_TRAILING] = "trailing",
		[SYNC_NOT_VERSION_1] = "not-version-1",
		[SYNC_BAD_RECORD] = "bad-record",
		[SYNC_UNKNOWN_RECORD] = "unknown-record",
	};
	return names[fault];
}

static size_t padding(size_t len)
{
	return -len & 3;
}

/* The states that the kernel's module of a protocol has; 0: there is none. */
static unsigned states_of(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 11;
	case IPPROTO_SCTP:
		return 14;
	case IPPROTO_UDP:
	case IPPROTO_AH:
	case IPPROTO_ESP:
		return 1;
	}
	return 0;
}

/* Of a template, the kernel looks at neither; protocol 0 is that of a firewall mark's. */
static bool is_known(uint8_t protocol, uint16_t state, uint32_t flags)
{
	if (flags & SYNC_FLAG_TEMPLATE)
		return protocol == 0 || states_of(protocol) > 0;
	return state < states_of(protocol);
}

static bool option_len_is_good(unsigned kind, size_t len)
{
	switch (kind) {
	case OPTION_SEQUENCE:
		return len == SEQUENCE_LEN;
	case OPTION_PE_NAME:
		return len <= PE_NAME_MAX;
	}
	return true;
}

/* Each of the known ones comes once at most. The data of a persistence engine is nothing without
 * the engine's name. */
static enum sync_fault judge_options(const uint8_t *at, size_t len)
{
	bool seen[OPTION_PE_NAME + 1] = {false}, is_strange = false;

	while (len > 0) {
		unsigned kind;
		size_t n;

		if (len < OPTION_HEADER_LEN)
			return SYNC_BAD_RECORD;
		kind = at[0] & ~(unsigned)OPTION_MAY_BE_IGNORED;
		n = at[1];
		if (n == 0 || n > len - OPTION_HEADER_LEN || !option_len_is_good(kind, n))
			return SYNC_BAD_RECORD;
		if (kind >= OPTION_SEQUENCE && kind <= OPTION_PE_NAME) {
			if (seen[kind])
				return SYNC_BAD_RECORD;
			seen[kind] = true;
		} else if (!(at[0] & OPTION_MAY_BE_IGNORED)) {
			is_strange = true;
		}
		at += OPTION_HEADER_LEN + n;
		len -= OPTION_HEADER_LEN + n;
	}
	if (is_strange || (seen[OPTION_PE_DATA] && !seen[OPTION_PE_NAME]))
		return SYNC_UNKNOWN_RECORD;
	return SYNC_OK;
}

enum sync_fault sync_reader_open(struct sync_reader *r, const void *message, size_t len)
{
	const uint8_t *bytes = message;
	size_t size;

	if (len < HEADER_LEN)
		return SYNC_TRUNCATED;
	size = be16_get(bytes + AT_SIZE);
	if (size > len)
		return SYNC_TRUNCATED;
	if (size < len || len > SYNC_MESSAGE_MAX)
		return SYNC_TRAILING;
	if (bytes[AT_VERSION] != VERSION || bytes[AT_RESERVED] != 0 ||
		be16_get(bytes + AT_SPARE) != 0)
		return SYNC_NOT_VERSION_1;
	*r = (struct sync_reader){
		.at = bytes + HEADER_LEN,
		.end = bytes + len,
		.left = bytes[AT_COUNT],
		.sync_id = bytes[AT_SYNC_ID],
	};
	return SYNC_OK;
}

static void get_addr(struct addr *ret, uint16_t family, const uint8_t *at)
{
	*ret = (struct addr){.family = family};
	memcpy(ret->bytes, at, addr_len(ret));
}

static void get_record(const uint8_t *at, size_t fixed_len, size_t len, struct sync_record *ret)
{
	uint16_t family = fixed_len == REC_V6_LEN ? AF_INET6 : AF_INET;
	size_t n = (fixed_len - REC_AT_ADDRS) / 3;

	*ret = (struct sync_record){
		.protocol = at[REC_AT_PROTOCOL],
		.state = be16_get(at + REC_AT_STATE),
		.flags = be32_get(at + REC_AT_FLAGS),
		.mark = be32_get(at + REC_AT_MARK),
		.timeout_s = be32_get(at + REC_AT_TIMEOUT),
		.client_port = be16_get(at + REC_AT_CLIENT_PORT),
		.service_port = be16_get(at + REC_AT_SERVICE_PORT),
		.server_port = be16_get(at + REC_AT_SERVER_PORT),
		.options = len > fixed_len ? at + fixed_len : NULL,
		.options_len = len - fixed_len,
	};
	get_addr(&ret->client, family, at + REC_AT_ADDRS);
	get_addr(&ret->service, family, at + REC_AT_ADDRS + n);
	get_addr(&ret->server, family, at + REC_AT_ADDRS + 2 * n);
}

/* The record at r->at: how long it is, and how much of that its type says. */
static enum sync_fault measure(const struct sync_reader *r, size_t *ret_fixed_len, size_t *ret_len)
{
	size_t left = (size_t)(r->end - r->at);
	size_t fixed_len, len;

	if (left < REC_V4_LEN)
		return SYNC_TRUNCATED;
	len = be16_get(r->at + REC_AT_VERSION_LEN) & LEN_MASK;
	if (len > left)
		return SYNC_TRUNCATED;
	if (be16_get(r->at + REC_AT_VERSION_LEN) >> LEN_BITS != 0)
		return SYNC_BAD_RECORD;
	if (!(r->at[REC_AT_TYPE] & TYPE_IPV6) && r->at[REC_AT_TYPE] != 0)
		return SYNC_BAD_RECORD;
	fixed_len = r->at[REC_AT_TYPE] & TYPE_IPV6 ? REC_V6_LEN : REC_V4_LEN;
	if (len < fixed_len)
		return SYNC_BAD_RECORD;
	*ret_fixed_len = fixed_len;
	*ret_len = len;
	return SYNC_OK;
}

/* Behind a record: the kernel's master pads before the next one, others may pad the last as well.
 */
static void advance(struct sync_reader *r, size_t len)
{
	size_t left = (size_t)(r->end - r->at), step = len + padding(len);

	r->at += step < left ? step : left;
	r->left--;
}

enum sync_fault sync_reader_next(struct sync_reader *r, struct sync_record *ret, bool *ret_more)
{
	struct sync_record record;
	size_t fixed_len, len;
	enum sync_fault fault;

	if (r->left == 0) {
		if (r->at != r->end)
			return SYNC_TRAILING;
		*ret_more = false;
		return SYNC_OK;
	}
	fault = measure(r, &fixed_len, &len);
	if (fault == SYNC_OK)
		fault = judge_options(r->at + fixed_len, len - fixed_len);
	if (fault != SYNC_OK && fault != SYNC_UNKNOWN_RECORD)
		return fault;
	get_record(r->at, fixed_len, len, &record);
	advance(r, len);
	if (fault != SYNC_OK || len > SYNC_RECORD_MAX ||
		!is_known(record.protocol, record.state, record.flags))
		return SYNC_UNKNOWN_RECORD;
	*ret = record;
	*ret_more = true;
	return SYNC_OK;
}

static size_t unpadded_size(const struct sync_record *record)
{
	return REC_AT_ADDRS + 3 * addr_len(&record->client) + record->options_len;
}

size_t sync_record_size(const struct sync_record *record)
{
	size_t len = unpadded_size(record);
	return len + padding(len);
}

static bool can_be_written(const struct sync_record *record)
{
	uint16_t family = record->client.family;

	return (family == AF_INET || family == AF_INET6) && record->service.family == family &&
	       record->server.family == family && record->options_len <= SYNC_RECORD_MAX &&
	       unpadded_size(record) <= SYNC_RECORD_MAX &&
	       is_known(record->protocol, record->state, record->flags) &&
	       judge_options(record->options, record->options_len) == SYNC_OK;
}

void sync_writer_begin(struct sync_writer *w, void *buffer, size_t size, uint8_t sync_id)
{
	*w = (struct sync_writer){.buffer = buffer, .size = size};
	if (size < HEADER_LEN)
		return;
	memset(w->buffer, 0, HEADER_LEN);
	w->buffer[AT_SYNC_ID] = sync_id;
	w->buffer[AT_VERSION] = VERSION;
	w->len = HEADER_LEN;
}

static void put_record(uint8_t *at, const struct sync_record *record, size_t len)
{
	size_t n = addr_len(&record->client);

	at[REC_AT_TYPE] = record->client.family == AF_INET6 ? TYPE_IPV6 : 0;
	at[REC_AT_PROTOCOL] = record->protocol;
	be16_put(at + REC_AT_VERSION_LEN, (uint16_t)len);
	be32_put(at + REC_AT_FLAGS, record->flags);
	be16_put(at + REC_AT_STATE, record->state);
	be16_put(at + REC_AT_CLIENT_PORT, record->client_port);
	be16_put(at + REC_AT_SERVICE_PORT, record->service_port);
	be16_put(at + REC_AT_SERVER_PORT, record->server_port);
	be32_put(at + REC_AT_MARK, record->mark);
	be32_put(at + REC_AT_TIMEOUT, record->timeout_s);
	memcpy(at + REC_AT_ADDRS, record->client.bytes, n);
	memcpy(at + REC_AT_ADDRS + n, record->service.bytes, n);
	memcpy(at + REC_AT_ADDRS + 2 * n, record->server.bytes, n);
	if (record->options_len > 0)
		memcpy(at + REC_AT_ADDRS + 3 * n, record->options, record->options_len);
}

bool sync_writer_add(struct sync_writer *w, const struct sync_record *record)
{
	size_t len, pad = padding(w->len);

	if (w->len == 0 || w->n == SYNC_RECORDS_MAX || !can_be_written(record))
		return false;
	len = unpadded_size(record);
	if (w->size - w->len < pad + len)
		return false;
	memset(w->buffer + w->len, 0, pad);
	put_record(w->buffer + w->len + pad, record, len);
	w->len += pad + len;
	w->n++;
	return true;
}

size_t sync_writer_end(struct sync_writer *w)
{
	if (w->n == 0)
		return 0;
	be16_put(w->buffer + AT_SIZE, (uint16_t)w->len);
	w->buffer[AT_COUNT] = (uint8_t)w->n;
	return w->len;
}
