/* The codec of echo requests and replies. */
#include "core/echo_message.h"

#include "base/byteorder.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

/* Offsets (RFC 792, RFC 4443 section 4.1). */
enum {
	AT_TYPE = 0,
	AT_CHECKSUM = 2,
	AT_ID = 4,
	AT_SEQUENCE = 6,
};
enum {
	V4_REPLY = 0,
	V4_REQUEST = 8,
	V6_REQUEST = 128,
	V6_REPLY = 129,
};

/* RFC 1071. */
static uint16_t checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += be16_get(bytes + i);
	if (len % 2)
		sum += (uint32_t)bytes[len - 1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

size_t echo_request_build(uint16_t family, uint16_t id, uint16_t seq, uint64_t secret,
	size_t data_len, uint8_t ret[static ECHO_MESSAGE_MAX])
{
	assert(data_len >= ECHO_DATA_MIN && data_len <= ECHO_DATA_MAX);
	memset(ret, 0, ECHO_HEADER_LEN + data_len);
	ret[AT_TYPE] = family == AF_INET6 ? V6_REQUEST : V4_REQUEST;
	be16_put(ret + AT_ID, id);
	be16_put(ret + AT_SEQUENCE, seq);
	memcpy(ret + ECHO_HEADER_LEN, &secret, ECHO_SECRET_LEN);
	if (family != AF_INET6)
		be16_put(ret + AT_CHECKSUM, checksum(ret, ECHO_HEADER_LEN + data_len));
	return ECHO_HEADER_LEN + data_len;
}

bool echo_reply_parse(
	uint16_t family, uint64_t secret, const uint8_t *bytes, size_t len, uint16_t *ret_seq)
{
	if (len < ECHO_HEADER_LEN + ECHO_SECRET_LEN ||
		bytes[AT_TYPE] != (family == AF_INET6 ? V6_REPLY : V4_REPLY) ||
		memcmp(bytes + ECHO_HEADER_LEN, &secret, ECHO_SECRET_LEN) != 0)
		return false;
	*ret_seq = be16_get(bytes + AT_SEQUENCE);
	return true;
}

bool echo_returned_parse(uint16_t family, const uint8_t *bytes, size_t len, uint16_t *ret_seq)
{
	if (len < ECHO_HEADER_LEN ||
		bytes[AT_TYPE] != (family == AF_INET6 ? V6_REQUEST : V4_REQUEST))
		return false;
	*ret_seq = be16_get(bytes + AT_SEQUENCE);
	return true;
}
