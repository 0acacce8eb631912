/* The codec of echo requests and replies. */
#include "core/echo_message.h"

#include "base/byteorder.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

/* Offsets (RFC 792, RFC 4443 section 4.1). */
enum {
	AT_TYPE = 0,
	AT_SEQUENCE = 6,
};
enum {
	V4_REPLY = 0,
	V4_REQUEST = 8,
	V6_REQUEST = 128,
	V6_REPLY = 129,
};

size_t echo_request_build(uint16_t family, uint16_t seq, uint64_t secret, size_t data_len,
	uint8_t ret[static ECHO_MESSAGE_MAX])
{
	assert(data_len >= ECHO_DATA_MIN && data_len <= ECHO_DATA_MAX);
	memset(ret, 0, ECHO_HEADER_LEN + data_len);
	ret[AT_TYPE] = family == AF_INET6 ? V6_REQUEST : V4_REQUEST;
	be16_put(ret + AT_SEQUENCE, seq);
	memcpy(ret + ECHO_HEADER_LEN, &secret, ECHO_SECRET_LEN);
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
