/* The messages of grpc.health.v1.Health/Check as bytes: the gRPC frame (one byte of compression,
 * four of length) around protobuf. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define GRPC_FRAME_LEN 5
#define GRPC_SERVICE_MAX 255
#define GRPC_REQUEST_MAX (GRPC_FRAME_LEN + 3 + GRPC_SERVICE_MAX)
#define GRPC_REPLY_MAX 1024 /* a longer one is none that we asked for */
#define GRPC_HEALTH_PATH "/grpc.health.v1.Health/Check"

enum grpc_health {
	GRPC_HEALTH_UNKNOWN, /* what a reply without a status says */
	GRPC_HEALTH_SERVING,
	GRPC_HEALTH_NOT_SERVING,
	GRPC_HEALTH_SERVICE_UNKNOWN,
	GRPC_HEALTH_OTHER, /* a status of a later version */
	/* The reply is no HealthCheckResponse: */
	GRPC_HEALTH_SHORT,      /* cut off */
	GRPC_HEALTH_LONG,       /* more than one message, or GRPC_REPLY_MAX */
	GRPC_HEALTH_COMPRESSED, /* which nobody asked for */
	GRPC_HEALTH_GARBAGE,    /* not protobuf */
};
const char *grpc_health_name(enum grpc_health health); /* "SERVING", "reply: cut off" */

/* The request for a service, "" for the whole server, of at most GRPC_SERVICE_MAX bytes. Returns
 * its length. */
size_t grpc_health_build(const char *service, uint8_t ret[static GRPC_REQUEST_MAX]);
enum grpc_health grpc_health_parse(const uint8_t *reply, size_t len);

/* The name of a gRPC status code, "unknown code" for those that there are not. */
const char *grpc_status_name(unsigned code);
