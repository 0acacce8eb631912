/* Just enough of protobuf for two messages: a request of one string, and a reply of one number
 * among fields that later versions may add. */
#include "core/grpc_health.h"

#include "base/byteorder.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* The low three bits of a field's key. */
enum wire_type {
	WIRE_VARINT,
	WIRE_64BIT,
	WIRE_BYTES,
	WIRE_32BIT = 5,
};
#define FIELD_KEY(number, type) ((number) << 3 | (type))
#define FIELD_SERVICE 1u /* of HealthCheckRequest */
#define FIELD_STATUS 1u  /* of HealthCheckResponse */
#define VARINT_MAX 10    /* bytes */

static const char *const names[] = {
	[GRPC_HEALTH_UNKNOWN] = "UNKNOWN",
	[GRPC_HEALTH_SERVING] = "SERVING",
	[GRPC_HEALTH_NOT_SERVING] = "NOT_SERVING",
	[GRPC_HEALTH_SERVICE_UNKNOWN] = "SERVICE_UNKNOWN",
	[GRPC_HEALTH_OTHER] = "another status",
	[GRPC_HEALTH_SHORT] = "reply: cut off",
	[GRPC_HEALTH_LONG] = "reply: too long",
	[GRPC_HEALTH_COMPRESSED] = "reply: compressed",
	[GRPC_HEALTH_GARBAGE] = "reply: not a HealthCheckResponse",
};

const char *grpc_health_name(enum grpc_health health)
{
	return names[health];
}

static size_t put_varint(uint8_t *at, size_t value)
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		at[n++] = (uint8_t)(value | 0x80);
	at[n++] = (uint8_t)value;
	return n;
}

size_t grpc_health_build(const char *service, uint8_t ret[static GRPC_REQUEST_MAX])
{
	size_t len = strlen(service), n = GRPC_FRAME_LEN;

	assert(len <= GRPC_SERVICE_MAX);
	if (len > 0) { /* what has its default is left out */
		ret[n++] = FIELD_KEY(FIELD_SERVICE, WIRE_BYTES);
		n += put_varint(ret + n, len);
		memcpy(ret + n, service, len);
		n += len;
	}
	ret[0] = 0; /* not compressed */
	be32_put(ret + 1, (uint32_t)(n - GRPC_FRAME_LEN));
	return n;
}

struct reader {
	const uint8_t *at, *end;
};

static bool read_varint(struct reader *r, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_MAX && r->at < r->end; i++) {
		uint8_t byte = *r->at++;

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

static bool skip(struct reader *r, uint64_t len)
{
	if (len > (uint64_t)(r->end - r->at))
		return false;
	r->at += len;
	return true;
}

/* A field's value: the number that it is, or that of the bytes passed over. */
static bool read_value(struct reader *r, unsigned type, uint64_t *ret)
{
	switch (type) {
	case WIRE_VARINT:
		return read_varint(r, ret);
	case WIRE_64BIT:
		*ret = 8;
		return skip(r, 8);
	case WIRE_32BIT:
		*ret = 4;
		return skip(r, 4);
	case WIRE_BYTES:
		return read_varint(r, ret) && skip(r, *ret);
	default:
		return false;
	}
}

static enum grpc_health parse_message(const uint8_t *bytes, size_t len)
{
	struct reader r = {bytes, bytes + len};
	uint64_t key, value, status = GRPC_HEALTH_UNKNOWN;

	while (r.at < r.end) {
		if (!read_varint(&r, &key) || key >> 3 == 0 || !read_value(&r, key & 7, &value))
			return GRPC_HEALTH_GARBAGE;
		if (key == FIELD_KEY(FIELD_STATUS, WIRE_VARINT))
			status = value; /* of several the last holds */
	}
	return status < GRPC_HEALTH_OTHER ? (enum grpc_health)status : GRPC_HEALTH_OTHER;
}

enum grpc_health grpc_health_parse(const uint8_t *reply, size_t len)
{
	uint32_t message_len;

	if (len < GRPC_FRAME_LEN)
		return GRPC_HEALTH_SHORT;
	if (reply[0] != 0)
		return GRPC_HEALTH_COMPRESSED;
	message_len = be32_get(reply + 1);
	if (message_len > GRPC_REPLY_MAX || len - GRPC_FRAME_LEN > message_len)
		return GRPC_HEALTH_LONG;
	if (len - GRPC_FRAME_LEN < message_len)
		return GRPC_HEALTH_SHORT;
	return parse_message(reply + GRPC_FRAME_LEN, message_len);
}

const char *grpc_status_name(unsigned code)
{
	static const char *const codes[] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
		"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};

	return code < sizeof(codes) / sizeof(codes[0]) ? codes[code] : "unknown code";
}
